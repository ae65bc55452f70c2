#!/usr/bin/env python3
"""No circle among the files of a folder of src, and no call against the order that its internal
header states.

    check-cycles.py SOURCE BUILD    looks at the libraries of BUILD
    check-cycles.py --self-test CC

A file depends on another where it calls a global function of it: as the objects' relocations
have it. To take a function's address, to give it to one below, is no call.

An internal header, of the files that share it, opens with their list: a line ` *   FILE.c   what
it is`, or several files to a line, from the top down. What is named behind the list stands
beside the order, and is held to have no circle alone.
"""

import fnmatch
import glob
import os
import re
import subprocess
import sys
import tempfile
from collections import defaultdict

# Calls that go up all the same, as folder, file, function. Each must be there, and go up.
EXCEPTIONS = set()
HEADERS = ('*internal.h', 'xlate.h')
LINE = re.compile(r'^ \*   ((?:[\w*]+\.[cS](?:, )?)+)(?:  +(.*))?$', re.M)
FILE = re.compile(r'[\w*]+\.[cS]\b')


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def calls(library):
    """{(caller's file, callee's file): {functions}}"""
    where = {}
    for line in output('nm', '-A', '-g', '--defined-only', library).splitlines():
        name, _, kind, symbol = re.match(r'.*?:(\S+?)\.o:(\S+) (\S) (\S+)$', line).groups()
        if kind in 'TW':
            where[symbol] = name
    found = defaultdict(set)
    name = None
    for line in output('readelf', '-rW', library).splitlines():
        if line.startswith('File: '):
            name = re.search(r'\((\S+)\.o\)$', line)[1]
        else:
            call = re.match(r'\S+ +\S+ +R_X86_64_PLT32 +\S+ +(\S+)', line)
            if call and where.get(call[1], name) != name:
                found[name, where[call[1]]].add(call[1])
    return found


def reached(edges, start):
    seen, todo = set(), [start]
    while todo:
        at = todo.pop()
        for caller, callee in edges:
            if caller == at and callee not in seen:
                seen.add(callee)
                todo.append(callee)
    return seen


def order(folder):
    """({file: {header: rank}}, problems) as the folder's internal headers have it."""
    files = {os.path.basename(f) for f in glob.glob(f'{folder}/*.[cS]')}
    rank, problems = {}, []
    headers = [h for h in glob.glob(f'{folder}/*.h')
               if any(fnmatch.fnmatch(os.path.basename(h), p) for p in HEADERS)]
    for header in headers:
        with open(header, encoding='utf-8') as f:
            text = f.read()
        head = text[:text.find('*/')] if text.startswith('/*') else ''
        lines = LINE.findall(head)
        if len(lines) < 2:
            problems.append(f'{header}:1: does not open with the list of its files')
            continue
        for i, (names, what) in enumerate(lines):
            for name in FILE.findall(names):
                if not fnmatch.filter(files, name):
                    problems.append(f'{header}:1: lists {name}, which is not there')
            for name in FILE.findall(names + ' ' + what):
                for each in fnmatch.filter(files, name):
                    rank.setdefault(each, {}).setdefault(header, i)
        named = FILE.findall(head)
        for each in sorted(files):
            with open(f'{folder}/{each}', encoding='utf-8') as f:
                shares = re.search(rf'#include ".*/{os.path.basename(header)}"', f.read())
            if shares and not any(fnmatch.fnmatch(each, n) for n in named):
                problems.append(f'{header}:1: does not list {each}')
    return rank, problems


def calls_up(rank, a, b):
    """Does b stand above a, in a list that has both?"""
    return any(i > rank.get(b, {}).get(header, i) for header, i in rank.get(a, {}).items())


