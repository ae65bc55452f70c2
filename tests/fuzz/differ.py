"""The differential tester: see run.sh.

A batch is a pack of cases (tests/asm: asmpack) of one group and seed.  The runner
`native` executes it on this processor, a guest kernel under unring at CPL 3;
asmcmp compares what they print, and forms counts which rows of the translator's
table were run.  The group `forms` goes through all rows of the generator."""
import argparse
import collections
import os
import re
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
CPU = "n270"  # the model with most instructions
BATCH = 60000
# Group: cases in a batch.  Those of few cases are bound by the space for their code.
OTHERS = {"integer": 60000, "program": 4000, "stack": 60000, "smc": 4000, "string": 60000,
          "code16": 5000, "fault": 60000, "segment": 8000, "branch": 60000, "x87": 60000,
          "mmx": 60000, "sse": 60000, "sse2": 60000}

# Forms that random cases cannot compare, and what tests them.
EXCLUDED = {
    "sgdt": "the host's table, or UMIP: guest.sensitive",
    "sidt": "the host's table, or UMIP: guest.sensitive",
    "sldt": "the host's selector, or UMIP: guest.sensitive",
    "str": "the host's selector, or UMIP: guest.sensitive",
    "smsw": "the host's CR0, or UMIP: guest.sensitive",
    "rdtsc": "time: guest.timer",
    "cpuid": "the model's: unit.cpu_model_test",
    "sysenter": "enters the host's kernel: guest.rings",
    "int1": "hosts that are virtual machines report its EIP wrongly: guest.debug",
    "fxsave": "writes more than the window: asm fxsave",
    "fnstenv": "FCS and FDS differ by processor: asm x87_environment",
    "fnsave": "FCS and FDS differ by processor: asm x87_environment",
}
# A vector, EIP or committed memory is never accepted.
ACCEPTABLE = re.compile(r"flags|fsw|fcw|ftw|mxcsr|r\d|xmm\d|e[a-ds][xpi]|cr2|error")


