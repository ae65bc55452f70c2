#!/usr/bin/env python3
"""guests.py UNRING GUESTS NAME...: boots guests by firmware, as a user does, and looks at the screen.

Each is decided by what it shows after something was typed, by a clean end, and by a second boot
on the same image, which the first may have written to. Those that no Debian package has are looked
for in the folder that UNRING_MEDIA names; without it they are skipped (status 77). Without a name:
the names.
"""
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from qmp import Guest, processor_seconds

SKIPPED = 77
BARE_DOS = "freedos-1.4MB.img"


def after(g, typed, answer):
    """Types a line; what it leads to is not on the screen before."""
    if answer in g.screen():
        raise RuntimeError(f"'{answer}' is on the screen before '{typed}'")
    g.type(typed + "\n")
    return g.see(answer)


def idles(g):
    """Polls for a key, and is put to sleep between its polls."""
    g.until("a nap", lambda: g("x-stats")["naps"] > 0)


def grub(g, _):
    g.see("for a command-line")
    idles(g)
    g.type("c")
    g.see("grub>")
    after(g, "ls", "(fd0)")
    after(g, "echo seen=${grub_platform}", "seen=pc")
    g.type("help\n")
    g.until("help", lambda: "GNU GRUB" not in g.screen() or "--MORE--" in g.screen())




def grub_halts(g, _):
    """By the BIOS's APM."""
    g.see("for a command-line")
    g.type("c")
    g.see("grub>")
    g.type("halt\n")
    if g.ended():
        raise RuntimeError("halt: exit status")


def grub_types(g, _):
    """A slow GRUB, which leaves real mode between two keys, loses none."""
    g.see("for a command-line")
    g.type("c")
    g.see("grub>")
    text = "".join(f"{i:02}Whole-" for i in range(40))
    g.type(f"echo {text}\n")
    g.until("an answer", lambda: g.screen().count("grub>") == 2, 150)
    # GRUB's rows have 79 characters.
    if text not in "".join(row[:79] for row in g.screen().splitlines()):
        raise RuntimeError("not all arrived:\n" + g.screen())


def grub_disk(g, _):
    """GRUB from a disk finds a second one, its partition, and what is in a file of it."""
    g.see("for a command-line")
    g.type("c")
    g.see("grub>")
    after(g, "ls", "(hd1) (hd1,msdos1)")
    after(g, "ls (hd1,msdos1)/", "k.krn")
    after(g, "cat (hd1,msdos1)/syslinux.cfg", "label k")


def grub_draws(g, _):
    """Is told of the best mode of the monitor, and draws its terminal in it."""
    g.see("for a command-line")
    g.type("c")
    g.see("grub>")
    g.type("insmod all_video\n")
    after(g, "videoinfo", "Preferred mode: 1280x800")
    for line in ("insmod gfxterm", "set gfxmode=1280x800", "terminal_output gfxterm"):
        g.type(line + "\n")
    g.until("1280x800 dots", lambda: g.picture()[:2] == (1280, 800))
    g.until("a prompt", lambda: len(set(colours(g.picture()[2]))) > 1)
    first = g.picture()
    g.type("help\n")
    g.until("an answer", lambda: lit(g.picture()) > 4 * lit(first))


def ipxe(g, _):
    g.see("iPXE 1.")
    g.until("a prompt", lambda: g.press("ctrl", "b") or "iPXE>" in g.screen())
    after(g, "echo one ${version}", "one 1.")


def memtest(g, _):
    g.see("to start testing")
    g.press("ret")
    g.until("a test that runs", lambda: "Running" in g.screen() or "Testing" in g.screen())
    g.until("a second test", lambda: "Test #1" in g.screen() or "Test #2" in g.screen(), 40)
    if "Errors: 0" not in g.screen():
        raise RuntimeError("errors:\n" + g.screen())


def grub_cd(g, _):
    g.see("for a command-line")
    g.type("c")
    g.see("grub>")
    after(g, "ls (cd)/boot/grub/", "i386-pc/")
    after(g, "echo seen=${grub_platform}", "seen=pc")


def isolinux(g, boot):
    """Its text menu; then iPXE, or memdisk with GRUB's floppy."""
    g.see("boot:")
    g.type("ipxe\n" if boot == 1 else "floppy\n")
    if boot == 1:
        ipxe(g, boot)
    else:
        g.see("for a command-line")
        g.type("c")
        g.see("grub>")
        after(g, "ls", "(fd0)")


BLUE = b"\x00\x00\xaa"  # what is around the installer's window


