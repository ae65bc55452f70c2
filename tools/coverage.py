"""What coverage.sh prints: a table of the files of src, with the lines that have code and the
part of them that ran; the others go to unrun.txt.

    coverage.py BUILD
"""

import re
import sys
from pathlib import Path

root = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(root / "tests" / "mutants"))
from cover import Blocks  # noqa: E402


def ranges(lines):
    """1, 2, 3, 7 as "1-3 7"."""
    text, lines = [], sorted(lines)
    while lines:
        n = 1
        while n < len(lines) and lines[n] == lines[0] + n:
            n += 1
        text.append(str(lines[0]) if n == 1 else f"{lines[0]}-{lines[n - 1]}")
        lines = lines[n:]
    return " ".join(text)


def main():
    build = Path(sys.argv[1]).resolve()
    has, ran = set(), set()
    for m in sorted((build / "maps").iterdir()):
        program = Path(m.name.replace("|", "/"))
        if not program.is_relative_to(build):       # a copy of it
            program = build / program.name
        if not program.exists():
            continue
        blocks = Blocks(program)
        has.update(*blocks.lines.values())
        ran |= blocks.ran([b.start() for b in re.finditer(b"\1", m.read_bytes())])
    has = {(f, n) for f, n in has if (root / f).exists()}
    files = sorted({f for f, _ in has})
    total = [0, 0]
    with open(build / "unrun.txt", "w") as out:
        for f in files:
            mine = {n for g, n in has if g == f}
            left = mine - {n for g, n in ran if g == f}
            total = [total[0] + len(mine), total[1] + len(left)]
            print(f"{f:<40}{len(mine):>6} lines {100 * (1 - len(left) / len(mine)):>6.1f}%")
            source = (root / f).read_text(errors="replace").splitlines()
            if left:
                out.write(f"{f}: {ranges(left)}\n")
            for n in sorted(left):
                out.write(f"{n:>7}  {source[n - 1] if n <= len(source) else ''}\n")
    if not total[0]:
        sys.exit("coverage.py: nothing has run")
    print(f"{'all':<40}{total[0]:>6} lines {100 * (1 - total[1] / total[0]):>6.1f}%, "
          f"{total[1]} not run: {(build / 'unrun.txt').relative_to(root)}")


main()
