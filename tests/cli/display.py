"""--display terminal: a machine's screen on a terminal of its own, which is as it was when it ends,
however it ends; and what is refused.

    display.py UNRING BIOS VGABIOS
"""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

unring, bios, vgabios = sys.argv[1:]
SOON = 120      # seconds: generous, for a busy host
RUN = [unring, "run", "--bios", bios, "--vgabios", vgabios]
failures = 0


def check(name, why=None):
    global failures
    print(f"{'ok' if not why else 'FAILED':6} {name}{': ' + why if why else ''}", flush=True)
    failures += bool(why)


class Terminal:
    """A run on a pseudo terminal."""

    def __init__(self, *options, term="xterm-256color"):
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", 25, 80, 0, 0))
        self.before = termios.tcgetattr(self.slave)
        self.text = ""
        self.run = subprocess.Popen([*RUN, *options], stdin=self.slave, stdout=self.slave,
                                    stderr=self.slave, start_new_session=True,
                                    env={**os.environ, "TERM": term, "LC_ALL": "C.UTF-8"})

    def read(self, seconds):
        if not select.select([self.master], [], [], seconds)[0]:
            return False
        self.text += os.read(self.master, 65536).decode("utf-8", "replace")
        return True

    def shows(self):
        """What was written, without what moves and colours it."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()].|\x1b.", " ", self.text)

    def waits(self, words):
        """Does each of these come?  Blanks are not sent where there is one already."""
        end = time.monotonic() + SOON
        while any(w not in self.shows() for w in words.split()):
            if time.monotonic() > end:
                return f"no {words!r} in {self.shows()[-300:]!r}"
            self.read(1)
        return None

    def types(self, keys):
        os.write(self.master, keys)

    def ends(self, status):
        end = time.monotonic() + SOON
        while self.run.poll() is None:
            if time.monotonic() > end:
                self.run.kill()
                return "does not end"
            self.read(0.1)
        while self.read(0):
            pass
        why = None
        if self.run.returncode != status:
            why = f"status {self.run.returncode}, not {status}: {self.text[-200:]!r}"
        elif termios.tcgetattr(self.slave) != self.before:
            why = "the terminal is not as it was"
        elif "\x1b[?1049h" in self.text and "\x1b[?1049l" not in self.text:
            why = "its own screen is not back"
        os.close(self.master)
        os.close(self.slave)
        return why


READY = "SeaBIOS bootable Retrying"

t = Terminal()
check("a terminal is the display of what boots", t.waits(READY))
t.text = ""
t.types(b"\x01h")
check("its keys are told", t.waits("Ctrl-Alt-Del"))
t.types(b"q")
t.text = ""
t.types(b"\x01d")       # the BIOS obeys
check("Ctrl-Alt-Del restarts the guest", t.waits(READY))
t.text = ""
fcntl.ioctl(t.master, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 40, 0, 0))
os.kill(t.run.pid, signal.SIGWINCH)
check("a smaller terminal is drawn anew", t.waits("bootable"))
os.kill(t.run.pid, signal.SIGTSTP)
os.waitpid(t.run.pid, os.WUNTRACED)
check("stopped, it gives the terminal back",
      None if termios.tcgetattr(t.slave) == t.before else "it is still raw")
t.text = ""
os.kill(t.run.pid, signal.SIGCONT)
check("continued, it draws anew", t.waits("bootable"))
t.types(b"\x01x")
check("Ctrl-A x ends", t.ends(0))

for signo in signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGSEGV:
    t = Terminal()
    why = t.waits(READY)
    t.run.send_signal(signo)
    ended = signo in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
    check(f"ended by {signo.name}", why or t.ends(128 + signo if ended else -signo))

for name, words, options, term in [
        ("two for one terminal", "--serial stdio", ["--display", "terminal", "--serial", "stdio"],
         "xterm"),
        ("a terminal without a cursor", "cursor", ["--display", "terminal"], "dumb"),
        ("a terminal that nobody knows", "TERM", ["--display", "terminal"], "no-such-terminal")]:
    t = Terminal(*options, term=term)
    why = t.ends(2)
    check(name, why or (None if words in t.text else t.text))
run = subprocess.run([*RUN, "--display", "terminal"], stdin=subprocess.DEVNULL,
                     capture_output=True, text=True, timeout=SOON)
check("no terminal", None if run.returncode == 2 and run.stderr.count("\n") == 1 and
      "no terminal" in run.stderr else f"status {run.returncode}: {run.stderr}")
sys.exit(failures > 0)
