"""Which function a test tests: in its own file, and across the files of one source.

    index = TestedIndex()
    for record in records:              # in any order, also from several processes
        index.add(file_facts(record))   # facts are small, plain data: make them where the record is parsed anyway
    for pair in index.pairs(lambda: records):
        ...

A test names what it tests: ``test_foo_when_empty`` -> ``foo``, ``TestFoo.test_bar`` -> ``Foo.bar``, ``it('foo …')`` inside
``describe('Foo')`` -> ``Foo.foo``. The name is believed when the test calls that function and, in another file, when the
test's file imports the function's (or lies in the same folder, for languages that import nothing there). What is left with
more than one function is left out: a guess would teach something false.

Memory: about 200 bytes for each function and test of all files, and the texts of at most ``AT_ONCE`` pairs.

Covered: functions marked as tests in every language with a row; ``it`` and ``test`` of JavaScript, TypeScript and Ruby.
Not covered: tests of more than one function, tests that name nothing ("works"), functions called through another one.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from yunque.code.functions import Function, code_only, functions, is_test_path
from yunque.code.grammars import captures, parse
from yunque.code.languages import LANGUAGES, row_of
from yunque.core.nouns import Pair, PairKind, Record, content_id
from yunque.data.pairs.natural_language import natural_language

AT_ONCE = 10_000
"""Pairs whose texts are held at a time; more are another scan over the records."""
MAX_NAMESAKES = 64
"""Functions of one name in one source that are looked at; a name that more have tells nothing."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A function that can be tested."""

    record_id: str
    path: str
    name: str
    scope: str
    """The class around it; empty at module level."""
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Claim:
    """A test, and what its name says that it tests."""

    start: int
    end: int
    names: tuple[str, ...]
    """What it may be called, most words first; plain letters only."""
    scope: str
    """The class it may belong to, plain letters only; empty where nothing says so."""
    calls: frozenset[str]
    """Of the names it could mean, those it calls, as they are written."""
    prose: str
    """What it says in words: its docstring, or the text of an ``it``."""


@dataclass(frozen=True, kw_only=True)
class FileFacts:
    """What the index needs of one file."""

    record_id: str
    source: str
    path: str
    language: str
    definitions: tuple[Definition, ...] = ()
    claims: tuple[Claim, ...] = ()
    imports: frozenset[str] = frozenset()
    """Dotted names of what a file with claims imports."""


@dataclass(frozen=True, slots=True)
class _Match:
    test_id: str
    claim: tuple[int, int]
    prose: str
    target: Definition


def file_facts(record: Record) -> FileFacts:
    """What the index needs of a file: its functions, its tests and its imports."""
    result = functions(record.text, record.language)
    place = {
        "record_id": record.id,
        "source": record.origin.source,
        "path": record.origin.path,
        "language": record.language,
    }
    in_tests = is_test_path(record.origin.path)
    definitions = tuple(
        Definition(record.id, record.origin.path, node.name, _scope(node), node.start_byte, node.end_byte)
        for node in result
        if not node.is_test and node.has_body and not _TEST_CLASS.search(_scope(node)) and len(_plain(node.name)) >= 3
    )
    claims = tuple(_claims(record, result, in_tests))
    imports = _imports(record) if claims else frozenset()
    return FileFacts(**place, definitions=() if in_tests and not claims else definitions, claims=claims, imports=imports)


