"""What a disk holds after its power has failed, and what must be there then.

A record is what recorder.c notes: writes and flushes, in the order in which the host had them.
"""

import functools
import os
import random
import struct
import subprocess
import tempfile

PAGE = 4096     # of the host's cache: each is written back by itself
WRITTEN, FLUSH_BEGINS, FLUSH_ENDS = range(3)
HEAD = struct.Struct("<IIQQ")


class Record:
    """A file that unring's process maps, of so many bytes at most."""

    def __init__(self, path, room=2 << 30):
        self.path = path
        with open(path, "wb") as f:
            f.truncate(room)
            f.write(struct.pack("<Q", 8))

    def used(self):
        with open(self.path, "rb") as f:
            return struct.unpack("<Q", f.read(8))[0]

    def entries(self):
        """(where it ends, op, place, bytes) of each."""
        found, used = [], self.used()
        with open(self.path, "rb") as f:
            f.seek(8)
            while f.tell() < used:
                op, _, at, n = HEAD.unpack(f.read(HEAD.size))
                data = f.read(n)
                f.seek(-f.tell() % 8, os.SEEK_CUR)
                found.append((f.tell(), op, at, data))
        return found


def pages(at, data):
    """A write in parts, each within a page of the host's."""
    while data:
        n = PAGE - at % PAGE
        yield at, data[:n]
        at, data = at + n, data[n:]


class Replay:
    """The disk as it was, and what came then. A crash at n comes when n entries have."""

    def __init__(self, before, entries):
        self.entries = entries
        self.disk = bytearray(before)
        self.at = 0             # what is applied
        self.durable = [0]      # for each crash, how many entries are whole by a flush that had ended
        begun = kept = 0
        for n, (_, op, _, _) in enumerate(entries):
            if op == FLUSH_BEGINS:
                begun = n
            elif op == FLUSH_ENDS:
                kept = begun
            self.durable.append(kept)

    def forward(self, n):
        for _, op, at, data in self.entries[self.at:n]:
            if op == WRITTEN:
                self.disk[at:at + len(data)] = data
        self.at = max(self.at, n)

    def prefix(self, n):
        """All that had come. Crashes are asked for in their order."""
        self.forward(n)
        return self.disk

    def subset(self, n, chance, flushes=True):
        """What the last flush that had ended made durable; of all else, some."""
        self.forward(self.durable[n] if flushes else 0)
        disk = self.disk[:]
        for _, op, at, data in self.entries[self.at:n]:
            for place, part in pages(at, data) if op == WRITTEN else ():
                if chance.random() < 0.5:
                    disk[place:place + len(part)] = part
        return disk

    def writes(self):
        """The crashes that come right behind a write."""
        return [n + 1 for n, (_, op, _, _) in enumerate(self.entries) if op == WRITTEN]


# --- what must hold ---

class Claims:
    """The newest of each kind, and the files."""

    def __init__(self):
        self.files, self.version, self.transaction = {}, 0, 0

    def add(self, kind, *numbers):
        if kind == "file":
            self.files[numbers[0]] = numbers[1]
        elif kind == "version":
            self.version = numbers[0]
        else:
            self.transaction = numbers[0]


@functools.lru_cache(maxsize=None)
def content(n, size):
    """What load.c makes of n."""
    return bytes((n * 31 + i * 7 + (i >> 8)) & 0xff for i in range(size))


def read(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except FileNotFoundError:
        return None


def base_page(data):
    """(number, transaction, amount), or None: it is not whole."""
    if len(data) != PAGE or sum(struct.unpack(f"<{PAGE // 4}I", data)) & 0xffffffff:
        return None
    return struct.unpack("<IIi", data[:12])


def check_base(folder, claims):
    """As a program finds its database: what was under way is undone, if that had begun."""
    data, undo = read(f"{folder}/base"), read(f"{folder}/base.undo")
    found = [base_page(data[at:at + PAGE]) for at in range(0, len(data or b""), PAGE)]
    before = [base_page(undo[at:at + PAGE]) for at in range(0, len(undo or b""), PAGE)]
    if len(before) == 2 and all(before):
        for p in before:
            found[p[0]] = p
    if not found:
        return ["no database"] if claims.transaction else []
    if not all(found):
        return [f"page {found.index(None)} of the database is torn"] if claims.transaction else []
    newest = max(p[1] for p in found)
    if sum(p[2] for p in found):
        return ["the database does not sum up"]
    if newest < claims.transaction:
        return [f"transaction {claims.transaction} is lost: the last is {newest}"]
    return []


def check_files(folder, claims):
    wrong = []
    for n, size in claims.files.items():
        if read(f"{folder}/kept/{n}") != content(n, size):
            wrong.append(f"file {n} is lost, or other than written")
    data = read(f"{folder}/replaced") or b""
    version = next((n for n in range(claims.version, claims.version + 1000)
                    if 20000 + n % 5000 == len(data) and data == content(n, len(data))), None)
    if (claims.version or data) and version is None:
        wrong.append(f"version {claims.version} is lost")
    return wrong


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", check=False)
    return done.returncode, done.stdout


def check(image, claims):
    """What is wrong with the file system of an image, once its journal is replayed; of claims, folders'
    names lead to what was claimed there."""
    status, said = run("e2fsck", "-p", image)   # the journal and what was being deleted, no more
    if status > 1:
        return [f"e2fsck -p: {said}"]
    status, said = run("e2fsck", "-fn", image)
    if status:
        return [f"e2fsck -fn: {said}"]
    wrong = []
    with tempfile.TemporaryDirectory(dir=os.path.dirname(image)) as out:
        run("debugfs", "-R", f"rdump / {out}", image)
        for name, what in claims.items():
            wrong += check_files(f"{out}/{name}", what) + check_base(f"{out}/{name}", what)
    return wrong
