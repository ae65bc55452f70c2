#!/usr/bin/env python3
"""Proves over the linked program that C which runs between an exit of translated code and the
next entry leaves the guest's x87 and vector registers alone (src/monitor/gate.h).

    check-registers.py UNRING               UNRING.map must lie beside it
    check-registers.py --self-test UNRING   plants faults in copies of it: is each found?

What may run then: the dispatcher; what it reaches by calls and jumps; and, as pointers lead to
them, all functions of the folders in LIVE whose address is taken, but for those in the section
of what is entered with the registers saved; all whose address those folders take; and those of
other folders in the section of leaves.  Nothing
of that names one of these registers, calls a shared library, or calls by a pointer where
POINTERS does not say which one it is.  The walk ends at gates, which must save first.  Some save
the vector registers alone: so no function of the program at all, but for STATE, uses x87 or MMX.

In a signal handler the host's registers are the kernel's to keep, and none of the guest's:
nothing that HANDLERS reach saves them.
"""

import bisect
import os
import re
import subprocess
import sys
import tempfile
from collections import defaultdict

ROOT = 'monitor_run'
LIVE = {'cpu', 'mmu', 'cache', 'translator', 'monitor'}
SAVES = ('fpu_save', 'fpu_save_vectors')
# What saves, restores and looks at them.
STATE = {('monitor/fpu.c', f) for f in (
    *SAVES, 'make_pointers', 'fpu_restore', 'restore_vectors', 'fpu_left', 'check_untouched',
    'same_vectors', 'same_image')}
# The guest does not go on: our own bug, or the host's refusal.
ENDS = {'assert_failed', 'host_refused', '__stack_chk_fail@plt'}
# What calls by pointers, as function, file or folder, and by which; all lead to functions of
# LIVE, and are set where the structure is made (monitor_create, env_fill).
POINTERS = {
    'callout_run': 'its table of callouts',
    'monitor/entry.S': 'into translated code',
    'cpu': 'struct cpu_env',
    'mmu': 'struct mmu_client, and the function given to directory_links in its file',
    'cache/place.c': 'struct tcache_config, and alive of tcache_adopt',
    'cache/tcache.c': 'struct tcache_config',
    'cache/source.c': 'struct tcache_config',
    'cache/self.c': 'struct tcache_config',
    'device_read': 'struct monitor_platform, its leaves',
    'device_write': 'struct monitor_platform, its leaves',
    'monitor/leaf.c': 'struct monitor_platform, its leaves',
    'bus_port_leaf': 'struct region_handler, its leaf',
    'bus_memory_leaf': 'struct region_handler, its leaf',
    'devices/vga_memory.c': 'struct vga_memory',
}

HANDLERS = {'on_fault', 'on_kick'}
# What they call by pointers, through the mmu and the cache.
CALLBACKS = {'exec_revoke', 'window_drop', 'code_store', 'trace'}

REGISTER = re.compile(r'%([xyz]?mm\d|st\b|k[0-7]\b)')
# x87 has F; AVX has V; then what moves or resets state without naming a register.
X87_REGISTER = re.compile(r'%(mm\d|st\b)')
X87_MNEMONIC = re.compile(r'(f(?!s\b)|emms|fwait|wait\b|xrstor|xsave)')
MNEMONIC = re.compile(r'(f(?!s\b)|v|emms|wait|ldmxcsr|stmxcsr|xsave|xrstor|fxsave|fxrstor)')
PREFIXES = {'rep', 'repz', 'repnz', 'lock', 'notrack', 'bnd', 'data16', 'cs', 'ds', 'es', 'fs',
            'gs', 'ss', 'addr32', 'xacquire', 'xrelease'}


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class Function:
    def __init__(self, name, start):
        self.name = name
        self.start = start
        self.code = []      # (address, mnemonic, operands)
        self.place = ''     # folder/file.c
        self.section = ''   # of the object file

    @property
    def folder(self):
        return self.place.split('/')[0]

    def __str__(self):
        return f'{self.name} ({self.place or "?"})'


