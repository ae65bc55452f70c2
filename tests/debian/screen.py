"""As much of a VT100 as memtest86+ draws on: text, cursor addressing, erasing."""

import re

TOKEN = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|\x1b[()].|\x1b.|([\x00-\x1f])|([^\x00-\x1f\x1b]+)")


def rows(text, height=25, width=80):
    """The screen after text, as a list of lines."""
    screen = [[" "] * width for _ in range(height)]
    y = x = 0
    for number, command, control, printed in TOKEN.findall(text):
        if command in ("H", "f"):
            place = [int(n or 1) for n in (number.split(";") + ["1"])[:2]] if number else [1, 1]
            y, x = min(place[0], height) - 1, min(place[1], width) - 1
        elif command == "J":
            screen = [[" "] * width for _ in range(height)]
        elif command == "K":
            screen[y][x:] = [" "] * (width - x)
        elif control == "\r":
            x = 0
        elif control == "\n":
            y = min(y + 1, height - 1)
        for c in printed:
            if x < width:
                screen[y][x] = c
                x += 1
    return ["".join(line) for line in screen]
