"""Code that a current compiler, interpreter or library no longer takes: Python 2, removed and deprecated APIs, marked code.

    python-2       a text that Python 3 cannot parse *and* whose error stands where Python 2 is written
    obsolete-api   imports and calls from a documented table (`APIS`), with the version that removed or deprecated them
    deprecated     functions and classes that their authors marked, with their exact bytes

No tool is called. Covered: Python best; JavaScript, TypeScript, PHP, Java, C, C++, Go, Rust, Ruby and Solidity where a name
alone is clear. Not covered: APIs that need types to be told apart; style (``var`` is not obsolete).
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from yunque.checks.comments import MAX_FINDINGS, Places, decide, scan, skip
from yunque.checks.grammars import GRAMMARS, parse
from yunque.checks.syntax import parse_python
from yunque.checks.trust import canary
from yunque.core.nouns import Canary, Finding, Record, Verdict

if TYPE_CHECKING:
    from tree_sitter import Node

# ---------------------------------------------------------------------------------------------------------------- Python 2
_PYTHON_2 = {
    "print-statement": re.compile(r"print(?:[ \t]+[\w~]|[ \t]*\"|[ \t]*(?=\n|\Z))"),
    "print-chevron": re.compile(r"print[ \t]*>>[ \t]*[\w.]+[ \t]*(?:,|(?=\n|\Z))"),
    "except-comma": re.compile(r"except[ \t]+[\w.]+[ \t]*,[ \t]*\w+[ \t]*:|except[ \t]*\([^()\n]{0,200}\)[ \t]*,"),
    "raise-comma": re.compile(r"raise[ \t]+[\w.]+[ \t]*,"),
    "not-equal": re.compile(r"<>"),
    "backticks": re.compile(r"`[^`\n]+`"),
    "exec-statement": re.compile(r"exec[ \t]+[\w\"]"),
    "unicode-raw": re.compile(r"(?<!\w)[uU][rR]\""),
}
"""Each begins with a literal, which is what makes a search fast; statements are then asked for the start of their line."""
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

    def judge(self, record: Record) -> Verdict:
        """A verdict; ``values``: ``evidence`` (old forms), ``old-names`` and ``parses``. SKIP for other languages."""
        started = time.perf_counter()
        if record.language != "python":
            return skip(self.name, "not Python")
        found = scan(record.text, "python")
        forms = sorted(_forms(found.code).items(), key=lambda form: form[1])
        if old := next((word for word in sorted(found.vocabulary) if _OLD_NUMBER.fullmatch(word) and word.strip(b"0")), b""):
            forms.append(("old-number", found.code.find(old.decode())))
        names = len(_PYTHON_2_NAMES & found.vocabulary)
        values = {"evidence": float(len(forms)), "old-names": float(names), "parses": 1.0}
        if not forms:
            return decide(self.name, started, values=values | {"parses": -1.0}, detail="no form of Python 2")
        try:
            parse_python(record.text.removeprefix("\ufeff"))
            proven = {rule for rule, _ in forms} & {"print-chevron"}
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            values["parses"] = 0.0
            line = getattr(error, "lineno", None) or 0
            said = found.code.split("\n")[line - 1] if 0 < line <= found.code.count("\n") + 1 else ""
            here = set(_forms(said)) | {
                "old-number" for word in re.findall(rb"\w+", said.encode()) if _OLD_NUMBER.fullmatch(word)
            }
            proven = here or ({rule for rule, _ in forms} if len(forms) >= 3 else set())
        places = Places(found.code)
        findings = [
            Finding(rule=rule, line=places.line(at), message=f"Python 2: {rule}", severity="warning")
            for rule, at in forms
            if proven
        ]
        return decide(self.name, started, findings, values=values)

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
    for rule, form in _PYTHON_2.items():
        for found in form.finditer(code):
            before = code[max(0, found.start() - 200) : found.start()].rsplit("\n", 1)[-1].rstrip()
            if not found[0].startswith(_STATEMENTS) or not before or before[-1] in ":;":
                forms[rule] = found.start()
                break
    return forms


# ------------------------------------------------------------------------------------------------------------ obsolete APIs
@dataclass(frozen=True)
class Api:
    """One thing that is gone or going."""

    word: str
    """A word that stands in every use: only where it occurs the pattern is tried."""
    pattern: str
    says: str
    """The version, and what to use instead."""
    severity: str = "warning"
    """``note`` where code of today may say the same, or the time is far off."""


def _gone(version: str, names: str, severity: str = "warning") -> list[Api]:
    return [
        Api(
            name,
            rf"^[ \t]*(?:from[ \t]+{name}(?:\.\w+)*[ \t]+import\b|import[ \t]+(?:\w[\w. \t]{{0,60}},[ \t]*){{0,20}}{name}(?![\w]))",  # noqa: E501
            f"the module '{name}' was removed in Python {version}",
            severity,
        )
        for name in names.split()
    ]


def _calls(names: str, says: str, before: str = r"\.", severity: str = "warning") -> list[Api]:
    return [Api(name, rf"{before}{name}[ \t]*\(", says, severity) for name in names.split()]


_ABSTRACT = (
    "Mapping MutableMapping Sequence MutableSequence Set MutableSet Iterable Iterator Callable Hashable Sized Container "
    "Generator MappingView KeysView ItemsView ValuesView"
).replace(" ", "|")
_PYTHON: list[Api] = [
    *_gone("3.0", "urllib2 ConfigParser StringIO cStringIO cPickle httplib urlparse Tkinter HTMLParser cookielib Cookie"),
    *_gone("3.0", "__builtin__ copy_reg SocketServer BaseHTTPServer SimpleHTTPServer xmlrpclib htmlentitydefs anydbm"),
    *_gone("3.0", "commands sets md5 sha thread exceptions Queue", "note"),
    *_gone("3.10", "parser symbol formatter", "note"),  # teams have modules of these names
    *_gone("3.9", "dummy_threading _dummy_threading"),
    *_gone("3.11", "binhex"),
    *_gone("3.12", "asyncore asynchat smtpd imp distutils"),
    *_gone("3.13", "aifc audioop cgi cgitb crypt imghdr mailcap msilib nis nntplib ossaudiodev pipes sndhdr spwd sunau"),
    *_gone("3.13", "telnetlib uu xdrlib lib2to3"),
    *_gone("3.13", "chunk", "note"),
    Api(
        "pkg_resources", r"^[ \t]*(?:import|from)[ \t]+pkg_resources\b", "deprecated by setuptools 67.5: importlib.metadata"
    ),
    Api("collections", rf"\bcollections\.(?:{_ABSTRACT})\b", "removed in Python 3.10: collections.abc"),
    Api(
        "collections",
        rf"^[ \t]*from[ \t]+collections[ \t]+import[^\n]{{0,200}}\b(?:{_ABSTRACT})\b",
        "removed in Python 3.10: collections.abc",
    ),
    Api("cElementTree", r"\bcElementTree\b", "removed in Python 3.9: xml.etree.ElementTree"),
    *_calls("getargspec formatargspec", "removed in Python 3.11: inspect.signature", r"\binspect\."),
    *_calls("getmoduleinfo", "removed in Python 3.6", r"\binspect\."),
    *_calls("utcnow utcfromtimestamp", "deprecated in Python 3.12: datetime.now(UTC)", r"\bdatetime\."),
    Api("coroutine", r"@asyncio\.coroutine\b", "removed in Python 3.11: async def"),
    *_calls("get_event_loop", "fails since Python 3.14 outside a running loop: asyncio.run", r"\basyncio\.", "note"),
    Api("clock", r"\btime\.clock[ \t]*\(", "removed in Python 3.8: time.perf_counter"),
    *_calls("linux_distribution dist popen", "removed in Python 3.8", r"\bplatform\."),
    Api("escape", r"\bcgi\.escape[ \t]*\(", "removed in Python 3.8: html.escape"),
    *_calls("encodestring decodestring", "removed in Python 3.9: encodebytes, decodebytes", r"\bbase64\."),
    Api("gcd", r"\bfractions\.gcd\b|^from fractions import[^\n]*\bgcd\b", "removed in Python 3.9: math.gcd"),
    *_calls("isAlive", "removed in Python 3.9: is_alive"),
    *_calls("getchildren", "removed in Python 3.9 (ElementTree): list(element)", severity="note"),
    *_calls("currentThread activeCount", "deprecated in Python 3.10: current_thread, active_count", r"\bthreading\."),
    *_calls("setDaemon", "deprecated in Python 3.10: daemon"),
    *_calls("wrap_socket match_hostname", "removed in Python 3.12: ssl.SSLContext", r"\bssl\."),
    Api("SafeConfigParser", r"\bSafeConfigParser\b", "removed in Python 3.12: ConfigParser"),
    *_calls("readfp", "removed in Python 3.12: read_file"),
    *_calls("find_loader", "removed in Python 3.12: importlib.util.find_spec", r"\b(?:importlib|pkgutil)\."),
    *_calls("getdefaultlocale", "deprecated in Python 3.11: locale.getlocale", r"\blocale\."),
    Api("format", r"\blocale\.format[ \t]*\(", "removed in Python 3.12: locale.format_string"),
    *_calls("assertEquals assertNotEquals assertAlmostEquals assertRegexpMatches", "removed in Python 3.12", r"\bself\."),
    *_calls(
        "assertNotRegexpMatches assertRaisesRegexp assertNotAlmostEquals assert_", "removed in Python 3.12", r"\bself\."
    ),
    *_calls(
        "failUnless failIf failUnlessEqual failUnlessRaises assertDictContainsSubset", "removed in Python 3.12", r"\bself\."
    ),
    *_calls("assertItemsEqual", "removed in Python 3.0: assertCountEqual", r"\bself\."),
    *_calls("mktemp", "deprecated since Python 2.3: a race; mkstemp", r"\btempfile\."),
    *_calls("getcwdu", "removed in Python 3.0: getcwd", r"\bos\."),
    Api("maxint", r"\bsys\.maxint\b", "removed in Python 3.0: sys.maxsize"),
    *_calls("setdefaultencoding", "removed in Python 3.0", r"\bsys\."),
    *_calls("has_key", "removed in Python 3.0: in"),
    *_calls("iteritems itervalues iterkeys", "removed in Python 3.0: items, values, keys", r"(?<!six)\.", "note"),
    Api("letters", r"\bstring\.letters\b", "removed in Python 3.0: string.ascii_letters"),
    *[
        Api(one, rf"\bast\.{one}\b", "removed in Python 3.14: ast.Constant")
        for one in ["Num", "Str", "Bytes", "NameConstant"]
    ],
    *[
        Api(one, rf"\b(?:np|numpy)\.{one}\b(?!\.)", "removed in numpy 1.24")
        for one in ["bool", "int", "float", "object", "complex"]
    ],
    Api("externals", r"\bsklearn\.externals\b", "removed in scikit-learn 0.23: joblib"),
    *[
        Api(one, rf"\btf\.{one}\b", "removed in TensorFlow 2: tf.compat.v1")
        for one in ["placeholder", "Session", "ConfigProto"]
    ],
    *_calls("ugettext ugettext_lazy ugettext_noop force_text smart_text", "removed in Django 4.0", r"\b", "note"),
]
_SCRIPT: list[Api] = [
    Api("Buffer", r"\bnew[ \t]+Buffer[ \t]*\(", "deprecated in Node 6: Buffer.from, Buffer.alloc"),
    *_calls("createCipher createDecipher", "removed in Node 22: createCipheriv", r"\bcrypto\."),
    Api("exists", r"\bfs\.exists[ \t]*\(", "deprecated in Node 1: fs.access"),
    *_calls("isArray isRegExp isDate isString isNumber isUndefined isFunction", "removed in Node 23", r"\butil\."),
    Api("binding", r"\bprocess\.binding[ \t]*\(", "deprecated in Node 10"),
    Api("callee", r"\barguments\.callee\b", "forbidden in strict mode (ECMAScript 5)"),
    Api("__defineGetter__", r"\.__defineGetter__\b", "legacy (ECMAScript Annex B): Object.defineProperty"),
    Api("__defineSetter__", r"\.__defineSetter__\b", "legacy (ECMAScript Annex B): Object.defineProperty"),
    Api("unescape", r"(?<![\w.$])unescape[ \t]*\(", "legacy (ECMAScript Annex B): decodeURIComponent", "note"),
    *_calls("attachEvent detachEvent", "removed with Internet Explorer 11: addEventListener", severity="note"),
    Api("XDomainRequest", r"\bnew[ \t]+(?:window\.)?XDomainRequest\b", "removed with Internet Explorer 11"),
    Api("createClass", r"\bReact\.createClass[ \t]*\(", "removed in React 16"),
    Api("render", r"\bReactDOM\.render[ \t]*\(", "removed in React 19: createRoot"),
    *[
        Api(one, rf"^[ \t]+{one}[ \t]*\(", "deprecated in React 16.3", "note")
        for one in ["componentWillMount", "componentWillReceiveProps", "componentWillUpdate"]
    ],
]
_C: list[Api] = [
    Api("gets", r"(?<![\w.>:])gets[ \t]*\(", "removed in C11: fgets"),
    *_calls("bcopy bzero gethostbyname gethostbyaddr", "removed in POSIX.1-2008", r"(?<![\w.>:])", "note"),
    *_calls("tmpnam mktemp", "obsolete: a race; mkstemp", r"(?<![\w.>:])"),
]
APIS: dict[str, list[Api]] = {
    "python": _PYTHON,
    "javascript": _SCRIPT,
    "typescript": _SCRIPT,
    "tsx": _SCRIPT,
    "php": [
        *[
            Api(f"mysql_{one}", rf"(?<![\w>:$])mysql_{one}[ \t]*\(", "removed in PHP 7.0: PDO, mysqli")
            for one in [
                "connect",
                "pconnect",
                "query",
                "fetch_array",
                "fetch_assoc",
                "fetch_row",
                "num_rows",
                "select_db",
                "close",
                "error",
                "real_escape_string",
                "escape_string",
                "insert_id",
                "result",
                "free_result",
                "affected_rows",
            ]
        ],
        *_calls(
            "ereg eregi ereg_replace eregi_replace spliti set_magic_quotes_runtime", "removed in PHP 7.0", r"(?<![\w>:$])"
        ),
        *_calls("mcrypt_encrypt mcrypt_decrypt mcrypt_create_iv", "removed in PHP 7.2: openssl", r"(?<![\w>:$])"),
        *_calls("create_function get_magic_quotes_gpc money_format", "removed in PHP 8.0", r"(?<![\w>:$])"),
        Api("each", r"(?<![\w>:$])each[ \t]*\([ \t]*\$", "removed in PHP 8.0: foreach"),
        Api("__autoload", r"\bfunction[ \t]+__autoload\b", "removed in PHP 8.0: spl_autoload_register"),
        *_calls("session_register session_unregister call_user_method", "removed in PHP 5.4 to 7.0", r"(?<![\w>:$])"),
        *_calls("utf8_encode utf8_decode", "deprecated in PHP 8.2: mb_convert_encoding", r"(?<![\w>:$])"),
        *[Api(one, rf"\${one}\b", "removed in PHP 5.4: $_GET, $_POST") for one in ("HTTP_GET_VARS", "HTTP_POST_VARS")],
    ],
    "java": [
        *[
            Api(one, rf"\bnew[ \t]+{one}[ \t]*\(", "deprecated for removal in Java 16: valueOf")
            for one in ["Integer", "Long", "Short", "Byte", "Double", "Float", "Boolean", "Character"]
        ],
        Api("finalize", r"\bvoid[ \t]+finalize[ \t]*\([ \t]*\)", "deprecated for removal in Java 18: Cleaner"),
        Api("newInstance", r"\.class\.newInstance[ \t]*\(", "deprecated in Java 9: getDeclaredConstructor"),
        *[
            Api(one, rf"\bsun\.misc\.{one}\b", "removed in Java 9: java.util.Base64")
            for one in ("BASE64Encoder", "BASE64Decoder")
        ],
        Api("bind", r"^import[ \t]+javax\.xml\.bind\b", "removed in Java 11: jakarta.xml.bind"),
        Api("applet", r"^import[ \t]+java\.applet\b", "deprecated for removal in Java 17"),
        Api("runFinalizersOnExit", r"\.runFinalizersOnExit[ \t]*\(", "removed in Java 11"),
        *_calls("getSecurityManager setSecurityManager", "deprecated for removal in Java 17", r"\bSystem\."),
    ],
    "c": _C,
    "cpp": [
        *_C,
        Api("auto_ptr", r"\b(?:std::)?auto_ptr[ \t]*<", "removed in C++17: unique_ptr"),
        *_calls("random_shuffle bind1st bind2nd ptr_fun mem_fun", "removed in C++17", r"\bstd::"),
        *[
            Api(one, rf"\bstd::{one}\b", "removed in C++17")
            for one in ("unary_function", "binary_function", "unexpected_handler")
        ],
    ],
    "go": [
        *_calls(
            "ReadAll ReadFile WriteFile ReadDir TempDir TempFile NopCloser", "deprecated in Go 1.16: io, os", r"\bioutil\."
        ),
        Api("Title", r"\bstrings\.Title\(", "deprecated in Go 1.18"),
        Api("Seed", r"\brand\.Seed\(", "deprecated in Go 1.20"),
        *[
            Api(one, rf"\breflect\.{one}\b", "deprecated in Go 1.20 and 1.21: unsafe.Slice")
            for one in ("SliceHeader", "StringHeader")
        ],
    ],
    "rust": [
        Api("try", r"(?<![\w#:])try![ \t]*[(\[{]", "deprecated in Rust 1.39: ?"),
        Api("uninitialized", r"\bmem::uninitialized\b", "deprecated in Rust 1.39: MaybeUninit"),
        *_calls(
            "trim_left trim_right trim_left_matches trim_right_matches", "deprecated in Rust 1.33: trim_start, trim_end"
        ),
        *_calls("compare_and_swap", "deprecated in Rust 1.50: compare_exchange"),
        *[
            Api(one, rf"\b{one}\b", "deprecated in Rust 1.34")
            for one in ("ATOMIC_BOOL_INIT", "ATOMIC_USIZE_INIT", "ONCE_INIT")
        ],
    ],
    "ruby": [
        Api("exists", r"\b(?:File|Dir|FileTest)\.exists\?", "removed in Ruby 3.2: exist?"),
        *[Api(one, rf"(?<![\w:]){one}\b", "removed in Ruby 3.2: Integer") for one in ("Fixnum", "Bignum")],
        Api("escape", r"\bURI\.escape\b", "removed in Ruby 3.0"),
        Api("encode", r"\bURI\.encode\b", "removed in Ruby 3.0"),
        *[Api(one, rf"\.{one}\b", "removed in Ruby 3.2") for one in ("untaint", "tainted")],
    ],
    "solidity": [
        Api("suicide", r"(?<![\w.])suicide[ \t]*\(", "removed in Solidity 0.5: selfdestruct"),
        Api("sha3", r"(?<![\w.])sha3[ \t]*\(", "removed in Solidity 0.5: keccak256"),
        Api("throw", r"(?<![\w.])throw[ \t]*;", "removed in Solidity 0.5: revert"),
        Api("callcode", r"\.callcode\b", "removed in Solidity 0.5: delegatecall"),
        Api("blockhash", r"\bblock\.blockhash[ \t]*\(", "removed in Solidity 0.5: blockhash"),
        Api("now", r"(?<![\w.])now\b(?![ \t]*[({:])", "removed in Solidity 0.7: block.timestamp"),
        Api("selfdestruct", r"(?<![\w.])selfdestruct[ \t]*\(", "deprecated in Solidity 0.8.18", "note"),
    ],
}
"""Language -> what is gone or going. A new line is all that a new API needs."""
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

    def judge(self, record: Record) -> Verdict:
        """A verdict; ``values``: ``warnings`` and ``notes``. SKIP for a language without a table."""
        started = time.perf_counter()
        if record.language not in APIS:
            return skip(self.name, f"no table for '{record.language}'")
        found = scan(record.text, record.language)
        by_word = _by_word(record.language)
        hits: dict[int, tuple[str, Api]] = {}
        for word in sorted(by_word.keys() & found.vocabulary):
            for at, api in _uses(found.code, word.decode(), by_word[word]):
                hits.setdefault(at, (self._severity(api, found.code, at), api))
        places = Places(found.code)
        findings = [
            Finding(rule=self.name, line=places.line(at), message=f"'{api.word}': {api.says}", severity=severity)
            for at, (severity, api) in sorted(hits.items())
        ]
        warnings = [one for one in findings if one.severity != "note"]
        findings.sort(key=lambda one: one.severity == "note")
        values = {"warnings": float(len(warnings)), "notes": float(len(findings) - len(warnings))}
        return decide(self.name, started, findings, values=values, fails=len(warnings) > self.max_findings)

    def _severity(self, api: Api, code: str, at: int) -> str:
        if api.severity == "note" or (
            not api.pattern.startswith(r"^[ \t]*(?:from") and not api.pattern.startswith("^[ \\t]*from")
        ):
            return api.severity
        above = code[max(0, at - 300) : at].rstrip("\n").rsplit("\n", 1)[-1]
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
    at, count = code.find(word), 0
    while at >= 0 and count < MAX_FINDINGS:
        start = code.rfind("\n", 0, at) + 1
        end = code.find("\n", at)
        end = len(code) if end < 0 else end
        for api, pattern in apis:
            if found := pattern.search(code, max(start, at - 2000), min(end, at + 2000)):
                count += 1
                yield found.start(), api
        at = code.find(word, end)


@cache
def _by_word(language: str) -> dict[bytes, list[tuple[Api, re.Pattern[str]]]]:
    table: dict[bytes, list[tuple[Api, re.Pattern[str]]]] = {}
    for api in APIS[language]:
        table.setdefault(api.word.encode(), []).append((api, re.compile(api.pattern, re.MULTILINE)))
    return table


# ------------------------------------------------------------------------------------------------------------- marked code
_MARKS = {
    "python": r"@[\w.]*deprecated\b|\b(?:Pending)?DeprecationWarning\b|\.\. deprecated::",
    "java": r"@Deprecated\b",
    "rust": r"#\[deprecated\b",
    "csharp": r"\[(?:System\.)?Obsolete\b",
    "cpp": r"\[\[deprecated\b|__attribute__[ \t]*\(\([ \t]*deprecated\b|\B[@\\]deprecated\b",
    "c": r"__attribute__[ \t]*\(\([ \t]*deprecated\b|\B[@\\]deprecated\b|\[\[deprecated\b",
    "go": r"^[ \t]*// Deprecated:",
    **dict.fromkeys(("javascript", "typescript", "tsx", "php"), r"\B@deprecated\b|#\[\\?Deprecated\b"),
}
MAX_MARKS = 40
"""As many of one text are looked up: in a text full of errors each costs a walk through the tree."""
_HINTS = ("deprecated:", "DeprecationWarning", "@deprecated", ".deprecated", "[deprecated", "(deprecated", "eprecated:")
_HINTS += ("@Deprecated", "Obsolete", "#[Deprecated", "\\deprecated", "_deprecated")
_DEFINITION = re.compile(
    r"(?:function|method|constructor|class|interface|struct|enum|trait|mod|const|static|type|impl|record|annotation_type)"
    r"(?:_definition|_declaration|_item|_specifier)$|^(?:decorated_definition|export_statement|lexical_declaration"
    r"|variable_declaration|field_declaration|declaration|public_field_definition|property_declaration"
    r"|method_signature|template_declaration)$"
)
_BESIDE = re.compile(r"comment|attribute")


class Deprecated:
    """FAIL for code that its author marked as deprecated: each marked function or class, with its place.

    Marks: ``@deprecated``, ``@Deprecated``, ``#[deprecated]``, ``[Obsolete]``, ``// Deprecated:``, and in Python a
    ``DeprecationWarning`` that every call gives (one below an ``if`` is about an argument). ``max_share``: such code may be
    as much of the text.
    """

    name = "deprecated"

    def __init__(self, max_share: float = 0.0) -> None:
        self.max_share = max_share

    def judge(self, record: Record) -> Verdict:
        """A verdict; ``values``: ``marked`` and ``marked-share`` of all bytes. SKIP without a grammar."""
        started, language = time.perf_counter(), record.language
        if language not in GRAMMARS or language not in _MARKS:
            return skip(self.name, f"no grammar or no marks for '{language}'")
        try:
            spans = list(self._marked(record.text, language))
        except ImportError as error:
            return skip(self.name, f"the grammar is not installed ({error})")
        findings = [
            Finding(rule=self.name, line=line, message=f"marked as deprecated: {said}", severity="warning", span_bytes=span)
            for span, line, said in spans
        ]
        share = sum(end - start for (start, end), _, _ in spans) / max(1, len(record.text))
        values = {"marked": float(len(spans)), "marked-share": share}
        return decide(self.name, started, findings, values=values, fails=share > self.max_share)

    def _marked(self, text: str, language: str) -> Iterator[tuple[tuple[int, int], int, str]]:
        if not any(hint in text for hint in _HINTS):
            return
        data = text.encode("utf-8", "surrogatepass")
        marks = [found.start() for found, _ in zip(_pattern(language).finditer(data), range(MAX_MARKS), strict=False)]
        if not marks:
            return
        root, last = parse(data, language).root_node, -1
        for at in marks:
            if at >= last and (place := _definition(root, at, language)):
                last = place[1].end_byte
                start = place[0].start_byte
                first = data[place[1].start_byte : last].split(b"\n")[0].decode("utf-8", "replace").strip()[:80]
                yield (start, last), place[0].start_point.row + 1, first

    def canaries(self) -> Sequence[Canary]:
        """Each mark, and a function that warns of an argument."""
        warn = "warnings.warn('a', DeprecationWarning)\n"
        return [
            canary(f"def f(a):\n    {warn}    return a\n", "python", self.name),
            canary("@deprecated('a')\ndef f(a):\n    return a\n", "python", self.name),
            canary("class A {\n  @Deprecated\n  int f() { return 1; }\n}\n", "java", self.name),
            canary("#[deprecated]\nfn f() {}\n", "rust", self.name),
            canary("/** @deprecated use g */\nfunction f() {}\n", "javascript", self.name),
            canary("package a\n\n// Deprecated: use G.\nfunc F() {}\n", "go", self.name),
            canary(f"def f(a, b=None):\n    if b:\n        {warn}    return a\n", "python"),
        ]


@cache
def _pattern(language: str) -> re.Pattern[bytes]:
    return re.compile(_MARKS[language].encode(), re.MULTILINE)


def _definition(root: Node, at: int, language: str) -> tuple[Node, Node] | None:
    """The node where the marked definition starts (its comment or attribute, if any), and the definition."""
    node = root.descendant_for_byte_range(at, at + 1)
    depth = 0
    while node is not None and depth < 60:
        if _BESIDE.search(node.type) and (after := _after(node)):
            return node, after
        if "string" in node.type and (
            language != "python" or node.parent is None or node.parent.type != "expression_statement"
        ):
            return None
        if language == "python" and node.type == "expression_statement" and node.parent and node.parent.type == "block":
            outer = node.parent.parent
            return (outer, outer) if outer and outer.type in ("function_definition", "class_definition") else None
        if language == "python" and node.type == "decorated_definition":
            return node, node
        if language != "python" and _DEFINITION.search(node.type):
            body = node.child_by_field_name("body")
            return (node, node) if body is None or at < body.start_byte else None
        node, depth = node.parent, depth + 1
    return None


def _after(node: Node) -> Node | None:
    """The definition that a comment or an attribute stands before."""
    after = node.next_named_sibling
    while after is not None and _BESIDE.search(after.type):
        after = after.next_named_sibling
    return after if after is not None and _DEFINITION.search(after.type) else None