def pieces(path):
    """The map's pieces: start, end, section of the object file, folder/file.c."""
    with open(path) as f:
        text = f.read().split('Linker script and memory map', 1)[1]
    found = []
    for m in re.finditer(r'^ (\.(?:text|data|rodata)[\w.]*)\s+0x([0-9a-f]+)\s+0x([0-9a-f]+) (\S+)$', text, re.M):
        start, size = int(m[2], 16), int(m[3], 16)
        o = re.search(r'lib(\w+)\.a\((\S+?)\.o\)$|([^/]+)/([^/]+)\.o$', m[4])
        place = f'{o[1] or o[3]}/{o[2] or o[4]}' if o else m[4]
        if size and start:
            found.append((start, start + size, m[1], place))
    return found


class Program:
    def __init__(self, path, map_path):
        self.functions = {}    # by address of their start
        self.starts = []
        self.taken = defaultdict(set)  # address of a function: places where it is taken
        self.pieces = sorted(pieces(map_path))
        self.read_code(run('objdump', '-d', '-w', '--no-show-raw-insn', path))
        self.read_data(run('readelf', '-rW', path))

    def piece_at(self, address):
        i = bisect.bisect_right(self.pieces, (address, 1 << 64)) - 1
        p = self.pieces[i] if i >= 0 else None
        return p if p and p[0] <= address < p[1] else None

    def read_code(self, text):
        function = None
        leas = []
        external = False
        for line in text.splitlines():
            if line.startswith('Disassembly of section '):
                external = '.plt' in line
            elif m := re.match(r'([0-9a-f]+) <(.*)>:$', line):
                function = Function(m[2], int(m[1], 16))
                p = self.piece_at(function.start)
                if p:
                    function.section, function.place = p[2], p[3]
                if external:
                    function.place = 'a shared library'
                self.functions[function.start] = function
            elif m := re.match(r' +([0-9a-f]+):\t(\S+) *(.*)', line):
                words = (m[2] + ' ' + m[3]).split(' ')
                while len(words) > 1 and (words[0] in PREFIXES or words[0].startswith('rex')):
                    words.pop(0)
                operands = ' '.join(words[1:]).strip()
                function.code.append((int(m[1], 16), words[0], operands))
                if words[0] == 'lea' and (a := re.search(r'# ([0-9a-f]+) <', operands)):
                    leas.append((int(a[1], 16), function.place))
        self.starts = sorted(self.functions)
        for address, place in leas:
            if address in self.functions:
                self.taken[address].add(place)

    def read_data(self, text):
        if '.relr.dyn' in text:
            sys.exit('check-registers.py: packed relocations, which it does not read')
        for m in re.finditer(r'^([0-9a-f]+) +[0-9a-f]+ R_X86_64_RELATIVE +([0-9a-f]+)$', text, re.M):
            target = int(m[2], 16)
            if target in self.functions:
                p = self.piece_at(int(m[1], 16))
                self.taken[target].add(p[3] if p else '?')

    def function_at(self, address):
        i = bisect.bisect_right(self.starts, address) - 1
        return self.functions[self.starts[i]] if i >= 0 else None

    def named(self, name, folder=None):
        found = [f for f in self.functions.values()
                 if f.name == name and folder in (None, f.folder)]
        if len(found) != 1:
            sys.exit(f'check-registers.py: {len(found)} functions {name}')
        return found[0]


def base(name):
    """GCC's clones and cold parts go by the function's name."""
    return re.sub(r'(\.(cold|part|isra|constprop|lto_priv)(\.\d+)*)+$', '', name)


def target_of(operands):
    m = re.match(r'([0-9a-f]+) <', operands)
    return int(m[1], 16) if m else None


def is_transfer(mnemonic):
    return mnemonic[0] == 'j' or mnemonic in ('call', 'ret', 'loop', 'loope', 'loopne')


