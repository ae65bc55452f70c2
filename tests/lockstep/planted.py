#!/usr/bin/env python3
"""planted.py UNRING MUTANT DIRECTORY: the lockstep runner must find planted bugs, each at the
instruction where it is, and nowhere else; those of MUTANT are in its translator."""

import os
import re
import subprocess
import sys

RUNNER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lockstep.py")

# Kernel, function, instruction in it, time that it runs, register or *address, bits.
PLANTS = [
    ("hello", "arithmetic", 3, 1, "ebp", 0x80000000),
    ("hello", "fib", 4, 700, "edx", 0x40),
    ("hello", "fib", 1, 9000, "eflags", 0x400),
    ("hello", "memcmp", 2, 1, "edi", 1),
    ("hello", "trap_entry", 0, 2, "esi", 0x1000),
    # A hidden part, and bytes that are read much later: one by REP MOVS, after REP STOS stored it;
    # one at the very end; one in an address space of the kernel's.
    ("hello", "memset", 5, 2000, "*scratch+1000", 0x10),
    ("hello", "strings", 20, 1, "*scratch+8191", 1),
    ("high", "random", 2, 20, "*random_state+2", 0x80),
]

# In the translator: kernel; the first instruction that it affects, by its function; where it stores.
MUTATIONS = [
    ("hello", "run_tests", "movb", "test_failed"),
    ("high", "frame_alloc", "movb", "frame_users"),
]


def instructions(elf, function):
    out = subprocess.run(["objdump", "-d", f"--disassemble={function}", elf], check=True,
                         capture_output=True, text=True).stdout
    return [int(a, 16) for a in re.findall(r"^ *([0-9a-f]+):\t(?:[0-9a-f]{2} )+ *\t", out, re.M)]


def symbol(elf, name):
    out = subprocess.run(["nm", elf], check=True, capture_output=True, text=True).stdout
    return int(re.search(rf"^(\w+) \w {name}$", out, re.M)[1], 16)


def expected(elf, what, mask):
    """The name under which the runner reports it, and the bits that are wrong there."""
    if what[0] != "*":
        return re.escape(what), mask
    name, _, offset = what[1:].partition("+")
    at = symbol(elf, name) + int(offset)
    return rf"memory at {at & ~3:#010x} <.*>", mask << 8 * (at & 3)


def translator(unring, directory):
    """Bugs in the translator that are not found."""
    failed = 0
    for kernel, function, mnemonic, variable in MUTATIONS:
        elf = os.path.join(directory, f"{kernel}.elf")
        out = subprocess.run(["objdump", "-d", f"--disassemble={function}", elf], check=True,
                             capture_output=True, text=True).stdout
        eip = int(re.search(rf"^ *([0-9a-f]+):\t(?:[0-9a-f]{{2}} )+ *\t{mnemonic}\b", out, re.M)[1], 16)
        r = subprocess.run([sys.executable, RUNNER, unring, elf], capture_output=True, text=True)
        ok = r.returncode == 1 and re.search(
            rf"parted after {eip:#010x} .*\n    memory at 0x[0-9a-f]+ <{variable}\+\d+>: ", r.stdout)
        print(f"{'ok' if ok else 'FAIL'} {kernel} {function} {eip:#x} {mnemonic}, in the translator")
        if not ok:
            print(r.stdout, r.stderr)
            failed += 1
    return failed


def main():
    unring, mutant, directory = sys.argv[1:]
    failed = translator(mutant, directory)
    for kernel, function, number, hit, what, mask in PLANTS:
        elf = os.path.join(directory, f"{kernel}.elf")
        eip = instructions(elf, function)[number]
        r = subprocess.run([sys.executable, RUNNER, "--plant",
                            f"{eip:#x},{hit},{what},{mask:#x}", unring, elf],
                           capture_output=True, text=True)
        name, bits = expected(elf, what, mask)
        found = re.search(rf"parted after (0x[0-9a-f]+) .*\n    {name}: unring (\w+), QEMU (\w+)$",
                          r.stdout, re.M)
        ok = (r.returncode == 1 and found and int(found[1], 16) == eip and
              int(found[2], 16) ^ int(found[3], 16) == bits and r.stdout.count("\n") == 2)
        print(f"{'ok' if ok else 'FAIL'} {kernel} {function} {eip:#x} hit {hit} {what}")
        if not ok:
            print(r.stdout, r.stderr)
            failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
