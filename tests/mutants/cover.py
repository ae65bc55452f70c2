"""Which lines each test runs, gathered once for a source and kept."""

import contextlib
import hashlib
import json
import re
import shutil
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mutate import functions
from tree import Tree

LONGEST = 400       # seconds; a longer test tells too little for its time
FRESH = 0.2         # the part of our functions that may have changed since
HEAD = 4            # lines of a function before its body
FLAGS = "-O1 -g -fno-reorder-blocks -fsanitize-coverage=trace-pc"


def digest(data):
    return hashlib.sha256(data).hexdigest()


def source_functions(root):
    """{file: the functions in it} of all that bugs are planted in."""
    return {str(p.relative_to(root)): functions(str(p.relative_to(root)), p.read_text())
            for p in sorted((root / "src").rglob("*.[ch]"))}


class Blocks:
    """The basic blocks of a program, each by its first address, and the lines in each."""

    def __init__(self, program):
        code = subprocess.run(["objdump", "-dl", "--no-show-raw-insn", program], check=True,
                              capture_output=True, text=True).stdout
        self.lines = {}
        block = line = None
        begins = False
        for text in code.splitlines():
            if m := re.match(r" *([0-9a-f]+):\t(.*)", text):
                if begins:
                    block = self.lines.setdefault(int(m[1], 16), set())
                if block is not None and line:
                    block.add(line)
                begins = "__sanitizer_cov_trace_pc" in m[2]
            elif text.startswith("/"):
                m = re.match(r".*/(src/[\w./]+):(\d+)", text)
                line = (m[1], int(m[2])) if m else None
            elif text.endswith(">:"):
                block = None

    def ran(self, hits):
        """The lines in these blocks."""
        return set().union(*(self.lines.get(start, ()) for start in hits))


class Cover:
    """Lines are kept by function and from its start, so that they hold while other functions
    change; all is gathered anew when many have changed."""

    def __init__(self, root, where):
        self.root, self.where = Path(root), Path(where)
        self.file = self.where / "cover.json"
        self.seconds = {}       # by test
        self.programs = {}      # by test: what it runs that is ours
        self.tests = {}         # by (file, function) and line: the tests that run it
        self.failed = {}        # by test, those that do not pass as things are
        self.key = ""           # of the tests

    def gather(self, jobs, say, without):
        source = source_functions(self.root)
        now = [digest("\n".join((f, g.name, *g.lines)).encode()) for f in source for g in source[f]]
        old = json.loads(self.file.read_text()) if self.file.exists() else {}
        fresh = set(now) - set(old.get("source", ()))
        kept = old.get("tests", {}) if len(fresh) < FRESH * len(now) else {}
        now = old["source"] if kept else now
        self.where.mkdir(parents=True, exist_ok=True)
        record = self.where / "record.o"
        subprocess.run(["cc", "-O2", "-c", "-o", record, Path(__file__).parent / "cover.c"], check=True)
        tree = Tree(self.root, self.where / "cover", FLAGS, str(record))
        tree.prepare(jobs)

        tests = list(tree.tests.values())
        key = self.keys(tests)
        kept = {t.name: kept[t.name] for t in tests
                if t.name in kept and kept[t.name]["key"] == key[t.name]
                and kept[t.name]["verdict"] == "passed"}
        missing = [t for t in tests if t.name not in kept and not without.match(t.name)]
        if missing:
            say(f"coverage: {len(missing)} tests to run")
        blocks, locks, guard = {}, {}, threading.Lock()
        place = {(file, f.first + i): (f.name, i) for file in source for f in source[file]
                 for i in range(-HEAD, len(f.lines) + 1)}

        def one(test):
            with contextlib.ExitStack() as held:
                for name in sorted(test.locks):
                    with guard:
                        lock = locks.setdefault(name, threading.Lock())
                    held.enter_context(lock)
                return test, *self.record(tree, test)

        def put(test, verdict, seconds, hits):
            ran = {}
            for program, here in hits.items():
                if program not in blocks:
                    blocks[program] = Blocks(tree.build / program)
                for file, line in blocks[program].ran(here):
                    if (file, line) in place:
                        function, at = place[file, line]
                        ran.setdefault(f"{file} {function}", set()).add(at)
            kept[test.name] = dict(key=key[test.name], verdict=verdict, seconds=round(seconds, 2),
                                   programs=sorted(hits), ran={f: sorted(ran[f]) for f in ran})
            self.file.write_text(json.dumps(dict(source=now, tests=kept)))

        with ThreadPoolExecutor(jobs) as pool:
            for result in pool.map(one, sorted((t for t in missing if not t.alone),
                                               key=lambda t: t.timeout)):
                put(*result)
        for t in missing:
            if t.alone:
                put(*one(t))
        self.read(kept)
        self.key = digest("".join(kept[t]["key"] for t in sorted(kept)).encode())

    def keys(self, tests):
        """What each test is made of: the files of the folders that it names, but those that
        are named after other tests."""
        files = {}
        for p in sorted((self.root / "tests").rglob("*")):
            if p.is_file() and "__pycache__" not in p.parts and p.name != "CMakeLists.txt":
                files.setdefault(p.relative_to(self.root / "tests").parts[0], []).append(
                    (p.stem, digest(p.read_bytes())))
        named = {t.name.rpartition(".")[2] for t in tests}
        key = {}
        for t in tests:
            command = f"{t.name} {' '.join(t.command)}"
            words = set(re.findall(r"[\w-]+", command))
            key[t.name] = digest("".join(
                d for folder in files if folder == t.name.split(".")[0] or f"/tests/{folder}" in command
                for stem, d in files[folder] if stem in words or stem not in named).encode())
        return key

    def record(self, tree, test):
        """Runs a test; returns its verdict, seconds, and the blocks that it ran by program."""
        maps = self.where / "maps" / test.name
        shutil.rmtree(maps, ignore_errors=True)
        maps.mkdir(parents=True)
        maps.chmod(0o777)
        verdict, seconds = tree.run(test, LONGEST, COVER_DIR=str(maps))
        hits = {}
        for m in maps.iterdir():
            program = Path(m.name.replace("|", "/"))
            if not program.is_relative_to(tree.build):      # a copy of it
                program = tree.build / program.name
            if program.exists():
                ran = re.finditer(b"\1", m.read_bytes())
                hits[str(program.relative_to(tree.build))] = [b.start() for b in ran]
        shutil.rmtree(maps)
        return verdict, seconds, hits

    def read(self, entries):
        for name, e in entries.items():
            if e["verdict"] != "passed":
                self.failed[name] = e["verdict"]
                continue
            self.seconds[name] = e["seconds"]
            self.programs[name] = e["programs"]
            for function, lines in e["ran"].items():
                for line in lines:
                    self.tests.setdefault(function, {}).setdefault(line, set()).add(name)

    def tests_of(self, file, function, at):
        """The tests that run a function's line, cheapest first.  A line that is part of a longer
        statement may have no code: then the line above counts, or in the end the function."""
        by_line = self.tests.get(f"{file} {function}", {})
        line = next((l for l in range(at, -HEAD - 1, -1) if l in by_line), None)
        found = by_line[line] if line is not None else set().union(*by_line.values())
        return sorted(found, key=lambda t: (self.seconds[t], t))

    def tests_of_file(self, file):
        """The tests that run any line of it, cheapest first."""
        found = set().union(*(names for function, by_line in self.tests.items()
                              if function.split()[0] == file for names in by_line.values()))
        return sorted(found, key=lambda t: (self.seconds[t], t))
