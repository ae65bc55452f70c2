#!/bin/sh
# hostile.sh [--minutes N] [--seed S] [--build DIR] [--count N] [--verify 1] [--real 1]
#
# Runs hostile guests for N minutes (default 1), or N of them with --count, the
# first with seed S (default 1), the next with S + 1.  A guest may kill itself or
# hang; the VMM may neither die (signal, internal error), nor ignore SIGTERM for a
# minute, nor touch a byte around the guest's windows: see hostile_vm.c.
# At least half of the tries must execute more than one instruction.
# DIR is the build tree (default build/dev).  To see one again: --seed S --count 1.
# With --verify 1 `unring run --verify` runs them, without canaries, for two seconds each, by
# --timeout: nobody hears a signal while the code is checked.  The checker must find nothing.
# With --real 1 they are ROMs in real mode.
set -u
minutes=1 seed=1 build=build/dev count=0 verify='' real=''
while [ $# -gt 1 ]; do
	case $1 in
	--minutes) minutes=$2 ;;
	--seed) seed=$2 ;;
	--build) build=$2 ;;
	--count) count=$2 ;;
	--verify) verify=1 ;;
	--real) real=1 ;;
	*) break ;;
	esac
	shift 2
done
if [ $# -gt 0 ]; then
	sed -n '2s/# //p' "$0" >&2
	exit 2
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
first=$seed failed=0 tries=0 sampled=0 several=0
end=$(($(date +%s) + minutes * 60))
# Variants of the machine, by the seed.
options() {
	case $(($1 % 6)) in
	0) echo "--cpu pentium4 --no-userfaultfd" ;;
	1) echo "--cpu pentium3 --cache 1M" ;;
	2) echo "--cpu pentium4 --vma-budget 2000" ;;
	3) echo "--cpu pentium4 --exact-ad" ;;
	4) echo "--cpu pentium4 --always-check" ;;
	*) echo "--cpu pentium4" ;;
	esac
}
# The ROM with a seed: hostile_real.asm says where.
plant() {
	cp "$build/tests/fuzz/hostile_real.rom" "$dir/rom"
	for shift in 0 8 16 24; do
		# shellcheck disable=SC2059 # an escape, made here
		printf "\\$(printf %03o $(($1 >> shift & 255)))"
	done | dd of="$dir/rom" bs=1 seek=65504 conv=notrunc 2> /dev/null
}
while [ "$count" -gt 0 ] && [ $((seed - first)) -lt "$count" ] ||
	[ "$count" = 0 ] && [ "$(date +%s)" -lt "$end" ]; do
	: > "$dir/log"
	if [ "$verify" ]; then
		good='^verify: .* 0 violations;'
		# Without --debug-exit: its status is the guest's, which may look like a signal's.
		set -- "$build/unring" run --verify --timeout 2 --debugcon "$dir/log"
	else
		good='^clean end'
		set -- "$build/tests/fuzz/hostile_vm" "$dir/log" --debug-exit
	fi
	if [ "$real" ]; then
		plant "$seed"
		set -- "$@" --bios "$dir/rom" --display none
	else
		set -- "$@" --kernel "$build/tests/fuzz/hostile.elf" --append "seed=$seed"
	fi
	# shellcheck disable=SC2046
	timeout -s TERM -k 60 120 "$@" --memory 16M --serial none --no-reboot $(options "$seed") \
		> "$dir/out" 2>&1 < /dev/null
	status=$?
	# 143: it has ended by SIGTERM, and said so.
	if { [ $status -gt 124 ] && [ $status != 143 ]; } || ! grep -q "$good" "$dir/out" ||
		grep -Eq 'internal error|CANARY|HANG' "$dir/out"; then
		failed=$((failed + 1))
		echo "seed $seed ($(options "$seed")): exit status $status"
		head -20 "$dir/out"
	fi
	# shellcheck disable=SC2046
	set -- $(tr -d '\0' < "$dir/log" | grep -ao 'tries [0-9]* sampled [0-9]* several [0-9]*$' | tail -1)
	# One try in 16 is sampled; a guest may have written to its own counts.
	if [ $# = 6 ] && [ $(($4 * 16)) -le $(($2 + 15)) ] && [ "$6" -le "$4" ]; then
		tries=$((tries + $2)) sampled=$((sampled + $4)) several=$((several + $6))
	fi
	seed=$((seed + 1))
done
echo "seeds $first to $((seed - 1)): $tries tries; of $sampled that were single-stepped" \
	"$several executed more than one instruction; $failed seeds failed"
if [ -z "$verify" ] && { [ $((several * 2)) -lt "$sampled" ] || [ "$sampled" = 0 ]; }; then
	echo "fewer than half of the tries execute more than one instruction"
	exit 1
fi
[ $failed = 0 ]
