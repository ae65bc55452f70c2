"""The screen in a window of X: what is seen, typed and pointed at, and what closing it does.

    window.py UNRING MOUSE_IMAGE GUESTS_FOLDER
"""
import ctypes
import os
import re
import struct
import subprocess
import sys
import tempfile

unring, image = map(os.path.abspath, sys.argv[1:3])
sys.path.insert(0, sys.argv[3])
from qmp import Guest

failures = 0
PATIENCE = 240
folder = tempfile.TemporaryDirectory()
said = f"{folder.name}/said"


def check(name, good, *more):
    global failures
    print(f"{'ok' if good else 'FAILED':6} {name}", *([] if good else more), flush=True)
    failures += not good


def text():
    with open(said, encoding="latin-1") as f:
        return f.read()


def tool(*words):
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=PATIENCE).stdout.strip()


def window():
    """Its number, when it is there."""
    done = subprocess.run(["xdotool", "search", "--onlyvisible", "--name", "^unring"], capture_output=True,
                          text=True, check=False, timeout=PATIENCE)
    return done.stdout.split()[0] if done.stdout else None


def shot(of):
    """Width, height and RGB of a window, as xwd has it: X11/XWDFile.h."""
    data = subprocess.run(["xwd", "-silent", "-id", of], capture_output=True, check=True,
                          timeout=PATIENCE).stdout
    head = struct.unpack(">25I", data[:100])
    size, width, height, line, colours = head[0], head[4], head[5], head[12], head[19]
    assert head[11] == 32 and head[7] == 0, head  # bits of a pixel; least significant byte first
    at = size + 12 * colours
    rows = [data[at + y * line:at + y * line + 4 * width] for y in range(height)]
    rgb = bytearray(3 * width * height)
    for i in range(3):
        rgb[i::3] = b"".join(row[2 - i::4] for row in rows)
    return width, height, bytes(rgb)


def same(guest, of):
    """Does the window show what screendump does, but for the cursor?"""
    width, height, pixels = guest.picture()
    seen = shot(of)
    other = sum(a != b for a, b in zip(pixels, seen[2]))
    return seen[:2] == (width, height) and other <= 3 * 9 * 16 and any(pixels)


class ClientMessage(ctypes.Structure):
    """X11/Xlib.h."""
    _fields_ = [("type", ctypes.c_int), ("serial", ctypes.c_ulong), ("send_event", ctypes.c_int),
                ("display", ctypes.c_void_p), ("window", ctypes.c_ulong), ("message_type", ctypes.c_ulong),
                ("format", ctypes.c_int), ("data", ctypes.c_long * 5), ("rest", ctypes.c_long * 24)]


def ask_to_close(of):
    """As a window manager does when its button is pressed: ICCCM, 4.2.8.1."""
    x = ctypes.CDLL("libX11.so.6")
    x.XOpenDisplay.restype = ctypes.c_void_p
    x.XInternAtom.restype = ctypes.c_ulong
    display = ctypes.c_void_p(x.XOpenDisplay(None))
    protocols, delete = (x.XInternAtom(display, name, 0) for name in (b"WM_PROTOCOLS", b"WM_DELETE_WINDOW"))
    message = ClientMessage(type=33, window=int(of), message_type=protocols, format=32)
    message.data[0] = delete
    x.XSendEvent(display, ctypes.c_ulong(int(of)), 0, ctypes.c_long(0), ctypes.byref(message))
    x.XCloseDisplay(display)


# The X server tells by its output which display it is.
server = subprocess.Popen(["Xvfb", "-displayfd", "1", "-screen", "0", "1280x1024x24", "-nolisten", "tcp"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
guest = None
try:
    os.environ["DISPLAY"] = f":{int(server.stdout.readline())}"
    os.environ.pop("WAYLAND_DISPLAY", None)
    options = ["--floppy", f"{image},snapshot", "--memory", "1M", "--debugcon", said, "--debug-exit"]
    guest = Guest(unring, *options, display="sdl", timeout=600)
    guest.until("up", lambda: "up\n" in text(), PATIENCE)
    guest.until("a window", window, PATIENCE)
    own = window()
    guest.until("screendump's picture", lambda: same(guest, own), PATIENCE)
    check("the picture is screendump's", True)
    tool("xdotool", "windowfocus", "--sync", own)
    at = len(text())
    tool("xdotool", "key", "a")
    guest.until("places", lambda: "places\n" in text()[at:], PATIENCE)
    check("a key", True)
    at = len(text())
    tool("xdotool", "mousemove", "--window", own, "360", "200", "click", "1")
    guest.until("a place", lambda: re.search(r"^A 0*20 0*80\w\w 0*80\w\w", text()[at:], re.M), PATIENCE)
    check("a place, and a click", True)
    guest.until("its picture still", lambda: same(guest, own), PATIENCE)
    check("and the picture is still screendump's", True)
    with open(f"/proc/{guest.process.pid}/status", encoding="ascii") as f:
        fenced = "Seccomp:\t2" in f.read()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/comm", encoding="ascii") as f:
                name = f.read().strip()
            with open(f"/proc/{pid}/environ", "rb") as f:
                here = f"DISPLAY={os.environ['DISPLAY']}".encode() in f.read().split(b"\0")
            with open(f"/proc/{pid}/status", encoding="ascii") as f:
                behind = "Seccomp:\t2" in f.read()
        except OSError:
            continue
        if name == "unring-sdl" and here:
            check("its process is fenced", behind or not fenced)
    tool("xdotool", "key", "ctrl+alt+g")
    guest.until("grabbed", lambda: "lets the mouse go" in tool("xdotool", "getwindowname", own), PATIENCE)
    check("Ctrl+Alt+G", True)
    at = len(text())
    tool("xdotool", "mousemove_relative", "--", "30", "20")
    guest.until("a movement", lambda: re.search(r"^[AR] ", text()[at:], re.M), PATIENCE)
    check("it moves without a place", True)
    tool("xdotool", "key", "ctrl+alt+g")
    guest.until("let go", lambda: " grabs the mouse" in tool("xdotool", "getwindowname", own), PATIENCE)
    ask_to_close(own)
    check("closing the window ends the run", guest.ended() == 0)
finally:
    if guest:
        guest.close()
    server.terminate()
    server.wait()

os.environ["DISPLAY"] = ":99999"
run = subprocess.run([unring, "run", "--display", "sdl"], capture_output=True, text=True, timeout=PATIENCE,
                     check=False)
check("no X server", run.returncode == 2 and run.stderr.count("\n") == 1 and "cannot open a window" in run.stderr, run)
run = subprocess.run([unring, "run", "--display", f"sdl,password={folder.name}/said"], capture_output=True, text=True,
                     timeout=PATIENCE, check=False)
check("a password", run.returncode == 2 and "nobody is asked" in run.stderr, run)
sys.exit(failures != 0)
