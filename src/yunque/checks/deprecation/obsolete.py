"""Code that a current compiler, interpreter or library no longer takes: Python 2, removed and deprecated APIs, marked code.

    python-2       a text that Python 3 cannot parse *and* whose error stands where Python 2 is written
    obsolete-api   imports and calls from a documented table (`APIS`), with the version that removed or deprecated them
    deprecated     functions and classes that their authors marked, with their exact bytes

No tool is called. Covered: Python best; JavaScript, TypeScript, PHP, Java, C, C++, Go, Rust, Ruby and Solidity where a name
alone is clear. Not covered: APIs that need types to be told apart; style (``var`` is not obsolete).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache

from yunque.checks.canaries import canary
from yunque.checks.deprecation.obsolete_apis import APIS, Api
from yunque.checks.findings import MAX_FINDINGS, Places, decide, skip, timed
from yunque.code.lexing import scan
from yunque.code.python_ast import parse_python
from yunque.core.nouns import Canary, Finding, Record, Verdict

# ---------------------------------------------------------------------------------------------------------------- Python 2
_PYTHON_2 = {
    "print-statement": ("print", re.compile(r"print(?:[ \t]+[\w~]|[ \t]*\"|[ \t]*(?=\n|\Z))")),
    "print-chevron": ("print", re.compile(r"print[ \t]*>>[ \t]*[\w.]+[ \t]*(?:,|(?=\n|\Z))")),
    "except-comma": (
        "except",
        re.compile(r"except[ \t]+[\w.]+[ \t]*,[ \t]*\w+[ \t]*:|except[ \t]*\([^()\n]{0,200}\)[ \t]*,"),
    ),
    "raise-comma": ("raise", re.compile(r"raise[ \t]+[\w.]+[ \t]*,")),
    "not-equal": ("<>", re.compile(r"<>")),
    "backticks": ("`", re.compile(r"`[^`\n]+`")),
    "exec-statement": ("exec", re.compile(r"exec[ \t]+[\w\"]")),
    "unicode-raw": ('ur"', re.compile(r"(?<!\w)ur\"")),
}
"""Form -> what is searched first, which is much faster; the form. Statements must begin their line, or follow a colon."""
_STATEMENTS = ("print", "except", "raise", "exec")
_OLD_NUMBER = re.compile(rb"0[0-7]+|\d+[lL]")
_PYTHON_2_NAMES = frozenset(
    (b"unicode", b"xrange", b"raw_input", b"basestring", b"iteritems", b"itervalues", b"iterkeys", b"has_key", b"unichr")
)


class Python2:
    """FAIL for Python 2: Python 3 cannot parse it, and its first error stands on a line that Python 2 could read.

    ``print >>file, x`` parses under Python 3 and means nothing there, so it counts alone. Old names (``xrange``,
    ``unicode``) are a value and never a proof, since code for both versions has them.
    """

    name = "python-2"

    @timed
    def judge(self, record: Record) -> Verdict:
        """A verdict; ``values``: ``evidence`` (old forms), ``old-names`` and ``parses``. SKIP for other languages."""
        if record.language != "python":
            return skip(self.name, "not Python")
        result = scan(record.text, "python")
        forms = sorted(_forms(result.code).items(), key=lambda form: form[1])
        if old := next(
            (word for word in sorted(result.vocabulary) if _OLD_NUMBER.fullmatch(word) and word.strip(b"0")), b""
        ):
            forms.append(("old-number", result.code.find(old.decode())))
        names = len(_PYTHON_2_NAMES & result.vocabulary)
        values = {"evidence": float(len(forms)), "old-names": float(names), "parses": 1.0}
        if not forms:
            return decide(self.name, values=values | {"parses": -1.0}, detail="no form of Python 2")
        try:
            parse_python(record.text.removeprefix("\ufeff"))
            proven = {rule for rule, _ in forms} & {"print-chevron"}
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            values["parses"] = 0.0
            line = getattr(error, "lineno", None) or 0
            text = result.code.split("\n")[line - 1] if 0 < line <= result.code.count("\n") + 1 else ""
            here = set(_forms(text)) | {
                "old-number" for word in re.findall(rb"\w+", text.encode()) if _OLD_NUMBER.fullmatch(word)
            }
            proven = here or ({rule for rule, _ in forms} if len(forms) >= 3 else set())
        places = Places(result.code)
        findings = [
            Finding(rule=rule, line=places.line(position), message=f"Python 2: {rule}", severity="warning")
            for rule, position in forms
            if proven
        ]
        return decide(self.name, findings, values=values)

    def canaries(self) -> Sequence[Canary]:
        """One of each form, and Python 3 with an error and with words of Python 2."""
        return [
            canary("print 'a'\n", "python", "print-statement"),
            canary("import sys\nprint >>sys.stderr, 'a'\n", "python", "print-chevron"),
            canary("try:\n    f()\nexcept E, e:\n    pass\n", "python", "except-comma"),
            canary("raise E, 'a'\n", "python", "raise-comma"),
            canary("if a <> b:\n    f()\n", "python", "not-equal"),
            canary("x = `a`\n", "python", "backticks"),
            canary("exec 'a = 1'\n", "python", "exec-statement"),
            canary("os.chmod(a, 0777)\n", "python", "old-number"),
            canary("def f(:\n    print('print x')\n", "python"),
        ]


def _forms(code: str) -> dict[str, int]:
    """The forms of Python 2 in code, with the place of the first of each."""
    forms = {}
    for rule, (literal, form) in _PYTHON_2.items():
        for match in form.finditer(code) if literal in code else ():
            before = code[max(0, match.start() - 200) : match.start()].rsplit("\n", 1)[-1].rstrip()
            if not match[0].startswith(_STATEMENTS) or not before or before[-1] in ":;":
                forms[rule] = match.start()
                break
    return forms


# ------------------------------------------------------------------------------------------------------------ obsolete APIs
_GUARD = re.compile(
    r"^[ \t]*(?:try|except[^\n:]*(?:ImportError|ModuleNotFoundError)[^\n:]*|if[^\n]*(?:version|PY2|PY3)[^\n]*|else):[ \t]*$"
)


class ObsoleteApi:
    """FAIL for imports and calls of what is gone or going (`APIS`); notes where code of today may say the same.

    An import below ``try:``, ``except ImportError:`` or a look at the version is a note: it is written for both.
    ``max_findings``: as many warnings are accepted.
    """

    name = "obsolete-api"

    def __init__(self, max_findings: int = 0) -> None:
        self.max_findings = max_findings

    @timed
    def judge(self, record: Record) -> Verdict:
        """A verdict; ``values``: ``warnings`` and ``notes``. SKIP for a language without a table."""
        if record.language not in APIS:
            return skip(self.name, f"no table for '{record.language}'")
        result = scan(record.text, record.language)
        by_word = _by_word(record.language)
        hits: dict[int, tuple[str, Api]] = {}
        for word in sorted(by_word.keys() & result.vocabulary):
            for position, api in _uses(result.code, word.decode(), by_word[word]):
                hits.setdefault(position, (self._severity(api, result.code, position), api))
        places = Places(result.code)
        findings = [
            Finding(rule=self.name, line=places.line(position), message=f"'{api.word}': {api.says}", severity=severity)
            for position, (severity, api) in sorted(hits.items())
        ]
        warnings = [finding for finding in findings if finding.severity != "note"]
        findings.sort(key=lambda finding: finding.severity == "note")
        values = {"warnings": float(len(warnings)), "notes": float(len(findings) - len(warnings))}
        return decide(self.name, findings, values=values, fails=len(warnings) > self.max_findings)

    def _severity(self, api: Api, code: str, position: int) -> str:
        if api.severity == "note" or (
            not api.pattern.startswith(r"^[ \t]*(?:from") and not api.pattern.startswith("^[ \\t]*from")
        ):
            return api.severity
        above = code[max(0, position - 300) : position].rstrip("\n").rsplit("\n", 1)[-1]
        return "note" if _GUARD.match(above) else api.severity

    def canaries(self) -> Sequence[Canary]:
        """One of each language, and code of today."""
        gone = {
            "python": "import asyncore\n",
            "javascript": "let a = new Buffer(10);\n",
            "php": "<?php mysql_query($a);\n",
            "java": "class A { Object a = new Integer(3); }\n",
            "c": "int main() { char a[9]; gets(a); }\n",
            "cpp": "std::auto_ptr<int> a;\n",
            "go": "package a\nvar b, c = ioutil.ReadFile(d)\n",
            "rust": "fn f() { try!(g()); }\n",
            "ruby": "puts File.exists?(a)\n",
            "solidity": "contract A { function f() { suicide(a); } }\n",
        }
        return [
            *[canary(text, language, self.name) for language, text in gone.items()],
            canary("import asyncio\nfrom collections.abc import Mapping\nx = 'import asyncore'  # import imp\n", "python"),
            canary("var a = 1;\nvar b = Buffer.from(a);\n", "javascript"),
        ]


def _uses(code: str, word: str, apis: Sequence[tuple[Api, re.Pattern[str]]]) -> Iterator[tuple[int, Api]]:
    """Where the APIs of a word are used: only lines that hold the word are looked at, each once."""
    position, count = code.find(word), 0
    while position >= 0 and count < MAX_FINDINGS:
        start = code.rfind("\n", 0, position) + 1
        end = code.find("\n", position)
        end = len(code) if end < 0 else end
        for api, pattern in apis:
            if match := pattern.search(code, max(start, position - 2000), min(end, position + 2000)):
                count += 1
                yield match.start(), api
        position = code.find(word, end)


@cache
def _by_word(language: str) -> dict[bytes, list[tuple[Api, re.Pattern[str]]]]:
    table: dict[bytes, list[tuple[Api, re.Pattern[str]]]] = {}
    for api in APIS[language]:
        table.setdefault(api.word.encode(), []).append((api, re.compile(api.pattern, re.MULTILINE)))
    return table
