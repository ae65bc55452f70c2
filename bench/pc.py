"""pc.py UNRING GUESTS [FREEDOS]: what bench/pc.sh measures, with what there is in the folder GUESTS."""
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


class Row:
    """A guest, and what it is seen by; most: percent of a core that it may take idle; keys: what is typed at
    the first text to come to the last."""

    def __init__(self, name, image, *texts, most=None, drive="floppy", keys=(), memory=128):
        self.name, self.image, self.texts, self.most = name, image, texts, most
        self.drive, self.keys, self.memory = drive, keys, memory


class Machine:
    """A PC with a medium, by unring or by QEMU, seen by its control socket."""

    def __init__(self, kind, unring, row):
        self.kind = kind
        image, memory = row.image, row.memory
        self.folder = tempfile.TemporaryDirectory()
        path = f"{self.folder.name}/control"
        if kind == "unring":
            command = [unring, "run", "--control", f"unix:{path}", "--display", "none",
                       "--serial", "none", "--memory", f"{memory}M",
                       f"--{row.drive}", image if row.drive == "cdrom" else f"{image},snapshot"]
        else:
            command = ["qemu-system-i386", "-accel", "tcg", "-M", "pc", "-cpu", "pentium3",
                       "-display", "none", "-nic", "none", "-snapshot", "-m", str(memory),
                       "-boot", {"floppy": "a", "cdrom": "d", "disk": "c"}[row.drive],
                       "-qmp", f"unix:{path},server=on,wait=off", "-drive",
                       f"file={image},format=raw," +
                       {"floppy": "if=floppy", "cdrom": "if=ide,media=cdrom", "disk": "if=ide"}[row.drive]]
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
        self.ask("pmemsave", val=0xB8000, size=0x8000, filename=path)
        with open(path, "rb") as f:
            return f.read()[::2].decode("cp437")

    def type(self, keys):
        for key in keys:
            self.ask("send-key", keys=[{"type": "qcode", "data": key}])
            time.sleep(0.2)

    def see(self, text, limit=600):
        end = time.monotonic() + limit
        while text not in self.screen():
            if time.monotonic() > end:
                raise RuntimeError(f"{self.kind}: no '{text}' on the screen")
            time.sleep(0.1)

    def close(self):
        self.process.kill()
        self.process.wait()
        self.socket.close()
        self.folder.cleanup()


def calls(machine):
    """What a loader does that goes to real mode and back for each call of the BIOS: two stores to CR0."""
    stats = machine.ask("x-stats")
    return stats["callout_MOV_CR_R"] // 2, stats["units"]


def measure(kind, unring, row):
    """Processor seconds from power-on to the text, and percent of a core in 10 s after. Of unring,
    also the calls of the BIOS in these, and the units that were translated."""
    machine = Machine(kind, unring, row)
    try:
        for text in row.texts:
            machine.see(text)
            if text != row.texts[-1]:
                machine.type(row.keys)
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
    unring, folder = sys.argv[1:3]
    rows = [Row("GRUB's menu", f"{folder}/grub.img", "GNU GRUB", most=3)]
    if len(sys.argv) > 3:
        rows.append(Row("A:\\>", sys.argv[3], "A:\\>", most=3))
    rows += [
        Row("GRUB's CD", f"{folder}/grub-cd.iso", "GNU GRUB", drive="cdrom"),
        Row("installer", f"{folder}/installer-cd.iso", "boot:", "language", drive="cdrom", memory=512,
            keys=("t", "e", "x", "t", "ret")),
        Row("Debian's login", f"{folder}/debian-disk.img", "unring login:", drive="disk", memory=512),
    ]
    with tempfile.TemporaryDirectory() as own:
        rows.append(Row("a halt", halting(f"{own}/halt.img"), "Booting from Floppy", most=2))
        compare(unring, [r for r in rows if os.path.exists(r.image)])


def compare(unring, guests):
    print(f"{'guest':<15} {'round':<7} {'boot s':>8} {'qemu s':>8} {'idle %':>8} {'qemu %':>8}")
    for row in guests:
        rows, name = [], row.name
        for i in range(ROUNDS):
            ours, (n, units) = measure("unring", unring, row)
            rows.append(ours + measure("qemu", unring, row)[0])
            u, ui, q, qi = rows[-1]
            print(f"{name:<15} {i + 1:<7} {u:8.2f} {q:8.2f} {ui:8.1f} {qi:8.1f}", flush=True)
        for label, f in ("least", min), ("median", statistics.median):
            u, ui, q, qi = (f(c) for c in zip(*rows))
            print(f"{name:<15} {label:<7} {u:8.2f} {q:8.2f} {ui:8.1f} {qi:8.1f}")
        asked = f" (asked for: under {row.most})" if row.most else ""
        print(f"{name}: unring takes {u / q:.2f} of QEMU's processor time to boot "
              f"(asked for: at most 0.50); {ui:.1f}% of a core idle{asked}, "
              f"{n} calls of the BIOS and {units} units translated in 10 s", flush=True)


main()
