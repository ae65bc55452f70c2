"""What comes of the table of options: each refuses what it should, with one line on standard
error and status 2, before anything is created; README.md's table and bash's completion agree.

    options.py UNRING OPTIONS_TOOL KERNEL
"""

import os
import subprocess
import sys
import tempfile

unring, tool, kernel = map(os.path.abspath, sys.argv[1:])
failures = 0


def check(name, good, *more):
    global failures
    print(f"{'ok' if good else 'FAILED':6} {name}")
    failures += not good
    if not good:
        for line in more:
            print(f"     | {line}")


def refuses(args, *says):
    """One line, with these words, and nothing left behind."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            run = subprocess.run([unring, "run", *args], stdin=subprocess.DEVNULL, timeout=100,
                                 capture_output=True, cwd=folder)
        except subprocess.TimeoutExpired:
            check(" ".join(args), False, "still ran after 100 s")
            return
        said = run.stderr.decode()
        good = run.returncode == 2 and said.count("\n") == 1 and said.startswith("unring: ")
        check(" ".join(args), good and all(s in said for s in says) and not run.stdout
              and not os.listdir(folder), f"status {run.returncode}", said, f"not: {says}")


def output(*args):
    return subprocess.run(args, check=True, capture_output=True, text=True).stdout


cases = [line.split("\t") for line in output(tool, "cases").splitlines()]
for name, form, room, good, bad, says in cases:
    needs = [w for w in form.split() if w[0] != "["]
    for n in range(len(needs)):
        refuses([name, *["word"] * n], name, "needs a value", form)
    other = [] if name in ("--kernel", "--bios", "--vgabios") else ["--kernel", kernel]
    if bad:
        refuses([*other, name, *bad.split()], bad.split()[0], says)
    check(f"{name} has a bad value", bad or not form or form == "STRING")
    given = [name, *good.split()]
    if int(room):
        refuses([*other, *given * (int(room) + 1)], name, f"more than {room}")
    else:
        refuses([*other, *given, *given], f"{name}: given twice")

# The first problem is the one that is told, though a later one would be found sooner.
with tempfile.TemporaryDirectory() as folder:
    out = f"{folder}/out"
    refuses(["--stats", out, "--log", "int", f"{folder}/log", "--serial", f"unix:{folder}/s",
             "--kernel", kernel, "--gdb", "gossip"], "--gdb gossip")
    check("nothing was created", not os.listdir(folder), *os.listdir(folder))

text = output(unring, "run", "--help")
for name, form, *_ in cases:
    check(f"--help has {name}", f"  {name} {form}".rstrip() in text)
check("--help is at the top, too", output(unring, "--help") == text)

readme = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "README.md")
with open(readme, encoding="utf-8") as f:
    check("README.md has the table (build/release/tools/options readme)",
          output(tool, "readme") in f.read())


def completed(*words):
    """What bash offers for the last of the words."""
    script = f"""source <({unring} --completion)
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_unring
printf '%s\\n' "${{COMPREPLY[@]}}" """
    return output("bash", "-c", script, "bash", "unring", *words).split()


names = [c[0] for c in cases]
check("completion: commands", completed("r") == ["run"])
check("completion: all", completed("run", "") == names)
check("completion: behind a flag", completed("run", "--verify", "") == names)
check("completion: behind a value", completed("run", "--memory", "64M", "") == names)
check("completion: no value known", completed("run", "--memory", "") == [])
check("completion: --no", completed("run", "--no")
      == [n for n in names if n.startswith("--no")])
check("completion: words", completed("run", "--fence", "o") == ["off", "on"])
check("completion: models", "pentium4" in completed("run", "--cpu", "pentium"))
check("completion: a list", completed("run", "--log", "int,ex") == ["int,exc", "int,exits"])
here = os.path.basename(kernel)
os.chdir(os.path.dirname(kernel))
for words in (["--kernel"], ["--log", "int"], ["--stats"], ["--serial", "file", ":"]):
    check(f"completion: a file behind {' '.join(words)}",
          here in completed("run", *words, here[:-1]))
check("completion: an option instead of a file", completed("run", "--stats", "--ver") == ["--verify"])
print(f"{failures} failed")
sys.exit(failures != 0)
