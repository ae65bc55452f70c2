#!/usr/bin/env python3
"""debian.py [--plant] UNRING GUESTS TOOLS

Boots Debian's kernel under unring and under QEMU, from the same memory at its 32-bit
entry, and compares the two at the first call of each of some of its functions, up to
that which starts init: registers with their hidden parts, descriptor tables, the
kernel's text and its half of the page tables.  Reports the first checkpoint that
differs and what differs.

Left out is what a clock or the CPU model shows in: registers that are free at a
function's entry, flags, CR2, debug registers, and the functions that the kernel patches
by how it found the TSC.  QEMU does not set the accessed bit of CS.

--plant: a test of this runner: bugs planted in unring must be reported at the first
checkpoint behind them.

Exit status: 0 no difference, 1 a difference, 2 it could not be run.
"""

import argparse
import bisect
import os
import socket
import subprocess
import sys
import tempfile

from lockstep import address, symbols
from pair import PTE_A, Pair, Parted
from remote import Gone

MEGABYTES = 64
ENTRY = 0x100000            # of a bzImage.  Documentation/arch/x86/boot.rst, 32-bit boot protocol
CHECKPOINTS = ["setup_arch", "sched_init", "vfs_caches_init", "rest_init", "kernel_init",
               "populate_rootfs", "mark_rodata_ro", "run_init_process"]
FREE = {"eax", "ecx", "edx", "eflags", "cr2", "dr6", "dr7", "mxcsr", "fctrl", "fstat"}
FIRMWARE = {"tr", "tr_base", "tr_limit"}    # until the kernel loads it, before sched_init
BY_TSC = {"native_sched_clock", "tsc_save_sched_clock_state", "tsc_restore_sched_clock_state", "cpu_init"}
APPEND = "console=ttyS0 panic=-1 nokaslr norandmaps quiet acpi=off notsc"
# unring's Pentium III; QEMU's own says that it is a hypervisor's.
CPU = "pentium3,-apic,-hypervisor,stepping=10"
PTE_D, PTE_PS, PTE_P = 1 << 6, 1 << 7, 1
ADDRESS = 0xfffff000
KERNEL = 0xc0000000         # its half of linear space; physical memory is mapped from there on

# Planted after the first instruction of a function: what, bits; checkpoint and report expected.
PLANTS = [
    ("vfs_caches_init", "*device_shutdown+16", 0x40, "rest_init: text at device_shutdown+0x10:"),
    ("sched_init", "esi", 0x10, "vfs_caches_init: esi:"),
]


