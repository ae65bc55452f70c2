#!/bin/sh
# video.sh [ROUNDS]: what bench/video stores to the display's memory, under unring and QEMU TCG:
# processor seconds, the least of so many rounds, without what a boot takes; and the ratios.
set -eu
cd "$(dirname "$0")/.."
rounds=${1:-3}
out=build/bench/video
rm -rf $out
mkdir -p $out

unring() {
	build/release/unring run --floppy "$1" --debug-exit --display none --serial none </dev/null
}
qemu() {
	qemu-system-i386 -accel tcg -vga std -display none -device isa-debug-exit,iobase=0xf4,iosize=1 \
		-drive "file=$1,format=raw,if=floppy"
}

# seconds VM IMAGE: of the processor, user and system, the least of all rounds.
seconds() {
	i=0
	while [ "$i" -lt "$rounds" ]; do
		(
			"$1" "$2" >/dev/null 2>&1 || true # the status is the guest's
			times >$out/times # of the shell, of what it ran
			tail -n 1 $out/times
		)
		i=$((i + 1))
	done | awk '{ gsub(/[ms]/, " "); t = $1 * 60 + $2 + $3 * 60 + $4
		if (NR == 1 || t < least) least = t } END { printf "%.2f\n", least }'
}

image() { # TEST ROUNDS
	nasm -f bin -I tests/boot/ -DTEST="$1" -DROUNDS="$2" -o "$out/$1.img" bench/video/video.asm
}

image 0 1
boot_ours=$(seconds unring $out/0.img)
boot_theirs=$(seconds qemu $out/0.img)
printf '%-16s %8s %8s %8s\n' program unring qemu ratio
printf '%-16s %8.2f %8.2f\n' boot "$boot_ours" "$boot_theirs"
while read -r test times name; do
	image "$test" "$times"
	ours=$(seconds unring "$out/$test.img")
	theirs=$(seconds qemu "$out/$test.img")
	awk -v n="$name" -v a="$ours" -v b="$theirs" -v c="$boot_ours" -v d="$boot_theirs" 'BEGIN {
		a -= c; b -= d; if (a < 0.01) a = 0.01
		printf "%-16s %8.2f %8.2f %8.2f\n", n, a, b, b / a }'
done <<END
1 1000 planar fill
2 1000 planar copy
3 20000 planar dots
4 2000 mode X sprites
10 5000 mode X blit
5 10000 13h fill
6 5000 13h dots
7 3000 linear fill
8 1000 linear scroll
9 300 banked fill
END
