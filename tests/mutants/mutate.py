"""Single bugs in C text.

A mutant is one line of one function, replaced: it is known by file, function, the line
that was and the line that is (and which of several equal lines), so that it survives
whatever else changes in the file.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

# Lines whose loss nobody but a reader would notice: checks, logs, counters, messages.
SILENT = re.compile(r"\b(CHECK|free|assert|log_on|log_write|report|_Static_assert|perror)\b|"
                    r"\bstats\.\w+")
ANYWHERE = "*"      # in a function's place: the line may be in a table of the file as well
NAME = r"[A-Za-z_]\w*"


@dataclass(frozen=True)
class Function:
    file: str
    name: str
    first: int          # line number of its first line inside the braces
    lines: tuple


@dataclass(frozen=True)
class Mutant:
    file: str
    function: str
    kind: str
    old: str
    new: str
    nth: int            # among the lines of the function that equal old

    def id(self):
        text = "\0".join([self.file, self.function, self.old.strip(), self.new.strip(), str(self.nth)])
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def rank(self, seed):
        return hashlib.sha256(f"{seed}\0{self.id()}".encode()).hexdigest()

    def diff(self):
        which = f" (occurrence {self.nth + 1})" if self.nth else ""
        return f"{self.file} {self.function}{which}\n-{self.old}\n+{self.new}"

    def line(self, text):
        """The number of its line in a file's text, or None."""
        if self.function == ANYWHERE:
            at = [i for i, l in enumerate(text.split("\n"), 1) if l.strip() == self.old.strip()]
            return at[self.nth] if self.nth < len(at) else None
        for f in functions(self.file, text):
            if f.name == self.function:
                at = [i for i, l in enumerate(f.lines) if l.strip() == self.old.strip()]
                if self.nth < len(at):
                    return f.first + at[self.nth]
        return None

    def apply(self, text):
        """The file's text with the bug in it, or None where it has no place any more."""
        line = self.line(text)
        if line is None:
            return None
        lines = text.split("\n")
        old = lines[line - 1]
        indent = old[:len(old) - len(old.lstrip())]
        lines[line - 1] = indent + self.new.strip()
        return "\n".join(lines)


def blank(text):
    """The same text, comments, strings and preprocessor lines blanked out."""
    keep_lines = lambda m: re.sub(r"[^\n]", " ", m[0])
    text = re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', keep_lines, text,
                  flags=re.S)
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", keep_lines, text, flags=re.M)


def functions(file, text):
    found = []
    lines, code = text.split("\n"), blank(text).split("\n")
    for i, line in enumerate(code):
        if not line.startswith("{"):
            continue
        head, j = "", i - 1
        while j >= 0 and code[j].strip() and not code[j].startswith("}"):
            head = code[j] + " " + head
            j -= 1
        m = re.search(rf"({NAME})\s*\(", re.sub(r"__attribute__\s*\(\(.*?\)\)", "", head))
        end = next((k for k in range(i, len(code)) if code[k].startswith("}")), None)
        if m and end and "=" not in head:
            found.append(Function(file, m[1], i + 2, tuple(lines[i + 1:end])))
    return found


def enums(root):
    """neighbour[constant]: the one beside it in its enum."""
    neighbour = {}
    for p in sorted(Path(root, "src").rglob("*.[ch]")):
        for body in re.findall(rf"\benum\s*(?:{NAME})?\s*\{{(.*?)\}}", blank(p.read_text()), re.S):
            names = re.findall(rf"(?:^|,)\s*({NAME})", body)
            for a, b in zip(names, names[1:] + names[-2:-1]):
                neighbour[a] = b
    return neighbour


RELATIONS = {"<": ["<="], "<=": ["<"], ">": [">="], ">=": [">"], "==": ["!="], "!=": ["=="]}
ARITHMETIC = {"+": "-", "-": "+", "<<": ">>", ">>": "<<", "&": "|", "|": "&"}
DECLARATION = re.compile(r"^\s*(?:static |const |struct |enum |unsigned |volatile |u?int\d*_t |"
                         r"bool |char |void |int |size_t |long |double |gpa_t |gla_t )")
STATEMENT = re.compile(rf"\s*((?:\(void\))?{NAME}[^;]*|\*+{NAME}[^;]*|\+\+[^;]*|--[^;]*|break|continue|"
                       rf"goto {NAME});\s*$")


def balanced(code, at):
    """The index behind the bracket that closes the one at `at`, or None."""
    depth = 0
    for i in range(at, len(code)):
        depth += (code[i] == "(") - (code[i] == ")")
        if depth == 0:
            return i + 1
    return None


