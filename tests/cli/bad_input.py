"""What a user can get wrong: each case must give one line on standard error, which
names the thing and the reason, and exit status 2, soon, with nothing left running.

    bad_input.py UNRING KERNEL INITRD
"""

import ctypes
import fcntl
import gzip
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile

from namespace import mounting

unring, kernel, initrd = sys.argv[1:]
failures = 0


def check(name, args, names, **how):
    """Runs unring with args; the line must match each pattern of names."""
    global failures
    why = None
    try:
        run = subprocess.run(args, capture_output=True, timeout=100,
                             **{"stdin": subprocess.DEVNULL, **how})
        lines = run.stderr.decode("latin-1").splitlines()
        if run.returncode != 2:
            why = f"status {run.returncode}, not 2"
        elif len(lines) != 1:
            why = f"{len(lines)} lines on standard error, not one"
        elif [p for p in names if not re.search(p, lines[0], re.IGNORECASE)]:
            why = f"the line does not tell of {names}"
        elif run.stdout:
            why = "something on standard output"
    except subprocess.TimeoutExpired:
        lines, why = [], "still ran after 100 s"
    print(f"{'ok' if not why else 'FAILED':6} {name}: {why or lines[0]}")
    if why:
        print("       " + " ".join(args))
        for line in lines:
            print("     | " + line)
        failures += 1


def forbid_shared_code():
    """A seccomp filter: mmap of shared executable memory gives EPERM, as where memfds
    are mounted noexec."""
    def op(code, k, yes=0, no=0):
        return struct.pack("HBBI", code, yes, no, k)
    load, equal, any_bit, give = 0x20, 0x15, 0x45, 0x06     # BPF_LD|W|ABS, JEQ, JSET, RET
    program = b"".join([
        op(load, 4), op(equal, 0xc000003e, 0, 7),           # x86-64
        op(load, 0), op(equal, 9, 0, 5),                    # mmap
        op(load, 16 + 8 * 2), op(any_bit, 4, 0, 3),         # PROT_EXEC
        op(load, 16 + 8 * 3), op(any_bit, 1, 0, 1),         # MAP_SHARED
        op(give, 0x00050000 | 1), op(give, 0x7fff0000)])    # EPERM, or allowed
    libc = ctypes.CDLL(None, use_errno=True)
    code = ctypes.create_string_buffer(program, len(program))
    fprog = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", 10, ctypes.addressof(code)))
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, fprog, 0, 0):
        raise OSError(ctypes.get_errno(), "no seccomp")


def run(*options):
    return [unring, "run", *options]


def boot(*options):
    return run("--kernel", kernel, "--initrd", initrd, "--append", "console=ttyS0", *options)


