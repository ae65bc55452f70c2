"""A virtual machine as a child process: on a terminal of its own, or on pipes.

What it prints is collected, and waited for by pattern; a failed wait raises
Failed, which tells what was there instead.
"""

import fcntl
import os
import pty
import re
import select
import signal
import subprocess
import tempfile
import termios
import time

# Seconds are what an idle host needs with room to spare; a busy one has so many times as long.
PATIENCE = 5
PROMPT = r"unring:[^\n#]*# $"


class Failed(Exception):
    pass


def qemu_arguments(guest):
    """The same guest under QEMU, which then stands for unring: a check of the tests."""
    kernel = guest["kernel"]
    if kernel.endswith("gnumach.gz"):
        kernel = kernel[: -len(".gz")]
    args = ["qemu-system-i386", "-accel", "tcg", "-M", "pc", "-cpu", "pentium3,-apic",
            "-nodefaults", "-display", "none", "-no-reboot",
            "-chardev", "stdio,id=tty,signal=off", "-serial", "chardev:tty", "-m", guest.get("memory", "256M"), "-kernel", kernel]
    if guest.get("initrd"):
        args += ["-initrd", guest["initrd"]]
    return args + ["-append", guest.get("append", "")]


def unring_arguments(unring, guest):
    args = [unring, "run", "--kernel", guest["kernel"]]
    if guest.get("initrd"):
        args += ["--initrd", guest["initrd"]]
    if guest.get("memory"):
        args += ["--memory", guest["memory"]]
    return args + ["--append", guest.get("append", ""), "--serial", "stdio", "--no-reboot"] \
        + guest.get("options", [])


class Vm:
    """Runs args; use it in a `with`, which ends it whatever happens.

    On a terminal it leads a session. A job of the caller's session (job=True) can
    be stopped by SIGTSTP, which the kernel ignores for an orphaned process group.
    """

    def __init__(self, args, terminal=True, user=None, job=False):
        self.args = args
        self.text = ""       # all that it printed
        self.seen = 0        # up to where expect() has consumed it
        self.errors = tempfile.TemporaryFile()
        self.slave = None
        extra = dict(process_group=0) if job else dict(start_new_session=True)
        if user is not None:
            extra.update(user=user, group=user, extra_groups=[])
        if terminal:
            self.out, self.slave = pty.openpty()
            self.input = self.out
            self.terminal_before = termios.tcgetattr(self.slave)
            slave = self.slave
            if not job:
                extra["preexec_fn"] = lambda: fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
            self.process = subprocess.Popen(args, stdin=slave, stdout=slave, stderr=self.errors,
                                            **extra)
        else:
            self.process = subprocess.Popen(
                args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, **extra)
            self.out = self.process.stdout.fileno()
            self.input = self.process.stdin.fileno()

    def __enter__(self):
        return self

    def __exit__(self, *what):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        if self.slave is not None:
            os.close(self.slave)
            os.close(self.out)

    def pump(self, seconds):
        """Collects output for up to so many seconds; True if there was some."""
        ready, _, _ = select.select([self.out], [], [], max(0, seconds))
        if not ready:
            return False
        try:
            data = os.read(self.out, 65536)
        except OSError:
            data = b""
        if not data:
            time.sleep(0.01)    # at its end: do not spin
        self.text += data.decode("latin-1")
        return bool(data)

    def clean(self):
        """What it printed, without carriage returns and escape sequences."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()78=>c].?|\r", "", self.text)

    def fail(self, why):
        self.errors.seek(0)
        errors = self.errors.read().decode("latin-1").strip()
        tail = "\n".join(self.clean().split("\n")[-40:])
        raise Failed(f"{why}\n--- its last lines\n{tail}\n--- its standard error\n{errors}\n"
                     f"--- command\n{' '.join(self.args)}")

    def expect(self, pattern, seconds=60):
        """Waits for a pattern in what is new; returns the match."""
        seconds *= PATIENCE
        end = time.monotonic() + seconds
        wanted = re.compile(pattern, re.MULTILINE)
        while True:
            match = wanted.search(self.clean(), self.seen)
            if match:
                self.seen = match.end()
                return match
            left = end - time.monotonic()
            if left <= 0:
                self.fail(f"waited {seconds} s in vain for {pattern!r}")
            if not self.pump(min(left, 0.2)) and self.process.poll() is not None:
                while self.pump(0):
                    pass
                if not wanted.search(self.clean(), self.seen):
                    self.fail(f"ended with status {self.process.returncode} before {pattern!r}")

    def send(self, text):
        os.write(self.input, text.encode())

    def prompt(self, seconds=60):
        self.expect(PROMPT, seconds)

    def run(self, command, answer, seconds=60):
        """Types a command at the prompt; its answer must match, then comes the prompt."""
        self.send(command + "\n")
        match = self.expect(answer, seconds)
        self.prompt(seconds)
        return match

    def end(self, status=0, seconds=60):
        """Waits for the process to end, with this status and the terminal as it was."""
        seconds *= PATIENCE
        end = time.monotonic() + seconds
        while self.process.poll() is None:
            if time.monotonic() > end:
                self.fail(f"still runs after {seconds} s")
            self.pump(0.1)
        while self.pump(0):
            pass
        if self.process.returncode != status:
            self.fail(f"ended with status {self.process.returncode}, not {status}")
        self.check_terminal()

    def check_terminal(self):
        if self.slave is not None and termios.tcgetattr(self.slave) != self.terminal_before:
            self.fail("the terminal was not restored")

    def wakeups(self):
        """How often the process and all that it started went to sleep by themselves."""
        count = 0
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/stat") as f:
                    session = int(f.read().rpartition(")")[2].split()[3])
                with open(f"/proc/{pid}/status") as f:
                    status = f.read()
            except OSError:
                continue
            if session == self.process.pid:
                count += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", status, re.M)[1])
        return count
