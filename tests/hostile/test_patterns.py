"""No regular expression of the product takes more than linear time on hostile text.

A text of some megabytes that a judge needs an hour for stops a harvest as surely as a crash does. Every call of ``re`` is
found in the sources, its pattern is made as the product makes it, and strings are derived from the pattern's parse tree:
what stands before a repeat, then what the repeat matches over and over, then what lets the match fail. Where four times
the text takes much more than four times as long, the pattern is named.

Not covered: patterns of other libraries, and loops of the product around a pattern that is linear by itself.
"""

from __future__ import annotations

import ast
import functools
import importlib
import re
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from re import _constants as op
from re import _parser as parser

import pytest

import yunque

SOURCES = Path(yunque.__file__).parent
METHODS = {"search", "match", "fullmatch", "finditer", "findall", "sub", "subn", "split"}
ANCHORED = {"match", "fullmatch"}
MANY = 30
"""A repeat that may go on for so long is attacked."""
CHARS, FACTOR = 1_000, 4
"""The length of an attack, and how many times as long the second one is that confirms it."""
SLOW, LIMIT = 0.000_3, 0.15
"""Seconds: what an attack of four times CHARS takes at least to be looked at again, and when a call is broken off."""
TOO_STEEP = 8.0
"""Four times the text in more than so many times the time: linear is 4, quadratic 16."""


# ------------------------------------------------------------------------------------------------------- what there is
@dataclass(frozen=True)
class Found:
    """A pattern, and where and how it is used."""

    module: str
    where: str
    """The name that it is bound to at module level, or the function that holds it."""
    pattern: re.Pattern
    anchored: tuple[str, ...] = ()
    """``match`` and ``fullmatch`` when it is never searched for."""

    def __str__(self) -> str:
        return f"{self.module}:{self.where} {self.pattern.pattern!r:.200}"


def _values(name: str) -> Callable:
    return lambda module: getattr(module, name).values()


def _definitions(module) -> Iterable[str]:
    """What ``last_definition`` gives, and looks for in a prompt."""
    from yunque.evaluation.suites import extraction

    for form in (*extraction.DEFINES.values(), extraction._C_FAMILY):
        yield form.replace("NAME", "solve")
        yield form.replace("NAME", r"(\w+)")


def _forms_end(module) -> Iterable[str]:
    from yunque.evaluation.suites import multipl_e

    return [form.end[0] for form in multipl_e.FORMS.values() if form.end]


