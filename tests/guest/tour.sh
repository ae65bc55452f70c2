#!/bin/sh
# tour.sh UNRING [option...]   runs the embedded tour as a newcomer does, in 4 MiB
set -u
log=$(mktemp)
trap 'rm -f "$log"' EXIT
vm=$1
shift
timeout -k 3 900 "$vm" run --memory 4M "$@" </dev/null >"$log"
status=$?
right=$(grep -c 'right' "$log")
if [ $status = 0 ] && [ "$right" -ge 23 ] && ! grep -q WRONG "$log" &&
	grep -q 'All is as on real hardware' "$log" && grep -q 'units translated' "$log"; then
	exit 0
fi
echo "tour.sh: status $status, $right results right"
cat "$log"
exit 1
