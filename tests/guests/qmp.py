"""A guest that is driven by its control socket, as a stock QMP client does it."""
import json
import os
import resource
import socket
import subprocess
import tempfile
import time


def processor_seconds():
    """Of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Guest:
    """unring with a control socket; with it one can type, and look at the screen."""

    def __init__(self, unring, *options, timeout=60, stderr=None, serial="none", display="none",
                 inherits=()):
        self.folder = tempfile.TemporaryDirectory()
        self.unring = unring
        self.path = path = os.path.join(self.folder.name, "control")
        self.end = time.monotonic() + timeout
        self.events = []
        self.process = subprocess.Popen(
            [unring, "run", "--control", f"unix:{path}", "--display", display, "--serial", serial,
             *options], stdin=subprocess.DEVNULL, stderr=stderr, pass_fds=inherits)
        self.socket = socket.socket(socket.AF_UNIX)
        while True:
            try:
                self.socket.connect(path)
                break
            except OSError:
                if self.process.poll() is not None or time.monotonic() > self.end:
                    raise
                time.sleep(0.02)
        self.lines = self.socket.makefile("r", encoding="utf-8")
        assert "QMP" in json.loads(self.lines.readline())
        self("qmp_capabilities")

    def __call__(self, command, **arguments):
        """Its return; RuntimeError says why not."""
        request = {"execute": command}
        if arguments:
            request["arguments"] = arguments
        self.socket.settimeout(max(1, self.end - time.monotonic()))
        self.socket.sendall(json.dumps(request).encode() + b"\n")
        while True:
            line = self.lines.readline()
            if not line:
                raise RuntimeError(f"{command}: the connection ended")
            answer = json.loads(line)
            if "event" in answer:
                self.events.append(answer)
            elif "error" in answer:
                raise RuntimeError(f"{command}: {answer['error']['desc']}")
            else:
                return answer["return"]

    def screen(self):
        return self("x-screen-text")["text"]

    def see(self, text, seconds=None):
        """Waits until the text is on the screen."""
        until = min(self.end, time.monotonic() + seconds) if seconds else self.end
        while True:
            shown = self.screen()
            if text in shown:
                return shown
            if time.monotonic() > until:
                raise RuntimeError(f"no '{text}' on the screen:\n{shown}")
            time.sleep(0.05)

    def picture(self):
        """(columns, rows, RGB) of the screen in pixels."""
        out = os.path.join(self.folder.name, "screen.ppm")
        self("screendump", filename=out)
        with open(out, "rb") as f:
            assert f.readline() == b"P6\n"
            columns, rows = map(int, f.readline().split())
            assert f.readline() == b"255\n"
            return columns, rows, f.read()

    def ctl(self, *words):
        """As people do it."""
        done = subprocess.run([self.unring, "ctl", self.path, *words], capture_output=True,
                              text=True, check=False, timeout=60)
        if done.returncode:
            raise RuntimeError(f"ctl {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    def until(self, what, happens, seconds=20):
        """Waits until happens() is true."""
        until = min(self.end, time.monotonic() + seconds)
        while not happens():
            if time.monotonic() > until:
                raise RuntimeError(f"{what}: not in time")
            time.sleep(0.1)

    def saw(self, event):
        """Whether that event has come."""
        self("query-status")
        return any(e["event"] == event for e in self.events)

    def type(self, text):
        self("x-type-text", text=text)

    def press(self, *keys):
        self("send-key", keys=[{"type": "qcode", "data": k} for k in keys])

    def quit(self):
        """The exit status."""
        try:
            self("quit")
        except (RuntimeError, OSError):
            pass
        return self.process.wait(10)

    def ended(self):
        """Waits for the guest's own end; the exit status."""
        return self.process.wait(max(1, self.end - time.monotonic()))

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.socket.close()
        self.folder.cleanup()
