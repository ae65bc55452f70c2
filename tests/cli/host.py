"""What the host does to a run: full disks, readers who leave or do not read, signals,
limits, a helper that is killed.

    host.py UNRING KERNEL
"""

import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "debian"))
from vm import Failed, Vm

unring, kernel = sys.argv[1:]
SOON = 120      # seconds: generous, for a busy host
failures = 0


def command(what, *options):
    return [unring, "run", "--kernel", kernel, "--append", what, "--debug-exit", *options]


def check(name, why):
    global failures
    print(f"{'ok' if not why else 'FAILED':6} {name}{': ' + why if why else ''}", flush=True)
    failures += bool(why)


def ends(name, args, status, *names, **how):
    """It ends with this status and one line that has each of names; none for no names."""
    try:
        run = subprocess.run(args, timeout=SOON, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                             **{"stdout": subprocess.DEVNULL, **how})
    except subprocess.TimeoutExpired:
        check(name, "does not end")
        return
    said = run.stderr.decode("latin-1")
    check(name, f"status {run.returncode}, not {status}: {said}" if run.returncode != status else
          f"said {said!r}" if said.count("\n") != bool(names) or any(n not in said for n in names)
          else None)


def open_outputs(folder):
    full = "No space left"
    ends("no output lost", command("s"), 7)
    ends("serial file on a full disk", command("s", "--serial", "file:/dev/full"), 1,
         "--serial", "/dev/full", full)
    ends("debugcon on a full disk", command("s", "--serial", "none", "--debugcon", "/dev/full"), 1,
         "--debugcon", "/dev/full", full)
    ends("log on a full disk", command("s", "--log", "io", "/dev/full"), 1, "--log", full)
    ends("statistics on a full disk", command("s", "--stats", "/dev/full"), 1, "--stats", full)
    ends("dump on a full disk", command("s", "--dump-cache", "/dev/full"), 1, "--dump-cache", full)
    ends("standard output on a full disk", command("s"), 1, "standard output", full,
         stdout=open("/dev/full", "w"))
    ends("help on a full disk", [unring, "run", "--help"], 1, "standard output", full,
         stdout=open("/dev/full", "w"))
    ends("a full disk, again and again", command("m", "--serial", "file:/dev/full"), 1, full)
    # Memory is a file, too, for the limit of their size.
    ends("a limit to the size of files", command("s", "--serial", f"file:{folder}/out"), 2,
         "File too large",
         preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20)))


