#!/bin/sh
# compute.sh [ROUNDS [DIV]]: the benchmark programs natively, under unring and
# under QEMU TCG, in turn; DIV divides every repeat count. Prints medians and
# ratios. Fails if a program is missing anywhere, if a checksum differs, or if
# a guest's seconds and the host's differ.
set -eu
cd "$(dirname "$0")/.."
rounds=${1:-3}
div=${2:-1}
sh bench/prepare.sh
out=build/bench/compute
rm -rf $out
mkdir -p $out

# Of the goal, and those that are reported beside it.
goal="sieve i64 sha256 qsort fib icall interp mandel matmul_x87 chase repmovs repstos repscas gzip sha512sum awk matmul_sse2"
beside="memcpy memset strops smc jit sys_int80 sys_vdso readzero pipe forkwait forkexec pagefault signal segv"
sse2=matmul_sse2
rest=$(echo "$goal $beside" | sed "s/ $sse2//; s/ /,/g")

i=1
while [ "$i" -le "$rounds" ]; do
	echo "round $i" >&2
	build/bench/bin/busybox sh build/bench/bin/suite "$div" "$rest,$sse2" > $out/native.$i
	# SSE2 takes a later CPU: of QEMU's models, qemu32 has it.
	sh bench/vm.sh unring pentium3 "gb_div=$div gb_list=$rest" > $out/unring.$i.a
	sh bench/vm.sh unring pentium4 "gb_div=$div gb_list=$sse2" > $out/unring.$i.b
	sh bench/vm.sh qemu pentium3 "gb_div=$div gb_list=$rest" > $out/qemu.$i.a
	sh bench/vm.sh qemu qemu32 "gb_div=$div gb_list=$sse2" > $out/qemu.$i.b
	i=$((i + 1))
done
awk -v goal="$goal" -v beside="$beside" -v rounds="$rounds" -f bench/compute.awk $out/*.[0-9]*
