#!/bin/sh
# coverage.sh [ctest option...]: which lines of src no test runs. Builds the coverage preset,
# runs the tests (-L unit: some of them), and prints a table of the files and, in
# build/coverage/unrun.txt, the lines. Takes as long as the tests, some half an hour.
# What is run is noted by tests/mutants/cover.c as it happens: gcov would miss processes that
# are killed, and may open no file in the fenced one.
set -eu
cd "$(dirname "$0")/.."
build=$PWD/build/coverage
sh tools/guest.sh 686 686-pae shell memtest mach
mkdir -p "$build"
cc -O2 -c -o "$build/record.o" tests/mutants/cover.c
{
	cmake --preset coverage -DCMAKE_EXE_LINKER_FLAGS="$build/record.o" &&
	cmake --build "$build"
} > "$build.log" 2>&1 || {
	tail -n 40 "$build.log" >&2
	echo "coverage.sh: the build failed" >&2
	exit 1
}
rm -rf "$build/maps"
mkdir -m 777 "$build/maps"
failed=0
COVER_DIR=$build/maps ctest --test-dir "$build" -j 2 "$@" > "$build/tests.log" 2>&1 || failed=1
sed -n '/tests passed/,$p' "$build/tests.log"
python3 tools/coverage.py "$build"
exit $failed
