"""The RAM of both machines, mapped: each keeps its guest's in a memfd (unring without its fence)."""

import ctypes
import mmap
import os

PAGE = 4096
HOLE = range(0xa0000, 0x100000)     # video memory and firmware
UNRING, QEMU = "memfd:unring-ram", "memfd:memory-backend-memfd"


class Mapped:
    def __init__(self, pid, name, size):
        directory = f"/proc/{pid}/fd"
        found = [n for n in os.listdir(directory)
                 if os.readlink(f"{directory}/{n}").removeprefix("/").split(" ")[0] == name]
        if not found:
            raise OSError(f"process {pid} has no {name}")
        self.fd = os.open(f"{directory}/{found[0]}", os.O_RDWR)
        self.map = mmap.mmap(self.fd, size)
        self.first = ctypes.c_char.from_buffer(self.map)
        self.at = ctypes.addressof(self.first)

    def close(self):
        del self.first
        self.map.close()
        os.close(self.fd)

    def used(self, size):
        """Ranges of addresses where something has been stored."""
        at = 0
        while at < size:
            try:
                start = os.lseek(self.fd, at, os.SEEK_DATA)
            except OSError:     # no more
                return
            at = os.lseek(self.fd, start, os.SEEK_HOLE)
            if start < size:
                yield start, min(at, size)


def union(ranges):
    out = []
    for start, end in sorted(ranges):
        if out and start <= out[-1][1]:
            out[-1][1] = max(end, out[-1][1])
        else:
            out.append([start, end])
    return out


class Ram:
    def __init__(self, unring, qemu, size):
        """Of two processes."""
        self.size = size
        self.compare = ctypes.CDLL(None).memcmp
        self.compare.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]
        self.mine = Mapped(unring, UNRING, size)
        self.its = Mapped(qemu, QEMU, size)

    def close(self):
        self.mine.close()
        self.its.close()

    def same(self, start, end):
        return not self.compare(self.mine.at + start, self.its.at + start, end - start)

    def dword(self, at):
        """Both values of an aligned one."""
        return tuple(int.from_bytes(side.map[at:at + 4], "little") for side in (self.mine, self.its))

    def pages(self):
        """Those that differ."""
        for start, end in union([*self.mine.used(self.size), *self.its.used(self.size)]):
            if not self.same(start, end):
                yield from (page for page in range(start, end, PAGE)
                            if page not in HOLE and not self.same(page, page + PAGE))

    def different(self):
        """Addresses of the aligned dwords that differ."""
        return [at for page in self.pages() for at in range(page, page + PAGE, 4)
                if self.mine.map[at:at + 4] != self.its.map[at:at + 4]]
