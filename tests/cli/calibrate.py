"""--ips: a delay loop that is calibrated by the BIOS's ticks, as programs did that divide by zero on
fast processors, finds the processor that was asked for.

    calibrate.py UNRING FLOPPY
"""

import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "guests"))
from qmp import Guest

unring, floppy = map(os.path.abspath, sys.argv[1:3])
failures = 0
# A busy host takes loops away, and delays ticks: so many of a run's eight are right when it does not.
TRIES, ENOUGH = 12, 8


def check(name, good, *more):
    global failures
    print(f"{'ok' if good else 'FAILED':6} {name}:", *more, flush=True)
    failures += not good


def said(*options):
    run = subprocess.run([unring, "run", "--floppy", floppy, "--debug-exit", "--debugcon", "-",
                          "--serial", "none", "--display", "none", *options],
                         stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    assert run.returncode == 7, run
    return run.stdout


def said_after(ips, *options):
    """The same, after the control socket has said how fast."""
    with tempfile.NamedTemporaryFile("r", encoding="latin-1") as out:
        g = Guest(unring, "--floppy", floppy, "--debug-exit", "--debugcon", out.name, "--paused",
                  *options)
        try:
            g("x-set-ips", ips=ips)
            g("cont")
            assert g.ended() == 7
            return out.read()
        finally:
            g.close()


def measure(name, ips, run):
    """A 55th of the loops, of 4 instructions each, in a tick of 54.9 ms."""
    expected, right, seen = ips / 4 * 0.0549254 / 55, 0, []
    for _ in range(TRIES):
        text = run()
        if "divide error" in text:
            right = 0
            break
        seen += [int(n, 16) for n in text.split()]
        right = sum(0.9 < n / expected < 1.1 for n in seen)
        if right >= ENOUGH:
            break
    check(name, right >= ENOUGH, text.split(), f"{right} of {len(seen)} ticks")


for _ in range(TRIES):
    fast = said()
    if "divide error" in fast:
        break
check("too fast", "divide error" in fast, *fast.split())
for ips in (1000000, 4000000):
    measure(f"{ips} a second", ips, lambda: said("--ips", str(ips)))
measure("by the control socket", 4000000, lambda: said_after(4000000, "--ips", "1000000"))
print(f"{failures} failed")
sys.exit(failures != 0)
