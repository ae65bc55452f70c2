"""--rtc: where the clock in the CMOS starts, as a BIOS tells it and as a kernel reads it.

    rtc.py UNRING KERNEL FLOPPY
"""

import calendar
import os
import subprocess
import sys
import time

unring, kernel, floppy = map(os.path.abspath, sys.argv[1:4])
failures = 0


def shown(medium, *options, zone="UTC0"):
    """The seconds since 1970 that the guest is told, as if they were UTC."""
    run = subprocess.run([unring, "run", *medium, *options, "--debug-exit", "--debugcon", "-",
                          "--serial", "none", "--display", "none"], stdin=subprocess.DEVNULL,
                         capture_output=True, text=True, timeout=300,
                         env={**os.environ, "TZ": zone})
    assert run.returncode == 7, run
    return calendar.timegm(time.strptime(run.stdout.strip(), "%Y%m%d%H%M%S"))


def check(name, start, medium, *options, zone="UTC0"):
    """Between the start, by what was then the host's time, and the end of the run."""
    global failures
    before = int(time.time())
    from_start = shown(medium, *options, zone=zone) - start(before)
    good = 0 <= from_start <= time.time() - before
    print(f"{'ok' if good else 'FAILED':6} {name}: {from_start} s")
    failures += not good


def date(text):
    return lambda _: calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%S"))


for name, medium in (("a kernel", ["--kernel", kernel]), ("a BIOS", ["--floppy", floppy])):
    check(f"{name}: utc by default", lambda now: now, medium, zone="XXX-05:45")
    check(f"{name}: utc", lambda now: now, medium, "--rtc", "utc", zone="XXX-05:45")
    check(f"{name}: local", lambda now: now + 20700, medium, "--rtc", "local", zone="XXX-05:45")
    check(f"{name}: local, west", lambda now: now - 12600, medium, "--rtc", "local",
          zone="XXX03:30")
    check(f"{name}: a time", date("1999-12-31T23:59:59"), medium, "--rtc", "1999-12-31T23:59:59")
    check(f"{name}: a day", date("2096-02-29T00:00:00"), medium, "--rtc", "2096-02-29",
          zone="XXX-05:45")
print(f"{failures} failed")
sys.exit(failures != 0)
