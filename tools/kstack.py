"""For gdb: `source tools/kstack.py`, then `kstack [COUNT]`.

Debian's i386 kernel keeps no frame pointers, and its symbols say nothing of frames:
`backtrace` is right for a function's first instructions only. kstack names what on the
stack looks like a return address: a place in the text right after a call. Stale ones may
be among them."""

import gdb

DEPTH = 8192 # bytes of a kernel stack


def name(address):
    text = gdb.execute(f"info symbol {address:#x}", to_string=True)
    return None if text.startswith("No symbol") else text.split(" in section")[0]


def after_call(memory, address):
    """Does a call end here? e8 rel32, or ff /2."""
    try:
        b = bytes(memory.read_memory(address - 6, 6))
    except gdb.MemoryError:
        return False
    return (b[1] == 0xe8 or b[4] == 0xff and b[5] >> 3 == 0x1a or
            b[3] == 0xff and b[4] >> 3 == 0x0a and b[4] & 7 != 4 or
            b[0] == 0xff and b[1] >> 3 == 0x12 and b[1] & 7 != 4 or b[:2] == b"\xff\x15" or
            b[2] == 0xff and b[3:5] == b"\x54\x24")


class Kstack(gdb.Command):
    def __init__(self):
        super().__init__("kstack", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        count = int(argument) if argument else 16
        process = gdb.selected_inferior()
        eip = int(gdb.parse_and_eval("$eip")) & 0xffffffff
        esp = int(gdb.parse_and_eval("$esp")) & 0xffffffff
        end = (esp | (DEPTH - 1)) + 1
        stack = bytes(process.read_memory(esp, end - esp))
        print(f"{eip:#010x} {name(eip)}")
        for at in range(0, len(stack) - 3, 4):
            address = int.from_bytes(stack[at:at + 4], "little")
            if address < 0xc0000000 or not after_call(process, address):
                continue
            symbol = name(address - 1)
            if not symbol:
                continue
            print(f"{address:#010x} {name(address) or symbol}")
            count -= 1
            if count <= 1:
                break


Kstack()
