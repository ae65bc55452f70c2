#!/bin/sh
# run.sh native BUILD PACK           the cases of a pack on this processor
# run.sh unring BUILD PACK UNRING    in a guest too, compared with the processor
# run.sh qemu BUILD PACK             in a guest of QEMU, for its deviations
#
# BUILD is this folder in the build tree; PACK.pack is there: `written`, a group of
# gen_rows.inc, or what asmpack made by hand (another seed, more cases).
# Beside it come PACK.native, PACK.unring, PACK.qemu.
# ASM_APPEND is the guest's command line (from=N count=N), ASM_OPTIONS more of
# unring's options, ASM_COMPARE more of asmcmp's.
#
# Where the host runs no 32-bit programs there is nothing to compare with but what the written tests
# expect.  The rest is run, and then reported as skipped (status 77).
set -u
mode=$1
pack=$3
cd "$2" || exit 2
compare=${ASM_COMPARE:-}

reference=$pack.native
if ./native --there 2>&-; then
	./native "$pack.pack" > "$reference" || exit 1
else
	reference=
	echo "not compared with the processor: this host runs no 32-bit programs"
	[ "$mode" = native ] && exit 77
fi
case $mode in
native)
	exec ./asmcmp "$pack.pack" "$pack.native"
	;;
unring)
	# shellcheck disable=SC2086
	timeout 600 "$4" run --kernel kernel.elf --module "$pack.pack" \
		--debugcon "$pack.unring" --debug-exit --no-reboot --serial none --cpu pentium4 \
		--memory 32M ${ASM_OPTIONS:-} --append "cases ${ASM_APPEND:-}"
	;;
qemu)
	timeout 600 qemu-system-i386 -accel tcg -cpu max -m 32 -display none -serial none \
		-monitor none -no-reboot -debugcon "file:$pack.qemu" \
		-device isa-debug-exit,iobase=0xf4,iosize=1 \
		-kernel kernel.elf -initrd "$pack.pack" -append "cases ${ASM_APPEND:-}"
	;;
esac
end=$?
# QEMU pushes RF as 0 with a fault.
[ "$mode" = qemu ] && compare="--ignore-flags 10000 $compare"
# shellcheck disable=SC2086
./asmcmp $compare "$pack.pack" $reference "$pack.$mode"
same=$?
if [ $end != 33 ]; then
	echo "$mode: $pack: exit status $end in place of 33"
	exit 1
fi
[ -z "$reference" ] && [ $same = 0 ] && [ "$pack" != written ] && exit 77
exit $same
