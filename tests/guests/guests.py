#!/usr/bin/env python3
"""guests.py UNRING GUESTS NAME...: boots guests by firmware, as a user does, and looks at the screen.

Each is decided by what it shows after something was typed, by a clean end, and by a second boot
on the same image.  Those that no Debian package has are looked for in the folder that
UNRING_MEDIA names; without it they are skipped (status 77).
"""
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from qmp import Guest

SKIPPED = 77


def grub(g):
    g.see("GNU GRUB")
    g.type("c") if "menu" in g.screen().lower() and "grub>" not in g.screen() else None
    g.see("grub>")
    g.type("echo $((6*7)) is it\n")
    g.see("is it")
    g.type("ls\n")
    g.see("(fd0)")
    g.type("help\n")


def ipxe(g):
    g.see("iPXE 1.")
    g.press("ctrl", "b")
    g.see("iPXE>")
    g.type("echo one ${version}\n")
    g.see("one 1.")


def memtest(g):
    g.see("Memtest86+")
    g.see("Test #")
    g.see("Pass")


def sectorlisp(g):
    g("x-wait-text", text="Booting from Floppy", timeout=20)
    g.type("(CONS (QUOTE A) (QUOTE B))\n")


def tetros(g):
    """A well of grey, into which pieces fall."""
    first = g.screen()
    g.press("left")
    g.press("down")
    for _ in range(200):
        if g.screen() != first:
            return
    raise RuntimeError("nothing falls")


def mikeos(g):
    g.see("Welcome to MikeOS")
    g.press("ret")
    g.see(".BIN")


def freedos(g):
    g.see("A:\\>")
    g.type("echo one & two\n")
    g.see("one")
    g.type("ver\n")
    g.type("dir\n")
    g.see("bytes free")


def freedos_floppy(g):
    g.press("ret")
    g.see("A:\\>")
    g.type("ver\n")
    g.see("ersion")


def floppinux(g):
    g.see("CHOOSE:")
    g.type("c\n")
    g.see("#")
    g.type("echo $((6*7)) is it\n")
    g.see("42 is it")


# name: image, memory, what happens, seconds at most
DEBIAN = {
    "grub": ("grub.img", "16M", grub, 60),
    "ipxe": ("ipxe.img", "16M", ipxe, 60),
    "memtest-floppy": ("memtest-floppy.img", "8M", memtest, 60),
}
MEDIA = {
    "sectorlisp": ("sectorlisp.img", "1M", sectorlisp, 60),
    "tetros": ("tetros.img", "1M", tetros, 60),
    "mikeos": ("mikeos.img", "1M", mikeos, 60),
    **{f"freedos-{size}": (f"freedos-{size}.img", "1M", freedos, 60)
       for size in ("160K", "180K", "320K", "360K", "640K", "720K", "1200K", "1.4MB")},
    "freedos-floppy": ("fdboot.img", "16M", freedos_floppy, 60),
    "floppinux": ("floppinux.img", "24M", floppinux, 120),
}


def run(unring, folder, name):
    image, memory, steps, seconds = {**DEBIAN, **MEDIA}[name]
    if name in MEDIA:
        folder = os.environ.get("UNRING_MEDIA")
        if not folder or not os.path.exists(os.path.join(folder, image)):
            print(f"skipped {name}: no {image} in UNRING_MEDIA")
            return SKIPPED
    with tempfile.TemporaryDirectory() as own:
        disk = os.path.join(own, image)
        shutil.copy(os.path.join(folder, image), disk)
        for boot in ("first", "second"):
            g = Guest(unring, "--floppy", disk, "--memory", memory, timeout=seconds)
            try:
                steps(g)
                shown = g.screen()
                status = g.quit()
                if status:
                    raise RuntimeError(f"exit status {status}")
                print(f"ok {name}: {boot} boot")
            except (RuntimeError, OSError) as e:
                print(f"FAILED {name}: {boot} boot: {e}")
                return 1
            finally:
                g.close()
        print(shown)
    return 0


if __name__ == "__main__":
    sys.exit(max(run(sys.argv[1], sys.argv[2], name) for name in sys.argv[3:]))
