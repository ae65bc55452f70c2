"""The share of a core that a Debian guest takes which halts at its shell while VNC clients look at its
screen, over 10 seconds, all processes counted: without a client, with one, with two.

    screen.py UNRING
"""
import os
import sys
import tempfile
import time

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(here, "..", "tests", "guests"), os.path.join(here, "..", "tests", "cli")]
import rfb
from qmp import Guest

SECONDS, NUMBER = 10, 77
guests = os.path.join(here, "..", "build", "guests")


def family(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        direct = [int(p) for p in f.read().split()]
    return [pid] + [d for p in direct for d in family(p)]


def ticks(pid):
    total = 0
    for each in family(pid):
        with open(f"/proc/{each}/stat", encoding="ascii") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total


def share(guest):
    begin = ticks(guest.process.pid)
    time.sleep(SECONDS)
    return 100 * (ticks(guest.process.pid) - begin) / os.sysconf("SC_CLK_TCK") / SECONDS


with tempfile.NamedTemporaryFile() as log:
    guest = Guest(sys.argv[1], "--kernel", f"{guests}/vmlinuz-686", "--initrd", f"{guests}/shell.gz",
                  "--append", "console=ttyS0 panic=-1", timeout=900,
                  serial=f"file:{log.name}", display=f"vnc={NUMBER}")
    try:
        guest.until("its shell", lambda: b"unring:/#" in open(log.name, "rb").read(), 600)
        time.sleep(5)
        clients = []
        for n in range(3):
            print(f"{n} clients: {share(guest):.2f}% of a core", flush=True)
            client = rfb.Client(5900 + NUMBER)
            client.until(lambda c: c.updates, 60)
            clients.append(client)
            time.sleep(2)
    finally:
        guest.close()
