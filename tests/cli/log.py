"""--log: each category has its lines, in the form that one searches for, and no other.

    log.py UNRING FOLDER        (of guest kernels)
"""

import re
import subprocess
import sys
import tempfile

unring, kernels = sys.argv[1:]
failures = 0

HEX = "[0-9a-f]+"
FORMS = {
    "int": [rf"int {HEX} at {HEX} eax={HEX}", rf"interrupt {HEX} at {HEX}:{HEX}"],
    "exc": [rf"exception \d+ error {HEX} cr2 {HEX} at {HEX}:{HEX} esp {HEX}"],
    "exits": [rf"run {HEX} eax={HEX} .* fl={HEX} mode \d+"],
    "units": [rf"unit {HEX} mode \d+ insns \d+ guest \d+ host \d+: ({HEX} )+"],
    "mmu": [rf"cr[034] = {HEX} at {HEX}"],
    "io": [rf"(in|out|ins|outs) {HEX}\.[124] = {HEX} at {HEX}"],
}


def lines_of(kernel, categories):
    with tempfile.TemporaryDirectory() as folder:
        log = f"{folder}/log"
        subprocess.run([unring, "run", "--kernel", f"{kernels}/{kernel}.elf", "--serial", "none",
                        "--debug-exit", "--no-reboot", "--log", categories, log],
                       stdin=subprocess.DEVNULL, timeout=600, check=False)
        with open(log, encoding="ascii") as f:
            return f.read().splitlines()


def check(name, good):
    global failures
    print(f"{'ok' if good else 'FAILED':6} {name}")
    failures += not good


for category, forms in FORMS.items():
    lines = lines_of("gates" if category in ("int", "exc") else "paging", category)
    strange = [s for s in lines if not any(re.fullmatch(f, s) for f in forms)]
    check(f"{category}: {len(lines)} lines", lines and not strange)
    for line in strange[:3]:
        print("     | " + line)
both = lines_of("paging", "mmu,exc")
check("mmu and exc", {s.split()[0][:2] for s in both} == {"cr", "ex"})
strings = lines_of("strings", "io")
for word in "ins", "outs":
    check(f"{word} is told of", any(s.startswith(word + " ") for s in strings))
print(f"{failures} failed")
sys.exit(failures != 0)
