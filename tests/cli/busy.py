"""A guest that computes for ever, without a timer and with interrupts off: what it
printed comes out all the same, keys are looked at, and signals end it.

    busy.py UNRING KERNEL
"""

import os
import signal
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "debian"))
from vm import Vm

unring, kernel = sys.argv[1:]


def start(*options, **how):
    return Vm([unring, "run", "--kernel", kernel, *options], **how)


def says_up(vm, path):
    """What it prints to a file that is not its standard output."""
    end = time.monotonic() + 100
    while time.monotonic() < end:
        if os.path.exists(path) and open(path).read() == "up\n":
            return
        time.sleep(0.01)
    vm.fail(f"nothing came to {os.path.basename(path)}")


with start("--serial", "stdio", terminal=False) as vm:
    vm.expect(r"^up$", 20)
    vm.process.send_signal(signal.SIGTERM)
    vm.end(128 + signal.SIGTERM, 20)

with start("--serial", "stdio") as vm:      # at a terminal
    vm.expect(r"^up", 20)
    vm.send("\x01x")
    vm.end(0, 20)

with tempfile.TemporaryDirectory() as folder:
    for options in (["--serial", f"file:{folder}/out"],
                    ["--serial", "none", "--debugcon", f"{folder}/out"]):
        with start(*options) as vm:
            says_up(vm, f"{folder}/out")
            vm.process.send_signal(signal.SIGINT)
            vm.end(128 + signal.SIGINT, 20)
        os.unlink(f"{folder}/out")