def of_line(line, code, neighbour):
    """(kind, new line) for each bug that fits."""
    def put(start, end, new):
        return line[:start] + new + line[end:]

    # Relations, logic, arithmetic: binary operators stand between spaces.
    for m in re.finditer(r" (<=|>=|==|!=|<<|>>|&&|\|\||[<>+\-&|]) ", code):
        op, at = m[1], m.start(1)
        for new in RELATIONS.get(op, []):
            yield "relation", put(at, at + len(op), new)
        if op in ("&&", "||"):
            yield "logic", put(at, at + 2, "||" if op == "&&" else "&&")
        if op in ARITHMETIC:
            yield "arithmetic", put(at, at + len(op), ARITHMETIC[op])
    # Compound assignment.
    for m in re.finditer(r" ([+\-|&])= ", code):
        new = {"+": "-=", "-": "+=", "|": "&=", "&": "|="}[m[1]]
        yield "assignment", put(m.start(1), m.end(1) + 1, new)
        yield "assignment", put(m.start(1), m.end(1) + 1, "=")
    # Numbers, one beside: but the length of an array in its declaration, or of memory.
    for m in re.finditer(r"(?<![\w.])(0[xX][0-9a-fA-F]+|\d+)([uUlL]*)(?![\w.])", code):
        before = code[:m.start()].rstrip()
        if DECLARATION.match(code) and before.endswith("[") and "=" not in before:
            continue
        if before.endswith("calloc("):
            continue
        n = int(m[1], 0 if m[1] in "0" or m[1][:2].lower() == "0x" else 10)
        show = (lambda v: hex(v)) if m[1][:2].lower() == "0x" else str
        yield "constant", put(m.start(), m.end(), show(n + 1) + m[2])
        if n > 1:
            yield "constant", put(m.start(), m.end(), show(n - 1) + m[2])
    # Conditions: negated, taken once.
    m = re.match(r"\s*(?:\} else )?(if|while) \(", code)
    if m:
        end = balanced(code, m.end() - 1)
        if end:
            yield "condition", put(m.end(), end - 1, f"!({line[m.end():end - 1]})")
            if m[1] == "while":
                yield "once", put(m.start(1), m.end(1), "if")
    # A statement that is not there: a call or an assignment, whole on its line.
    m = STATEMENT.match(code)
    if m and not re.match(r"\s*(return|else|do|case|default|sizeof)\b", code) and \
       not DECLARATION.match(code) and balanced_all(code) and \
       (re.search(r"\(|[^=!<>]=[^=]|\+\+|--", code) or m[1] in ("break", "continue")):
        yield "deletion", put(m.start(1), m.end(1) + 1, ";")
    # Flags: one fewer in a set, one more let through.
    for m in re.finditer(rf" \| ([A-Z]\w+)\b(?!\()", code):
        yield "flag", put(m.start(), m.end(), "")
    for m in re.finditer(rf"\b([A-Z]\w+) \| ", code):
        yield "flag", put(m.start(), m.end(), "")
    for m in re.finditer(rf" & (~?(?:[A-Z]\w+|0x[0-9a-f]+))\b(?!\()", code):
        yield "mask", put(m.start(), m.end(), "")
    # Constants by name.
    for m in re.finditer(rf"\b([A-Z][A-Z0-9_]+)\b(?!\()", code):
        if m[1] in neighbour:
            yield "enum", put(m.start(), m.end(), neighbour[m[1]])
    for m in re.finditer(r"\b(true|false)\b", code):
        yield "boolean", put(m.start(), m.end(), "false" if m[1] == "true" else "true")
    # Negation lost.
    for m in re.finditer(r"(?<![\w!=])!(?=[\w(])", code):
        yield "negation", put(m.start(), m.end(), "")


def balanced_all(code):
    return code.count("(") == code.count(")") and code.count("{") == code.count("}")


def mutants_of(function, neighbour):
    code = blank("\n".join(function.lines)).split("\n")
    seen = {}
    made = {}
    for line, bare in zip(function.lines, code):
        nth = seen.get(line.strip(), 0)
        seen[line.strip()] = nth + 1
        if not bare.strip() or SILENT.search(line):
            continue
        for kind, new in of_line(line, bare, neighbour):
            if new != line:
                m = Mutant(function.file, function.name, kind, line.strip(), new.strip(), nth)
                made.setdefault(m.id(), m)
    return list(made.values())


def all_mutants(root, module):
    neighbour = enums(root)
    made = {}
    for p in sorted(Path(root, "src", module).rglob("*.c")):
        if "tour" in p.parts:       # the tour's own guest
            continue
        file = str(p.relative_to(root))
        for f in functions(file, p.read_text()):
            made.setdefault((file, f.name), []).extend(mutants_of(f, neighbour))
    return {k: v for k, v in made.items() if v}


def chosen(root, module, seed):
    """All of a module's mutants in the order in which they are tried: a mutant of each
    function before the second of any, by a hash that depends on nothing but itself."""
    by_function = all_mutants(root, module)
    rank = lambda k: hashlib.sha256(f"{seed}\0{k[0]}\0{k[1]}".encode()).hexdigest()
    queues = [sorted(by_function[k], key=lambda m: m.rank(seed)) for k in sorted(by_function, key=rank)]
    for turn in range(max(map(len, queues), default=0)):
        for q in queues:
            if turn < len(q):
                yield q[turn]
