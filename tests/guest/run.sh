#!/bin/sh
# run.sh [--nobody] [--evicts] [--at-most LIMITS] UNRING KERNEL [option...]
#     runs a guest test kernel, a ROM (NAME.rom) or a floppy (NAME.img), under unring; --nobody: as that user, if we are root;
#     --evicts: windows must have been evicted on the way
#     --at-most "NAME N, ...": what these counters may be
# run.sh --qemu KERNEL [option...]
#     the same under QEMU; the tests that qemu-wrong.txt lists may fail
# Exit status 0 when the kernel's verdict is as expected; its output is printed otherwise.
set -u
here=$(dirname "$0")
as="" evicts="" limits=""
while :; do
	case $1 in
	--nobody) [ "$(id -u)" = 0 ] && as="setpriv --reuid=65534 --regid=65534 --clear-groups" ;;
	--evicts) evicts=1 ;;
	--at-most) limits=$2; shift ;;
	*) break ;;
	esac
	shift
done
vm=$1
kernel=$2
shift 2
name=$(basename "$kernel" .elf)
boot=kernel
case $kernel in
*.rom) # begins in real mode: tests/real
	name=real_$(basename "$kernel" .rom)
	boot=bios
	;;
*.img) # a floppy: tests/boot
	name=boot_$(basename "$kernel" .img)
	boot=floppy
	;;
esac
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
chmod 777 "$dir"
log=$dir/debugcon
stats=$dir/stats
memory=16
if [ "$name" = ide ]; then # it has a disk
	truncate -s 4M "$dir/disk"
	chmod 666 "$dir/disk"
	case $vm in
	--qemu) set -- -drive "if=ide,format=raw,file=$dir/disk" "$@" ;;
	*) set -- --disk "$dir/disk" "$@" ;;
	esac
fi
case $name in
reset* | real_reset | real_cf9) once="" ;; # it starts anew, by itself
*) once=1 ;;
esac

if [ "$vm" = --qemu ]; then
	skip=$(sed -n "s/^$name !\([^ ]*\) .*/skip:\1/p" "$here/qemu-wrong.txt" | tr '\n' ' ')
	case $name in
	ide | pci | poweroff | real_cf9 | boot_*) machine=pc,smm=off ;;
	*) machine=isapc ;;
	esac
	medium=-$boot vga=none
	[ $boot = floppy ] && vga=std medium=-drive \
		kernel=if=floppy,format=raw,snapshot=on,file=$kernel
	timeout -k 3 580 qemu-system-i386 -accel tcg -M "$machine" -cpu pentium3,-apic -m "$memory" \
		-nodefaults -vga $vga -display none -device isa-debug-exit,iobase=0xf4,iosize=1 \
		-debugcon "file:$log" ${once:+-no-reboot} "$medium" "$kernel" \
		${skip:+-append "$skip"} "$@" >&2
	status=$?
	wrong=$(grep '^FAIL' "$log" | sed 's/^FAIL \([^:]*\):.*/\1/' | sort -u |
		while read -r test; do
			grep -q "^$name $test " "$here/qemu-wrong.txt" || echo "$test"
		done)
	case $name in
	triple* | poweroff) [ $status = 0 ] && grep -q '^about to' "$log" && exit 0 ;;
	*) [ -z "$wrong" ] && grep -q '^VERDICT [PF]A[SI][SL] [0-9]' "$log" && exit 0 ;;
	esac
	echo "run.sh: $name under QEMU: status $status; unexpected failures: $wrong"
	cat "$log"
	exit 1
fi

# A triple fault ends the run under --no-reboot, with status 1; soft off with 0.  33 is the verdict
# at port F4h.
case $name in
poweroff) expected=0 verdict='^about to' ;;
triple*) expected=1 verdict='^about to' ;;
*) expected=33 verdict='^VERDICT PASS' ;;
esac
[ $boot = floppy ] && kernel=$kernel,snapshot
# shellcheck disable=SC2086 # several words, or none
timeout -k 3 580 $as "$vm" run "--$boot" "$kernel" --display none --debug-exit --debugcon "$log" --serial none \
	${once:+--no-reboot} --memory "${memory}M" --stats "$stats" "$@" </dev/null
status=$?
if [ $status = $expected ] && grep -q "$verdict" "$log" && ! grep -q '^FAIL' "$log"; then
	over=$(echo "$limits" | tr ',' '\n' | while read -r what most; do
		[ -z "$what" ] && continue
		n=$(sed -n "s/^$what //p" "$stats")
		[ "${n:-$((most + 1))}" -le "$most" ] || echo "$what is ${n:-unknown}, over $most"
	done)
	if [ -n "$over" ]; then
		echo "run.sh: $name: $over"
	elif [ -z "$evicts" ] || grep -q '^evictions [1-9]' "$stats"; then
		exit 0
	else
		echo "run.sh: $name: nothing was evicted"
	fi
fi
echo "run.sh: $name: status $status, expected $expected"
cat "$log"
exit 1
