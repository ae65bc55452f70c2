#!/bin/sh
# Makes what the benches need: packages, the release build, the guest.
set -eu
cd "$(dirname "$0")/.."
sh tools/install.sh test
sh tools/build.sh release unring
sh bench/guest/build.sh
