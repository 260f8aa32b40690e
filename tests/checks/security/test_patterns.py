"""Every rule finds its weakness and leaves its fixed twin alone; comments and texts are no code; Bandit only reads."""

import threading

import pytest

from yunque.checks.canaries import doubt
from yunque.checks.security import patterns
from yunque.checks.security.bandit import Bandit
from yunque.checks.security.patterns import InsecurePatterns, rules, rules_for
from yunque.code.blanking import code_and_bare
from yunque.core.nouns import Origin, Outcome, Record, Verdict
from yunque.core.seams import Check

ORIGIN = Origin(source="s", path="p", revision="", licence="MIT", collected_at="")
KEY = "-----BEGIN RSA " + "PRIVATE KEY-----"
TOKEN = "AKIA" + "ABCDEFGHIJKLMNOP"

TWINS = {
    "py-os-command": ("os.system(x)", "os.listdir(x)"),
    "py-shell-true": ("run(x, shell=True)", "run(x, shell=False)"),
    "py-eval": ("y = eval(x)", "y = ast.literal_eval(x)"),
    "py-pickle": ("pickle.loads(x)", "json.loads(x)"),
    "py-yaml": ("yaml.load(x)", "yaml.load(x, Loader=yaml.SafeLoader)"),
    "py-weak-hash": ("hashlib.md5(x)", "hashlib.sha256(x)"),
    "py-weak-cipher": ("DES.new(k)", "AES.new(k, AES.MODE_GCM)"),
    "py-random": ("t = random.randint(1, 9)", "t = secrets.randbelow(9)"),
    "py-tls": ("get(u, verify=False)", "get(u, verify=True)"),
    "py-temp": ("tempfile.mktemp()", "tempfile.mkstemp()"),
    "py-xml": ("xml.etree.ElementTree.parse(f)", "defusedxml.ElementTree.parse(f)"),
    "py-extract": ("t.extractall(d)", "t.extractall(d, filter='data')"),
    "py-debug": ("app.run(debug=True)", "app.run(debug=False)"),
    "py-safe": ("mark_safe(name)", "mark_safe('<b>')"),
    "py-chmod": ("os.chmod(p, 0o777)", "os.chmod(p, 0o600)"),
    "py-bind-all": ("s.bind(('0.0.0.0', 1))", "s.bind(('127.0.0.1', 1))"),
    "js-eval": ("eval(x)", "evaluate(x)"),
    "js-import": ("require(name)", "require('fs')"),
    "js-exec": ("child_process.exec(c)", "child_process.execFile('ls', [c])"),
    "js-html": ("e.innerHTML = x", "e.textContent = x"),
    "js-random": ("Math.random()", "crypto.randomBytes(8)"),
    "js-weak-hash": ("createHash('md5')", "createHash('sha256')"),
    "js-weak-cipher": ("createCipheriv('des-cbc', k, i)", "createCipheriv('aes-256-gcm', k, i)"),
    "js-sql": ("db.query('SELECT * FROM t WHERE a = ' + a)", "db.query('SELECT * FROM t WHERE a = ?', [a])"),
    "js-regexp": ("new RegExp(x)", "new RegExp('^a$')"),
    "js-path": ("path.join(root, req.params.f)", "path.join(root, 'a')"),
    "js-message": ("w.postMessage(m, '*')", "w.postMessage(m, origin)"),
    "js-timing": ("if (token === given) {}", "if (timingSafeEqual(token, given)) {}"),
    "js-tls": ("{ rejectUnauthorized: false }", "{ rejectUnauthorized: true }"),
    "js-buffer": ("new Buffer(x)", "Buffer.from(x)"),
    "js-uninitialised": ("Buffer.allocUnsafe(9)", "Buffer.alloc(9)"),
    "js-http": ("http.createServer(f)", "https.createServer(f)"),
    "c-copy": ("strcpy(a, b);", "strlcpy(a, b, n);"),
    "c-gets": ("gets(a);", "fgets(a, n, f);"),
    "c-scanf": ('scanf("%s", a);', 'scanf("%9s", a);'),
    "c-format": ("printf(text);", 'printf("%s", text);'),
    "c-size": ("p = malloc(n * sizeof(int));", "p = calloc(n, sizeof(int));"),
    "c-memcpy": ("memcpy(a, b, n);", "memcpy(a, b, sizeof(a));"),
    "c-random": ("x = rand();", "getrandom(&x, 4, 0);"),
    "c-seed": ("srand(42);", "srand(seed());"),
    "c-command": ("system(c);", "filesystem(c);"),
    "c-weak-hash": ("MD5_Init(&c);", "SHA256_Init(&c);"),
    "c-weak-cipher": ("DES_set_key(&k);", "AES_set_key(&k);"),
    "c-mode": ("EVP_aes_256_cbc()", "EVP_aes_256_gcm()"),
    "c-temp": ("tmpnam(a);", "mkstemp(a);"),
    "c-token": ("strtok(a, b);", "strtok_r(a, b, &c);"),
    "c-atoi": ("a[atoi(b)] = 1;", "a[b] = 1;"),
    "c-free": ("free(&a);", "free(a);"),
    "cpp-auto-ptr": ("std::auto_ptr<int> p;", "std::unique_ptr<int> p;"),
    "cpp-iterator": ("v.erase(it);", "it = v.erase(next);"),
    "java-weak-hash": ('getInstance("MD5")', 'getInstance("SHA-256")'),
    "java-weak-cipher": ('getInstance("AES/ECB/PKCS5Padding")', 'getInstance("AES/GCM/NoPadding")'),
    "java-random": ("new Random()", "new SecureRandom()"),
    "java-command": ("r.exec(c);", "r.execute(c);"),
    "java-deserialise": ("new ObjectInputStream(s)", "new DataInputStream(s)"),
    "java-sql": ('s.executeQuery("SELECT a FROM t WHERE b = " + b);', 's.prepareStatement("SELECT a FROM t WHERE b = ?");'),
    "java-ssrf": ("new URL(address)", 'new URL("https://example.invalid")'),
    "java-xxe": ("DocumentBuilderFactory.newInstance()", "factory.newDocumentBuilder()"),
    "java-tls": (
        "boolean verify(String h, Object s) { return true; }",
        "boolean verify(String h, Object s) { return h.equals(n); }",
    ),
    "java-xpath": ('xpath.compile("/a/" + name)', 'xpath.compile("/a/b")'),
    "java-xss": ("response.getWriter().print(name)", 'response.getWriter().print("ok")'),
    "java-webview": ("s.setAllowFileAccess(true)", "s.setAllowFileAccess(false)"),
    "java-csrf": ("http.csrf().disable()", "http.csrf().enable()"),
    "java-world": ("MODE_WORLD_READABLE", "MODE_PRIVATE"),
    "java-obsolete": ("Thread.currentThread().stop()", "Thread.currentThread().interrupt()"),
    "cs-weak-hash": ("MD5.Create()", "SHA256.Create()"),
    "cs-weak-cipher": ("m = CipherMode.ECB;", "m = AesGcm;"),
    "cs-random": ("new Random()", "RandomNumberGenerator.Create()"),
    "cs-command": ("Process.Start(c);", "Processes.List();"),
    "cs-sql": ('new SqlCommand("SELECT a WHERE b = " + b)', "cmd.Parameters.Add(b)"),
    "cs-xpath": ('d.SelectNodes("/a/" + n)', 'd.SelectNodes("/a/b")'),
    "cs-xxe": ("new XmlTextReader(s)", "new StreamReader(s)"),
    "cs-deserialise": ("new BinaryFormatter()", "new StreamReader()"),
    "cs-csrf": ("[HttpPost]\npublic A B() {}", "[HttpPost][ValidateAntiForgeryToken]\npublic A B() {}"),
    "cs-redirect": ("return Redirect(url);", 'return Redirect("/home");'),
    "cs-validate": ("[ValidateInput(false)]", "[ValidateInput(true)]"),
    "cs-password": ("RequiredLength = 4", "RequiredLength = 12"),
    "go-weak-hash": ("md5.Sum(b)", "sha256.Sum256(b)"),
    "go-weak-cipher": ("des.NewCipher(k)", "aes.NewCipher(k)"),
    "go-random": ('import "math/rand"', 'import "crypto/rand"'),
    "go-command": ('exec.Command("sh", "-c", c)', 'exec.Command("ls", "-l")'),
    "go-sql": ('db.Query("SELECT a WHERE b = " + b)', 'db.Query("SELECT a WHERE b = ?", b)'),
    "go-tls": ("InsecureSkipVerify: true", "InsecureSkipVerify: false"),
    "go-html": ("template.HTML(x)", "template.New(x)"),
    "php-weak-hash": ("md5($x)", "hash('sha256', $x)"),
    "php-unsalted": ("sha1($password)", "password_hash($p, PASSWORD_DEFAULT)"),
    "php-code": ("eval($x);", "$this->eval($x);"),
    "php-replace": ("preg_replace('/a/e', $b, $c)", "preg_replace('/e/', $b, $c)"),
    "php-command": ("system($c);", "$this->system($c);"),
    "php-sql": ('mysqli_query($d, "SELECT a WHERE b = $b")', "mysqli_query($d, 'SELECT 1')"),
    "php-deserialise": ("unserialize($x)", "json_decode($x)"),
    "php-xss": ("echo $_GET['a'];", "echo htmlspecialchars($a);"),
    "php-include": ("include($_GET['p']);", "include('a.php');"),
    "php-random": ("rand(1, 9)", "random_int(1, 9)"),
    "php-spoof": ("$_SERVER['REMOTE_ADDR']", "$_SERVER['argv']"),
    "php-path": ("readfile($_GET['f'])", "readfile('a')"),
    "php-redirect": ('header("Location: $url")', 'header("Location: /home")'),
    "php-errors": ("phpinfo();", "info();"),
    "rust-unsafe": ("unsafe { *p }", "safe { p }"),
    "rust-weak-hash": ("Md5::new()", "Sha256::new()"),
    "rust-outside": ("env::args()", "env::var(a)"),
    "rust-command": ("Command::new(name).arg(a)", 'Command::new("ls").output()'),
    "rust-tls": ("c.danger_accept_invalid_certs(true)", "c.danger_accept_invalid_certs(false)"),
    "rust-sql": ("c.execute(&format!(s, a))", "c.execute(s, &[a])"),
    "js-file": ("fs.readFile(name, f)", "fs.readFile('a.txt', f)"),
    "js-chmod": ("fs.chmodSync('a', 0o777)", "fs.chmodSync('a', 0o600)"),
    "js-xxe": ("parse(x, { noent: true })", "parse(x, { noent: false })"),
    "js-deserialise": ("s.unserialize(x)", "JSON.parse(x)"),
    "c-alloca": ("p = alloca(n);", "p = malloc(n);"),
    "c-returned-length": ("n = snprintf(b, 9, t);\nb[n] = 0;", "n = snprintf(b, 9, t);\nif (n > 8) n = 8;\nb[n] = 0;"),
    "c-tls": ("set(c, CURLOPT_SSL_VERIFYPEER, 0);", "set(c, CURLOPT_SSL_VERIFYPEER, 1);"),
    "c-chmod": ('chmod("a", 0777);', 'chmod("a", 0700);'),
    "c-xxe": ("read(x, XML_PARSE_NOENT);", "read(x, XML_PARSE_NONET);"),
    "java-eval": ('m.getEngineByName("js")', "m.getEngine()"),
    "java-unpack": ("new File(dir, entry.getName())", "new File(dir, safeName(entry))"),
    "java-debug": ("@EnableWebSecurity(debug = true)", "@EnableWebSecurity"),
    "cs-tls": ("h.ServerCertificateCustomValidationCallback = (a, b) => true;", "h.CheckCertificateRevocationList = true;"),
    "cs-html": ("Html.Raw(name)", 'Html.Raw("<b>")'),
    "cs-unpack": ("Path.Combine(dir, entry.FullName)", "Path.Combine(dir, name)"),
    "cs-debug": ("app.UseDeveloperExceptionPage();", 'app.UseExceptionHandler("/error");'),
    "go-chmod": ("os.Chmod(p, 0777)", "os.Chmod(p, 0600)"),
    "go-unpack": ("filepath.Join(dir, header.Name)", "filepath.Join(dir, name)"),
    "go-debug": ('import _ "net/http/pprof"', 'import "net/http"'),
    "php-tls": ("curl_setopt($c, CURLOPT_SSL_VERIFYPEER, false);", "curl_setopt($c, CURLOPT_SSL_VERIFYPEER, true);"),
    "php-weak-cipher": ("openssl_encrypt($x, 'des-cbc', $k)", "openssl_encrypt($x, 'aes-256-gcm', $k)"),
    "php-xxe": ("$d->loadXML($x, LIBXML_NOENT);", "$d->loadXML($x, LIBXML_NONET);"),
    "php-chmod": ("chmod($p, 0777);", "chmod($p, 0600);"),
    "rust-weak-cipher": ("let c = Des::new(&k);", "let c = Aes256Gcm::new(&k);"),
    "rust-chmod": ("p.set_mode(0o777);", "p.set_mode(0o600);"),
    "credential": ('password = "hunter2hunter2"', 'password = os.environ["PASSWORD"]'),
    "private-key": (f'k = "{KEY}"', 'k = "-----BEGIN PUBLIC KEY-----"'),
    "known-token": (f'k = "{TOKEN}"', 'k = "AKIA"'),
}


