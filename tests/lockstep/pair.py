"""unring and QEMU with the same guest, stopped at the same place and compared."""

import os
import re
import socket
import subprocess
import tempfile

import undefined
from ram import PAGE, Ram
from remote import Gone, Remote

GENERAL = ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"]
SEGMENTS = ["es", "cs", "ss", "ds", "fs", "gs"]
COMPARED = [*GENERAL, "eip", "eflags", *SEGMENTS, "fctrl", "fstat", "mxcsr", "cr0", "cr2", "cr3", "cr4", "efer", "cpl",
            *(f"st{n}" for n in range(8)), *(f"xmm{n}" for n in range(8)),
            *(f"{s}_{part}" for s in (*SEGMENTS, "ldtr", "tr", "gdtr", "idtr") for part in ("base", "limit")),
            "ldtr", "tr", *(f"dr{n}" for n in (0, 1, 2, 3, 6, 7))]
RF = 1 << 16            # QEMU does not keep it
ACCESSED = 1 << 8       # in the second dword of a descriptor
PF_W, VEC_PF = 1 << 1, 14
PTE_A, CR4_PAE = 1 << 5, 1 << 5
EFLAGS = 0x3f7fd7       # bits that there are
STUCK = 120             # seconds without a stop
# QEMU's names for the parts that its stub does not give.
SEGMENT = re.compile(r"^(\w+) *=([0-9a-f]{4}) ([0-9a-f]{8}) ([0-9a-f]{8}) ", re.MULTILINE)
TABLE = re.compile(r"^([GI]DT)= +([0-9a-f]{8}) ([0-9a-f]{8})", re.MULTILINE)
DEBUG = re.compile(r"(DR\d)=([0-9a-f]{8})")


class Parted(Exception):
    pass


def verdict(name, run):
    """Says what run() has to say, or where they part; the exit status of a runner."""
    try:
        print(f"{name}: the same: {run()}")
    except Parted as e:
        print(f"{name}: {e}")
        return 1
    except (Gone, socket.timeout, OSError) as e:
        print(f"{name}: cannot go on: {e!r}")
        return 2
    return 0


class Planted(Remote):
    """unring with a bug: (linear address, hit, a register or an address of memory, mask)."""

    def __init__(self, address, plant):
        self.plant, self.hits = plant, 0
        super().__init__(address)
        if plant:
            self.break_at(plant[0])

    def at(self):
        """The linear address of the next instruction."""
        now = self.read()
        return now["eip"] + now["cs_base"] & 0xffffffff

    def damage(self, at):
        """After an instruction there."""
        if self.plant and at == self.plant[0]:
            self.hits += 1
            if self.hits == self.plant[1]:
                _, _, where, mask = self.plant
                if isinstance(where, str):
                    self.write(where, self.read()[where] ^ mask)
                else:
                    self.store(where, bytes([self.memory(where, 1)[0] ^ mask]))

    def step(self):
        at = self.at() if self.plant else None
        super().step()
        self.damage(at)

    def go(self, meetings):
        """On to a meeting; the planted place is none."""
        while self.plant:
            if self.at() == self.plant[0]:
                self.step() # a breakpoint is passed over where it goes on
            else:
                self.resume("c")
                self.stopped()
            if self.read()["eip"] in meetings:
                return
        self.resume("c")
        self.stopped()


def system(text):
    """The registers in QEMU's `info registers` that its stub does not give."""
    found = {}
    for name, selector, base, limit in SEGMENT.findall(text):
        name = {"LDT": "ldtr", "TR": "tr"}.get(name, name.lower())
        found[name] = int(selector, 16)
        # What is unusable has neither.
        if found[name] & ~3:
            found[f"{name}_base"], found[f"{name}_limit"] = int(base, 16), int(limit, 16)
    for name, base, limit in TABLE.findall(text):
        name = name[0].lower() + "dtr"
        found[f"{name}_base"], found[f"{name}_limit"] = int(base, 16), int(limit, 16)
    found.update({name.lower(): int(value, 16) for name, value in DEBUG.findall(text)})
    found["cpl"] = int(re.search(r"CPL=(\d)", text)[1])
    return found


