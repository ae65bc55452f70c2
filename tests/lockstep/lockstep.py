#!/usr/bin/env python3
"""lockstep.py [option...] UNRING KERNEL.elf

Runs a guest test kernel under unring and under QEMU side by side, from --from
(guest_main) to --to (finish), and reports the first instruction after which their
registers part. At first they meet at function entries only; where they part, both are
started again, led to the last meeting that was well, and go on by single steps.

QEMU is not always right: the tests that tests/guest/qemu-wrong.txt lists for the kernel
are skipped. What the manual leaves undefined is taken from QEMU.

  --steps          single steps all the way
  --plant EIP,HIT,REGISTER,MASK
                   a test of this runner: after the HITth time that unring has run the
                   instruction at EIP (a number, or SYMBOL+OFFSET), the bits in MASK of a
                   register are wrong

Exit status: 0 no difference, 1 a difference, 2 it could not be run.
"""

import argparse
import os
import re
import socket
import subprocess
import sys
import tempfile

import undefined
from remote import Gone, Remote

HERE = os.path.dirname(os.path.abspath(__file__))
WRONG = os.path.join(HERE, "..", "guest", "qemu-wrong.txt")
GENERAL = ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"]
COMPARED = [*GENERAL, "eip", "eflags", "cs", "ss", "ds", "es", "fs", "gs", "fctrl", "fstat", "mxcsr", "cr0", "cr2", "cr3", "cr4",
            *(f"st{n}" for n in range(8)), *(f"xmm{n}" for n in range(8))]
RF = 1 << 16            # QEMU does not keep it
EFLAGS = 0x3f7fd7       # bits that there are
STUCK = 20              # seconds without a stop


class Parted(Exception):
    pass


def symbols(elf):
    """{name: (address, is it a function of C?)}"""
    out = subprocess.run(["readelf", "-sW", elf], check=True, capture_output=True, text=True).stdout
    rows = (line.split() for line in out.splitlines())
    return {r[7]: (int(r[1], 16), r[3] == "FUNC") for r in rows
            if len(r) == 8 and r[3] in ("FUNC", "NOTYPE") and r[6].isdigit()}


def skips(name):
    with open(WRONG) as f:
        listed = re.findall(rf"^{re.escape(name)} !?(\S+) ", f.read(), re.MULTILINE)
    return " ".join(f"skip:{test}" for test in listed)


class Planted(Remote):
    """unring with a bug: (EIP, hit, register, mask)."""

    def __init__(self, address, plant):
        self.plant, self.hits = plant, 0
        super().__init__(address)
        if plant:
            self.break_at(plant[0])

    def damage(self, eip):
        """After an instruction at eip."""
        if self.plant and eip == self.plant[0]:
            self.hits += 1
            if self.hits == self.plant[1]:
                _, _, name, mask = self.plant
                self.write(name, self.read()[name] ^ mask)

    def step(self):
        eip = self.read()["eip"] if self.plant else None
        super().step()
        self.damage(eip)

    def go(self, meetings):
        """On to a meeting; the planted place is none."""
        while self.plant:
            if self.read()["eip"] == self.plant[0]:
                self.step() # a breakpoint is passed over where it goes on
            else:
                self.resume("c")
                self.stopped()
            if self.read()["eip"] in meetings:
                return
        self.resume("c")
        self.stopped()