def judge(text, language, check=None):
    return (check or InsecurePatterns()).judge(Record(id="", text=text, language=language, origin=ORIGIN))


def test_they_are_checks():
    assert isinstance(Bandit(), Check) and isinstance(InsecurePatterns(), Check)


def test_every_rule_has_its_twins():
    assert set(TWINS) == {rule.name for rule in rules()} and len(rules()) == len(TWINS)
    assert all(rule.cwe > 0 and rule.message for rule in rules())


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.name)
def test_a_rule_finds_the_weakness_and_not_its_mended_twin(rule):
    bad, good = TWINS[rule.name]
    for language in rule.languages:
        found = judge(f"\n{bad}\n", language)
        assert (rule.name, rule.cwe, 2) in [(one.rule, one.cwe, one.line) for one in found.findings], language
        assert rule.name not in [one.rule for one in judge(good, language).findings], language


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("python", "# os.system(x)\ns = 'os.system(x)'\nt = '''\nos.system(x)\n'''\n"),
        ("javascript", "// eval(x)\n/* eval(x) */ const s = 'eval(x)', t = `eval(x)`\n"),
        ("c", '/* strcpy(a, b);\n */ char *s = "strcpy(a, b)"; // gets(a)\n'),
        ("php", "# system($c)\n// system($c)\n$s = 'system(';\n"),
        ("rust", "// unsafe { }\nlet s = \"unsafe {\"; fn f<'a>(x: &'a str) {}\n"),
    ],
)
def test_comments_and_texts_are_no_code(language, text):
    assert judge(text, language).outcome is Outcome.PASS


