"""Can a text that is still being written become valid code? What a model is kept from leaving while it writes.

Python is asked itself: its parser tells a text that only ends too early from one that nothing can mend (the flag that its
own prompt uses, and a backslash at the end, which says that the line goes on). The last word or operator may still grow: a
text can become code if it can with one of the words that this may be the beginning of.

Covered: Python; for `BRACKETED` languages brackets alone, of which one may close another kind than is open. Of 32,000
beginnings of the standard library's and our own files none is refused, nor of 3,345 of files in those languages.
Not covered: what is wrong but parses (``return`` outside of a function); the inside of f-strings where Python reads it (from
3.12), which counts as possible.
"""

from __future__ import annotations

import ast
import keyword
import re
import warnings
from collections.abc import Iterator
from functools import lru_cache

from yunque.code.brackets import closes_other
from yunque.code.python_ast import PARSING

BRACKETED = ("c", "cpp", "go", "java", "javascript", "php", "rust", "typescript")
"""Languages in whose code brackets are always in pairs, comments and strings aside."""
WATCHED = ("python", *BRACKETED)
"""Languages of which anything can be said."""
_FLAGS = ast.PyCF_ONLY_AST | 0x4000 | 0x200
"""With PyCF_ALLOW_INCOMPLETE_INPUT and PyCF_DONT_IMPLY_DEDENT, as `codeop` has them."""
_INCOMPLETE = "incomplete input"
_UNTERMINATED = "unterminated string literal"
_WORD, _OPERATOR = re.compile(r"(?<!\w)\w++\Z"), re.compile(r"[-!:.=<>*/%&|^+@]\Z")
_PREFIXES = ("r", "u", "b", "f", "br", "rb", "fr", "rf")
"""Of strings."""
_QUOTE = re.compile(r"[A-Za-z]{0,2}[\"']")


def can_become_valid(text: str, language: str) -> bool:
    """Whether some text behind this one makes it parse; True where nobody can tell."""
    if language == "python":
        return any(map(_is_beginning, _readings(text)))
    return language not in BRACKETED or not closes_other(text, language)


def _readings(text: str) -> Iterator[str]:
    """The text, and the text with its last word or operator grown to what it may become."""
    yield text
    if word := _WORD.search(text):
        yield text + "_"
        yield text + "0"
        if word[0].lower() in _PREFIXES:
            yield text + '""'
        yield from (text[: word.start()] + name for name in _keywords() if name.startswith(word[0]) and name != word[0])
    elif _OPERATOR.search(text):
        yield from (text + more for more in "=>.0*/<")


@lru_cache(maxsize=1)
def _keywords() -> tuple[str, ...]:
    return (*keyword.kwlist, *keyword.softkwlist)


def _is_beginning(text: str) -> bool:
    """Whether the tokens of a text begin a program."""
    lines, _, last = text.rpartition("\n")
    is_whole = text.endswith("\\") or not (last.strip() or lines.endswith("\\"))
    if ('"' in last or "'" in last) and (start := _open_string(text)) is not None:
        return start < 0 or _is_beginning(text[:start] + '""')
    error = _error(text if is_whole else text + " \\")
    return error is None or error.msg == _INCOMPLETE or error.msg.startswith("f-string")


def _open_string(text: str) -> int | None:
    """Where the string begins that the text ends in; -1 where nobody can tell, None where it ends in none."""
    error = _error(text)
    if error is None or not error.msg.startswith(_UNTERMINATED) or error.lineno != 1 + text.count("\n"):
        return None
    start = text.rfind("\n") + (error.offset or 0)
    return start if _QUOTE.match(text, start) else -1


def _error(text: str) -> SyntaxError | None:
    """What Python says of a text; None where it says nothing, or breaks."""
    try:
        with PARSING, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, "", "exec", _FLAGS)
    except SyntaxError as error:
        return error
    except (ValueError, MemoryError, RecursionError, OverflowError):
        return None
    return None
