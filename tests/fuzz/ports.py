#!/usr/bin/env python3
"""ports.py [--build DIR] [--count N | --minutes N] [--seed S] [--seconds N]

Guests that write random values to all ports and to the memory of all devices (ports.c), N of
them or for N minutes, the first with seed S (default 1), the next with S + 1, each for at most
--seconds (default 5), while a client of the control socket presses keys, looks at the screen
and changes disks.  A guest may power the machine off, reset it or kill itself; unring may
neither die nor keep the client waiting, and a sanitizer may find nothing.  DIR is the build
tree (default build/asan-ubsan); --seed S --count 1 shows one again.
"""
import argparse
import os
import random
import re
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "guests"))
from qmp import Guest  # noqa: E402

KEYS = ["a", "ret", "shift", "ctrl", "alt", "delete", "pause", "print", "f12", "up", "caps_lock"]
OPTIONS = [[], ["--cpu", "pentium4"], ["--no-userfaultfd"], ["--always-check"],
           ["--vma-budget", "2000"], ["--cache", "1M"]]
BAD = re.compile("internal error|Sanitizer|runtime error|assert")
ENDS = {0, 1}  # powered off, or quit; a reset, or a triple fault, under --no-reboot


def one_command(guest, folder, rng):
    """Something a client might do; an error that is told is an answer too."""
    file = os.path.join(folder, "image")
    key = [{"type": "qcode", "data": k} for k in rng.sample(KEYS, rng.randint(1, 3))]
    command, arguments = rng.choice([
        ("screendump", {"filename": os.path.join(folder, "dump"), "format": "png"}),
        ("screendump", {"filename": os.path.join(folder, "dump"), "format": "ppm"}),
        ("x-screen-text", {}), ("x-screen-text", {}), ("x-stats", {}), ("query-block", {}),
        ("query-status", {}), ("send-key", {"keys": key}), ("x-type-text", {"text": "dir *.?\n"}),
        ("stop", {}), ("cont", {}), ("cont", {}), ("system_powerdown", {}),
        ("x-set-speed", {"percent": rng.randint(5, 100)}),
        ("eject", {"device": f"floppy{rng.randint(0, 1)}", "force": True}),
        ("blockdev-change-medium", {"device": f"floppy{rng.randint(0, 1)}", "filename": file}),
        ("eject", {"device": f"cdrom{rng.randint(0, 1)}", "force": rng.random() < 0.5}),
        ("blockdev-change-medium", {"device": f"cdrom{rng.randint(0, 1)}",
                                    "filename": os.path.join(folder, "disc")}),
        ("input-send-event", {"events": [{"type": "key", "data": {
            "down": rng.random() < 0.5, "key": key[0]}}]}),
        ("input-send-event", {"events": [
            {"type": "rel", "data": {"axis": "x", "value": rng.randint(-2000, 2000)}},
            {"type": "abs", "data": {"axis": "y", "value": rng.randint(0, 32767)}},
            {"type": "btn", "data": {"button": rng.choice(["left", "side", "wheel-up"]),
                                     "down": rng.random() < 0.5}}]}),
        ("query-mice", {}),
    ] + ([("system_reset", {})] if rng.random() < 0.05 else []))
    try:
        guest(command, **arguments)
    except RuntimeError as why:
        if "the connection ended" in str(why):
            raise


def one_guest(unring, kernel, seed, seconds):
    """What went wrong, or None, and how many operations it did."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        count, said = os.path.join(folder, "count"), os.path.join(folder, "said")
        sizes = rng.sample([160, 180, 320, 360, 720, 1200, 1440, 2880], 2)
        for name, size in zip(["a", "image"], sizes):
            with open(os.path.join(folder, name), "wb") as f:
                f.write(rng.randbytes(512) * 2 * size)
        disks = []
        for name in rng.sample(["c", "d", "e"], rng.randint(1, 3)):
            with open(os.path.join(folder, name), "wb") as f:
                f.truncate(512 * rng.randint(1, 20000))
            disks += ["--disk", f.name + rng.choice(["", ",readonly", ",snapshot"])]
        with open(os.path.join(folder, "disc"), "wb") as f:
            f.write(rng.randbytes(2048) * rng.randint(1, 300))
        disks += ["--cdrom", f.name, *(["--cdrom", "none"] if len(disks) < 6 else [])]
        options = [*disks, "--kernel", kernel, "--memory", "16M", "--debugcon", count,
                   "--append", f"seed={seed}", "--parallel", f"file:{os.path.join(folder, 'p')}",
                   "--serial", f"unix:{os.path.join(folder, 's')}",
                   "--floppy", os.path.join(folder, "a") + rng.choice(["", ",readonly", ",snapshot"]),
                   *OPTIONS[seed % len(OPTIONS)], *(["--no-reboot"] if seed % 4 == 0 else [])]
        wrong = None
        with open(said, "wb") as stderr:
            # It comes paused: some guests end at once.
            guest = Guest(unring, *options, "--paused", timeout=seconds + 60, stderr=stderr)
            guest("cont")
            end = time.monotonic() + seconds
            try:
                while time.monotonic() < end and guest.process.poll() is None:
                    asked = time.monotonic()
                    one_command(guest, folder, rng)
                    if time.monotonic() - asked > 30:
                        wrong = "a command took over 30 seconds"
                    time.sleep(rng.random() / 8)
            except (RuntimeError, OSError) as why:
                if guest.process.poll() is None and "timed out" in str(why):
                    wrong = f"no answer: {why}"
            try:
                status = guest.quit()
            except Exception as why:  # pylint: disable=broad-except
                status, wrong = None, f"does not end: {why}"
            guest.close()
        with open(said, encoding="utf-8", errors="replace") as f:
            text = f.read()
        with open(count, encoding="latin-1") as f:
            done = f.read().count(".") * 1024
        if not wrong and (status not in ENDS or BAD.search(text)):
            wrong = f"status {status}"
        return (wrong and f"seed {seed}: {wrong}: {' '.join(options)}\n{text[:6000]}"), done


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--build", default="build/asan-ubsan")
    parser.add_argument("--count", type=int)
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5)
    given = parser.parse_args()
    unring = os.path.join(given.build, "unring")
    kernel = os.path.join(given.build, "tests/fuzz/ports.elf")
    end = time.monotonic() + given.minutes * 60
    failed = operations = 0
    seed = given.seed
    while seed < given.seed + given.count if given.count else time.monotonic() < end:
        wrong, done = one_guest(unring, kernel, seed, given.seconds)
        if wrong:
            failed += 1
            print(wrong, flush=True)
        operations += done
        seed += 1
    guests = seed - given.seed
    print(f"seeds {given.seed} to {seed - 1}: {operations} operations; {failed} guests failed")
    if operations < guests * 1024:
        print("the guests do next to nothing")
        return 1
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