BUILT: dict[tuple[str, str], Callable] = {
    ("code.languages", "'|'.join((f'(?:{sign})' for sign in row.signs))"): lambda module: (
        signs.pattern for signs in module._SIGNS.values()
    ),
    ("code.lexing", "'|'.join(_FAMILIES[lexer])"): lambda module: ("|".join(ways) for ways in module._FAMILIES.values()),
    ("checks.privacy.secret_patterns", "b'(?<![A-Za-z0-9_])' + pattern + b'(?![A-Za-z0-9_-])'"): lambda module: (
        pattern for _, _, pattern in module._ISSUED
    ),
    ("checks.deprecation.deprecated", "_MARKS[language].encode()"): lambda module: (
        one.encode() for one in module._MARKS.values()
    ),
    (
        "checks.quality.file_kinds",
        "'|'.join((translate(pattern.casefold()) for pattern in patterns)) or '(?!)'",
    ): lambda module: (
        module._any_of(globs).pattern for globs in (module.GENERATED_FILES, module.MINIFIED_FILES, module.VENDOR_FILES)
    ),
    ("checks.privacy.identifiers", "plan"): _values("_NATIONAL"),
    ("checks.deprecation.obsolete", "api.pattern"): lambda module: (
        api.pattern for apis in module.APIS.values() for api in apis
    ),
    ("checks.privacy.personal_data", "_SIGNED"): lambda module: (pattern for _, pattern in module._SIGNED),
    ("checks.execution.printed_values", "form.head"): lambda module: (form.head for form in module.FORMS.values()),
    ("checks.execution.printed_values", "'\\\\s*' + re.escape(form.begins)"): lambda module: (
        r"\s*" + re.escape(form.begins) for form in module.FORMS.values()
    ),
    ("checks.execution.printed_values", "'\\\\s*' + form.tail + '\\\\s*'"): lambda module: (
        rf"\s*{form.tail}\s*" for form in module.FORMS.values()
    ),
    ("checks.security.safe_use", "form.pattern"): lambda module: (form.pattern for form in module.FORMS),
    ("checks.security.patterns", "rule.pattern"): lambda module: (rule.pattern for rule in module.rules()),
    (
        "checks.execution.programs",
        "f'(?<!\\\\s)(?:\\\\s*+\\\\}}){{{num_braces}}}\\\\s*+(?:;\\\\s*+)?\\\\Z'",
    ): lambda module: (
        rf"(?<!\s)(?:\s*+\}}){{{num_braces}}}\s*+(?:;\s*+)?\Z" for _, num_braces in module.ENDINGS.values() if num_braces
    ),
    ("data.streams.git_history", "f'\\\\b{re.escape(name)}\\\\b'"): lambda module: [r"\bsolve\b"],
    ("data.streams.notebooks", "f'(?:\\\\\\\\.|(?!{quote}).)*'"): lambda module: (
        rf"(?:\\.|(?!{quote}).)*" for quote in ("'", '"', "'''", '"""')
    ),
    ("code.shingles", "b'(' + expression.pattern.encode() + b')'"): lambda module: (
        module._splitter(lexer).pattern for lexer in ("python", "c", "go", "script", "php", "shell", "sql")
    ),
    ("data.licences.spdx", "f'\\\\b{_UNDER} {name}\\\\b'"): _values("_NAMED_RE"),
    (
        "data.licences.spdx",
        "f'(?: licenses?)?(?: and or| or| and)(?: the| a| an| under| of| terms){{0,4}} {name}\\\\b'",
    ): _values("_LISTED_RE"),
    ("data.licences.spdx", "f\"\\\\b{_UNDER} (?:gnu )?(?:{gnu['kind']} )?(?:gpl|general public license)\""): lambda module: (
        rf"\b{module._UNDER} (?:gnu )?(?:{kind} )?(?:gpl|general public license)" for kind in (None, "lesser", "affero")
    ),
    ("evaluation.suites.extraction", "definition"): _definitions,
    ("evaluation.suites.extraction", "defines.replace('NAME', '(\\\\w+)')"): _definitions,
    ("evaluation.suites.humanevalpack", "definition"): _definitions,
    ("evaluation.suites.humanevalpack", "last_definition(language, row['declaration'])"): _definitions,
    ("evaluation.suites.humanevalpack", "f\"\\\\b{re.escape(name.rpartition('/')[2])}\\\\.\""): lambda module: [r"\brand\."],
    ("evaluation.suites.humanevalpack", "f'\\\\b{name}\\\\b'"): lambda module: [r"\bsolve\b"],
    ("evaluation.suites.humanevalpack", "use"): _values("_RUST_CRATES"),
    ("evaluation.suites.humanevalpack", "pattern"): _forms_end,
    ("evaluation.suites.jsonl", "result"): _definitions,
    ("evaluation.suites.jsonl", "row.definition"): _definitions,
    ("evaluation.suites.multipl_e", "definition"): _definitions,
    ("evaluation.suites.multipl_e", "end[0]"): _forms_end,
    ("evaluation.suites.multipl_e", "*end"): _forms_end,
    ("evaluation.suites.multipl_e", "f'^{re.escape(form.doc)}'"): lambda module: (
        f"^{re.escape(form.doc)}" for form in module.FORMS.values()
    ),
    ("evaluation.suites.humaneval_mbpp", "definition"): _definitions,
    ("evaluation.suites.robustness", "f'\\\\b{renamed(entry)}\\\\b'"): lambda module: [r"\bsolve_3f\b"],
    ("evaluation.suites.robustness", "f'\\\\b{re.escape(entry)}\\\\b'"): lambda module: [r"\bsolve\b"],
}
"""Patterns that are made in a function, by module and the source of what is compiled: what gives them, of the module."""
NOT_OURS = {
    (
        "evaluation.suites.cyberseceval",
        "row['rule']",
    ): "the rules of a benchmark's rows, whose files are pinned by their hash",
    ("evaluation.suites.cyberseceval", "rule"): "the same, compiled to see that they are patterns",
}
"""What no pattern can be made for here, and why none has to be."""


