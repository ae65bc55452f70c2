"""A triple fault resets the machine, again and again, until a signal ends the run; with
--no-reboot it ends the run itself.

    resets.py UNRING KERNEL
"""

import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "debian"))
from vm import Vm

unring, kernel = sys.argv[1:]
args = [unring, "run", "--kernel", kernel, "--serial", "none", "--debugcon", "-"]

with Vm(args, terminal=False) as vm:
    for _ in range(20):
        vm.expect("about to shut down", 20)
    vm.process.send_signal(signal.SIGTERM)
    vm.end(128 + signal.SIGTERM, 20)

once = subprocess.run([*args, "--no-reboot"], stdin=subprocess.DEVNULL, capture_output=True,
                      text=True, timeout=60)
if once.returncode != 1 or once.stdout.count("about to shut down") != 1 \
        or "unring: triple fault at 0008:" not in once.stderr:
    sys.exit(f"status {once.returncode}\n{once.stdout}{once.stderr}")
