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
trap 'exit 130' INT TERM HUP
per_second=$(getconf CLK_TCK)

ticks() {
	sed 's/.*) //' /proc/"$pid"/stat | awk '{ print $12 + $13 }'
}

# share NAME TEXT COMMAND...: percent, from 5 seconds after it has said TEXT.
share() {
	name=$1
	text=$2
	shift 2
	"$@" < $out/keys > $out/"$name".txt 2>&1 &
	pid=$!
	i=60
	until grep -q "$text" $out/"$name".txt; do
		i=$((i - 1))
		[ $i -gt 0 ] || { echo "idle.sh: $name has not come up, see $out/$name.txt" >&2; exit 1; }
		sleep 1
	done
	sleep 5
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

printf '%-7s %8s %8s %8s\n' round unring qemu sleeper
: > $out/shares
round=1
while [ "$round" -le "$rounds" ]; do
	share unring unring:/# build/release/unring run --kernel $kernel --initrd $initrd \
		--append "$append" --serial stdio > $out/share
	share qemu unring:/# qemu-system-i386 -accel tcg -M isapc -cpu pentium3,-apic -m 256 -nodefaults \
		-display none -serial stdio -kernel $kernel -initrd $initrd -append "$append" >> $out/share
	share sleeper asleep $out/sleeper >> $out/share
	xargs printf '%-7s %7s%% %7s%% %7s%%\n' "$round" < $out/share
	head -n 1 $out/share >> $out/shares
	round=$((round + 1))
done
sort -n $out/shares | awk '{ a[NR] = $1 }
END {
	m = (a[int((NR + 1) / 2)] + a[int(NR / 2) + 1]) / 2
	printf "unring: %.2f%% of a core (asked for: under 2%%)\n", m
	exit !(m < 2)
}'