class TestedIndex:
    """Functions and tests of many files, and which belong together. The same whatever the order of ``add``."""

    def __init__(self, *, max_prompt_chars: int = 4000, max_answer_chars: int = 3000, across: bool = True) -> None:
        self.max_prompt_chars, self.max_answer_chars, self.across = max_prompt_chars, max_answer_chars, across
        self._defined: dict[tuple[str, str, str], list[Definition]] = defaultdict(list)
        self._tests: list[FileFacts] = []

    def add(self, facts: FileFacts) -> None:
        """Take in one file."""
        language = row_of(facts.language).family
        for definition in facts.definitions:
            self._defined[facts.source, language, _plain(definition.name)].append(definition)
        if facts.claims:
            self._tests.append(facts)

    def pairs(self, read: Callable[[], Iterable[Record]]) -> Iterator[Pair]:
        """Every pair of a test and its function, by the test's path; ``read`` gives all records, and may be called again."""
        result = [
            _Match(facts.record_id, (claim.start, claim.end), claim.prose, target)
            for facts in sorted(self._tests, key=lambda test: (test.source, test.path, test.record_id))
            for claim in facts.claims
            if (target := self._target(facts, claim)) is not None
        ]
        for index in range(0, len(result), AT_ONCE):
            yield from self._cut(result[index : index + AT_ONCE], read)

    def _target(self, facts: FileFacts, claim: Claim) -> Definition | None:
        language = row_of(facts.language).family
        for name in claim.names:
            same_name = self._defined.get((facts.source, language, name), ())
            if len(same_name) > MAX_NAMESAKES:
                continue
            called = [item for item in same_name if item.name in claim.calls and not _inside(item, facts, claim)]
            here = [item for item in called if item.record_id == facts.record_id]
            seen = here or [item for item in called if self.across and _is_imported(item, facts)]
            if claim.scope and (of_class := [item for item in seen if _plain(item.scope) == claim.scope]):
                seen = of_class
            if len(seen) == 1:
                # The call of a method says nothing of its class: it must be the only one, or that of the test's class.
                of_another = seen[0].scope and not here and _plain(seen[0].scope) != claim.scope
                return None if of_another and len(same_name) > 1 else seen[0]
            if seen:
                return None  # more than one: no guess
        return None

    def _cut(self, matches: Sequence[_Match], read: Callable[[], Iterable[Record]]) -> Iterator[Pair]:
        wanted: dict[str, set[tuple[int, int]]] = defaultdict(set)
        for match in matches:
            wanted[match.test_id].add(match.claim)
            wanted[match.target.record_id].add((match.target.start, match.target.end))
        texts: dict[tuple[str, int, int], tuple[str, str]] = {}
        for record in read():
            if record.id in wanted:
                data = record.text.encode()
                for start, end in wanted[record.id]:
                    # With the indentation of its first line, which is part of how it is written.
                    texts[record.id, start, end] = (data[_line_start(data, start) : end].decode(), record.language)
        for match in matches:
            test, language = texts[match.test_id, *match.claim]
            answer, _ = texts[match.target.record_id, match.target.start, match.target.end]
            yield from self._pair(match, test, answer, language, match.prose)

    def _pair(self, item: _Match, test: str, answer: str, language: str, prose: str) -> Iterator[Pair]:
        """The test, a comment that asks, and the function, as it stands in its file."""
        mark = LANGUAGES[language].line_comment
        newline = "\r\n" if "\r\n" in test else "\n"
        prompt = f"{test}{newline * 2}{mark} What it tests, in {item.target.path}:{newline}"
        if len(prompt) > self.max_prompt_chars or len(answer) > self.max_answer_chars:
            return
        end = item.target.end
        span = (end - len(answer.encode()), end)
        yield Pair(
            id=content_id(PairKind.TEST, item.target.record_id, str(span[0]), str(end), item.test_id, str(item.claim[0])),
            kind=PairKind.TEST,
            prompt=prompt,
            answer=answer,
            span_bytes=span,
            language=language,
            natural_language=natural_language(prose),
            origin_ids=tuple(dict.fromkeys((item.target.record_id, item.test_id))),
        )


def _line_start(data: bytes, start: int) -> int:
    first = data.rfind(b"\n", 0, start) + 1
    return first if not data[first:start].strip() else start


def _inside(match: Definition, facts: FileFacts, claim: Claim) -> bool:
    """Whether a function stands inside the test, or around it."""
    return match.record_id == facts.record_id and match.start < claim.end and claim.start < match.end


# ------------------------------------------------------------------------------------------------------------------- names
_HUMPS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")
_TEST_CLASS = re.compile(r"(?:^|[.])(?:Tests?(?=[A-Z_]|$)\w*|\w+(?:Tests?|TestCase|Spec))$")
_CALLED = re.compile(r"(?<!\w)([A-Za-z_]\w*+[?!]?)[ \t]*+(?:<[^<>()\n]*>)?\(")
_WORD = re.compile(r"[A-Za-z_][\w-]*[?!]?")


def _plain(name: str) -> str:
    """A name without case, underscores and other marks: ``fooBar``, ``foo_bar`` and ``FooBar`` are one."""
    return "".join(char for char in name.lower() if char.isalnum())