with tempfile.TemporaryDirectory() as folder:
    def file(name, content):
        path = f"{folder}/{name}"
        with open(path, "wb") as f:
            f.write(content)
        return path

    with open(kernel, "rb") as f:
        image = f.read()

    # Files
    check("no such kernel", run("--kernel", "/nonexistent/vmlinuz"),
          ["/nonexistent/vmlinuz", "no such file"])
    check("no such initrd", run("--kernel", kernel, "--initrd", "/nonexistent/initrd"),
          ["/nonexistent/initrd", "no such file"])
    check("a folder for a kernel", run("--kernel", folder), [re.escape(folder)])
    check("an empty kernel", run("--kernel", file("empty", b"")), ["empty"])
    check("text for a kernel", run("--kernel", file("text", b"hello, world\n" * 500)), ["text"])
    check("truncated bzImage", run("--kernel", file("half", image[: len(image) // 2])),
          ["half", "truncated|short|end"])
    check("bzImage cut in its header", run("--kernel", file("head", image[:0x210])), ["head"])
    packed = gzip.compress(b"\x7fELF" + bytes(100000))
    check("truncated gzip", run("--kernel", file("cut.gz", packed[: len(packed) // 2])), ["cut.gz"])
    check("gzip of nonsense", run("--kernel", file("odd.gz", gzip.compress(b"nonsense" * 99))),
          ["odd.gz"])
    check("a name that is two lines", run("--kernel", f"{folder}/a\n\x1b[31mb"), [r"a\\x0a\\x1b\[31mb"])
    check("not quite gzip", run("--kernel", file("bad.gz", b"\x1f\x8b" + b"?" * 5000)), ["bad.gz"])
    elf = b"\x7fELF\x01\x01\x01" + bytes(9) + (2).to_bytes(2, "little") + (3).to_bytes(2, "little")
    check("truncated ELF", run("--kernel", file("cut.elf", elf)), ["cut.elf"])
    check("ELF of 64 bits", run("--kernel", "/bin/true"), ["/bin/true"])
    with open(f"{folder}/large", "wb") as f:
        f.truncate(200 << 20)
    check("initrd that does not fit",
          run("--kernel", kernel, "--initrd", f"{folder}/large", "--memory", "64M"),
          ["large", "fit|memory"])

    huge = f"{folder}/huge"
    with open(huge, "wb") as f:
        f.truncate(2 << 30)
    os.mkfifo(f"{folder}/pipe")
    check("a kernel of 2 GiB", run("--kernel", huge), ["huge"])
    check("an ELF of 2 GiB", run("--kernel", file("elf", elf)), ["elf"])
    with open(f"{folder}/elf", "r+b") as f:
        f.truncate(2 << 30)
    check("an ELF of 2 GiB", run("--kernel", f"{folder}/elf"), ["elf", "fit"])
    check("an initrd of 2 GiB", run("--kernel", kernel, "--initrd", huge), ["huge", "fit"])
    for what in ("--kernel", "--initrd"):
        for odd in ("/dev/zero", "/dev/null", f"{folder}/pipe"):
            args = ["--kernel", kernel, "--initrd"] if what == "--initrd" else [what]
            check(f"{what} {odd}", run(*args, odd), [odd, "plain file"])

    # Options
    check("memory of zero", boot("--memory", "0"), ["memory", "0"])
    check("memory not of whole MiB", boot("--memory", "67108865"), ["memory", "MiB"])
    check("memory beyond the host", boot("--memory", "4096G"), ["memory", "4096G"])
    check("memory that is no number", boot("--memory", "much"), ["memory", "much"])
    check("memory below zero", boot("--memory", "-64M"), ["memory", "-64M"])
    check("memory without a value", run("--memory"), ["memory"])
    check("unknown option", run("--frobnicate"), ["--frobnicate"])
    check("unknown command", [unring, "frobnicate"], ["frobnicate"])
    check("stray argument", boot("stray"), ["stray"])
    check("unknown CPU", boot("--cpu", "z80"), ["cpu", "z80"])
    check("unknown serial", boot("--serial", "telegraph"), ["serial", "telegraph"])
    check("serial port too high", boot("--serial", "tcp:65536"), ["serial", "tcp:65536"])
    check("serial descriptor that is not open", boot("--serial", "fd:99"), ["--serial", "fd:99"])
    here = os.open(folder, os.O_RDONLY)
    check("serial descriptor of a directory", boot("--serial", f"fd:{here}"),
          [f"--serial fd:{here}", "directory"], pass_fds=[here])
    os.close(here)
    check("serial descriptor that is standard", boot("--serial", "fd:1"), ["--serial", "fd:1"])
    check("serial socket that is not there", boot("--serial", "connect:unix:/nonexistent/s"),
          ["connect:unix:/nonexistent/s"])
    check("serial file in no folder", boot("--serial", "file:/nonexistent/out"), ["/nonexistent/out"])
    check("serial socket in no folder", boot("--serial", "unix:/nonexistent/s"), ["/nonexistent/s"])
    check("two outputs to one file",
          boot("--stats", f"{folder}/both", "--serial", f"file:{folder}/./both"),
          ["both", "same file", "--stats"])
    for where in ("stdio", f"unix:{folder}/serial", f"file:{folder}/both"):
        check(f"both serial ports to {where}", boot("--serial", where, "--serial", where),
              [f"--serial {where}"])
    check("second serial descriptor that is not open", boot("--serial", "none", "--serial", "fd:99"),
          ["--serial fd:99"])
    check("printer's file in no folder", boot("--parallel", "file:/nonexistent/p"),
          ["--parallel file:/nonexistent/p: No such file"])
    check("printer's file is a folder", boot("--parallel", f"file:{folder}"),
          ["--parallel", "Is a directory"])
    check("printer and serial port to one file",
          boot("--parallel", f"file:{folder}/both", "--serial", f"file:{folder}/both"),
          ["--serial", "same file as --parallel"])
    check("third serial port", boot(*["--serial", "none"] * 3), ["--serial none", "more than 2"])
    for command in ("--help", "--version", "--completion"):
        check(f"a word after {command}", [unring, command, "word"], ["word", command])
    check("an empty module among others", run("--kernel", "/bin/true", "--initrd", f"{initrd},"),
          ["initrd|/bin/true"])
    check("memory that the kernel does not fit in", boot("--memory", "24M"), ["kernel", "MiB", "24"])
    check("unknown log", boot("--log", "gossip", f"{folder}/log"), ["log", "gossip"])
    check("stats in no folder", boot("--stats", "/nonexistent/stats"), ["/nonexistent/stats"])
    check("a budget that is too small", boot("--vma-budget", "150"), ["vma-budget", "150", "200"])
    with open("/proc/sys/vm/max_map_count", encoding="ascii") as f:
        mappings = f.read().strip()
    if int(mappings) <= 10000000:       # the most that the option takes
        check("a budget of all mappings", boot("--vma-budget", mappings),
              ["--vma-budget", mappings, "vm.max_map_count"])
    check("a budget of no number", boot("--vma-budget", "few"), ["vma-budget", "few"])
    check("unknown mmu", boot("--mmu", "magic"), ["mmu", "magic"])
    check("an initrd without a kernel", run("--initrd", initrd), ["initrd"])

    # Outputs: what is wrong loses nothing that is there.
    def holds(name, path, text):
        global failures
        with open(path, "rb") as f:
            held = f.read()
        print(f"{'ok' if held == text else 'FAILED':6} {name}: {len(held)} of {len(text)} bytes")
        failures += held != text

    with open(kernel, "rb") as f:
        image = f.read()
    own = file("own", image)
    os.link(own, f"{folder}/link")
    for option in (["--log", "int"], ["--stats"], ["--dump-cache"], ["--debugcon"]):
        for name in (own, f"{folder}/link"):
            check(f"{option[0]} to the kernel", run("--kernel", own, *option, name),
                  [option[0], name, "same file as the kernel"])
            holds("the kernel", own, image)
    check("--serial file: to the initrd",
          run("--kernel", kernel, "--initrd", own, "--serial", f"file:{own}"),
          ["--serial", own, "same file as the initrd"])
    holds("the initrd", own, image)
    old = file("old", b"of the last run")
    for option in (["--log", "int", old], ["--stats", old], ["--dump-cache", old],
                   ["--debugcon", old], ["--serial", f"file:{old}"]):
        for wrong in (file("junk", b"junk" * 99), file("cut", image[:20000])):
            check(f"{option[0]} and no kernel", run("--kernel", wrong, *option),
                  [os.path.basename(wrong)])
            holds("the output", old, b"of the last run")

    # Floppies and firmware
    def medium(*args):
        return run("--display", "none", "--serial", "none", *args)
    disk = file("disk", bytes(1440 * 1024))
    for what, content, says in (("an empty", b"", "empty"),
                                ("an odd", bytes(1440 * 1024 + 1), "multiple of 512"),
                                ("too large a", bytes(2881 * 1024), "larger than any floppy")):
        wrong = file("wrong-disk", content)
        check(f"{what} floppy image", medium("--floppy", wrong), ["--floppy", wrong, says])
    check("a directory as a floppy", medium("--floppy", folder), ["--floppy", folder, "directory"])
    check("one image in both drives", medium("--floppy", disk, "--floppy", disk),
          ["--floppy", disk, "in both drives"])
    with open(disk, "rb") as f:
        fcntl.lockf(f, fcntl.LOCK_SH)
        check("an image that another has", medium("--floppy", disk), ["--floppy", disk, "another process"])
    outputs = [["--log", "int"], ["--stats"], ["--dump-cache"], ["--debugcon"], ["--firmware-log"]]
    for option in outputs:
        check(f"{option[0]} to the floppy", medium("--floppy", disk, *option, disk),
              [option[0], disk, "same file as the floppy"])
    check("--serial file: to the floppy",
          run("--display", "none", "--floppy", disk, "--serial", f"file:{disk}"),
          ["--serial", disk, "same file as the floppy"])
    holds("the floppy", disk, bytes(1440 * 1024))
    every = [word for i, option in enumerate(outputs) for word in (*option, f"{folder}/every{i}")]
    check("all outputs, and one to the floppy", run("--display", "none", "--floppy", disk, *every,
                                                    "--serial", f"file:{disk}"),
          ["--serial", disk, "same file as the floppy"])
    # Disks
    for what, content, says in (("an empty", b"", "empty"), ("an odd", bytes(4097), "multiple of 512")):
        wrong = file("wrong-disk", content)
        check(f"{what} disk image", medium("--disk", wrong), ["--disk", wrong, says])
    check("a directory as a disk", medium("--disk", folder), ["--disk", folder, "directory"])
    check("what is no disk", medium("--disk", "/dev/null"), ["--disk", "/dev/null", "nor a block device"])
    check("one image in two drives", medium("--disk", disk, "--floppy", disk),
          ["--disk", disk, "in both drives"])
    with open(disk, "rb") as f:
        fcntl.lockf(f, fcntl.LOCK_SH)
        check("a disk that another has", medium("--disk", disk), ["--disk", disk, "another process"])
        check("a disk that another has, and a kernel", run("--kernel", kernel, "--disk", disk),
              ["--disk", disk, "another process"])
    check("a log to the disk", medium("--disk", disk, "--log", "int", disk),
          ["--log", disk, "same file as the disk"])
    for key, says in (("chs=80/2", "not CYLINDERS/HEADS/SECTORS"), ("chs=80/17/18", "up to 16383/16/63"),
                      ("chs=0/2/18", "not CYLINDERS"), ("chs=80/2/18/1", "not CYLINDERS"),
                      ("chs=99999999999999999999/1/1", "not CYLINDERS"),
                      ("chs=81/2/18", "more sectors than the 2880"), ("trans=chs", "neither none, lba,"),
                      ("serial=123456789012345678901", "longer than 20"), ("serial=a\tb", "printable"),
                      ("serial", "needs a value"), ("quick", "not among file,readonly,snapshot,format,chs,trans")):
        check(f"a disk with {key}", medium("--disk", f"{disk},{key}"), ["--disk", says])
    check("five disks", medium(*["--disk", disk] * 5), ["--disk", "more than 4"])
    check("booting a disk that is not there", medium("--disk", disk, "--boot", "disk1"),
          ["--boot disk1", "there are 1"])
    holds("the disk", disk, bytes(1440 * 1024))
    os.chmod(folder, 0o755)
    copy = shutil.copy(unring, f"{folder}/unring")
    nobody = dict(user=65534, group=65534, extra_groups=[]) if os.getuid() == 0 else {}
    for rights, option in (0o000, ""), (0o000, ",readonly"), (0o444, ""):
        os.chmod(disk, rights)
        check(f"an image of rights {rights:o}{option}", [copy, *medium("--floppy", disk + option)[1:]],
              ["--floppy", disk, "permission denied"], **nobody)
    os.chmod(disk, 0o644)
    check("SeaBIOS on a 386", medium("--floppy", disk, "--cpu", "386"), ["--cpu 386", "SeaBIOS", "486"])
    rom = file("rom", bytes(1000))
    for option, unit in (("--bios", "65536"), ("--vgabios", "512")):
        check(f"no {option}", medium(option, f"{folder}/none", "--floppy", disk),
              [option, f"{folder}/none", "no such file"])
        check(f"{option} of a wrong size", medium(option, rom, "--floppy", disk),
              [option, rom, f"multiple of {unit}"])
    check("--display terminal and no terminal", run("--display", "terminal", "--floppy", disk),
          ["--display terminal", "no terminal"])
    check("the terminal asked for twice",
          run("--display", "terminal", "--serial", "stdio", "--floppy", disk),
          ["--serial stdio", "--display terminal"])

    # The host
    check("standard input closed", ["sh", "-c", 'exec "$@" <&-', "sh", *boot("--serial", "stdio")],
          ["standard input|stdin"], stdin=None)
    if os.path.exists("/proc/sys/vm/max_map_count"):
        few = file("max_map_count", b"100\n")
        check("a low vm.max_map_count",
              [*mounting(f"mount --bind {few} /proc/sys/vm/max_map_count"), *boot()],
              [r"vm\.max_map_count", "100"])
    check("executable memfds forbidden", boot(), ["memfd"], preexec_fn=forbid_shared_code)

print(f"{failures} failed")
sys.exit(failures != 0)