def test_a_comment_sign_in_a_text_hides_nothing():
    assert judge("u = 'http://x#y'; os.system(u)\n", "python").findings[0].rule == "py-os-command"
    assert [one.rule for one in judge("u = 'http://x'; eval(u)\n", "javascript").findings] == ["js-eval"]
    assert judge("fn f<'a>(x: &'a str) { unsafe { x } }", "rust").findings


@pytest.mark.parametrize(
    "text", ["", '"', "'", "'''", "/*", "`", "\\", "'\\", '"""\\', "x" * 100_000, "'" * 5000, "(" * 20_000]
)
@pytest.mark.parametrize("language", sorted({name for rule in rules() for name in rule.languages}))
def test_odd_text_is_read_to_its_end(text, language):
    assert judge(text, language).outcome in (Outcome.PASS, Outcome.FAIL)
    for read in code_and_bare(text, language):
        assert read.count("\n") == text.count("\n") and len(read) == len(text)


def test_a_fragment_that_begins_inside_a_text_or_comment():
    code, bare = code_and_bare('Runs os.system(x).\n"""\ndef f(x):\n    return eval(x)\n', "python")
    assert "os.system" not in bare and "eval(x)" in bare and code.count("\n") == 4
    code, _ = code_and_bare(" * strcpy(a, b)\n */\ngets(a);\n", "c")
    assert "strcpy" not in code and "gets" in code