def installer(g, boot):
    """To the first menu, in text, and on the frame buffer; a key goes to the next."""
    g.see("boot:")
    g.type("text\n" if boot == 1 else "screen\n")
    if boot == 1:
        g.see("Select a language", 300)
        g.press("ret")
        g.see("Select your location", 60)
        return
    corner = lambda: g.picture()[:2] == (1024, 768) and g.picture()[2][:3]  # noqa: E731
    g.until("the installer's screen", lambda: corner() == BLUE, 300)
    g.until("a menu that stays", lambda: g.picture() == (time.sleep(3), g.picture())[1], 120)
    menu = g.picture()
    g.press("ret")
    g.until("the next menu", lambda: g.picture() != menu and corner() == BLUE, 60)


def debian_cd(g, boot):
    """The first entry of GRUB's menu, then the second."""
    g.see("Debian 686-pae")
    if boot == 2:
        g.press("down")
    g.press("ret")
    g.see("unring:/#", 120)
    shown = after(g, "echo kernel=$(uname -r)", "kernel=6")
    if bool(re.search(r"kernel=6\S*-pae$", shown, re.MULTILINE)) != (boot == 2):
        raise RuntimeError("another kernel:\n" + shown)
    after(g, "seq 1 20000 | md5sum", hashlib.md5(
        "".join(f"{n}\n" for n in range(1, 20001)).encode()).hexdigest())
    g.type("poweroff -f\n")
    if g.ended():
        raise RuntimeError("poweroff: exit status")


def sectorlisp(g, _):
    g.see("Booting from Floppy")
    g.until("its own empty line", lambda: g("query-status")["running"] and time.sleep(1) is None)
    after(g, "(CONS (QUOTE A) (QUOTE B))", "(A\u2219B)")


def tetros(g, _):
    """A well of grey, into which coloured blanks fall."""
    g.until("a well", lambda: len(set(colours(g.picture()[2]))) > 3)
    first = g.picture()
    g.until("a piece that falls", lambda: g.picture() != first)
    for _ in range(4):
        g.press("left")
    g.press("down")


def colours(pixels):
    """Of each pixel."""
    return (pixels[i:i + 3] for i in range(0, len(pixels), 3))


def lit(picture):
    """How many pixels are not black."""
    return sum(1 for colour in colours(picture[2]) if any(colour))


def floppybird(g, _):
    """Mode 13h: a bird over a skyline."""
    g.until("a picture", lambda: len(set(colours(g.picture()[2]))) > 8)
    columns, rows, _ = g.picture()
    if (columns, rows) not in ((320, 200), (640, 400)):
        raise RuntimeError(f"{columns} x {rows}")
    g.press("spc")
    first = g.picture()
    g.until("a move", lambda: g.picture() != first)


def mikeos(g, _):
    g.see("Welcome to MikeOS")
    g.press("ret")
    g.see("KERNEL.BIN")
    g.press("esc")
    g.see("Welcome to MikeOS")


def dos(g, line, answer):
    """Types a line at a prompt on an empty screen, and waits for the next prompt below its answer."""
    g.until("a prompt", lambda: g.screen().rstrip().endswith("A:\\>"))
    g.type("cls\n")
    g.until("an empty screen", lambda: g.screen().strip() == "A:\\>")
    g.type(line + "\n")
    g.until(f"an end of '{line}'", lambda: re.search(r"A:\\>.*A:\\>\s*$", g.screen(), re.DOTALL))
    shown = g.screen().strip().removeprefix("A:\\>" + line)
    if answer not in shown:
        raise RuntimeError(f"'{line}' is answered without '{answer}':\n{shown}")


def freedos(g, _):
    dos(g, "ver", "FreeCom version")
    idles(g)
    dos(g, "dir", "bytes free")


def memdisk(g, _):
    freedos(g, None)
    dos(g, "echo here > f", "")
    dos(g, "type f", "here")


def writes(g, boot):
    """What the first boot writes, the second reads."""
    if boot == 2:
        dos(g, "type f", "x of boot 1")
    dos(g, f"echo x of boot {boot} > f", "")
    dos(g, "type f", f"x of boot {boot}")


def types(g, boot):
    """A text of 3,000 characters arrives whole; one of 250, the second time."""
    lines = [f"line {i:02} {'The quick brown FOX jumps over the lazy dog!'[:i % 40 + 4]}"
             for i in range(100 if boot == 1 else 10)]
    g.see("A:\\>")
    g.type(f"copy con f{boot}\n" + "\n".join(lines) + "\n\x1a\n")
    g.until("the end", lambda: "^Z" in g.screen() and g.screen().rstrip().endswith("A:\\>"), 150)
    image = g.process.args[g.process.args.index("--floppy") + 1]
    copy = shutil.copy(image, os.path.join(g.folder.name, "copy"))
    got = subprocess.run(["mtype", "-i", copy, f"::f{boot}"], check=True, capture_output=True,
                         text=True).stdout.split("\n")
    if got[:len(lines)] != lines:
        raise RuntimeError(f"not all arrived: {got}")