def saves_first(program, gate):
    for _, mnemonic, operands in gate.code:
        if REGISTER.search(operands) or MNEMONIC.match(mnemonic):
            return False
        if is_transfer(mnemonic):
            to = target_of(operands)
            return mnemonic == 'call' and to is not None and program.functions.get(to) is not None \
                and program.functions[to].name in SAVES
    return False


def check(path, map_path):
    """What is wrong, in lines."""
    program = Program(path, map_path)
    wrong = []
    used = set()
    reached = {}    # function: how it is reached

    def reach(function, how):
        if function in reached:
            return
        reached[function] = how
        todo.append(function)

    todo = []
    reach(program.named(ROOT), 'the dispatcher')
    for save in SAVES:
        reach(program.named(save), 'called by gates')
    gates = [f for f in program.functions.values() if f.section.startswith('.text.gate')]
    if not gates:
        wrong.append('no gates: not the program, or not its map')
    for gate in gates:
        if not saves_first(program, gate):
            wrong.append(f'{gate} is a gate and does not begin with one of {", ".join(SAVES)}')
    wrong += check_x87(program)
    for address, places in program.taken.items():
        f = program.functions[address]
        if f.section.startswith('.text.saved'):
            continue
        takers = sorted(p for p in places if p.split('/')[0] in LIVE)
        if f.folder in LIVE or takers or f.section.startswith('.text.leaf'):
            reach(f, f'its address is taken in {", ".join(takers or sorted(places))}')
    while todo:
        f = todo.pop()
        if f in gates or f.name in ENDS:
            continue
        how = f'{f}: reached: {reached[f]}'
        if f.place == 'a shared library':
            wrong.append(how)
            continue
        if f.section.startswith('.text.saved'):
            wrong.append(f'{how}, and is to be entered with the registers saved')
            continue
        name = base(f.name)
        for address, mnemonic, operands in f.code:
            at = f'{address:x}: {mnemonic} {operands}'
            if (f.place, name) not in STATE and (REGISTER.search(operands) or MNEMONIC.match(mnemonic)):
                wrong.append(f'{how}\n\tuses the guest\'s registers at {at}')
            if not is_transfer(mnemonic) or mnemonic == 'ret':
                continue
            to = target_of(operands)
            if to is not None:
                g = program.function_at(to)
                if g is not f:
                    reach(g, f'called by {f} ({reached[f]})')
            elif listed := {name, f.place, f.folder} & set(POINTERS):
                used |= listed
            else:
                wrong.append(f'{how}\n\tcalls by a pointer that is not listed, at {at}')
    for unused in sorted(set(POINTERS) - used):
        wrong.append(f'{unused} is listed and calls by no pointer')
    return wrong + check_handlers(program, gates), len(reached), len(gates)


def check_x87(program):
    """What may run behind a gate that leaves the x87 unit as it is: all of the program."""
    return [f'{f} uses x87 or MMX at {address:x}: {mnemonic} {operands}'
            for f in program.functions.values() if (f.place, base(f.name)) not in STATE
            for address, mnemonic, operands in f.code
            if X87_REGISTER.search(operands) or X87_MNEMONIC.match(mnemonic)]


def check_handlers(program, gates):
    wrong = []
    seen = {program.named(h, 'monitor'): f'the handler {h}' for h in HANDLERS}
    callbacks = [program.named(c, 'monitor') for c in CALLBACKS]
    todo = list(seen)
    while todo:
        f = todo.pop()
        if f in gates or f.name in SAVES:
            wrong.append(f'{f} is called by {seen[f]}')
            continue
        if f.name in ENDS:
            continue
        for _, mnemonic, operands in f.code:
            if not is_transfer(mnemonic) or mnemonic == 'ret':
                continue
            to = target_of(operands)
            for g in callbacks if to is None else [program.function_at(to)]:
                if g not in seen:
                    seen[g] = f'{f}, by {seen[f]}'
                    todo.append(g)
    return wrong


# --- planted faults ---

