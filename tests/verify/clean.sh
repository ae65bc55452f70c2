#!/bin/sh
# clean.sh COMMAND...   runs a command that starts `unring run --verify`: it must end well, and
# each check that it printed must have found nothing (at least one, or $CHECKS).  Status 77 is of
# results that nothing could be compared with; the code was checked all the same.
set -u
log=$(mktemp)
trap 'rm -f "$log"' EXIT
"$@" 2>"$log"
status=$?
[ $status = 77 ] && status=0
checks=$(grep -c '^verify: .* 0 violations;' "$log")
if [ $status = 0 ] && [ "$checks" -ge "${CHECKS:-1}" ] && ! grep -q '^violation' "$log" &&
	[ "$(grep -c '^verify: .* violations;' "$log")" = "$checks" ]; then
	grep '^verify: ' "$log"
	exit 0
fi
echo "clean.sh: status $status, $checks clean checks"
head -n 100 "$log"
exit 1
