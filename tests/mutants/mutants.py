"""Plants bugs and looks whether the tests see them.

    run.sh [MODULE...]      folders of src; all that bugs are planted in, if none is named
        --count N           mutants in all, or of each module that is named   (160; 20)
        --seed N            another choice of them                             (1)
        --jobs N            trees that are worked on at the same time          (2)
        --seconds N         of tests for one mutant, cheapest first            (240)
        --minutes N         begins no mutant after that                        (170)
        --without REGEX     leaves out tests: for a look, their score is too low
    run.sh --only ID...     these mutants alone, whatever was found before
    run.sh --list MODULE... every mutant with its ID
    run.sh --check          do the mutants in equivalent.txt still have a place?

Prints each survivor with its diff, and the score by module; status 0 if at least 95 of 100
were caught. What was found is kept in build/mutants: a run that was interrupted goes on,
and one with better tests tries the survivors alone.
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
from mutate import Mutant, all_mutants, chosen, functions
from tree import BuildFailed, Tree, copy

MODULES = ["translator", "cache", "mmu", "cpu", "monitor", "devices", "machine", "verify"]
GOAL = 95
# No debug information: objects that are equal are the same program.
FLAGS = "-O2"


def say(*what):
    print(*what, flush=True)


def equivalents(path):
    """The mutants that no test can see: {id: (mutant, reason)}."""
    known = {}
    for entry in re.split(r"\n\s*\n", path.read_text() if path.exists() else ""):
        entry = re.sub(r"^#.*\n?", "", entry, flags=re.M).strip("\n")
        if not entry:
            continue
        m = re.fullmatch(r"(\S+) (\w+)(?: \(occurrence (\d+)\))?\n-(.*)\n\+(.*)\n(.+)", entry, re.S)
        if not m:
            raise SystemExit(f"{path}: not an entry: {entry}")
        mutant = Mutant(m[1], m[2], "", m[4].strip(), m[5].strip(), int(m[3] or 1) - 1)
        known[mutant.id()] = (mutant, m[6].strip())
    return known


def check_equivalents(root, path):
    stale = []
    for mutant, _ in equivalents(path).values():
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
            more_tests = r["key"] != self.cover.key or (r["left"] and r["seconds"] < self.seconds)
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
            if wrong is not None:
                object_ = tree.object_of(mutant.file)
                path.write_text(right)
                tree.make(object_)
                before = (tree.build / object_).read_bytes()
                path.write_text(wrong)
                tree.make(object_)
                if (tree.build / object_).read_bytes() == before:
                    result = dict(found="same")
                else:
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

    def test(self, tree, mutant, right):
        line = mutant.line(right)
        f = next(f for f in functions(mutant.file, right)
                 if f.name == mutant.function and line in range(f.first, f.first + len(f.lines)))
        tests = [t for t in self.cover.tests_of(mutant.file, mutant.function, line - f.first)
                 if t in tree.tests and not self.without.match(t)]
        spent = ran = 0
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
            if verdict != "passed":
                return dict(found="caught", test=name, how=verdict, ran=ran)
        return dict(found="survived", ran=ran, left=len(tests) - ran)

    def modules(self, count, until):
        """Tries mutants until so many of each module count: {module: (mutants, skipped)}."""
        candidates = {m: chosen(self.root, m, self.seed) for m in count}
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
            say(f"\nsurvivor {m.id()} ({m.kind}; {r['ran']} tests{left})\n{m.diff()}")
        say(f"\n{'module':<12}{'mutants':>8}{'caught':>8}{'score':>8}   not counted: same code, "
            "known as equivalent, no program")
        total = caught = 0
        for name, (ms, skipped) in modules.items():
            n = sum(self.results[m.id()]["found"] == "caught" for m in ms)
            total, caught = total + len(ms), caught + n
            say(f"{name:<12}{len(ms):>8}{n:>8}{100 * n / max(len(ms), 1):>7.1f}%   "
                f"{skipped['same']}, {skipped['known']}, {skipped['invalid']}")
        score = 100 * caught / max(total, 1)
        say(f"{'all':<12}{total:>8}{caught:>8}{score:>7.1f}%")
        return score


def quotas(root, count):
    """Mutants by module: as its lines, but eight at least."""
    size = {m: sum(len(p.read_text().splitlines()) for p in Path(root, "src", m).rglob("*.c")
                   if "tour" not in p.parts) for m in MODULES}
    return {m: max(8, round(count * size[m] / sum(size.values()))) for m in MODULES}


def main():
    p = argparse.ArgumentParser(usage="\n" + __doc__)
    p.add_argument("modules", nargs="*")
    p.add_argument("--count", type=int)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--jobs", type=int, default=min(2, os.cpu_count()))
    p.add_argument("--seconds", type=float, default=240)
    p.add_argument("--minutes", type=float, default=170)
    p.add_argument("--without", default="(?!)")
    p.add_argument("--only", action="store_true")
    p.add_argument("--list", action="store_true")
    p.add_argument("--check", action="store_true")
    args = p.parse_args()
    root = Path(__file__).resolve().parents[2]
    list_ = Path(__file__).parent / "equivalent.txt"
    if args.check:
        return check_equivalents(root, list_)
    if not args.only and set(args.modules) - set(MODULES):
        p.error(f"modules are {' '.join(MODULES)}")
    if args.list:
        for m in args.modules or MODULES:
            for of_function in all_mutants(root, m).values():
                for mutant in of_function:
                    say(mutant.id(), mutant.kind, mutant.diff().replace("\n", "\n\t"))
        return 0
    begun = time.monotonic()
    run = Run(root, root / "build" / "mutants", args.seed, args.jobs, args.seconds,
              equivalents(list_), args.without)
    if args.only:
        wanted = [m for name in MODULES for ms in all_mutants(run.root, name).values() for m in ms
                  if m.id() in args.modules]
        run.prepare()
        for mutant in wanted:
            say(mutant.id(), run.attempt(mutant))
        return 0
    count = quotas(run.root, args.count or 160)
    if args.modules:
        count = {m: args.count or 20 for m in args.modules}
    check_equivalents(run.root, list_)
    run.prepare()
    until = begun + 60 * args.minutes
    score = run.report(run.modules(count, until))
    return 0 if score >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
