"""unring (or QEMU) held for a debugger, and gdb itself as its client."""

import os
import re
import select
import signal
import subprocess
import tempfile
import time

PROMPT = "(gdb) "


class Failed(Exception):
    pass


class Guest:
    """`unring run --gdb 0` (or at another place) with these options; use it in a `with`."""

    def __init__(self, unring, *options, gdb="0"):
        self.errors = tempfile.TemporaryFile()
        self.output = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [unring, "run", "--gdb", gdb, *options],
            stdin=subprocess.PIPE, stdout=self.output, stderr=self.errors)
        where = self.wait_for(self.errors, r"target remote (?:127\.0\.0\.1:(\d+)|/.*)\n")
        self.port = int(where.group(1) or 0)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    @staticmethod
    def text(file):
        return os.pread(file.fileno(), 1 << 24, 0).decode("latin-1")

    def wait_for(self, file, pattern, seconds=300):
        end = time.monotonic() + seconds
        while True:
            match = re.search(pattern, self.text(file))
            if match:
                return match
            if time.monotonic() > end or self.process.poll() is not None:
                raise Failed(f"no {pattern!r} from unring:\n{self.text(self.errors)}\n"
                             f"{self.text(self.output)[-2000:]}")
            time.sleep(0.02)

    def printed(self, pattern, seconds=300):
        """Waits until the guest has printed this on standard output."""
        return self.wait_for(self.output, pattern, seconds)

    def type(self, text):
        """At its serial line on standard input."""
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def end(self, status, seconds=300):
        try:
            got = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failed(f"still runs:\n{self.text(self.output)[-2000:]}") from None
        if got != status:
            raise Failed(f"ended with status {got}, not {status}:\n{self.text(self.output)[-2000:]}\n"
                         f"{self.text(self.errors)}")


class Gdb:
    """A gdb that is typed to, connected to a port (0: to nothing yet)."""

    def __init__(self, port=0, symbols=None):
        self.log = ""
        self.process = subprocess.Popen(
            ["gdb", "-q", "-nx", "-nh"] + ([symbols] if symbols else []),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=dict(os.environ, TERM="dumb", DEBUGINFOD_URLS=""), start_new_session=True)
        self.reply(60)
        for command in ("set pagination off", "set confirm off", "set width 0", "set language c",
                        "set architecture i386", "set print entry-values no"):
            self.run(command)
        if port:
            self.connect(port)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.process.kill()
        self.process.wait()

    def connect(self, port):
        self.expect(f"target remote 127.0.0.1:{port}", r"0x[0-9a-f]+ in|\w+ \(.*\)")

    def reply(self, seconds):
        """What it prints up to its next prompt."""
        end = time.monotonic() + seconds
        text = ""
        while not text.endswith(PROMPT):
            left = end - time.monotonic()
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, left))
            data = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not data:
                raise Failed(f"gdb says nothing more:\n{self.log}{text}")
            text += data.decode("latin-1")
        self.log += text
        return text[:-len(PROMPT)]

    def type(self, command):
        self.log += command + "\n"
        self.process.stdin.write(command.encode() + b"\n")
        self.process.stdin.flush()

    def run(self, command, seconds=300):
        self.type(command)
        return self.reply(seconds)

    def expect(self, command, pattern, seconds=300):
        """Types a command; what it prints must match."""
        text = self.run(command, seconds)
        match = re.search(pattern, text, re.MULTILINE)
        if not match:
            raise Failed(f"{command!r}: no {pattern!r} in:\n{text}\n--- the session\n{self.log}")
        return match

    def value(self, expression):
        """A number."""
        return int(self.expect(f"p/x {expression}", r"= (0x[0-9a-f]+)").group(1), 16)

    def interrupt(self, seconds=300):
        """Ctrl-C, while the guest runs."""
        self.process.send_signal(signal.SIGINT)
        text = self.reply(seconds)
        if "SIGINT" not in text:
            raise Failed(f"Ctrl-C: {text}")
        return text


def same(what, got, wanted):
    if got != wanted:
        raise Failed(f"{what}: {got!r}, not {wanted!r}")


def counters(path, **most):
    """What `--stats` wrote there: these counters and the most that they may be."""
    with open(path) as f:
        found = dict(line.split() for line in f if len(line.split()) == 2)
    for name, limit in most.items():
        if int(found.get(name, limit + 1)) > limit:
            raise Failed(f"{name} is {found.get(name)}, over {limit}")


def main(cases, case, *arguments):
    """Runs one case; the exit status."""
    try:
        cases[case](*arguments)
    except Failed as e:
        print(f"FAIL {case}: {e}")
        return 1
    print(f"ok {case}")
    return 0
