"""The second fence on real processes: what /proc tells of each, a call outside it made by a
debugger, and what is closed. (tests/unit/host_fence_test.c tries each filter call by call.)

    fence.py UNRING
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

unring = sys.argv[1]
SOON = 60       # seconds: generous, for a busy host
NOBODY = 65534
PROCESSES = ["unring", "unring-broker", "unring-front", "unring-files"]
CALLS = {"getpid": (39, None), "open": (2, "0,0"), "openat": (257, "-100,0,0"),
         "socket": (41, "1,1,0"), "connect": (42, "0,0,0"), "accept4": (288, "0,0,0,0"), "fork": (57, None),
         "memory to execute": (9, "0,4096,7,0x22,-1,0"), "execve": (59, "0,0,0"),
         "prctl": (157, "4,1")}
failures = 0


def check(name, why):
    global failures
    print(f"{'ok' if not why else 'FAILED':6} {name}{': ' + why if why else ''}", flush=True)
    failures += bool(why)


class Held:
    """A guest that waits for a debugger of its own before its first instruction."""

    def __init__(self, *options, binary=unring, **how):
        self.folder = tempfile.TemporaryDirectory()
        os.chmod(self.folder.name, 0o777)   # for whoever it runs as
        self.control = f"{self.folder.name}/control"
        self.process = subprocess.Popen([binary, "run", "--gdb", "0", *options,
                                         "--control", f"unix:{self.control}"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, **how)
        self.pid = self.process.pid
        port = int(self.process.stderr.readline().rsplit(b":", 1)[1])
        self.debugger = socket.create_connection(("127.0.0.1", port), SOON)
        self.debugger.sendall(b"+$?#3f")    # it answers from the run, so it is fenced
        if not self.debugger.recv(100):
            raise RuntimeError(f"no answer; status {self.process.wait(SOON)}")

    def children(self):
        with open(f"/proc/{self.pid}/task/{self.pid}/children") as f:
            return [int(pid) for pid in f.read().split()]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(SOON)
        self.debugger.close()
        self.process.stderr.close()
        self.folder.cleanup()


def status(pid):
    with open(f"/proc/{pid}/status") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def look(name, held, wanted):
    seen = {}
    for pid in [held.pid, *held.children()]:
        s = status(pid)
        seen[s["Name"]] = {key: s.get(key) for key in wanted}
    check(name, None if seen == {p: wanted for p in PROCESSES} else f"{seen}")


FENCED = {"Seccomp": "2", "NoNewPrivs": "1", "CapEff": "0" * 16, "CapPrm": "0" * 16,
          "CapInh": "0" * 16, "CapAmb": "0" * 16}


def fenced():
    with Held() as held:
        look("each process is fenced", held, FENCED)
        for pid in [held.pid, *held.children()]:
            with open(f"/proc/{pid}/limits") as f:
                limits = f.read()
            for limit in ("core file size", "processes"):
                good = re.search(rf"^Max {limit} +0 +0 ", limits, re.M)
                check(f"{status(pid)['Name']}: no {limit}", None if good else limits)
    with Held("--fence", "off") as held:
        look("--fence off", held, {"Seccomp": status(os.getpid())["Seccomp"],
                                   "NoNewPrivs": status(os.getpid())["NoNewPrivs"]})


def undumpable():
    """The files of such a process under /proc are root's, whoever runs it."""
    how = {}
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        binary = shutil.copy(unring, folder)
        if os.getuid() == 0:
            how = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        with Held(binary=binary, **how) as held:
            for pid in [held.pid, *held.children()]:
                owner = os.stat(f"/proc/{pid}/stat").st_uid
                check(f"{status(pid)['Name']} cannot be dumped",
                      None if owner == 0 else f"its files are those of {owner}")


def descriptors():
    """A pipe that was left open is closed by all: its reader sees the end."""
    r, w = os.pipe()
    with Held(pass_fds=[w]):
        os.close(w)
        os.set_blocking(r, False)
        end = time.monotonic() + SOON
        why = "it is still open"
        while why and time.monotonic() < end:
            try:
                why = "something came" if os.read(r, 1) else None
            except BlockingIOError:
                time.sleep(0.01)
        check("descriptors of others are closed", why)
    os.close(r)


def debugger(name, number, arguments):
    """A call outside the fence, made by gdb, ends the process; getpid is inside."""
    with Held() as held:
        call = f"call (long)syscall({number}{',' + arguments if arguments else ''})"
        gdb = subprocess.run(["gdb", "-nx", "-batch", "-p", str(held.pid), "-ex", call],
                             stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SOON)
        if os.getuid() != 0:    # nobody but root comes so far
            why = None if "not permitted" in gdb.stderr else gdb.stdout + gdb.stderr
        elif name == "getpid":
            why = None if f"$1 = {held.pid}\n" in gdb.stdout and held.process.poll() is None \
                else gdb.stdout + gdb.stderr
        else:
            try:
                code = held.process.wait(SOON)
                why = None if code == -signal.SIGSYS else f"status {code}"
            except subprocess.TimeoutExpired:
                why = "goes on: " + gdb.stdout + gdb.stderr
        check(f"gdb calls {name}", why)


fenced()
undumpable()
descriptors()
for call in CALLS.items():
    debugger(call[0], *call[1])
print(f"{failures} failed")
sys.exit(failures != 0)
