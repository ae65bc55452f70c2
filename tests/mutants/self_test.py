"""The mutation tester on a program of its own, and the mutator on ours."""

import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mutants
from mutate import ANYWHERE, Mutant, all_mutants, chosen, functions
from tree import Test, Tree

ROOT = Path(__file__).resolve().parents[2]

SOURCE = """\
#include "toy/toy.h"

/* Not in here: a < b. */
static const int most[] = {100};

static int limit(int n)
{
	if (n < 10)
		return n;
	return 10;
}

int toy_sum(const int *v, int n)
{
	int sum = 0;

	for (int i = 0; i < limit(n); i++)
		sum += v[i];
	return toy_least(sum, most[0]);
}

unsigned toy_unused(unsigned flags)
{
	return flags & ~TOY_B;
}
"""
HEADER = """\
enum { TOY_A = 1, TOY_B = 2, TOY_C = 4 };
int toy_sum(const int *v, int n);
unsigned toy_unused(unsigned flags);

static inline int toy_least(int a, int b)
{
	return a < b ? a : b;
}
"""
# Its weakness: no sum of ten numbers or more.
TEST = """\
#include "toy/toy.h"
int main(void)
{
	int v[] = {1, 2, 4};
	return toy_sum(v, 3) != 7 || toy_sum(v, 0) != 0;
}
"""
CMAKE = """\
cmake_minimum_required(VERSION 3.25)
project(toy C)
enable_testing()
include_directories(src)
add_subdirectory(src/toy)
add_executable(toy_test tests/unit/toy_test.c)
target_link_libraries(toy_test toy)
add_test(NAME unit.toy COMMAND toy_test)
"""


def check(what, good):
    if not good:
        sys.exit(f"self-test: {what}")


def toy(root):
    for path, text in {"CMakeLists.txt": CMAKE, "src/toy/toy.c": SOURCE, "src/toy/toy.h": HEADER,
                       "src/toy/CMakeLists.txt": "add_library(toy STATIC toy.c)\n",
                       "tests/unit/toy_test.c": TEST}.items():
        Path(root, path).parent.mkdir(parents=True, exist_ok=True)
        Path(root, path).write_text(text)


def text():
    """What the mutator makes of a text, and where it puts it when that has changed."""
    with tempfile.TemporaryDirectory() as root:
        toy(root)
        made = {m.diff().split("\n", 1)[1] for ms in all_mutants(root, "toy").values() for m in ms}
        for wanted in ("-if (n < 10)\n+if (n <= 10)", "-if (n < 10)\n+if (!(n < 10))",
                       "-return 10;\n+return 11;", "-sum += v[i];\n+;",
                       "-return flags & ~TOY_B;\n+return flags & ~TOY_C;",
                       "-return flags & ~TOY_B;\n+return flags;"):
            check(f"no mutant {wanted!r}", wanted in made)
        check("a comment was changed", not any("Not in here" in m for m in made))
        order = [m.id() for m in chosen(root, "toy", 1)]
        check("the order is not always the same", order == [m.id() for m in chosen(root, "toy", 1)])
        check("another seed gives the same order", order != [m.id() for m in chosen(root, "toy", 2)])
    m = Mutant("src/toy/toy.c", "toy_sum", "deletion", "sum += v[i];", ";", 0)
    moved = "int before(void)\n{\n\treturn 0;\n}\n" + SOURCE
    check("a mutant has no place in a longer file", "i++)\n\t\t;\n" in m.apply(moved))
    check("a mutant has a place in a changed line", m.apply(SOURCE.replace("v[i]", "v[i + 1]")) is None)


def ours(count):
    """The mutants of some functions of each module apply, and nearly all compile."""
    good = tried = 0
    for module in mutants.MODULES:
        some = list(zip(range(count), chosen(ROOT, module, 1)))
        check(f"no mutants of {module}", len(some) == count)
        for _, m in some:
            wrong = m.apply((ROOT / m.file).read_text())
            check(f"no place for {m.diff()}", wrong)
            got = subprocess.run(["cc", "-std=gnu17", "-w", "-fsyntax-only", "-I", ROOT / "src", "-xc",
                                  "-"], input=wrong, text=True, capture_output=True)
            tried += 1
            good += got.returncode == 0
    check(f"only {good} of {tried} mutants compile", good >= 0.8 * tried)


