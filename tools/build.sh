#!/bin/sh
# build.sh PRESET [TARGET...]: configures and builds into build/PRESET. Silent
# when all is well; the compiler's output is in build/PRESET.log.  By ccache where that is installed.
set -eu
cd "$(dirname "$0")/.."
preset=$1
shift
mkdir -p build
log=build/$preset.log
[ -f "build/$preset/build.ninja" ] || echo "building the $preset preset; its output is in $log" >&2
# What one checkout has compiled serves another.
export CCACHE_BASEDIR="$PWD" CCACHE_NOHASHDIR=1
launcher=$(command -v ccache || true)
configure_and_build() {
	cmake --preset "$preset" -DCMAKE_C_COMPILER_LAUNCHER="$launcher" && cmake --build "build/$preset" ${1:+--target "$@"}
}
configure_and_build "$@" > "$log" 2>&1 || {
	cat "$log" >&2
	echo "build.sh: the $preset build failed" >&2
	exit 1
}
