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


def threads(root):
    """Of each thread, the nanoseconds that it ran, and that it waited for a core."""
    found = {}
    for pid in tree(root):
        try:
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as f:
                    found[task] = [int(x) for x in f.read().split()[:2]]
        except OSError:
            pass
    return found


def share(before, after, seconds_between):
    """Percent of a core that the threads would take of an idle host: what they ran of the time
    in which they did not wait for a core."""
    percent = 0
    for task, (ran, waited) in after.items():
        ran0, waited0 = before.get(task, (0, 0))
        percent += 100 * (ran - ran0) / max(seconds_between * 1e9 - (waited - waited0), ran - ran0, 1)
    return percent


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
    """What a loader does that goes to real mode and back for each call of the BIOS: two stores to CR0."""
    stats = machine.ask("x-stats")
    return stats["callout_MOV_CR_R"] // 2, stats["units"]


def measure(kind, unring, image, text):
    """Processor seconds from power-on to the text, and percent of a core in 10 s after. Of unring,
    also the calls of the BIOS in these, and the units that were translated."""
    machine = Machine(kind, unring, image)
    try:
        machine.see(text)
        boot = seconds(machine.process.pid)
        time.sleep(1)
        counts = calls(machine) if kind == "unring" else (0, 0)
        start, began = threads(machine.process.pid), time.monotonic()
        time.sleep(10)
        end = threads(machine.process.pid)
        idle = share(start, end, time.monotonic() - began)
        after = calls(machine) if kind == "unring" else (0, 0)
        return (boot, idle), (after[0] - counts[0], after[1] - counts[1])
    finally:
        machine.close()


def halting(path):
    """A floppy whose boot sector waits for interrupts: STI, HLT, and back."""
    with open(path, "wb") as f:
        f.write(bytes([0xfb, 0xf4, 0xeb, 0xfc]).ljust(510, b"\0") + b"\x55\xaa")
        f.truncate(1440 * 1024)
    return path


def main():
    # name, image, text, most percent of a core that it may take idle
    unring, guests = sys.argv[1], [("GRUB's menu", sys.argv[2], "GNU GRUB", 3)]
    if len(sys.argv) > 3:
        guests.append(("A:\\>", sys.argv[3], "A:\\>", 3))
    with tempfile.TemporaryDirectory() as folder:
        guests.append(("a halt", halting(f"{folder}/halt.img"), "Booting from Floppy", 2))
        compare(unring, guests)


def compare(unring, guests):
    print(f"{'guest':<12} {'round':<7} {'boot s':>8} {'qemu s':>8} {'idle %':>8} {'qemu %':>8}")
    for name, image, text, most in guests:
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
              f"(asked for: at most 0.50); {ui:.1f}% of a core idle (asked for: under {most}), "
              f"{n} calls of the BIOS and {units} units translated in 10 s", flush=True)


main()
