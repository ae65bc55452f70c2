#!/bin/sh
# split.sh: what kernels pay that begin elsewhere than Linux's, or map their own tables: cycles of a
# fork with its exit and of a switch, of the kernels of tests/guest, beside those of Linux's layout
# (high, high_pae: at C0000000h, nothing recursive) in the same run; and their supervisors' windows.
#   ROUNDS=5   runs of each, of which the best counts
set -eu
cd "$(dirname "$0")/.."
sh tools/install.sh test
sh tools/build.sh release unring guests
dir=build/release/tests/guest
out=build/bench/split
mkdir -p $out
: > $out/all
round=0
while [ $round -lt "${ROUNDS:-5}" ]; do
	for k in high half recursive below uneven high_pae half_pae recursive_pae below_pae; do
		status=0
		timeout 300 "${UNRING:-build/release/unring}" run --kernel $dir/$k.elf --append bench --memory 16M \
			--debug-exit --debugcon $out/log --serial none --no-reboot --stats $out/stats \
			< /dev/null || status=$?
		[ $status = 33 ] || { echo "split.sh: $k: status $status: $out/log" >&2; exit 1; }
		sed -n "s/^BENCH/$k/p" $out/log >> $out/all
		sed -n "s/^kernel_windows/$k windows/p" $out/stats >> $out/all
	done
	round=$((round + 1))
done
awk '
	!(($1, $2) in best) || $3 < best[$1, $2] { best[$1, $2] = $3 }
	!seen[$1]++ { name[++n] = $1 }
	END {
		printf "%-14s %9s %6s %9s %6s %8s\n", "kernel", "fork", "", "switch", "", "windows"
		for (i = 1; i <= n; i++) {
			k = name[i]
			base = k ~ /_pae$/ ? "high_pae" : "high"
			printf "%-14s %9d %6.2f %9d %6.2f %8d\n", k, best[k, "fork"],
				best[k, "fork"] / best[base, "fork"], best[k, "switch"],
				best[k, "switch"] / best[base, "switch"], best[k, "windows"]
		}
	}' $out/all
