"""Whether a guest's file system outlives the power, whenever it fails.

    replay.py [--vmm unring|qemu] [--unring PATH] [--guests DIR] [--tools DIR] [--short] [CASE...]

replay    ext4 under load, all that reaches the host recorded; then each crash is looked at: what
          had come by then, and 100 random subsets that respect flushes.  Without that respect some
          must be found damaged, else the test sees nothing.
kill      the process is killed 20 times under load, and the guest goes on with the disk.
snapshot  it is killed under load on a snapshot, whose image stays as it was.

The file system is to be clean once its journal is replayed, and all that programs in the guest were
told to be on the disk is to be there.  --short takes a part of each; under --vmm qemu the test is
tried itself.
"""

import argparse
import hashlib
import multiprocessing
import os
import random
import re
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, f"{TOP}/tests/debian")

import guests as debian  # noqa: E402
from disk import Claims, Record, Replay, check  # noqa: E402
from vm import Failed, Vm, qemu_arguments, unring_arguments  # noqa: E402

here = argparse.Namespace()     # what the command line says
CLAIM = re.compile(r"^(\w+): (file|version|transaction) (\d+)(?: (\d+))?$", re.MULTILINE)
LOADS = 2


class Guest:
    """Linux with a disk, whose writes may be recorded."""

    def __init__(self, folder, disk, record=None):
        files = debian.modules(*debian.DISK_MODULES) | {"load": f"{here.tools}/load"}
        initrd = debian.with_files(f"{here.guests}/shell.gz", files, f"{folder}/initrd")
        guest = debian.linux(options=["--disk", disk]) | dict(initrd=initrd)
        command = unring_arguments(here.unring, guest)
        if here.vmm == "qemu":
            command = qemu_arguments(guest) + ["-drive", f"if=ide,format=raw,file={disk}"]
        preload = [f"LD_PRELOAD={here.tools}/recorder.so", f"UNRING_RECORD={record.path}"] if record else []
        self.record = record
        self.vm = Vm(["env", *preload, *command])
        self.looked = 0
        self.claims = []    # (how much was recorded when it was seen, folder, kind and numbers)

    def __enter__(self):
        vm = self.vm.__enter__()
        debian.to_shell(vm)
        vm.run(f"for m in {' '.join(debian.DISK_MODULES)}; do insmod /$m.ko; done; echo inserted", r"^inserted$")
        vm.run("while [ ! -b /dev/sda ]; do sleep 0.1; done; mkdir /mnt; "
               "mount -t ext4 -o commit=1 /dev/sda /mnt && cd /mnt && echo mounted", r"^mounted$")
        return self

    def __exit__(self, *what):
        self.vm.__exit__(*what)

    def start_load(self, name, rounds):
        """As many at once as LOADS, each in a folder of its own."""
        loads = " ".join(f"/load {name}{n} {n} {rounds} &" for n in range(LOADS))
        self.vm.send(f"{loads} wait; echo all-$?-done\n")

    def look(self, seconds):
        """Collects what is claimed for so long; True: all is done."""
        end = time.monotonic() + seconds
        while self.vm.pump(end - time.monotonic()) or time.monotonic() < end:
            used = self.record.used() if self.record else 0
            text = self.vm.clean()
            for match in CLAIM.finditer(text, self.looked, text.rfind("\n") + 1):
                folder, kind, *numbers = match.groups()
                self.claims.append((used, folder, kind, *(int(n) for n in numbers if n)))
                self.looked = match.end()
            if re.search(r"^load: .*", text, re.MULTILINE):
                self.vm.fail("the load failed")
            if "all-0-done" in text:
                return True
            if self.vm.process.poll() is not None:
                self.vm.fail("it has ended")
        return False

    def kill_at_work(self, seconds):
        """After so long under load, and not before something was claimed."""
        ended = self.look(seconds)
        while not ended and not self.claims:
            ended = self.look(0.1)
        if ended:
            raise Failed("the load has ended")
        self.vm.process.kill()
        self.vm.process.wait()


def claimed(claims, used):
    """By folder, what was claimed when so much was recorded."""
    folders = {}
    for at, folder, *claim in claims:
        if at <= used:
            folders.setdefault(folder, Claims()).add(*claim)
    return folders


def make_disk(folder):
    os.mkdir(f"{folder}/files")
    debian.make_ext4(f"{folder}/disk", f"{folder}/files", 32)
    with open(f"{folder}/disk", "rb") as f:
        return f.read()


# --- replay ---

