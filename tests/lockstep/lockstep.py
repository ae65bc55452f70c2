#!/usr/bin/env python3
"""lockstep.py [option...] UNRING KERNEL.elf

Runs a guest test kernel under unring and under QEMU side by side, from --from
(guest_main) to --to (finish), and reports the first instruction after which they
part: in a register, in the hidden parts of one, or in a byte of their memory.

They meet at function entries; those that are entered often are left out after the first
times in each test.  Where they part between two meetings, both are started again, led to
the last one that was well, meet at every function entry from there, and at last go on by
single steps.

QEMU is not always right: the tests that tests/guest/qemu-wrong.txt lists for the kernel
are skipped. What the manual leaves undefined is taken from QEMU.

  --steps          single steps all the way
  --skip TEST      skip this one, too: it uses a clock
  --plant EIP,HIT,WHAT,MASK
                   a test of this runner: after the HITth time that unring has run the
                   instruction at EIP (a number, or SYMBOL+OFFSET), the bits in MASK of a
                   register, or of the byte at *ADDRESS, are wrong

Exit status: 0 no difference, 1 a difference, 2 it could not be run.
"""

import argparse
import os
import re
import socket
import struct
import subprocess
import sys
from collections import Counter

import undefined
from pair import Pair, Parted, verdict
from remote import Gone

HERE = os.path.dirname(os.path.abspath(__file__))
WRONG = os.path.join(HERE, "..", "guest", "qemu-wrong.txt")
OFTEN = 20              # meetings at a function, in a test, before it is left out
OFTEN_ON_PAGE = 100     # the same for all functions of a page


def symbols(elf):
    """{name: (address, is it a function of C?)}"""
    out = subprocess.run(["readelf", "-sW", elf], check=True, capture_output=True, text=True).stdout
    rows = (line.split() for line in out.splitlines())
    return {r[7]: (int(r[1], 16), r[3] == "FUNC") for r in rows
            if len(r) == 8 and r[3] in ("FUNC", "OBJECT", "NOTYPE") and r[6].isdigit()}


def loaded(elf):
    """(physical address, linear address, bytes) of its parts."""
    with open(elf, "rb") as f:
        image = f.read()
    at, size, count = struct.unpack_from("<I", image, 28) + struct.unpack_from("<HH", image, 42)
    headers = (struct.unpack_from("<6I", image, at + n * size) for n in range(count))
    return [(h[3], h[2], h[5]) for h in headers if h[0] == 1]


def address(kernel_symbols, text):
    name, _, offset = text.partition("+")
    if name in kernel_symbols:
        return kernel_symbols[name][0] + int(offset or "0", 0)
    return int(text, 0)


def skips(name, more):
    with open(WRONG) as f:
        listed = re.findall(rf"^{re.escape(name)} !?(\S+) ", f.read(), re.MULTILINE)
    return " ".join(f"skip:{test}" for test in listed + more)


