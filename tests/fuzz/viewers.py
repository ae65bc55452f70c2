#!/usr/bin/env python3
"""viewers.py [--build DIR] [--rounds N | --minutes N] [--seed S]

Clients of a machine's screen that send garbage: at each step of VNC's handshake and after it, by
messages of every kind with values that nobody means, halves of them, and thousands at once; and
browsers without the token, or with it, whose requests and WebSocket frames are wrong.  Round N of a
seed is the same each time.  Meanwhile one client looks and types: after each round its key must be
heard, its picture be right, and nothing may have died but what served the guilty; a sanitizer may
find nothing.  The guest is tests/cli/mouse.asm, which says what is typed; DIR the build tree
(default build/asan-ubsan).
"""
import argparse
import os
import random
import re
import socket
import struct
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "guests"))
sys.path.insert(0, os.path.join(HERE, "..", "cli"))
import rfb  # noqa: E402
from qmp import Guest  # noqa: E402

PASSWORD = "secret"
PATIENCE = 120
BAD = re.compile("internal error|Sanitizer|runtime error|assert|its process")
EDGES = [0, 1, 2, 3, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff]


def number(rng, bits):
    v = rng.choice(EDGES) if rng.random() < 0.6 else rng.getrandbits(bits)
    return v & ((1 << bits) - 1)


def noise(rng, most=600):
    return rng.randbytes(rng.randint(0, most))


KNOWN = [0, 1, 2, 4, 5, 6, 7, 8, 9, 15, 16, -223, -224, -232, -239, -240, -247, -256, -261, -305, -307, -308, -309,
         0xc0a1e5ce - (1 << 32)]  # encodings


def vnc_message(rng, wild):
    """Of a client that has been let in: RFC 6143, 7.5, and what has been added to it.  Wild ones have
    lengths that are not theirs, or kinds that there are not: what follows is taken for something else."""
    def u8():
        return number(rng, 8)

    def u16():
        return number(rng, 16)

    def u32():
        return number(rng, 32)

    kind = rng.choice([248, 249, 250, 251, 252, 253, 255, u8()]) if wild else rng.choice([0, 2, 3, 3, 4, 5, 6])
    head = bytes([kind])
    if kind == 0:
        bits = rng.choice([8, 16, 32, u8()]) if wild else rng.choice([8, 16, 32])
        return head + struct.pack(">xxxBBBBHHHBBBxxx", bits, u8(), u8() & 1, u8() & 1, u16(), u16(), u16(), u8(), u8(), u8())
    if kind == 2:
        encodings = [rng.choice(KNOWN) & 0xffffffff if rng.random() < 0.8 else u32() for _ in range(rng.randint(0, 40))]
        return head + struct.pack(">xH", u16() if wild else len(encodings)) + b"".join(
            struct.pack(">I", e) for e in encodings)
    if kind == 3:
        return head + struct.pack(">BHHHH", u8(), u16(), u16(), u16(), u16())
    if kind == 4:
        return head + struct.pack(">BxxI", u8(), u32())
    if kind == 5:
        return head + struct.pack(">BHH", u8(), u16(), u16())
    if kind == 6:
        data = noise(rng)
        return head + struct.pack(">xxxI", u32() if wild else len(data)) + data
    if kind == 251:  # SetDesktopSize
        n = u8()
        return head + struct.pack(">xHHBx", u16(), u16(), n) + noise(rng, 16 * n)
    return head + noise(rng, 40)


def swallow(s):
    s.settimeout(0.05)
    try:
        while s.recv(1 << 16):
            pass
    except OSError:
        pass


def send(s, data, rng):
    """In pieces, or all at once; whoever hangs up has had enough."""
    s.settimeout(2)
    try:
        while data:
            n = rng.randint(1, len(data)) if rng.random() < 0.3 else len(data)
            s.sendall(data[:n])
            data = data[n:]
        return True
    except OSError:
        return False


