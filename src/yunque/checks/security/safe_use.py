"""Where a text does something that weaknesses come from, in the form that is safe: parameters in a query, a vetted parser.

The other half of `patterns`: what that finds is not wanted, what this finds is wanted more often. A row of `FORMS`
names the weakness that its form avoids, so uses count by category of the OWASP Top 10 (`owasp`).

Covered: Python, JavaScript, TypeScript, Java, Go, PHP, Ruby, C, C++, Rust, C#, Solidity; calls as they are written, with
strings and comments left out.
Not covered: whether the data in a call was checked before; aliases; safety by design, without a call.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from yunque.checks.canaries import canary
from yunque.checks.findings import MAX_FINDINGS, Places, decide, skip, timed
from yunque.checks.security.owasp import category_of
from yunque.code.lexing import scan
from yunque.core.nouns import Canary, Finding, Record, Verdict


@dataclass(frozen=True, kw_only=True)
class Form:
    """One way to do something that is often done unsafely."""

    name: str
    cwe: int
    """The weakness that it avoids."""
    languages: tuple[str, ...]
    words: tuple[str, ...]
    """The pattern is tried only where one of these words stands in the code."""
    pattern: str
    """In the code with its comments gone and ``""`` for every string."""


SCRIPTS = ("javascript", "typescript", "tsx")
_WITH_PARAMETERS = r'\(\s*(?:""\s*)+,\s*[\[({\w&@$]'
"""A query that is one plain string, then what goes into it."""


def _form(name: str, cwe: int, languages: Sequence[str], words: str, pattern: str) -> Form:
    return Form(name=name, cwe=cwe, languages=tuple(languages), words=tuple(words.split()), pattern=pattern)


FORMS: tuple[Form, ...] = (
    # injection
    _form("query-parameters", 89, ["python"], "execute executemany", rf"\.execute(?:many)?{_WITH_PARAMETERS}"),
    _form("query-parameters", 89, SCRIPTS, "query execute", rf"\.(?:query|execute){_WITH_PARAMETERS}"),
    _form("query-parameters", 89, ["go"], "Query QueryRow Exec QueryContext ExecContext QueryRowContext",
          r'\.(?:Query|QueryRow|Exec)(?:Context)?\((?:\s*\w+\s*,)?\s*""\s*,\s*\w'),
    _form("query-parameters", 89, ["java"], "prepareStatement", r'\.prepareStatement\(\s*(?:""|[A-Z_]+\s*[,)])'),
    _form("query-parameters", 89, ["php"], "prepare", r'->prepare\(\s*""'),
    _form("query-parameters", 89, ["ruby"], "where", rf"\.where{_WITH_PARAMETERS}"),
    _form("query-parameters", 89, ["csharp"], "AddWithValue Parameters", r"\.Parameters\.Add(?:WithValue)?\("),
    _form("arguments-in-a-list", 78, ["python"], "subprocess",
          r"\bsubprocess\.(?:run|check_call|check_output|call|Popen)\(\s*\["),
    _form("arguments-in-a-list", 78, SCRIPTS, "execFile execFileSync", r'\bexecFile(?:Sync)?\(\s*(?:""|\w+)\s*,\s*\['),
    _form("arguments-in-a-list", 78, ["go"], "exec", r'\bexec\.Command(?:Context)?\((?:\s*\w+\s*,)?\s*""\s*,'),
    _form("arguments-in-a-list", 78, ["rust"], "Command", r'\bCommand::new\(\s*""\s*\)\s*\.args?\('),
    _form("arguments-in-a-list", 78, ["java"], "ProcessBuilder",
          r'new\s+ProcessBuilder\(\s*(?:""|List\.of|Arrays\.asList)'),
    _form("arguments-quoted", 78, ["python"], "shlex", r"\bshlex\.(?:quote|join|split)\("),
    _form("arguments-quoted", 78, ["php"], "escapeshellarg", r"\bescapeshellarg\("),
    _form("output-escaped", 79, ["python"], "escape",
          r"\b(?:html|markupsafe|bleach)\.(?:escape|clean)\(|(?<![\w.])escape\("),
    _form("output-escaped", 79, SCRIPTS, "textContent DOMPurify", r"\.textContent\s*=[^=]|\bDOMPurify\.sanitize\("),
    _form("output-escaped", 79, ["php"], "htmlspecialchars htmlentities", r"\bhtml(?:specialchars|entities)\("),
    _form("output-escaped", 79, ["go"], "template", r"\btemplate\.(?:HTMLEscapeString|Must|New|ParseFiles)\("),
    _form("output-escaped", 79, ["ruby"], "sanitize html_escape", r"\b(?:sanitize|html_escape)\b"),
    _form("literals-only", 95, ["python"], "literal_eval", r"\bast\.literal_eval\("),
    # access control
    _form("path-held-inside", 22, ["python"], "is_relative_to commonpath secure_filename",
          r"\.is_relative_to\(|\bcommonpath\(|\bsecure_filename\("),
    _form("path-held-inside", 22, ["python"], "extractall extract", r'\.extract(?:all)?\([^()]*\bfilter\s*='),
    _form("path-held-inside", 22, ["go"], "IsLocal OpenRoot", r"\bfilepath\.IsLocal\(|\bos\.OpenRoot\("),
    _form("path-held-inside", 22, ["java"], "normalize startsWith", r"\.normalize\(\)[^;]{0,80}\.startsWith\("),
    _form("path-held-inside", 22, ["php"], "basename realpath", r"\b(?:basename|realpath)\("),
    _form("temporary-file", 377, ["python"], "mkstemp mkdtemp NamedTemporaryFile TemporaryDirectory TemporaryFile",
          r"\b(?:mkstemp|mkdtemp|NamedTemporaryFile|TemporaryDirectory|TemporaryFile)\("),
    _form("temporary-file", 377, ["c", "cpp"], "mkstemp mkostemp", r"\bmko?stemp\("),
    _form("temporary-file", 377, ["java"], "createTempFile createTempDirectory",
          r"\bFiles\.createTemp(?:File|Directory)\("),
    _form("temporary-file", 377, ["go"], "CreateTemp MkdirTemp", r"\bos\.(?:CreateTemp|MkdirTemp)\("),
    _form("permissions-narrow", 732, ["python"], "chmod", r"\bchmod\([^()]*\b0o[67][04]0\b"),
    _form("who-may", 862, ["python"], "login_required permission_required PermissionRequiredMixin",
          r"@(?:\w+\.)?(?:login_required|permission_required)\b|\bPermissionRequiredMixin\b"),
    _form("who-may", 862, ["java"], "PreAuthorize RolesAllowed", r"@(?:PreAuthorize|RolesAllowed)\b"),
    _form("who-may", 862, ["solidity"], "onlyOwner onlyRole", r"\bonly(?:Owner|Role)\b"),
    _form("who-may", 862, ["csharp"], "Authorize", r"\[Authorize\b"),
    _form("forgery-token", 352, ["python", *SCRIPTS, "php", "ruby"],
          "csrf_protect CSRFProtect csurf csrf_token protect_from_forgery",
          r"\b(?:csrf_protect|CSRFProtect|csurf|csrf_token|protect_from_forgery)\b"),
    # cryptography
    _form("strong-random", 338, ["python"], "secrets SystemRandom urandom",
          r"\bsecrets\.(?:token_\w+|choice|randbelow|randbits)\(|\bSystemRandom\(|\bos\.urandom\("),
    _form("strong-random", 338, SCRIPTS, "randomBytes randomUUID getRandomValues",
          r"\b(?:randomBytes|randomUUID|getRandomValues)\("),
    _form("strong-random", 338, ["java"], "SecureRandom", r"\bSecureRandom\b"),
    _form("strong-random", 338, ["php"], "random_bytes random_int", r"\brandom_(?:bytes|int)\("),
    _form("strong-random", 338, ["ruby"], "SecureRandom", r"\bSecureRandom\."),
    _form("strong-random", 338, ["rust"], "OsRng", r"\bOsRng\b"),
    _form("password-hash", 916, ["python"], "scrypt pbkdf2_hmac bcrypt argon2 PasswordHasher",
          r"\bhashlib\.(?:scrypt|pbkdf2_hmac)\(|\bbcrypt\.hashpw\(|\bPasswordHasher\("),
    _form("password-hash", 916, SCRIPTS, "scrypt scryptSync bcrypt argon2",
          r"\bscrypt(?:Sync)?\(|\b(?:bcrypt|argon2)\.hash\("),
    _form("password-hash", 916, ["php"], "password_hash", r"\bpassword_hash\("),
    _form("password-hash", 916, ["go"], "GenerateFromPassword IDKey",
          r"\b(?:bcrypt\.GenerateFromPassword|argon2\.IDKey)\("),
    _form("constant-time", 208, ["python"], "compare_digest", r"\bcompare_digest\("),
    _form("constant-time", 208, SCRIPTS, "timingSafeEqual", r"\btimingSafeEqual\("),
    _form("constant-time", 208, ["go"], "ConstantTimeCompare hmac", r"\bsubtle\.ConstantTimeCompare\(|\bhmac\.Equal\("),
    _form("constant-time", 208, ["php"], "hash_equals", r"\bhash_equals\("),
    _form("constant-time", 208, ["java"], "isEqual", r"\bMessageDigest\.isEqual\("),
    _form("authenticated-encryption", 327, ["python"], "AESGCM ChaCha20Poly1305 Fernet",
          r"\b(?:AESGCM|ChaCha20Poly1305|Fernet)\("),
    _form("authenticated-encryption", 327, ["go"], "NewGCM chacha20poly1305",
          r"\bcipher\.NewGCM\(|\bchacha20poly1305\.New"),
    _form("transport", 295, ["python"], "create_default_context", r"\bssl\.create_default_context\("),
    _form("transport", 319, SCRIPTS, "helmet", r"\bhelmet\("),
    # parsers, integrity
    _form("vetted-parser", 611, ["python"], "defusedxml", r"\bdefusedxml\b"),
    _form("vetted-parser", 611, ["python"], "resolve_entities", r"\bresolve_entities\s*=\s*False\b"),
    _form("vetted-parser", 611, ["java"], "setFeature", r"\.setFeature\("),
    _form("plain-data", 502, ["python"], "safe_load SafeLoader", r"\bsafe_load(?:_all)?\(|\bSafeLoader\b"),
    _form("plain-data", 502, ["python"], "weights_only", r"\bweights_only\s*=\s*True\b"),
    _form("plain-data", 502, ["ruby"], "safe_load", r"\bYAML\.safe_load\b"),
    _form("signature-checked", 347, ["python"], "algorithms", r"\bjwt\.decode\([^()]*\balgorithms\s*="),
    _form("prototype-safe", 915, SCRIPTS, "create hasOwn", r"\bObject\.(?:create\(\s*null|hasOwn\()"),
    # memory, contracts
    _form("bounded-copy", 120, ["c", "cpp"], "snprintf strlcpy strlcat fgets",
          r"\b(?:v?snprintf|strlcpy|strlcat|fgets)\("),
    _form("owned-memory", 416, ["cpp"], "make_unique make_shared unique_ptr",
          r"\b(?:make_unique|make_shared|unique_ptr)\s*<"),
    _form("no-reentrance", 841, ["solidity"], "nonReentrant ReentrancyGuard", r"\bnonReentrant\b"),
    _form("checked-transfer", 252, ["solidity"], "safeTransfer safeTransferFrom SafeERC20", r"\.safeTransfer(?:From)?\("),
)  # fmt: skip


class SafeUse:
    """Notes of every safe form; it never fails. ``values``: ``uses``, and their number by OWASP category (``A05:2025``).

    What is in no category (bounded copies in C) counts in ``uses`` alone. Strings and comments hold no uses.
    """

    name = "safe-use"

    @timed
    def judge(self, record: Record) -> Verdict:
        """PASS with notes; SKIP for a language without forms."""
        forms = _forms(record.language)
        if not forms:
            return skip(self.name, f"no forms for '{record.language}'")
        result = scan(record.text, record.language)
        hits = sorted(
            (hit.start(), form.name, form.cwe)
            for form, pattern in forms
            if any(word.encode() in result.vocabulary for word in form.words)
            for hit in pattern.finditer(result.code)
        )
        places = Places(result.code)
        notes = [
            Finding(rule=rule, line=places.line(position), message=f"avoids CWE-{cwe}", severity="note", cwe=cwe)
            for position, rule, cwe in hits[:MAX_FINDINGS]
        ]
        counts = Counter(category_of(cwe) for _, _, cwe in hits)
        values = {"uses": float(len(hits))} | {name: float(n) for name, n in sorted(counts.items()) if name}
        detail = f"{len(hits)} safe uses" if hits else "nothing that weaknesses come from, in a safe form"
        return decide(self.name, notes, values=values, fails=False, detail=detail)

    def canaries(self) -> Sequence[Canary]:
        """One of each category in Python, one of other languages, and a text without any."""
        return [
            canary('def f(c, x):\n    c.execute("SELECT a FROM b WHERE c = ?", (x,))\n', "python", "query-parameters"),
            canary("import secrets\n\nkey = secrets.token_hex(16)\n", "python", "strong-random"),
            canary("import yaml\n\nx = yaml.safe_load(y)\n", "python", "plain-data"),
            canary("if not path.is_relative_to(root):\n    raise ValueError\n", "python", "path-held-inside"),
            canary("node.textContent = x;\n", "javascript", "output-escaped"),
            canary('rows, err := db.Query("SELECT a FROM b WHERE c = ?", x)\n', "go", "query-parameters"),
            canary('snprintf(a, sizeof a, "%s", b);\n', "c", "bounded-copy"),
            canary("def f(c, x):\n    c.execute(\"SELECT a FROM b WHERE c = '%s'\" % x)\n", "python"),
        ]


@cache
def _forms(language: str) -> list[tuple[Form, re.Pattern[str]]]:
    return [(form, re.compile(form.pattern)) for form in FORMS if language in form.languages]
