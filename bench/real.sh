#!/bin/sh
# real.sh [ROUNDS]: the programs of bench/real under unring and under QEMU TCG: processor seconds, the
# least of so many rounds, and the ratios to QEMU's and to the same in 32-bit form. Then what this
# processor itself takes for the program, as a process with 16-bit segments, and for its 32-bit form,
# in a flat segment. Fails where two checksums differ.
set -eu
cd "$(dirname "$0")/.."
rounds=${1:-3}
out=build/bench/real
rm -rf $out
mkdir -p $out

for name in sieve search sort segments switch v86; do
	nasm -f bin -I bench/real/ -o $out/$name.rom bench/real/$name.asm
done
for name in sieve search sort; do
	nasm -f bin -I bench/real/ -DWIDE -o $out/$name.wide.rom bench/real/$name.asm
	nasm -f bin -I bench/real/ -DNATIVE -o $out/$name.native bench/real/$name.asm
	nasm -f bin -I bench/real/ -DNATIVE -DWIDE -o $out/$name.wide.native bench/real/$name.asm
done
gcc -O2 -Wall -Wextra -no-pie -o $out/native bench/real/native.c

unring() {
	build/release/unring run --bios "$1" --debug-exit --debugcon "$2" --serial none --no-reboot \
		--memory 16M </dev/null
}
qemu() {
	qemu-system-i386 -accel tcg -M isapc -m 16 -nodefaults -display none \
		-device isa-debug-exit,iobase=0xf4,iosize=1 -debugcon "file:$2" -bios "$1"
}
native() {
	$out/native "$1" >"$2"
}
native32() {
	$out/native "$1" wide >"$2"
}

# seconds VM ROM: of the processor, user and system, the least of all rounds.
seconds() {
	i=0
	while [ "$i" -lt "$rounds" ]; do
		(
			"$1" "$2" "$2.$1" >/dev/null 2>&1 || true # the status is the guest's
			times >$out/times # of the shell, of what it ran
			tail -n 1 $out/times
		)
		i=$((i + 1))
	done | awk '{ gsub(/[ms]/, " "); t = $1 * 60 + $2 + $3 * 60 + $4
		if (NR == 1 || t < least) least = t } END { printf "%.2f\n", least }'
}

# same FILE: is what it holds QEMU's checksum?
same() {
	cmp -s "$1" $rom.qemu || {
		echo "real.sh: $name: another checksum than QEMU's" >&2
		exit 1
	}
}

printf '%-10s %8s %8s %8s %10s %8s %10s\n' program unring qemu ratio "to 32-bit" native "in 32-bit"
for name in sieve search sort segments switch v86; do
	rom=$out/$name.rom
	ours=$(seconds unring $rom)
	theirs=$(seconds qemu $rom)
	same $rom.unring
	wide=0 native=0 native32=0
	if [ -f $out/$name.wide.rom ]; then
		wide=$(seconds unring $out/$name.wide.rom)
		native=$(seconds native $out/$name.native)
		same $out/$name.native.native
		native32=$(seconds native32 $out/$name.wide.native)
		same $out/$name.wide.native.native32
	fi
	awk -v n=$name -v a="$ours" -v b="$theirs" -v w="$wide" -v s="$native" -v t="$native32" '
	function or_none(x) { return x > 0 ? sprintf("%.2f", x) : "-" }
	BEGIN {
		printf "%-10s %8.2f %8.2f %8.2f %10s %8s %10s\n", n, a, b, b / a,
			or_none(w > 0 ? a / w : 0), or_none(s), or_none(t)
	}'
done
