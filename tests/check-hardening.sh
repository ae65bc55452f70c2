#!/bin/sh
# check-hardening.sh BINARY    how it was built: at no fixed address, everything bound at the
# start and then read-only, no memory writable and executable, stack protector, checked libc calls.
# check-hardening.sh --self-test CC: does the check find what is missing?
set -eu

check() {
	failed=0
	readelf -Wlds "$1" > "$t/elf"
	want() { # NAME PATTERN
		grep -Eq "$2" "$t/elf" || { echo "$1: missing in $binary"; failed=1; }
	}
	binary=$1
	want "position independence" 'FLAGS_1.* PIE|\(FLAGS_1\).*PIE'
	want "full RELRO: binding at the start" '\(FLAGS_1\).*NOW|\(BIND_NOW\)'
	want "RELRO" ' GNU_RELRO '
	want "a stack that is not executable" ' GNU_STACK .* RW  '
	want "stack protector" ' __stack_chk_fail@'
	want "FORTIFY" ' __(v?snprintf|v?fprintf|memcpy|read|poll|sprintf|strcpy|strcat)_chk@'
	if grep -Eq '^ +LOAD .* RWE ' "$t/elf"; then
		echo "a segment of $1 is writable and executable"
		failed=1
	fi
	return $failed
}

self_test() {
	cat > "$t/a.c" <<-'C'
		#include <stdio.h>
		int main(int argc, char **argv)
		{
			char s[64];
			snprintf(s, argc + 60, "%s", argv[0]);
			return puts(s);
		}
	C
	good="-O2 -fPIE -pie -fstack-protector-strong -D_FORTIFY_SOURCE=2 -Wl,-z,relro -Wl,-z,now"
	# shellcheck disable=SC2086 # a list of words
	"$1" $good -o "$t/good" "$t/a.c"
	check "$t/good" || { echo "self-test: a hardened binary was refused"; exit 1; }
	for bad in -no-pie -Wl,-z,lazy -Wl,-z,norelro -fno-stack-protector -U_FORTIFY_SOURCE \
		-Wl,-z,execstack; do
		# shellcheck disable=SC2086
		"$1" $good "$bad" -w -o "$t/bad" "$t/a.c"
		check "$t/bad" > /dev/null && { echo "self-test: $bad was not found"; exit 1; }
	done
	:
}

t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
case ${1:-} in
--self-test)	self_test "$2" ;;
*)		check "$1" ;;
esac
