#!/usr/bin/env python3
"""Symbols of a Debian guest's kernel for gdb, from the guest's own /proc/kallsyms.

    kallsyms.py [--unring PATH] [--guests DIR] [--kernel 686|686-pae] OUT.elf
        boots the guest with `nokaslr`, reads its symbols over the serial line
    kallsyms.py --from FILE OUT.elf
        takes them from a copy of /proc/kallsyms

The ELF file has symbols only: `gdb OUT.elf`, or `symbol-file OUT.elf`.
"""

import argparse
import base64
import gzip
import os
import re
import struct
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
BEGIN, END = "kallsyms-begin", "kallsyms-end"
TEXT, DATA, ABSOLUTE = 1, 2, 0xfff1


def from_guest(unring, guests, kernel):
    """The text of /proc/kallsyms, compressed on its way."""
    args = [unring, "run", "--kernel", f"{guests}/vmlinuz-{kernel}", "--initrd",
            f"{guests}/shell.gz", "--append", "console=ttyS0 quiet nokaslr", "--no-reboot"]
    commands = f"stty -echo\necho {BEGIN}; gzip -9 </proc/kallsyms | base64; echo {END}\n"
    r = subprocess.run(args, input=f"{commands}poweroff -f\n".encode(), capture_output=True,
                       timeout=300)
    text = r.stdout.decode("latin-1").replace("\r", "")
    match = re.search(f"{BEGIN}\n([A-Za-z0-9+/=\n]+)\n.*{END}", text)
    if not match:
        sys.exit(f"kallsyms.py: no symbols from the guest:\n{text[-2000:]}{r.stderr.decode()}")
    return gzip.decompress(base64.b64decode(match.group(1))).decode()


def parse(text):
    """(address, kind, name) in order; modules' symbols too."""
    symbols = []
    for line in text.splitlines():
        address, kind, name = line.split()[:3]
        where = ABSOLUTE if kind in "aA" else TEXT if kind in "tTwWiI" else DATA
        symbols.append((int(address, 16), where, kind.islower(), name))
    symbols.sort()
    return symbols


def write_elf(symbols, path):
    names, entries = bytearray(b"\0"), [struct.pack("<IIIBBH", 0, 0, 0, 0, 0, 0)]
    # ELF wants the local symbols first.
    for want_local in (True, False):
        for n, (address, where, local, name) in enumerate(symbols):
            if local != want_local:
                continue
            later = (s[0] for s in symbols[n + 1:n + 200] if s[1] == where and s[0] > address)
            size = min(next(later, address) - address, 1 << 20) if where != ABSOLUTE else 0
            kind = {TEXT: 2, DATA: 1, ABSOLUTE: 0}[where]
            entries.append(struct.pack("<IIIBBH", len(names), address, size,
                                       (0 if local else 1) << 4 | kind, 0, where))
            names += name.encode() + b"\0"
    first_global = 1 + sum(local for _, _, local, _ in symbols)
    shstr = b"\0.text\0.data\0.symtab\0.strtab\0.shstrtab\0"
    table = b"".join(entries)
    parts, at, offsets = [table, bytes(names), shstr], 52, []
    for part in parts:
        offsets.append(at)
        at += len(part)

    def span(where):
        found = [s[0] for s in symbols if s[1] == where]
        return min(found), max(found) - min(found) + 4096

    def section(name, kind, flags, address, offset, size, link=0, info=0, entry=0):
        return struct.pack("<10I", shstr.index(b"\0" + name + b"\0") + 1 if name else 0, kind,
                           flags, address, offset, size, link, info, 4 if entry else 1, entry)

    sections = [
        bytes(40),
        section(b".text", 8, 6, *(lambda a, n: (a, 52, n))(*span(TEXT))),
        section(b".data", 8, 3, *(lambda a, n: (a, 52, n))(*span(DATA))),
        section(b".symtab", 2, 0, 0, offsets[0], len(table), 4, first_global, 16),
        section(b".strtab", 3, 0, 0, offsets[1], len(names)),
        section(b".shstrtab", 3, 0, 0, offsets[2], len(shstr)),
    ]
    header = b"\x7fELF\1\1\1" + bytes(9) + struct.pack(
        "<HHIIIIIHHHHHH", 2, 3, 1, 0, 0, at, 0, 52, 0, 0, 40, len(sections), 5)
    with open(path, "wb") as f:
        f.write(header + b"".join(parts) + b"".join(sections))


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--unring", default=f"{ROOT}/build/release/unring")
    p.add_argument("--guests", default=f"{ROOT}/build/guests")
    p.add_argument("--kernel", default="686")
    p.add_argument("--from", dest="source")
    p.add_argument("out")
    a = p.parse_args()
    if a.source:
        with open(a.source) as f:
            text = f.read()
    else:
        text = from_guest(a.unring, a.guests, a.kernel)
    symbols = parse(text)
    if not any(address for address, *_ in symbols):
        sys.exit("kallsyms.py: all addresses are 0: read it as root, with kptr_restrict at 0")
    write_elf(symbols, a.out)
    print(f"{len(symbols)} symbols")


if __name__ == "__main__":
    main()
