"""Where else in a file somebody will make the change that they just made.

    last edit     url = get(path)            ->  url = get(path, timeout=5)
    proposed      data = get(other)          ->  data = get(other, timeout=5)      with the words around as evidence

A change is taken apart into tokens: what was replaced by what, and what stands around it. A name that was replaced is looked
for by itself, anything shorter or more common with the tokens around it. What a change of the same kind teaches is counted:
made twice, it is more likely meant everywhere.

Covered: names, arguments, operators, literals, insertions and deletions within a line; any language.
Not covered: changes over several lines; changes that follow from another one (a new parameter that callers must give).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

TOKEN = re.compile(r"\w+|[^\w\s]")
AT_LEAST, REMEMBERED = 2, 8
"""How often a change must have been made before it is proposed: of what is proposed after the first, 59 % is exactly what
its author does next, after the second 85 % (docs/editors.md); and of how many changes that is remembered."""
LEAST_NAME = 3
"""Shorter names are looked for with what stands around them."""
MOST_CHARS = 200
"""Of a change, before or after."""
MOST_TEXT = 1_000_000
_COMMON = """
and as assert async await bool break case catch class const continue def del do elif else enum except export extends false
final finally float for from func function global if import in int is lambda let new nil none nonlocal not null or pass
private public raise return self static str string struct super switch this throw true try type typeof var void while with
yield
"""
COMMON = frozenset(_COMMON.split())
"""Words of languages: replaced, they say nothing of others."""


@dataclass(frozen=True, kw_only=True)
class Edit:
    """A change that somebody made; offsets count characters of the text as it is now."""

    start: int
    before: str
    after: str


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A change to propose; offsets count characters of the text as it is now."""

    start: int
    end: int
    text: str
    line: int
    """From 0."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What a change says of others: these tokens, between those, become this text."""

    old: tuple[str, ...]
    left: tuple[str, ...]
    right: tuple[str, ...]
    text: str
    """What stands there instead; with the blanks around it where nothing stood before."""
    is_name: bool
    """Whether it is a name that is long enough to be looked for by itself."""


def rule_of(text: str, edit: Edit) -> Rule | None:
    """The rule of a change; None of one that says nothing of others."""
    start, before, after = _widened(text, edit)
    if "\n" in before + after or max(len(before), len(after)) > MOST_CHARS or before.strip() == after.strip():
        return None
    line_start, line_end = text.rfind("\n", 0, start) + 1, _line_end(text, start)
    left = tuple(TOKEN.findall(text[line_start:start]))
    right = tuple(TOKEN.findall(text[start + len(after) : line_end]))
    old, new = tuple(TOKEN.findall(before)), tuple(TOKEN.findall(after))
    is_name = len(old) == 1 and len(old[0]) >= LEAST_NAME and old[0].lower() not in COMMON and not old[0].isdigit()
    if is_name and new:
        return Rule(old=old, left=(), right=(), text=after.strip(), is_name=True)
    wanted = 2 if not old else 1
    if len(left) < wanted or not right or not any(token.isidentifier() and len(token) > 1 for token in (*left[-2:], *old)):
        return None
    if not old:  # with the blanks between what stands before it and behind it
        last = list(TOKEN.finditer(text, line_start, start))[-1].end()
        following = TOKEN.search(text, start + len(after), line_end)
        after = text[last : following.start() if following else line_end]
    return Rule(old=old, left=left[-wanted:], right=right[:1], text=after, is_name=False)


def next_edits(text: str, edit: Edit, most: int = 5) -> list[Proposal]:
    """The same change at other places, first those behind it in the order of the file, then those before it."""
    rule = rule_of(text, edit)
    return _elsewhere(text, edit, rule, most) if rule is not None and len(text) <= MOST_TEXT else []


def _elsewhere(text: str, edit: Edit, rule: Rule, most: int = 5) -> list[Proposal]:
    """Where a rule fits beside the change that it comes from."""
    here = (edit.start, edit.start + len(edit.after))
    others = [item for item in _places(text, rule) if item.end < here[0] or item.start > here[1]]
    behind = [item for item in others if item.start > here[1]]
    return [*behind, *(item for item in others if item.start <= here[1])][:most]