def check_folder(folder, library, exceptions):
    """What is wrong with it, a line each."""
    rank, problems = order(folder)
    edges = calls(library)
    name = os.path.basename(folder)
    allowed = {(a, b): {f for f in functions if (name, a, f) in exceptions}
               for (a, b), functions in edges.items()}
    kept = {edge for edge, functions in edges.items() if functions - allowed[edge]}
    for a, b in sorted(kept):
        what = f'{folder}/{a}: calls {", ".join(sorted(edges[a, b] - allowed[a, b]))} of {b}'
        if a in reached(kept, b):
            problems.append(f'{what}: a circle')
        elif calls_up(rank, a, b):
            problems.append(f'{what}, above it in the list')
    for _, file, function in sorted(e for e in exceptions if e[0] == name):
        edge = [e for e in edges if e[0] == file and function in allowed[e]]
        if not edge or not (file in reached(kept, edge[0][1])
                            or calls_up(rank, file, edge[0][1])):
            problems.append(f'{folder}/{file}: the exception for {function} is not needed')
    return problems


def check(source, build):
    problems = []
    libraries = sorted(glob.glob(f'{build}/src/*/lib*.a'))
    if not libraries:
        problems.append(f'no libraries in {build}')
    for library in libraries:
        folder = os.path.basename(os.path.dirname(library))
        problems += check_folder(f'{source}/src/{folder}', library, EXCEPTIONS)
    return problems


SOURCES = {
    'top': 'void low(void); void peer(void); void top(void) { low(); peer(); }',
    'peer': 'void low(void); void peer(void) { low(); }',
    'low': 'void low(void) {}',
}
LIST = '/* All.\n *\n *   top.c, peer.c   above\n *   low.c    below */\n'


def self_test(compiler):
    def found(exceptions=(), header=LIST, **changed):
        with tempfile.TemporaryDirectory() as folder:
            base = os.path.basename(folder)
            with open(f'{folder}/internal.h', 'w', encoding='ascii') as f:
                f.write(header)
            for name, text in (SOURCES | changed).items():
                with open(f'{folder}/{name}.c', 'w', encoding='ascii') as f:
                    f.write(f'#include "{base}/internal.h"\n{text}\n')
                subprocess.run([compiler, '-O2', '-fPIC', f'-I{os.path.dirname(folder)}', '-c',
                                f'{folder}/{name}.c', '-o', f'{folder}/{name}.c.o'], check=True)
            subprocess.run(['ar', 'cr', f'{folder}/lib.a', *glob.glob(f'{folder}/*.o')], check=True)
            said = check_folder(folder, f'{folder}/lib.a', {(base, *e) for e in exceptions})
            return ' | '.join(said)

    low_calls_top = {'low': 'void top(void); void low(void) { top(); }'}
    up = low_calls_top | {'top': 'void top(void) {}'}
    takes_top = {'low': 'void top(void); void (*kept)(void) = top; void low(void) {}'}
    for name, wanted, said in (
            ('right', '', found()),
            ('circle', 'low.c: calls top of top.c: a circle', found(**low_calls_top)),
            ('circle of peers', 'peer.c: calls top of top.c: a circle',
             found(peer='void top(void); void peer(void) { top(); }')),
            ('up', 'low.c: calls top of top.c, above it in the list', found(**up)),
            ('address', '', found(**takes_top)),
            ('exception', '', found([('low.c', 'top')], **low_calls_top)),
            ('exception without a call', 'low.c: the exception for top is not needed',
             found([('low.c', 'top')])),
            ('exception downwards', 'top.c: the exception for low is not needed',
             found([('top.c', 'low')])),
            ('no list', 'does not open with the list', found(header='/* All. */\n')),
            ('not listed', 'does not list low.c', found(header=LIST.replace('low.c', 'peer.c'))),
            ('not there', 'lists no.c, which is not there',
             found(header=LIST.replace('low.c', 'no.c'))),
            ('beside', '', found(header=LIST.replace('low.c    below', 'peer.c\n * low.c: beside'),
                                 **up)),
    ):
        if (wanted not in said) if wanted else said:
            sys.exit(f'self-test, {name}: wanted {wanted!r}, found {said!r}')


if sys.argv[1:2] == ['--self-test'] and len(sys.argv) == 3:
    self_test(sys.argv[2])
elif len(sys.argv) == 3:
    wrong = check(sys.argv[1], sys.argv[2])
    print('\n'.join(wrong), end='\n' if wrong else '')
    sys.exit(bool(wrong))
else:
    sys.exit(__doc__)
