"""--disk by firmware: which disk it boots, and how it counts the cylinders, heads and sectors of each. Of
cylinders a BIOS keeps the last for itself.

    disks.py UNRING SECTOR SECTOR       first sectors that say "a" and "b", and what disks there are
"""

import os
import subprocess
import sys
import tempfile

unring, *sectors = sys.argv[1:]
failures = 0


def check(name, said, expected):
    global failures
    print(f"{'ok' if said == expected else 'FAILED':6} {name}: {said}")
    failures += said != expected


def boot(*options):
    run = subprocess.run([unring, "run", *options, "--debug-exit", "--debugcon", "-", "--serial", "none",
                          "--display", "none"],
                         stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    return run.stdout + run.stderr if run.returncode == 7 else f"status {run.returncode}: {run.stderr}"


with tempfile.TemporaryDirectory() as folder:
    def disk(name, which, tracks, partition=b""):
        """Of whole cylinders of 16 heads and 63 sectors."""
        with open(sectors[which], "rb") as f:
            sector = bytearray(f.read())
        sector[446:446 + len(partition)] = partition
        with open(f"{folder}/{name}", "wb") as f:
            f.write(sector)
            f.truncate(512 * 63 * tracks)
        return f.name

    a, b = disk("a", 0, 16 * 100), disk("b", 1, 16 * 200)
    both = ["--disk", a, "--disk", b]
    check("the first", boot(*both), "a 99/16/63+ 199/16/63+")
    check("--boot disk1", boot(*both, "--boot", "disk1"), "b 199/16/63+ 99/16/63+")
    check("--boot disk1,disk0", boot(*both, "--boot", "disk1,disk0"), "b 199/16/63+ 99/16/63+")
    check("four", boot("--disk", b, *[w for n in range(3) for w in ("--disk", disk(f"more{n}", 0, 16 * (n + 2)))]),
          "b 199/16/63+ 1/16/63+ 2/16/63+ 3/16/63+")
    large = disk("large", 0, 16 * 3000)
    for options, expected in (("", "749/64/63"), (",trans=auto", "749/64/63"), (",trans=lba", "749/64/63"),
                              (",trans=large", "749/64/63"), (",trans=none", "1023/16/63"),
                              (",chs=600/15/17", "599/15/17"), (",chs=3000/15/63,trans=large", "749/60/63"),
                              (",chs=3000/16/63,trans=none,readonly", "1023/16/63"),
                              (",snapshot", "749/64/63")):
        check(f"--disk large{options}", boot("--disk", large + options), f"a {expected}+")
    # Made elsewhere, of 32 heads.
    made = disk("made", 0, 16 * 100, bytes([0x80, 1, 1, 0, 6, 31, 63, 49, 63, 0, 0, 0, 0xa1, 0x89, 1, 0]))
    check("by its partition", boot("--disk", made), "a 49/32/63+")
    check("not by its partition", boot("--disk", f"{made},trans=none"), "a 99/16/63+")

print(f"{failures} failed")
sys.exit(failures != 0)