class Debian(Pair):
    def __init__(self, unring, guests, kernel_symbols, plant=None):
        self.symbols = kernel_symbols
        self.order = sorted((at, name) for name, (at, _) in kernel_symbols.items())
        kernel, initrd = f"{guests}/vmlinuz-686", f"{guests}/shell.gz"
        super().__init__(unring, MEGABYTES,
                         ["--kernel", kernel, "--initrd", initrd, "--append", APPEND],
                         ["-kernel", kernel, "-initrd", initrd, "-append", APPEND, "-cpu", CPU],
                         plant)
        for side in self.sides():
            side.socket.settimeout(300)
        self.start(ENTRY)
        # Tables of firmware: those of unring's for both.
        for at in range(0xc0000, 0x100000, 1024):
            self.qemu.store(at, self.unring.memory(at, 1024, physical=True), physical=True)

    def name(self, linear):
        at, name = self.order[bisect.bisect_right(self.order, (linear, "\xff")) - 1]
        return name, linear - at

    def to(self, function):
        at = {self.symbols[function][0]}
        self.break_at(at)
        self.go(at)
        self.break_at(at, False)

    def check_registers(self, ignored):
        for name, its in self.its.items():
            mine = self.mine.get(name, its)
            if name not in ignored and not name.startswith(("st", "xmm", "f")) and mine != its:
                yield f"{name}: unring {mine:#x}, QEMU {its:#x}"

    def check_tables(self):
        for table in ("gdtr", "idtr"):
            base, size = self.mine[f"{table}_base"], self.mine[f"{table}_limit"] + 1
            mine, its = (side.memory(base, size) for side in self.sides())
            for at in range(0, size, 8):
                m, q = (int.from_bytes(x[at:at + 8], "little") for x in (mine, its))
                accessed = 1 << 40 if m & q & 1 << 44 and table == "gdtr" else 0
                if (m ^ q) & ~accessed:
                    yield f"{table} entry {at // 8}: unring {m:#x}, QEMU {q:#x}"

    def check_text(self):
        start, end = (self.symbols[s][0] - KERNEL for s in ("_stext", "_etext"))
        for page in self.ram.pages():
            for at in range(max(page, start), min(page + 4096, end), 4):
                mine, its = self.ram.dword(at)
                name, offset = self.name(at + KERNEL)
                if mine != its and name not in BY_TSC:
                    yield f"text at {name}+{offset:#x}: unring {mine:#x}, QEMU {its:#x}"

    def check_paging(self):
        """The kernel's half; A and D depend on when TLBs were filled."""
        directory = self.its["cr3"] & ADDRESS
        for n in range(KERNEL >> 22, 1024):
            entries = self.ram.dword(directory + 4 * n)
            yield from self.check_entry(n << 22, entries)
            if entries[0] & entries[1] & PTE_P and not (entries[0] | entries[1]) & PTE_PS:
                mine, its = (e & ADDRESS for e in entries)
                for i in range(1024):
                    yield from self.check_entry(n << 22 | i << 12, (self.ram.dword(mine + 4 * i)[0],
                                                                   self.ram.dword(its + 4 * i)[1]))

    @staticmethod
    def check_entry(linear, entries):
        mine, its = entries
        # Above the mapping of memory: frames from an allocator that interrupts use, too.
        frame = ADDRESS if linear >= KERNEL + (MEGABYTES << 20) and mine & its & PTE_P else 0
        if (mine ^ its) & ~(PTE_A | PTE_D | frame):
            yield f"paging entry for {linear:#010x}: unring {mine:#x}, QEMU {its:#x}"

    def check(self, function, ignored):
        found = [*self.check_registers(ignored), *self.check_tables(), *self.check_text()]
        if self.its["cr0"] >> 31 and not found:
            found += self.check_paging()
        if found:
            raise Parted("\n    ".join([f"{function}: {found[0]}", *found[1:20]]))


def boot(unring, guests, kernel_symbols, plant=None):
    """Raises Parted at the first checkpoint that differs."""
    pair = Debian(unring, guests, kernel_symbols, plant)
    try:
        for function in CHECKPOINTS:
            pair.to(function)
            early = CHECKPOINTS.index(function) < CHECKPOINTS.index("sched_init")
            pair.check(function, FREE | FIRMWARE if early else FREE)
    finally:
        pair.close()


def planted(unring, guests, kernel_symbols):
    """Exit status."""
    failed = 0
    for function, what, mask, expected in PLANTS:
        where = address(kernel_symbols, what[1:]) if what[0] == "*" else what
        try:
            boot(unring, guests, kernel_symbols, (kernel_symbols[function][0], 1, where, mask))
            report = "nothing"
        except Parted as e:
            report = str(e)
        ok = report.startswith(expected) and "\n" not in report
        print(f"{'ok' if ok else 'FAIL'} {what} at {function}: {report}")
        failed |= not ok
    return failed


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    p.add_argument("--plant", action="store_true")
    p.add_argument("unring")
    p.add_argument("guests")
    p.add_argument("tools")
    a = p.parse_args()
    try:
        with tempfile.NamedTemporaryFile(suffix=".elf") as elf:
            subprocess.run([sys.executable, os.path.join(a.tools, "kallsyms.py"), "--unring", a.unring,
                            "--guests", a.guests, "--kernel", "686", elf.name],
                           check=True, stdout=subprocess.DEVNULL)
            names = symbols(elf.name)
        if a.plant:
            return planted(a.unring, a.guests, names)
        boot(a.unring, a.guests, names)
        print(f"the same at {', '.join(CHECKPOINTS)}")
    except Parted as e:
        print(e)
        return 1
    except (Gone, socket.timeout, OSError, subprocess.CalledProcessError) as e:
        print(f"cannot go on: {e!r}")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
