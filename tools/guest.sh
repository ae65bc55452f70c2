#!/bin/sh
# guest.sh NAME...: fetches and makes guests under build/guests/, where they
# are not there already.
#   686, 686-pae   Debian's kernel, as vmlinuz-NAME
#   shell          shell.gz, an initramfs with a busybox shell on the console
#   memtest        memtest86+ia32.bin
#   mach           gnumach.gz, GNU Mach (and gnumach, unpacked)
#   grub           grub.img, GRUB's rescue floppy
#   ipxe           ipxe.img, a floppy on which SYSLINUX starts iPXE
#   memtest-floppy memtest-floppy.img, a floppy on which SYSLINUX starts memtest86+
#   memtest-disk   memtest-disk.img, a hard disk with a partition on which it does
#   grub-cd        grub-cd.iso, GRUB's rescue CD
#   ipxe-cd        ipxe-cd.iso, iPXE's own CD
#   memtest-cd     memtest-cd.iso, memtest86+'s own CD
#   isolinux-cd    isolinux-cd.iso, whose ISOLINUX starts iPXE, or memdisk with GRUB's floppy
#   debian-cd      debian-cd.iso, made by grub-mkrescue, with both of Debian's kernels
#   debian-disk    debian-disk.img, Debian with gcc on a hard disk, made in the guest itself (disk.sh)
#   debian-x       debian-x.img, that with Xorg, icewm and programs for it
#   installer-cd   installer-cd.iso, whose ISOLINUX starts Debian's installer, in text or on the frame buffer
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/.."
g=build/guests
mkdir -p $g

# put FROM NAME: whole or not at all.
put() {
	cp "$1" "$g/$2.new"
	mv "$g/$2.new" "$g/$2"
}

# need TOOL...: or it ends here.
need() {
	for t in "$@"; do
		command -v "$t" > /dev/null || { echo "guest.sh: missing: $t" >&2; exit 1; }
	done
}

# floppy KERNEL IMAGE: a floppy of 1.44 MB on which SYSLINUX starts that kernel.
floppy() {
	need mformat mcopy syslinux
	rm -f "$g/$2.new"
	truncate -s 1440K "$g/$2.new"
	mformat -i "$g/$2.new" -f 1440 ::
	printf 'default k\nlabel k\n  kernel k.krn\n' | mcopy -i "$g/$2.new" - ::syslinux.cfg
	mcopy -i "$g/$2.new" "$1" ::k.krn
	syslinux --install "$g/$2.new"
	mv "$g/$2.new" "$g/$2"
}

# disk KERNEL IMAGE: a hard disk of 32 MiB, whose one partition, from sector 2048 on to the end, of 65
# cylinders of 16 heads and 63 sectors, is like that floppy.
disk() {
	need mformat mcopy syslinux
	"$here/fetch.sh" syslinux-common
	rm -f "$g/$2.new"
	truncate -s 32M "$g/$2.new"
	dd if=$g/pkg/syslinux-common/usr/lib/syslinux/mbr/mbr.bin of="$g/$2.new" conv=notrunc status=none
	printf '\200\040\041\002\006\017\077\100\000\010\000\000\000\370\000\000' |
		dd of="$g/$2.new" bs=1 seek=446 conv=notrunc status=none
	printf '\125\252' | dd of="$g/$2.new" bs=1 seek=510 conv=notrunc status=none
	mformat -i "$g/$2.new@@1M" -T 63488 -h 16 -s 63 -H 2048 ::
	printf 'default k\nlabel k\n  kernel k.krn\n' | mcopy -i "$g/$2.new@@1M" - ::syslinux.cfg
	mcopy -i "$g/$2.new@@1M" "$1" ::k.krn
	syslinux --install --offset 1048576 "$g/$2.new"
	mv "$g/$2.new" "$g/$2"
}

