"""Plants bugs and looks whether the tests see them.

    run.sh [MODULE...]      folders of src; all that bugs are planted in, if none is named
        --count N           mutants in all, or of each module that is named   (160; 20)
        --seed N            another choice of them                             (1)
        --jobs N            trees that are worked on at the same time          (2)
        --seconds N         of tests for one mutant, cheapest first            (240)
        --minutes N         begins no mutant after that                        (170)
        --without REGEX     leaves out tests: for a look, their score is too low
    run.sh --planted        the mutants in planted.txt, of all folders or of those that are named
    run.sh --only ID...     these mutants alone, whatever was found before
    run.sh --list MODULE... every mutant with its ID
    run.sh --check          do the mutants in equivalent.txt and planted.txt still have a place?

Prints each survivor with its diff, and the score by module; status 0 if at least 95 of 100
were caught. A mutant is caught by a test that fails or hangs with it, and passes without it
right afterwards: what a busy host does to a test catches nothing. What was found is kept in
build/mutants: a run that was interrupted goes on, and one with better tests tries the survivors
alone.
"""

import argparse
import fcntl
import json
import os
import queue
import re
import sys
import threading
import time
from pathlib import Path

from cover import Cover
from mutate import ANYWHERE, Mutant, all_mutants, chosen, functions
from tree import BuildFailed, Tree, copy

MODULES = ["translator", "cache", "mmu", "cpu", "monitor", "devices", "machine", "verify"]
GOAL = 95
# No debug information: objects that are equal are the same program.
FLAGS = "-O2"


def say(*what):
    print(*what, flush=True)


def read_list(path):
    """The mutants in a file, each with what is said of it: {id: (mutant, text)}."""
    known = {}
    for entry in re.split(r"\n\s*\n", path.read_text() if path.exists() else ""):
        entry = re.sub(r"^#.*\n?", "", entry, flags=re.M).strip("\n")
        if not entry:
            continue
        m = re.fullmatch(r"(\S+) (\w+|\*)(?: \(occurrence (\d+)\))?\n-([^\n]*)\n\+([^\n]*)(?:\n(.+))?",
                         entry, re.S)
        if not m:
            raise SystemExit(f"{path}: not an entry: {entry}")
        mutant = Mutant(m[1], m[2], "", m[4].strip(), m[5].strip(), int(m[3] or 1) - 1)
        known[mutant.id()] = (mutant, (m[6] or "").strip())
    return known


def check_list(root, path):
    stale = []
    for mutant, _ in read_list(path).values():
        file = Path(root, mutant.file)
        if not file.exists() or mutant.apply(file.read_text()) is None:
            stale.append(mutant)
    for mutant in stale:
        say(f"{path.name}: no place any more for\n{mutant.diff()}")
    return 1 if stale else 0