def test_what_fails_and_what_is_only_noted():
    noted, failed = judge("int x = rand();\n", "c"), judge("int x = rand();\nstrcpy(a, b);\n", "c")
    assert (noted.outcome, noted.detail, noted.findings[0].severity) == (Outcome.PASS, "1 notes", "note")
    assert failed.outcome is Outcome.FAIL and failed.detail.startswith("line 2") and len(failed.findings) == 2
    for rule in rules():
        assert judge(TWINS[rule.name][0], rule.languages[0]).outcome.value in (
            ("pass", "fail") if rule.severity == "note" else ("fail",)
        ), rule.name


@pytest.mark.parametrize(
    "text",
    [
        "q = 'select a from t where '\n" + "\n".join(f"q += 'a' + x{n}" for n in range(3000)),
        "def f():\n" + "\n".join(f"  os.path.join(a, b{n})" for n in range(3000)),
        "[HttpPost]\n" * 20_000,
        "password" * 10_000 + "=",
        '"\\\n' * 20_000,
    ],
    ids=["grown", "paths", "attributes", "word", "quotes"],
)
def test_no_text_makes_it_slow(text, within):
    with within(30, "a minute and more for one of them, before every search had an end"):
        for language in ("python", "csharp", "javascript"):
            assert len(judge(text, language).findings) <= 700