class Pair:
    """Both machines, at the same place."""

    def __init__(self, a, kernel_symbols):
        self.symbols = kernel_symbols
        self.directory = tempfile.TemporaryDirectory()
        name = os.path.basename(a.kernel).removesuffix(".elf")
        append = skips(name)
        path = os.path.join(self.directory.name, "gdb")
        self.processes = []
        self.unring = self.qemu = None
        try:
            self.processes.append(subprocess.Popen(
                ["qemu-system-i386", "-accel", "tcg", "-M", "isapc", "-cpu", "pentium3,-apic",
                 "-m", "16", "-nodefaults", "-display", "none", "-no-reboot", "-S",
                 "-device", "isa-debug-exit,iobase=0xf4,iosize=1", "-debugcon", "file:/dev/null",
                 "-chardev", f"socket,path={path},server=on,wait=off,id=gdb", "-gdb", "chardev:gdb",
                 "-kernel", a.kernel, "-append", append], stdin=subprocess.DEVNULL))
            unring = subprocess.Popen(
                [a.unring, "run", "--gdb", "0", "--kernel", a.kernel, "--append", append,
                 "--memory", "16M", "--serial", "none", "--debugcon", "/dev/null", "--debug-exit",
                 "--no-reboot"], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            self.processes.append(unring)
            port = re.search(r"127\.0\.0\.1:(\d+)", unring.stderr.readline())
            self.unring = Planted(("127.0.0.1", int(port.group(1))), a.plant)
            self.qemu = Remote(path)
        except BaseException:
            self.close()
            raise
        for side in self.sides():
            side.socket.settimeout(STUCK)
        self.compared = [r for r in COMPARED
                         if r in self.unring.registers and r in self.qemu.registers]
        self.end = self.address(a.to)
        self.instructions = 0
        start = {self.address(a.start)}
        self.break_at(start)
        self.go(start)
        self.break_at(start, False)
        # QEMU's firmware has left the timer's interrupt on.
        for port in (0x21, 0xa1):
            self.qemu.command(f"o/b {port} 0xff")
        # What the loaders gave differs; the rest of the machine is to be the same from here on.
        self.take_over(GENERAL + ["eflags", "cr2"])

    def sides(self):
        return [side for side in (self.unring, self.qemu) if side]

    def close(self):
        for side in self.sides():
            side.close()
        for p in self.processes:
            p.kill()
            p.wait()
            if p.stderr:
                p.stderr.close()
        self.directory.cleanup()

    def address(self, text):
        name, _, offset = text.partition("+")
        if name in self.symbols:
            return self.symbols[name][0] + int(offset or "0", 0)
        return int(text, 0)

    def where(self, eip):
        below = [(address, name) for name, (address, _) in self.symbols.items()
                 if address <= eip]
        if not below:
            return f"{eip:#010x}"
        address, name = max(below)
        return f"{eip:#010x} <{name}+{eip - address}>"

    def look(self):
        """Their registers, as they are now: self.mine and self.its."""
        for side in self.sides():
            side.send("g")
        self.mine, self.its = (side.decode(side.receive()) for side in self.sides())
        # QEMU gives the physical registers of the x87 stack.
        top = self.its["fstat"] >> 11 & 7
        self.its.update({f"st{n}": self.its[f"st{n + top & 7}"] for n in range(8)})

    def take_over(self, names):
        for name in names:
            if self.mine[name] != self.its[name]:
                self.unring.write(name, self.its[name])
                self.mine[name] = self.its[name]

    def break_at(self, places, on=True):
        for at in places:
            for side in self.sides():
                side.break_at(at, on)

    def go(self, meetings):
        """Both on to one of these places, where there are breakpoints."""
        self.qemu.resume("c")
        self.unring.go(meetings)
        self.qemu.stopped()
        self.look()

    def different(self, ignored_flags):
        # A fault's image of EFLAGS has RF set; QEMU's has not.  SDM vol. 3, 17.3.1.1.
        self.take_over([r for r in GENERAL if self.mine[r] ^ self.its[r] == RF and
                        self.mine[r] & RF and not self.mine[r] & ~EFLAGS])
        ignored = {"eflags": ignored_flags | RF}
        return [(name, self.mine[name], self.its[name]) for name in self.compared
                if (self.mine[name] ^ self.its[name]) & ~ignored.get(name, 0)]

    def step(self):
        """One instruction; Parted when it is the one."""
        eip = self.eip
        code = self.qemu.memory(eip, 15) or self.qemu.memory(eip, 4096 - (eip & 4095))
        self.qemu.resume("s")
        self.unring.step()
        self.qemu.stopped()
        self.instructions += 1
        self.look()
        # QEMU looks once more at a string instruction that has come to its end, and may stop
        # before an instruction has run.
        if self.eip == eip != self.mine["eip"]:
            self.qemu.step()
            self.look()
        self.take_over(undefined.registers(code))
        free = undefined.flags(code)
        parted = self.different(free)
        if parted:
            lines = "\n".join(f"    {name}: unring {m:#x}, QEMU {q:#x}" for name, m, q in parted)
            raise Parted(f"parted after {self.where(eip)}: {code.hex(' ')}\n{lines}")
        if free:
            self.take_over(["eflags"])

    @property
    def eip(self):
        return self.its["eip"]

    def at_end(self):
        return self.eip == self.end


def functions(kernel_symbols, first):
    """Where the two meet: the code that is reached from the start on."""
    return {address for address, function in kernel_symbols.values() if function} - {first}


def meet(pair, meetings):
    """To the next meeting; False when they did not come to the same one in the same state."""
    pair.step()
    if pair.eip in meetings:
        return True
    try:
        pair.go(meetings)
    except (Gone, socket.timeout):
        return False
    if pair.different(undefined.ARITHMETIC):
        return False
    pair.take_over(["eflags"])
    return True


def walk(pair, meetings):
    """To the next meeting by single steps."""
    pair.break_at(meetings, False)
    pair.step()
    while pair.eip not in meetings:
        pair.step()
    pair.break_at(meetings)


def run(a, kernel_symbols):
    """What there is to say when they never part."""
    pair = Pair(a, kernel_symbols)
    meetings = functions(kernel_symbols, pair.eip) | {pair.end}
    met = steps = 0
    walked = set()      # meetings before a way that takes single steps
    try:
        if a.steps:
            while not pair.at_end():
                pair.step()
            return f"{pair.instructions} instructions"
        pair.break_at(meetings)
        while True:
            while not pair.at_end() and meet(pair, meetings):
                met += 1
            if pair.at_end():
                return (f"{met} meetings, {steps + pair.instructions} single steps, "
                        f"{len(walked)} times from one meeting to the next")
            # Again, up to here, and then one by one.
            walked.add(met)
            steps += pair.instructions
            pair.close()
            pair = Pair(a, kernel_symbols)
            pair.break_at(meetings)
            for n in range(met + 1):
                if n in walked:
                    walk(pair, meetings)
                elif not meet(pair, meetings):
                    raise Parted("not the same the second time: the guest is not deterministic")
            met += 1
    finally:
        pair.close()


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    p.add_argument("--from", dest="start", default="guest_main")
    p.add_argument("--to", default="finish")
    p.add_argument("--steps", action="store_true")
    p.add_argument("--plant")
    p.add_argument("unring")
    p.add_argument("kernel")
    a = p.parse_args()
    names = symbols(a.kernel)
    if a.plant:
        place, hit, register, mask = a.plant.split(",")
        symbol, _, offset = place.partition("+")
        base = names[symbol][0] if symbol in names else int(symbol, 0)
        a.plant = (base + int(offset or "0", 0), int(hit), register, int(mask, 0))
    kernel = os.path.basename(a.kernel)
    try:
        print(f"{kernel}: the same: {run(a, names)}")
    except Parted as e:
        print(f"{kernel}: {e}")
        return 1
    except (Gone, socket.timeout, OSError) as e:
        print(f"{kernel}: cannot go on: {e!r}")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
