"""Guests that poll for a key sleep, and what is work between polls keeps them awake; by counters alone.

    idle.py UNRING IMAGE GUESTS_FOLDER
"""
import os
import socket
import sys
import tempfile
import time

unring, image = map(os.path.abspath, sys.argv[1:3])
sys.path.insert(0, sys.argv[3])
from qmp import Guest

# Polls that an idle guest would long be asleep in: 50 ms of them are some 50,000.
POLLS = 400_000
FEW = 400                               # of those that take a millisecond each
failures = 0


def check(name, good, *more):
    global failures
    print(f"{'ok' if good else 'FAILED':6} {name}", *more, flush=True)
    failures += not good


def stat(g, name):
    return g("x-stats").get(name, 0)


def shows(g, key):
    g.until(key, lambda: g.screen().rstrip().rstrip("!").rstrip().endswith(key), 120)


def mode(g, key):
    """A guest that is awake shows the key, and so does one that sleeps."""
    if g.screen().rstrip().endswith(key):
        return
    g.type(key)
    shows(g, key)


def begin(*options, **how):
    g = Guest(unring, "--floppy", f"{image},snapshot", "--memory", "1M", *options, timeout=600, **how)
    g.see("p")
    return g


def sleeps(g, name):
    before = stat(g, "naps")
    g.until(name, lambda: stat(g, "naps") > before + 20, 300)
    check(f"{name}: sleeps", True)


def awake(g, name, polls=POLLS):
    naps, ints = stat(g, "naps"), stat(g, "callout_INT")
    g.until(name, lambda: stat(g, "callout_INT") > ints + polls, 300)
    slept = stat(g, "naps") - naps
    check(f"{name}: does not sleep", slept == 0, slept)


folder = tempfile.TemporaryDirectory()
line = f"{folder.name}/line"
with_sleep = begin(serial=f"unix:{line}")
try:
    sleeps(with_sleep, "INT 16h alone")
    for key, name, polls in (("o", "a port between", POLLS), ("c", "a register that counts", POLLS),
                             ("m", "a count in memory", POLLS), ("e", "a count in another segment", POLLS),
                             ("l", "a loop between", FEW), ("v", "a store to the screen", POLLS)):
        mode(with_sleep, key)
        awake(with_sleep, name, polls)
        mode(with_sleep, "p")
        sleeps(with_sleep, f"INT 16h alone, after {name}")
    mode(with_sleep, "d")
    sleeps(with_sleep, "INT 28h")
    mode(with_sleep, "k")
    sleeps(with_sleep, "port 64h")
    mode(with_sleep, "p")
    mode(with_sleep, "s")
    sleeps(with_sleep, "line status of the serial port")
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(line)
        caller.sendall(b"p")
        shows(with_sleep, "p")
    mode(with_sleep, "h")
    halts = stat(with_sleep, "halts")
    time.sleep(1)                       # ticks are asked for, and do not end it
    halts = stat(with_sleep, "halts") - halts
    check("a halt with interrupts off: sleeps", halts < 1000, halts)
    check("status", with_sleep.quit() == 0)
finally:
    with_sleep.close()

spins = begin()
try:
    mode(spins, "j")
    before = stat(spins, "halts")
    spins.until("ticks end its sleep", lambda: stat(spins, "halts") > before + 10, 300)
    check("a jump to itself: sleeps", True)
    check("status", spins.quit() == 0)
finally:
    spins.close()

without = begin("--no-idle-sleep")
try:
    awake(without, "--no-idle-sleep")
    check("status", without.quit() == 0)
finally:
    without.close()
print(f"{failures} failed")
sys.exit(failures != 0)
