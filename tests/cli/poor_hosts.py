"""Hosts that lack something, as containers do: the tour runs, one line names what is missing,
--fence require makes that status 2, and --fence off asks for none of the fence.

    poor_hosts.py UNRING
"""

import ctypes
import os
import re
import resource
import struct
import subprocess
import sys
import tempfile

from namespace import mounting, nameless

unring = sys.argv[1]
SOON = 120      # seconds: generous, for a busy host
failures = 0

ENOSYS, EPERM, EOPNOTSUPP = 38, 1, 95
CLOSE_RANGE, LANDLOCK, SECCOMP, USERFAULTFD, CAPSET = 436, 444, 317, 323, 126


def refuse(calls):
    """A seccomp filter that gives errors: {number: errno}, as a container's."""
    def op(code, k, yes=0, no=0):
        return struct.pack("HBBI", code, yes, no, k)
    load, equal, give = 0x20, 0x15, 0x06        # BPF_LD|W|ABS, JEQ, RET
    ops = [op(load, 0)]
    for number, error in calls.items():
        ops += [op(equal, number, 0, 1), op(give, 0x00050000 | error)]
    ops.append(op(give, 0x7fff0000))

    def install():
        libc = ctypes.CDLL(None, use_errno=True)
        code = ctypes.create_string_buffer(b"".join(ops), 8 * len(ops))
        fprog = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(ops),
                                                        ctypes.addressof(code)))
        if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, fprog, 0, 0):
            raise OSError(ctypes.get_errno(), "no seccomp")
    return install


def run(options, before, how):
    return subprocess.run([*before, unring, "run", *options], stdin=subprocess.DEVNULL, timeout=SOON,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          errors="replace", **how)


def check(name, why):
    global failures
    print(f"{'ok' if not why else 'FAILED':6} {name}{': ' + why if why else ''}", flush=True)
    failures += bool(why)


def poor(name, lacks, before=(), usual=(), **how):
    """lacks: patterns of what is missing here, of the fence and else; none: nothing is.
    usual: what the whole host lacks, too."""
    for mode, status in (("on", 0), ("require", 2 if lacks else 0)):
        r = run(["--fence", mode], before, how)
        lines = r.stderr.splitlines()
        why = None
        if r.returncode != status:
            why = f"status {r.returncode}, not {status}: {r.stderr}"
        elif len(lines) != bool(lacks):
            why = f"{len(lines)} lines: {r.stderr}"
        elif [p for p in lacks if not re.search(p, lines[0])]:
            why = f"{lines[0]} does not tell of {lacks}"
        elif status == 0 and "All is as on real hardware" not in r.stdout:
            why = "the tour does not come to its end"
        check(f"{name}, --fence {mode}", why)


# What this host lacks by itself is missing in each case.
here = run([], [], {})
usual = re.findall(r"[^,]+? \([^)]*\)", here.stderr.partition("runs without ")[2])
usual = [re.escape(u.strip()) for u in usual]
print(f"this host lacks {usual or 'nothing'}", flush=True)
check("this host", None if here.returncode == 0 and here.stderr.count("\n") == bool(usual)
      else f"status {here.returncode}: {here.stderr}")

denied, missing = r"\(Operation not permitted\)", r"\(Function not implemented\)"
poor("no Landlock", [f"Landlock {missing}"], preexec_fn=refuse({LANDLOCK: ENOSYS}))
poor("Landlock not enabled", [r"Landlock \(Operation not supported\)"],
     preexec_fn=refuse({LANDLOCK: EOPNOTSUPP}))
poor("seccomp refused", [f"seccomp {denied}"], preexec_fn=refuse({SECCOMP: EPERM}))
poor("no seccomp", [f"seccomp {missing}"], preexec_fn=refuse({SECCOMP: ENOSYS}))
poor("no userfaultfd", [f"userfaultfd {denied}"], preexec_fn=refuse({USERFAULTFD: EPERM}))
poor("no close_range", usual, preexec_fn=refuse({CLOSE_RANGE: ENOSYS}))
poor("a container", [f"Landlock {missing}", f"seccomp {denied}", f"userfaultfd {denied}"],
     preexec_fn=refuse({LANDLOCK: ENOSYS, SECCOMP: EPERM, USERFAULTFD: EPERM, CLOSE_RANGE: EPERM}))
poor("a limit of address space", [r"guards \(RLIMIT_AS\)"],
     preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (16 << 30, 16 << 30)))
poor("an environment without anything", usual, env={})
poor("a session without a terminal", usual, start_new_session=True)
poor("a user without a name", usual,
     before=nameless())
poor("no /proc", usual, before=mounting("mount -t tmpfs none /proc"))
with tempfile.TemporaryDirectory() as folder:
    with open(f"{folder}/few", "w") as f:
        f.write("6000\n")
    poor("a low vm.max_map_count", [r"vm\.max_map_count"],
         before=mounting(f"mount --bind {folder}/few /proc/sys/vm/max_map_count"))

# The checker needs the kernel's books.
r = run(["--verify"], mounting("mount -t tmpfs none /proc"), {})
check("no /proc to verify by", None if r.returncode == 2 and r.stderr.count("\n") == 1 and
      "mappings" in r.stderr else f"status {r.returncode}: {r.stderr}")

# Switched off, the fence is not missed; what the engine would have, is.
off = run(["--fence", "off"], [], {"preexec_fn": refuse({LANDLOCK: ENOSYS, SECCOMP: EPERM,
                                                         CAPSET: EPERM})})
check("--fence off", None if off.returncode == 0 and not re.search("Landlock|seccomp|capab", off.stderr)
      else f"status {off.returncode}: {off.stderr}")
without = run(["--fence", "require", "--no-userfaultfd"], [],
              {"preexec_fn": refuse({USERFAULTFD: EPERM})})
check("--no-userfaultfd asks for no other", None if usual or without.returncode == 0
      else f"status {without.returncode}: {without.stderr}")
print(f"{failures} failed")
sys.exit(failures != 0)
