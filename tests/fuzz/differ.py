"""The differential tester: see run.sh.

A batch is a pack of cases (tests/asm: asmpack) of one group and seed.  The runner
`native` executes it on this processor, a guest kernel under unring at CPL 3;
asmcmp compares what they print, and forms counts which rows of the translator's
table were run.  The groups `forms` and `forms16` go through all rows of the generator."""
import argparse
import collections
import concurrent.futures
import os
import re
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
CPU = "n270"  # the model with most instructions
# Group: cases in a batch, bound by the space for their code.
SIZES = {"forms": 60000, "forms16": 60000, "sequence": 40000, "sequence16": 40000,
         "program": 4000, "smc": 4000, "segment": 8000}
# What a run goes through again and again; "" is the next of OTHERS.
ROUNDS = ["forms", "forms16", "sequence", "forms", "forms16", "sequence16", "", ""]
OTHERS = ["program", "smc", "segment", "string", "x87", "sse"]

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
ALTERNATIVE = re.compile(r"alternative: (.*): (\d+) the same, (\d+) other: (.*)")

Row = collections.namedtuple("Row", "name text ident")


class Tools:
    reference = None  # another unring, in the processor's place

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

    def guest(self, unring, pack, out):
        """A pack's cases under unring; '' or what went wrong."""
        done = subprocess.run(
            ["timeout", "600", unring, "run", "--kernel", self.asm + "/kernel.elf",
             "--module", pack, "--debugcon", self.path(out), "--debug-exit",
             "--no-reboot", "--serial", "none", "--cpu", CPU, "--memory", "64M", "--append", "cases"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True)
        return "" if done.returncode == 33 else \
            f"unring ended with {done.returncode}: {done.stderr[:400]}"

    def run(self, pack, trial="", guest=None):
        """Both runs, in the guest of another pack if there is one; '' or what went wrong."""
        wrong = ""
        if self.reference:
            wrong = self.guest(self.reference, pack, trial + "native")
        else:
            with open(self.path(trial + "native"), "wb") as f:
                done = subprocess.run([self.asm + "/native", pack], stdout=f)
            if done.returncode:
                wrong = f"native ended with {done.returncode}"
        return wrong or self.guest(self.unring, guest or pack, trial + "unring")

    def compare(self, pack, trial=""):
        """The lines of cases that differ, and the numbers of those in undefined flags only;
        self.met: how often what the manuals leave to the processor was met, and differed."""
        undefined = self.path("undefined")
        done = subprocess.run(
            [self.asm + "/asmcmp", "--first", "1000000", "--undefined", undefined, pack,
             self.path(trial + "native"), self.path(trial + "unring")],
            capture_output=True, text=True)
        if done.returncode not in (0, 1):
            sys.exit(done.stderr)
        lines = [l for l in done.stdout.splitlines() if " | " in l or l.startswith("end:")]
        self.met = {(m[1], m[4]): (int(m[2]), int(m[3]))
                    for m in map(ALTERNATIVE.fullmatch, done.stdout.splitlines()) if m}
        with open(undefined) as f:
            return lines, [int(l) for l in f]

    def rows(self):
        out = subprocess.run([self.forms, "--rows"], check=True, capture_output=True, text=True)
        rows = {}
        for line in out.stdout.splitlines():
            n, name, opmap, opcode, digit, prefix, mod, *_, ident = line.split("|")
            text = {"0": "", "1": "0f ", "2": "0f 38 ", "3": "0f 3a "}[opmap] + opcode
            text = {"6": "66 ", "3": "f3 ", "2": "f2 "}.get(prefix, "") + text
            text += f" /{digit}" if digit != "-1" else ""
            text += {"m": " mem", "r": " reg"}.get(mod, "")
            rows[int(n)] = Row(name, text, ident == "I")
        return rows

    def count(self, pack):
        out = subprocess.run([self.forms, pack, self.path("native")], check=True,
                             capture_output=True, text=True)
        return {int(a): int(b) for a, b in (l.split() for l in out.stdout.splitlines())}

    def listing(self, pack, number):
        out = subprocess.run([self.forms, "--list", pack, str(number)], check=True,
                             capture_output=True, text=True)
        return [l.split(" ", 3) for l in out.stdout.splitlines()]


class Batch:
    """What one batch has shown: counters by form, and lines to print."""

    def __init__(self, number, seed):
        group = ROUNDS[number % len(ROUNDS)]
        if not group:
            blanks = ROUNDS.count("")
            nth = number // len(ROUNDS) * blanks + ROUNDS[:number % len(ROUNDS)].count("")
            group = OTHERS[nth % len(OTHERS)]
        self.group, self.seed, self.size = group, seed + number, SIZES.get(group, 60000)
        self.total = 0
        self.counts, self.undefined = collections.Counter(), collections.Counter()
        self.differ = collections.Counter()
        self.same, self.other = collections.Counter(), collections.Counter()
        self.problems, self.lines = [], []

    def add(self, other):
        self.total += other.total
        for name in ("counts", "undefined", "differ", "same", "other"):
            getattr(self, name).update(getattr(other, name))
        self.problems += other.problems

    def wrong(self, number, form, text):
        self.differ[form] += 1
        self.lines.append(f"--case {self.group}:{self.seed}:{number}  {text[:400]}")

    def run(self, build, rows):
        with tempfile.TemporaryDirectory() as folder:
            self.run_in(Tools(build, folder), rows)
        return self

    def run_in(self, tools, rows):
        pack = tools.path("pack")
        tools.pack(self.group, self.seed, self.size, pack)
        wrong = tools.run(pack)
        if wrong:
            self.problems.append(f"{self.group} seed {self.seed}: {wrong}")
            return
        lines, only_undefined = tools.compare(pack)
        for what, (same, other) in tools.met.items():
            self.same[what] += same
            self.other[what] += other
        self.counts = tools.count(pack)
        self.total = self.size
        for number in only_undefined:
            forms = [int(i[2]) for i in tools.listing(pack, number)]
            if all(f in rows and rows[f].ident for f in forms):
                self.wrong(number, forms[0], "undefined flags of what runs as it is")
            else:
                self.undefined[forms[0]] += 1
        for line in lines:
            if line.startswith("end:"):
                self.problems.append(f"{self.group} seed {self.seed}: "
                                     f"memory outside the windows: {line}")
                continue
            number = int(line.split(None, 1)[0])
            self.wrong(number, int(tools.listing(pack, number)[0][2]), line)


def batches(args, run):
    """The batches in order, args.jobs of them at a time, until time or rounds are over."""
    end = time.time() + args.minutes * 60
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        waiting, number = collections.deque(), 0
        while True:
            more = number < args.rounds if args.rounds else time.time() < end
            if more and len(waiting) < args.jobs:
                waiting.append(pool.submit(run, Batch(number, args.seed)))
                number += 1
            elif waiting:
                yield waiting.popleft().result()
            else:
                return


def fuzz(args):
    build, start = os.path.abspath(args.build), time.time()
    rows = Tools(build, "").rows()
    wanted = [n for n, row in rows.items() if row.name not in EXCLUDED]
    sum_, done, shown = Batch(0, args.seed), 0, 0
    for batch in batches(args, lambda b: b.run(build, rows)):
        sum_.add(batch)
        done += 1
        for line in batch.lines[:max(0, 50 - shown)] + batch.problems:
            print(line, flush=True)
        shown += len(batch.lines)
    print(f"{'form':30} {'encoding':18} {'cases':>9} {'differ':>7} {'undefined':>9}")
    for n, row in list(rows.items()) + [(-1, Row("(not in the table)", "", False))]:
        print(f"{row.name:30} {row.text:18} {sum_.counts[n]:9} {sum_.differ[n]:7} "
              f"{sum_.undefined[n]:9}"
              + (f"  not compared: {EXCLUDED[row.name]}" if row.name in EXCLUDED else ""))
    print("left to the processor (tests/asm/alternatives.c): as this one does, other, question")
    for what in sorted(sum_.same | sum_.other):
        print(f"{sum_.same[what]:9} {sum_.other[what]:7}  {what[0]} ({what[1]})")
    short = [n for n in wanted if sum_.counts[n] < args.least]
    for n in short:
        print(f"fewer than {args.least} cases: {rows[n].name} ({rows[n].text}): {sum_.counts[n]}")
    least = min(wanted, key=lambda n: sum_.counts[n])
    seconds = time.time() - start
    print(f"seeds {args.seed} to {args.seed + done - 1}: {sum_.total} cases in {done} batches, "
          f"{sum_.total / seconds:.0f} a second; {len(wanted)} forms, the least "
          f"{sum_.counts[least]} ({rows[least].name} {rows[least].text}), {len(short)} with fewer "
          f"than {args.least}; {sum_.differ.total()} cases differ, {sum_.other.total()} as another processor, "
          f"{sum_.undefined.total()} in undefined flags only; {len(sum_.problems)} failed batches")
    return bool(short or sum_.problems or sum_.differ.total())


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


def differs(tools, pack, number, blank, planted=()):
    """What differs when `blank` is left out, and `planted` in the guest alone."""
    one, guest = tools.path("one"), tools.path("one.planted")
    only(pack, number, one, blank)
    only(pack, number, guest, list(blank) + list(planted))
    wrong = tools.run(one, "one.", guest)
    return wrong or tools.compare(one, "one.")[0]


def fields_of(path):
    with open(path) as f:
        for line in f:
            if re.match(r"\d+ ", line):
                return dict(w.split("=", 1) for w in line.split()[1:])
    return {}


def minimize(tools, pack, number, planted=()):
    """The instructions (offset, length) that can be left out while the case still differs."""
    insns = [(int(at), int(length)) for at, length, *_ in tools.listing(pack, number)]
    blank, before = [], None
    while blank != before:
        before = list(blank)
        for insn in reversed(insns):
            trial = blank + [insn]
            if insn not in blank and len(trial) < len(insns) and \
                    differs(tools, pack, number, trial, planted):
                blank = trial
    return blank


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
    blank = minimize(tools, pack, number) if wrong else []
    print("alike" if not wrong else "\nthe least that differs:" if blank
          else "\nnothing can be left out:")
    gone = {at for at, _ in blank}
    for at, _, _, text in tools.listing(pack, number):
        print(f"  +{at:4} {'nop' if int(at) in gone else text}")
    return bool(wrong)


def self_test(tools):
    """A sequence of which the guest runs one instruction less: seen, and found by minimizing."""
    pack, found = tools.path("pack"), 0
    tools.pack("sequence", 1, 100, pack)
    for number in range(100):
        insns = [(int(at), int(length)) for at, length, *_ in tools.listing(pack, number)]
        planted = insns[len(insns) // 2]
        if differs(tools, pack, number, []):
            sys.exit(f"self-test: case {number} differs by itself")
        # What has no effect, or is not reached, cannot be missed.
        if len(insns) < 6 or not differs(tools, pack, number, [], [planted]):
            continue
        blank = minimize(tools, pack, number, [planted])
        if planted in blank:
            sys.exit(f"self-test: case {number}: the planted instruction was left out")
        print(f"case {number}: {len(blank)} of {len(insns)} instructions left out")
        found += bool(blank)
        if found == 3:
            return 0
    sys.exit("self-test: too few planted differences were seen")


def runs_32_bits(tools):
    """Does this host run 32-bit programs?"""
    try:
        return subprocess.run([tools.asm + "/native", "--there"]).returncode == 0
    except OSError:
        return False


def main():
    p = argparse.ArgumentParser(usage="see run.sh")
    p.add_argument("--minutes", type=float, default=1)
    p.add_argument("--rounds", type=int)
    p.add_argument("--jobs", type=int, default=1)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--build", default="build/dev")
    p.add_argument("--least", type=int, default=1000)
    p.add_argument("--groups")
    p.add_argument("--case")
    p.add_argument("--self-test", action="store_true")
    p.add_argument("--reference")
    args = p.parse_args()
    Tools.reference = args.reference
    if args.groups:
        ROUNDS[:] = args.groups.split(",")
        if unknown := set(ROUNDS) - set(SIZES) - set(OTHERS):
            p.error(f"no such group: {', '.join(sorted(unknown))}")
    if not args.reference and not runs_32_bits(Tools(os.path.abspath(args.build), "")):
        print("skipped: this host runs no 32-bit programs, nothing to compare with")
        sys.exit(77)
    if not args.case and not args.self_test:
        sys.exit(fuzz(args))
    with tempfile.TemporaryDirectory() as folder:
        tools = Tools(os.path.abspath(args.build), folder)
        sys.exit(one_case(tools, args.case) if args.case else self_test(tools))


main()
