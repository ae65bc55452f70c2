#!/usr/bin/env python3
"""pictures.py UNRING IMAGE [FOLDER]: the scenes of scenes.asm, by screendump, against what is computed
here.  With a folder each is left there as PNG.
"""
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../guests"))
from qmp import Guest

SOON = 60


def six(value):
    """A colour of the DAC in eight bits."""
    value &= 63
    return value << 2 | value >> 4


def few(value, bits):
    """So many bits in eight."""
    return value << 8 - bits | value >> 2 * bits - 8


COLOURS = [bytes((six(i), six(i * 3), six(i * 7))) for i in range(256)]


def dots(width, height, mask, at=lambda x, y: x + 5 * y, wide=1, high=1):
    """A picture of numbered colours, each dot so wide and high."""
    rows = []
    for y in range(height):
        row = b"".join(COLOURS[at(x, y) & mask] * wide for x in range(width))
        rows.append(row * high)
    return width * wide, height * high, b"".join(rows)


def pixels(width, height, at):
    return width, height, b"".join(bytes(at(x, y)) for y in range(height) for x in range(width))


def split(x, y):
    return x + 5 * y + 3 - 140 * 5 if y >= 140 else x + 43 + 5 * (y + 10)


def high_colour(x, y):
    word = y * 64 + x & 0xffff
    return few(word >> 11, 5), few(word >> 5 & 63, 6), few(word & 31, 5)


SCENES = {
    "cga4": lambda: [dots(320, 200, 3, wide=2, high=2)],
    "cga6": lambda: [dots(640, 200, 1, high=2)],
    "ega0d": lambda: [dots(320, 200, 15, wide=2, high=2)],
    "ega10": lambda: [dots(640, 350, 15)],
    "vga12": lambda: [dots(640, 480, 15)],
    "vga13": lambda: [dots(320, 200, 255, wide=2, high=2)],
    "modex": lambda: [dots(320, 240, 255, lambda x, y: x + 5 * y + 77, wide=2, high=2)],
    "split": lambda: [dots(320, 200, 15, split, wide=2, high=2)],
    "blink": lambda: [dots(320, 200, 15, lambda x, y, b=b: (x + 5 * y) & 15 ^ b, wide=2, high=2)
                      for b in (0, 8)],
    "vbe101": lambda: [dots(640, 480, 255)],
    "vbe102": lambda: [dots(800, 600, 15)],
    "vbe111": lambda: [pixels(640, 480, high_colour)],
    "vbe115": lambda: [pixels(800, 600, lambda x, y: (x + y & 255, y & 255, x & 255))],
    "moved": lambda: [dots(640, 480, 255, lambda x, y: x + 40 + 5 * (y + 20))],
}


def difference(want, got):
    """The first, or None."""
    if want[:2] != got[:2]:
        return f"{got[0]} x {got[1]}, not {want[0]} x {want[1]}"
    for i in range(0, len(want[2]), 3):
        if want[2][i:i + 3] != got[2][i:i + 3]:
            return (f"({i // 3 % want[0]}, {i // 3 // want[0]}) is {got[2][i:i + 3].hex()}, "
                    f"not {want[2][i:i + 3].hex()}")
    return None


def main():
    unring, image = sys.argv[1:3]
    folder = sys.argv[3] if len(sys.argv) > 3 else None
    failures = 0
    with tempfile.TemporaryDirectory() as scratch:
        said = os.path.join(scratch, "said")
        g = Guest(unring, "--floppy", image, "--debugcon", said, timeout=10 * SOON)

        def is_drawn(name):
            with open(said, encoding="latin-1") as f:
                return f"SCENE {name}\n" in f.read()

        for number, (name, make) in enumerate(SCENES.items()):
            if number:
                g.press("spc")
            g.until(name, lambda name=name: is_drawn(name), SOON)
            got = g.picture()
            why = [difference(want, got) for want in make()]
            print(f"{name}: {'ok' if None in why else why[0]}", flush=True)
            failures += None not in why
            if folder:
                g("screendump", filename=os.path.join(folder, name + ".png"), format="png")
        g.quit()
        g.close()
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
