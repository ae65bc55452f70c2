"""The screen by VNC and in browsers: what is seen, typed and pointed at, and who disturbs nobody.

    viewers.py UNRING MOUSE_IMAGE GUESTS_FOLDER
"""
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

import rfb

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


def write(name, text):
    with open(f"{folder.name}/{name}", "w", encoding="ascii") as f:
        f.write(text)
    return f"{folder.name}/{name}"


def text():
    with open(said, encoding="latin-1") as f:
        return f.read()


def free_number():
    """A port from 5900 on that nobody has now."""
    for number in range(100, 1000):
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", 5900 + number))
                return number
            except OSError:
                pass
    raise OSError("no free port")


def refused(name, display, *says):
    run = subprocess.run([unring, "run", "--display", display], capture_output=True, text=True,
                         timeout=PATIENCE, check=False)
    check(name, run.returncode == 2 and run.stderr.count("\n") == 1
          and all(s in run.stderr for s in says), run)


def picture(guest):
    """What screendump has: width, height, pixels."""
    path = f"{folder.name}/picture.ppm"
    guest("screendump", filename=path)
    with open(path, "rb") as f:
        kind, width, height, rest = f.read().split(maxsplit=3)
    assert kind == b"P6"
    return int(width), int(height), rest.split(b"\n", 1)[1]


def same(guest, client):
    """Does the client see what screendump does?  Of a text screen the cursor blinks in one of them."""
    width, height, pixels = picture(guest)
    if (client.width, client.height) != (width, height):
        return False
    other = sum(a != b for a, b in zip(pixels, client.pixels))
    return other <= 3 * 9 * 16 and any(pixels)


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        direct = [int(p) for p in f.read().split()]
    return direct + [c for p in direct for c in children(p)]


def named(guest, name):
    found = []
    for pid in children(guest.process.pid):
        with open(f"/proc/{pid}/comm", encoding="ascii") as f:
            if f.read().strip() == name:
                found.append(pid)
    return found


def fenced(guest):
    with open(f"/proc/{guest.process.pid}/status", encoding="ascii") as f:
        return "Seccomp:\t2" in f.read()


number = free_number()
password = write("password", "secret\n")
refused("a file for a password that is not there", "vnc=9,password=/nonexistent/p", "No such file")
refused("an empty password", f"vnc=9,password={write('empty', '')}", "1 to 8 characters")
refused("a password that is too long", f"vnc=9,password={write('long', 'x' * 9)}", "1 to 8")
refused("no address", "vnc=300.0.0.1:9", "cannot listen")
with socket.socket() as taken:
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    refused("an address in use", f"web={taken.getsockname()[1]}", "Address already in use")

left = write("inherited", "")
guest = Guest(unring, "--floppy", f"{image},snapshot", "--memory", "1M", "--debugcon", said,
              "--debug-exit", display=f"vnc={number},password={password}", timeout=600,
              inherits=[os.open(left, os.O_RDONLY)])
try:
    guest.until("up", lambda: "up\n" in text(), PATIENCE)
    for wrong in (None, "secreT"):
        try:
            rfb.Client(5900 + number, wrong, PATIENCE)
            check(f"password {wrong}", False)
        except rfb.Closed as why:
            check(f"password {wrong}: {why}", True)
    mute = socket.create_connection(("127.0.0.1", 5900 + number), PATIENCE)
    challenges = {rfb.challenge(5900 + number, PATIENCE) for _ in range(4)}
    check("another challenge for each", len(challenges) == 4)
    client = rfb.Client(5900 + number, "secret", PATIENCE)
    check("the picture is screendump's", client.until(lambda c: same(guest, c), PATIENCE))
    # Some who disturb: one that reads nothing of many pictures, and some that talk nonsense.
    stalled = rfb.Client(5900 + number, "secret", PATIENCE)
    for _ in range(200):
        stalled.ask(False)
    for seed in range(8):
        with socket.create_connection(("127.0.0.1", 5900 + number), PATIENCE) as s:
            s.sendall(bytes((i * 73 + seed * 31) % 256 for i in range(4096)))
    at = len(text())
    client.type(ord("a"))
    guest.until("places", lambda: "places\n" in text()[at:], PATIENCE)
    check("a key", True)
    at = len(text())
    client.pointer(360, 200, 1)
    client.pointer(360, 200, 0)
    guest.until("a place", lambda: re.search(r"^A 0*20 0*80\w\w 0*80\w\w", text()[at:], re.M), PATIENCE)
    check("a place, and a click", True)
    check("and the picture is still screendump's", client.until(lambda c: same(guest, c), PATIENCE))
    late = rfb.Client(5900 + number, "secret", PATIENCE)
    check("another sees it, too", late.until(lambda c: same(guest, c), PATIENCE))
    while mute.recv(100):
        pass
    check("who says nothing is hung up on", True)
    held = {os.readlink(f"/proc/{pid}/fd/{fd}") for pid in named(guest, "unring-vnc")
            for fd in os.listdir(f"/proc/{pid}/fd")}
    # A build that cannot be fenced closes none.
    check("none has what unring was given",
          not fenced(guest) or not any(left in link for link in held), held)
    for pid in named(guest, "unring-vnc"):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    time.sleep(1)
    guest.type("q")
    check("the guest goes on without its viewer", guest.ended() == 33)
finally:
    guest.close()

# In browsers: nothing without the token.
with subprocess.Popen([unring, "run", "--bios", "/usr/share/seabios/bios-256k.bin", "--serial", "none",
                       "--display", "web=0", "--timeout", "120"], stderr=subprocess.PIPE,
                      text=True) as run:
    line = run.stderr.readline()
    port, token = re.search(r"http://127.0.0.1:(\d+)/([0-9a-f]{32})/vnc.html", line).groups()

    def get(path, *more):
        with socket.create_connection(("127.0.0.1", int(port)), PATIENCE) as s:
            s.sendall("\r\n".join([f"GET {path} HTTP/1.1", "Host: x", *more, "", ""]).encode())
            answer = b""
            while b"\r\n\r\n" not in answer or b"RFB" not in answer and b"<" not in answer:
                some = s.recv(4096)
                if not some:
                    break
                answer += some
            return answer

    upgrade = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
               "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==")
    check("the page", b" 200 " in get(f"/{token}/vnc.html")[:16])
    for path in ("/vnc.html", "/", f"/{token[:-1]}0x/vnc.html", f"/{token}/../{token}/nothing"):
        check(f"without the token: {path.replace(token, 'TOKEN')}",
              b" 200 " not in get(path)[:16])
    check("a WebSocket without it", b" 101 " not in get("/websockify", *upgrade)[:16])
    for kind in ("bridge", "listener", "clients"):
        answer = get("/websockify", *upgrade, f"Sec-WebSocket-Protocol: {kind}")
        check(f"nor one of {kind}", b" 101 " not in answer[:16])
    talk = get(f"/{token}/websockify", *upgrade)
    check("a WebSocket, and RFB in it", b" 101 " in talk[:16] and b"RFB 003.008" in talk, talk)
    run.kill()
sys.exit(failures != 0)
