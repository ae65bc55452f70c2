#!/bin/sh
# tool.sh UNRING VERIFY KERNEL   a dump of a guest's code, checked by the tool: as it is, with a
# byte of it changed, cut short, and absent.
set -u
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
dump=$dir/code
fail() {
	echo "tool.sh: $*"
	cat "$dir/log"
	exit 1
}

timeout -k 3 900 "$1" run --kernel "$3" --debug-exit --serial none --no-reboot --memory 16M \
	--dump-cache "$dump" </dev/null >"$dir/log" 2>&1
[ $? = 33 ] || fail "the guest did not pass"
"$2" "$dump" 2>"$dir/log" || fail "violations in the code of $3"
grep -q '^verify: [1-9][0-9]* units .* 0 violations; templates: callout [1-9]' "$dir/log" ||
	fail "no summary"

# The first mov eax, gs:[...] with 67 loses it to a NOP in front.
python3 - "$dump" <<'PY' || fail "nothing to change"
import sys
with open(sys.argv[1], "r+b") as f:
    data = f.read()
    at = data.index(b"\x65\x67\x8b")
    f.seek(at)
    f.write(b"\x90\x65\x8b")
PY
"$2" "$dump" 2>"$dir/log"
[ $? = 1 ] || fail "a changed dump passed"
grep -q '^violation I5.2: unit [0-9a-f]* at [0-9a-f]*: 65 8b .*| mov .*gs:' "$dir/log" ||
	fail "not the line that was expected"

head -c 1000 "$dump" > "$dir/short"
"$2" "$dir/short" 2>"$dir/log"
[ $? = 2 ] || fail "a dump that was cut passed"
"$2" "$dir/absent" 2>"$dir/log"
[ $? = 2 ] || fail "no dump, and no complaint"
