#!/usr/bin/env python3
"""firmware.py UNRING: gdb at a machine that starts in firmware, in 16-bit code."""
import subprocess
import sys

sys.path.insert(0, __file__.rsplit("/", 1)[0])
from session import Failed, Guest

COMMANDS = ("set pagination off", "set confirm off", "target remote 127.0.0.1:{port}",
            "x/1i $cs*16+$eip", "hbreak *0xfe05b", "continue", "x/1i $cs*16+$eip",
            "set architecture i386", "x/1i 0xffff0", "set architecture i8086", "x/1i 0xffff0",
            "kill")
# By the architecture that it is: a far jump of 16 bits, or of 32.
FAR16, FAR32 = "ljmp   $0xf000,$0xe05b", "ljmp   $0x3630,$0xf000e05b"


def main(unring):
    with Guest(unring, "--bios", "/usr/share/seabios/bios-256k.bin", "--serial", "none") as vm:
        command = ["gdb", "-q", "-nx", "-nh", "-batch"]
        for text in COMMANDS:
            command += ["-ex", text.format(port=vm.port)]
        said = subprocess.run(command, capture_output=True, text=True, timeout=120,
                              stdin=subprocess.DEVNULL, check=False).stdout
        lines = [line for line in said.splitlines() if "ljmp" in line or "0xfe05b:" in line]
        wanted = (FAR16, "0xfe05b:", FAR32, FAR16)
        if len(lines) != len(wanted) or not all(w in l for w, l in zip(wanted, lines)):
            raise Failed(f"gdb said:\n{said}")
        vm.end(0)
    print("ok firmware")


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except Failed as e:
        sys.exit(f"FAILED firmware: {e}")
