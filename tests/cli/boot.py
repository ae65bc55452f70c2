"""--boot and --boot-menu: which of two floppies SeaBIOS boots, which is then the guest's drive A.

    boot.py UNRING FLOPPY FLOPPY        floppies that say "a" and "b", what the other one is,
                                        and how many sectors its tracks have
"""

import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "guests"))
from qmp import Guest

unring, *floppies = sys.argv[1:]
both = ["--floppy", floppies[0], "--floppy", floppies[1], "--debug-exit"]
failures = 0


def check(name, said, expected):
    global failures
    print(f"{'ok' if said == expected else 'FAILED':6} {name}: {said}")
    failures += said != expected


for options, expected in (([], "ab9"), (["--boot", "floppy0"], "ab9"),
                          (["--boot", "floppy1"], "ba9"),
                          (["--boot", "floppy1,floppy0"], "ba9"),
                          (["--boot", "floppy0,floppy1"], "ab9")):
    run = subprocess.run([unring, "run", *both, "--debugcon", "-", "--serial", "none", *options],
                         stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    check(" ".join(options), run.stdout, expected)


def menu(*options):
    """What is said after the second entry of the menu."""
    with tempfile.NamedTemporaryFile("r", encoding="latin-1") as said:
        g = Guest(unring, *both, "--boot-menu", "60", "--debugcon", said.name, *options,
                  timeout=300)
        try:
            g.see("ESC for boot menu")
            g.press("esc")
            g.see("2. Floppy")
            g.press("2")
            assert g.ended() == 7
            return said.read()
        finally:
            g.close()


check("the menu's second", menu(), "ba9")
check("the menu's second, which is the first drive", menu("--boot", "floppy1"), "ab9")


def part(boot):
    """What is said of an image in drive B that is less than a disk, with this first sector."""
    with tempfile.NamedTemporaryFile() as image:
        image.write(boot)
        image.flush()
        run = subprocess.run([unring, "run", "--floppy", floppies[0], "--floppy", image.name,
                              "--debug-exit", "--debugcon", "-", "--serial", "none"],
                             stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
        return run.stdout


with open(floppies[1], "rb") as f:
    first = f.read(512)
bpb = bytearray(first)
for at, value in ((0x0b, 512), (0x13, 2880), (0x18, 18), (0x1a, 2)):
    bpb[at:at + 2] = value.to_bytes(2, "little")
check("a part of a disk, of which nothing is known", part(first), "abT")
check("a part of a disk of 1.44M", part(bytes(bpb)), "abB")
print(f"{failures} failed")
sys.exit(failures != 0)
