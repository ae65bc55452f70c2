"""--boot and --boot-menu: which of two floppies SeaBIOS boots, which is then the guest's drive A.

    boot.py UNRING FLOPPY FLOPPY        floppies that say "a" and "b", and what the other one is
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


for options, expected in (([], "ab"), (["--boot", "floppy0"], "ab"), (["--boot", "floppy1"], "ba"),
                          (["--boot", "floppy1,floppy0"], "ba"),
                          (["--boot", "floppy0,floppy1"], "ab")):
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


check("the menu's second", menu(), "ba")
check("the menu's second, which is the first drive", menu("--boot", "floppy1"), "ab")
print(f"{failures} failed")
sys.exit(failures != 0)
