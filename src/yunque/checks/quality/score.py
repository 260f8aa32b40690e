"""A quality score of a text from 0 to 1, from cheap features that anybody can recompute.

Each feature (`FEATURES`) is a number with a sentence of meaning, and a grade from 0 to 1: 1 between ``good_low`` and
``good_high``, 0 at or beyond ``bad_low`` and ``bad_high``, and straight lines between them. Then

    score = exp(sum(weight * log(max(grade, FLOOR))) / sum(weight))

over the features that the text has, those of weight 0 left out: a weighted geometric mean, so that much that is good cannot
pay for what is very bad, as in a minified file.

A feature that does not apply (functions, in a text without any) is absent, never a magic number. The score grades how a
file is written, not what it does; no parser runs unless ``parse_errors`` is asked for.

Covered: Python and languages with braces; functions by the shape of their first line, and their ends by indentation.
Not covered: correctness; one-line functions; code whose indentation lies.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from yunque.checks.canaries import canary
from yunque.checks.findings import decide, skip, timed
from yunque.checks.quality.heuristics import lines_of
from yunque.code.grammars import error_lines, parse
from yunque.code.languages import PARSED
from yunque.code.lexing import Scan, scan
from yunque.core.nouns import Canary, Finding, Record, Verdict

FLOOR = 0.05
"""The least that one feature counts: at 0 it alone would decide."""
MAX_WORDS = 20_000
"""Of a text's words, as many from its start decide what depends on names."""


@dataclass(frozen=True)
class Feature:
    """One number of a text, and which values are good."""

    name: str
    says: str
    weight: float
    bad_low: float = -math.inf
    good_low: float = -math.inf
    good_high: float = math.inf
    bad_high: float = math.inf

    def grade(self, value: float) -> float:
        """0 (bad) to 1 (good)."""
        if value < self.good_low:
            return max(0.0, (value - self.bad_low) / (self.good_low - self.bad_low))
        if value > self.good_high:
            return max(0.0, (self.bad_high - value) / (self.bad_high - self.good_high))
        return 1.0


_NO_END = math.inf
FEATURES: tuple[Feature, ...] = (
    Feature("documented", "share of functions with a docstring or a comment above", 2, 0.0, 0.6),
    Feature("function-lines", "mean lines of a function", 2, 0, 3, 30, 120),
    Feature("long-function", "lines of the longest function", 1, -1, 0, 80, 400),
    Feature("nesting", "deepest indentation, in steps of the text's own width", 1.5, -1, 0, 6, 14),
    Feature("name-length", "mean characters of the different names", 2, 2, 5, 14, 30),
    Feature("name-entropy", "Shannon entropy of the words of the code, in bits", 1.5, 2.5, 5),
    Feature("short-names", "share of words that are one letter", 1, -1, 0, 0.12, 0.5),
    Feature("comment-share", "share of comments in what is not white space", 1, -0.001, 0.02, 0.4, 0.9),
    Feature("hints", "share of Python functions with a return annotation", 0.5, -0.5, 0.5),
    Feature("todo-density", "TODO, FIXME, XXX and HACK, wherever they stand, in a thousand lines", 1, -1, 0, 5, 50),
    Feature("duplicate-lines", "share of lines of ten characters or more that repeat another", 2, -1, 0, 0.15, 0.6),
    Feature("line-length", "mean characters of a line that is not blank, without its indentation", 1.5, 3, 12, 60, 150),
    Feature("long-lines", "share of lines over 120 characters", 1, -1, 0, 0.02, 0.3),
    Feature("literal-share", "share of strings and numbers among them and the words", 2, -1, 0, 0.35, 0.85),
    Feature("lines", "lines that are not blank", 1.5, 0, 12, 1500, 8000),
    Feature("tests", "share of functions that are tests; says nothing good or bad", 0),
    Feature("error-lines", "share of lines with something that the grammar does not know", 4, -1, 0, 0, 0.1),
)
"""What is measured. ``-1`` as a bad lower end means that nothing is too small."""
_TODO = ("TODO", "FIXME", "XXX", "HACK")
_PYTHON_DEF = re.compile(r"(?:async[ \t]+)?def[ \t]+(\w+)")
_CONTROL = re.compile(
    r"[}\s]*(?:if|else|for|while|switch|catch|do|try|with|return|match|select|foreach|elseif|synchronized|using)\b"
)
_NAME = re.compile(r"(?<!\w)(\w++)[ \t]*+(?:=[ \t]*+(?:async[ \t]*+)?)?(?:function\b[ \t]*+)?(?:<[^()]{0,60}>)?\(")
_ABOVE = ("*/", "//", "#", "*", "--", "@", "[")