class Run:
    def __init__(self, root, where, seed, jobs, seconds, known=None, without="(?!)"):
        # As it is now, whatever is edited during the hours that follow.
        self.where = Path(where)
        self.where.mkdir(parents=True, exist_ok=True)
        self.lock = open(self.where / "lock", "w")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit(f"mutants.py: another run is at work in {self.where}")
        self.root = self.where / "source"
        copy(Path(root), self.root)
        self.without = re.compile(without)
        self.seed, self.jobs, self.seconds = seed, jobs, seconds
        self.known = known or {}
        self.cover = Cover(self.root, where)
        self.file = self.where / "results.json"
        self.results = json.loads(self.file.read_text()) if self.file.exists() else {}
        self.guard = threading.Lock()
        self.trees = queue.Queue()

    def prepare(self):
        self.cover.gather(self.jobs, say, self.without)
        for name, verdict in sorted(self.cover.failed.items()):
            say(f"left out: {name} {verdict} with no bug planted")
        for i in range(self.jobs):
            tree = Tree(self.root, self.where / f"tree{i}", FLAGS)
            tree.prepare(self.jobs)
            self.trees.put(tree)

    def old(self, mutant):
        """What was found before, if it still holds."""
        r = self.results.get(mutant.id())
        if r and r["found"] == "survived":
            more_tests = r["key"] != self.cover.key or r["busy"] or \
                (r["left"] and r["seconds"] < self.seconds)
            return None if more_tests else r
        return r

    def attempt(self, mutant):
        """Tries one mutant in a tree that is free.  found: caught, survived, same (the
        compiler makes the same of it), or invalid (it does not build)."""
        tree = self.trees.get()
        begun = time.monotonic()
        path = tree.path / mutant.file
        right = (self.root / mutant.file).read_text()
        result = dict(found="invalid")
        try:
            wrong = mutant.apply(right)
            if wrong is not None and self.is_same(tree, mutant, right, wrong):
                result = dict(found="same")
            elif wrong is not None:
                path.write_text(wrong)
                result = self.test(tree, mutant, right)
        except BuildFailed:
            pass
        finally:
            path.write_text(right)
            self.trees.put(tree)
        result.update(file=mutant.file, diff=mutant.diff(), key=self.cover.key, seconds=self.seconds,
                      took=round(time.monotonic() - begun, 1))
        with self.guard:
            self.results[mutant.id()] = result
            new = self.file.with_suffix(".new")
            new.write_text(json.dumps(self.results, indent=0))
            new.replace(self.file)
        if result["found"] in ("caught", "survived"):
            by = result.get("test", "nothing")
            say(f"{mutant.id()} {mutant.file}:{mutant.function} {mutant.kind}: "
                f"{result['found']} by {by}, {result['took']:.0f} s")
        return result["found"]

    def is_same(self, tree, mutant, right, wrong):
        """Does the compiler make the same of it?  Of a header it makes nothing by itself."""
        if mutant.file.endswith(".h"):
            return False
        object_, path = tree.object_of(mutant.file), tree.path / mutant.file
        made = []
        for text in (right, wrong):
            path.write_text(text)
            tree.make(object_)
            made.append((tree.build / object_).read_bytes())
        return made[0] == made[1]

    def passes_without(self, tree, mutant, right, name, limit):
        """Does the test pass, as things are on this host now, when no bug is there?"""
        path = tree.path / mutant.file
        wrong = path.read_text()
        path.write_text(right)
        tree.make(*self.cover.programs[name])
        passes = tree.run(tree.tests[name], limit)[0] == "passed"
        path.write_text(wrong)
        return passes

    def tests_of(self, mutant, right):
        if mutant.function == ANYWHERE:
            return self.cover.tests_of_file(mutant.file)
        line = mutant.line(right)
        f = next(f for f in functions(mutant.file, right)
                 if f.name == mutant.function and line in range(f.first, f.first + len(f.lines)))
        return self.cover.tests_of(mutant.file, mutant.function, line - f.first)

    def test(self, tree, mutant, right):
        tests = [t for t in self.tests_of(mutant, right)
                 if t in tree.tests and not self.without.match(t)]
        spent = ran = busy = 0
        for name in tests:
            usual = self.cover.seconds[name]
            if spent + usual > self.seconds:
                break
            tree.make(*self.cover.programs[name])
            limit = max(20, 10 + 8 * usual)
            verdict, seconds = tree.run(tree.tests[name], limit)
            if verdict == "failed":     # and again: a busy host alone is no catch
                verdict = tree.run(tree.tests[name], limit)[0]
            spent += seconds
            ran += 1
            if verdict == "passed":
                continue
            if self.passes_without(tree, mutant, right, name, limit):
                return dict(found="caught", test=name, how=verdict, ran=ran)
            busy += 1
        return dict(found="survived", ran=ran, left=len(tests) - ran, busy=busy)

    def modules(self, count, until, candidates=None):
        """Tries mutants until so many of each module count: {module: (mutants, skipped)}."""
        candidates = candidates or {m: chosen(self.root, m, self.seed) for m in count}
        found = {m: ([], dict(same=0, invalid=0, known=0)) for m in count}
        at_work = dict.fromkeys(count, 0)
        guard = threading.Lock()

        def put(module, mutant, what):
            counted, skipped = found[module]
            if what in skipped:
                skipped[what] += 1
            else:
                counted.append(mutant)

        def take():
            """The next mutant that is to be tried; (None, None) when there is none at the moment."""
            for m in count:
                while len(found[m][0]) + at_work[m] < count[m]:
                    mutant = next(candidates[m], None)
                    if not mutant:
                        break
                    r = self.old(mutant)
                    if mutant.id() in self.known:
                        put(m, mutant, "known")
                    elif r:
                        put(m, mutant, r["found"])
                    else:
                        at_work[m] += 1
                        return m, mutant
            return None, None

        def work():
            while time.monotonic() < until:
                with guard:
                    m, mutant = take()
                    if not m and not any(at_work.values()):
                        return
                if not m:
                    time.sleep(0.2)     # for what the others make of theirs
                    continue
                what = self.attempt(mutant)
                with guard:
                    at_work[m] -= 1
                    put(m, mutant, what)

        workers = [threading.Thread(target=work) for _ in range(self.jobs)]
        for w in workers:
            w.start()
        for w in workers:
            w.join()
        return found

    def report(self, modules):
        """modules: {name: (mutants, skipped)}.  Returns the share that was caught, in percent."""
        survivors = [m for ms, _ in modules.values() for m in ms
                     if self.results[m.id()]["found"] == "survived"]
        for m in survivors:
            r = self.results[m.id()]
            left = f", {r['left']} dearer ones left out" if r["left"] else ""
            left += f", {r['busy']} failed without it, too" if r["busy"] else ""
            say(f"\nsurvivor {m.id()} ({m.kind}; {r['ran']} tests{left})\n{m.diff()}")
        say(f"\n{'module':<12}{'mutants':>8}{'caught':>8}{'hung':>8}{'score':>8}   not counted: same "
            "code, known as equivalent, no program")
        total = caught = hung = 0
        for name, (ms, skipped) in modules.items():
            how = [r["how"] for r in (self.results[m.id()] for m in ms) if r["found"] == "caught"]
            n, hangs = len(how), how.count("timeout")
            total, caught, hung = total + len(ms), caught + n, hung + hangs
            say(f"{name:<12}{len(ms):>8}{n:>8}{hangs:>8}{100 * n / max(len(ms), 1):>7.1f}%   "
                f"{skipped['same']}, {skipped['known']}, {skipped['invalid']}")
        score = 100 * caught / max(total, 1)
        say(f"{'all':<12}{total:>8}{caught:>8}{hung:>8}{score:>7.1f}%")
        return score