def _scope(function: Function) -> str:
    return function.qualified_name[: -len(function.name)].rstrip(".")


def _names(details: str) -> tuple[str, ...]:
    """Every name that a test's name can begin with, most words first."""
    words = [word.lower() for word in _HUMPS.findall(details)]
    return tuple("".join(words[:count]) for count in range(len(words), 0, -1) if len("".join(words[:count])) >= 3)


def _claims(record: Record, result: Sequence[Function], in_tests: bool) -> Iterator[Claim]:
    if not in_tests and not any(item.is_test for item in result) and not _MAYBE_BLOCK.search(record.text):
        return
    code = code_only(record.text, record.language)
    for node in result:
        bare = re.sub(
            r"^(?:tests?|benchmark|fuzz)_*(?=[A-Z_a-z\d])|(?:(?<!_)_+)?(?:_test|Tests?)$", "", node.name, flags=re.IGNORECASE
        )
        if node.is_test and (names := _names(bare)):
            scope = re.sub(r"^Tests?_?|_?(?:Tests?|TestCase)$", "", _scope(node).split(".")[-1])
            yield _claim(code, record.language, (node.start_byte, node.end_byte), names, scope, node.docstring)
    if in_tests and record.language in _BLOCKS:
        yield from _block_claims(record, code)


def _claim(code: bytes, language: str, span: tuple[int, int], names: tuple[str, ...], scope: str, prose: str) -> Claim:
    details = code[slice(*span)].decode(errors="replace")
    called = _WORD.findall(details) if language in ("ruby", "shell") else _CALLED.findall(details)
    calls = frozenset(name for name in called if _plain(name) in names)
    return Claim(*span, names, _plain(scope), calls, prose)


# ------------------------------------------------------------------------------------------------------ it('does so', …)
_SCRIPT = "(call_expression function: (identifier) @word arguments: (arguments . (string) @said)) @call"
_BLOCKS = {
    **dict.fromkeys(("javascript", "typescript", "tsx"), _SCRIPT),
    "ruby": "(call method: (identifier) @word arguments: (argument_list . (_) @said)) @call",
}
_MAYBE_BLOCK = re.compile(r"\b(?:it|test|specify)[ (]['\"]")


def _block_claims(record: Record, code: bytes) -> Iterator[Claim]:
    """The tests that are calls, with the names of the ``describe`` around them."""
    data = record.text.encode()
    results = captures(parse(data, record.language), record.language, _BLOCKS[record.language])
    said_after = {
        node.parent.parent.start_byte: node for node in results.get("said", ()) if node.parent and node.parent.parent
    }
    around: list[tuple[int, str]] = []
    for call in sorted(results.get("call", ()), key=lambda node: (node.start_byte, -node.end_byte)):
        while around and around[-1][0] <= call.start_byte:
            around.pop()
        word = data[call.start_byte : call.start_byte + 8].decode(errors="replace")
        details = said_after.get(call.start_byte)
        match = re.match(r"(describe|context|it|test|specify)\b", word)
        if details is None or match is None:
            continue
        text = data[details.start_byte : details.end_byte].decode().strip("'\"`#.()")
        if match[1] in ("describe", "context"):
            around.append((call.end_byte, text))
            continue
        scopes = [re.sub(r"[().#]|\bfunction\b", "", name).strip() for _, name in around]
        scopes = [name for name in scopes if re.fullmatch(r"\w+", name)]
        first = _names(text)[-1:] if re.match(r"[\w.#]+\(|\w+$|\w+ ", text) else ()
        names = tuple(dict.fromkeys([*_names(text.split("(")[0].split(" ")[0])[:1], *first, *map(_plain, reversed(scopes))]))
        if names := tuple(name for name in names if len(name) >= 3):
            outer = scopes[0] if len(scopes) > 1 else ""
            yield _claim(code, record.language, call.byte_range, names, outer, text)