class Kernel(Pair):
    """At the start of what is compared."""

    def __init__(self, a, kernel_symbols):
        self.symbols, self.parts = kernel_symbols, loaded(a.kernel)
        append = skips(os.path.basename(a.kernel).removesuffix(".elf"), a.skip)
        super().__init__(
            a.unring, 16,
            ["--kernel", a.kernel, "--append", append, "--debugcon", "/dev/null", "--debug-exit"],
            ["-kernel", a.kernel, "-append", append, "-debugcon", "file:/dev/null",
             "-device", "isa-debug-exit,iobase=0xf4,iosize=1"], a.plant)
        first = address(kernel_symbols, a.start)
        self.end = address(kernel_symbols, a.to)
        self.start(first)
        # Where the two may meet: the code that is reached from the start on.
        self.functions = {at for at, function in kernel_symbols.values() if function}
        self.functions = self.functions - {first} | {self.end}
        self.test = kernel_symbols["skipped"][0]
        self.left_out = set()
        self.times = Counter()
        self.break_at(self.functions)

    def where(self, eip):
        below = [(at, name) for name, (at, *_) in self.symbols.items() if at <= eip]
        if not below:
            return f"{eip:#010x}"
        at, name = max(below)
        return f"{eip:#010x} <{name}+{eip - at}>"

    def place(self, physical):
        for start, linear, size in self.parts:
            if start <= physical < start + size:
                return self.where(physical - start + linear)
        return f"physical {physical:#010x}"

    def at_end(self):
        return self.eip == self.end

    def at_meeting(self):
        return self.eip in self.functions - self.left_out

    def meet(self, meetings):
        """To the next of these; False when they did not come to the same one in the same state."""
        self.step()
        if self.eip in meetings:
            return True
        try:
            self.go(meetings)
        except (Gone, socket.timeout):
            return False
        return not self.different(undefined.ARITHMETIC)

    def meet_seldom(self):
        """To the next function that is not left out."""
        if not self.meet(self.functions - self.left_out):
            return False
        self.count()
        return True

    def count(self):
        """A meeting.  QEMU is slow on a page that has a breakpoint."""
        if self.eip == self.test:
            self.break_at(self.left_out)
            self.left_out, self.times = set(), Counter()
            return
        page = range(self.eip & -4096, (self.eip & -4096) + 4096)
        self.times.update((self.eip, page))
        often = {self.eip} if self.times[self.eip] == OFTEN else set()
        if self.times[page] == OFTEN_ON_PAGE:
            often = self.functions & set(page) - self.left_out
        often -= {self.end, self.test}
        self.left_out |= often
        self.break_at(often, False)

    def closely(self, walked):
        """The same way from function to function; with single steps where in walked.  The number
        of the first meeting that fails, or None."""
        number = 0
        self.break_at(self.left_out)
        while True:
            if number in walked:
                self.walk()
            elif not self.meet(self.functions):
                return number
            number += 1
            if self.at_meeting():
                self.break_at(self.left_out, False)
                self.count()
                return None

    def walk(self):
        """To the next function entry by single steps."""
        self.break_at(self.functions, False)
        self.step()
        while self.eip not in self.functions:
            self.step()
        self.break_at(self.functions)


def run(a, kernel_symbols):
    """What there is to say when they never part."""
    pair = Kernel(a, kernel_symbols)
    met = steps = 0
    close = {}      # meetings where a closer look is needed: which function entries on the way to walk to
    try:
        if a.steps:
            while not pair.at_end():
                pair.step()
            return f"{pair.instructions} instructions"
        while not pair.at_end():
            if met in close:
                failed = pair.closely(close[met])
                if failed is not None:
                    close[met].add(failed)
            elif not pair.meet_seldom():
                failed = met
                close[met] = set()
            else:
                failed = None
            if failed is None:
                met += 1
                continue
            # Again, up to here, and closer.
            steps += pair.instructions
            pair.close()
            pair = Kernel(a, kernel_symbols)
            for n in range(met):
                if not (pair.meet_seldom() if n not in close else pair.closely(close[n]) is None):
                    raise Parted("not the same the second time: the guest is not deterministic")
        return (f"{met} meetings, {steps + pair.instructions} single steps, "
                f"{len(close)} close looks")
    finally:
        pair.close()


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    p.add_argument("--from", dest="start", default="guest_main")
    p.add_argument("--to", default="finish")
    p.add_argument("--steps", action="store_true")
    p.add_argument("--skip", action="append", default=[])
    p.add_argument("--plant")
    p.add_argument("unring")
    p.add_argument("kernel")
    a = p.parse_args()
    names = symbols(a.kernel)
    if a.plant:
        place, hit, what, mask = a.plant.split(",")
        what = address(names, what[1:]) if what[0] == "*" else what
        a.plant = (address(names, place), int(hit), what, int(mask, 0))
    return verdict(os.path.basename(a.kernel), lambda: run(a, names))


if __name__ == "__main__":
    sys.exit(main())
