#!/bin/sh
# fork.sh: what a fork, exit and wait costs the VMM, in events of --stats: the
# difference between a run with 2500 forks and one with 5000, divided.
set -eu
cd "$(dirname "$0")/.."
sh bench/prepare.sh
out=build/bench/fork
mkdir -p $out

for div in 2 1; do
	sh bench/vm.sh unring "${CPU:-pentium3}" "gb_div=$div gb_list=forkwait" \
		--stats $out/stats.$div > $out/console.$div
	grep ' forkwait [0-9.]* check=' $out/console.$div || {
		echo "fork.sh: forkwait did not run: $out/console.$div" >&2
		exit 1
	}
done
echo "per fork:"
awk 'NR == FNR { few[$1] = $2; next }
	($1 in few) && $2 != few[$1] { printf "%-20s %12.4f\n", $1, ($2 - few[$1]) / 2500 }' \
	$out/stats.2 $out/stats.1