def reader_leaves():
    with subprocess.Popen(command("e"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as run:
        run.stdout.read(100)
        run.stdout.close()
        try:
            status = run.wait(SOON)
            said = run.stderr.read()
            check("the reader of standard output leaves",
                  None if status == 1 and said.count(b"\n") == 1 and b"Broken pipe" in said
                  else f"status {status}, {said}")
        except subprocess.TimeoutExpired:
            run.kill()
            check("the reader of standard output leaves", "prints for ever")


def plain_file(folder):
    path = f"{folder}/plain"
    with open(path, "w") as f:
        f.write("precious")
    ends("a plain file in the socket's place", command("s", "--serial", f"unix:{path}"), 2, path)
    check("it is left alone",
          None if os.path.exists(path) and open(path).read() == "precious" else "it is not")


def deaf_reader(folder):
    """A mebibyte goes past a caller who reads nothing."""
    path = f"{folder}/socket"
    with subprocess.Popen(command("m", "--serial", f"unix:{path}", "--gdb", "0"),
                          stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as run, \
            socket.socket(socket.AF_UNIX) as caller, socket.socket() as debugger:
        port = int(run.stderr.readline().rsplit(b":", 1)[1])
        caller.connect(path)
        debugger.connect(("127.0.0.1", port))       # the guest waited for it
        debugger.sendall(b"+$D#44")
        try:
            status = run.wait(SOON)
            check("a caller who does not read", None if status == 7 else f"status {status}")
        except subprocess.TimeoutExpired:
            run.kill()
            check("a caller who does not read", "the guest waits for ever")
        check("the socket is removed", "it is not" if os.path.exists(path) else None)


def heard(s):
    """All that is said to the end of the line."""
    said = b""
    while not said.endswith(b"\n"):
        data = s.recv(4096)
        if not data:
            break
        said += data
    return said


def lines(folder):
    """The ways that a line can lead: to who listens, to who was there before."""
    path = f"{folder}/there"
    with socket.socket(socket.AF_UNIX) as unix, socket.create_server(("127.0.0.1", 0)) as tcp:
        unix.bind(path)
        unix.listen()
        here, there = socket.socketpair()
        for where, how in ((f"connect:unix:{path}", unix.accept),
                           (f"connect:tcp:{tcp.getsockname()[1]}", tcp.accept),
                           (f"fd:{there.fileno()}", lambda: (here, None))):
            with subprocess.Popen(command("s", "--serial", where), stdin=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, pass_fds=[there.fileno()]) as run:
                said = heard(how()[0])
                check(where.split(":/")[0], None if (run.wait(SOON), said) == (7, b"up\n")
                      else f"status {run.returncode}, {said}, {run.stderr.read()}")
        here.close()
        there.close()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with subprocess.Popen(command("e", "--serial", f"tcp:{port}"), stdin=subprocess.DEVNULL,
                          stderr=subprocess.PIPE) as run:
        end = time.monotonic() + SOON
        said = b""
        for _ in range(2):
            while time.monotonic() < end:
                try:
                    with socket.create_connection(("127.0.0.1", port), SOON) as caller:
                        said += caller.recv(1)
                    break
                except ConnectionRefusedError:
                    time.sleep(0.01)
        run.terminate()
        run.wait(SOON)
        check("tcp:PORT, two callers", None if said == b".." and run.returncode == 143
              else f"status {run.returncode}, {said}, {run.stderr.read()}")


def unread_terminal(what, status, *names):
    """Ctrl-A x is heard while a terminal is full that nobody reads."""
    said = ""
    for full in (2, 8, 30):     # seconds in which all buffers are, by how busy the host is
        with Vm(command(what)) as vm:
            time.sleep(full)
            vm.send("\x01x")
            try:
                code = vm.process.wait(SOON)
            except subprocess.TimeoutExpired:
                said = "the key is not heard"
                break
            vm.errors.seek(0)
            told = vm.errors.read().decode("latin-1")
            good = code == status and told.count("\n") == bool(names) and all(n in told for n in names)
            said = None if good else f"status {code}, {told!r}"
            if good or told:
                break
    check(f"a terminal that nobody reads ({what})", said)


def signals_while_loading(folder):
    """Nothing is heard late: the process waits for somebody to read from a pipe."""
    path = f"{folder}/pipe"
    os.mkfifo(path)
    with subprocess.Popen(command("s", "--serial", f"file:{path}"), stdin=subprocess.DEVNULL) as run:
        end = time.monotonic() + SOON
        while time.monotonic() < end:       # it sleeps, with its helper
            with open(f"/proc/{run.pid}/task/{run.pid}/children") as f, \
                    open(f"/proc/{run.pid}/stat") as stat:
                if f.read().strip() and stat.read().rpartition(")")[2].split()[0] == "S":
                    break
            time.sleep(0.01)
        time.sleep(0.2)
        run.send_signal(signal.SIGTERM)
        try:
            status = run.wait(SOON)
            check("SIGTERM before the run", None if status == -signal.SIGTERM else f"status {status}")
        except subprocess.TimeoutExpired:
            run.kill()
            check("SIGTERM before the run", "is not heard")


def signals_on_a_terminal():
    for signo in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGXCPU, signal.SIGPROF,
                  signal.SIGPWR, signal.SIGRTMIN + 3):
        try:
            with Vm(command("w")) as vm:
                vm.expect(r"^up", SOON)
                vm.process.send_signal(signo)
                vm.end(-signo, SOON)
            check(f"the terminal after signal {int(signo)}", None)
        except Failed as why:
            check(f"the terminal after signal {int(signo)}", str(why))


def child(pid, name):
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        for each in f.read().split():
            with open(f"/proc/{each}/comm") as comm:
                if comm.read().strip() == name:
                    return int(each)
    raise Failed(f"no child {name}")


def helper_killed():
    """A line tells it, and keys are heard all the same."""
    try:
        with Vm(command("w")) as vm:
            vm.expect(r"^up", SOON)
            os.kill(child(vm.process.pid, "unring-files"), signal.SIGKILL)
            end = time.monotonic() + SOON
            while b"helper" not in os.pread(vm.errors.fileno(), 4096, 0):
                if time.monotonic() > end:
                    vm.fail("nothing tells of it")
                time.sleep(0.01)
            vm.send("\x01x")
            vm.end(0, SOON)
        check("the helper is killed", None)
    except Failed as why:
        check("the helper is killed", str(why))


with tempfile.TemporaryDirectory() as folder:
    open_outputs(folder)
    reader_leaves()
    plain_file(folder)
    deaf_reader(folder)
    lines(folder)
    unread_terminal("l", 0)
    unread_terminal("e", 1, "standard output", "buffer")
    signals_while_loading(folder)
    signals_on_a_terminal()
    helper_killed()
print(f"{failures} failed")
sys.exit(failures != 0)
