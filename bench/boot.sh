#!/bin/sh
# boot.sh [ROUNDS]: seconds from the start of the process to the first line of
# the guest's init, by the host's clock, unring and QEMU TCG in turn.
set -eu
cd "$(dirname "$0")/.."
rounds=${1:-5}
sh bench/prepare.sh

boot() {
	s=$(sh bench/vm.sh "$1" pentium3 gb_list=none | awk '/ GB-BOOT / && !n++ { print $1 }') || s=
	[ -n "$s" ] || { echo "boot.sh: $1 did not boot" >&2; exit 1; }
	echo "$s"
}

printf '%-7s %10s %10s\n' round unring qemu
i=1
while [ "$i" -le "$rounds" ]; do
	u=$(boot unring)
	q=$(boot qemu)
	printf '%-7s %10.3f %10.3f\n' "$i" "$u" "$q"
	i=$((i + 1))
done | awk '
function median(a, n,   i, j, t) {
	for (i = 2; i <= n; i++)
		for (j = i; j > 1 && a[j] < a[j-1]; j--) {
			t = a[j]; a[j] = a[j-1]; a[j-1] = t
		}
	return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2
}
{ print; fflush(); u[NR] = $2 + 0; q[NR] = $3 + 0 }
END {
	if (NR != '"$rounds"') exit 1
	mu = median(u, NR); mq = median(q, NR)
	printf "%-7s %10.3f %10.3f\n", "median", mu, mq
	printf "unring takes %.2f of the time of QEMU (asked for: at most 0.50)\n", mu / mq
}'
