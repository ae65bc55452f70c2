#!/bin/sh
# check-format.sh [--fix]: is every C file as clang-format has it? --fix makes it so.
# Tables that were laid out by hand stand between "clang-format off" and "on".
set -eu
cd "$(dirname "$0")/.."
command -v clang-format > /dev/null || { echo "check-format.sh: missing: clang-format" >&2; exit 1; }
files=$(find src tests tools bench -name '*.[ch]' ! -path '*/__pycache__/*' | sort)
if [ "${1:-}" = --fix ]; then
	# shellcheck disable=SC2086 # a list of words
	exec clang-format -i $files
fi
# shellcheck disable=SC2086
clang-format --dry-run --Werror $files
