#!/bin/sh
# install.sh [build|disk|test]: installs the Debian packages that are missing.
#   build   what building and running unring needs
#   disk    that, and what making a disk with Debian needs (disk.sh)
#   test    that, and what the tests and benches need (default)
# Touches the network only if something is missing. Needs root or sudo then.
set -eu

build="cmake ninja-build gcc gcc-multilib nasm acpica-tools libzydis-dev libcapstone-dev libelf-dev
	zlib1g-dev libncurses-dev libpng-dev libjansson-dev libvncserver-dev libwebsockets-dev novnc libsdl2-dev libcmocka-dev libnbd-dev qemu-utils cpio gzip xz-utils seabios mtools syslinux syslinux-common"
test="qemu-system-x86 gdb tmux python3 util-linux procps e2fsprogs xorriso grub-common xvfb xdotool x11-apps shellcheck clang-tidy clang-format"
disk="debootstrap fakeroot e2fsprogs fdisk"

case ${1:-test} in
build)	wanted=$build ;;
disk)	wanted="$build $disk" ;;
test)	wanted="$build $test" ;;
*)	echo "usage: install.sh [build|disk|test]" >&2; exit 2 ;;
esac

command -v dpkg-query > /dev/null || {
	echo "install.sh: not a Debian system; install by hand:" "$wanted" >&2
	exit 1
}

# Is package $1 installed, whole, for this machine?  dpkg has a line per architecture; its
# other states (not-installed, config-files, half-installed, unpacked, ...) are apt's to mend.
installed() {
	dpkg-query -W -f '${Architecture} ${db:Status-Status}\n' "$1" 2> /dev/null |
		grep -Eqx "($(dpkg --print-architecture)|all) installed"
}

missing=
for p in $wanted; do
	installed "$p" || missing="$missing $p"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
	command -v sudo > /dev/null || {
		echo "install.sh: missing packages, and neither root nor sudo:$missing" >&2
		exit 1
	}
	as_root=sudo
fi
echo "installing:$missing" >&2
# A suite that fails for a while is no reason to stop: the installation will tell.
$as_root apt-get -qq update >&2 || echo "install.sh: some package lists could not be had" >&2
# shellcheck disable=SC2086 # a list of words
$as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends \
	-o Acquire::Retries=3 install $missing >&2
