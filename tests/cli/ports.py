"""Both serial ports and the parallel port, used by a guest's BIOS.

    ports.py UNRING IMAGE
"""
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

unring, image = map(os.path.abspath, sys.argv[1:3])
SOON = 120
failures = 0
folder = tempfile.TemporaryDirectory()
paths = [f"{folder.name}/serial{i}" for i in range(2)]
printer, said = f"{folder.name}/printer", f"{folder.name}/said"


def check(name, good, *more):
    global failures
    print(f"{'ok' if good else 'FAILED':6} {name}", *([] if good else more), flush=True)
    failures += not good


def start(*options):
    return subprocess.Popen([unring, "run", "--floppy", f"{image},snapshot", "--memory", "1M",
                             "--display", "none", "--debug-exit", "--debugcon", said, *options],
                            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)


def call(path):
    end = time.monotonic() + SOON
    s = socket.socket(socket.AF_UNIX)
    while True:
        try:
            s.connect(path)
            s.settimeout(SOON)
            return s
        except (FileNotFoundError, ConnectionRefusedError):
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


def content(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except FileNotFoundError:
        return b""


def echoes(name, s, sent, back):
    got = b""
    s.sendall(sent)
    while len(got) < len(back):
        more = s.recv(4096)
        if not more:
            break
        got += more
    check(name, got == back, got)


def ends(name, run, status):
    _, err = run.communicate(timeout=SOON)
    check(name, run.returncode == status and not err, run.returncode, err)


def printed(name, text):
    """It is in the file when the guest goes on."""
    check(name, content(printer) == text, content(printer))


lines = ["--serial", f"unix:{paths[0]}", "--serial", f"unix:{paths[1]}"]
with start(*lines, "--parallel", f"file:{printer}") as run:
    first, second = map(call, paths)
    echoes("the first serial port", first, b"HAL", b"IBM")
    echoes("the second", second, b"HAL", b"HAL")
    printed("the printer", b"HAL")
    text = bytes(range(32, 90)) * 5
    echoes("more of it", second, text, text)
    printed("and all is printed", b"HAL" + text)
    run.send_signal(signal.SIGKILL)
    run.wait()
    run.stderr.close()
    printed("after a kill as well", b"HAL" + text)
    check("what INT 11h counts", content(said).startswith(b"21\n"), content(said))

for path in paths:                      # a killed run's are left
    os.path.exists(path) and os.unlink(path)
with start("--serial", "none", *lines[2:], "--parallel", f"file:{printer}") as run:
    second = call(paths[1])
    # The BIOS counts ports that are there: this one is its first.
    echoes("the second alone", second, b"HAL", b"IBM")
    run.send_signal(signal.SIGTERM)
    ends("its end", run, 128 + signal.SIGTERM)
    check("what INT 11h counts then", content(said).startswith(b"11\n"), content(said))
printed("a new run, a new file", b"")

with start(*lines, "--parallel", f"file:{printer}") as run:
    first, second = map(call, paths)
    second.sendall(b"bye Z")
    ends("the end that the guest makes", run, 33)
printed("what it printed before", b"bye ")

# A printer that nobody reads is busy: no byte is lost.
os.unlink(printer)
os.mkfifo(printer)
reader = os.open(printer, os.O_RDONLY | os.O_NONBLOCK)
with start(*lines, "--parallel", f"file:{printer}") as run:
    first, second = map(call, paths)
    echoes("to a pipe", second, b"pipe", b"pipe")
    check("is read there", os.read(reader, 100) == b"pipe")
    second.sendall(b"Z")
    ends("its end", run, 33)
os.close(reader)

full = "--parallel file:/dev/full: No space left on device"
with start(*lines, "--parallel", "file:/dev/full") as run:
    first, second = map(call, paths)
    second.sendall(b"lost Z")
    _, err = run.communicate(timeout=SOON)
    check("a full disk", run.returncode == 1 and full in err.decode() and err.count(b"\n") == 1,
          run.returncode, err)
sys.exit(failures != 0)
