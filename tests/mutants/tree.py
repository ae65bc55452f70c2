"""A copy of the source with a build of its own, where bugs are planted, and its tests."""

import json
import os
import resource
import shutil
import signal
import subprocess
import time
import uuid
from pathlib import Path

PARTS = ["CMakeLists.txt", "CMakePresets.json", "src", "tests", "tools"]
# They run nothing of ours, or look at what no bug of this kind changes, or take too long.
NOT_OURS = ("qemu.", "asm.native.", "includes", "check.", "debian.fetch", "mutants.",
            "fuzz.differential", "fuzz.gdb", "lockstep.planted")


class BuildFailed(Exception):
    pass


class Test:
    def __init__(self, entry):
        self.name = entry["name"]
        self.command = entry["command"]
        p = {q["name"]: q["value"] for q in entry["properties"]}
        self.cwd = p["WORKING_DIRECTORY"]
        self.env = dict(e.split("=", 1) for e in p.get("ENVIRONMENT", []))
        self.locks = p.get("RESOURCE_LOCK", [])
        self.alone = p.get("RUN_SERIAL", False)
        self.timeout = p.get("TIMEOUT", 120)


def set_up():
    """In a test's process.  A shell's job in the background ignores signals that tests send."""
    for s in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(s, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


MARK = "STARTED_BY_TEST"


def end_all(leader, mark):
    """Kills what a test has started and left: its session, whatever the process group, and what
    has its mark in another session.  Another test may run programs of the same folder."""
    for p in filter(str.isdigit, os.listdir("/proc")):
        try:
            stat = Path("/proc", p, "stat").read_text()
            if int(stat.rpartition(")")[2].split()[3]) == leader or \
                    f"{MARK}={mark}".encode() in Path("/proc", p, "environ").read_bytes().split(b"\0"):
                os.kill(int(p), signal.SIGKILL)
        except (OSError, IndexError):
            pass


def copy(root, to):
    """Makes a copy equal to the source; what is equal already keeps its time."""
    files = set()
    for part in PARTS:
        top = root / part
        files |= {p.relative_to(root) for p in ([top] if top.is_file() else top.rglob("*"))
                  if p.is_file() and "__pycache__" not in p.parts}
        for p in (to / part).rglob("*"):
            if p.is_file() and p.relative_to(to) not in files:
                p.unlink()
    for f in files:
        there = to / f
        if not there.exists() or there.read_bytes() != (root / f).read_bytes():
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / f, there)
    guests = to / "build" / "guests"
    guests.parent.mkdir(parents=True, exist_ok=True)
    if not guests.is_symlink():
        guests.symlink_to(root / "build" / "guests")


class Tree:
    def __init__(self, root, path, c_flags, link_flags=""):
        self.root, self.path = Path(root), Path(path)
        self.build = self.path / "build" / "tree"
        self.flags = (c_flags, link_flags)
        self.tests = {}

    def prepare(self, jobs):
        """Copies, configures, builds, and reads what tests there are."""
        copy(self.root, self.path)
        launcher = shutil.which("ccache")
        subprocess.run(
            ["cmake", "-G", "Ninja", "-S", self.path, "-B", self.build, "-DCMAKE_BUILD_TYPE=None",
             f"-DCMAKE_C_FLAGS={self.flags[0]}", f"-DCMAKE_EXE_LINKER_FLAGS={self.flags[1]}"]
            + ([f"-DCMAKE_C_COMPILER_LAUNCHER={launcher}"] if launcher else []),
            check=True, stdout=subprocess.DEVNULL, env=self.environment())
        self.make(jobs=jobs)
        shown = subprocess.run(["ctest", "--test-dir", self.build, "--show-only=json-v1"],
                               check=True, capture_output=True, text=True).stdout
        tests = [Test(t) for t in json.loads(shown)["tests"]
                 if not t["name"].startswith(NOT_OURS) and "command" in t]
        self.tests = {t.name: t for t in tests}

    def environment(self):
        return dict(os.environ, CCACHE_BASEDIR=str(self.path), CCACHE_NOHASHDIR="1")

    def make(self, *targets, jobs=1):
        got = subprocess.run(["ninja", "-C", self.build, f"-j{jobs}", *targets],
                             capture_output=True, text=True, env=self.environment())
        if got.returncode:
            raise BuildFailed(got.stdout[-3000:])

    def object_of(self, file):
        """The target of a source file of a library in src."""
        folder, name = os.path.split(file)
        return f"{folder}/CMakeFiles/{os.path.basename(folder)}.dir/{name}.o"

    def run(self, test, timeout, **env):
        """Returns ("passed", "failed" or "timeout", seconds)."""
        begun = time.monotonic()
        mark = uuid.uuid4().hex
        p = subprocess.Popen(test.command, cwd=test.cwd, stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                             start_new_session=True, preexec_fn=set_up,
                             env=dict(os.environ, **test.env, **env, **{MARK: mark}))
        try:
            verdict = "failed" if p.wait(timeout) else "passed"
        except subprocess.TimeoutExpired:
            verdict = "timeout"
        finally:
            seconds = time.monotonic() - begun
            end_all(p.pid, mark)
            p.wait()
        return verdict, seconds
