#!/bin/sh
# test.sh [CTEST-OPTION...]: installs what is missing, builds the release and
# the paranoid preset, fetches the guests, runs every test.
# `sh tools/test.sh -L unit` runs one label, `-R debian` what has this name.
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
step "guests"
sh tools/guest.sh 686 686-pae shell memtest mach
step "tests"
# Tests that measure time or fill the memory are marked as serial in CMake.
exec ctest --test-dir build/release --output-on-failure --no-tests=error -j 2 "$@"