def problems(folder, replay, claims, states):
    """Of each (crash, disk), what is wrong."""
    image, found = f"{folder}/{os.getpid()}.img", []
    for n, disk in states:
        with open(image, "wb") as f:
            f.write(disk)
        used = replay.entries[n - 1][0] if n else 0
        found += [f"crash {n}: {p}" for p in check(image, claimed(claims, used))]
    return found


def try_part(job):
    """A worker's part of the crashes."""
    folder, before, entries, claims, kind, crashes, seed = job
    replay, chance = Replay(before, entries), random.Random(seed)
    if kind == "prefixes":
        states = ((n, replay.prefix(n)) for n in crashes)
    else:
        states = ((n, replay.subset(n, chance, kind == "subsets")) for n in crashes)
    return problems(folder, replay, claims, states)


def try_all(folder, before, entries, claims, kind, crashes):
    workers = os.cpu_count()
    size = -(-len(crashes) // workers)
    jobs = [(folder, before, entries, claims, kind, crashes[i * size:(i + 1) * size], i)
            for i in range(workers)]
    with multiprocessing.Pool(workers) as pool:
        return sum(pool.map(try_part, jobs, 1), [])


def replay_case(folder):
    before = make_disk(folder)
    record = Record(f"{folder}/record")
    with Guest(folder, f"{folder}/disk", record) as guest:
        guest.start_load("f", 15 if here.short else 150)
        while not guest.look(1):
            pass
    entries, claims = record.entries(), guest.claims
    crashes = Replay(before, entries).writes()
    flushes = len(entries) - len(crashes)
    print(f"{len(crashes)} writes, {flushes // 2} flushes, {len(claims)} claims", flush=True)
    with open(f"{folder}/disk", "rb") as f:
        if f.read() != Replay(before, entries).prefix(len(entries)):
            raise Failed("the record is not what became of the disk")
    chance = random.Random(3)
    some = sorted(chance.sample(crashes, 16)) if here.short else crashes
    subsets = sorted(chance.choices(crashes, k=8 if here.short else 100))
    for kind, which in ("prefixes", some), ("subsets", subsets), ("subsets without flushes", subsets):
        begin = time.monotonic()
        wrong = try_all(folder, before, entries, claims, kind, which)
        print(f"{kind}: {len(which)} crashes, {len(wrong)} problems, {time.monotonic() - begin:.0f} s", flush=True)
        if kind == "subsets without flushes":
            if not wrong:
                raise Failed("crashes that respect no flush do no harm: the test sees nothing")
        elif wrong:
            raise Failed("\n".join(wrong[:20]))


# --- kill ---

def kill_case(folder):
    make_disk(folder)
    chance, claims = random.Random(4), []
    count = 1 if here.short else 20
    for n in range(count):
        with Guest(folder, f"{folder}/disk") as guest:
            guest.start_load(f"f{n}x", 10000)
            guest.kill_at_work(chance.uniform(0.5, 3))
        claims += guest.claims
        with open(f"{folder}/disk", "rb") as f, open(f"{folder}/copy", "wb") as to:
            to.write(f.read())
        wrong = check(f"{folder}/copy", claimed(claims, 0))
        if wrong:
            raise Failed(f"kill {n + 1}: " + "\n".join(wrong))
    print(f"killed {count} times, {len(claims)} claims kept")


# --- snapshot ---

def snapshot_case(folder):
    before = hashlib.sha256(make_disk(folder)).digest()
    record = Record(f"{folder}/record")
    with Guest(folder, f"{folder}/disk,snapshot", record) as guest:
        guest.start_load("f", 10000)
        guest.kill_at_work(2)
    with open(f"{folder}/disk", "rb") as f:
        if hashlib.sha256(f.read()).digest() != before or record.entries():
            raise Failed("the image of a snapshot was written to")
    print(f"{len(guest.claims)} claims gone, the image as it was")


CASES = {"replay": replay_case, "kill": kill_case, "snapshot": snapshot_case}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vmm", choices=["unring", "qemu"], default="unring")
    parser.add_argument("--unring", default=f"{TOP}/build/release/unring")
    parser.add_argument("--guests", default=f"{TOP}/build/guests")
    parser.add_argument("--tools", default=f"{TOP}/build/release/tests/replay")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("case", nargs="*", metavar="CASE")
    parser.parse_args(namespace=here)
    debian.here.guests = here.guests
    for name in here.case or CASES:
        begin = time.monotonic()
        # In memory: an image is made anew for each crash.
        with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as folder:
            try:
                CASES[name](folder)
            except Failed as why:
                print(f"{name}: FAILED: {why}")
                return 1
        print(f"{name}: passed in {time.monotonic() - begin:.1f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
