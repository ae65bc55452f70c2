#!/bin/sh
# exec.sh [COUNT]: what it costs to start a dynamic program (/bin/echo of Debian, with its
# libraries at random addresses each time): milliseconds of the guest's clock, and events of
# --stats, for each of COUNT more.  OPTIONS=norandmaps: always the same addresses.
set -eu
cd "$(dirname "$0")/.."
count=${1:-300}
sh bench/prepare.sh
for p in coreutils libc6; do sh tools/fetch.sh $p; done
out=build/bench/exec
r=$out/root
rm -rf $out
mkdir -p $r/bin $r/dev $r/lib $r/proc
pkg=build/guests/pkg
cp build/bench/bin/busybox $r/bin/
cp $pkg/coreutils/bin/echo $r/bin/
for f in ld-linux.so.2 libc.so.6; do
	cp -L "$(find $pkg/libc6 -name $f | head -n 1)" $r/lib/
done
cat > $r/init << 'INIT'
#!/bin/busybox sh
# shellcheck disable=SC2154 # exec_count is a kernel parameter
bb=/bin/busybox
$bb mount -t proc proc /proc
i=0
while [ $i -lt 20 ]; do /bin/echo > /dev/null; i=$((i + 1)); done
read -r before rest < /proc/uptime
i=0
while [ $i -lt "$exec_count" ]; do /bin/echo > /dev/null; i=$((i + 1)); done
read -r after rest < /proc/uptime
/bin/echo "EXEC $before $after $(/bin/echo works)"
$bb sleep 1
$bb reboot -f
INIT
chmod 755 $r/init
(cd $r && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) | gzip -9n > $out/initrd.gz

for n in "$count" $((2 * count)); do
	${UNRING:-build/release/unring} run --cpu "${CPU:-pentium3}" --memory 256M --kernel build/guests/vmlinuz-686 \
		--initrd $out/initrd.gz --serial stdio --no-reboot --stats "$out/stats.$n" \
		--append "console=ttyS0 quiet panic=-1 exec_count=$n ${OPTIONS:-}" \
		< /dev/null > "$out/console.$n"
	grep -q 'EXEC .* works' "$out/console.$n" || {
		echo "exec.sh: it did not run: $out/console.$n" >&2
		exit 1
	}
done
awk -v n=$((2 * count)) '/^EXEC/ { printf "%.2f ms for each, and:\n", ($3 - $2) * 1000 / n }' "$out/console.$((2 * count))"
awk -v n="$count" 'NR == FNR { few[$1] = $2; next }
	($1 in few) && $2 != few[$1] { printf "%-20s %12.2f\n", $1, ($2 - few[$1]) / n }' \
	"$out/stats.$count" "$out/stats.$((2 * count))"
