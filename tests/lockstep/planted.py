#!/usr/bin/env python3
"""planted.py UNRING KERNEL.elf: the lockstep runner must find planted bugs, each at the
instruction where it is, and nowhere else."""

import os
import re
import subprocess
import sys

RUNNER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lockstep.py")

# Function, instruction in it, time that it runs, register, bits.
PLANTS = [
    ("arithmetic", 3, 1, "ebp", 0x80000000),
    ("fib", 4, 700, "edx", 0x40),
    ("fib", 1, 9000, "eflags", 0x400),
    ("memcmp", 2, 1, "edi", 1),
    ("trap_entry", 0, 2, "esi", 0x1000),
]


def instructions(elf, function):
    out = subprocess.run(["objdump", "-d", f"--disassemble={function}", elf], check=True,
                         capture_output=True, text=True).stdout
    return [int(a, 16) for a in re.findall(r"^ +([0-9a-f]+):\t(?:[0-9a-f]{2} )+ *\t", out, re.M)]


def main():
    unring, kernel = sys.argv[1:]
    failed = 0
    for function, number, hit, register, mask in PLANTS:
        eip = instructions(kernel, function)[number]
        r = subprocess.run([sys.executable, RUNNER, "--plant",
                            f"{eip:#x},{hit},{register},{mask:#x}", unring, kernel],
                           capture_output=True, text=True)
        found = re.search(r"parted after (0x[0-9a-f]+) .*\n    (\w+): unring (\w+), QEMU (\w+)$",
                          r.stdout, re.M)
        ok = (r.returncode == 1 and found and int(found[1], 16) == eip and found[2] == register and
              (int(found[3], 16) ^ int(found[4], 16)) & mask == mask and r.stdout.count("\n") == 2)
        print(f"{'ok' if ok else 'FAIL'} {function} {eip:#x} hit {hit} {register}")
        if not ok:
            print(r.stdout, r.stderr)
            failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
