#!/bin/sh
# run.sh [MODULE...]: plants bugs in src and looks whether the tests see them; --help tells more.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
[ -f "$here/../../build/guests/shell.gz" ] ||
	sh "$here/../../tools/guest.sh" 686 686-pae shell memtest mach
exec python3 "$here/mutants.py" "$@"
