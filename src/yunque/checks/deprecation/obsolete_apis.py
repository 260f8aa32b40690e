"""What languages and their libraries removed or deprecated: one line an API, with the version. Data of `obsolete`.

A new line is all that a new API needs: a word that stands in every use, a pattern, what is said.
"""

from __future__ import annotations

from dataclasses import dataclass


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
            rf"^[ \t]*(?:from[ \t]+{name}(?:\.\w+)*[ \t]+import\b"
            rf"|import[ \t]+(?:\w[\w. \t]{{0,60}},[ \t]*){{0,20}}{name}(?![\w]))",
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
    *_calls("find_loader", "removed in Python 3.12: importlib.util.find_spec", r"\bimportlib\."),
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
        Api(item, rf"\bast\.{item}\b", "removed in Python 3.14: ast.Constant")
        for item in ["Num", "Str", "Bytes", "NameConstant"]
    ],
    *[
        Api(item, rf"\b(?:np|numpy)\.{item}\b(?!\.)", "removed in numpy 1.24")
        for item in ["bool", "int", "float", "object", "complex"]
    ],
    Api("externals", r"\bsklearn\.externals\b", "removed in scikit-learn 0.23: joblib"),
    *[
        Api(item, rf"\btf\.{item}\b", "removed in TensorFlow 2: tf.compat.v1")
        for item in ["placeholder", "Session", "ConfigProto"]
    ],
    *_calls("ugettext ugettext_lazy ugettext_noop force_text smart_text", "removed in Django 4.0", r"\b", "note"),
]
_SCRIPT: list[Api] = [
    Api("Buffer", r"\bnew[ \t]+Buffer[ \t]*\(", "deprecated in Node 6: Buffer.from, Buffer.alloc"),
    *_calls("createCipher createDecipher", "removed in Node 22: createCipheriv", r"\bcrypto\."),
    Api("exists", r"\bfs\.exists[ \t]*\(", "deprecated in Node 1: fs.access"),
    *_calls("isRegExp isDate isString isNumber isUndefined isFunction", "removed in Node 23", r"\butil\."),
    *_calls("isArray", "deprecated in Node 4: Array.isArray", r"\butil\."),
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
        Api(item, rf"^[ \t]+{item}[ \t]*\(", "deprecated in React 16.3", "note")
        for item in ["componentWillMount", "componentWillReceiveProps", "componentWillUpdate"]
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
            Api(f"mysql_{item}", rf"(?<![\w>:$])mysql_{item}[ \t]*\(", "removed in PHP 7.0: PDO, mysqli")
            for item in [
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
        *[Api(item, rf"\${item}\b", "removed in PHP 5.4: $_GET, $_POST") for item in ("HTTP_GET_VARS", "HTTP_POST_VARS")],
    ],
    "java": [
        *[
            Api(item, rf"\bnew[ \t]+{item}[ \t]*\(", "deprecated for removal in Java 16: valueOf")
            for item in ["Integer", "Long", "Short", "Byte", "Double", "Float", "Boolean", "Character"]
        ],
        Api("finalize", r"\bvoid[ \t]+finalize[ \t]*\([ \t]*\)", "deprecated for removal in Java 18: Cleaner"),
        Api("newInstance", r"\.class\.newInstance[ \t]*\(", "deprecated in Java 9: getDeclaredConstructor"),
        *[
            Api(item, rf"\bsun\.misc\.{item}\b", "removed in Java 9: java.util.Base64")
            for item in ("BASE64Encoder", "BASE64Decoder")
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
            Api(item, rf"\bstd::{item}\b", "removed in C++17")
            for item in ("unary_function", "binary_function", "unexpected_handler")
        ],
    ],
    "go": [
        *_calls(
            "ReadAll ReadFile WriteFile ReadDir TempDir TempFile NopCloser", "deprecated in Go 1.16: io, os", r"\bioutil\."
        ),
        Api("Title", r"\bstrings\.Title\(", "deprecated in Go 1.18"),
        Api("Seed", r"\brand\.Seed\(", "deprecated in Go 1.20"),
        *[
            Api(item, rf"\breflect\.{item}\b", "deprecated in Go 1.20 and 1.21: unsafe.Slice")
            for item in ("SliceHeader", "StringHeader")
        ],
    ],
    "rust": [
        Api("try", r"(?<![\w#:])try![ \t]*[(\[{]", "deprecated in Rust 1.39: ?"),
        Api("uninitialized", r"\bmem::uninitialized\b", "deprecated in Rust 1.39: MaybeUninit"),
        *_calls(
            "trim_left trim_right trim_left_matches trim_right_matches", "deprecated in Rust 1.33: trim_start, trim_end"
        ),
        *_calls("compare_and_swap", "deprecated in Rust 1.50: compare_exchange"),
        *[Api(item, rf"\b{item}\b", "deprecated in Rust 1.34") for item in ("ATOMIC_BOOL_INIT", "ATOMIC_USIZE_INIT")],
        Api("ONCE_INIT", r"\bONCE_INIT\b", "deprecated in Rust 1.38"),
    ],
    "ruby": [
        Api("exists", r"\b(?:File|Dir|FileTest)\.exists\?", "removed in Ruby 3.2: exist?"),
        *[Api(item, rf"(?<![\w:]){item}\b", "removed in Ruby 3.2: Integer") for item in ("Fixnum", "Bignum")],
        Api("escape", r"\bURI\.escape\b", "removed in Ruby 3.0"),
        Api("encode", r"\bURI\.encode\b", "removed in Ruby 3.0"),
        *[Api(item, rf"\.{item}\b", "removed in Ruby 3.2") for item in ("untaint", "tainted")],
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