def whole():
    """A run over the program: the survivors are those that its test cannot see."""
    with tempfile.TemporaryDirectory() as root:
        toy(root)
        run = mutants.Run(root, Path(root, "work"), seed=1, jobs=1, seconds=60)
        run.prepare()
        found = {}
        for ms in all_mutants(root, "toy").values():
            for m in ms:
                found[m.diff().split("\n", 1)[1]] = run.attempt(m), m
        expected = {"-return 10;\n+return 11;": "survived",
                    "-return flags & ~TOY_B;\n+return flags;": "survived",
                    "-if (n < 10)\n+if (!(n < 10))": "caught", "-sum += v[i];\n+sum -= v[i];": "caught",
                    "-sum += v[i];\n+;": "caught"}
        for diff, want in expected.items():
            check(f"{diff!r} is {found[diff][0]}, not {want}", found[diff][0] == want)
        check("the source was changed", Path(root, "src/toy/toy.c").read_text() == SOURCE)
        # A test that fails without a bug as well, on a busy host, catches none.
        mutant = found["-sum += v[i];\n+;"][1]
        tree = run.trees.get()
        tree.run, good = lambda test, limit: ("failed", 0.1), tree.run
        run.trees.put(tree)
        check("a test that always fails caught a bug", run.attempt(mutant) == "survived")
        check("it is not tried again", not run.old(mutant))
        tree.run = good
        run.attempt(mutant)
        # In a header, and wherever a line is.
        limit = Mutant("src/toy/toy.h", "toy_least", "", "return a < b ? a : b;", "return b;", 0)
        check("a bug in a header was not caught", run.attempt(limit) == "caught")
        table = Mutant("src/toy/toy.c", ANYWHERE, "", "static const int most[] = {100};",
                       "static const int most[] = {2};", 0)
        check("a bug in a table was not caught", run.attempt(table) == "caught")
        # What was found is still known to the next run.
        run.lock.close()
        again = mutants.Run(root, Path(root, "work"), seed=1, jobs=1, seconds=60)
        again.cover.key = run.cover.key
        check("results were not kept", all(again.old(m) for _, m in found.values()))
        # Known as equivalent: not tried, and missed when it has no place any more.
        survivor = found["-return 10;\n+return 11;"][1]
        list_ = Path(root, "equivalent.txt")
        list_.write_text(f"# A comment.\n\n{survivor.diff()}\nNobody asks for more.\n")
        known = mutants.read_list(list_)
        check("an entry is not its mutant", list(known) == [survivor.id()])
        check("an entry that fits was refused", mutants.check_list(root, list_) == 0)
        Path(root, "src/toy/toy.c").write_text(SOURCE.replace("return 10;", "return 9 + 1;"))
        print("next: an entry without a place")
        check("an entry without a place was accepted", mutants.check_list(root, list_) == 1)


def left_behind():
    """What a test starts in a session of its own is ended with it; another test goes on."""
    with tempfile.TemporaryDirectory() as root:
        sleep, pid = Path(root, "sleep"), Path(root, "pid")
        shutil.copy(shutil.which("sleep"), sleep)

        def test(command):
            return Test({"name": "left", "command": ["sh", "-c", command],
                         "properties": [{"name": "WORKING_DIRECTORY", "value": root}]})

        tree = Tree(root, root, "")
        with ThreadPoolExecutor() as pool:
            other = pool.submit(tree.run, test(f"touch began; {sleep} 600 & until [ -e over ]; do "
                                               f"{sleep} 0.1; done; kill $!"), 120)
            while not Path(root, "began").exists():
                time.sleep(0.05)
            verdict = tree.run(test(f"setsid {sleep} 600 & echo $! > {pid}; {sleep} 600"), 1)[0]
            Path(root, "over").touch()
            check("a test ended another", other.result()[0] == "passed")
        check(f"it {verdict}, and had no time left", verdict == "timeout")
        alive = Path("/proc", pid.read_text().strip(), "exe")
        end = time.monotonic() + 60
        while alive.exists() and time.monotonic() < end:
            time.sleep(0.05)
        check("a process is left", not alive.exists())


text()
left_behind()
ours(6)
whole()
