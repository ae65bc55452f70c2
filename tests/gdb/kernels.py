#!/usr/bin/env python3
"""kernels.py UNRING DIRECTORY CASE: gdb sessions on the guest test kernels there."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile

from session import Failed, Gdb, Guest, counters, main, same

PASS = 33


def hello(unring, kernels, gdb="0"):
    return Guest(unring, "--kernel", f"{kernels}/hello.elf", "--serial", "none", "--debugcon", "-",
                 "--debug-exit", gdb=gdb)


def start(unring, kernels, kernel="hello"):
    guest = Guest(unring, "--kernel", f"{kernels}/{kernel}.elf", "--serial", "none", "--debugcon",
                  "-", "--debug-exit")
    return guest, Gdb(guest.port, f"{kernels}/{kernel}.elf")


def breakpoints(unring, kernels):
    """Software, hardware, conditional; on a function that calls itself; gone when deleted."""
    guest, gdb = start(unring, kernels)
    with guest, gdb:
        same("first EIP", gdb.value("$eip"), gdb.value("&_start"))
        gdb.run("break fib")
        gdb.expect("continue", r"Breakpoint 1, .*fib \(n=20\)")
        gdb.expect("continue", r"Breakpoint 1, .*fib \(n=19\)")
        gdb.expect("backtrace", r"#0 .*fib \(n=19\)[^#]*#1 .*fib \(n=20\)[^#]*#2 .*calls")
        gdb.run("delete")
        gdb.run("break fib if n == 3")
        gdb.expect("continue", r"Breakpoint 2, .*fib \(n=3\)")
        gdb.run("delete")
        gdb.run("hbreak strings")
        gdb.expect("continue", r"Breakpoint 3, .*strings \(\)")
        gdb.expect("finish", r"Run till exit")
        gdb.run("delete")
        gdb.expect("continue", r"exited with code 041")
        guest.printed("VERDICT PASS")
        guest.end(PASS)


def steps(unring, kernels):
    """stepi goes through every instruction once; next and finish land where they should."""
    guest, gdb = start(unring, kernels)
    with guest, gdb:
        gdb.run("break arithmetic")
        gdb.expect("continue", "Breakpoint 1")
        gdb.run("next")
        gdb.expect("next", r"expect\(\"add\"")
        gdb.expect("next", r"expect\(\"mul\"")
        gdb.expect("step", r"expect \(")
        gdb.expect("finish", r"arithmetic \(\)")
        # A repeated string instruction: an element at a time.
        gdb.run("delete")
        gdb.run("break memset")
        gdb.expect("continue", r"Breakpoint [0-9.]+, memset")
        while "rep stos" not in gdb.run("x/i $pc"):
            gdb.run("stepi")
        eip, ecx, edi = gdb.value("$eip"), gdb.value("$ecx"), gdb.value("$edi")
        gdb.run("stepi")
        same("EIP in a string instruction", gdb.value("$eip"), eip)
        same("ECX in a string instruction", gdb.value("$ecx"), ecx - 1)
        same("EDI in a string instruction", gdb.value("$edi"), edi + 1)
        gdb.run("delete")
        gdb.expect("continue", r"exited with code 041")


def registers(unring, kernels):
    """Every register is read; those that may be are written, and the guest computes with them."""
    guest, gdb = start(unring, kernels)
    with guest, gdb:
        listing = gdb.run("info all-registers")
        for name in ("eax", "eip", "eflags", "gs", "st7", "fop", "xmm7", "mxcsr", "cr0", "gdtr_base",
                     "idtr_limit", "tr", "cs_base", "ss_limit", "dr7", "cpl"):
            if not re.search(rf"^{name}\s", listing, re.MULTILINE):
                raise Failed(f"no {name} in:\n{listing}")
        listing = gdb.run("info registers")     # as README.md says
        for name in ("cr0", "cr4", "gdtr_base", "idtr_base", "ldtr", "tr", "cs_base", "dr7"):
            if not re.search(rf"^{name}\s", listing, re.MULTILINE):
                raise Failed(f"no {name} in:\n{listing}")
        gdb.expect("p $cr0", r"\[ PE ET \]")
        same("CS", gdb.value("$cs"), 0x10)
        same("limit of CS", gdb.value("$cs_limit") & 0xffffffff, 0xffffffff)
        gdb.run("break fib")
        gdb.expect("continue", r"fib \(n=20\)")
        gdb.run("set var $ecx = 0x11223344")
        gdb.run("set var $eflags = $eflags | 1")
        gdb.run("set var $xmm3.v4_int32[2] = -2")
        gdb.run("set var $st2 = 1.5")
        gdb.run("set var $mxcsr = 0x1f82")
        gdb.run("set var $cr2 = 0xabc")
        gdb.run("stepi")
        same("ECX", gdb.value("$ecx"), 0x11223344)
        same("XMM3", gdb.value("$xmm3.v4_int32[2]") & 0xffffffff, 0xfffffffe)
        same("MXCSR", gdb.value("$mxcsr"), 0x1f82)
        same("CR2", gdb.value("$cr2"), 0xabc)
        gdb.expect("p $st2", r"= 1\.5")
        # A written EIP, and a value returned to the guest: fib(20) is 6765.
        gdb.run("delete")
        gdb.expect("return (unsigned)6766", "#0")
        gdb.expect("continue", "exited with code 043")
        guest.printed(r"FAIL calls: .*")


def memory(unring, kernels):
    """Read and written by linear and by physical address; code too."""
    guest, gdb = start(unring, kernels, "high")
    with guest, gdb:
        # High in linear space once paging is on, and at 1 MiB in physical space.
        gdb.run("break guest_main")
        gdb.expect("continue", "Breakpoint 1")
        at = gdb.value("&scratch")
        if at < 0xc0000000:
            raise Failed(f"scratch is at {at:#x}")
        gdb.run("set var *(int *)scratch = 0x12345678")
        same("linear", gdb.value("*(int *)scratch"), 0x12345678)
        gdb.expect(f"x/wx {at - 0xc0000000:#x}", "Cannot access memory|0x")
        gdb.expect("maintenance packet qqemu.PhyMemMode", "received: \"0\"")
        gdb.expect("maintenance packet Qqemu.PhyMemMode:1", "received: \"OK\"")
        gdb.run("set code-cache off")
        gdb.expect(f"x/wx {at - 0xc0000000:#x}", "0x12345678")
        gdb.run(f"set var *(int *){at - 0xc0000000:#x} = 0x23456789")
        gdb.run("maintenance packet Qqemu.PhyMemMode:0")
        same("physical", gdb.value("*(int *)scratch"), 0x23456789)
        gdb.expect("x/wx 0x80000000", "Cannot access memory")


def code(unring, kernels):
    """A patched instruction is executed as patched, also where it has run before."""
    guest, gdb = start(unring, kernels)
    with guest, gdb:
        gdb.run("break fib if n == 1")
        gdb.expect("continue", r"fib \(n=1\)")
        gdb.run("delete")
        # mov eax, 1; ret: of every call that is still to come.
        gdb.run("set var *(unsigned char [6] *)fib = {0xb8, 1, 0, 0, 0, 0xc3}")
        gdb.run("return (unsigned)1")
        gdb.expect("continue", "exited with code 043")
        guest.printed(r"FAIL calls")


def watchpoints(unring, kernels):
    """Writes, reads, both; by one instruction and by a string instruction."""
    guest, gdb = start(unring, kernels)
    with guest, gdb:
        gdb.run("watch tests_done")
        gdb.expect("continue", r"Hardware watchpoint 1: tests_done\s+Old value = 0\s+New value = 1")
        gdb.expect("continue", r"Old value = 1\s+New value = 2")
        gdb.run("delete")
        gdb.run("watch *(int *)(scratch + 64)")
        gdb.expect("continue", r"Old value = 0\s+New value = (90|23130|5921370|1515870810)\s")
        edi = gdb.value("$edi")
        if not gdb.value("&scratch") + 64 < edi <= gdb.value("&scratch") + 68:
            raise Failed(f"EDI is {edi:#x}")
        gdb.run("delete")
        # Over a page's end: each of its bytes.
        gdb.run("watch *(int *)(scratch + 4093)")
        for i in range(4):
            gdb.expect("continue", r"Old value = .*\s+New value = ")
            same("EDI", gdb.value("$edi"), gdb.value("&scratch") + 4094 + i)
        gdb.run("delete")
        gdb.run("rwatch *(char *)(scratch + 100)")
        gdb.expect("continue", r"Hardware read watchpoint 4: .*\s+Value = 90")
        gdb.run("delete")
        gdb.run("awatch scratch[8191]")
        gdb.expect("continue", r"Hardware access \(read/write\) watchpoint 5")
        gdb.run("delete")
        # A read-modify-write reads, too.
        gdb.run("rwatch tests_done")
        gdb.expect("continue", r"Hardware read watchpoint 6: .*\s+Value = 3")
        gdb.expect("x/i $pc - 6", "incl")
        gdb.run("delete")
        gdb.expect("continue", "exited with code 041")


def quiet(unring, kernels):
    """Watchpoints that nothing touches: the guest runs in whole units."""
    with tempfile.NamedTemporaryFile() as stats:
        guest = Guest(unring, "--kernel", f"{kernels}/watch.elf", "--serial", "none", "--debugcon",
                      "-", "--debug-exit", "--stats", stats.name)
        with guest, Gdb(guest.port, f"{kernels}/watch.elf") as gdb:
            gdb.run("watch cmdline[500]")
            gdb.run("rwatch *(int *)0x7fffff")
            gdb.run("awatch *(int *)0x780ffe")
            gdb.run("watch *(int *)(scratch + 12288)")
            # In code that runs first after very many breakpoints of the guest's own.
            gdb.run("hbreak *unmet_here")
            gdb.expect("continue", r"Breakpoint \d+, .*unmet_here", 120)
            gdb.run("delete 5")
            gdb.expect("continue", "exited with code 041", 120)
            guest.end(PASS)
        counters(stats.name, alone=17000, units=1500, exits=1000000, signals_segv=6000)


def traps(unring, kernels):
    """A kernel full of faults, TF and debug registers gives its verdict while it is watched."""
    guest, gdb = start(unring, kernels, "debug")
    with guest, gdb:
        gdb.run("watch tests_done")
        gdb.expect("continue", "New value = 1")
        gdb.expect("continue", "New value = 2", 120)
        gdb.run("delete")
        gdb.run("break expect")
        for _ in range(20):
            gdb.expect("continue", "Breakpoint 2")
        gdb.run("delete")
        gdb.expect("continue", "exited with code 041", 120)


def frozen(unring, kernels):
    """A step of an x87 instruction that waits for an interrupt leads into its handler."""
    guest, gdb = start(unring, kernels, "ferr")
    with guest, gdb:
        gdb.run("hbreak e_wait_at")
        gdb.expect("continue", "Breakpoint 1, .*e_wait_at")
        gdb.run("stepi")
        if gdb.value("$eip") == gdb.value("&e_wait_at"):
            raise Failed("the step led nowhere")
        gdb.expect("continue", "Breakpoint 1, .*e_wait_at")
        gdb.expect("stepi", "e_wait_end")
        gdb.run("delete")
        gdb.expect("continue", "exited with code 041", 120)


def kill(unring, kernels):
    guest, gdb = start(unring, kernels)
    with guest, gdb:
        gdb.run("kill")
        guest.end(0)


def detach(unring, kernels):
    """The guest runs on without its breakpoints; also when the debugger just dies."""
    guest, gdb = start(unring, kernels)
    with guest, gdb:
        gdb.run("set breakpoint always-inserted on")
        gdb.run("break fib")
        gdb.expect("detach", "detached")
        guest.end(PASS)
    guest, gdb = start(unring, kernels)
    with guest, gdb:
        gdb.run("break fib")
        gdb.expect("continue", "Breakpoint 1")
        gdb.process.kill()
        guest.end(PASS)


def deaf(unring, kernels):
    """A client that asks for 4 MB and reads nothing is dropped, and SIGTERM is heard at once."""
    with hello(unring, kernels) as guest:
        client = socket.create_connection(("127.0.0.1", guest.port))
        client.settimeout(0.05)
        asked = b"$m0,1ff0#" + b"%02x" % (sum(b"m0,1ff0") & 255)
        try:
            for _ in range(40):
                try:
                    client.send(asked * 100)
                except TimeoutError:
                    pass
        except OSError:
            pass # it has hung up
        guest.process.terminate()
        guest.end(128 + signal.SIGTERM, 20)


def path(unring, kernels):
    """At a socket, which only its owner may connect to."""
    with tempfile.TemporaryDirectory() as folder:
        at = f"{folder}/gdb"
        with hello(unring, kernels, gdb=f"unix:{at}") as guest, \
                Gdb(symbols=f"{kernels}/hello.elf") as gdb:
            same("mode", os.stat(at).st_mode & 0o777, 0o600)
            gdb.expect(f"target remote {at}", "_start")
            gdb.run("break fib")
            gdb.expect("continue", r"Breakpoint 1, .*fib \(n=20\)")
            gdb.run("delete")
            gdb.expect("continue", "exited with code 041")
            guest.end(PASS)
        same("what is left", os.listdir(folder), [])


def let_go(unring, kernels):
    """Nothing of a watchpoint is left when the debugger has gone."""
    with tempfile.NamedTemporaryFile() as stats:
        guest = Guest(unring, "--kernel", f"{kernels}/watch.elf", "--serial", "none", "--debugcon",
                      "-", "--debug-exit", "--stats", stats.name)
        with guest, Gdb(guest.port, f"{kernels}/watch.elf") as gdb:
            gdb.run("set breakpoint always-inserted on")
            gdb.run("awatch *(int *)(scratch + 512)")
            gdb.run("hbreak quiet")
            gdb.expect("continue", r"Breakpoint \d+, .*quiet")
            gdb.process.kill()
            guest.end(PASS)
        counters(stats.name, redirected=150000)


def bad_port(unring, kernels):
    for port, why in (("x", "neither a port"), ("65536", "neither a port"),
                      ("unix:", "neither a port"),
                      ("unix:/nowhere/s", "No such file"), ("unix:" + 200 * "x", "too long")):
        r = subprocess.run([unring, "run", "--gdb", port], capture_output=True, text=True)
        if r.returncode != 2 or why not in r.stderr or r.stderr.count("\n") != 1:
            raise Failed(f"--gdb {port}: status {r.returncode}, {r.stderr}")
    with hello(unring, kernels) as guest:
        r = subprocess.run([unring, "run", "--gdb", str(guest.port)], capture_output=True, text=True)
        if r.returncode != 2 or "in use" not in r.stderr:
            raise Failed(f"a port in use: status {r.returncode}, {r.stderr}")


CASES = dict(breakpoints=breakpoints, steps=steps, registers=registers, memory=memory, code=code,
             watchpoints=watchpoints, quiet=quiet, traps=traps, frozen=frozen, kill=kill, detach=detach,
             let_go=let_go,
             deaf=deaf, path=path)
CASES["bad-port"] = bad_port

if __name__ == "__main__":
    sys.exit(main(CASES, sys.argv[3], sys.argv[1], sys.argv[2]))
