#!/bin/sh
# check-registers.sh LIBRARY...   code that runs between exits of translated code must leave
# the guest's vector registers alone: no libc string function, no vector register.
# (FXSAVE and FXRSTOR, which the monitor keeps them with, name none.)
# check-registers.sh --self-test CC
set -eu

check() {
	failed=0
	for library in "$@"; do
		calls=$(nm -A "$library" |
			grep -E ' U (mem(cpy|set|move|cmp|chr)|__mem[a-z]*_chk|str[a-z]+|bcmp)$' || :)
		uses=$(objdump -d --no-show-raw-insn "$library" |
			awk '/^[0-9a-f]+ <.*>:$/ { f = $2 } /%[xyz]mm[0-9]|%mm[0-7]|%st/ { print f, $0 }')
		[ -z "$calls$uses" ] && continue
		printf '%s:\n%s%s\n' "$library" "${calls:+$calls
}" "$uses"
		failed=1
	done
	return $failed
}

self_test() {
	t=$(mktemp -d)
	trap 'rm -rf "$t"' EXIT
	cat > "$t/good.c" <<-'C'
		unsigned long good(unsigned long a) { return a + 1; }
	C
	cat > "$t/call.c" <<-'C'
		#include <string.h>
		void call(void *p, int n) { memset(p, 0, n); }
	C
	cat > "$t/vector.c" <<-'C'
		double vector(double a) { return a + 1; }
	C
	for n in good call vector; do
		"$1" -O1 -c -o "$t/$n.o" "$t/$n.c"
		ar rc "$t/$n.a" "$t/$n.o"
	done
	check "$t/good.a" || { echo "self-test: a right library was refused"; exit 1; }
	for n in call vector; do
		check "$t/$n.a" > /dev/null && { echo "self-test: $n was not found"; exit 1; }
	done
	:
}

case ${1:-} in
--self-test)	self_test "$2" ;;
*)		check "$@" ;;
esac
