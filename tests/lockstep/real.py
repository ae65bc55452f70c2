#!/usr/bin/env python3
"""real.py [--most N] [--plant EIP,HIT,WHAT,MASK] UNRING ROM

Runs a ROM of 16-bit code (tests/real) under unring and under QEMU side by side, from the reset
vector on, by single steps, to its end, to a HLT, or for --most instructions (default 1000000), and reports the
first one after which they part: in a register, in the hidden part of one, or in a byte of memory.

  --plant EIP,HIT,WHAT,MASK
                   a test of this runner: after the HITth time that unring has run the
                   instruction at this linear address, the bits in MASK of a register are wrong

Exit status: 0 no difference, 1 a difference, 2 it could not be run.
"""

import argparse
import os
import subprocess
import sys

from pair import Pair, Parted, verdict
from remote import Gone


class Rom(Pair):
    """Both at the reset vector."""

    def __init__(self, a):
        super().__init__(a.unring, 16, ["--bios", a.rom, "--debugcon", "/dev/null", "--debug-exit"],
                         ["-bios", a.rom, "-debugcon", "file:/dev/null",
                          "-device", "isa-debug-exit,iobase=0xf4,iosize=1"], a.plant)
        self.look()
        self.take_over(["edx"])     # which processor it is

    def step(self):
        self.cs = self.mine["cs"]
        super().step()

    def where(self, eip):
        return f"{self.cs:04x}:{eip:04x}"

    def halts(self):
        """Is HLT next? Interrupts come when they will."""
        return self.qemu.memory(self.its["eip"] + self.its["cs_base"] & 0xffffffff, 1) == b"\xf4"

    def ended(self):
        """The exit status of both; None where one of them goes on."""
        try:
            status = {p.wait(10) for p in self.processes}
        except subprocess.TimeoutExpired:
            return None
        return status.pop() if len(status) == 1 else None


def run(a):
    """What there is to say when they never part."""
    pair = Rom(a)
    try:
        while pair.instructions < a.most:
            if pair.halts():
                return f"{pair.instructions} instructions, to a HLT"
            pair.step()
        return f"{pair.instructions} instructions"
    except Gone:
        status = pair.ended()
        if status is None:
            raise Parted("one of them has ended") from None
        return f"{pair.instructions} instructions, to its end with status {status}"
    finally:
        pair.close()


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    p.add_argument("--most", type=int, default=1000000)
    p.add_argument("--plant")
    p.add_argument("unring")
    p.add_argument("rom")
    a = p.parse_args()
    if a.plant:
        at, hit, what, mask = a.plant.split(",")
        a.plant = (int(at, 0), int(hit), what, int(mask, 0))
    return verdict(os.path.basename(a.rom), lambda: run(a))


if __name__ == "__main__":
    sys.exit(main())
