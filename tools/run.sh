#!/bin/sh
# run.sh [GUEST [OPTION...]]: installs what is missing, builds unring, runs it.
#   run.sh                        the tour: the guest that unring carries inside
#   run.sh debian [686|686-pae]   Debian's i386 kernel, to a shell on this terminal
#   run.sh memtest                memtest86+
#   run.sh mach                   GNU Mach, up to its panic: it is given no servers
#   run.sh grub                   GRUB's rescue floppy, by a BIOS
#   run.sh ipxe                   iPXE, from a floppy with SYSLINUX
#   run.sh memtest-floppy         memtest86+, from such a floppy
#   run.sh memtest-disk           the same from a hard disk
#   run.sh grub-cd, ipxe-cd, memtest-cd    their CDs
#   run.sh debian-disk, debian-x  Debian 12 on a hard disk, with gcc; with Xorg, to be looked at by --display
#                                 sdl, vnc=1 or web=0.  Made in the guest itself first, in some 20 minutes
#   run.sh installer-cd           Debian's installer: type text, or screen for its frame buffer
# Options after the guest's name go to `unring run`: --memory 1G, --stats, ...
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
g=$root/build/guests
unring=$root/build/release/unring

guest=${1:-tour}
[ $# = 0 ] || shift
case $guest in
tour | memtest | mach | grub | ipxe | memtest-floppy | memtest-disk | grub-cd | ipxe-cd | memtest-cd | installer-cd | debian-disk | debian-x) ;;
debian)
	kernel=686
	case ${1:-} in 686 | 686-pae) kernel=$1; shift ;; esac ;;
-h | --help)
	sed -n '2,/^set/s/^# \{0,1\}//p' "$0"; exit 0 ;;
*)	echo "run.sh: no guest named $guest: tour, debian, memtest, mach, grub, ipxe, memtest-floppy, memtest-disk, grub-cd, ipxe-cd, memtest-cd, installer-cd, debian-disk or debian-x" >&2; exit 2 ;;
esac

sh "$here/install.sh" build
sh "$here/build.sh" release unring

case $guest in
tour)
	exec "$unring" run "$@" ;;
debian)
	sh "$here/guest.sh" "$kernel" shell
	append="console=ttyS0 panic=-1"
	set -- --kernel "$g/vmlinuz-$kernel" --initrd "$g/shell.gz" "$@" ;;
grub | ipxe | memtest-floppy)
	sh "$here/guest.sh" "$guest"
	exec "$unring" run --floppy "$g/$guest.img",snapshot "$@" ;;
memtest-disk)
	sh "$here/guest.sh" "$guest"
	exec "$unring" run --disk "$g/$guest.img",snapshot "$@" ;;
installer-cd | debian-disk | debian-x)
	case $guest in debian-*) sh "$here/install.sh" disk ;; esac
	sh "$here/guest.sh" "$guest"
	case " $* " in *" --memory "*) ;; *) set -- "$@" --memory 512M ;; esac
	case $guest in
	installer-cd) exec "$unring" run --cdrom "$g/$guest.iso" "$@" ;;
	*)	exec "$unring" run --disk "$g/$guest.img" "$@" ;;
	esac ;;
grub-cd | ipxe-cd | memtest-cd)
	sh "$here/guest.sh" "$guest"
	exec "$unring" run --cdrom "$g/$guest.iso" "$@" ;;
memtest)
	sh "$here/guest.sh" memtest
	append="console=ttyS0,115200"
	set -- --kernel "$g/memtest86+ia32.bin" "$@" ;;
mach)
	sh "$here/guest.sh" mach
	append="console=com0"
	set -- --kernel "$g/gnumach.gz" "$@" ;;
esac
# Each may be given once, the user's goes first.
case " $* " in *" --append "*) ;; *) set -- "$@" --append "$append" ;; esac
case " $* " in *" --no-reboot "*) ;; *) set -- "$@" --no-reboot ;; esac
exec "$unring" run "$@"
