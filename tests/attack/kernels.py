"""Guest kernels that try to stop, kill or deafen the VMM.  Each gets on, or halts; SIGTERM is
heard at any time, and by no watchdog.

    kernels.py UNRING FOLDER DEAF.so
"""

import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "debian"))
from vm import Vm

unring, folder, deaf = sys.argv[1:]


def start(kernel, *options):
    return Vm([unring, "run", "--kernel", f"{folder}/{kernel}.elf", "--serial", "none",
               "--debugcon", "-", "--no-reboot", *options], terminal=False)


def errors(vm):
    vm.errors.seek(0)
    return vm.errors.read().decode()


def heard(vm, or_ends=False):
    vm.process.send_signal(signal.SIGTERM)
    status = vm.process.wait(100)
    if status != 128 + signal.SIGTERM and not (or_ends and status == 0):
        vm.fail(f"SIGTERM: status {status}")
    if "internal error" in errors(vm):
        vm.fail("heard by the watchdog alone")


# Those that run for ever.
for kernel, signs in (("flags", 20), ("flags-user", 20), ("middle", 60), ("exceptions", 1),
                      ("fast-timer", 40)):
    print(kernel, flush=True)
    with start(kernel) as vm:
        vm.expect(r"\.{%d}" % signs, 20)
        heard(vm)

# Those that end by themselves; and where they want most of the VMM it is told to end.
for kernel in ("aliases-traced", "aliases-revoked", "aliases-protected"):
    for options in ([], ["--no-userfaultfd"], ["--vma-budget", "1000"]):
        print(kernel, *options, flush=True)
        with start(kernel, "--memory", "64M", *options) as vm:
            vm.expect("abc", 60)
            vm.end(0, 20)
    with start(kernel, "--memory", "64M") as vm:
        vm.expect("ab", 60)
        heard(vm, or_ends=True)

# A VMM that hears nothing, for the watchdog's sake: it has been made to spin.
print("deaf", flush=True)
os.environ["LD_PRELOAD"] = deaf
with start("flags") as vm:
    del os.environ["LD_PRELOAD"]
    vm.expect(r"\.", 20)
    vm.process.send_signal(signal.SIGUSR2)
    vm.pump(1)
    vm.process.send_signal(signal.SIGTERM)
    vm.end(128 + signal.SIGTERM, 20)
    if "was not heard" not in errors(vm):
        vm.fail("no word of the watchdog's")