def test_a_language_without_rules_is_skipped():
    assert judge("x", "cobol").outcome is Outcome.SKIP and rules_for("cobol") == ()


# ------------------------------------------------------------------------------------------------------------------ Bandit
def test_bandit_reads_and_obeys_no_comment():
    verdict = judge("import os\ndef f(x):\n    os.system(x)  # nosec\n    assert x\n", "python", Bandit())
    (finding,) = verdict.findings
    assert (finding.rule, finding.line, finding.cwe, finding.severity) == ("B605", 3, 78, "error")
    assert judge("x = 1\n", "python", Bandit()).outcome is Outcome.PASS


def test_bandit_runs_nothing(tmp_path, capfd):
    mark = tmp_path / "ran"
    judge(f"open({str(mark)!r}, 'w').close()\nprint('here')\n", "python", Bandit())
    assert not mark.exists() and capfd.readouterr() == ("", "")


@pytest.mark.parametrize("text", ["def f(:\n", "\x00", "return\n", "x = '\udcff'\n"])
def test_bandit_skips_what_it_cannot_read(text, capfd):
    assert judge(text, "python", Bandit()).outcome in (Outcome.SKIP, Outcome.PASS)
    assert judge("def f(:\n", "python", Bandit()).outcome is Outcome.SKIP
    assert capfd.readouterr().err == ""


def test_bandit_is_for_python_and_may_be_missing(monkeypatch):
    assert judge("eval(x)", "javascript", Bandit()).outcome is Outcome.SKIP
    monkeypatch.setitem(__import__("sys").modules, "bandit.core", None)
    verdict = judge("eval(x)\n", "python", Bandit())
    assert verdict.outcome is Outcome.SKIP and "not installed" in verdict.detail


def test_many_at_once():
    texts = ["import os\nos.system(x)\n", "x = 1\n"] * 20
    found = [None] * len(texts)

    def look(n):
        found[n] = len(judge(texts[n], "python", Bandit()).findings)

    threads = [threading.Thread(target=look, args=(n,)) for n in range(len(texts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1, 0] * 20


def test_the_table_names_no_rule_twice():
    names = [rule.name for rule in patterns.rules()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("check", [Bandit(), InsecurePatterns()])
def test_it_sees_through_its_canaries_and_is_doubted_when_it_is_silent(check, monkeypatch):
    assert doubt(check) == ""
    silent = Verdict(check=check.name, outcome=Outcome.PASS)
    monkeypatch.setattr(check, "judge", lambda record: silent)
    assert "did not see" in doubt(check)
