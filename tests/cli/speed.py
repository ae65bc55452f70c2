"""--speed: loops per tick of the 8254 fall with it, and 8254 and TSC agree.

    speed.py UNRING KERNEL
"""

import os
import subprocess
import sys

unring, kernel = map(os.path.abspath, sys.argv[1:3])
failures = 0


def check(name, good, *more):
    global failures
    print(f"{'ok' if good else 'FAILED':6} {name}:", *more, flush=True)
    failures += not good


def measure(percent):
    run = subprocess.run([unring, "run", "--kernel", kernel, "--debug-exit", "--speed", str(percent)],
                         stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    assert run.returncode == 7, run
    return [int(n, 16) for n in run.stdout.split()]


# The best of a few: a busy host takes loops away, and never gives any.
full = max(measure(100) for _ in range(3))
for percent in (50, 20, 5):
    loops, cycles = max(measure(percent) for _ in range(3))
    share = 100 * loops / full[0]
    check(f"loops at {percent}%", 0.75 * percent < share < 1.25 * percent, f"{share:.1f}%")
    check(f"8254 and TSC agree at {percent}%", 0.9 < cycles / full[1] < 1.1, cycles / full[1])
print(f"{failures} failed")
sys.exit(failures != 0)
