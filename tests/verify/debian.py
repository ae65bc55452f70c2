"""Boots a Debian kernel with --verify, works at its shell, has the cache checked while
it runs (SIGUSR1) and at its end.

    debian.py --unring PATH --guests DIR [--options ...] 686|686-pae
"""

import argparse
import os
import re
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "debian"))
from vm import PATIENCE, Failed, Vm, unring_arguments  # noqa: E402


def checks(vm):
    vm.errors.seek(0)
    return re.findall(r"^(?:verify: .* (\d+) violations;|violation .*)", vm.errors.read().decode(),
                      re.MULTILINE)


def wait_for_checks(vm, count):
    end = time.monotonic() + 60 * PATIENCE
    while len(checks(vm)) < count:
        if time.monotonic() > end:
            vm.fail(f"no check number {count} in time")
        vm.pump(0.1)


def session(here, kernel):
    guest = dict(kernel=f"{here.guests}/vmlinuz-{kernel}", initrd=f"{here.guests}/shell.gz",
                 append="console=ttyS0 panic=-1", options=["--verify", *here.options.split()])
    with Vm(unring_arguments(here.unring, guest)) as vm:
        vm.expect(r"Linux version 6\.1\.", 90)
        vm.prompt(90)
        vm.process.send_signal(signal.SIGUSR1)
        wait_for_checks(vm, 1)
        vm.run("seq 1 20000 | gzip | gunzip | md5sum", r"^[0-9a-f]{32}")
        vm.run("i=0; while [ $i -lt 100 ]; do /bin/true; i=$((i+1)); done; echo done-$i",
               r"^done-100$")
        vm.send("reboot -f\n")
        vm.end(0)
        found = checks(vm)
        if found != ["0", "0"]:
            vm.fail(f"checks: {found}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--unring", required=True)
    parser.add_argument("--guests", required=True)
    parser.add_argument("--options", default="")
    parser.add_argument("kernel")
    here = parser.parse_args()
    try:
        session(here, here.kernel)
    except Failed as why:
        print(f"FAILED: {why}")
        return 1
    return 0


sys.exit(main())
