"""The table of languages (``languages.toml``), and the language of a file: by its name, or by its ``#!`` line.

``PARSED`` are those with a grammar, whose functions `code.functions` finds; the others pass through as plain text, when a
recipe asks for them. Tables of data (JSON, CSV, XML) are not languages.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

TABLE = Path(__file__).with_name("languages.toml")


@dataclass(frozen=True, kw_only=True)
class Language:
    """One row. What a dialect leaves out, beside its names, is as in the language it is a dialect of."""

    name: str
    endings: tuple[str, ...] = ()
    """Of file names, lower case. A ``.h`` is C++ in a tree with more C++ sources than C sources."""
    file_names: tuple[str, ...] = ()
    """Whole names of files, lower case."""
    interpreters: tuple[str, ...] = ()
    """Programs in a ``#!`` line that run it."""
    aliases: tuple[str, ...] = ()
    """What people, notebooks and benchmarks call it, lower case."""
    dialect_of: str = ""
    """The language whose rules its files share: its modules import one another."""
    lexer: str = ""
    """The family by which `code.lexing` tells its comments and strings apart; empty: all its text is code."""
    line_breaks_are_alike: bool = False
    """It reads CR LF as LF inside strings, too."""
    grammar: str = ""
    """``module:function`` of the tree-sitter grammar; the node types below are in its words."""
    fragment_grammar: str = ""
    """The same for a text that cannot be a whole file: PHP without its opening tag would be a page of plain text."""
    string_contents: tuple[str, ...] = ()
    """Node types of the insides of strings; the pieces of f-strings and templates are code."""
    functions: tuple[str, ...] = ()
    """Node types of a function definition, with the body in the field ``body``."""
    scopes: tuple[str, ...] = ()
    """Node types that lend their name to what they hold: classes, namespaces."""
    comments: tuple[str, ...] = ("comment",)
    docs: tuple[str, ...] = ()
    """How a doc comment above a definition begins. Empty: the docstring is the first statement of the body."""
    prelude: tuple[str, ...] = ()
    """Node types of attributes that stand before a definition as its siblings."""
    wrappers: tuple[str, ...] = ()
    """Node types of parents that belong to the definition: decorators, ``export``, ``template``."""
    blocks: tuple[str, ...] = ()
    """Node types that hold statements and may start at the same byte as the first of them."""
    closers: tuple[str, ...] = ("}", ")", "]")
    """Node types that end a run of statements in their block."""
    rooms: tuple[str, ...] = ()
    """Node types that hold statements as their children."""
    signs: tuple[str, ...] = ()
    """Regular expressions that its lines match and those of others seldom do."""
    nameless: tuple[str, ...] = ()
    """Node types of definitions that are called by the keyword they begin with."""

    @property
    def family(self) -> str:
        """The language it is a dialect of, or itself."""
        return self.dialect_of or self.name

    @property
    def line_comment(self) -> str:
        """How a comment to the end of the line begins; empty where that is not known."""
        return _LINE_COMMENTS.get(self.lexer, "//") if self.lexer else ""


_LINE_COMMENTS = {"python": "#", "shell": "#", "sql": "--"}
_OWN_NAMES = ("endings", "file_names", "interpreters", "aliases", "signs")


def _read() -> Iterator[Language]:
    table = tomllib.loads(TABLE.read_text("utf-8"))
    for name, row in table.items():
        parent = table.get(row.get("dialect_of"), {})
        fields: dict[str, Any] = {key: value for key, value in parent.items() if key not in _OWN_NAMES} | row
        fields = {key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}
        yield Language(name=name, **fields)


LANGUAGES: dict[str, Language] = {row.name: row for row in _read()}
PARSED: dict[str, Language] = {row.name: row for row in LANGUAGES.values() if row.grammar}
"""The languages with a grammar."""
_OF_ENDING = {ending: row.name for row in LANGUAGES.values() for ending in row.endings}
_OF_FILE_NAME = {name: row.name for row in LANGUAGES.values() for name in row.file_names}
_OF_INTERPRETER = {program.encode(): row.name for row in LANGUAGES.values() for program in row.interpreters}
_OF_ALIAS = {alias: row.name for row in LANGUAGES.values() for alias in (*row.aliases, row.name)}
CODE_ENDINGS = frozenset(ending for row in PARSED.values() for ending in row.endings)
"""Of files in a language with a grammar."""
_STUBS = (".pyi", ".d.ts", ".d.mts", ".d.cts")
_SHEBANG = re.compile(rb"#![^\n]*?\b(" + b"|".join(_OF_INTERPRETER) + rb")[\d.]*\b")
_NOT_TYPESCRIPT = re.compile(rb"\s*(?:<\?xml|<!DOCTYPE TS)")  # a Qt translation is called .ts, too
_PHP = re.compile(rb"\s*<\?php\b")  # .inc is any language's ending
_NOT_RUST = re.compile(rb"\s*<\?xml")  # so is a RenderScript or resource file .rs


def named(name: str) -> str:
    """The language that a name or an alias means, in any case; empty for one that is not known."""
    return _OF_ALIAS.get(name.lower(), "")


def row_of(language: str) -> Language:
    """The row of a language; one that knows its name alone where it is not in the table."""
    return LANGUAGES.get(language) or Language(name=language)


def language_of(path: str, head: bytes, headers_are_cpp: bool = False) -> str:
    """The language of a file, from its path and first bytes; empty when none is known."""
    name = PurePosixPath(path).name.lower()
    ending = PurePosixPath(name).suffix
    language = _OF_FILE_NAME.get(name) or ("text" if name.startswith(".env.") else _OF_ENDING.get(ending, ""))
    if not ending and not language and (match := _SHEBANG.match(head)):
        language = _OF_INTERPRETER[match[1]]
    if (ending == ".ts" and _NOT_TYPESCRIPT.match(head)) or (ending == ".rs" and _NOT_RUST.match(head)):
        return ""
    if ending == ".inc" and _PHP.match(head):
        return "php"
    return "cpp" if ending == ".h" and headers_are_cpp else language


SIGN_CHARS = 160
"""Of a line that are looked at."""
LEAST_SIGNS = 2
"""Fewer say nothing."""
_SIGNS = {row.name: re.compile("|".join(f"(?:{sign})" for sign in row.signs)) for row in PARSED.values() if row.signs}


def language_by_signs(text: str) -> str:
    """The language that most lines of a piece of code look like; empty where none is clear. In milliseconds, by look alone:
    where a path is known, `language_of` knows better.
    """
    lines = [line[:SIGN_CHARS] for line in text[:20_000].split("\n")]
    scores = {name: sum(bool(signs.search(line)) for line in lines) for name, signs in _SIGNS.items()}
    scores["typescript"] += scores["javascript"] * bool(scores["typescript"])  # all of the one may stand in the other
    scores["cpp"] += scores["c"] * bool(scores["cpp"])
    best, second = sorted(scores, key=lambda name: -scores[name])[:2]
    return best if scores[best] >= LEAST_SIGNS and scores[best] > scores[second] else ""


def is_stub(path: str) -> bool:
    """Whether a file holds signatures without bodies, by its name."""
    return path.lower().endswith(_STUBS)
