"""The mouse, from the control socket to a guest that asks the BIOS for it, and the absolute pointer.

    mouse.py UNRING IMAGE GUESTS_FOLDER
"""
import os
import re
import subprocess
import sys
import tempfile

unring, image = map(os.path.abspath, sys.argv[1:3])
sys.path.insert(0, sys.argv[3])
from qmp import Guest

failures = 0
folder = tempfile.TemporaryDirectory()
said = f"{folder.name}/said"


def check(name, good, *more):
    global failures
    print(f"{'ok' if good else 'FAILED':6} {name}", *([] if good else more), flush=True)
    failures += not good


def text():
    with open(said, encoding="latin-1") as f:
        return f.read()


def axis(kind, **values):
    return [{"type": kind, "data": {"axis": a, "value": v}} for a, v in values.items()]


def button(name, down):
    return [{"type": "btn", "data": {"button": name, "down": down}}]


def signed(value, bits):
    return value - (1 << bits) if value >> bits - 1 & 1 else value


class Seen:
    """What the guest was told since the last look: sums, and buttons in their order."""

    def __init__(self, lines):
        self.dx = self.dy = 0
        self.buttons, self.places = [], []
        for line in lines:
            kind, *words = line.split()
            words = [int(w, 16) for w in words]
            if kind == "M":
                status, x, y = words
                self.dx += x - (256 if status & 0x10 else 0)
                self.dy -= y - (256 if status & 0x20 else 0)
                now = status & 7
            else:
                self.places.append((words[1], words[2], signed(words[3], 32)))
                now = words[0]
            if not self.buttons or self.buttons[-1] != now:
                self.buttons.append(now)


def lines_from(at):
    return re.findall(r"^[MA](?: [0-9A-F]+)+$", text()[at:], re.M)


def tell(guest, events, good, name):
    """Sends events, and waits until what the guest says of them is good."""
    at = len(text())
    if callable(events):
        events()
    else:
        guest("input-send-event", events=events)
    guest.until(name, lambda: good(Seen(lines_from(at))), 120)
    check(name, True)


def says(guest, key, word):
    at = len(text())
    guest.type(key)
    guest.until(word, lambda: word in text()[at:], 120)


def moved(dx, dy):
    return lambda s: (s.dx, s.dy) == (dx, dy)


guest = Guest(unring, "--floppy", f"{image},snapshot", "--memory", "1M", "--debugcon", said,
              "--debug-exit", timeout=600)
try:
    guest.until("up", lambda: "up\n" in text(), 120)
    tell(guest, axis("rel", x=5, y=-7), moved(5, -7), "a movement")
    tell(guest, axis("rel", x=-700, y=1000), moved(-700, 1000), "a long one")
    tell(guest, lambda: guest.ctl("mouse-move", "-3", "4"), moved(-3, 4), "ctl mouse-move")
    tell(guest, sum((button(b, d) for b in ("left", "right", "middle") for d in (True, False)), []),
         lambda s: s.buttons == [1, 0, 2, 0, 4, 0], "clicks, none of which is lost")
    tell(guest, lambda: guest.ctl("mouse-button", "left", "down"), lambda s: s.buttons == [1],
         "ctl mouse-button down")
    tell(guest, lambda: guest.ctl("mouse-button", "left", "up"), lambda s: s.buttons == [0],
         "and up")
    tell(guest, lambda: guest.ctl("mouse-button", "right"), lambda s: s.buttons == [2, 0],
         "ctl mouse-button")
    # The screen is 720 by 400: at first the cursor is looked for in its corner.
    tell(guest, axis("abs", x=16384, y=16384), moved(-1440 + 359, -800 + 199), "a place, by movements")
    tell(guest, axis("abs", x=20000), moved(438 - 359, 0), "another")
    check("the PS/2 mouse is what is used",
          [m["current"] for m in guest("query-mice")] == [True, False])

    says(guest, "a", "places\n")
    check("the absolute one is", [m["current"] for m in guest("query-mice")] == [False, True])
    tell(guest, axis("abs", x=0, y=32767), lambda s: s.places[-1:] == [(0, 0xffff, 0)], "a place")
    tell(guest, lambda: guest.ctl("mouse-to", "16384", "8192"),
         lambda s: s.places[-1:] == [(32768, 16384, 0)], "ctl mouse-to")
    tell(guest, button("left", True) + button("left", False) + button("wheel-up", True),
         lambda s: s.buttons == [0x20, 0] and sum(p[2] for p in s.places) == -1, "a click and the wheel")
    tell(guest, axis("rel", x=72), lambda s: s.places[-1:] == [(39320, 16384, 0)], "a movement from there")
    guest("system_reset")
    guest.until("up again", lambda: text().count("up\n") == 2, 120)
    tell(guest, axis("rel", x=1, y=1), moved(1, 1), "after a reset it is a mouse again")

    for words, status, why in ((["mouse-move", "1"], 2, "usage: unring ctl SOCKET mouse-move DX DY"),
                               (["mouse-move", "1", "much"], 2, "much: not a number"),
                               (["mouse-to", "0", "32768"], 1, "a number from 0 to 32767"),
                               (["mouse-button", "left", "side"], 2, "side: neither down nor up"),
                               (["mouse-button", "fire"], 1, "no such button: fire")):
        run = subprocess.run([unring, "ctl", guest.path, *words], capture_output=True, text=True,
                             timeout=120, check=False)
        check(" ".join(words), run.returncode == status and why in run.stderr
              and run.stderr.count("\n") == 1, run)
    guest.type("q")
    check("its end", guest.ended() == 33)
finally:
    guest.close()
sys.exit(failures != 0)
