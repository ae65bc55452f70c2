#!/bin/sh
# run.sh native BUILD            written tests and random cases on this processor
# run.sh unring BUILD UNRING     the same in a guest, compared with the processor
# run.sh qemu BUILD              the same under QEMU, for its list of deviations
#
# BUILD is this folder in the build tree. Beside a pack X.pack come X.native,
# X.unring, X.qemu. ASM_PACKS names other packs than written and random;
# ASM_APPEND is the guest's command line (from=N count=N); ASM_OPTIONS more of
# unring's options.
set -u
mode=$1
cd "$2" || exit 2
unring=${3:-}
status=0
ignore=

for pack in ${ASM_PACKS:-written random}; do
	./native $pack.pack > $pack.native || exit 1
	case $mode in
	native)
		./asmcmp $pack.pack $pack.native || status=1
		continue
		;;
	unring)
		# shellcheck disable=SC2086
		timeout 120 "$unring" run --kernel kernel.elf --module $pack.pack \
			--debugcon $pack.unring --debug-exit --serial none --cpu pentium4 \
			--memory 32M ${ASM_OPTIONS:-} --append "cases ${ASM_APPEND:-}"
		;;
	qemu)
		timeout 120 qemu-system-i386 -accel tcg -cpu max -m 32 -display none -serial none \
			-monitor none -no-reboot -debugcon file:$pack.qemu \
			-device isa-debug-exit,iobase=0xf4,iosize=1 \
			-kernel kernel.elf -initrd $pack.pack -append "cases ${ASM_APPEND:-}"
		;;
	esac
	end=$?
	if [ $end != 33 ]; then
		echo "$mode: $pack: exit status $end in place of 33"
		status=1
	fi
	# QEMU pushes RF as 0 with a fault.
	[ $mode = qemu ] && ignore="--ignore-flags 10000"
	# shellcheck disable=SC2086
	./asmcmp $ignore $pack.pack $pack.native $pack.$mode || status=1
done
exit $status
