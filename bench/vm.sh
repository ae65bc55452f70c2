#!/bin/sh
# vm.sh unring|qemu CPU PARAMETERS [OPTION...]: runs the benchmark guest to its
# end on that CPU model with these kernel parameters added; prints its console
# with the host's seconds before each line. QEMU is given the machine that
# unring has: no PCI, no ACPI, no APIC.
#   LIMIT=900   seconds after which the run is ended, and has failed
set -eu
cd "$(dirname "$0")/.."
vmm=$1
cpu=$2
append="console=ttyS0 quiet panic=-1 $3"
shift 3
set -- -append "$append" "$@"
kernel=build/guests/vmlinuz-686
initrd=build/bench/initrd.gz
case $vmm in
unring)
	shift 2
	set -- build/release/unring run --cpu "$cpu" --memory 256M --kernel $kernel \
		--initrd $initrd --append "$append" --serial stdio --no-reboot "$@" ;;
qemu)
	set -- qemu-system-i386 -accel tcg -M isapc -cpu "$cpu,-apic" -m 256 -nodefaults \
		-display none -serial stdio -no-reboot -kernel $kernel -initrd $initrd "$@" ;;
*)	echo "vm.sh: unring or qemu, not $vmm" >&2; exit 2 ;;
esac
exec timeout "${LIMIT:-900}" build/bench/stamp "$@" < /dev/null
