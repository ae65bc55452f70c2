"""`unring run` alone: the guest inside the binary gives its tour and ends well,
also in 4 MiB. And what `--version` and `--cpu help` say.

    tour.py UNRING
"""

import re
import subprocess
import sys

unring = sys.argv[1]
# Robin and Irvine's list, each of which the tour shows.
SENSITIVE = ["SGDT", "SIDT", "SLDT", "SMSW", "PUSHF", "POPF", "LAR", "LSL", "VERR", "VERW",
             "POP", "PUSH", "CALL", "JMP", "INT", "RET", "STR", "MOV"]
failures = 0


def check(args, *names):
    global failures
    run = subprocess.run([unring, *args], stdin=subprocess.DEVNULL, capture_output=True, timeout=300)
    said = run.stdout.decode("latin-1")
    missing = [n for n in names if not re.search(n, said, re.IGNORECASE)]
    if run.returncode != 0 or missing:
        failures += 1
        print(f"FAILED {' '.join(args)}: status {run.returncode}, missing {missing}")
        print(said + run.stderr.decode("latin-1"))


tour = [rf"\b{name}\b" for name in SENSITIVE] + ["tick", "page fault", r"int 80h.*calls a second"]
check(["run"], *tour)
check(["run", "--memory", "4M"], *tour)
check(["--version"], r"unring \d+\.\d+")
check(["run", "--cpu", "help"], "386", "486sx", "486", "pentium", "pentium3", "pentium4", "n270")
sys.exit(failures != 0)