def shaking_hands(rng, place):
    """Wrong at one step of the handshake."""
    with socket.create_connection(("127.0.0.1", place["vnc"]), PATIENCE) as s:
        step = rng.randint(0, 3)
        steps = [b"RFB 003.%03d\n" % rng.choice([3, 7, 8, 8, 889, 0]), bytes([rng.choice([1, 2, 2, 2, 16, 0, 255])]),
                 rng.randbytes(16), b"\1"]
        for i, right in enumerate(steps):
            if not send(s, noise(rng, 4000) if i == step else right, rng):
                return
        for _ in range(rng.randint(0, 20)):
            if not send(s, vnc_message(rng, rng.random() < 0.1), rng):
                return
        swallow(s)


def let_in(rng, place):
    """Messages of a client that has the password."""
    c = rfb.Client(place["vnc"], PASSWORD, PATIENCE)
    s = c.socket
    for _ in range(rng.choice([1, 5, 50, 400])):
        m = vnc_message(rng, rng.random() < 0.02)
        if rng.random() < 0.01:
            m = m[:rng.randint(0, len(m))]
        if not send(s, m, rng):
            break
        if rng.random() < 0.1:
            swallow(s)
    if rng.random() < 0.5:
        swallow(s)
    if rng.random() < 0.2:
        place["open"].append(s)  # it stalls from here on
    else:
        s.close()


def crowd(rng, place):
    """Many at once, of whom some say something."""
    for _ in range(rng.randint(10, 60)):
        try:
            s = socket.create_connection(("127.0.0.1", place[rng.choice(["vnc", "web"])]), PATIENCE)
        except OSError:
            continue
        if rng.random() < 0.3:
            send(s, noise(rng), rng)
        place["open"].append(s)


def frame(rng, data):
    """A WebSocket frame, RFC 6455, 5.2, of which something may be wrong."""
    first = rng.choice([0x82, 0x82, 0x82, 0x81, 0x02, 0x00, 0x80, 0x88, 0x89, 0x8a, 0xf2, rng.randint(0, 255)])
    n = len(data) if rng.random() < 0.8 else number(rng, 63)
    masked = 0x80 if rng.random() < 0.9 else 0
    length = bytes([masked | n]) if n < 126 else (
        struct.pack(">BH", masked | 126, n) if n < 65536 else struct.pack(">BQ", masked | 127, n))
    mask = rng.randbytes(4) if masked else b""
    return bytes([first]) + length + mask + bytes(b ^ mask[i & 3] if mask else b for i, b in enumerate(data))


def browser(rng, place):
    """A request, with the token or without it, and what comes after the answer."""
    token = place["token"]
    name = token if rng.random() < 0.7 else rng.choice([token[:-1], token.upper() + "/", "", "..", "%2e%2e", "a" * 5000])
    path = rng.choice(["vnc.html", "websockify", "websockify", "websockify", "", "../etc/passwd", "app/ui.js",
                       "%00", "x" * rng.randint(1, 9000)])
    lines = [f"{rng.choice(['GET', 'GET', 'GET', 'POST', 'HEAD', 'CONNECT', 'PRI', ''])} /{name}/{path} HTTP/1.1",
             "Host: x"]
    if rng.random() < 0.8:
        lines += ["Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Version: {rng.choice([13, 13, 8, 0, 999])}",
                  "Sec-WebSocket-Key: " + rng.choice(["A" * 22 + "==", "", "A" * 3000])]
    for _ in range(rng.choice([0, 0, 2, 200])):
        lines.append(f"X-{rng.getrandbits(16)}: " + "y" * rng.randint(0, 500))
    if rng.random() < 0.1:
        lines.append(f"Content-Length: {number(rng, 32)}")
    request = "\r\n".join(lines + ["", ""]).encode("latin-1")
    if rng.random() < 0.1:
        request = bytes(b if rng.random() < 0.99 else rng.getrandbits(8) for b in request)
    with socket.create_connection(("127.0.0.1", place["web"]), PATIENCE) as s:
        if not send(s, request, rng):
            return
        swallow(s)
        steps = [b"RFB 003.008\n", b"\1", b"\1"] if rng.random() < 0.7 else []
        for data in steps + [vnc_message(rng, rng.random() < 0.1) for _ in range(rng.randint(0, 30))]:
            good = struct.pack(">BB4x", 0x82, 0x80 | len(data)) + data if len(data) < 126 else frame(rng, data)
            if not send(s, good if rng.random() < 0.7 else frame(rng, data), rng):
                return
        swallow(s)


