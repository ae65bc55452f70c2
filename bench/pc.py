"""pc.py UNRING GRUB [FREEDOS]: what bench/pc.sh measures."""
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = int(os.environ.get("ROUNDS", "3"))
TICK = os.sysconf("SC_CLK_TCK")


def tree(root):
    """The process and all below it."""
    found = [root]
    for pid in found:
        try:
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as f:
                    found += [int(p) for p in f.read().split()]
        except OSError:
            pass
    return found


def seconds(root):
    """Processor seconds of the process, and of all below it that live or were waited for."""
    ticks = 0
    for pid in tree(root):
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as f:
                ticks += sum(int(x) for x in f.read().rsplit(")", 1)[1].split()[11:15])
        except OSError:
            pass
    return ticks / TICK


def wanted(root):
    """Seconds that all threads ran or waited for a core: what they would take of an idle host."""
    spent = 0
    for pid in tree(root):
        try:
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as f:
                    spent += sum(int(x) for x in f.read().split()[:2])
        except OSError:
            pass
    return spent / 1e9


class Machine:
    """A PC with a floppy, by unring or by QEMU, seen by its control socket."""

    def __init__(self, kind, unring, image):
        self.kind = kind
        self.folder = tempfile.TemporaryDirectory()
        path = f"{self.folder.name}/control"
        if kind == "unring":
            command = [unring, "run", "--control", f"unix:{path}", "--display", "none",
                       "--serial", "none", "--floppy", f"{image},snapshot"]
        else:
            command = ["qemu-system-i386", "-accel", "tcg", "-M", "pc", "-cpu", "pentium3",
                       "-display", "none", "-nic", "none", "-snapshot", "-boot", "a",
                       "-qmp", f"unix:{path},server=on,wait=off",
                       "-drive", f"if=floppy,format=raw,file={image}"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        for attempt in range(500):
            try:
                self.socket.connect(path)
                break
            except OSError:
                if attempt == 499 or self.process.poll() is not None:
                    raise
                time.sleep(0.01)
        self.lines = self.socket.makefile("r", encoding="utf-8")
        self.lines.readline()
        self.ask("qmp_capabilities")

    def ask(self, command, **arguments):
        request = {"execute": command, "arguments": arguments}
        self.socket.sendall(json.dumps(request).encode() + b"\n")
        while True:
            line = self.lines.readline()
            if not line:
                raise RuntimeError(f"{self.kind}: {command}: the connection ended")
            answer = json.loads(line)
            if "error" in answer:
                raise RuntimeError(f"{self.kind}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def screen(self):
        if self.kind == "unring":
            return self.ask("x-screen-text")["text"]
        path = f"{self.folder.name}/cells"
        self.ask("pmemsave", val=0xB8000, size=4000, filename=path)
        with open(path, "rb") as f:
            return f.read()[::2].decode("cp437")

    def see(self, text, limit=60):
        end = time.monotonic() + limit
        while text not in self.screen():
            if time.monotonic() > end:
                raise RuntimeError(f"{self.kind}: no '{text}' on the screen")
            time.sleep(0.02)

    def close(self):
        self.process.kill()
        self.process.wait()
        self.socket.close()
        self.folder.cleanup()


def calls(machine):
    """What a loader does that goes back to real mode for each call of the BIOS."""
    stats = machine.ask("x-stats")
    return stats["callout_IRET"], stats["units"]


def measure(kind, unring, image, text):
    """Processor seconds from power-on to the text, and percent of a core wanted in 10 s after. Of
    unring, also the calls of the BIOS in these, and the units that were translated."""
    machine = Machine(kind, unring, image)
    try:
        machine.see(text)
        boot = seconds(machine.process.pid)
        time.sleep(1)
        before = calls(machine) if kind == "unring" else (0, 0)
        start, began = wanted(machine.process.pid), time.monotonic()
        time.sleep(10)
        spent = wanted(machine.process.pid) - start
        idle = spent / (time.monotonic() - began) * 100
        after = calls(machine) if kind == "unring" else (0, 0)
        return (boot, idle), (after[0] - before[0], after[1] - before[1])
    finally:
        machine.close()


def main():
    unring, guests = sys.argv[1], [("GRUB's menu", sys.argv[2], "GNU GRUB")]
    if len(sys.argv) > 3:
        guests.append(("A:\\>", sys.argv[3], "A:\\>"))
    print(f"{'guest':<12} {'round':<7} {'boot s':>8} {'qemu s':>8} {'idle %':>8} {'qemu %':>8}")
    for name, image, text in guests:
        rows = []
        for i in range(ROUNDS):
            ours, (n, units) = measure("unring", unring, image, text)
            rows.append(ours + measure("qemu", unring, image, text)[0])
            u, ui, q, qi = rows[-1]
            print(f"{name:<12} {i + 1:<7} {u:8.2f} {q:8.2f} {ui:8.1f} {qi:8.1f}", flush=True)
        for label, f in ("least", min), ("median", statistics.median):
            u, ui, q, qi = (f(c) for c in zip(*rows))
            print(f"{name:<12} {label:<7} {u:8.2f} {q:8.2f} {ui:8.1f} {qi:8.1f}")
        print(f"{name}: unring takes {u / q:.2f} of QEMU's processor time to boot "
              f"(asked for: at most 0.50); idle, {n} calls of the BIOS and {units} units "
              f"translated in 10 s", flush=True)


main()
