#!/bin/sh
# pc.sh [ROUNDS]: processor seconds of all processes, unring and QEMU TCG in turn,
# from power-on to GRUB's menu, to the prompt of FreeDOS (where UNRING_MEDIA
# holds freedos-1.4MB.img) and to a boot sector that halts; where tools/guest.sh has
# made grub-cd, installer-cd and debian-disk, to the CD's menu, to the installer's
# first, and to the login prompt of the disk; the share of a core
# that 10 s there take of the time in which they did not wait for one (so a busy
# host neither hides nor adds any); calls of the BIOS, and what is translated still.
set -eu
cd "$(dirname "$0")/.."
unring=${UNRING:-build/release/unring}
grub=build/guests/grub.img
[ -x "$unring" ] || { echo "pc.sh: no $unring" >&2; exit 1; }
[ -f "$grub" ] || { echo "pc.sh: no $grub" >&2; exit 1; }
dos=${UNRING_MEDIA:+$UNRING_MEDIA/freedos-1.4MB.img}
[ -z "$dos" ] || [ -f "$dos" ] || { echo "pc.sh: no $dos" >&2; exit 1; }
ROUNDS=${1:-3} python3 bench/pc.py "$unring" build/guests ${dos:+"$dos"}