# isolinux_cd NAME: NAME.iso of what lies in NAME/isolinux. No emulation; its menu is text, and waits for an answer.
isolinux_cd() {
	need xorriso
	t=$g/$1
	cp $g/pkg/isolinux/usr/lib/ISOLINUX/isolinux.bin \
		$g/pkg/syslinux-common/usr/lib/syslinux/modules/bios/ldlinux.c32 "$t/isolinux/"
	xorriso -report_about WARNING -as mkisofs -quiet -o "$t.iso.new" -V UNRING -b isolinux/isolinux.bin \
		-c isolinux/boot.cat -no-emul-boot -boot-load-size 4 -boot-info-table "$t"
	mv "$t.iso.new" "$t.iso"
	rm -rf "$t"
}

# tools_on NAME: iPXE, and memdisk with GRUB's floppy.
tools_on() {
	t=$g/$1
	rm -rf "$t"
	mkdir -p "$t/isolinux"
	cp $g/pkg/syslinux-common/usr/lib/syslinux/memdisk $g/grub.img "$t/isolinux/"
	cp $g/pkg/ipxe/boot/ipxe.lkrn "$t/isolinux/ipxe.krn"
	cat > "$t/isolinux/isolinux.cfg" <<- 'EOF'
	prompt 1
	display menu.txt
	label ipxe
	  kernel ipxe.krn
	label floppy
	  kernel memdisk
	  append initrd=grub.img floppy
	EOF
	printf 'A CD of unring:\n  ipxe\n  floppy\n' > "$t/isolinux/menu.txt"
}

# installer_on NAME: Debian's installer, as its package has it for the network.
installer_on() {
	t=$g/$1
	from=$g/pkg/debian-installer-12-netboot-i386/usr/lib/debian-installer/images/12/i386/text/debian-installer/i386
	rm -rf "$t"
	mkdir -p "$t/isolinux"
	cp $from/linux $from/initrd.gz "$t/isolinux/"
	cat > "$t/isolinux/isolinux.cfg" <<- 'EOF'
	prompt 1
	display menu.txt
	label text
	  kernel linux
	  append initrd=initrd.gz vga=normal fb=false modprobe.blacklist=bochs
	label screen
	  kernel linux
	  append initrd=initrd.gz vga=788
	EOF
	printf 'The Debian installer:\n  text\n  screen\n' > "$t/isolinux/menu.txt"
}

# debian_cd IMAGE: the menu is GRUB's.
debian_cd() {
	need grub-mkrescue xorriso
	t=$g/debian-cd
	rm -rf "$t"
	mkdir -p "$t/boot/grub"
	cp $g/vmlinuz-686 $g/vmlinuz-686-pae $g/shell.gz "$t/boot/"
	for k in 686 686-pae; do
		printf 'menuentry "Debian %s" {\n  linux /boot/vmlinuz-%s panic=-1\n' $k $k
		printf '  initrd /boot/shell.gz\n}\n'
	done > "$t/boot/grub/grub.cfg"
	grub-mkrescue -d $g/pkg/grub-pc-bin/usr/lib/grub/i386-pc --fonts= --locales= --themes= \
		-o "$g/$1.new" "$t" > "$g/debian-cd.log" 2>&1 || { cat "$g/debian-cd.log" >&2; exit 1; }
	mv "$g/$1.new" "$g/$1"
	rm -rf "$t"
}

