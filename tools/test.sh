#!/bin/sh
# test.sh: installs what is missing, builds the presets, fetches the guests, runs every
# test: what is in-process and the command line under the sanitizers, guests under paranoid,
# then all under release.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/.."

step() { echo "== $(date +%T) $*"; }

step "packages"
sh tools/install.sh test
step "build: release"
sh tools/build.sh release
step "build: paranoid"
sh tools/build.sh paranoid
step "build: asan-ubsan"
sh tools/build.sh asan-ubsan
step "guests"
sh tools/guest.sh 686 686-pae shell memtest mach grub ipxe memtest-floppy \
	grub-cd ipxe-cd memtest-cd isolinux-cd debian-cd
failed=
step "tests: asan-ubsan"
ctest --test-dir build/asan-ubsan --output-on-failure --no-tests=error -j 2 \
	-R '^(unit|golden|cli)\.|^fuzz\.(gdb|loader|ports|viewers)$' || failed=" asan-ubsan"
step "tests: paranoid"
ctest --test-dir build/paranoid --output-on-failure --no-tests=error -j 2 \
	-R '^(guest|debian)\.' || failed="$failed paranoid"
step "tests: release"
# Tests that measure time are marked in CMake to run alone.
ctest --test-dir build/release --output-on-failure --no-tests=error -j 2 || failed="$failed release"
[ -z "$failed" ] || { echo "tests failed:$failed"; exit 1; }