def disk(g, boot):
    """DOS from a floppy writes on its disk C; the next boot, and mtools, read it."""
    if boot == 2:
        dos(g, "type c:\\f", "x of boot 1")
    dos(g, f"echo x of boot {boot} > c:\\f", "")
    dos(g, "copy /y c:\\k.krn c:\\again.krn", "=> c:\\again.krn")
    dos(g, "dir c:\\again.krn", "AGAIN")
    image = g.process.args[g.process.args.index("--disk") + 1]
    g.quit()
    for name in "k.krn", "again.krn":
        read = subprocess.run(["mtype", "-i", image + "@@1M", f"::{name}"], check=True, capture_output=True)
        if boot == 1 and name == "k.krn":
            disk.kernel = read.stdout
        if read.stdout != disk.kernel or not read.stdout:
            raise RuntimeError(f"{name} is another")


def change(g, _):
    """Another disk in the drive of a DOS that runs; then none."""
    dos(g, "dir", "COMMAND")
    other = os.path.join(g.folder.name, "other.img")
    subprocess.run(["mformat", "-C", "-i", other, "-f", "720", "-v", "ANOTHER", "::"], check=True)
    g.ctl("change", "floppy0", other)
    # The BIOS tells of no change line: DOS looks again at a disk that it has not used for 2 seconds.
    time.sleep(3)
    dos(g, "dir", "ANOTHER")
    dos(g, "echo one > new", "")
    dos(g, "dir", "1 file(s)")
    g("eject", device="floppy0")
    time.sleep(3)
    g.type("dir\n")
    g.see("bort")
    if not g.saw("DEVICE_TRAY_MOVED"):
        raise RuntimeError("no DEVICE_TRAY_MOVED")


def protected(g, _):
    g.see("A:\\>")
    g.type("echo x > g\n")
    g.see("rotect")
    g.see("bort")
    g.type("a")


def restarts(g, _):
    """Ctrl-Alt-Del: the BIOS is back, then DOS."""
    g.see("A:\\>")
    g.type("echo before\n")
    g.press("ctrl", "alt", "delete")
    g.until("a reset", lambda: g.saw("RESET"))
    g.until("another screen", lambda: "before" not in g.screen())
    g.see("A:\\>")


def entry(key):
    """One entry of FreeDOS 1.0's menu."""
    def steps(g, _):
        g.see("Select from Menu")
        g.type(key + "\n")
        g.see("A:\\>")
        dos(g, "ver", "ersion")
        idles(g)
        dos(g, "cd", "A:\\")
    return steps


def floppinux(g, _):
    g.see("CHOOSE:")
    g.type("c\n")
    g.see("#")
    g.type("echo one $? two\n")       # kernel messages come in between
    g.see("one 0 two")


# name: image (in a floppy drive, or as it says), options, of which images are copies of Debian's, too;
# what happens, seconds at most for each boot
DEBIAN = {
    "grub": ("grub.img", ["--memory", "16M"], grub, 60),
    "grub-3g": ("grub.img", ["--memory", "3G"], grub, 60),
    "grub-halts": ("grub.img", ["--memory", "16M"], grub_halts, 60),
    "grub-draws": ("grub.img", ["--memory", "16M", "--vbe", "1280x800"], grub_draws, 120),
    "grub-types": ("grub.img", ["--memory", "16M", "--speed", "10"], grub_types, 180),
    "ipxe": ("ipxe.img", ["--memory", "16M"], ipxe, 60),
    "memtest-floppy": ("memtest-floppy.img", ["--memory", "8M"], memtest, 60),
    "memtest-disk": ("--disk memtest-disk.img", ["--memory", "8M"], memtest, 60),
    "grub-disk": ("--disk grub.img", ["--memory", "16M", "--disk", "memtest-disk.img"], grub_disk, 60),
    "grub-cd": ("grub-cd.iso", ["--memory", "16M"], grub_cd, 60),
    "ipxe-cd": ("ipxe-cd.iso", ["--memory", "16M"], ipxe, 60),
    "memtest-cd": ("memtest-cd.iso", ["--memory", "8M"], memtest, 60),
    "isolinux-cd": ("isolinux-cd.iso", ["--memory", "16M"], isolinux, 60),
    "debian-cd": ("debian-cd.iso", ["--memory", "256M"], debian_cd, 180),
    "installer-cd": ("installer-cd.iso", ["--memory", "512M"], installer, 600),
}
MEDIA = {
    "sectorlisp": ("sectorlisp.img", ["--memory", "1M"], sectorlisp, 60),
    "tetros": ("tetros.img", ["--memory", "1M"], tetros, 60),
    "floppybird": ("floppybird.img", ["--memory", "1M"], floppybird, 60),
    "mikeos": ("mikeos.img", ["--memory", "1M"], mikeos, 60),
    **{f"freedos-{size}": (f"freedos-{size}.img", ["--memory", "1M"], freedos, 60)
       for size in ("160K", "180K", "320K", "360K", "640K", "720K", "1200K", "1.4MB")},
    "freedos-of-640k": (BARE_DOS, ["--memory", "640K"], freedos, 60),
    "freedos-of-3g": (BARE_DOS, ["--memory", "3G"], freedos, 60),
    "dos-writes": (BARE_DOS, [], writes, 60),
    "dos-types": (BARE_DOS, [], types, 180),
    "dos-disk": (BARE_DOS, ["--disk", "memtest-disk.img"], disk, 60),
    "dos-change": (BARE_DOS, [], change, 60),
    "dos-protected": (BARE_DOS + ",readonly", [], protected, 60),
    "dos-restarts": (BARE_DOS, [], restarts, 60),
    "freedos-himem": ("fdboot.img", ["--memory", "16M"], entry("4"), 60),
    "freedos-emm386": ("fdboot.img", ["--memory", "16M"], entry("3"), 60),
    "memdisk": ("freedos-160K.img", ["--memory", "8M"], memdisk, 60),
    "floppinux": ("floppinux.img", ["--memory", "24M"], floppinux, 120),
}