for guest in "$@"; do
	case $guest in
	686 | 686-pae)
		[ ! -f "$g/vmlinuz-$guest" ] || continue
		"$here/fetch.sh" "linux-image-$guest"
		put "$g/pkg/linux-image-$guest"/boot/vmlinuz-* "vmlinuz-$guest" ;;
	shell)
		[ ! -f $g/shell.gz ] || [ -n "$(find tools/shell -newer $g/shell.gz)" ] || continue
		"$here/fetch.sh" busybox-static
		rm -rf $g/initramfs
		mkdir -p $g/initramfs/bin $g/initramfs/dev $g/initramfs/etc
		cp $g/pkg/busybox-static/bin/busybox $g/initramfs/bin/
		ln -s busybox $g/initramfs/bin/sh
		cp tools/shell/init $g/initramfs/init
		chmod 755 $g/initramfs/init
		cp tools/shell/shrc $g/initramfs/etc/
		(cd $g/initramfs && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) |
			gzip -9n > $g/shell.gz.new
		mv $g/shell.gz.new $g/shell.gz
		rm -rf $g/initramfs ;;
	memtest)
		[ ! -f $g/memtest86+ia32.bin ] || continue
		"$here/fetch.sh" memtest86+
		put $g/pkg/memtest86+/boot/memtest86+ia32.bin memtest86+ia32.bin ;;
	mach)
		[ ! -f $g/gnumach.gz ] || continue
		"$here/fetch.sh" gnumach-image-1.8-486
		gzip -dc $g/pkg/gnumach-image-1.8-486/boot/gnumach-*.gz > $g/gnumach.new
		mv $g/gnumach.new $g/gnumach
		put $g/pkg/gnumach-image-1.8-486/boot/gnumach-*.gz gnumach.gz ;;
	grub)
		[ ! -f $g/grub.img ] || continue
		"$here/fetch.sh" grub-rescue-pc
		put $g/pkg/grub-rescue-pc/usr/lib/grub-rescue/grub-rescue-floppy.img grub.img ;;
	ipxe)
		[ ! -f $g/ipxe.img ] || continue
		"$here/fetch.sh" ipxe
		floppy $g/pkg/ipxe/boot/ipxe.lkrn ipxe.img ;;
	memtest-floppy)
		[ ! -f $g/memtest-floppy.img ] || continue
		"$here/fetch.sh" memtest86+
		floppy $g/pkg/memtest86+/boot/memtest86+ia32.bin memtest-floppy.img ;;
	memtest-disk)
		[ ! -f $g/memtest-disk.img ] || continue
		"$here/fetch.sh" memtest86+
		disk $g/pkg/memtest86+/boot/memtest86+ia32.bin memtest-disk.img ;;
	grub-cd)
		[ ! -f $g/grub-cd.iso ] || continue
		"$here/fetch.sh" grub-rescue-pc
		put $g/pkg/grub-rescue-pc/usr/lib/grub-rescue/grub-rescue-cdrom.iso grub-cd.iso ;;
	ipxe-cd)
		[ ! -f $g/ipxe-cd.iso ] || continue
		"$here/fetch.sh" ipxe
		put $g/pkg/ipxe/usr/lib/ipxe/ipxe.iso ipxe-cd.iso ;;
	memtest-cd)
		[ ! -f $g/memtest-cd.iso ] || continue
		"$here/fetch.sh" memtest86+
		put $g/pkg/memtest86+/usr/lib/memtest86+/memtest86+ia32.iso memtest-cd.iso ;;
	isolinux-cd)
		[ ! -f $g/isolinux-cd.iso ] || continue
		sh "$here/guest.sh" grub
		"$here/fetch.sh" isolinux syslinux-common ipxe
		tools_on isolinux-cd
		isolinux_cd isolinux-cd ;;
	installer-cd)
		[ ! -f $g/installer-cd.iso ] || continue
		"$here/fetch.sh" isolinux syslinux-common debian-installer-12-netboot-i386
		installer_on installer-cd
		isolinux_cd installer-cd ;;
	debian-cd)
		[ ! -f $g/debian-cd.iso ] || continue
		sh "$here/guest.sh" 686 686-pae shell
		"$here/fetch.sh" grub-pc-bin
		debian_cd debian-cd.iso ;;
	debian-disk)
		[ ! -f $g/debian-disk.img ] || continue
		# It stays in text: the display's own driver would draw the console.
		sh "$here/disk.sh" debian-disk.img 2048 modprobe.blacklist=bochs dbus libpam-systemd gcc libc6-dev ;;
	debian-x)
		[ ! -f $g/debian-x.img ] || continue
		sh "$here/disk.sh" debian-x.img 3072 "" dbus libpam-systemd gcc libc6-dev xserver-xorg-core xserver-xorg-input-libinput \
			xserver-xorg-video-vesa xserver-xorg-video-fbdev xinit \
			x11-xserver-utils x11-apps xterm xfonts-base icewm ;;
	*)	echo "guest.sh: no guest named $guest" >&2; exit 2 ;;
	esac
done
