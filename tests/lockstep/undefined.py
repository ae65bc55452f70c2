"""What an instruction leaves undefined, so that two right processors may differ in it."""

CF, PF, AF, ZF, SF, OF = 1, 4, 0x10, 0x40, 0x80, 0x800
ARITHMETIC = CF | PF | AF | ZF | SF | OF

LOGIC = {base + n for base in (0x08, 0x20, 0x30) for n in range(6)} | {0x84, 0x85, 0xa8, 0xa9}
ONE_BYTE = {0x27: OF, 0x2f: OF, 0x37: OF | SF | ZF | PF, 0x3f: OF | SF | ZF | PF,
            0x69: SF | ZF | AF | PF, 0x6b: SF | ZF | AF | PF, 0xd4: OF | AF | CF,
            0xd5: OF | AF | CF}
TWO_BYTE = {0xaf: SF | ZF | AF | PF, 0xbc: ARITHMETIC & ~ZF, 0xbd: ARITHMETIC & ~ZF,
            **{op: OF | SF | AF | PF for op in (0xa3, 0xab, 0xb3, 0xbb, 0xba)},
            **{op: OF | AF for op in (0xa4, 0xa5, 0xac, 0xad)}}
PREFIXES = bytes((0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65))


def opcode(code):
    """The opcode, 0Fxxh for two bytes, and ModRM.reg (0 where there are no more bytes)."""
    code = code.lstrip(PREFIXES)
    if not code:
        return 0x90, 0
    if code[0] == 0x0f:
        return 0x0f00 | (code[1] if len(code) > 1 else 0), code[2] >> 3 & 7 if len(code) > 2 else 0
    return code[0], code[1] >> 3 & 7 if len(code) > 1 else 0


def flags(code):
    """Flags that SDM vol. 1, appendix A, calls undefined after it."""
    op, reg = opcode(code)
    if op >> 8:
        return TWO_BYTE.get(op & 0xff, 0)
    if op in LOGIC or op in (0x80, 0x81, 0x83) and reg in (1, 4, 6):
        return AF
    if op in (0xc0, 0xc1, 0xd0, 0xd1, 0xd2, 0xd3):
        return (OF if op not in (0xd0, 0xd1) else 0) | (AF | CF if reg > 3 else 0)
    if op in (0xf6, 0xf7):
        return (AF, AF, 0, 0, SF | ZF | AF | PF, SF | ZF | AF | PF, ARITHMETIC, ARITHMETIC)[reg]
    return ONE_BYTE.get(op, 0)


def registers(code):
    """General registers that differ between machines by their nature."""
    return {0x0fa2: ("eax", "ebx", "ecx", "edx"),       # CPUID
            0x0f31: ("eax", "edx"),                     # RDTSC
            **dict.fromkeys((0xe4, 0xe5, 0xec, 0xed), ("eax",))     # IN
            }.get(opcode(code)[0], ())
