"""--cdrom and --boot: discs that El Torito boots in each of its ways, and what --control does to drives.

    cdrom.py UNRING BOOTED BOOTED BOOTED FLOPPY

BOOTED: what is booted without emulation (it says "n"), as a floppy ("f") and as a hard disk ("h"); a
floppy that says "a".
"""

import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "guests"))
from qmp import Guest

unring, plain, as_floppy, as_disk, floppy = sys.argv[1:]
failures = 0


def check(name, got, expected):
    global failures
    print(f"{'ok' if got == expected else 'FAILED':6} {name}: {got}")
    failures += got != expected


def disc(folder, name, *how):
    """An image that boots the file that how ends with; without how, one that does not boot."""
    tree = os.path.join(folder, name)
    os.mkdir(tree)
    boot = []
    with open(os.path.join(tree, "data"), "wb") as f:
        f.write(b"data")
    if how:
        with open(how[-1], "rb") as f, open(os.path.join(tree, "boot.img"), "wb") as to:
            to.write(f.read())
        boot = ["-b", "boot.img", "-c", "boot.cat", *how[:-1]]
    subprocess.run(["xorriso", "-report_about", "WARNING", "-as", "mkisofs", "-quiet", "-o",
                    f"{tree}.iso", *boot, tree], check=True, stderr=subprocess.PIPE)
    return f"{tree}.iso"


def said(*options):
    run = subprocess.run([unring, "run", "--debug-exit", "--debugcon", "-", "--serial", "none",
                          *options], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                         check=False, timeout=300)
    return run.stdout + run.stderr, run.returncode


def drives(g):
    """{name: (file, tray is open)} of the CD-ROM drives."""
    return {b["device"]: (b.get("inserted", {}).get("file"), b["tray_open"])
            for b in g("query-block") if b["device"].startswith("cdrom")}


def refused(call, *words, **arguments):
    try:
        call(*words, **arguments)
    except RuntimeError as e:
        return str(e)
    return None


with tempfile.TemporaryDirectory() as folder:
    n = disc(folder, "n", "-no-emul-boot", "-boot-load-size", "4", plain)
    f = disc(folder, "f", as_floppy)
    h = disc(folder, "h", "-hard-disk-boot", as_disk)
    mute = disc(folder, "mute")

    # letter, drive, kind, reads, what a write comes to
    for name, options, expected in (
            ("no emulation", ["--cdrom", n], "nE00+01"),
            ("as a floppy", ["--cdrom", f], "f002+03"),
            ("as a hard disk", ["--cdrom", h], "h804+03"),
            ("the second drive", ["--cdrom", mute, "--cdrom", n, "--boot", "cdrom1"], "nE00+01"),
            ("behind an empty one", ["--cdrom", "none", "--cdrom", f], "f002+03"),
            ("the same twice", ["--cdrom", n, "--cdrom", n], "nE00+01"),
            ("the fourth", ["--cdrom", mute, "--cdrom", mute, "--cdrom", mute, "--cdrom", f,
                            "--boot", "cdrom3,cdrom0"], "f002+03"),
            ("before a floppy", ["--floppy", floppy, "--cdrom", n, "--boot", "cdrom0"], "nE00+01"),
            ("which does not boot", ["--floppy", as_floppy + ",readonly", "--cdrom", mute,
                                     "--boot", "cdrom0,floppy0"], "f000+03"),
    ):
        check(name, said(*options), (expected, 7))

    g = Guest(unring, "--cdrom", mute, "--cdrom", "none", timeout=120)
    try:
        g.see("No bootable device")
        check("drives", drives(g), {"cdrom0": (mute, False), "cdrom1": (None, False)})
        g.ctl("change", "cdrom1", n)
        g("eject", device="cdrom0")
        check("changed", drives(g), {"cdrom0": (None, True), "cdrom1": (n, False)})
        moves = [e["data"] for e in g.events if e["event"] == "DEVICE_TRAY_MOVED"]
        check("events", [(m["device"], m["tray-open"]) for m in moves],
              [("cdrom1", True), ("cdrom1", False), ("cdrom0", True)])
        os.chmod(f, 0o444)
        g("blockdev-change-medium", device="cdrom0", filename=f)
        with open(os.path.join(folder, "odd"), "wb") as odd:
            odd.write(bytes(2048 + 512))
        check("of an odd size", refused(g, "blockdev-change-medium", device="cdrom0",
                                        filename=odd.name),
              f"blockdev-change-medium: {odd.name}: its size is no multiple of 2048 bytes "
              "(truncate -s %2048 makes it one)")
        check("still there", drives(g), {"cdrom0": (f, False), "cdrom1": (n, False)})
        check("a wrong word", refused(g.ctl, "eject", "cdrom1", "now"),
              "ctl eject cdrom1 now: unring: now: not force")
        check("a picture on it", refused(g, "screendump", filename=n),
              f"screendump: {n}: the picture would write over what is in cdrom1")
        g("system_reset")
        g.until("the reset", lambda: g.saw("RESET"))
        check("the end", g.quit(), 0)
    finally:
        g.close()

    for name, options, expected in (
            ("too many", ["--cdrom", n] * 5, "--cdrom"),
            ("of an odd size", ["--cdrom", odd.name], "its size is no multiple of 2048 bytes "
              "(truncate -s %2048 makes it one)"),
            ("a folder", ["--cdrom", folder], "Is a directory"),
            ("not so many", ["--cdrom", n, "--boot", "cdrom1"], "--boot cdrom1"),
            ("in use", ["--cdrom", floppy, "--floppy", floppy], floppy),
    ):
        text, status = said(*options)
        check(name, (expected in text, text.count("\n"), status), (True, 1, 2))

print(f"{failures} failed")
sys.exit(failures != 0)