@dataclass
class _Function:
    name: str
    indent: int
    first: int
    documented: bool
    hinted: bool
    lines: int = 0


class Quality:
    """FAIL for a text whose score is under ``min_score``, as 1 % of popular packages' files are; every feature is a value.

    ``parse_errors``: look for what the grammar does not know as well (a parse of the text, the dearest feature by far).
    ``min_lines``: shorter texts are SKIP, since nothing can be said of their style.
    """

    name = "quality"

    def __init__(self, min_score: float = 0.5, parse_errors: bool = False, min_lines: int = 3) -> None:
        self.min_score, self.parse_errors, self.min_lines = min_score, parse_errors, min_lines

    @timed
    def judge(self, record: Record) -> Verdict:
        """A verdict with the score, and the features as ``values``."""
        if len(lines_of(record.text)) < self.min_lines:
            return skip(self.name, f"under {self.min_lines} lines")
        values = features(record.text, record.language)
        if self.parse_errors and record.language in PARSED:
            try:
                tree = parse(record.text.encode("utf-8", "surrogatepass"), record.language)
            except ImportError as error:
                return skip(self.name, f"the grammar is not installed ({error})")
            values["error-lines"] = len(error_lines(tree, record.language)) / values["lines"]
        grades = {item: item.grade(values[item.name]) for item in FEATURES if item.weight and item.name in values}
        logs = sum(name.weight * math.log(max(grade, FLOOR)) for name, grade in grades.items())
        score = math.exp(logs / sum(grade.weight for grade in grades))
        worst = sorted(grades, key=lambda item: -item.weight * (1 - grades[item]))[:3]
        details = (
            ", ".join(f"{item.name} {values[item.name]:.3g}" for item in worst if grades[item] < 1) or "nothing stands out"
        )
        message = f"quality {score:.2f} ({details})"
        findings = [Finding(rule="quality", message=message, severity="warning")] if score < self.min_score else []
        return decide(self.name, findings, values=values, score=score, detail=message)

    def canaries(self) -> Sequence[Canary]:
        """A text that nobody can read, and a plain one."""
        good = "".join(
            f'def {name}(width: float, height: float) -> float:\n    """The {name} of a rectangle."""\n'
            f"    # both sides are in metres\n    {name}_found = width {sign} height\n    return {name}_found\n\n\n"
            for name, sign in (("area", "*"), ("ratio", "/"), ("difference", "-"), ("girth", "+"))
        )
        return [
            canary(("x(b,1,2,3,4,5,6,7,8,9,'c','d','e','f','g','h');y(1,2,3);" * 4 + "\n") * 40, "python", "quality"),
            canary(good, "python"),
        ]


def features(text: str, language: str) -> dict[str, float]:
    """Every feature that the text has, by name; the text has a line that is not blank."""
    result, lines = scan(text, language), lines_of(text)
    values: dict[str, float] = {"lines": float(len(lines))}
    lengths = list(map(len, lines))
    values["line-length"] = sum(lengths) / len(lines)
    values["long-lines"] = sum([length > 120 for length in lengths]) / len(lines)
    counted = [line for line in lines if len(line) > 9]
    if counted:
        values["duplicate-lines"] = 1 - len(set(counted)) / len(counted)
    values["todo-density"] = 1000 * sum([text.count(word) for word in _TODO]) / len(lines)
    if result.known:
        comments = sum([end - start for start, end in result.comments])
        values["comment-share"] = comments / max(1, sum(lengths))
    values |= _names(result)
    values |= _functions(result, text, language)
    return values