def quotas(root, count):
    """Mutants by module: as its lines, but eight at least."""
    size = {m: sum(len(p.read_text().splitlines()) for p in Path(root, "src", m).rglob("*.c")
                   if "tour" not in p.parts) for m in MODULES}
    return {m: max(8, round(count * size[m] / sum(size.values()))) for m in MODULES}


def planted_in(path, modules):
    """{module: the mutants of planted.txt in it}."""
    found = {}
    for mutant, _ in read_list(path).values():
        module = mutant.file.split("/")[1]
        if not modules or module in modules:
            found.setdefault(module, []).append(mutant)
    return found


def main():
    p = argparse.ArgumentParser(usage="\n" + __doc__)
    p.add_argument("modules", nargs="*")
    p.add_argument("--count", type=int)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--jobs", type=int, default=min(2, os.cpu_count()))
    p.add_argument("--seconds", type=float, default=240)
    p.add_argument("--minutes", type=float, default=170)
    p.add_argument("--without", default="(?!)")
    p.add_argument("--planted", action="store_true")
    p.add_argument("--only", action="store_true")
    p.add_argument("--list", action="store_true")
    p.add_argument("--check", action="store_true")
    args = p.parse_args()
    root = Path(__file__).resolve().parents[2]
    equivalent, planted = (Path(__file__).parent / f for f in ("equivalent.txt", "planted.txt"))
    if args.check:
        return check_list(root, equivalent) | check_list(root, planted)
    if not (args.only or args.planted) and set(args.modules) - set(MODULES):
        p.error(f"modules are {' '.join(MODULES)}")
    if args.list:
        for m in args.modules or MODULES:
            for of_function in all_mutants(root, m).values():
                for mutant in of_function:
                    say(mutant.id(), mutant.kind, mutant.diff().replace("\n", "\n\t"))
        return 0
    begun = time.monotonic()
    run = Run(root, root / "build" / "mutants", args.seed, args.jobs, args.seconds,
              read_list(equivalent), args.without)
    if args.only:
        wanted = [m for name in MODULES for ms in all_mutants(run.root, name).values() for m in ms
                  if m.id() in args.modules]
        wanted += [m for m, _ in read_list(planted).values() if m.id() in args.modules]
        run.prepare()
        for mutant in wanted:
            say(mutant.id(), run.attempt(mutant))
        return 0
    count = quotas(run.root, args.count or 160)
    candidates = None
    if args.planted:
        candidates = planted_in(planted, args.modules)
        count = {m: len(candidates[m]) for m in candidates}
        candidates = {m: iter(candidates[m]) for m in candidates}
    elif args.modules:
        count = {m: args.count or 20 for m in args.modules}
    check_list(run.root, equivalent)
    run.prepare()
    until = begun + 60 * args.minutes
    score = run.report(run.modules(count, until, candidates))
    return 0 if score >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