MOVQ = bytes.fromhex('66490f6ec0')  # movq %r8, %xmm0


def offset_of(path, address):
    for m in re.finditer(r'LOAD +0x([0-9a-f]+) 0x([0-9a-f]+) 0x[0-9a-f]+ 0x([0-9a-f]+)',
                         run('readelf', '-lW', path)):
        offset, start, size = (int(x, 16) for x in m.groups())
        if start <= address < start + size:
            return offset + address - start
    raise ValueError(address)


def plant(path, out, function, code):
    """Overwrites its first instructions, whole."""
    end = next(a for a, _, _ in function.code if a >= function.start + len(code))
    code += b'\x90' * (end - function.start - len(code))
    with open(path, 'rb') as f:
        image = bytearray(f.read())
    at = offset_of(path, function.start)
    image[at:at + len(code)] = code
    with open(out, 'wb') as f:
        f.write(image)


def self_test(path):
    map_path = path + '.map'
    program = Program(path, map_path)

    def call(function, to):
        return b'\xe8' + (to.start - function.start - 5).to_bytes(4, 'little', signed=True)

    leaf = program.named('code_store', 'monitor')  # reached by mmu_client alone
    callout = program.named('co_WBINVD', 'monitor')
    emitter = program.named('translator_thunk')
    env = program.named('env_probe')
    direct = program.named('mmu_is_code')
    store = program.named('guest_store')
    gate = program.named('gate_poll')
    revoke = program.named('exec_revoke', 'monitor')
    outside = program.named('on_poll', 'machine')
    library = next(f for f in program.functions.values() if f.name.startswith('vsnprintf@'))
    cases = [
        ('a vector register, by mmu_client', leaf, MOVQ, True),
        ('a vector register, in a callout', callout, MOVQ, True),
        ('a vector register, in the emitter', emitter, MOVQ, True),
        ('a vector register, by cpu_env', env, MOVQ, True),
        ('x87', direct, bytes.fromhex('d9e8'), True),                # fld1
        ('MXCSR', direct, bytes.fromhex('0fae5424f8'), True),        # ldmxcsr -8(%rsp)
        ('MMX', direct, bytes.fromhex('0f77'), True),                # emms
        ('AVX', direct, bytes.fromhex('c5f877'), True),              # vzeroupper
        ('a shared library', direct, call(direct, library), True),
        ('a call by pointer', store, bytes.fromhex('ffd0'), True),  # call *%rax
        ('a jump by pointer', store, bytes.fromhex('ffe0'), True),
        ('a vector register, in a leaf', program.named('ports_leaf', 'devices'), MOVQ, True),
        ('what is entered saved', direct, call(direct, program.named('on_fault', 'monitor')), True),
        ('a gate that does not save', gate, bytes.fromhex('ffd0'), True),
        ('a gate in a handler', revoke, call(revoke, gate), True),
        ('a vector register behind a gate', outside, MOVQ, False),
        ('x87 behind a gate', outside, bytes.fromhex('d9e8'), True),
        ('MMX behind a gate', outside, bytes.fromhex('0f77'), True),
    ]
    failed = False
    with tempfile.TemporaryDirectory() as scratch:
        out = os.path.join(scratch, 'planted')
        for what, function, code, bad in cases:
            plant(path, out, function, code)
            wrong = check(out, map_path)[0]
            if bool(wrong) != bad or (bad and not any(function.name in w for w in wrong)):
                print(f'self-test: {what}, in {function}: {"not found" if bad else "refused"}',
                      *wrong, sep='\n')
                failed = True
    return failed


def main():
    if sys.argv[1] == '--self-test':
        return self_test(sys.argv[2])
    wrong, reached, gates = check(sys.argv[1], sys.argv[1] + '.map')
    print(*wrong, sep='\n', end='\n' if wrong else '')
    print(f'{reached} functions run with the guest\'s registers, {gates} gates; {len(wrong)} wrong')
    return bool(wrong)


sys.exit(main())