class Tools:
    def __init__(self, build, folder):
        self.asm = os.path.join(build, "tests", "asm")
        self.unring = os.path.join(build, "unring")
        self.forms = os.path.join(build, "tests", "fuzz", "forms")
        self.dir = folder

    def path(self, name):
        return os.path.join(self.dir, name)

    def pack(self, group, seed, count, out):
        subprocess.run([self.asm + "/asmpack", "random", out, group, str(seed), str(count)],
                       check=True)

    def run(self, pack, trial=""):
        """Both runs; '' or what went wrong."""
        native = self.path(trial + "native")
        with open(native, "wb") as f:
            done = subprocess.run([self.asm + "/native", pack], stdout=f)
        if done.returncode:
            return f"native ended with {done.returncode}"
        done = subprocess.run(
            ["timeout", "120", self.unring, "run", "--kernel", self.asm + "/kernel.elf",
             "--module", pack, "--debugcon", self.path(trial + "unring"), "--debug-exit",
             "--serial", "none", "--cpu", CPU, "--memory", "64M", "--append", "cases"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 33:
            return f"unring ended with {done.returncode}: {done.stderr[:400]}"
        return ""

    def compare(self, pack, trial=""):
        """The lines of cases that differ, and the numbers of those in undefined flags only."""
        undefined = self.path("undefined")
        done = subprocess.run(
            [self.asm + "/asmcmp", "--first", "1000000", "--undefined", undefined, pack,
             self.path(trial + "native"), self.path(trial + "unring")],
            capture_output=True, text=True)
        if done.returncode not in (0, 1):
            sys.exit(done.stderr)
        lines = [l for l in done.stdout.splitlines() if " | " in l or l.startswith("end:")]
        with open(undefined) as f:
            return lines, [int(l) for l in f]

    def rows(self):
        out = subprocess.run([self.forms, "--rows"], check=True, capture_output=True, text=True)
        rows = {}
        for line in out.stdout.splitlines():
            n, name, opmap, opcode, digit, prefix, mod, *_ = line.split("|")
            text = {"0": "", "1": "0f ", "2": "0f 38 ", "3": "0f 3a "}[opmap] + opcode
            text = {"6": "66 ", "3": "f3 ", "2": "f2 "}.get(prefix, "") + text
            text += f" /{digit}" if digit != "-1" else ""
            text += {"m": " mem", "r": " reg"}.get(mod, "")
            rows[int(n)] = (name, text)
        return rows

    def count(self, pack):
        out = subprocess.run([self.forms, pack, self.path("native")], check=True,
                             capture_output=True, text=True)
        return {int(a): int(b) for a, b in (l.split() for l in out.stdout.splitlines())}

    def listing(self, pack, number):
        out = subprocess.run([self.forms, "--list", pack, str(number)], check=True,
                             capture_output=True, text=True)
        return [l.split(" ", 3) for l in out.stdout.splitlines()]


def read_accepted():
    entries = []
    with open(os.path.join(HERE, "accepted.txt")) as f:
        for line in f:
            if line.startswith("#") or not line.strip():
                continue
            head, words = line.split(":", 1)
            name, field, mask = head.rsplit(None, 2)
            if not ACCEPTABLE.fullmatch(field) or not words.strip():
                sys.exit(f"accepted.txt: not acceptable: {line}")
            entries.append((name, field, int(mask, 16)))
    if len(entries) > 20:
        sys.exit("accepted.txt: more than 20 entries")
    return entries


def is_accepted(line, names, entries):
    fields = re.findall(r" (\w+): (\S+) (\S+);", line.split(" | ", 1)[1])
    if not fields or line.rstrip().endswith("..."):
        return False
    for field, a, b in fields:
        try:
            wrong = int(a, 16) ^ int(b, 16)
        except ValueError:
            return False
        if not any(n in names and f == field and not wrong & ~m for n, f, m in entries):
            return False
    return True


def fuzz(tools, args):
    rows, accepted = tools.rows(), read_accepted()
    counts, undefined = collections.Counter(), collections.Counter()
    differ, allowed = collections.Counter(), collections.Counter()
    total, problems, round_ = 0, [], 0
    end = time.time() + args.minutes * 60
    wanted = [n for n, (name, _) in rows.items() if name not in EXCLUDED]
    others = list(OTHERS)
    # A last batch may be late; a form that is short of cases costs no more than this.
    while time.time() < end:
        group = "forms" if round_ % 2 == 0 else others[round_ // 2 % len(others)]
        seed, size = args.seed + round_, OTHERS.get(group, BATCH)
        round_ += 1
        pack = tools.path("pack")
        tools.pack(group, seed, size, pack)
        wrong = tools.run(pack)
        if wrong:
            problems.append(f"{group} seed {seed}: {wrong}")
            print(problems[-1], flush=True)
            continue
        lines, only_undefined = tools.compare(pack)
        counts.update(tools.count(pack))
        total += size
        for number in only_undefined:
            undefined[int(tools.listing(pack, number)[0][2])] += 1
        for line in lines:
            if line.startswith("end:"):
                problems.append(f"{group} seed {seed}: memory outside the windows: {line}")
                continue
            number = int(line.split(None, 1)[0])
            forms = [int(i[2]) for i in tools.listing(pack, number)]
            names = {rows[f][0] for f in forms if f in rows}
            if is_accepted(line, names, accepted):
                allowed[forms[0]] += 1
                continue
            differ[forms[0]] += 1
            if sum(differ.values()) <= 50:
                print(f"--case {group}:{seed}:{number}  {line[:400]}", flush=True)
    print(f"{'form':30} {'encoding':18} {'cases':>9} {'differ':>7} {'accepted':>8} {'undefined':>9}")
    for n, (name, text) in rows.items():
        print(f"{name:30} {text:18} {counts[n]:9} {differ[n]:7} {allowed[n]:8} {undefined[n]:9}"
              + (f"  not compared: {EXCLUDED[name]}" if name in EXCLUDED else ""))
    print(f"{'(not in the table)':30} {'':18} {counts[-1]:9} {differ[-1]:7} {allowed[-1]:8}"
          f" {undefined[-1]:9}")
    short = [n for n in wanted if counts[n] < args.least]
    for n in short:
        print(f"fewer than {args.least} cases: {rows[n][0]} ({rows[n][1]}): {counts[n]}")
    print(f"seeds {args.seed} to {args.seed + round_ - 1}: {total} cases in {round_} batches, "
          f"{len(wanted)} forms; {sum(differ.values())} cases differ, "
          f"{sum(allowed.values())} accepted, {sum(undefined.values())} in undefined flags only; "
          f"{len(short)} forms with fewer than {args.least} cases")
    for problem in problems:
        print(problem)
    return bool(short or problems or sum(differ.values()))


# --- one case ---

CASE_SIZE, HEADER = 80, "<9I"


def only(pack, number, out, blank=()):
    """A pack of this one case, the instructions at `blank` (offset, length) made NOPs."""
    with open(pack, "rb") as f:
        data = bytearray(f.read())
    header = list(struct.unpack_from(HEADER, data))
    header[1], header[2] = 1, header[2] + number * CASE_SIZE
    source = struct.unpack_from("<I", data, header[2] + 12)[0]
    for at, length in blank:
        begin = header[5] + source + at
        data[begin:begin + length] = b"\x90" * length
    struct.pack_into(HEADER, data, 0, *header)
    with open(out, "wb") as f:
        f.write(data)


def differs(tools, pack, number, blank):
    one = tools.path("one")
    only(pack, number, one, blank)
    wrong = tools.run(one, "one.")
    return wrong or tools.compare(one, "one.")[0]


def fields_of(path):
    with open(path) as f:
        for line in f:
            if re.match(r"\d+ ", line):
                return dict(w.split("=", 1) for w in line.split()[1:])
    return {}


def one_case(tools, spec):
    group, seed, number = spec.split(":")
    number = int(number)
    pack = tools.path("pack")
    tools.pack(group, int(seed), number + 1, pack)
    wrong = differs(tools, pack, number, [])
    native, unring = fields_of(tools.path("one.native")), fields_of(tools.path("one.unring"))
    print(f"{'':10} {'native':34} unring")
    for field in dict(native, **unring):
        a, b = native.get(field, "unchanged"), unring.get(field, "unchanged")
        print(f"{field:10} {a:34} {b:34} {'' if a == b else '<--'}")
    insns = tools.listing(pack, number)
    blank = []
    if not wrong:
        print("alike")
    else:
        for at, length, *_ in reversed(insns):
            trial = blank + [(int(at), int(length))]
            if len(trial) < len(insns) and differs(tools, pack, number, trial):
                blank = trial
        differs(tools, pack, number, blank)
        print("\nthe least that differs:" if blank else "\nnothing can be left out:")
    gone = {at for at, _ in blank}
    for at, length, form, text in insns:
        print(f"  +{at:4} {'nop' if int(at) in gone else text}")
    return bool(wrong)


def main():
    p = argparse.ArgumentParser(usage="see run.sh")
    p.add_argument("--minutes", type=float, default=1)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--build", default="build/dev")
    p.add_argument("--least", type=int, default=1000)
    p.add_argument("--case")
    args = p.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tools = Tools(os.path.abspath(args.build), folder)
        sys.exit(one_case(tools, args.case) if args.case else fuzz(tools, args))


main()