def _names(result: Scan) -> dict[str, float]:
    words = result.words[:MAX_WORDS]
    counts = Counter(words)
    numbers = sum([n for word, n in counts.items() if word[:1].isdigit()])
    names = {word: n for word, n in counts.items() if not word[:1].isdigit()}
    total = sum(names.values())
    values = {}
    if len(names) >= 5:
        values["name-length"] = sum(map(len, names)) / len(names)
        values["name-entropy"] = -sum([n / total * math.log2(n / total) for n in names.values()])
        values["short-names"] = sum([n for word, n in names.items() if len(word) == 1 and word != b"_"]) / total
    strings = result.num_strings * min(1.0, MAX_WORDS / max(1, len(result.words)))
    if total + numbers + strings >= 20:
        values["literal-share"] = (numbers + strings) / (total + numbers + strings)
    return values


def _functions(result: Scan, text: str, language: str) -> dict[str, float]:
    """What is known of functions, and the deepest indentation; one pass over the lines."""
    lines = result.code.split("\n")
    python = language == "python"
    opened: list[_Function] = []
    closed: list[_Function] = []
    steps: Counter[int] = Counter()
    before = deepest = last = 0
    above = text.split("\n")
    for index, line in enumerate(lines):
        bare = line.lstrip()
        if not bare:
            continue
        indent = len(line) - len(bare)
        if "\t" in line[:indent]:
            indent = len(line[:indent].expandtabs(4))
        if indent > before:
            steps[indent - before] += 1
            deepest = max(deepest, indent)
        before = indent
        while opened and indent <= opened[-1].indent and bare[0] not in ")]":
            if bare[0] in "{}":
                break
            _close(opened, closed, last)
        last = index
        if python:
            match = _PYTHON_DEF.match(bare) if bare[0] in "da" else None
        else:
            match = _NAME.search(bare) if bare.rstrip()[-1] == "{" and "(" in bare and not _CONTROL.match(bare) else None
        if match:
            while not python and opened and indent <= opened[-1].indent:
                _close(opened, closed, last)
            documented, hinted = _document(lines, above, index, python)
            opened.append(_Function(match[1], indent, index, documented, hinted))
    while opened:
        _close(opened, closed, last)
    step = min([item for item, _ in steps.most_common(2)], default=4)
    values = {"nesting": deepest / max(2, step)}
    if closed:
        sizes = [item.lines for item in closed]
        values |= {"function-lines": sum(sizes) / len(sizes), "long-function": float(max(sizes))}
        values["documented"] = sum([item.documented for item in closed]) / len(closed)
        values["tests"] = sum([item.name.lower().startswith("test") for item in closed]) / len(closed)
        if python:
            values["hints"] = sum([item.hinted for item in closed]) / len(closed)
    return values


def _close(opened: list[_Function], closed: list[_Function], last: int) -> None:
    item = opened.pop()
    item.lines = last - item.first + 1
    closed.append(item)


def _document(lines: Sequence[str], above: Sequence[str], position: int, python: bool) -> tuple[bool, bool]:
    """Whether a function that starts on a line has a docstring or a comment above, and a return annotation."""
    if not python:
        return position > 0 and position <= len(above) and above[position - 1].strip().startswith(_ABOVE), False
    for to in range(position, min(position + 30, len(lines))):
        text = lines[to].rstrip()
        if text.endswith(":"):
            follows = next((line.strip() for line in lines[to + 1 : to + 4] if line.strip()), "")
            return follows.lstrip("rRuUbB").startswith('""'), "->" in text
    return False, False
