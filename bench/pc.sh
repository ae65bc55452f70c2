#!/bin/sh
# pc.sh [ROUNDS]: processor seconds of all processes, unring and QEMU TCG in turn,
# from power-on to GRUB's menu and to the prompt of FreeDOS (where UNRING_MEDIA
# holds freedos-1.4MB.img), and what 10 s there
# want of a core (time spent waiting for one counts, so a busy host hides nothing): calls of the
# BIOS, and what is translated still.
set -eu
cd "$(dirname "$0")/.."
unring=${UNRING:-build/release/unring}
grub=build/guests/grub.img
[ -x "$unring" ] || { echo "pc.sh: no $unring" >&2; exit 1; }
[ -f "$grub" ] || { echo "pc.sh: no $grub" >&2; exit 1; }
dos=${UNRING_MEDIA:+$UNRING_MEDIA/freedos-1.4MB.img}
[ -z "$dos" ] || [ -f "$dos" ] || { echo "pc.sh: no $dos" >&2; exit 1; }
ROUNDS=${1:-3} python3 bench/pc.py "$unring" "$grub" ${dos:+"$dos"}
