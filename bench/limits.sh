#!/bin/sh
# limits.sh [UNRING]: what the limits of segments cost. A program runs at CPL 3, flat, and in
# segments of an LDT: with 5,000 bytes of data, and with 640 KiB at 64, 128 and 192 MiB. Prints the
# time of each loop as a multiple of its flat form's, and the mean of them.
set -eu
cd "$(dirname "$0")/.."
unring=${1:-build/release/unring}
[ $# -gt 0 ] || sh tools/build.sh release unring
here=$PWD/bench/limits
rt=$PWD/tests/guest/rt
mkdir -p build/bench/limits
unring=$(realpath "$unring")
cd build/bench/limits
flags="-m32 -march=i686 -mgeneral-regs-only -ffreestanding -fno-pic -fno-pie -nostdlib
	-fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables"
# shellcheck disable=SC2086 # several words
cc $flags -O2 -fno-toplevel-reorder -fno-tree-loop-distribute-patterns -c "$here/program.c" -o program.o
# shellcheck disable=SC2086
link() { # NAME TEXT DATA
	ld -m elf_i386 --no-check-sections --no-warn-rwx-segments -z noexecstack \
		--defsym TEXT="$2" --defsym DATA="$3" -T "$here/program.ld" -o "$1.elf" program.o
	objcopy -O binary -j .text "$1.elf" "$1.text"
	objcopy -O binary -j .data --set-section-flags .data=alloc,load,contents "$1.elf" "$1.data"
}
link flat 0x3000000 0x3010000
link low 0 0
nasm -f elf32 -o start.o "$rt/start.asm"
for c in "$rt/rt.c" "$rt/pages.c" "$here/kernel.c"; do
	# shellcheck disable=SC2086
	cc $flags -fno-strict-aliasing -fno-toplevel-reorder -O1 -std=gnu17 -I "$rt" -c "$c"
done
ld -m elf_i386 -T "$rt/link.ld" --no-warn-rwx-segments -z noexecstack -o kernel.elf \
	start.o rt.o pages.o kernel.o
timeout 900 "$unring" run --kernel kernel.elf --debug-exit --debugcon out --serial none --no-reboot \
	--memory 256M < /dev/null || [ $? = 33 ]
grep -q '^VERDICT PASS' out || { cat out; exit 1; }
sed -n 's|^\([a-z]*\)/\(.*\) \([0-9]*\)$|\1:\2:\3|p' out | awk -F: '
	$2 == "flat" { flat[$1] = $3; next }
	{ r = $3 / flat[$1]; sum[$2] += log(r); n[$2]++; printf "%-8s %-14s %6.2f\n", $1, $2, r }
	END { for (w in n) printf "%-8s %-14s %6.2f\n", "mean", w, exp(sum[w] / n[w]) }'
