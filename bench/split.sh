#!/bin/sh
# split.sh: what kernels pay that begin elsewhere than Linux's, or map their own tables: cycles of a
# fork with its exit and of a switch, of the kernels of tests/guest, beside those of Linux's layout
# (high, high_pae: at C0000000h, nothing recursive) in the same run; and their supervisors' windows.
#   ROUNDS=9   runs of each: cycles are the best's, ratios the middle of those of each round
set -eu
cd "$(dirname "$0")/.."
sh tools/install.sh test
sh tools/build.sh release unring guests
dir=build/release/tests/guest
out=build/bench/split
mkdir -p $out
: > $out/all
round=0
while [ $round -lt "${ROUNDS:-9}" ]; do
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
	# The ratio to the base of the same round, in the middle of all rounds.
	function middle(k, what,   i, j, t, r, base) {
		base = k ~ /_pae$/ ? "high_pae" : "high"
		for (i = 1; i <= count[k, what]; i++) {
			t = value[k, what, i] / value[base, what, i]
			for (j = i; j > 1 && r[j - 1] > t; j--)
				r[j] = r[j - 1]
			r[j] = t
		}
		return r[int(i / 2)]
	}
	{ value[$1, $2, ++count[$1, $2]] = $3 }
	!(($1, $2) in best) || $3 < best[$1, $2] { best[$1, $2] = $3 }
	!seen[$1]++ { name[++n] = $1 }
	END {
		printf "%-14s %9s %6s %9s %6s %8s\n", "kernel", "fork", "", "switch", "", "windows"
		for (i = 1; i <= n; i++) {
			k = name[i]
			printf "%-14s %9d %6.2f %9d %6.2f %8d\n", k, best[k, "fork"], middle(k, "fork"),
				best[k, "switch"], middle(k, "switch"), best[k, "windows"]
		}
	}' $out/all
