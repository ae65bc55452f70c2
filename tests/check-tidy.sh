#!/bin/sh
# check-tidy.sh BUILD [FILE...]: clang-tidy over src (or these files), by the compilation
# commands of BUILD without the options that gcc alone has. .clang-tidy has the checks.
set -eu
build=$(cd "$1" && pwd)
shift
cd "$(dirname "$0")/.."
command -v clang-tidy > /dev/null || { echo "check-tidy.sh: missing: clang-tidy" >&2; exit 1; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
sed 's/ -mmem[a-z]*-strategy=[^ "]*//g; s/ -fno-tree-loop-distribute-patterns//g' \
	"$build/compile_commands.json" > "$dir/compile_commands.json"
# shellcheck disable=SC2046 # a list of words
[ $# != 0 ] || set -- $(find src -name '*.c' ! -path '*/tour/kernel/*' ! -path '*/tour/helper/*')
clang-tidy --quiet -p "$dir" "$@" 2> "$dir/counts" || {
	cat "$dir/counts"
	exit 1
}
echo "$# files"