# ----------------------------------------------------------------------------------------------------------------- imports
_NAMED = {
    "python": re.compile(
        r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import[ \t]+(\([^()]*\)|[^\n#]+)|import[ \t]+([^\n#]+))", re.MULTILINE
    ),
    "javascript": re.compile(r"(?:\bfrom|\brequire\s*+\(|\bimport(?:\s*+\()?)\s*+['\"]([^'\"\n]+)['\"]"),
    "java": re.compile(r"^[^\S\n]*import\s+(?:static\s+)?([\w.]+)", re.MULTILINE),
    "rust": re.compile(r"^[^\S\n]*(?:pub\s+)?use\s++((?:[^;\n]|\n(?![^\S\n]*(?:pub\s+)?use\b))++);", re.MULTILINE),
    "php": re.compile(
        r"(?:^[^\S\n]*use\s+([\w\\]+)|(?:require|include)(?:_once)?\b[^;\n]{0,300}?(?<![\w/.-])([\w/.-]+\.php))",
        re.MULTILINE,
    ),
    "ruby": re.compile(r"^[^\S\n]*(?:require|require_relative|load)(?:\s*+\()?\s*+['\"]([^'\"\n]+)['\"]", re.MULTILINE),
    "shell": re.compile(r"(?:^|[;&|]|\s)(?:source|\.|bash|sh)\s+([^\s;]+)", re.MULTILINE),
    "solidity": re.compile(r"\bimport\b(?:(?!\bimport\b)[^;'\"])*+['\"]([^'\"\n]+)['\"]"),
    "c": re.compile(r"^[^\S\n]*#\s*include\s*[\"<]([^\">\n]+)[\">]", re.MULTILINE),
}
_CALLED_AS_FOLDER = {
    "python": ("__init__",),
    "rust": ("mod", "lib"),
    **dict.fromkeys(("javascript", "typescript", "tsx"), ("index",)),
}
_SAME_FOLDER = ("go", "java", "c", "cpp", "rust")
"""Where a test needs no import for what lies beside it, or in the same folder of another tree."""


def _imports(record: Record) -> frozenset[str]:
    """What a file imports, as dotted names without endings: ``a.b``; of ``from a import b`` both ``a`` and ``a.b``."""
    pattern = _NAMED.get(row_of(record.language).family)
    names: set[str] = set()
    for word in pattern.findall(record.text) if pattern else ():
        if record.language == "python":
            package, members, modules = word
            listed = re.findall(r"([\w.]+)(?:\s+as\s+\w+)?", members.strip("()")) if package else []
            names.update([package] if package else re.findall(r"([\w.]+)(?:\s+as\s+\w+)?", modules))
            names.update(f"{package}.{name}" for name in listed)
        else:
            for name in [word] if isinstance(word, str) else [item for item in word if item]:
                names.add(".".join(re.findall(r"\w[\w-]*", re.sub(r"\.\w{1,4}$", "", name))))
    return frozenset(name.strip(".") for name in names if name.strip("."))


def _is_imported(definition: Definition, facts: FileFacts) -> bool:
    """Whether a test's file brings in the file of a function: its module, a class in it, or the package that shows it."""
    path, test = PurePosixPath(definition.path), PurePosixPath(facts.path)
    if facts.language == "go" or (path.parent == test.parent and facts.language in _SAME_FOLDER):
        return path.parent == test.parent
    if facts.language == "java" and _package(path) and _package(path) == _package(test):
        return True
    stem = path.parent.name if path.stem in _CALLED_AS_FOLDER.get(facts.language, ()) else path.stem
    folders = [part for part in path.parent.parts if part not in ("src", "lib", "source")]
    for name in facts.imports:
        parts = name.split(".")
        if stem in parts[-2:] and _agrees(parts[: parts.index(stem) if stem in parts else 0], folders):
            return True
        # ``from package import function`` where the package's own file shows what a module in it defines
        if parts[-1] == definition.name or parts[-1] == definition.scope.split(".")[0] or facts.language == "python":
            above = parts[:-1] if parts[-1] in (definition.name, definition.scope.split(".")[0]) else parts
            if above and above[-1] in folders and _agrees(above[:-1], folders[: folders.index(above[-1])]):
                return True
    return False


def _agrees(parts: Sequence[str], folders: Sequence[str]) -> bool:
    """Whether the packages named before a module are the folders it lies in, from the inner end."""
    return all(part == folder for part, folder in zip(reversed(parts), reversed(folders), strict=False))


def _package(path: PurePosixPath) -> tuple[str, ...]:
    """The folders below ``java``: a test's package is that of what it tests, in another tree."""
    parts = path.parent.parts
    return parts[parts.index("java") + 1 :] if "java" in parts else ()
