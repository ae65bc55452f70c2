"""Processes of an unprivileged user inside Debian that try to stop, kill or deafen the VMM.

    debian.py UNRING GUESTS INIT
"""

import os
import signal
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "debian"))
from vm import Vm

unring, guests, init = sys.argv[1:]


def entry(name, mode, data=b"", device=(0, 0)):
    """One file of a cpio archive, Linux's initramfs buffer format."""
    name = name.encode() + b"\0"
    numbers = (0, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name), 0)
    head = b"070701" + b"".join(b"%08x" % n for n in numbers) + name
    return b"".join(part + b"\0" * (-len(part) % 4) for part in (head, data))


with tempfile.TemporaryDirectory() as folder:
    initrd = f"{folder}/initrd"
    with open(initrd, "wb") as out:
        out.write(entry("dev", 0o40755) + entry("dev/console", 0o20600, device=(5, 1)) +
                  entry("init", 0o100755, open(init, "rb").read()) + entry("TRAILER!!!", 0))
    args = [unring, "run", "--kernel", f"{guests}/vmlinuz-686", "--initrd", initrd, "--append",
            "console=ttyS0 panic=-1 quiet", "--serial", "stdio", "--no-reboot"]
    with Vm(args, terminal=False) as vm:
        for attack in ("flags", "aliases executed", "aliases dropped", "flags again"):
            vm.expect(attack, 60)
            vm.expect("over", 60)
        vm.expect("all is well", 20)
        vm.process.send_signal(signal.SIGTERM)
        vm.end(128 + signal.SIGTERM, 20)
        vm.errors.seek(0)
        if vm.errors.read():
            vm.fail("it was heard by the watchdog")
