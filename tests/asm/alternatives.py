"""alternatives.py BUILD UNRING: what the manuals leave to the processor is accepted either way, and
nothing else is.

`native --other` does, on this processor, what another may do (alternatives.c).  Its results must
pass beside this processor's and beside unring's, each difference counted; the same with what was
planted made wrong must fail, case by case."""
import os
import re
import subprocess
import sys
import tempfile

BUILD, UNRING = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
# Group, cases, what must have been planted.
AMD = "AuthenticAMD" in open("/proc/cpuinfo").read()
PACKS = [("string", 20000, ["cmps: which of its faults"]),
         ("code16", 40000, ["cmps: which of its faults"]),
         ("forms", 40000, ["the upper half", "bits 16 to 19"] + ["what a POPA", "a MASKMOVQ"] * AMD)]


def runs_32_bits():
    """Does this host run 32-bit programs?"""
    try:
        return subprocess.run([BUILD + "/native", "--there"]).returncode == 0
    except OSError:
        return False


def compare(pack, *results):
    """How many cases differ, and how many alternatives were met, by question."""
    done = subprocess.run([BUILD + "/asmcmp", "--first", "10", pack, *results],
                          capture_output=True, text=True)
    differ = re.search(r"cases, (\d+) differ", done.stdout)
    if not differ:
        sys.exit(done.stdout[-2000:] + done.stderr)
    met = re.findall(r"^alternative: (.*): \d+ the same, (\d+) other: ", done.stdout, re.M)
    return int(differ[1]), {what: int(n) for what, n in met}, done.stdout


def lines(path):
    with open(path) as f:
        return f.read().splitlines()


def wrong(line, before):
    """A line of another processor's, with the first field that was planted made a third one."""
    new, old = (dict(w.split("=") for w in text.split()[1:]) for text in (line, before))
    name = next(n for n in {**new, **old} if new.get(n) != old.get(n))
    value = new.get(name, old.get(name))
    new[name] = f"{int(value, 16) ^ int('11' * 10, 16) % 16 ** len(value):0{len(value)}x}"
    return " ".join([line.split()[0]] + [f"{n}={v}" for n, v in new.items()])


def main():
    bad = 0
    if not runs_32_bits():
        print("skipped: this host runs no 32-bit programs")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        for group, count, wanted in PACKS:
            pack, native, other, third, unring = (os.path.join(folder, n) for n in (
                "pack", "native", "other", "third", "unring"))
            subprocess.run([BUILD + "/asmpack", "random", pack, group, "1", str(count)], check=True)
            for path, options in ((native, []), (other, ["--other"])):
                with open(path, "wb") as f:
                    subprocess.run([BUILD + "/native", *options, pack], stdout=f, check=True)
            pairs = list(zip(lines(native), lines(other)))
            planted = [n for n, (a, b) in enumerate(pairs) if a != b]
            differ, met, out = compare(pack, native, other)
            print(f"{group}: {count} cases, {len(planted)} as another processor, {differ} not accepted")
            if differ:
                print(out)
            for what in wanted:
                n = sum(n for name, n in met.items() if name.startswith(what))
                print(f"  {what}...: {n}")
                bad += not n
            bad += differ > 0 or sum(met.values()) < len(planted)
            with open(third, "w") as f:
                for a, b in pairs:
                    print(b if a == b else wrong(b, a), file=f)
            for path in planted and (native, other) or ():
                differ = compare(pack, path, third)[0]
                print(f"  a third outcome in each of them: {differ} not accepted")
                bad += differ != len(planted)
            subprocess.run(
                ["timeout", "300", UNRING, "run", "--kernel", BUILD + "/kernel.elf", "--module", pack,
                 "--debugcon", unring, "--debug-exit", "--serial", "none", "--cpu", "n270",
                 "--memory", "32M", "--append", "cases"], stdin=subprocess.DEVNULL)
            differ, met, out = compare(pack, other, unring)
            print(f"  unring beside it: {differ} differ, {sum(met.values())} accepted")
            if differ:
                print(out)
            bad += differ > 0
    sys.exit(bad and 1)


main()