NEVER_SEARCHED = {
    ("checks.quality.boilerplate", "_RULER"): ("match",),
    ("checks.quality.commented_code", "_PYTHON_LINE"): ("match",),
    ("checks.quality.commented_code", "_C_LINE"): ("match",),
    ("checks.quality.commented_code", "_SHELL_LINE"): ("match",),
    ("checks.quality.file_kinds", "_any_of"): ("match",),
    ("checks.privacy.personal_data", "_AFTER"): ("match",),
    ("checks.privacy.personal_data", "_SIGNED"): ("match",),
    ("code.bodies", "_HASH"): ("match",),
    ("code.bodies", "_SLASHES"): ("match",),
    ("code.bodies", "_BOTH"): ("match",),
}
"""Patterns that stand in a table or come from a function, and are matched at a place alone."""


def _lines(chars: int) -> Callable[[str], str]:
    """Cuts every line; what takes one line at a time is linear in their number."""
    return lambda text: text[:chars].replace("\n", " ")


def _security_cut(text: str) -> str:
    from yunque.code.blanking import _LONG

    return _LONG.sub(r"\1", text)


CUT: dict[tuple[str, str], tuple[Callable[[str], str], str]] = {
    ("checks.quality.commented_code", "_PYTHON_LINE"): (
        _lines(500),
        "a line of a comment, empty where longer than MAX_LINE",
    ),
    ("checks.quality.commented_code", "_C_LINE"): (_lines(500), "the same"),
    ("checks.quality.commented_code", "_SHELL_LINE"): (_lines(500), "the same"),
    ("checks.privacy.secret_patterns", "_WORD_END"): (_lines(80), "searched in the 80 bytes before a word"),
    ("checks.security.injection", "_RUNS"): (_lines(60), "searched in the last 60 characters of a function's name"),
    ("checks.deprecation.obsolete", "_GUARD"): (_lines(300), "the last line of 300 characters"),
    ("checks.privacy.personal_data", "_LOCAL"): (_lines(64), "searched in the 64 bytes before an @"),
    ("checks.privacy.personal_data", "_ADDRESS_END"): (_lines(160), "searched in the 160 bytes before a name"),
    ("checks.privacy.personal_data", "_OF_SOFTWARE"): (_lines(40), "searched in the 40 bytes before an address"),
    ("checks.privacy.entropy", "_CAMEL"): (_lines(20), "a value of more than 20 bytes is judged before it comes to this"),
    ("checks.privacy.entropy", "_TYPE"): (_lines(512), "a value of more than 512 bytes is judged before"),
    ("checks.security.patterns", "rules_for"): (_security_cut, "every line is cut at LONGEST_LINE"),
    ("code.languages", "_SIGNS"): (_lines(160), "every line is cut at SIGN_CHARS"),
    ("data.streams.commits", "_BUMP"): (_lines(200), "the first 200 characters of a subject"),
}
"""Patterns that take more than linear time but see short texts alone: how those are cut, and where."""
LONGEST = 2_000
"""Characters of the longest text that such a pattern sees."""
TRUSTED = {
    (
        "checks.execution.printed_values",
        "take_apart",
    ): "tests and prompts of benchmark rows, whose files are pinned by their hash",
    ("evaluation.suites.cyberseceval", "_PREAMBLE"): "the same",
    ("evaluation.suites.humanevalpack", "_go"): "the same",
    ("evaluation.suites.multipl_e", "rows"): "the same",
    ("evaluation.suites.multipl_e", "test"): "the same",
    ("evaluation.suites.robustness", "_EXAMPLE"): "the same",
}
"""Patterns that nothing hostile comes to."""