class Pair:
    """Both machines: the same guest and memory, held before their first instruction."""

    def __init__(self, unring, megabytes, unring_options, qemu_options, plant=None):
        self.directory = tempfile.TemporaryDirectory()
        path = os.path.join(self.directory.name, "gdb")
        self.processes = []
        self.unring = self.qemu = self.ram = None
        self.instructions = 0
        try:
            qemu = subprocess.Popen(
                ["qemu-system-i386", "-accel", "tcg", "-M", "isapc,memory-backend=ram",
                 "-object", f"memory-backend-memfd,id=ram,size={megabytes}M,share=on",
                 "-m", f"{megabytes}", "-cpu", "pentium3,-apic", "-nodefaults",
                 "-display", "none", "-no-reboot", "-S",
                 "-chardev", f"socket,path={path},server=on,wait=off,id=gdb", "-gdb", "chardev:gdb",
                 *qemu_options], stdin=subprocess.DEVNULL)
            self.processes.append(qemu)
            mine = subprocess.Popen(
                [unring, "run", "--gdb", "0", "--memory", f"{megabytes}M", "--serial", "none",
                 "--exact-ad", "--no-reboot", "--fence", "off", *unring_options],
                stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            self.processes.append(mine)
            port = re.search(r"127\.0\.0\.1:(\d+)", mine.stderr.readline())
            self.unring = Planted(("127.0.0.1", int(port.group(1))), plant)
            self.qemu = Remote(path)
            self.ram = Ram(mine.pid, qemu.pid, megabytes << 20)
        except BaseException:
            self.close()
            raise
        for side in self.sides():
            side.socket.settimeout(STUCK)

    def start(self, at):
        """Both on to this linear address; from there on the two machines are the same."""
        self.break_at({at})
        self.qemu.resume("c")
        if self.unring.read()["eip"] != at:
            self.unring.go({at})
        self.qemu.stopped()
        self.look()
        self.break_at({at}, False)
        # QEMU's firmware has left the timer's interrupt on.
        for port in (0x21, 0xa1):
            self.qemu.command(f"o/b {port} 0xff")
        # What firmware and loaders gave differs.
        self.take_over([*GENERAL, "eflags", "cr2"])
        for page in self.ram.pages():
            self.unring.store(page, self.ram.its.map[page:page + PAGE], physical=True)

    def sides(self):
        return [side for side in (self.unring, self.qemu) if side]

    def close(self):
        for side in self.sides():
            side.close()
        if self.ram:
            self.ram.close()
        for p in self.processes:
            p.kill()
            p.wait()
            if p.stderr:
                p.stderr.close()
        self.directory.cleanup()

    def where(self, eip):
        return f"{eip:#010x}"

    def look(self):
        """Their registers, as they are now: self.mine and self.its."""
        for side in self.sides():
            side.send("g")
        self.mine, self.its = (side.decode(side.receive()) for side in self.sides())
        for name in ("fs_base", "gs_base"): # of its stub, also of what is unusable
            self.its.pop(name, None)
        self.its.update(system(self.qemu.command("info registers")))
        # QEMU gives the physical registers of the x87 stack.
        top = self.its["fstat"] >> 11 & 7
        self.its.update({f"st{n}": self.its[f"st{n + top & 7}"] for n in range(8)})

    @property
    def eip(self):
        return self.its["eip"]

    def take_over(self, names):
        for name in names:
            if self.mine[name] != self.its[name]:
                self.unring.write(name, self.its[name])
                self.mine[name] = self.its[name]

    def take_over_memory(self, dwords):
        """Dwords at these physical addresses."""
        runs = []
        for at in dwords:
            if runs and runs[-1][1] == at and at - runs[-1][0] < 4096:
                runs[-1][1] = at + 4
            else:
                runs.append([at, at + 4])
        for start, end in runs:
            self.unring.store(start, self.ram.its.map[start:end], physical=True)

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

    def different(self, free, free_in_memory=0):
        """(Name, unring's, QEMU's) of what differs.  free: flags that may, which are taken from
        QEMU; free_in_memory: in images of EFLAGS there, too."""
        def image(mine, its, ignored):
            return not (mine | its) & ~EFLAGS and mine & its & 2 and not (mine ^ its) & ~ignored

        # A fault's image of EFLAGS has RF set; QEMU's has not.  SDM vol. 3, 17.3.1.1.
        self.take_over([r for r in GENERAL if image(self.mine[r], self.its[r], RF)])
        ignored = {"eflags": free | RF}
        found = [(name, self.mine[name], self.its[name]) for name in COMPARED if name in self.its
                 if (self.mine[name] ^ self.its[name]) & ~ignored.get(name, 0)]
        dwords = [(at, *self.ram.dword(at)) for at in self.ram.different()]
        images = {at for at, *both in dwords if image(*both, RF | free_in_memory)}
        self.take_over_memory(sorted(images))
        accessed = self.accessed([d for d in dwords if d[0] not in images])
        found += [(f"memory at {self.place(at)}", mine, its) for at, mine, its in dwords
                  if at not in images | accessed and not self.walked(at, mine, its)
                  and not self.read_half(at, mine, its)]
        if free and not found:
            self.take_over(["eflags"])
        return found

    def accessed(self, dwords):
        """Those that are descriptors of code or data whose accessed bit only unring has set: QEMU
        does not for CS.  SDM vol. 3, 3.4.5.1.  It gets them."""
        likely = {at for at, mine, its in dwords
                  if at & 4 and mine ^ its == ACCESSED and mine & ACCESSED and mine & 0x9000 == 0x9000}
        found = set()
        for table in ("gdtr", "ldtr") if likely else ():
            base, limit = self.mine[f"{table}_base"], self.mine[f"{table}_limit"]
            for page in range(base & -4096, base + limit + 1, 4096):
                offset = self.physical(page) - page
                found |= {at for at in likely if max(page, base) <= at - offset <= min(page + 4095, base + limit)}
        for at in found:
            self.qemu.store(at, self.ram.mine.map[at:at + 4], physical=True)
        return found

    def walked(self, at, mine, its):
        """Did QEMU alone set A in an entry on the way to the last page fault?  It does so in the
        directory, though the translation ends below, which the manual leaves open, and in the table
        for the read half of a read-modify-write; and in PDPTEs, where the bit is reserved.
        SDM vol. 3, 4.4.1 and 4.8."""
        cr2, cr3 = self.mine["cr2"], self.mine["cr3"]
        if its != mine | PTE_A:
            return False
        if not self.mine["cr4"] & CR4_PAE:
            entry = (cr3 & -4096) + 4 * (cr2 >> 22)
            below = (self.ram.dword(entry)[0] & -4096) + 4 * (cr2 >> 12 & 1023)
        else:
            pointers = cr3 & -32
            if at in range(pointers, pointers + 32):
                self.qemu.store(at, self.ram.mine.map[at:at + 4], physical=True)
                return True
            entry = (self.ram.dword(pointers + 8 * (cr2 >> 30))[0] & -4096) + 8 * (cr2 >> 21 & 511)
            below = (self.ram.dword(entry)[0] & -4096) + 8 * (cr2 >> 12 & 511)
        if at in (entry, below):
            self.take_over_memory([at])
        return at in (entry, below)

    def physical(self, linear):
        answer = re.match("gpa: (0x[0-9a-f]+)", self.qemu.command(f"gva2gpa {linear:#x}"))
        return int(answer[1], 16) if answer else -1

    def read_half(self, at, mine, its):
        """Is it a page fault's error code, for which QEMU reports the read half of a
        read-modify-write?  On top of the stack, or below the vector that the guest has pushed.
        SDM vol. 3, 4.7."""
        if mine != its | PF_W or mine > 7:
            return False
        if self.ram.dword(at - 4) != (VEC_PF, VEC_PF) and \
           at != self.physical(self.mine["ss_base"] + self.mine["esp"] & 0xffffffff):
            return False
        self.qemu.store(at, self.ram.mine.map[at:at + 4], physical=True)
        return True

    def place(self, physical):
        return f"{physical:#010x}"

    def step(self):
        """One instruction; Parted when it is the one."""
        eip, before = self.eip, self.its
        linear = eip + self.mine["cs_base"] & 0xffffffff
        code = self.qemu.memory(linear, 15) or self.qemu.memory(linear, 4096 - (linear & 4095))
        self.qemu.resume("s")
        self.unring.step()
        self.qemu.stopped()
        self.instructions += 1
        self.look()
        # QEMU looks once more at a string instruction that has come to its end, and may stop
        # before an instruction, or the next round of one, has run.
        if self.eip == eip and (self.mine["eip"] != eip or self.its == before):
            self.qemu.step()
            self.look()
        self.take_over(undefined.registers(code))
        free = undefined.flags(code)
        parted = self.different(free, free)
        if parted:
            lines = "\n".join(f"    {name}: unring {m:#x}, QEMU {q:#x}" for name, m, q in parted[:20])
            raise Parted(f"parted after {self.where(eip)}: {code.hex(' ')}\n{lines}")
