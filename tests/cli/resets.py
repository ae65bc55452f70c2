"""A triple fault resets the machine, again and again, until a signal ends the run; with
--no-reboot it ends the run itself.  An x87 error that nothing can serve is a halt, or waits.

    resets.py UNRING TRIPLE FERR        guest test kernels
"""

import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "debian"))
from vm import Vm

unring, triple, ferr = sys.argv[1:]


def command(kernel, *options):
    return [unring, "run", "--kernel", kernel, "--serial", "none", "--debugcon", "-", *options]


def once(kernel, status, count, report, *options):
    """It ends so, with that many shutdowns, and says why."""
    done = subprocess.run(command(kernel, "--no-reboot", *options), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=300)
    if done.returncode != status or done.stdout.count("about to shut down") != count \
            or report not in done.stderr:
        sys.exit(f"{kernel}: status {done.returncode}\n{done.stdout}{done.stderr}")


with Vm(command(ferr, "--append", "wait"), terminal=False) as vm:
    vm.expect("about to wait", 20)
    vm.process.send_signal(signal.SIGTERM)
    vm.end(128 + signal.SIGTERM, 20)

with Vm(command(triple), terminal=False) as vm:
    for _ in range(20):
        vm.expect("about to shut down", 20)
    vm.process.send_signal(signal.SIGTERM)
    vm.end(128 + signal.SIGTERM, 20)

once(triple, 1, 1, "unring: triple fault at 0008:")
once(ferr, 0, 0, "unring: the guest has halted with interrupts off", "--append", "hold")