@functools.cache
def _trees() -> dict[str, ast.Module]:
    """The modules that use ``re``, by name without the package's."""
    texts = {path: path.read_text("utf-8") for path in sorted(SOURCES.rglob("*.py"))}
    return {
        ".".join(path.relative_to(SOURCES).with_suffix("").parts): ast.parse(text)
        for path, text in texts.items()
        if re.search(r"^\s*(?:import re\b|from re\b)", text, re.MULTILINE)
    }


def _calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call, ast.AST | None]]:
    """Where (the name bound, or the function), the call of ``re``, and what it stands in."""

    def walk(node: ast.AST, where: str, above: ast.AST | None, depth: int) -> Iterator[tuple[str, ast.Call, ast.AST | None]]:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            where, depth = node.name, depth + 1
        elif isinstance(node, ast.Assign | ast.AnnAssign) and not depth:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            where = ast.unparse(targets[0]).strip("()")
        called = node.func if isinstance(node, ast.Call) else None
        if isinstance(called, ast.Attribute) and called.attr in METHODS | {"compile"} and ast.unparse(called.value) == "re":
            yield where, node, above
        for child in ast.iter_child_nodes(node):
            yield from walk(child, where, node, depth)

    yield from walk(tree, "", None, 0)


def _uses() -> dict[tuple[str, str], set[str]]:
    """Module and name -> the methods that are called on it; "" for a use as anything else."""
    uses: dict[tuple[str, str], set[str]] = {}
    for name, tree in _trees().items():
        called = {
            node.func.value: node.func.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                uses.setdefault((name, node.id), set()).add(called.get(node, ""))
            elif isinstance(node, ast.ImportFrom):
                for one in node.names:  # what another module does with it is not looked into
                    uses.setdefault(((node.module or "").removeprefix("yunque."), one.name), set()).add("")
    return uses


@functools.cache
def collected() -> tuple[list[Found], list[str]]:
    """Every pattern, and every call for which there is none."""
    found: dict[tuple, Found] = {}
    missing, uses = [], _uses()
    for name, tree in _trees().items():
        module = importlib.import_module(f"yunque.{name}")
        for where, call, above in _calls(tree):
            first = ast.unparse(call.args[0])
            flags = _flags(module, call)
            how = {call.func.attr}
            if how == {"compile"}:
                how = uses.get((name, where), {""})
                if isinstance(above, ast.Attribute):
                    how = {above.attr}
                elif not isinstance(above, ast.Assign) or not where.isidentifier():
                    how = {""}
            anchored = tuple(sorted(how)) if how <= ANCHORED else NEVER_SEARCHED.get((name, where), ())
            if (name, first) in NOT_OURS:
                continue
            if build := BUILT.get((name, first)) or BUILT.get((name, where)):
                texts = list(build(module))
            else:
                try:
                    texts = [eval(compile(ast.Expression(call.args[0]), name, "eval"), dict(vars(module)))]
                except NameError:
                    texts = []
            if not texts:
                missing.append(f"{name}:{call.lineno} {first}")
            for text in texts:
                pattern = text if isinstance(text, re.Pattern) else re.compile(text, flags)
                own = (name, where) if {(name, where)} & {*CUT, *TRUSTED, *NEVER_SEARCHED} else ()
                found.setdefault((pattern.pattern, pattern.flags, anchored, own), Found(name, where, pattern, anchored))
    return list(found.values()), missing


def _flags(module, call: ast.Call) -> int:
    place = {"compile": 1, "sub": 4, "subn": 4, "split": 3}.get(call.func.attr, 2)
    given = [one.value for one in call.keywords if one.arg == "flags"] + call.args[place : place + 1]
    return eval(compile(ast.Expression(given[0]), "flags", "eval"), dict(vars(module))) if given else 0


# ------------------------------------------------------------------------------------------------------------ attacks
_FIRST = "aA0 \t\n_-\"'/\\"
ALPHABET = _FIRST + "".join(chr(one) for one in range(128) if chr(one) not in _FIRST)
MORE = {str: "\xa0\xe9\u0130\u017f\u2028\u4e2d", bytes: "\x85\xa0\xc3\xff"}
PUMPS = (
    *" \n\t\"'\\/*#0aA_-.,:;<>()[]{}=&%$@!`",
    "/*",
    "//",
    "\\\\",
    "a ",
    "a.",
    "a,",
    " \n",
    "\n\n",
    "\r\n",
    "()",
    "[(",
    '"""',
    "```",
    "aA0_",
    "<a ",
    "-- ",
)
SUFFIXES = ("", "\0", "\n!")
MOST_PUMPS = 5


class Attacks:
    """The hostile strings of one pattern; for one of bytes they are Latin-1."""

    def __init__(self, pattern: re.Pattern) -> None:
        self.kind = type(pattern.pattern)
        self.flags = pattern.flags
        self.tree = parser.parse(pattern.pattern, pattern.flags)
        self.alphabet = ALPHABET + MORE[self.kind]
        self.groups: dict[int, str] = {}
        self.known: dict[tuple, frozenset[str]] = {}
        sets = list(self._sets(self.tree, self.flags))
        signatures: dict[tuple, str] = {}
        for char in self.alphabet:
            signatures.setdefault(tuple(char in one for one in sets), char)
        self.kinds = sorted(signatures.values(), key=lambda char: -sum(char in one for one in sets))
        """One character of each kind that the pattern tells apart, those first that most of its parts match."""

    def __iter__(self) -> Iterator[tuple[str, str, str]]:
        """Prefix, pump and suffix of each attack."""
        pumps = dict.fromkeys([*self._from_tree(), *(("", pump) for pump in (*PUMPS, *self.kinds[:8]))])
        yield from ((prefix, pump, suffix) for prefix, pump in pumps if pump for suffix in SUFFIXES)

    def made(self, attack: tuple[str, str, str], length: int, found: Found) -> str | bytes:
        """The text of an attack, as the product would give it to the pattern."""
        prefix, pump, suffix = attack
        text = prefix + pump * (length // len(pump)) + suffix
        cut, _ = CUT.get((found.module, found.where), (None, ""))
        text = cut(text) if cut else text
        return text if self.kind is str else text.encode("latin-1", "replace")

    def _from_tree(self) -> Iterator[tuple[str, str]]:
        for prefix, body, flags in self._repeats(self.tree, self.flags, lambda turn: ""):
            for turn in range(4):
                before = prefix(turn)
                pumps = [self._sample(body, flags, one) for one in range(turn, turn + 3)]
                if len(body) == 1 and (chars := self._chars(body[0], flags)) is not None:
                    pumps = [char for char in self.kinds if char in chars][:MOST_PUMPS]
                for pump in dict.fromkeys(pumps):
                    yield before, pump
                    yield "", pump
                    yield "", before + pump
                    yield "", pump + before
                yield "", before
                yield "", before + "\n"

    def _repeats(
        self, items, flags: int, prefix: Callable[[int], str]
    ) -> Iterator[tuple[Callable[[int], str], object, int]]:
        for at, (kind, value) in enumerate(items):

            def before(turn: int, items=items, at=at) -> str:
                return prefix(turn) + self._sample(items[:at], flags, turn)

            for body, inner in _inside(kind, value, flags):
                if kind in REPEATS and value[1] > MANY:
                    yield before, body, inner
                yield from self._repeats(body, inner, before)

    def _sample(self, items, flags: int, turn: int) -> str:
        """A text that the items match, more or less; another one each turn."""
        said = ""
        for kind, value in items:
            if (chars := self._chars((kind, value), flags)) is not None:
                choices = [char for char in self.kinds if char in chars]
                said += (
                    choices[turn // 2 % len(choices)]
                    if choices
                    else next((one for one in self.alphabet if one in chars), "")
                )
            elif kind is op.BRANCH:
                said += self._sample(value[1][turn % len(value[1])], flags, turn)
            elif kind is op.SUBPATTERN:
                text = self._sample(value[3], (flags | value[1]) & ~value[2], turn)
                self.groups[value[0]] = text
                said += text
            elif kind is op.ATOMIC_GROUP:
                said += self._sample(value, flags, turn)
            elif kind in REPEATS:
                said += self._sample(value[2], flags, turn) * min(max(value[0], turn % 2), value[1])
            elif kind is op.ASSERT and value[0] < 0:
                said += self._sample(value[1], flags, turn)
            elif kind is op.GROUPREF:
                said += self.groups.get(value, "")
            elif kind is op.GROUPREF_EXISTS:
                said += self._sample(value[1], flags, turn)
        return said

    def _sets(self, items, flags: int) -> Iterator[frozenset[str]]:
        for kind, value in items:
            if (chars := self._chars((kind, value), flags)) is not None:
                yield chars
            for body, inner in _inside(kind, value, flags):
                yield from self._sets(body, inner)

    def _chars(self, item, flags: int) -> frozenset[str] | None:
        """The characters of the alphabet that an item matches; None for what is no set of characters."""
        kind, value = item
        if kind is op.IN:  # the only one that takes time to find out
            key = (tuple(value), flags)
            if key not in self.known:
                self.known[key] = self._set(value, flags)
            return self.known[key]
        if kind is op.ANY:
            return frozenset(self.alphabet) - frozenset("" if flags & re.DOTALL else "\n")
        if kind is op.LITERAL:
            return self._folded(frozenset({chr(value)}), flags)
        if kind is op.NOT_LITERAL:
            return frozenset(self.alphabet) - self._folded(frozenset({chr(value)}), flags)
        return None

    def _set(self, value, flags: int) -> frozenset[str]:
        """The characters of the alphabet that are in a set in brackets."""
        negated = value[0][0] is op.NEGATE
        chars: set[str] = set()
        for part, what in value[negated:]:
            if part is op.LITERAL:
                chars.add(chr(what))
            elif part is op.RANGE:
                chars |= {char for char in self.alphabet if what[0] <= ord(char) <= what[1]} or {chr(what[0])}
            else:
                chars |= {char for char in self.alphabet if self._is(what, char, flags)}
        folded = self._folded(frozenset(chars), flags)
        return frozenset(self.alphabet) - folded if negated else folded

    def _folded(self, chars: frozenset[str], flags: int) -> frozenset[str]:
        return chars | {one for char in chars for one in (char.lower(), char.upper())} if flags & re.IGNORECASE else chars

    def _is(self, category, char: str, flags: int) -> bool:
        kind, negated = _CATEGORIES[category]
        plain = char.isascii() or not (self.kind is bytes or flags & re.ASCII)
        return (plain and kind(char)) != negated


_CATEGORIES = {
    op.CATEGORY_DIGIT: (str.isdecimal, False),
    op.CATEGORY_NOT_DIGIT: (str.isdecimal, True),
    op.CATEGORY_SPACE: (str.isspace, False),
    op.CATEGORY_NOT_SPACE: (str.isspace, True),
    op.CATEGORY_WORD: (lambda char: char.isalnum() or char == "_", False),
    op.CATEGORY_NOT_WORD: (lambda char: char.isalnum() or char == "_", True),
}
REPEATS = (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT)


def _inside(kind, value, flags: int) -> list[tuple[object, int]]:
    """The sequences in an item, each with its flags."""
    if kind in REPEATS:
        return [(value[2], flags)]
    if kind is op.BRANCH:
        return [(one, flags) for one in value[1]]
    if kind is op.SUBPATTERN:
        return [(value[3], (flags | value[1]) & ~value[2])]
    if kind is op.ATOMIC_GROUP:
        return [(value, flags)]
    if kind in (op.ASSERT, op.ASSERT_NOT):
        return [(value[1], flags)]
    if kind is op.GROUPREF_EXISTS:
        return [(one, flags) for one in value[1:] if one]
    return []


# ------------------------------------------------------------------------------------------------------------- time
class _TooLongError(Exception):
    pass


def _broken_off(*_: object) -> None:
    raise _TooLongError


def _seconds(found: Found, text: str | bytes, times: int = 1) -> float:
    """How long the pattern takes over a text, at best; LIMIT where it is broken off."""
    best = LIMIT
    for _ in range(times):
        signal.setitimer(signal.ITIMER_PROF, LIMIT)
        try:
            started = time.thread_time()
            if found.anchored:
                for method in found.anchored:
                    getattr(found.pattern, method)(text)
            else:
                deque(found.pattern.finditer(text), maxlen=0)
            best = min(best, time.thread_time() - started)
        except _TooLongError:
            return LIMIT
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
    return best


@functools.cache
def _plainly_quadratic() -> float:
    """What an attack may take at once here: twice the time of the plainest quadratic pattern over the longest text.

    Twice, since other tests run beside it, now and not then.
    """
    return 2 * _seconds(Found("", "", re.compile(r"a\w*;")), "a" * LONGEST, 3)


def _steep(found: Found) -> str:
    """What shows that a pattern takes more than linear time; empty if nothing does."""
    attacks = Attacks(found.pattern)
    suspects: list[tuple[float, tuple[str, str, str]]] = []
    for attack in attacks:
        took = _seconds(found, attacks.made(attack, CHARS, found))
        suspects.append((took, attack))
        if took > LIMIT / 4:
            break
    for _, attack in sorted(suspects, reverse=True)[:3]:
        cut = attacks.made(attack, LONGEST, found)
        if (found.module, found.where) in CUT and (b"\n" if isinstance(cut, bytes) else "\n") not in cut:
            if (took := _seconds(found, cut, 3)) > _plainly_quadratic():
                return f"{found}: {attack!r:.160}, {took * 1000:.1f} ms for the longest text that it sees"
            continue
        if _grows(found, attacks, attack, CHARS) and (told := _grows(found, attacks, attack, CHARS * FACTOR)):
            return f"{found}: {attack!r:.160}, {told}"
    return ""


def _grows(found: Found, attacks: Attacks, attack: tuple[str, str, str], chars: int) -> str:
    """How long a text and another one of FACTOR times its length take, where that is too steep."""
    short, long = (attacks.made(attack, length, found) for length in (chars, chars * FACTOR))
    if _seconds(found, long) < SLOW * chars / CHARS:
        return ""
    short_s, long_s = _seconds(found, short, 2), _seconds(found, long, 2)
    told = f"{short_s * 1000:.1f} ms for {chars:,} characters, {long_s * 1000:.1f} for {FACTOR} times"
    return told if long_s > TOO_STEEP * short_s or long_s >= LIMIT else ""


# ------------------------------------------------------------------------------------------------------------- tests
@pytest.fixture
def alarm():
    """Calls can be broken off: ``re`` looks for signals while it matches."""
    before = signal.signal(signal.SIGPROF, _broken_off)
    yield
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.signal(signal.SIGPROF, before)


def test_every_call_of_re_is_collected():
    found, missing = collected()
    assert not missing
    assert len(found) > 900, "patterns were lost"


def test_every_table_names_what_is_there():
    calls = [(name, where, ast.unparse(call.args[0])) for name, tree in _trees().items() for where, call, _ in _calls(tree)]
    places = {(name, where) for name, where, _ in calls}
    first = {(name, said) for name, _, said in calls}
    assert not {*CUT, *TRUSTED, *NEVER_SEARCHED} - places
    assert not {*BUILT} - places - first
    assert not {*NOT_OURS} - first


@pytest.mark.parametrize(
    ("pattern", "steep"),
    [
        (r"\s+$", True),
        (r"(a|a)*b", True),
        (r"/\*.*?\*/", True),
        (rb"from (\w+) import (\([^)]*\))", True),
        (r"(?<!\s)\s++$", False),
        (r"[a-z]+", False),
        (r"x{0,30}y", False),
    ],
)
def test_steep_patterns_are_told_from_flat_ones(alarm, pattern, steep):
    assert bool(_steep(Found("", "", re.compile(pattern, re.DOTALL)))) == steep


def test_no_pattern_takes_more_than_linear_time(alarm):
    found, _ = collected()
    assert not [told for one in found if (one.module, one.where) not in TRUSTED and (told := _steep(one))]
