#!/usr/bin/env python3
"""disks.py UNRING GUESTS CASE...: whole systems on hard disks, which tools/guest.sh makes of debian-disk and debian-x.

Each is used as people do: one logs in on the screen and by the serial line, compiles and runs a
program, and switches it off; X is used by mouse; then the file system is looked at from outside, and the same image is
booted again. That takes minutes, so CI does not run it. Without a case: their names.
"""
import json
import os
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from qmp import Guest, processor_seconds

FIRST = "?offset=1048576"       # the partition, as e2fsprogs names it
SECONDS = 1800                  # at most, for each boot
PROGRAM = r"""cat > p.c << end
#include <stdio.h>
int main(void) { int s = 0; for (int i = 1; i < 101; i++) s += i; return printf("sum=%d\\n", s) < 0; }
end
"""


class Line:
    """The caller of a serial port."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.text = ""

    def see(self, text, seconds=SECONDS):
        self.socket.settimeout(seconds)
        while text not in self.text:
            new = self.socket.recv(4096).decode("utf-8", "replace")
            if not new:
                raise RuntimeError(f"no '{text}' on the line:\n{self.text[-2000:]}")
            self.text += new
        self.text = self.text.partition(text)[2]

    def send(self, text):
        self.socket.sendall(text.encode())


def check(image):
    """Clean, without a change."""
    done = subprocess.run(["e2fsck", "-fn", image + FIRST], check=False, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode or "Fix? no" in done.stdout:  # of wrong counts its status tells nothing
        raise RuntimeError(f"e2fsck: {done.stdout}")


def log_in(see, send):
    see("unring login:")
    send("root\n")
    see("Password:")
    send("root\n")
    see("root@unring:~#")


def end(g, image):
    """The guest switches the machine off."""
    g.socket.settimeout(SECONDS)
    g.events += [json.loads(line) for line in g.lines]
    reasons = [e["data"]["reason"] for e in g.events if e.get("event") == "SHUTDOWN"]
    status = g.ended()
    if reasons != ["guest"] or status:
        raise RuntimeError(f"ended by {reasons} with status {status}")
    check(image)


def use(g, line, image, boot):
    """On the screen in text, and by the line; the second time the power button ends it, of which logind
    hears, by D-Bus."""
    log_in(g.see, g.type)
    log_in(line.see, line.send)
    if boot == 1:
        line.send(PROGRAM + "gcc -O2 -Wall -o p p.c && ./p > sum; sync; echo co\"mpiled\"\n")
        line.see("compiled")
    g.type("clear; ./p; cat sum /proc/uptime\n")
    g.until("two sums", lambda: g.screen().count("sum=5050") == 2, SECONDS)
    g.type("clear; systemctl is-system-running; echo units=$(systemctl --failed --no-legend | wc -l)\n")
    g.see("units=0")
    if boot == 1:
        line.send("poweroff\n")
    else:
        g("system_powerdown")
    end(g, image)


DESKTOP, WINDOW = b"\x33\x66\x99", b"\xff\xff\xff"  # colours of tools/debian/xinitrc


def pixel(g, x, y):
    width, height, rgb = g.picture()
    at = 3 * (y * width + x)
    return rgb[at:at + 3] if (width, height) == (1024, 768) else None


def to(g, x, y):
    g("input-send-event", events=[{"type": "abs", "data": {"axis": axis, "value": v * 32767 // most}}
                                  for axis, v, most in (("x", x, 1023), ("y", y, 767))])


def press(g, down):
    g("input-send-event", events=[{"type": "btn", "data": {"button": "left", "down": down}}])


def desktop(g, line, image, boot):
    """Xorg with icewm, used by mouse: a terminal is dragged, and typed at."""
    log_in(line.see, line.send)
    line.send("startx -- vt7 > /dev/null 2>&1 &\n")
    g.until("a desktop with a terminal",
            lambda: pixel(g, 60, 320) == WINDOW and pixel(g, 600, 600) == DESKTOP, SECONDS)
    to(g, 300, 74)
    press(g, True)
    for i in range(1, 21):
        to(g, 300 + 8 * i, 74 + 15 * i)
    press(g, False)
    g.until("the terminal is elsewhere",
            lambda: pixel(g, 60, 320) == DESKTOP and pixel(g, 240, 600) == WINDOW, 60)
    to(g, 350, 600)
    press(g, True)
    press(g, False)
    g.type(PROGRAM + f"gcc -O2 -Wall -o p p.c && ./p > sum{boot}; sync; echo writ\"ten\" > /dev/ttyS0\n")
    line.see("written")
    line.send("clear; cat sum*\n")
    line.see("sum=5050\r\n" * boot)
    if boot == 1:
        g.type("poweroff\n")
    else:
        g("system_powerdown")
    end(g, image)


# name: image, options; what is done, twice
CASES = {
    "debian": ("debian-disk.img", [], use),
    "debian-pentium4": ("debian-disk.img", ["--cpu", "pentium4", "--apic"], use),
    "debian-kernel": ("debian-disk.img", ["--append", "root=/dev/sda1 ro console=ttyS0 console=tty0 "
                                          "modprobe.blacklist=bochs"], use),
    "debian-x": ("debian-x.img", [], desktop),
    "debian-x-pentium4": ("debian-x.img", ["--cpu", "pentium4", "--apic"], desktop),
}


def kernel(image, folder):
    """The kernel and the initrd of the disk's /boot, on the host."""
    for link in "vmlinuz", "initrd.img":
        told = subprocess.run(["debugfs", "-R", f"stat /{link}", image + FIRST], check=True, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout
        name = told.split('Fast link dest: "')[1].split('"')[0]
        subprocess.run(["debugfs", "-R", f"dump /{name} {folder}/{link}", image + FIRST], check=True,
                       stderr=subprocess.PIPE)
    return ["--kernel", f"{folder}/vmlinuz", "--initrd", f"{folder}/initrd.img"]


def run(unring, guests, name):
    original, options, steps = CASES[name]
    with tempfile.TemporaryDirectory(dir=guests) as own:
        image = os.path.join(own, original)
        subprocess.run(["cp", "--sparse=always", os.path.join(guests, original), image], check=True)
        if name.endswith("-kernel"):
            options = kernel(image, own) + options
        for boot in (1, 2):
            before = processor_seconds()
            g = Guest(unring, "--disk", image, "--memory", "512M", *options, timeout=SECONDS,
                      serial=f"unix:{own}/line")
            try:
                steps(g, Line(f"{own}/line"), image, boot)
                print(f"ok {name}: boot {boot}, {processor_seconds() - before:.1f} processor seconds", flush=True)
            except (RuntimeError, OSError, subprocess.SubprocessError) as e:
                print(f"FAILED {name}: boot {boot}: {e}")
                return 1
            finally:
                g.close()
    return 0


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit("\n".join(CASES))
    sys.exit(max(run(sys.argv[1], sys.argv[2], name) for name in sys.argv[3:]))
