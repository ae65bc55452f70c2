#!/usr/bin/env python3
"""debian.py UNRING GUESTS TOOLS CASE: gdb at Debian's kernel, with symbols that its own
/proc/kallsyms gives."""

import re
import subprocess
import sys
import tempfile

from session import Failed, Gdb, Guest, counters, main


def symbols(unring, guests, tools, kernel, out):
    r = subprocess.run([sys.executable, f"{tools}/kallsyms.py", "--unring", unring, "--guests",
                        guests, "--kernel", kernel, out], capture_output=True, text=True)
    if r.returncode:
        raise Failed(f"kallsyms.py: {r.stdout}{r.stderr}")


def boot(unring, guests, kernel, append="", options=()):
    return Guest(unring, "--kernel", f"{guests}/vmlinuz-{kernel}", "--initrd",
                 f"{guests}/shell.gz", "--append", f"console=ttyS0 panic=-1 nokaslr {append}",
                 "--serial", "stdio", "--no-reboot", *options)


def session(unring, guests, tools, kernel):
    with tempfile.NamedTemporaryFile(suffix=".elf") as elf:
        symbols(unring, guests, tools, kernel, elf.name)
        with boot(unring, guests, kernel) as guest, Gdb(symbols=elf.name) as gdb:
            gdb.connect(guest.port)
            # From the first instruction, before there are page tables.
            gdb.run("hbreak start_kernel")
            gdb.expect("continue", r"Breakpoint 1, .* start_kernel")
            gdb.expect("p $cr0", r"PG")
            gdb.run("delete")
            # In a process, the frames that led there; what it is asked to open.
            gdb.run("break do_sys_openat2")
            gdb.expect("continue", r"Breakpoint 2, .* do_sys_openat2", 120)
            gdb.expect("backtrace 2", r"#0 .* do_sys_openat2 \(\)\n#1 .* in \w+open\w* \(\)")
            gdb.run(f"source {tools}/kstack.py")
            gdb.expect("kstack 8", r"do_sys_openat2\n.* \w+open\w* \+ \d+\n(.*\n)*"
                                   r".* (__do_fast|do_int80)_syscall_32 \+ ")
            gdb.expect("x/s $edx", r'"/?\w+')
            gdb.expect("continue", r"Breakpoint 2")
            gdb.run("delete")
            gdb.type("continue")
            guest.printed("unring:/# ", 120)
            # Idle: in HLT, or in an interrupt that ended it.
            gdb.interrupt()
            gdb.expect("kstack 80", r"(default_idle|arch_cpu_idle) \+ \d+\n(.*\n)*.* do_idle \+ \d+\n"
                                  r".* cpu_startup_entry \+ ")
            gdb.type("continue")
            guest.type("echo a$((40+2))b\n")
            guest.printed("a42b")
            # While it computes.
            guest.type("i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; echo c$i\n")
            gdb.interrupt()
            gdb.run("stepi 100")
            gdb.expect("p $eip", "0x")
            gdb.expect("detach", "detached")
            guest.printed("c300000", 120)
            # A second debugger finds it running.
            with Gdb(symbols=elf.name) as again:
                again.connect(guest.port)
                again.run("break kernel_clone")
                again.type("continue")
                guest.type("/bin/true\n")
                if "Breakpoint 1, " not in again.reply(60):
                    raise Failed(again.log)
                again.expect("backtrace 2", r"#0 .*kernel_clone \(\)\n#1 .* in \w*(clone|fork)\w* \(\)")
                again.run("delete")
                again.expect("detach", "detached")
            guest.type("poweroff -f\n")
            guest.end(0)


def variable(unring, guests, elf):
    """The address of the kernel's panic_timeout, which /proc/kallsyms does not tell: its entry in
    /proc/sys has it."""
    with boot(unring, guests, "686") as guest, Gdb(symbols=elf) as gdb:
        gdb.connect(guest.port)
        gdb.type("continue")
        guest.printed("unring:/# ", 120)
        gdb.interrupt()
        gdb.run("break proc_dointvec")
        gdb.type("continue")
        guest.type("cat /proc/sys/kernel/panic\n")
        gdb.reply(60)
        return gdb.value("*(int *)($eax + 4)")


# What the watched guest computes, by a shell.
LOOP = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo d$((i+1))\n"
# Of some 10^9 instructions: those after STI and MOV SS, and what the watchpoint stops at.
MOST_ALONE = 100000


def case_watch(unring, guests, tools):
    """A variable that is seldom written is watched from the first instruction on: the guest boots
    and computes in whole units, and stops where it is written."""
    with tempfile.NamedTemporaryFile(suffix=".elf") as elf, tempfile.NamedTemporaryFile() as stats:
        symbols(unring, guests, tools, "686", elf.name)
        at = variable(unring, guests, elf.name)
        with boot(unring, guests, "686", options=("--stats", stats.name)) as guest, \
                Gdb(symbols=elf.name) as gdb:
            gdb.connect(guest.port)
            gdb.run(f"watch *(int *){at:#x}")
            # The kernel's command line has panic=-1; the memory was cleared before.
            text = ""
            while "New value = -1" not in text:
                text = gdb.run("continue", 120)
                if "Old value" not in text:
                    raise Failed(gdb.log)
            gdb.type("continue")
            guest.printed("unring:/# ", 120)
            guest.type(LOOP)
            guest.printed("d200001", 120)
            guest.type("echo 7 >/proc/sys/kernel/panic\n")
            if not re.search(r"Old value = -1\s+New value = 7", gdb.reply(60)):
                raise Failed(gdb.log)
            gdb.run("delete")
            gdb.expect("detach", "detached")
            guest.type("poweroff -f\n")
            guest.end(0)
        counters(stats.name, alone=MOST_ALONE)


def case_686(*arguments):
    session(*arguments, "686")


def case_pae(*arguments):
    session(*arguments, "686-pae")


CASES = {"debian-686": case_686, "debian-686-pae": case_pae, "debian-watch": case_watch}

if __name__ == "__main__":
    sys.exit(main(CASES, sys.argv[4], *sys.argv[1:4]))
