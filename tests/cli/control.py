"""The control socket and unring ctl, over real runs: status, stops, resets and their events, guests
that halt and that compute, files by name, the front, hostile callers; --exit-on-text, --exit-on-halt, --timeout.

    control.py UNRING TALK BUSY HALT
"""

import array
import fcntl
import json
import os
import random
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time

unring, talk, busy, halt = map(os.path.abspath, sys.argv[1:])
SOON = 120      # seconds: generous, for a busy host
failures = 0
folder = tempfile.TemporaryDirectory()
path = f"{folder.name}/control"
mask = os.umask(0o022)
os.umask(mask)


def check(name, good, *more):
    global failures
    print(f"{'ok' if good else 'FAILED':6} {name}", flush=True)
    failures += not good
    if not good:
        print("     |", *more)


class Client:
    """As a stock client does it: the greeting, the capabilities, then commands; events may come
    at any time."""

    def __init__(self):
        self.s = socket.socket(socket.AF_UNIX)
        end = time.time() + SOON
        while True:
            try:
                self.s.connect(path)
                break
            except (FileNotFoundError, ConnectionRefusedError):
                if time.time() > end:
                    raise
                time.sleep(0.02)
        self.s.settimeout(SOON)
        self.file = self.s.makefile("r", encoding="utf-8")
        self.events = []
        self.greeting = json.loads(self.file.readline())
        self.cmd("qmp_capabilities")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.s.close()

    def next(self):
        line = self.file.readline()
        return json.loads(line) if line else None

    def cmd(self, name, fd=None, **arguments):
        text = json.dumps({"execute": name, "id": name, "arguments":
                           {k.replace("_", "-"): v for k, v in arguments.items()}}).encode()
        if fd is None:
            self.s.sendall(text)
        else:
            self.s.sendmsg([text], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
        while (v := self.next()) is not None:
            if "event" not in v:
                assert v["id"] == name, v
                return v.get("return", v.get("error"))
            self.events.append(v)
        return None

    def event(self, name):
        """The next event of this name, or None."""
        while True:
            while self.events:
                v = self.events.pop(0)
                if v["event"] == name:
                    return v
            v = self.next()
            if v is None:
                return None
            self.events.append(v)


class Run(subprocess.Popen):
    """A run that does not outlive what goes wrong in its block: the exception is shown, and no wait."""

    def __exit__(self, kind, *more):
        if kind:
            self.kill()
        super().__exit__(kind, *more)


def start(kernel, what, *options, control=True, **how):
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    args = [unring, "run", *options]
    if kernel:
        args += ["--kernel", kernel, "--append", what]
    if control:
        args += ["--control", f"unix:{path}"]
    return Run(args, stdin=subprocess.DEVNULL,
               **{"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, **how})


def ended(run):
    try:
        status = run.wait(SOON)
    except subprocess.TimeoutExpired:
        run.kill()
        status = "none"
    said = run.stderr.read().decode()
    run.stderr.close()
    return status, said


def ends(name, run, status, *says):
    got = ended(run)
    good = got[0] == status and got[1].count("\n") == bool(says) and all(s in got[1] for s in says)
    check(name, good, *got)


def ctl(*words):
    return subprocess.run([unring, "ctl", path, *words], capture_output=True, text=True,
                          timeout=SOON)


def ctl_says(words, status, out="", err=""):
    r = ctl(*words)
    good = r.returncode == status and out in r.stdout and err in r.stderr
    check(f"ctl {' '.join(words)}", good and r.stderr.count("\n") == (status != 0),
          r.returncode, r.stdout, r.stderr)


def a_session(kernel, name):
    """A guest that computes or sleeps: all is answered, also while it is stopped."""
    with start(kernel, "w") as run, Client() as c:
        check(f"{name}: rights of the socket", stat.S_IMODE(os.stat(path).st_mode) == 0o600)
        check(f"{name}: greeting", c.greeting["QMP"]["capabilities"] == []
              and {"major", "minor", "micro"} == set(c.greeting["QMP"]["version"]["qemu"]))
        check(f"{name}: it prints", c.cmd("x-wait-text", text="up", timeout=60000) == {})
        check(f"{name}: runs", c.cmd("query-status") == {"running": True, "status": "running"})
        with Client() as other:
            check(f"{name}: stop", c.cmd("stop") == {} and other.event("STOP")["timestamp"]
                  ["seconds"] > 1e9)
            check(f"{name}: stopped", other.cmd("query-status")["status"] == "paused")
            before = c.cmd("x-stats")["seconds"]
            time.sleep(0.3)
            check(f"{name}: its clock stands", c.cmd("x-stats")["seconds"] == before, before)
            check(f"{name}: a reset while it stands", c.cmd("system_reset") == {}
                  and c.event("RESET")["data"] == {"guest": False, "reason": "host"})
            check(f"{name}: it stands still", c.cmd("x-wait-text", text="up", timeout=200)
                  ["class"] == "GenericError")
            check(f"{name}: cont", c.cmd("cont") == {} and other.event("RESUME") is not None
                  and c.cmd("x-wait-text", text="up", timeout=60000) == {})
            check(f"{name}: its clock runs", c.cmd("x-stats")["seconds"] > before)
        check(f"{name}: speed", c.cmd("x-set-speed", percent=20) == {}
              and "5 to 100" in c.cmd("x-set-speed", percent=4)["desc"])
        ctl_says(["speed", str((1 << 32) + 50)], 1, "", "5 to 100")
        if kernel == busy:
            cpu = spent(run.pid)
            time.sleep(1)
            cpu = spent(run.pid) - cpu
            check(f"{name}: it is held", 0.02 < cpu < 0.4, cpu)
        check(f"{name}: instructions are not counted",
              "no count of instructions" in c.cmd("x-set-ips", ips=1000000)["desc"])
        check(f"{name}: full speed", c.cmd("x-set-speed", percent=100) == {})
        check(f"{name}: query-chardev", c.cmd("query-chardev")[0]["label"] == "serial0")
        check(f"{name}: quit", c.cmd("quit") == {}
              and c.event("SHUTDOWN")["data"] == {"guest": False, "reason": "host"})
        ends(f"{name}: status", run, 0)
    check(f"{name}: the socket is removed", not os.path.exists(path))


def spent(pid):
    """Seconds of a processor."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        words = f.read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def an_exception():
    """In a block of a run: it is told, and not that the test takes long."""
    try:
        with start(talk, "w") as run, Client():
            raise EOFError
    except EOFError:
        check("an exception ends the run", run.poll() == -signal.SIGKILL, run.poll())


def by_hand():
    with start(talk, "w", "--paused") as run:
        Client().__exit__()     # it listens
        ctl_says(["status"], 0, "prelaunch\n")
        ctl_says(["wait", "up", "0.1"], 1, "", "did not appear")
        ctl_says(["cont"], 0)
        ctl_says(["wait", "up"], 0)
        ctl_says(["status"], 0, "running\n")
        ctl_says(["stop"], 0)
        ctl_says(["status"], 0, "paused\n")
        ctl_says(["stats"], 0, "\nseconds ")
        dump = f"{folder.name}/dump"
        ctl_says(["dump-cache", dump], 0)
        check("the dump is there", os.path.getsize(dump) > 4096)
        ctl_says(["dump-cache", "/nonexistent/d"], 2, "", "/nonexistent/d: No such file")
        ctl_says(["dump-cache", "/dev/null"], 1, "", "not a plain file")
        ctl_says(["screen"], 0, "", "")
        ctl_says(["json", '{"execute": "query-version"}'], 0, '"package": "unring')
        ctl_says(["json", "{"], 2, "", "not JSON")
        ctl_says(["gossip"], 2, "", "unknown command")
        ctl_says(["stop", "now"], 2, "", "usage: unring ctl SOCKET stop")
        ctl_says(["wait", "up", "soon"], 2, "", "not a number of seconds")
        ctl_says(["quit"], 0)
        ends("ctl quit", run, 0)
    ctl_says(["status"], 2, "", "No such file")
    r = subprocess.run([unring, "ctl", "--help"], capture_output=True, text=True)
    check("ctl --help", r.returncode == 0 and "send-key KEYS" in r.stdout)


def media():
    """No boot record; one image in two drives; a screenshot into an image."""
    a, b, d = (f"{folder.name}/{name}.img" for name in "abd")
    for name in (a, b, d):
        with open(name, "wb") as f:
            f.write(b"\x01" * 1440 * 1024)
    with start(None, None, "--floppy", a, "--floppy", b, "--disk", f"{d},snapshot", "--display", "none", "--serial", "none") as run:
        Client().__exit__()     # it listens
        ctl_says(["wait", "not a bootable disk"], 0)
        ctl_says(["change", "floppy1", a], 1, "", f"{a}: it would be in both drives")
        ctl_says(["screendump", a], 1, "", "what is in floppy0")
        ctl_says(["dump-cache", b], 1, "", "what is in floppy1")
        ctl_says(["screendump", d], 1, "", "what is in disk0")
        ctl_says(["change", "floppy1", d], 1, "", f"{d}: it would be in both drives")
        ctl_says(["change", "disk0", a], 1, "", "Device 'disk0' is not removable")
        ctl_says(["eject", "disk0"], 1, "", "Device 'disk0' is not removable")
        with Client() as c:
            disk = c.cmd("query-block")[2]
            check("a disk", (disk["device"], disk["removable"], disk["tray_open"], disk["inserted"]["file"],
                             disk["inserted"]["ro"]) == ("disk0", False, False, d, False), disk)
        r = subprocess.run([unring, "run", "--kernel", talk, "--serial", f"file:{a}"],
                           stdin=subprocess.DEVNULL, capture_output=True, text=True)
        check("another's output", r.returncode == 2 and f"{a}: in use by another process" in r.stderr, r)
        ctl_says(["quit"], 0)
        ends("quit with media", run, 0)
    for name in (a, b, d):
        with open(name, "rb") as f:
            check(f"{name} is as it was", f.read() == b"\x01" * 1440 * 1024)


def names(fence):
    """Files that are named and nothing else, as stock clients do it: relative to where unring was
    started. What fails harms neither the file nor the machine."""
    where = f"{folder.name}/{fence}"
    os.mkdir(where)
    floppy = f"{where}/floppy"
    with open(floppy, "wb") as f:
        f.write(bytes(1440 << 10))
    shutil.copy(floppy, f"{where}/other")
    shutil.copy(floppy, f"{where}/locked")
    os.mkfifo(f"{where}/pipe")
    os.mkdir(f"{where}/folder")
    for name, size in ("long", 4 << 20), ("odd", 1000):
        with open(f"{where}/{name}", "wb") as f:
            f.write(b"x" * size)

    def content(name, most=-1):
        with open(f"{where}/{name}", "rb") as f:
            return f.read(most)

    options = ["--fence", fence, "--floppy", "floppy", "--log", "int", "log"]
    args = [unring, "run", "--display", "none", "--serial", "none", *options,
            "--control", f"unix:{path}"]
    with Run(args, cwd=where, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
             stderr=subprocess.PIPE) as run, Client() as c:
        def does(name, *arguments, **more):
            v = c.cmd(*arguments, **more)
            check(f"{fence}: {name}", v == {}, v)

        def refuses(name, says, *arguments, **more):
            v = c.cmd(*arguments, **more)
            check(f"{fence}: {name}", v.get("class") == "GenericError" and says in v["desc"]
                  and c.cmd("query-status")["running"], v)

        does("ppm", "screendump", filename="a.ppm")
        check(f"{fence}: it is one", content("a.ppm", 3) == b"P6\n")
        does("png", "screendump", filename=f"{where}/a.png", format="png")
        check(f"{fence}: it is one", content("a.png", 4) == b"\x89PNG")
        does("over a longer file", "screendump", filename="long", format="png")
        check(f"{fence}: nothing of that is left", content("long", 4) == b"\x89PNG"
              and content("long")[-12:-4] == b"\0\0\0\0IEND")
        does("dump", "x-dump-cache", filename="dump")
        check(f"{fence}: it is one", len(content("dump")) > 4096)
        check(f"{fence}: rights of a new file",
              stat.S_IMODE(os.stat(f"{where}/dump").st_mode) == 0o666 & ~mask)
        for command in ("screendump", "x-dump-cache"):
            refuses("no folder", "none/d: No such file or directory", command, filename="none/d")
            refuses("a folder", "folder: Is a directory", command, filename="folder")
            refuses("a pipe", "pipe: not a plain file", command, filename="pipe")
            refuses("a device", "/dev/zero: not a plain file", command, filename="/dev/zero")
            refuses("its memory", "/proc/self/mem: not a plain file", command, filename="/proc/self/mem")
            refuses("an image", "what is in floppy0", command, filename="floppy")
            refuses("an output", "--log log: the same file", command, filename="./log")
            refuses("a name that is too long", "File name too long", command, filename="x" * 5000)
        refuses("no format", "does not accept", "screendump", filename="a.ppm", format="gif")
        check(f"{fence}: it is there still", content("a.ppm", 3) == b"P6\n")
        refuses("no format of a new one", "does not accept", "screendump", filename="new", format="gif")
        check(f"{fence}: none is made", not os.path.exists(f"{where}/new"))
        ctl_says(["screendump", floppy], 1, "", "what is in floppy0")
        check(f"{fence}: so is the image", content("floppy") == bytes(1440 << 10))
        device = {"device": "floppy0"}
        does("another medium", "blockdev-change-medium", filename="other", **device)
        refuses("the same medium", "it is in the drive", "blockdev-change-medium", filename="other",
                **device)
        refuses("no mode", "does not accept", "blockdev-change-medium", filename="floppy",
                read_only_mode="hidden", **device)
        does("the first one is free", "screendump", filename="floppy")
        refuses("no medium", "none: No such file", "blockdev-change-medium", filename="none", **device)
        refuses("a pipe", "pipe: not a plain", "blockdev-change-medium", filename="pipe", **device)
        refuses("an output", "--log log: the same file", "blockdev-change-medium", filename="log",
                **device)
        refuses("what is no disk", "odd: ", "blockdev-change-medium", filename="odd", **device)
        with open(f"{where}/locked", "r+b") as f:
            fcntl.lockf(f, fcntl.LOCK_EX)
            refuses("one in use", "in use", "blockdev-change-medium", filename="locked", **device)
            for command in ("screendump", "x-dump-cache"):
                refuses("what is in use elsewhere", "in use by another", command, filename="locked")
        check(f"{fence}: it is as it was", content("locked") == bytes(1440 << 10))
        does("read-only", "blockdev-change-medium", filename="locked", read_only_mode="read-only",
             **device)
        v = c.cmd("query-block")[0]["inserted"]
        check(f"{fence}: so it is", (v["file"], v["ro"]) == ("locked", True), v)
        with open(f"{where}/sent", "wb") as f:
            does("a descriptor comes first", "screendump", fd=f.fileno(), filename="/none/x")
        check(f"{fence}: it was written", content("sent", 3) == b"P6\n")
        if os.getuid() != 0:        # whom rights do not stop
            os.chmod(f"{where}/dump", 0o444)
            refuses("no right", "dump: Permission denied", "x-dump-cache", filename="dump")
        c.cmd("quit")
        check(f"{fence}: the end", c.event("SHUTDOWN") is not None)
        ends(f"{fence}: status", run, 0)


def children(pid):
    found = {}
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        for child in f.read().split():
            with open(f"/proc/{child}/comm", encoding="ascii") as comm:
                found[comm.read().strip()] = int(child)
    return found


def soon(holds):
    """What an end leaves to the kernel it has done a little later."""
    end = time.time() + SOON
    while not holds() and time.time() < end:
        time.sleep(0.01)
    return holds()


def is_listened_to():
    with socket.socket(socket.AF_UNIX) as s:
        return s.connect_ex(path) == 0


def front():
    """Its death ends nothing else, and it outlives nobody."""
    with start(talk, "w", "--serial", f"file:{folder.name}/printed") as run, Client() as c:
        os.kill(children(run.pid)["unring-front"], signal.SIGKILL)
        check("the front is killed: callers are told", c.next() is None)
        check("the front is killed: a line", b"killed" in run.stderr.readline())
        check("the front is killed: nobody listens", soon(lambda: not is_listened_to()))
        check("the front is killed: the machine lives", run.poll() is None)
        run.terminate()
        status, said = ended(run)
        check("the front is killed: status", status == 128 + signal.SIGTERM and not said, status, said)
    check("the front is killed: the socket is removed", not os.path.exists(path))
    with start(talk, "w") as run, Client() as c:
        others = children(run.pid)
        check("its name", set(others) == {"unring-broker", "unring-front", "unring-files"}, others)
        run.kill()
        ended(run)
        check("the machine is killed: callers are told", c.next() is None)
        check("the machine is killed: so are all others",
              soon(lambda: not any(os.path.exists(f"/proc/{p}") for p in others.values())))
        check("the machine is killed: the socket is removed", not os.path.exists(path))


def stopped():
    """A machine that answers nothing: other callers are taken, and wait; all is done in the end."""
    name = f"{folder.name}/late"
    with start(talk, "w") as run, Client() as c:
        os.kill(run.pid, signal.SIGSTOP)
        sockets = []
        for _ in range(8):
            s = socket.socket(socket.AF_UNIX)
            s.connect(path)
            s.settimeout(SOON)
            sockets.append(s)
            s.sendall(b'{"execute": "qmp_capabilities"}{"execute": "x-dump-cache", '
                      b'"arguments": {"filename": "%s"}}' % name.encode())
        os.kill(run.pid, signal.SIGCONT)
        answers = []
        for s in sockets:
            with s, s.makefile("r", encoding="utf-8") as f:
                answers.append("".join(f.readline() for _ in range(3)))
        check("while the machine stands", all(a.count('{"return": {}}') == 2 for a in answers),
              answers)
        check("a dump", os.path.getsize(name) > 4096)
        c.cmd("quit")
        ends("status after that", run, 0)


def counted():
    with start(busy, "", "--ips", "1000000") as run:
        Client().__exit__()     # it listens
        ctl_says(["ips", "5000000"], 0)
        ctl_says(["ips", "99999"], 1, "", "from 100000 to 1000000000")
        ctl_says(["ips", "few"], 2, "", "not a number")
        ctl_says(["quit"], 0)
        ends("a counted run", run, 0)


def resets():
    for what, reason in (("r", "guest"), ("t", "triple-fault")):
        with start(halt, what, "--paused") as run, Client() as c:
            c.cmd("cont")
            v = c.event("RESET")
            check(f"reset: {reason}", v and v["data"] == {"guest": True, "reason": reason}, v)
            check(f"{reason}: it halts, and stays", c.event("X_HALT") is not None
                  and c.cmd("query-status")["running"])
            check(f"{reason}: stop and cont", c.cmd("stop") == {} and c.cmd("cont") == {}
                  and c.cmd("query-status")["running"])
            check(f"{reason}: no panic", all(e["event"] != "GUEST_PANICKED" for e in c.events))
            c.cmd("system_reset")
            check(f"{reason}: reset by the host", c.event("RESET")["data"]["reason"] == "host"
                  and c.event("X_HALT") is not None)
            c.cmd("quit")
            ends(f"{reason}: ends", run, 0)
    with start(halt, "f", "--paused", "--no-reboot") as run, Client() as c:
        c.cmd("cont")
        check("--no-reboot: panic", c.event("GUEST_PANICKED") is not None
              and c.event("SHUTDOWN")["data"]["reason"] == "triple-fault")
        check("--no-reboot: status", ended(run)[0] == 1)


def typed():
    """Text that waits is not for the machine behind a reset, whoever asked for that; what is typed
    behind the command is."""
    name = f"{folder.name}/typed"
    with start(talk, "k", "--paused", "--serial", f"file:{name}") as run, Client() as c:
        c.cmd("x-type-text", text="nn")
        c.cmd("system_reset")
        c.cmd("x-type-text", text="m")
        c.cmd("cont")
        check("text behind a reset", c.cmd("x-wait-text", text="m", timeout=60000) == {})
        c.event("RESET")
        c.cmd("x-type-text", text="nrnnnn")
        check("a reset by the guest", c.event("RESET")["data"]["guest"])
        c.cmd("x-type-text", text="m")
        check("text behind that", c.cmd("x-wait-text", text="m", timeout=60000) == {})
        c.cmd("quit")
        ends("status after that", run, 0)
    with open(name, encoding="ascii") as f:
        said = f.read()
    check("text before resets", said == "mnm", said)


def hostile():
    random.seed(8)
    with start(busy, "") as run, Client() as good:
        with socket.socket(socket.AF_UNIX) as s:        # noise, never read
            s.connect(path)
            s.setblocking(False)
            sent, end = 0, time.time() + 5
            while sent < 4 << 20 and time.time() < end:
                try:
                    sent += s.send(random.randbytes(4096) + b"\n")
                except BlockingIOError:
                    select.select([], [s], [], 0.1)
                except (BrokenPipeError, ConnectionResetError):
                    break
            check("beside one who does not read", good.cmd("query-status")["running"])
        for n in range(200):
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(path)
                s.sendall(b'{"execute": "qmp_capabilities"}{"execute": "query-commands"}'[:n % 61])
        check("beside many who come and go", good.cmd("query-status")["running"])
        with Client() as c, open("/dev/zero", "rb") as f:
            check("a device for a file", "plain" in c.cmd("x-dump-cache", fd=f.fileno(),
                                                          filename="z")["desc"])
        before = good.cmd("x-stats")["seconds"]
        time.sleep(0.2)
        check("the guest went on", good.cmd("x-stats")["seconds"] > before + 0.1)
        good.cmd("quit")
        ends("after hostile callers", run, 0)


def for_ci():
    none = {"control": False}
    ends("exit on text", start(talk, "w", "--exit-on-text", "up", **none), 0)
    ends("exit on text, of a guest that computes", start(busy, "", "--exit-on-text", "up",
                                                         "--serial", "none", "--debugcon",
                                                         "/dev/null", "--timeout", "2", **none),
         124, "--timeout 2")
    ends("exit on text that computes", start(busy, "", "--exit-on-text", "up", **none), 0)
    ends("no text, timeout", start(talk, "e", "--exit-on-text", "down", "--timeout", "1", **none),
         124, "--timeout 1", "not ended")
    ends("timeout of a guest that computes", start(busy, "", "--timeout", "1", **none), 124,
         "--timeout 1")
    ends("timeout of one that is stopped", start(busy, "", "--timeout", "1", "--paused"), 124,
         "--timeout 1")
    r, w = os.pipe()        # nobody reads it
    ends("timeout of one whose reader sleeps", start(talk, "l", "--timeout", "1", stdout=w, **none),
         124, "--timeout 1")
    os.close(r)
    os.close(w)
    ends("ends before the text", start(talk, "s", "--exit-on-text", "down", "--debug-exit", **none), 7)
    ends("the text, then its end", start(talk, "s", "--exit-on-text", "up", "--debug-exit", **none), 0)
    status, said = ended(start(halt, "h", "--exit-on-text", "down", **none))
    check("halts before the text", status == 1 and "without down" in said, status, said)
    check("halts without a socket", ended(start(halt, "h", **none))[0] == 0)
    check("exit on halt", ended(start(halt, "h", "--exit-on-halt"))[0] == 0)
    ends("stays up with a socket", start(halt, "h", "--timeout", "1"), 124, "--timeout")


def bad_input():
    plain = f"{folder.name}/plain"
    with open(plain, "w", encoding="ascii") as f:
        f.write("precious")
    for where, says in ((plain, plain), ("/nonexistent/s", "No such file"), ("x" * 200, "too long")):
        run = subprocess.Popen([unring, "run", "--control", f"unix:{where}"],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE)
        ends(f"--control unix:{where[:20]}", run, 2, "--control", says)
    with start(talk, "w") as run:
        Client().__exit__()
        second = subprocess.Popen([unring, "run", "--control", f"unix:{path}"],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE)
        ends("a socket in use", second, 2, "--control", "in use")
        ctl("quit")
        ended(run)
    for args, says in ((["--paused"], "--control"), (["--exit-on-text", ""], "empty")):
        run = subprocess.Popen([unring, "run", *args], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        ends(" ".join(args), run, 2, says)


for test in (an_exception, lambda: a_session(talk, "sleeps"), lambda: a_session(busy, "computes"), by_hand,
             media, lambda: names("on"), lambda: names("off"), front, stopped, counted, resets, typed, hostile,
             for_ci, bad_input):
    test()
print(f"{failures} failed")
sys.exit(failures != 0)
