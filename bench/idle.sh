#!/bin/sh
# idle.sh [ROUNDS]: the share of a host's core that a Debian guest takes while it
# waits at its shell (it ticks 250 times a second), over 10 seconds: unring, QEMU
# TCG, and a program that does nothing but sleep as often, in turn. Fails when
# unring's median is 2% or more.
set -eu
cd "$(dirname "$0")/.."
rounds=${1:-3}
out=build/bench/idle
sh bench/prepare.sh
sh tools/guest.sh 686 shell
mkdir -p $out
gcc -O2 -Wall -Wextra -o $out/sleeper bench/sleeper.c
rm -f $out/keys
mkfifo $out/keys
exec 3<> $out/keys
pid=
trap '[ -z "$pid" ] || kill $pid' EXIT
per_second=$(getconf CLK_TCK)

ticks() {
	sed 's/.*) //' /proc/"$pid"/stat | awk '{ print $12 + $13 }'
}

# share NAME COMMAND...: percent.  It is given 10 seconds to come to rest.
share() {
	name=$1
	shift
	"$@" < $out/keys > $out/"$name".txt 2>&1 &
	pid=$!
	sleep 10
	a=$(ticks)
	sleep 10
	b=$(ticks)
	kill $pid
	wait $pid 2> $out/ended || :
	pid=
	echo "$a $b $per_second" | awk '{ printf "%.2f\n", 10 * ($2 - $1) / $3 }'
}

kernel=build/guests/vmlinuz-686
initrd=build/guests/shell.gz
append="console=ttyS0 panic=-1"

guest() {
	share "$@"
	grep -q 'unring:/#' "$out/$1.txt" || { echo "idle.sh: $1: no shell, see $out/$1.txt" >&2; exit 1; }
}

printf '%-7s %8s %8s %8s\n' round unring qemu sleeper
: > $out/shares
i=1
while [ "$i" -le "$rounds" ]; do
	guest unring build/release/unring run --kernel $kernel --initrd $initrd \
		--append "$append" --serial stdio > $out/share
	guest qemu qemu-system-i386 -accel tcg -M isapc -cpu pentium3,-apic -m 256 -nodefaults \
		-display none -serial stdio -kernel $kernel -initrd $initrd -append "$append" >> $out/share
	share sleeper $out/sleeper >> $out/share
	xargs printf '%-7s %7s%% %7s%% %7s%%\n' "$i" < $out/share
	head -n 1 $out/share >> $out/shares
	i=$((i + 1))
done
sort -n $out/shares | awk '{ a[NR] = $1 }
END {
	m = (a[int((NR + 1) / 2)] + a[int(NR / 2) + 1]) / 2
	printf "unring: %.2f%% of a core (asked for: under 2%%)\n", m
	exit !(m < 2)
}'