def text(path):
    with open(path, encoding="latin-1") as f:
        return f.read()


def heard(client, said, key):
    """Does the guest say that it has heard a key, whatever others press?"""
    at = len(text(said))
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        client.type(ord(key))
        client.until(lambda c: "places\n" in text(said)[at:], 1)
        if "places\n" in text(said)[at:]:
            return True
    return False


def processes(guest):
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
                stat = f.read()
        except OSError:
            continue
        name, parent = stat[stat.index("(") + 1:stat.rindex(")")], int(stat[stat.rindex(")") + 2:].split()[1])
        found[int(pid)] = (name, parent)
    own = {guest.process.pid}
    while True:
        more = {p for p, (_, parent) in found.items() if parent in own} - own
        if not more:
            return {p for p in own if found.get(p, ("", 0))[0] in ("unring-vnc", "unring-web")
                    and found.get(found[p][1], ("", 0))[0] != found[p][0]}
        own |= more


def main():
    a = argparse.ArgumentParser(usage="see viewers.py")
    a.add_argument("--build", default="build/asan-ubsan")
    a.add_argument("--rounds", type=int, default=0)
    a.add_argument("--minutes", type=float, default=0)
    a.add_argument("--seed", type=int, default=1)
    o = a.parse_args()
    folder = tempfile.TemporaryDirectory()
    said, told = f"{folder.name}/said", f"{folder.name}/told"
    with open(f"{folder.name}/password", "w", encoding="ascii") as f:
        f.write(PASSWORD + "\n")
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        vnc = s.getsockname()[1]
    with open(told, "w", encoding="ascii") as stderr:
        guest = Guest(os.path.join(o.build, "unring"), "--display", "web=0",
                      "--floppy", f"{o.build}/tests/mouse.img,snapshot", "--memory", "1M", "--debugcon", said, "--debug-exit",
                      display=f"vnc={vnc - 5900},password={folder.name}/password", timeout=1e6, stderr=stderr)
    try:
        guest.until("up", lambda: "up\n" in text(said), PATIENCE)
        web, token = re.search(r"http://127.0.0.1:(\d+)/([0-9a-f]{32})/", text(told)).groups()
        place = {"vnc": vnc, "web": int(web), "token": token, "open": []}
        client, first = rfb.Client(vnc, PASSWORD, PATIENCE), processes(guest)
        end, done = time.monotonic() + 60 * o.minutes, 0
        while done < o.rounds or time.monotonic() < end:
            rng = random.Random(o.seed * 1000003 + done)
            attack = rng.choice([shaking_hands, let_in, let_in, browser, browser, crowd])
            try:
                attack(rng, place)
            except (rfb.Closed, OSError):
                pass
            while len(place["open"]) > 40 or (place["open"] and rng.random() < 0.3):
                place["open"].pop(0).close()
            done += 1
            wrong = BAD.search(text(told))
            if wrong or processes(guest) != first or guest.process.poll() is not None or \
               guest("query-status")["status"] != "running" or not heard(client, said, "a"):
                print(f"viewers.py: seed {o.seed}, round {done - 1} ({attack.__name__}): "
                      f"{processes(guest)} of {first}\n{text(told)[-3000:]}")
                return 1
        print(f"{done} rounds, nothing wrong")
        return 0
    finally:
        guest.close()


if __name__ == "__main__":
    sys.exit(main())
