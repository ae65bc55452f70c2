#!/bin/sh
# stopped.sh UNRING KERNEL: runs the kernel by run.sh, and stops the VM now and then,
# for longer and for shorter.  Exit status 0: the verdict was as expected all the same.
# shellcheck disable=SC2086 # vm: its processes
set -u
sh "$(dirname "$0")/run.sh" "$@" --append "stopped-$$" &
run=$!
sleep 0.1
stops=0
while kill -0 $run 2>/dev/null; do
	for seconds in 0.02 0.3 0.005 0.1; do
		vm=$(pgrep -f "^$1 .* stopped-$$") || continue
		kill -STOP $vm && stops=$((stops + 1))
		sleep $seconds
		kill -CONT $vm
		sleep 0.15
	done
done
wait $run || { echo "stopped $stops times"; exit 1; }
[ $stops -ge 8 ] || { echo "stopped.sh: stopped $stops times only"; exit 1; }
