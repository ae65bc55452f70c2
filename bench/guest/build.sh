#!/bin/sh
# Builds the benchmark guest into build/bench: bin/ (its programs, i386, static),
# initrd.gz, and stamp for the host. The kernel is build/guests/vmlinuz-686.
set -eu
cd "$(dirname "$0")/../.."
src=bench/guest
out=build/bench

sh tools/guest.sh 686
sh tools/fetch.sh busybox-static
[ ! -f $out/initrd.gz ] || [ -n "$(find $src bench/stamp.c -newer $out/initrd.gz)" ] || exit 0

# The programs take no instruction newer than the Pentium Pro's, but for matmul_sse2.
mkdir -p $out/obj $out/bin
common="-m32 -O2 -march=i686 -std=gnu11 -Wall -Wextra"
x87="$common -mfpmath=387 -mno-mmx -mno-sse"
# shellcheck disable=SC2086 # lists of options
{
	for f in gbench cpu mem jit os; do
		gcc $x87 -c $src/src/$f.c -o $out/obj/$f.o
	done
	gcc $x87 -DNAME=b_matmul_x87 -c $src/src/matmul.c -o $out/obj/matmul_x87.o
	gcc $common -msse2 -mfpmath=sse -DNAME=b_matmul_sse2 -c $src/src/matmul.c \
		-o $out/obj/matmul_sse2.o
	gcc -m32 -static -s -o $out/bin/gbench $out/obj/*.o
	gcc $x87 -static -s -o $out/bin/gtrue $src/src/true.c
}
install -m 755 $src/suite $out/bin/suite
cp build/guests/pkg/busybox-static/bin/busybox $out/bin/busybox
gcc -O2 -Wall -Wextra -o $out/stamp bench/stamp.c

r=$out/root
rm -rf $r
mkdir -p $r/bin $r/dev
cp $out/bin/* $r/bin/
ln -s busybox $r/bin/sh
install -m 755 $src/init $r/init
(cd $r && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) | gzip -9n > $out/initrd.gz.new
mv $out/initrd.gz.new $out/initrd.gz
