"""--disk by NBD, and in the formats that qemu-nbd knows: what a guest writes and flushes is there, also behind a
server that was gone for a while; what cannot be had is refused in one line.

    nbd.py UNRING SECTOR        a first sector that writes, flushes and reads in rounds
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

unring, sector = map(os.path.abspath, sys.argv[1:])
BYTES = 512 * 63 * 16 * 20
failures = 0


def check(name, good, told=""):
    global failures
    print(f"{'ok' if good else 'FAILED':6} {name}{': ' if told else ''}{told}")
    failures += not good


def command(disk):
    return [unring, "run", "--debug-exit", "--debugcon", "-", "--serial", "none", "--display", "none", "--disk", disk]


def run(disk, env=None):
    return subprocess.run(command(disk), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300,
                          env=env)


def good(name, disk, rounds=3):
    r = run(disk)
    check(name, r.returncode == 7 and r.stdout == "+" * rounds and not r.stderr,
          f"status {r.returncode}, {r.stdout}{r.stderr}")


def refused(name, disk, why, env=None):
    r = run(disk, env)
    check(f"refused: {name}", r.returncode == 2 and r.stderr.count("\n") == 1 and why in r.stderr and not r.stdout,
          f"status {r.returncode}: {r.stderr.strip()}")


def tool(*words):
    return subprocess.run(words, check=True, capture_output=True).stdout


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)

    def raw(name, rounds=3):
        with open(sector, "rb") as f:
            bytes = bytearray(f.read())
        bytes[440] = rounds
        with open(name, "wb") as f:
            f.write(bytes)
            f.truncate(BYTES)
        return name

    def second(name):
        with open(name, "rb") as f:
            return f.read()[512:1024]

    def server(file, *options, at="s"):
        """Has bound its socket when this returns."""
        if os.path.exists(at):
            os.unlink(at)
        p = subprocess.Popen(["qemu-nbd", "-f", "raw", "-t", "-k", f"{folder}/{at}", *options, file])
        while not os.path.exists(at) and p.poll() is None:
            time.sleep(0.01)
        return p

    def end(p, how=signal.SIGTERM):
        p.send_signal(how)
        p.wait()

    # Formats, by the ends of names and by format=.
    raw("plain")
    for format, name in (("qcow2", "a.qcow2"), ("vdi", "a.vdi"), ("vmdk", "a.vmdk"), ("vpc", "a.vhd"),
                         ("vhdx", "a.vhdx"), ("qcow2", "odd")):
        tool("qemu-img", "convert", "-f", "raw", "-O", format, "plain", name)
        good(f"{format} in {name}", name + (",format=qcow2" if name == "odd" else ""))
        if format in ("qcow2", "vdi", "vhdx"):
            checked = subprocess.run(["qemu-img", "check", "-f", format, name], capture_output=True, text=True)
            check(f"{name} is sound", checked.returncode == 0, checked.stdout.splitlines()[0])
        tool("qemu-img", "convert", "-f", format, "-O", "raw", name, "back")
        check(f"{name} has what was written", second("back") == b"\3" * 512)
    raw("five", 5)
    tool("qemu-img", "convert", "-f", "raw", "-O", "qcow2", "five", "five.qcow2")
    good("snapshot", "five.qcow2,snapshot", 5)
    tool("qemu-img", "convert", "-f", "qcow2", "-O", "raw", "five.qcow2", "back")
    check("a snapshot leaves the image", second("back") == bytes(512))
    # Who can write a raw disk's first bytes does not make it an image that names other files.
    with open("odd", "rb") as image:
        magic = image.read(512)
    with open("raw", "wb") as f:
        f.write(magic)
        f.truncate(BYTES)
    p = subprocess.Popen(command("raw"), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    time.sleep(0.5)
    names = tool("ps", "-A", "-o", "comm=,args=").decode().splitlines()
    check("a raw image with another's first bytes stays raw",
          p.poll() is None and not any("qemu-nbd" in n and folder in n for n in names))
    end(p)

    # Servers.
    p = server(raw("served"))
    good("nbd:unix:PATH", f"nbd:unix:{folder}/s")
    check("it has what was written", second("served") == b"\3" * 512)
    raw("served", 4)
    good("nbd+unix:///?socket=PATH", "nbd+unix:///?socket=s,snapshot", 4)
    check("a snapshot leaves what is served", second("served") == bytes(512))
    end(p)
    p = server(raw("served"), "-x", "disk")
    good("nbd:unix:PATH:exportname=NAME", "nbd:unix:s:exportname=disk")
    refused("another export", "nbd+unix:///other?socket=s", "--disk nbd+unix:///other?socket=s: ")
    end(p)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    p = subprocess.Popen(["qemu-nbd", "-f", "raw", "-t", "-b", "127.0.0.1", "-p", str(port), raw("served")])
    for _ in range(1000):
        with socket.socket() as s:
            if not s.connect_ex(("127.0.0.1", port)):
                break
        time.sleep(0.01)
    good("nbd://HOST:PORT", f"nbd://127.0.0.1:{port}")
    end(p)

    # One that is killed, and comes again.
    p = server(raw("served", 0))
    vm = subprocess.Popen(command(f"nbd:unix:{folder}/s"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)

    def wait_for(round):
        """False: the guest's rounds have ended."""
        while (c := vm.stdout.read(1)) and c != round:
            pass
        return c == round

    check("rounds of a server", wait_for("+"))
    end(p, signal.SIGKILL)
    check("errors without it", wait_for("-") and wait_for("-"))
    p = server("served")
    check("rounds of the next", wait_for("+") and wait_for("+"))
    vm.terminate()
    said = vm.communicate()[1]
    check("the user is told of it", "nbd:unix:" in said and 1 <= said.count("\n") <= 3, said.strip())
    check("and it has what was written", second("served") not in (bytes(512), b""))
    end(p)

    # What is refused.
    refused("no server", f"nbd:unix:{folder}/none", "No such file")
    refused("no server at a port", f"nbd://127.0.0.1:{port}", "refused")
    refused("no address", "nbd:odd", "--disk nbd:odd: ")
    refused("a format of an address", "nbd:unix:s,format=raw", "format")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind("mute")
        s.listen(1)
        p = subprocess.Popen(command("nbd:unix:mute"), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        caller, _ = s.accept()
        caller.sendall(b"SSH-2.0-OpenSSH_9.2\r\n" * 10)
        caller.close()
        told = p.communicate(timeout=300)[1]
        check("refused: no NBD", p.returncode == 2 and told.count("\n") == 1, told.strip())
    p = server(raw("served"), "-r")
    refused("a server that lets read alone", "nbd:unix:s", "readonly")
    end(p)
    refused("not of the format", "plain,format=qcow2", "not in qcow2 format")
    refused("an unknown format", "plain,format=qed", "neither auto, raw, qcow2")
    refused("no such image", "none.qcow2", "No such file")
    refused("no qemu-nbd", "a.qcow2", "qemu-utils", {"PATH": folder})
    tool("qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw("hold", 0), "held.qcow2")
    p = subprocess.Popen(command("held.qcow2"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    check("one that holds an image", p.stdout.read(1) == "+")
    refused("an image that is in use", "held.qcow2", "lock")
    end(p)

print(f"{failures} failed")
sys.exit(failures != 0)
