"""Safe forms are seen where they are used, and nowhere else."""

from __future__ import annotations

import pytest

from yunque.checks.canaries import canary, doubt
from yunque.checks.security.safe_use import FORMS, SafeUse
from yunque.core.nouns import Outcome


def judge(text, language="python"):
    return SafeUse().judge(canary(text, language).record)


def test_canaries():
    assert doubt(SafeUse()) == ""


@pytest.mark.parametrize(
    ("text", "language", "rules"),
    [
        ('c.execute("SELECT a WHERE b = %s", [x])\n', "python", ["query-parameters"]),
        ('c.execute("SELECT a "\n          "WHERE b = ?", (x,))\n', "python", ["query-parameters"]),
        ('c.execute(f"SELECT {a}", (x,))\n', "python", []),
        ('c.execute("SELECT a WHERE b = " + x)\n', "python", []),
        ('# yaml.safe_load(x)\ns = "yaml.safe_load(x)"\n', "python", []),
        ("subprocess.run([a, b], check=True)\n", "python", ["arguments-in-a-list"]),
        ("subprocess.run(a, shell=True)\n", "python", []),
        ('tar.extractall(folder, filter="data")\n', "python", ["path-held-inside"]),
        ("db.query('SELECT ?', [x])\n", "javascript", ["query-parameters"]),
        ("node.innerHTML = x\n", "javascript", []),
        ('PreparedStatement s = c.prepareStatement("SELECT ?");\n', "java", ["query-parameters"]),
        ("<?php echo htmlspecialchars($x);\n", "php", ["output-escaped"]),
        ("function f() external nonReentrant onlyOwner {}\n", "solidity", ["no-reentrance", "who-may"]),
    ],
)
def test_forms(text, language, rules):
    verdict = judge(text, language)
    assert [one.rule for one in verdict.findings] == rules
    assert verdict.outcome is Outcome.PASS and verdict.values["uses"] == len(rules)


def test_uses_count_by_category():
    verdict = judge("import secrets\nk = secrets.token_hex()\nx = yaml.safe_load(y)\nc.execute('?', (k,))\n")
    assert verdict.values == {"uses": 3.0, "A04:2025": 1.0, "A05:2025": 1.0, "A08:2025": 1.0}
    assert judge("x", "cobol").outcome is Outcome.SKIP


EXAMPLES = {
    "python": """c.execute("?", (a,))
        subprocess.run(["ls", a])
        shlex.quote(a)
        html.escape(a)
        ast.literal_eval(a)
        a.is_relative_to(b)
        t.extractall(a, filter="data")
        tempfile.mkstemp()
        os.chmod(a, 0o600)
        @login_required
        @csrf_protect
        secrets.token_hex()
        hashlib.scrypt(a)
        hmac.compare_digest(a, b)
        AESGCM(a)
        ssl.create_default_context()
        import defusedxml
        XMLParser(resolve_entities=False)
        yaml.safe_load(a)
        torch.load(a, weights_only=True)
        jwt.decode(a, b, algorithms=["HS256"])""",
    "javascript": """db.query("?", [a])
        execFile("ls", [a])
        a.textContent = b
        app.use(csurf())
        crypto.randomUUID()
        bcrypt.hash(a)
        timingSafeEqual(a, b)
        app.use(helmet())
        Object.create(null)""",
    "java": """c.prepareStatement("?")
        new ProcessBuilder("ls", a)
        a.normalize().startsWith(b)
        Files.createTempFile(a)
        @PreAuthorize("x")
        new SecureRandom()
        MessageDigest.isEqual(a, b)
        f.setFeature(a, true)""",
    "go": """db.Query("?", a)
        exec.Command("ls", a)
        template.HTMLEscapeString(a)
        filepath.IsLocal(a)
        os.CreateTemp(a, b)
        bcrypt.GenerateFromPassword(a)
        hmac.Equal(a, b)
        cipher.NewGCM(a)""",
    "php": """$a->prepare("?")
        escapeshellarg($a)
        htmlspecialchars($a)
        basename($a)
        csrf_token()
        random_bytes(8)
        password_hash($a)
        hash_equals($a, $b)""",
    "ruby": """A.where("?", a)
        sanitize(a)
        protect_from_forgery
        SecureRandom.hex
        YAML.safe_load(a)""",
    "csharp": """c.Parameters.AddWithValue("a", b)
        [Authorize]""",
    "c": """mkstemp(a)
        snprintf(a, 3, b)""",
    "cpp": "auto a = make_unique<B>()",
    "rust": """Command::new("ls").arg(a)
        OsRng""",
    "solidity": """onlyOwner
        nonReentrant
        a.safeTransfer(b)""",
}


def test_every_form_is_seen_and_alone():
    seen = set()
    for language, lines in EXAMPLES.items():
        for line in lines.splitlines():
            (found,) = judge(line.strip() + "\n", language).findings
            seen.add((found.rule, found.cwe, language))
    forms = {(form.name, form.cwe) for form in FORMS}
    assert {(rule, cwe) for rule, cwe, _ in seen} == forms
    unseen = [form for form in FORMS if not any((form.name, form.cwe, language) in seen for language in form.languages)]
    assert unseen == []


@pytest.mark.parametrize("piece", ["execute(", 'x.execute("', "chmod(", ".normalize()", "extractall(", "jwt.decode("])
def test_no_text_makes_it_slow(piece, within):
    with within(3):
        for language in ("python", "java"):
            judge(piece * (200_000 // len(piece)), language)
