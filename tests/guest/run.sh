#!/bin/sh
# run.sh UNRING KERNEL [option...]   runs a guest test kernel under unring
# run.sh --qemu KERNEL [option...]   the same under QEMU (tests that QEMU gets wrong may fail)
# Exit status 0 when the kernel's verdict is as expected; its output is printed otherwise.
set -u
here=$(dirname "$0")
vm=$1
kernel=$2
shift 2
name=$(basename "$kernel" .elf)
log=$(mktemp)
trap 'rm -f "$log"' EXIT

case $name in
triple*) expected=1 ;;   # a triple fault ends the VM: unring says so with status 1
*) expected=33 ;;
esac
memory=16

if [ "$vm" = --qemu ]; then
	skip=$(sed -n "s/^$name !\([^ ]*\) .*/skip:\1/p" "$here/qemu-wrong.txt" | tr '\n' ' ')
	timeout -k 3 60 qemu-system-i386 -accel tcg -M isapc -cpu pentium3,-apic -m "$memory" -nodefaults \
		-display none -device isa-debug-exit,iobase=0xf4,iosize=1 -debugcon "file:$log" \
		-no-reboot -kernel "$kernel" \
		-append "$skip" "$@" >&2
	status=$?
	wrong=$(grep '^FAIL' "$log" | sed 's/^FAIL \([^:]*\):.*/\1/' | sort -u |
		while read -r test; do
			grep -q "^$name $test " "$here/qemu-wrong.txt" || echo "$test"
		done)
	case $name in
	triple*) [ $status = 0 ] && grep -q '^about to' "$log" && exit 0 ;;
	*) [ -z "$wrong" ] && grep -q '^VERDICT [PF]A[SI][SL] [0-9]' "$log" && exit 0 ;;
	esac
	echo "run.sh: $name under QEMU: status $status; unexpected failures: $wrong"
	cat "$log"
	exit 1
fi

timeout -k 3 60 "$vm" run --kernel "$kernel" --debug-exit --debugcon "$log" --serial none --no-reboot \
	--memory "${memory}M" "$@" </dev/null
status=$?
case $name in
triple*) [ $status = $expected ] && grep -q '^about to' "$log" && ! grep -q '^FAIL' "$log" && exit 0 ;;
*) [ $status = $expected ] && grep -q '^VERDICT PASS' "$log" && ! grep -q '^FAIL' "$log" && exit 0 ;;
esac
echo "run.sh: $name: status $status, expected $expected"
cat "$log"
exit 1