def memdisk_floppy(image):
    """A floppy of 2.88M on which SYSLINUX starts memdisk with that image; it replaces it."""
    disk = image + ".2880"
    subprocess.run(["mformat", "-C", "-i", disk, "-f", "2880", "::"], check=True)
    subprocess.run(["mcopy", "-i", disk, "-", "::syslinux.cfg"], check=True, input=
                   b"default k\nlabel k\n  kernel memdisk\n  append initrd=dos.img floppy\n")
    subprocess.run(["mcopy", "-i", disk, "/usr/lib/syslinux/memdisk", "::memdisk"], check=True)
    subprocess.run(["mcopy", "-i", disk, image, "::dos.img"], check=True)
    subprocess.run(["syslinux", "--install", disk], check=True)
    os.rename(disk, image)


def few_alone(g):
    """Under 1% of the guest's instructions were translated to run once: there is no interpreter in
    disguise. Each exit, but for that behind a redirected access, is one instruction at least."""
    stats = g("x-stats")
    least = stats["exits"] - stats.get("callout_POST", 0)
    if stats["alone"] * 100 >= least:
        raise RuntimeError(f"{stats['alone']} of {least} instructions or more ran alone")


def run(unring, folder, name):
    image, options, steps, seconds = {**DEBIAN, **MEDIA}[name]
    image, _, how = image.partition(",")
    option, _, image = image.rpartition(" ")
    debian = folder
    if name in MEDIA:
        folder = os.environ.get("UNRING_MEDIA")
        if not folder or not os.path.exists(os.path.join(folder, image)):
            print(f"skipped {name}: no {image} in UNRING_MEDIA")
            return SKIPPED
    with tempfile.TemporaryDirectory() as own:
        disk = os.path.join(own, image)
        shutil.copy(os.path.join(folder, image), disk)
        if name == "memdisk":
            memdisk_floppy(disk)
        if how:
            disk += "," + how
        options = [shutil.copy(os.path.join(debian, o), own) if o.endswith(".img") else o
                   for o in options]
        for boot in (1, 2):
            before = processor_seconds()
            given = option or ("--cdrom" if image.endswith(".iso") else "--floppy")
            g = Guest(unring, given, disk, *options, timeout=seconds)
            try:
                steps(g, boot)
                if g.process.poll() is None:
                    few_alone(g)
                    print("\n".join(line for line in screen_of(g).splitlines() if line.strip()))
                    status = g.quit()
                    if status:
                        raise RuntimeError(f"exit status {status}")
                print(f"ok {name}: boot {boot}, {processor_seconds() - before:.2f} processor seconds",
                      flush=True)
            except (RuntimeError, OSError, subprocess.SubprocessError) as e:
                print(f"FAILED {name}: boot {boot}: {e}")
                return 1
            finally:
                g.close()
    return 0


def screen_of(g):
    """Its text, for people."""
    try:
        return g.screen()
    except RuntimeError:
        return "(a picture)"


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit("\n".join({**DEBIAN, **MEDIA}))
    sys.exit(max(run(sys.argv[1], sys.argv[2], name) for name in sys.argv[3:]))
