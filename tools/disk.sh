#!/bin/sh
# disk.sh IMAGE MIB APPEND PACKAGE...: makes build/guests/IMAGE, a hard disk with Debian 12 for i386, those packages
# included, GRUB and a user root with the password root. debootstrap's first stage, which unpacks, runs here, without
# root; its second stage, which runs programs of the packages, in a guest. APPEND goes to the kernel's
# command line. Packages are of the mirror that this machine's apt takes its own from.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/.."
g=build/guests
unring=build/release/unring
image=$g/$1 mib=$2 append=$3
shift 3

for t in debootstrap fakeroot mke2fs sfdisk; do
	command -v $t > /dev/null || { echo "disk.sh: missing: $t" >&2; exit 1; }
done
[ -x $unring ] || { echo "disk.sh: no $unring" >&2; exit 1; }
# shellcheck disable=SC2016 # apt's own variables
mirror=$(apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(SITE)' 'Created-By: Packages' |
	sed -n 's/^bookworm main //p' | head -n 1)
[ -n "$mirror" ] || { echo "disk.sh: apt knows no mirror of bookworm" >&2; exit 1; }
t=$image.making
rm -rf "$t"
mkdir -p "$t"

# The initramfs of the second stage: what the kernel needs to find a disk and an ext4 on it.
sh "$here/guest.sh" 686 shell
mkdir -p "$t/initramfs/bin" "$t/initramfs/modules"
cp $g/pkg/busybox-static/bin/busybox "$t/initramfs/bin/"
ln -s busybox "$t/initramfs/bin/sh"
cp tools/debian/init "$t/initramfs/init"
chmod 755 "$t/initramfs/init"
for m in crc16 crc32c_generic crc64 crc64-rocksoft crct10dif_common crc-t10dif t10-pi scsi_common scsi_mod sd_mod \
	libata ata_piix mbcache jbd2 ext4; do
	find $g/pkg/linux-image-686/lib/modules/ -name $m.ko -exec cp {} "$t/initramfs/modules/" \;
	echo $m
done > "$t/initramfs/modules/order"
(cd "$t/initramfs" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) | gzip -9n > "$t/initrd.gz"

truncate -s "${mib}M" "$t/disk"
echo 'label: dos
start=2048, type=83, bootable' | sfdisk -q "$t/disk"
# One fakeroot: it knows the owners of the files.
packages=linux-image-686,grub-pc$(printf ',%s' "$@")
printf '%s' "$append" > "$t/append"
echo "making $image, which takes some 20 minutes; what it says is in $t" >&2
fakeroot sh -eu > "$t/log" 2>&1 << END || { tail "$t/log" >&2; exit 1; }
debootstrap --foreign --arch=i386 --include=$packages bookworm "$t/tree" "$mirror"
cp tools/debian/setup tools/debian/xinitrc "$t/append" "$t/tree"
mkdir -p "$t/tree/etc/X11/xorg.conf.d"
cp tools/debian/pointer.conf "$t/tree/etc/X11/xorg.conf.d/"
mke2fs -q -t ext4 -d "$t/tree" -E offset=1048576,root_owner=0:0 "$t/disk" $(((mib - 1) * 1024))k
END
rm -rf "$t/tree"

$unring run --kernel $g/vmlinuz-686 --initrd "$t/initrd.gz" --append "console=ttyS0 panic=-1 quiet" --memory 512M \
	--disk "$t/disk" --serial "file:$t/serial" --no-reboot
grep -q "^The disk is made" "$t/serial" || { tail "$t/serial" >&2; exit 1; }
mv "$t/disk" "$image"
rm -r "$t"
