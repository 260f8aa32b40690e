"""What makes code insecure, by CWE: Bandit for Python, and patterns of our own for ten languages.

A pattern looks at code without its comments and, unless the rule is about them, without the contents of its texts, so that
neither prose nor a message about ``eval(`` counts. Every rule is one line of a table, and a test shows code that it finds and
code that it does not.

Covered: calls that are dangerous as such, weak algorithms, randomness for secrets, commands, queries and pages put together
from pieces, checks of certificates switched off, credentials in the text.
Not covered: what flows from where (a pattern cannot tell a constant from a user's words behind a name); missing checks
(authorisation, bounds, null), for which a pattern would have to see what is not there. ``benchmarks/evaluation/security.py``
measures both on pairs of vulnerable and mended functions.
"""

from __future__ import annotations

import functools
import itertools
import logging
import re
import tempfile
import textwrap
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from yunque.checks.canaries import canary
from yunque.checks.security.injection import injections
from yunque.checks.security.literals import may_match, needed
from yunque.code.grammars import GRAMMARS, captures, parse
from yunque.code.python_ast import PARSING
from yunque.core.nouns import Canary, Finding, Outcome, Record, Verdict

NOT_WEAKNESSES = ("B101", "B404")
"""Bandit's tests that say nothing of the code at hand: an assert, and an import of subprocess."""
_C, _JS = ("c", "cpp"), ("javascript", "typescript", "tsx")
_ALL = ("python", *_JS, *_C, "java", "csharp", "go", "php", "rust", "ruby")


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One pattern."""

    name: str
    cwe: int
    languages: tuple[str, ...]
    pattern: str
    message: str
    severity: str = "warning"
    """``error``: insecure wherever it stands; ``warning``: in most places; ``note``: worth a look, and no failure."""
    texts: bool = False
    """Whether the contents of texts are looked at as well."""


def _rule(
    name: str,
    cwe: int,
    languages: tuple[str, ...] | str,
    pattern: str,
    message: str,
    severity: str = "warning",
    *,
    texts: bool = False,
) -> Rule:
    known = (languages,) if isinstance(languages, str) else languages
    return Rule(name=name, cwe=cwe, languages=known, pattern=pattern, message=message, severity=severity, texts=texts)


_JOINED = r"""(?:f['"][^'"\n]*\{|['"]\s*(?:\+|%(?!\w*['"])|\.\s*format\s*\()|\+\s*['"]|\$\{|\$"[^"\n]*\{|`[^`\n]*\$\{)"""
"""A text that is put together: an f-string, a concatenation, a template."""

RULES = (
    # ------------------------------------------------------------------------------------------------------------ Python
    _rule("py-os-command", 78, "python", r"\bos\.(?:system|popen|spawn\w*)\s*\(|(?<![\w.])(?<!def )(?:system|popen)\s*\(", "a shell runs this text"),
    _rule("py-shell-true", 78, "python", r"\bshell\s*=\s*True\b", "a shell runs this text"),
    _rule("py-eval", 95, "python", r"(?<![\w.])(?<!def )(?:eval|exec)\s*\(|^[ \t]*exec[ \t]+[\w'\"]", "text is run as code"),
    _rule("py-pickle", 502, "python", r"\b(?:(?:c?[pP]ickle|dill|shelve|marshal|cloudpickle)\.(?:loads?|open|Unpickler)|jsonpickle\.decode|joblib\.load)\s*\(", "reading this can run code"),
    _rule("py-yaml", 502, "python", r"\byaml\.(?:load|load_all)\s*\((?![^)\n]*Safe)|\byaml\.unsafe_load", "reading this can run code"),
    _rule("py-weak-hash", 328, "python", r"\bhashlib\.(?:md5|sha1)\s*\(|\b(?:MD5|MD4|MD2|SHA1?)\.new\s*\(|\bhashlib\.new\s*\(\s*['\"](?:md5|sha1)\b", "this hash is broken", texts=True),
    _rule("py-weak-cipher", 327, "python", r"\b(?:DES3?|ARC[24]|Blowfish)\.new\s*\(|\bMODE_ECB\b|\bmodes\.ECB\b", "this cipher or mode is broken", "error"),
    _rule("py-random", 338, "python", r"(?<![\w.])random\.(?:random|randint|choice|choices|randrange|getrandbits|sample|uniform|shuffle|seed|Random)\s*\(|(?<![\w.])rand(?:int|range)\s*\(|\bfrom\s+random\s+import\b", "predictable; secrets are made by the module secrets", "note"),
    _rule("py-tls", 295, "python", r"\bverify\s*=\s*False\b|\b_create_unverified_context\b|\bCERT_NONE\b|\bcheck_hostname\s*=\s*False\b", "certificates are not checked", "error"),
    _rule("py-temp", 377, "python", r"\btempfile\.mktemp\s*\(|\bos\.(?:tempnam|tmpnam)\s*\(", "somebody else can make this file first", "error"),
    _rule("py-xml", 611, "python", r"\b(?:xml\.(?:etree\.\w+|sax|dom\.\w+)|etree)\.(?:parse|fromstring|XMLParser|make_parser)\s*\(|\bresolve_entities\s*=\s*True", "entities from outside are read"),
    _rule("py-extract", 22, "python", r"\.extractall\s*\((?![^)\n]*filter)", "an archive decides where its files go"),
    _rule("py-debug", 489, "python", r"\.run\s*\([^)\n]*debug\s*=\s*True", "a debugger for whoever asks", "error"),
    _rule("py-safe", 79, "python", r"\b(?:mark_safe|Markup)\s*\(\s*(?!['\"][^'\"]*['\"]\s*\))|\bautoescape\s*=\s*False|(?<!\w)Environment\s*\((?![^)]{0,300}autoescape)[^)]{0,300}[lL]oader", "a page put together without escaping"),
    _rule("py-chmod", 732, "python", r"\bos\.chmod\s*\([^)\n]*(?:0o?777|0o?666|S_IRWXO)", "everybody may write this"),
    _rule("py-bind-all", 605, "python", r"['\"]0\.0\.0\.0['\"]", "every network can reach this", "note", texts=True),
    # -------------------------------------------------------------------------------------------------------- JavaScript
    _rule("js-eval", 95, _JS, r"(?<![\w.])eval\s*\(|\bnew\s+Function\s*\(|\bset(?:Timeout|Interval)\s*\(\s*['\"`]|\bevalScript\b|\bvm\.runIn\w+\s*\(", "text is run as code"),
    _rule("js-import", 95, _JS, r"\b(?:require|import)\s*\(\s*(?:[\w$]|['\"][^'\"\n]*['\"]\s*\+|`[^`\n]*\$\{)", "a module is named at run time", "note"),
    _rule("js-exec", 78, _JS, r"\b\w*[cC]hild_?[pP]rocess\w*\s*\.\s*(?:exec|execSync)\s*\(|\bcp\.(?:exec|execSync)\s*\(|(?<![\w.])exec(?:Sync)?\s*\(\s*(?!['\"][^'\"\n]*['\"]\s*[,)])|\bshell\s*:\s*true", "a shell runs this text"),
    _rule("js-html", 79, _JS, r"\.(?:inner|outer)HTML\s*\+?=(?!=)|\bdocument\.write(?:ln)?\s*\(|\bdangerouslySetInnerHTML\b|\.insertAdjacentHTML\s*\(|\bv-html\b", "a page put together without escaping"),
    _rule("js-random", 338, _JS, r"\bMath\.random\s*\(|\bcrypto\.pseudoRandomBytes\s*\(", "predictable", "note"),
    _rule("js-weak-hash", 328, _JS, r"\bcreateHash\s*\(\s*['\"](?:md4|md5|sha1)['\"]", "this hash is broken", texts=True),
    _rule("js-weak-cipher", 327, _JS, r"\bcreateCipher\s*\(|\bcreate(?:Cipher|Decipher)iv\s*\(\s*['\"](?:des|rc[24]|bf|[\w-]*ecb)", "this cipher or mode is broken", "error", texts=True),
    _rule("js-sql", 89, _JS, rf"\b(?:query|execute|raw)\s*\(\s*(?:[`'\"][^`'\"\n]*(?:SELECT|INSERT|UPDATE|DELETE)\b[^;\n]*{_JOINED}|`[^`]*(?:SELECT|INSERT|UPDATE|DELETE)\b[^`]*\$\{{)", "a query put together from pieces", texts=True),
    _rule("js-regexp", 185, _JS, r"\bRegExp\s*\(\s*(?:[\w$(]|['\"][^'\"\n]*['\"]\s*\+|`[^`\n]*\$\{)", "a pattern from outside can take forever", "note"),
    _rule("js-path", 22, _JS, r"\bpath\.(?:join|resolve)\s*\([^)\n]*\b(?:req|request|params|query|body|input|file\w*|name)\b", "a path from outside", "note"),
    _rule("js-file", 22, _JS, r"(?<!\w)fs(?:\.promises)?\.\w+\s*\(\s*(?:[\w$]|['\"][^'\"\n]*['\"]\s*\+|`[^`\n]*\$\{)", "a path from outside", "note"),
    _rule("js-message", 345, _JS, r"\bpostMessage\s*\([^;\n]*['\"]\*['\"]|addEventListener\s*\(\s*['\"]message['\"]", "any page may have sent this", "note", texts=True),
    _rule("js-timing", 208, _JS, r"\b(?:password|passwd|secret|token|hash|digest|signature|api_?key|auth)\w*\s*[!=]==?\s*(?!null|undefined|true|false|['\"]{2}|typeof)[\w$'\"]|(?<!null)(?<!undefined)\s[!=]==?\s*(?:password|passwd|secret|token|hash|digest|signature|api_?key)\b", "compared in a time that tells where they differ", "note"),
    _rule("js-tls", 295, _JS, r"\brejectUnauthorized\s*:\s*false|NODE_TLS_REJECT_UNAUTHORIZED", "certificates are not checked", "error"),
    _rule("js-chmod", 732, _JS, r"\bchmod(?:Sync)?\s*\([^)\n]*(?:0o?777|0o?666|['\"]0?777['\"])", "everybody may write this", texts=True),
    _rule("js-xxe", 611, _JS, r"\bnoent\s*:\s*true", "entities from outside are read", "error"),
    _rule("js-deserialise", 502, _JS, r"\bunserialize\s*\(", "reading this can run code"),
    _rule("js-buffer", 770, _JS, r"\bnew\s+Buffer\s*\(", "the size comes from whatever is given"),
    _rule("js-uninitialised", 908, _JS, r"\bBuffer\.allocUnsafe(?:Slow)?\s*\(|\bnoAssert\b", "shows what was in memory before"),
    _rule("js-http", 319, _JS, r"\bhttp\.(?:createServer|request|get)\s*\(", "sent for everybody to read", "note"),
    # ----------------------------------------------------------------------------------------------------------- C, C++
    _rule("c-copy", 120, _C, r"\b(?:strcpy|strcat|stpcpy|wcscpy|wcscat|sprintf|vsprintf|swprintf|lstrcpy\w?|lstrcat\w?)\s*\(", "nothing says how long the target is"),
    _rule("c-gets", 242, _C, r"(?<![\w.>])gets\s*\(", "nothing says how long the target is", "error"),
    _rule("c-scanf", 119, _C, r"\b[fs]?scanf\s*\([^;\n]*%(?:l?s|\[)", "nothing says how long the target is", "error", texts=True),
    _rule("c-format", 134, _C, r"\b(?:v?printf|syslog|err|warn)\s*\(\s*[A-Za-z_]\w*\s*\)|\bfprintf\s*\(\s*\w+\s*,\s*[A-Za-z_]\w*\s*\)|\bsnprintf\s*\([^;,\n]+,[^;,\n]+,\s*[a-z_]\w*\s*\)", "a format from outside"),
    _rule("c-size", 680, _C, r"\b\w*alloc\w*+\s*\([^;\n]*(?:\w|\))\s*\*\s*+(?:\(\s*+)?\w|\b\w*malloc\w*+\s*\([^;\n]*\+\s*\w|\bnew\s+[\w:]+(?:\s+\w+)?(?:\s*\*)*\s*\[[^\]\n]*\w\s*\*\s*\w", "the product or sum may not fit its type", "note"),
    _rule("c-alloca", 770, _C, r"\balloca\s*\(", "nothing says whether the stack has room", "note"),
    _rule("c-returned-length", 119, _C, r"\[\s*\w*snprintf\s*\(|\b(\w+)\s*\+?=\s*(?:\w+::)?\w*snprintf\s*\([^;]{1,300};(?:(?!\bif\b)[^}]){0,200}?(?:\[\s*\1\s*\]|\+\s*\1\b)", "the length that was needed, not the one that was written", "note"),
    _rule("c-memcpy", 121, _C, r"\b(?:memcpy|memmove|bcopy|strncpy)\s*\((?!(?>[^;\n]*?sizeof\s*+(?:\(\s*+)?\*?\w)[^;\n]*\)\s*;)", "a length that is not the target's", "note"),
    _rule("c-random", 338, _C, r"(?<![\w.>])(?:rand|random|lrand48|drand48|mrand48)\s*\(|\brandom_shuffle\s*\(", "predictable", "note"),
    _rule("c-seed", 335, _C, r"\bsrand(?:om|48)?\s*\(\s*\d+\s*\)|\bmt19937\w*\s+\w+\s*[({]\s*\d+\s*[)}]", "always the same numbers"),
    _rule("c-command", 78, _C, r"(?<![\w.>])(?:system|popen|_popen|execl[pe]?|execv[pe]?|ShellExecute\w*|WinExec)\s*\(", "a program is run by its name or by a shell", "note"),
    _rule("c-weak-hash", 328, _C, r"\b(?:MD[245]|SHA1?)(?:_(?:Init|Update|Final))?\s*\(|\bEVP_(?:md[245]|sha1)\b", "this hash is broken"),
    _rule("c-weak-cipher", 1240, _C, r"\b(?:DES|BF|RC[24])_\w+\s*\(|\bEVP_(?:des|bf|rc[24])\w*|\b\w+_ecb(?:_encrypt)?\b", "this cipher or mode is broken", "error"),
    _rule("c-mode", 347, _C, r"\bEVP_aes_\d+_(?:cbc|ctr|cfb\w*|ofb)\b", "nothing shows that it was changed on the way", "note"),
    _rule("c-temp", 377, _C, r"\b(?:tmpnam|tempnam|mktemp|tmpnam_r)\s*\(", "somebody else can make this file first", "error"),
    _rule("c-tls", 295, _C, r"\bSSL_VERIFY_NONE\b|\bCURLOPT_SSL_VERIFY(?:PEER|HOST)\s*,\s*0", "certificates are not checked", "error"),
    _rule("c-chmod", 732, _C, r"\b(?:f?chmod|fchmodat|mkdir|open|creat)\s*\([^;\n]{0,500}\b(?:0777|0666|S_IRWXO|S_IWOTH)\b", "everybody may write this"),
    _rule("c-xxe", 611, _C, r"\bXML_PARSE_(?:NOENT|DTDLOAD)\b", "entities from outside are read", "error"),
    _rule("c-token", 676, _C, r"(?<!\w)strtok\s*\(", "not safe in threads", "note"),
    _rule("c-atoi", 119, _C, r"\[\s*(?:atoi|atol|strtol)\s*\(", "an index that nobody looked at", "note"),
    _rule("c-free", 590, _C, r"\bfree\s*\(\s*&", "this was not taken from the heap", "note"),
    _rule("cpp-auto-ptr", 665, "cpp", r"\b(?:std::)?auto_ptr\s*<", "removed from the language: copying it moves it"),
    _rule("cpp-iterator", 416, "cpp", r"\b\w+\.erase\s*\(\s*(?:it|iter|itr|i)\s*\)\s*;", "the iterator is gone after this", "note"),
    # ------------------------------------------------------------------------------------------------------------- Java
    _rule("java-weak-hash", 328, "java", r"getInstance\s*\(\s*\"(?:MD[245]|SHA-?1?)\"|\bDigestUtils\.(?:md[25]|sha1?)(?:Hex)?\s*\(|\bgetMd5Digest\b|\bgetSha1?Digest\b", "this hash is broken", texts=True),
    _rule("java-weak-cipher", 327, "java", r"getInstance\s*\(\s*\"(?:DES(?:ede)?|RC[24]|Blowfish|[\w]+/ECB|AES\"|\w+/CBC/PKCS5|RSA/(?:ECB|NONE)/(?:PKCS1|No))", "this cipher or mode is broken", texts=True),
    _rule("java-random", 330, "java", r"\bnew\s+(?:java\.util\.)?Random\s*\(|\bMath\.random\s*\(|\bRandomStringUtils\.|\bThreadLocalRandom\b|\b(?:rand(?:om)?|rnd|rng)\.next\w+\s*\(", "predictable", "note"),
    _rule("java-command", 78, "java", r"\.exec\s*\(|\bnew\s+ProcessBuilder\s*\(", "a program is run with what was given", "note"),
    _rule("java-deserialise", 502, "java", r"\bnew\s+ObjectInputStream\s*\(|\.readObject\s*\(\s*\)|\bnew\s+XMLDecoder\s*\(|\bXStream\s*\(\s*\)|\.enableDefaultTyping\s*\(", "reading this can run code"),
    _rule("java-sql", 89, "java", r"\b(?:execute(?:Query|Update)?|prepareStatement|createQuery|createNativeQuery)\s*\([^;\n\"]*+\"[^;\n]*\"\s*\+|=\s*\"(?:SELECT|INSERT|UPDATE|DELETE)\b[^;\n]*\"\s*\+", "a query put together from pieces", texts=True),
    _rule("java-ssrf", 918, "java", r"\bnew\s+URL\s*\(\s*(?!\")[\w.]+|\.openConnection\s*\(|\b(?:HttpGet|HttpPost|InetSocketAddress)\s*\(\s*(?!\")\w", "an address from outside is asked", "note"),
    _rule("java-xxe", 611, "java", r"\b(?:DocumentBuilderFactory|SAXParserFactory|XMLInputFactory|SAXBuilder|SAXReader|TransformerFactory|XMLReaderFactory)\s*\.\s*(?:new\w+|create\w+)\s*\(|\bnew\s+SAX(?:Builder|Reader)\s*\(", "entities from outside are read"),
    _rule("java-tls", 295, "java", r"\bALLOW_ALL_HOSTNAME_VERIFIER\b|\bNoopHostnameVerifier\b|\bverify\s*\([^)]{0,400}\)\s*\{\s*return\s+true|\bsetHostnameVerifier\s*\(|checkServerTrusted\s*\([^)]{0,400}\)[^{;]{0,400}\{\s*\}", "certificates are not checked", "error"),
    _rule("java-xpath", 643, "java", r"\.(?:compile|evaluate)\s*\(\s*(?:\"[^\"\n]*\"\s*\+|[a-z]\w*\s*[,)])", "a question to a document put together from pieces", "note", texts=True),
    _rule("java-xss", 79, "java", r"getWriter\s*\(\s*\)\s*\.\s*(?:print(?:ln)?|write|append|format)\s*\(\s*(?!\"[^\"]*\"\s*\))", "a page put together without escaping", "note"),
    _rule("java-webview", 200, "java", r"\bsetAllow(?:File|Content|UniversalAccessFromFile)\w*\s*\(\s*true|\bsetJavaScriptEnabled\s*\(\s*true", "pages may read the device's files"),
    _rule("java-csrf", 352, "java", r"\bcsrf\s*\(\s*\)\s*\.\s*disable\s*\(|csrf\s*->\s*csrf\.disable|csrf\s*\(\s*\w+::disable", "other pages may act for the user", "error"),
    _rule("java-world", 276, "java", r"\bMODE_WORLD_(?:READABLE|WRITEABLE)\b|setReadable\s*\(\s*true\s*,\s*false|PosixFilePermission\.OTHERS_", "everybody may read or write this", "error"),
    _rule("java-obsolete", 589, "java", r"\bThread\.currentThread\s*\(\s*\)\s*\.\s*(?:stop|suspend|resume)\s*\(|\bSystem\.runFinalizersOnExit|\bgetSystemWifi", "a method that nobody should use any more", "note"),
    _rule("java-eval", 95, "java", r"\bgetEngineByName\s*\(", "text is run as code"),
    _rule("java-unpack", 22, "java", r"\b(?:new\s+File(?:OutputStream)?|\.resolve|Paths\.get)\s*\([^;\n]{0,160}\b(?:\w{0,40}[eE]ntry|ze|je)\.getName\s*\(", "an archive decides where its files go"),
    _rule("java-debug", 489, "java", r"@EnableWebSecurity\s*\(\s*debug\s*=\s*true", "shows requests in the log"),
    # --------------------------------------------------------------------------------------------------------------- C#
    _rule("cs-weak-hash", 327, "csharp", r"\b(?:MD5|SHA1)\w*\s*\.\s*(?:Create|HashData)\s*\(|\bnew\s+(?:MD5|SHA1)(?:CryptoServiceProvider|Managed|Cng)\b", "this hash is broken"),
    _rule("cs-weak-cipher", 327, "csharp", r"\b(?:DES|TripleDES|RC2)(?:CryptoServiceProvider)?(?:\s*\.\s*Create)?\s*\(|\bCipherMode\.(?:ECB|CBC|OFB|CFB|CTS)\b", "this cipher or mode is broken", "error"),
    _rule("cs-random", 338, "csharp", r"\bnew\s+(?:System\.)?Random\s*\(|\bRandom\s+\w+\s*=\s*new\s*\(|\bRandom\.(?:Shared|Range|Next)\b|\b(?:[rR]and\w*|rnd|rng)\.Next\w*\s*\(", "predictable", "note"),
    _rule("cs-command", 78, "csharp", r"\bProcess\.Start\s*\(|\bnew\s+ProcessStartInfo\b|\.StartInfo\.(?:FileName|Arguments)\s*=", "a program is run with what was given", "note"),
    _rule("cs-sql", 89, "csharp", rf"\b(?:new\s+\w*Command|ExecuteSql\w*+|FromSqlRaw|CommandText\s*=|SqlQuery\w*+)\s*+\(?[^;\n]{{0,500}}(?:{_JOINED}|\b\w*(?:[sS]ql|[qQ]uery|[cC]md))", "a query put together from pieces", texts=True),
    _rule("cs-xpath", 643, "csharp", r"\.(?:SelectNodes|SelectSingleNode|Select|Compile|Evaluate|XPathSelect\w+)\s*\(\s*(?:\$?\"[^\"\n]*(?:\{|\"\s*\+)|[a-z]\w*\s*[,)]|[Ss]tring\.Format)", "a question to a document put together from pieces", "note", texts=True),
    _rule("cs-xxe", 611, "csharp", r"\bnew\s+XmlTextReader\s*\(|\bnew\s+XmlDocument\s*\(|\bDtdProcessing\.Parse\b|\bProhibitDtd\s*=\s*false|\bnew\s+XmlUrlResolver\s*\(|\bXmlReader\.Create\s*\(", "entities from outside are read", "note"),
    _rule("cs-deserialise", 502, "csharp", r"\bnew\s+(?:Binary|Soap|NetDataContract|Los|ObjectState)\w*Format\w*\s*\(|\bNetDataContractSerializer\b|\bJavaScriptSerializer\s*\(|\bTypeNameHandling\.(?:All|Auto|Objects|Arrays)\b|\.Deserialize\s*\(", "reading this can run code"),
    _rule("cs-csrf", 352, "csharp", r"\[\s*Http(?:Post|Put|Delete|Patch)\b(?![^\]]{0,200}\][^{;]{0,400}\[\s*(?:\w+\s*,\s*)*(?:Auto)?ValidateAntiForgeryToken)", "other pages may act for the user", "note"),
    _rule("cs-redirect", 601, "csharp", r"\bRedirect(?:Permanent)?\s*\(\s*(?!\")[\w.\[\]]+", "leads wherever it was told", "note"),
    _rule("cs-validate", 554, "csharp", r"\bValidateInput\s*\(\s*false|\bvalidateRequest\s*=\s*\"false", "what comes in is not looked at", "error", texts=True),
    _rule("cs-password", 521, "csharp", r"\bRequiredLength\s*=\s*[0-7]\b|\bRequire(?:Digit|Uppercase|NonAlphanumeric|NonLetterOrDigit)\s*=\s*false", "short or simple passwords are let in"),
    _rule("cs-tls", 295, "csharp", r"\bServerCertificate(?:Custom)?ValidationCallback\s*\+?=(?!=)|\bDangerousAcceptAnyServerCertificateValidator\b", "certificates are not checked", "error"),
    _rule("cs-html", 79, "csharp", r"\bHtml\.Raw\s*\(\s*(?!\")|\bResponse\.Write\s*\(\s*(?!\")", "a page put together without escaping"),
    _rule("cs-unpack", 22, "csharp", r"\bPath\.Combine\s*\([^;\n]*\b\w*[eE]ntry\.(?:FullName|Name|Key)\b", "an archive decides where its files go"),
    _rule("cs-debug", 489, "csharp", r"\.UseDeveloperExceptionPage\s*\(", "errors are shown to whoever asks", "note"),
    # --------------------------------------------------------------------------------------------------------------- Go
    _rule("go-weak-hash", 328, "go", r"\b(?:md5|sha1)\.(?:New|Sum)\s*\(", "this hash is broken"),
    _rule("go-weak-cipher", 327, "go", r"\b(?:des\.New\w*|rc4\.NewCipher)\s*\(", "this cipher is broken", "error"),
    _rule("go-random", 338, "go", r"\"math/rand\"", "predictable", "note", texts=True),
    _rule("go-command", 78, "go", r"\bexec\.Command(?:Context)?\s*\(\s*(?:ctx\s*,\s*)?(?:\"(?:/bin/)?(?:ba|z)?sh\"|[a-z]\w*\s*[,)])", "a program is run with what was given", "note", texts=True),
    _rule("go-sql", 89, "go", r"\.(?:Query|QueryRow|Exec)(?:Context)?\s*\([^)\n]*(?:fmt\.Sprintf|\"\s*\+)", "a query put together from pieces", texts=True),
    _rule("go-tls", 295, "go", r"\bInsecureSkipVerify\s*:\s*true", "certificates are not checked", "error"),
    _rule("go-html", 79, "go", r"\btemplate\.(?:HTML|JS|URL)\s*\(|\"text/template\"", "a page put together without escaping", "note", texts=True),
    _rule("go-chmod", 732, "go", r"\bos\.(?:Chmod|Mkdir(?:All)?|WriteFile|OpenFile)\s*\([^\n]*\b0o?(?:777|666)\b", "everybody may write this"),
    _rule("go-unpack", 22, "go", r"\bfilepath\.Join\s*\([^)\n]*\b(?:header|hdr|entry|file|f|zf)\.Name\b", "an archive decides where its files go"),
    _rule("go-debug", 489, "go", r"\"net/http/pprof\"", "shows the program's memory to whoever asks", texts=True),
    # -------------------------------------------------------------------------------------------------------------- PHP
    _rule("php-weak-hash", 327, "php", r"(?<![\w>:$])(?:md5|sha1|md5_file|sha1_file|crypt)\s*\(|\bhash\s*\(\s*['\"](?:md5|sha1|md4)['\"]|\bmcrypt_\w+\s*\(|\bMCRYPT_\w+", "this hash or cipher is broken", texts=True),
    _rule("php-unsalted", 759, "php", r"(?<![\w>:$])(?:md5|sha1|hash)\s*\(\s*+[^)\n]*\$\w*(?:pass|pwd)\w*", "a hash without salt", texts=True),
    _rule("php-code", 95, "php", r"(?<![\w>:$])(?:eval|assert|create_function)\s*\(", "text is run as code", "error"),
    _rule("php-replace", 95, "php", r"\bpreg_replace\s*\(\s*['\"](.)(?:(?!\1).)*+\1(?=\w*?e)\w*+['\"]", "text is run as code", "error", texts=True),
    _rule("php-command", 78, "php", r"(?<![\w>:$])(?:system|exec|shell_exec|passthru|popen|proc_open|pcntl_exec)\s*\(|`[^`\n]*\$", "a shell runs this text"),
    _rule("php-sql", 89, "php", r"(?:_query|->query|->exec|->prepare)\s*\([^;\n]*(?:['\"]\s*\.\s*\$|\"[^\"\n]*\$)|=\s*\"(?:SELECT|INSERT|UPDATE|DELETE)\b[^\"\n]*\$", "a query put together from pieces", texts=True),
    _rule("php-deserialise", 502, "php", r"(?<![\w>:$])unserialize\s*\(", "reading this can run code"),
    _rule("php-xss", 79, "php", r"\b(?:echo|print)\b[^;\n]*\$_(?:GET|POST|REQUEST|COOKIE|SERVER)", "a page put together without escaping", "error"),
    _rule("php-include", 98, "php", r"\b(?:include|require)(?:_once)?\s*+\(?[^;\n]*\$_(?:GET|POST|REQUEST|COOKIE)", "a file from outside is run", "error"),
    _rule("php-random", 330, "php", r"(?<![\w>:$])(?:rand|mt_rand|uniqid|lcg_value|str_shuffle|array_rand|shuffle)\s*\(", "predictable", "note"),
    _rule("php-spoof", 290, "php", r"\$_SERVER\s*\[\s*['\"]?(?:REMOTE_ADDR|HTTP_(?:X_FORWARDED_FOR|CLIENT_IP|REFERER|HOST|X_\w+))|\bgethostbyaddr\s*\(", "the other side says who it is", "note", texts=True),
    _rule("php-path", 22, "php", r"\b(?:fopen|file_get_contents|readfile|file|unlink)\s*\([^;\n]*\$_(?:GET|POST|REQUEST|COOKIE|FILES)", "a path from outside"),
    _rule("php-redirect", 601, "php", r"\bheader\s*\(\s*['\"]Location:[^;\n]*\$", "leads wherever it was told", texts=True),
    _rule("php-tls", 295, "php", r"\bCURLOPT_SSL_VERIFY(?:PEER|HOST)\s*(?:,|=>)\s*(?:false|0)|['\"]verify_peer(?:_name)?['\"]\s*=>\s*false", "certificates are not checked", "error", texts=True),
    _rule("php-weak-cipher", 327, "php", r"['\"](?:des-|des['\"]|rc4|rc2|bf-|aes-\d+-ecb)", "this cipher or mode is broken", texts=True),
    _rule("php-xxe", 611, "php", r"\bLIBXML_NOENT\b|\blibxml_disable_entity_loader\s*\(\s*false", "entities from outside are read", "error"),
    _rule("php-chmod", 732, "php", r"(?<![\w>:$])(?:chmod|mkdir)\s*\([^;\n]*\b0?(?:777|666)\b", "everybody may write this"),
    _rule("php-errors", 209, "php", r"\bdisplay_errors['\"]?\s*,\s*['\"]?(?:1|on)|\bphpinfo\s*\(|\berror_reporting\s*\(\s*E_ALL|->getMessage\s*\(\s*\)\s*;|\bmysqli?_error\s*\(", "errors tell too much", "note", texts=True),
    # ------------------------------------------------------------------------------------------------------------- Rust
    _rule("rust-unsafe", 676, "rust", r"\bunsafe\s*(?:\{|fn\b|impl\b)", "nothing checks this code but its author", "note"),
    _rule("rust-weak-hash", 328, "rust", r"\b(?:Md[245]|Sha1|md5|sha1)::(?:new|compute|digest|Sha1)\b|\bMessageDigest::(?:md5|sha1)\b|\buse\s+(?:md[245]|sha1|crypto::(?:md5|sha1))\b|\b(?:Md[245]|Sha1)\b\s*(?:::|[;,{])", "this hash is broken"),
    _rule("rust-outside", 807, "rust", r"\benv::(?:args(?:_os)?|current_exe|temp_dir)\s*\(|\b(?:temp_dir|current_exe|args_os)\s*\(\s*\)", "whoever starts the program decides this", "note"),
    _rule("rust-command", 78, "rust", r"\bCommand::new\s*\((?!\s*\"[^\"]*\"\s*\)\s*(?:;|\.(?:output|status|spawn)))", "a program is run with what was given", "note"),
    _rule("rust-tls", 295, "rust", r"\bdanger_accept_invalid_(?:certs|hostnames)\s*\(\s*true|\bSslVerifyMode::NONE\b|\bset_verify\s*\(\s*SSL_VERIFY_NONE", "certificates are not checked", "error"),
    _rule("rust-weak-cipher", 327, "rust", r"\b(?:Des|TdesEde[23]|Rc4|Rc2|Blowfish)(?:::<[^>\n]*>)?::new|\b(?:Ecb|ecb::\w+)\b\s*(?:::|<)|\bCipher::(?:\w+_ecb|des_\w+|rc4|bf_\w+)\s*\(", "this cipher or mode is broken"),
    _rule("rust-chmod", 732, "rust", r"\b(?:from_mode|set_mode|mode)\s*\(\s*0o(?:777|666)\b", "everybody may write this"),
    _rule("rust-sql", 89, "rust", r"\b(?:query|execute|sql_query|prepare)\w*\s*\(\s*+(?:&\s*+)?format!", "a query put together from pieces"),
    # ------------------------------------------------------------------------------------------------------- everywhere
    _rule("credential", 798, _ALL, r"(?i)\b\w*(?:passwo?r?d|secret|api_?key|access_?key|auth_?token|private_?key|credential)\w*+['\"]?\]?\s*(?::|=|=>|:=|,)\s*(?:b|r|u|@|\$)?['\"][^'\"\s$<{%]{6,}['\"]", "a credential in the text", texts=True),
    _rule("private-key", 312, _ALL, r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----", "a private key in the text", "error", texts=True),
    _rule("known-token", 798, _ALL, r"\bAIza[0-9A-Za-z_-]{30,}|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[0-9A-Za-z]{30,}|\bxox[abprs]-[0-9A-Za-z-]{10,}|\bSK[0-9a-f]{32}\b|\bya29\.[0-9A-Za-z_-]{20,}|\bEAACEdEose0cBA\w+", "a key of a known service in the text", "error", texts=True),
)  # fmt: skip
"""Every rule; the CWE is the one under which CyberSecEval and SVEN file the weakness."""


MOST = 100
"""Findings of one rule that are told of one text."""


class InsecurePatterns:
    """A check (seam ``Check``) that passes a text in which no rule finds more than notes; SKIP without rules for its language."""

    name = "insecure-patterns"

    def judge(self, record: Record) -> Verdict:
        """PASS, or FAIL; with every finding, its severity and its CWE. Never raises for anything the text does."""
        started = time.perf_counter()
        if not rules_for(record.language):
            return Verdict(check=self.name, outcome=Outcome.SKIP, detail="no rules for this language")
        findings = injections(_shortened(record.text)) if record.language == "python" else []
        likely = _likely(record.text, record.language)
        code, bare = code_and_bare(record.text, record.language) if likely else ("", "")
        code, bare = _LONG.sub(r"\1", code), _LONG.sub(r"\1", bare)  # what was cut is blank, and takes time as well
        for rule, pattern in likely:
            text = code if rule.texts else bare
            for found in itertools.islice(pattern.finditer(text), MOST):
                line = text.count("\n", 0, found.start()) + 1
                findings.append(
                    Finding(rule=rule.name, line=line, message=rule.message, severity=rule.severity, cwe=rule.cwe)
                )
        once = {(one.line, one.rule): one for one in findings}
        return _verdict(self.name, [once[key] for key in sorted(once)], started)

    def canaries(self) -> Sequence[Canary]:
        """One of each language's own rules, one of the flow of text into a query, and a clean text."""
        return [
            canary("import os\nos.system(x)\n", "python", "py-os-command"),
            canary("c.execute(\"SELECT a FROM t WHERE b = '%s'\" % x)\n", "python", "py-sql"),
            canary("child_process.exec(c)\n", "javascript", "js-exec"),
            canary("eval(x)\n", "typescript", "js-eval"),
            canary("void f(char *a) { gets(a); }\n", "c", "c-gets"),
            canary("void f(char *a) { strcpy(a, b); }\n", "cpp", "c-copy"),
            canary("class A { Object a = new ObjectInputStream(s); }\n", "java", "java-deserialise"),
            canary("a := md5.New()\n", "go", "go-weak-hash"),
            canary("<?php system($c);\n", "php", "php-command"),
            canary("fn f() { unsafe { g() } }\n", "rust", "rust-unsafe"),
            canary("import os\n\nprint(os.path.join(a, 'b'))  # os.system(x)\n", "python"),
        ]


class Bandit:
    """A check (seam ``Check``): what Bandit finds in Python, ``nosec`` comments not obeyed. SKIP where it cannot look."""

    name = "bandit"

    def judge(self, record: Record) -> Verdict:
        """PASS, FAIL, with every finding and its CWE; or SKIP: another language, not installed, does not parse.

        Low severity is a ``note``, which fails nothing. A function with the indentation of its class is read without it.
        """
        started = time.perf_counter()
        if record.language != "python":
            return Verdict(check=self.name, outcome=Outcome.SKIP, detail="Python alone")
        with PARSING, warnings.catch_warnings(), tempfile.TemporaryDirectory(prefix="yunque-bandit-") as folder:
            warnings.simplefilter("ignore")
            try:
                from bandit.core import config, manager
            except ImportError:
                return Verdict(
                    check=self.name, outcome=Outcome.SKIP, detail="Bandit is not installed; pip install 'yunque[checks]'"
                )
            path = Path(folder) / "answer.py"
            path.write_text(textwrap.dedent(record.text), "utf-8", errors="replace")
            bandit = manager.BanditManager(
                config.BanditConfig(), "file", quiet=True, ignore_nosec=True, profile={"exclude": list(NOT_WEAKNESSES)}
            )
            bandit.files_list = [str(path)]
            with _silent("bandit"):
                bandit.run_tests()
        if bandit.skipped:
            return Verdict(check=self.name, outcome=Outcome.SKIP, detail="does not parse")
        findings = [
            Finding(
                rule=issue.test_id,
                line=issue.lineno,
                message=issue.text,
                severity={"LOW": "note", "MEDIUM": "warning"}.get(issue.severity, "error"),
                cwe=issue.cwe.id or None,
            )
            for issue in sorted(bandit.results, key=lambda issue: (issue.lineno, issue.test_id))
        ]
        return _verdict(self.name, findings, started)

    def canaries(self) -> Sequence[Canary]:
        """One of each severity, and a clean text."""
        return [
            canary("import subprocess\nsubprocess.run(x, shell=True)\n", "python", "B602"),
            canary("import pickle\npickle.loads(x)\n", "python", "B301"),
            canary("x = eval(y)  # nosec\n", "python", "B307"),
            canary("import random\nx = random.random()\n", "python", "B311"),
            canary("import ast\nx = ast.literal_eval(y)\n", "python"),
        ]


@contextmanager
def _silent(logger: str) -> Iterator[None]:
    """Nothing is logged there; what was set before is set again."""
    log = logging.getLogger(logger)
    before = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        log.setLevel(before)


def _verdict(check: str, findings: list[Finding], started: float) -> Verdict:
    worst = next((one for one in findings if one.severity != "note"), None)
    told = f"line {worst.line}: {worst.message}" if worst else f"{len(findings)} notes" if findings else "nothing found"
    return Verdict(
        check=check,
        outcome=Outcome.FAIL if worst else Outcome.PASS,
        findings=tuple(findings),
        took_ms=(time.perf_counter() - started) * 1000,
        detail=told,
    )


@functools.cache
def rules_for(language: str) -> tuple[tuple[Rule, re.Pattern], ...]:
    """The rules of a language, each with its pattern."""
    return tuple((rule, re.compile(rule.pattern, re.MULTILINE)) for rule in RULES if language in rule.languages)


def _likely(text: str, language: str) -> list[tuple[Rule, re.Pattern]]:
    """The rules of which the words stand in a text: the others cannot match, and cost nothing."""
    folded = text.casefold()
    found = []
    for rule, pattern in rules_for(language):
        ignores = pattern.flags & re.IGNORECASE
        if may_match(needed(rule.pattern, re.MULTILINE), folded if ignores else text):
            found.append((rule, pattern))
    return found


# ------------------------------------------------------------------------------------------------------------ what is code
LONGEST_LINE = 2000
"""Characters of a line that are looked at: a pattern's time grows with the square of a line's length."""
_LONG = re.compile(rf"^([^\n]{{{LONGEST_LINE}}})([^\n]+)", re.MULTILINE)
_HASH = ("python", "ruby", "shell", "r", "perl")
_TEXT = r'"(?:\\.|[^"\\\n])*+"?|' + r"'(?:\\.|[^'\\\n])*+'(?!\w)|'(?:\\.|[^'\\\n])*+(?=\n|\Z)"
_BLOCKS = r"/\*[\s\S]*?(?:\*/|\Z)|\A(?:(?!/\*)[\s\S])*?\*/[ \t]*$"
"""Comments; also the rest of one that began before the text did."""
_DOCSTRINGS = ('"""', "'''")
_LIKE_CODE = re.compile(r"^[ \t]*(?:def|class|return|import|raise|@)\b|\w\(|\w = ?|[\w)\]]:$", re.MULTILINE)
_LEXERS = {
    "hash": re.compile(rf'(?P<text>"""[\s\S]*?(?:"""|\Z)|\'\'\'[\s\S]*?(?:\'\'\'|\Z)|{_TEXT})|(?P<comment>\#[^\n]*)'),
    "c": re.compile(rf"(?P<comment>{_BLOCKS}|//[^\n]*)|(?P<text>`(?:\\.|[^`\\])*+`?|{_TEXT})", re.MULTILINE),
    "rust": re.compile(
        rf"(?P<comment>{_BLOCKS}|//[^\n]*)|" + r"""(?P<text>"(?:\\.|[^"\\])*+"?|'(?:\\.|[^'\\\n])')""", re.MULTILINE
    ),
    "php": re.compile(rf"(?P<comment>{_BLOCKS}|//[^\n]*|\#(?!\[)[^\n]*)|(?P<text>{_TEXT})", re.MULTILINE),
}
_NODES = {
    "python": ("[(comment)] @comment", "[(string_content)] @text"),
    "javascript": ("[(comment)] @comment", "[(string_fragment) (regex_pattern)] @text"),
    "typescript": ("[(comment)] @comment", "[(string_fragment) (regex_pattern)] @text"),
    "tsx": ("[(comment)] @comment", "[(string_fragment) (regex_pattern)] @text"),
    "c": ("[(comment)] @comment", "[(string_content) (character)] @text"),
    "cpp": ("[(comment)] @comment", "[(string_content) (raw_string_content) (character)] @text"),
    "go": ("[(comment)] @comment", "[(interpreted_string_literal_content) (raw_string_literal_content)] @text"),
    "java": ("[(line_comment) (block_comment)] @comment", "[(string_fragment) (multiline_string_fragment)] @text"),
    "php": ("[(comment)] @comment", "[(string_content) (nowdoc_string)] @text"),
    "ruby": ("[(comment)] @comment", "[(string_content) (heredoc_content)] @text"),
    "rust": ("[(line_comment) (block_comment)] @comment", "[(string_content)] @text"),
    "shell": ("[(comment)] @comment", "[(string_content) (raw_string) (heredoc_content)] @text"),
    "solidity": ("[(comment)] @comment", "[(string)] @text"),
}
"""What a grammar calls comments and the insides of texts; the pieces of f-strings and templates are code."""


def code_and_bare(text: str, language: str) -> tuple[str, str]:
    """The text with blanks for its comments, and with blanks for the insides of its texts as well; line for line.

    By the language's grammar where the text parses, else (fragments, C#) by a lexer that recovers at the end of a line.
    """
    text = _shortened(text)
    if language in GRAMMARS and (blanked := _by_grammar(text, language)):
        return blanked
    lead = next((quotes for quotes in _DOCSTRINGS if _begins_inside(text, quotes)), "") if language == "python" else ""
    code = _by_lexer(lead + text, language, "comment")
    return code[len(lead) :], _by_lexer(code, language, "text")[len(lead) :]


def _shortened(text: str) -> str:
    """The text with blanks at the end of lines that are too long to look at."""
    return _LONG.sub(lambda found: found[1] + " " * len(found[2]), text)


def _by_grammar(text: str, language: str) -> tuple[str, str] | None:
    """None when the text does not parse, or its characters cannot be counted in bytes."""
    try:
        data = text.encode("utf-8")
        tree = parse(data, language)
    except (UnicodeEncodeError, ImportError):
        return None
    if tree.root_node.has_error:
        return None
    comments, texts = (
        [(node.start_byte, node.end_byte) for nodes in captures(tree, language, pattern).values() for node in nodes]
        for pattern in _NODES[language]
    )
    code = _blank(data, comments)
    both = _blank(code, texts)
    return code.decode("utf-8"), both.decode("utf-8")


def _blank(data: bytes, spans: list[tuple[int, int]]) -> bytes:
    blanked = bytearray(data)
    for start, end in spans:
        blanked[start:end] = re.sub(rb"[^\n]", b" ", data[start:end])
    return bytes(blanked)


def _begins_inside(text: str, quotes: str) -> bool:
    """Whether a fragment begins inside a docstring: where it would be code if it did not, it looks less like code."""
    if text.count(quotes) % 2 == 0:
        return False
    parts = text.split(quotes)
    outside, inside = (sum(len(_LIKE_CODE.findall(part)) for part in parts[at::2]) for at in (0, 1))
    return inside > outside


def _by_lexer(text: str, language: str, kind: str) -> str:
    """The text with blanks for its comments, or between the quotes of its texts."""
    lexer = _LEXERS["hash" if language in _HASH else language if language in _LEXERS else "c"]

    def blank(found: re.Match) -> str:
        if found.lastgroup != kind:
            return found[0]
        inside = found[0] if kind == "comment" else found[0][1:-1]
        kept = re.sub(r"[^\n]", " ", inside)
        return kept if kind == "comment" else f"{found[0][0]}{kept}{found[0][-1]}" if len(found[0]) > 1 else found[0]

    return lexer.sub(blank, text)
