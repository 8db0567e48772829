"""Where operators and rules stand in the sources, and what can be broken in each.

A subject is an operator with the code of its definition (its literal, or its call of a helper that makes one, and the
functions of the same file that it names, directly or not) or an algebraic rule. A mutant changes one token of a subject:
a sign, an index, a term that goes missing, or one function for its relative.
"""
import re
from dataclasses import dataclass, field

# Token -> what it becomes, by kind of mistake. Only inside code: strings and comments are blanked out before.
SIGNS = [
    (r" \+ (?=[\w(])", " - "), (r" - (?=[\w(])", " + "), (r"\bkAdd\b", "kSub"), (r"\bkSub\b", "kAdd"),
    (r"(?<=[({,] )-(?=[A-Z(])|(?<=[({])-(?=[A-Z(])", ""), (r"\bkMax\b", "kMin"), (r"\bkMin\b", "kMax"),
    (r"\bkLt\b", "kGt"), (r"\bkGt\b", "kLt"), (r"\bkGe\b", "kLt"), (r"\bkLe\b", "kGt"), (r"\bkEq\b", "kNe"), (r"\bkNe\b", "kEq"),
    (r"\bMinimum\(", "Maximum("), (r"\bMaximum\(", "Minimum("), (r"\bGreater\(", "Less("), (r"\bLess\(", "Greater("),
    (r"\bkAnd\b", "kOr"), (r"\bkOr\b", "kAnd"),
]
INDICES = [
    (r"\[0\]", "[1]"), (r"\[1\]", "[0]"), (r"\[2\]", "[1]"), (r"(?<=, )0(?=\))", "1"), (r"(?<=, )1(?=\))", "0"),
    (r"\bAxis\(0\)", "Axis(1)"), (r" \+ 1\b", ""), (r" - 1\b", ""), (r"(?<=\()1\.0\b", "2.0"), (r"\b2\.0\b", "1.0"),
    (r"\b0\.5\b", "0.25"),
]
TERMS = [
    (r" \* [A-Z]\w*\((?:[^()]|\([^()]*\))*\)", ""), (r" \* [a-z]\w*\b(?![\w(.\[-])", ""),
    (r" / [a-z]\w*\b(?![\w(.\[-])", ""), (r" \+ [a-z]\w*\b(?![\w(.\[-])", ""), (r" - [a-z]\w*\b(?![\w(.\[-])", ""),
    (r" \* \d\.\d+", ""), (r" / static_cast<double>\(count\)", ""),
    (r"\bCos\(", "Sin("), (r"\bSin\(", "Cos("), (r"\bExp\(", "Log("), (r"\bSquare\(", "Abs("), (r"\bSqrt\(", "Square("),
    (r"\bDefine<k(?!Not)\w+>", "Define<kNeg>"), (r"\bkMul\b", "kAdd"), (r"\bkDiv\b", "kMul"), (r"\bSum\(", "Max("),
]
KINDS = {"sign": SIGNS, "index": INDICES, "missing term": TERMS}
# In what a rule puts for its pattern. Operands are exchanged only where their order matters.
RULE_TOKENS = {
    "sign": [(r"\badd\(", "sub("), (r"\bsub\(", "add("), (r"^([a-z]\w*.*)$", r"neg(\1)")],
    "index": [(r"\b(sub|div|pow)\((\w), (\w)\)", r"\1(\3, \2)"), (r"\b1\b", "2")],
    "missing term": [(r"\b(?:neg|square|exp|log|sqrt|abs|relu)\((\w+)\)", r"\1"), (r"\bmul\((\w+), \w+\)", r"\1"),
                     (r"\badd\((\w+), \w+\)", r"\1"), (r"\bsub\((\w+), \w+\)", r"\1")],
}


@dataclass
class Subject:
    name: str  # "operator tanh", "rule double_neg"
    path: str
    spans: list = field(default_factory=list)  # (first, last) character of its code


@dataclass
class Mutant:
    subject: Subject
    kind: str
    first: int
    last: int
    replacement: str

    def describe(self, text):
        line = text.count("\n", 0, self.first) + 1
        return (f"{self.subject.name}: {self.kind} at {self.subject.path}:{line}: "
                f"'{text[self.first:self.last].strip()}' -> '{self.replacement.strip()}'")


def without_words(text):
    """The same length, strings and comments blank."""
    blank = lambda match: re.sub(r"[^\n]", " ", match[0])
    return re.sub(r'"(?:\\.|[^"\\\n])*"|//[^\n]*', blank, text)


def closing(text, open_at):
    """Behind the bracket that closes the one at `open_at`; `text` is without strings."""
    depth = 0
    for at in range(open_at, len(text)):
        depth += text[at] in "({["
        depth -= text[at] in ")}]"
        if depth == 0:
            return at + 1
    return len(text)


def functions_of(code):
    """Name -> span of every function of a file; bodies end with a brace in the first column."""
    found = {}
    for match in re.finditer(r"^(?![ #}/])[^\n;=]*?\b(\w+)\((?:[^;{}]|\{\})*?\) (?:const )?\{", code, re.MULTILINE):
        found[match[1]] = (match.start(), closing(code, match.end() - 1))
    return found


def with_helpers(code, span, functions):
    """The span and those of the functions that it names, and that they name."""
    spans, waiting = [], [span]
    while waiting:
        first, last = waiting.pop()
        if (first, last) in spans:
            continue
        spans.append((first, last))
        for word in set(re.findall(r"\b[A-Z]\w+\b", code[first:last])):
            # What checks operands and attributes has its own error samples, one for each rule.
            if word in functions and not re.match(r"Infer|Check", word):
                waiting.append(functions[word])
    return spans


def operators(path, text, names):
    """`names` are those of all operators."""
    code, functions, subjects = without_words(text), functions_of(without_words(text)), []
    tables = [span for name, span in functions.items() if name.endswith("Ops")]
    helpers = {name: place for name, place in functions.items() if place not in tables}
    for match in re.finditer(r'(?:\{\s*\.name = |\b[A-Z]\w*(?:<\w+>)?\(\s*)"([a-z]\w*)"', text):
        in_table = any(first <= match.start() < last for first, last in tables)
        if not in_table or match[1] not in names:
            continue
        open_at = text.index("{" if ".name" in match[0] else "(", match.start())
        span = (match.start(), closing(code, open_at))
        subjects.append(Subject(f"operator {match[1]}", path, with_helpers(code, span, helpers)))
    return subjects


def rules(path, text):
    """A rule's replacement."""
    row = re.compile(r'^    \{"(\w+)",\s*k(?:Exact|Real),\s*"[^"]*",\s*"([^"]*)"', re.MULTILINE)
    return [Subject(f"rule {match[1]}", path, [(match.start(2), match.end(2))]) for match in row.finditer(text)]


def mutants_of(subject, text):
    is_rule = subject.name.startswith("rule")
    code = text if is_rule else without_words(text)
    found = []
    for kind, tokens in (RULE_TOKENS if is_rule else KINDS).items():
        for first, last in subject.spans:
            for pattern, replacement in tokens:
                for match in re.finditer(pattern, code[first:last]):
                    changed = match.expand(replacement)
                    if changed != match[0]:
                        place = first + match.start()
                        found.append(Mutant(subject, kind, place, first + match.end(), changed))
    return found