def _places(text: str, rule: Rule) -> Iterator[Proposal]:
    """Where a rule fits, in the order of the text."""
    first = next(iter((*rule.left, *rule.old)))
    tokens = list(TOKEN.finditer(text))
    wanted = (*rule.left, *rule.old, *rule.right)
    for index, token in enumerate(tokens):
        if token[0] != first or tuple(item[0] for item in tokens[index : index + len(wanted)]) != wanted:
            continue
        group = tokens[index : index + len(wanted)]
        if "\n" in text[group[0].start() : group[-1].end()]:
            continue
        inner = group[len(rule.left) : len(rule.left) + len(rule.old)]
        if inner:
            start, end = inner[0].start(), inner[-1].end()
        else:
            start, end = group[len(rule.left) - 1].end(), group[len(rule.left)].start()
        yield Proposal(start=start, end=end, text=rule.text, line=text.count("\n", 0, start))


def _widened(text: str, edit: Edit) -> tuple[int, str, str]:
    """A change in whole tokens, without what is the same at its ends."""
    start, before, after = edit.start, edit.before, edit.after
    inner = difference(before, after)
    before, after, start = inner.before, inner.after, start + inner.start
    while start > 0 and _is_word(text[start - 1]) and (_is_word(before[:1]) or _is_word(after[:1])):
        start -= 1
        before, after = text[start] + before, text[start] + after
    end = start + len(after)
    while end < len(text) and _is_word(text[end]) and (_is_word(before[-1:]) or _is_word(after[-1:])):
        before, after = before + text[end], after + text[end]
        end += 1
    return start, before, after


def _is_word(char: str) -> bool:
    return char == "_" or char.isalnum()


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end


@dataclass(kw_only=True)
class EditTrail:
    """The changes of one file, told apart as a person makes them: keys at one place are one change."""

    text: str
    """As it is now."""
    _base: str = field(init=False)
    """As it was before the change that is going on."""
    _region: tuple[int, int] = field(default=(0, 0), init=False)
    """Of the change that is going on."""
    _rules: deque[Rule | None] = field(default_factory=lambda: deque(maxlen=REMEMBERED), init=False)

    def __post_init__(self) -> None:
        self._base = self.text

    def changed(self, text: str) -> None:
        """The text is another one."""
        if text == self.text:
            return
        now = difference(self.text, text)
        start, end = self._region
        behind = now.start + len(now.before)
        if self._base != self.text and (now.start > end or behind < start):
            self._rules.append(rule_of(self.text, difference(self._base, self.text)))
            self._base = self.text
        if self._base == self.text:
            start, end = now.start, behind
        self._region = min(start, now.start), max(end, behind) + len(now.after) - len(now.before)
        self.text = text

    def proposals(self, at_least: int = AT_LEAST) -> list[Proposal]:
        """Where the last change will be made too, if it was made so many times."""
        if self._base == self.text or len(self.text) > MOST_TEXT:
            return []
        edit = difference(self._base, self.text)
        rule = rule_of(self.text, edit)
        if rule is None or 1 + sum(rule == other for other in self._rules) < at_least:
            return []
        return _elsewhere(self.text, edit, rule)


def difference(before: str, after: str) -> Edit:
    """The shortest single change by which a text became another one."""
    head = _same_start(before, after)
    rest = min(len(before), len(after)) - head
    tail = _same_start(before[::-1][:rest], after[::-1][:rest])
    return Edit(start=head, before=before[head : len(before) - tail], after=after[head : len(after) - tail])


def _same_start(first: str, second: str) -> int:
    """How many characters are the same at the start of both; by halves, since comparing slices is fast."""
    low, high = 0, min(len(first), len(second))
    while low < high:
        middle = (low + high + 1) // 2
        if first[low:middle] == second[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
