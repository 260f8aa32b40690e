"""Texts put together from pieces are found wherever they are put together; parameters and cleaned pieces are left alone."""

import pytest

from yunque.checks.security.injection import injections


def rules(text):
    return sorted({one.rule for one in injections(text)})


@pytest.mark.parametrize(
    "text",
    [
        "q = 'SELECT a FROM t WHERE n = %s' % name",
        "q = f'SELECT a FROM t WHERE n = {name}'",
        "q = 'SELECT a FROM t WHERE n = {}'.format(name)",
        "q = 'SELECT a FROM t WHERE n = ' + name",
        "q = ('SELECT a FROM t '\n     'WHERE n = ' + name)",
        "q = 'SELECT a FROM t WHERE n = '\nq += name",
        "q = 'SELECT a FROM t WHERE n = '\ndb.execute(q + name)",
        "q = 'SELECT a FROM t WHERE n = %s'\ndb.execute(q % name)",
        "db.execute(text(f'DELETE FROM t WHERE n = {name}'))",
        "db.execute('insert into t values (%d, %d)' % (a, b))",
        "db.execute('UPDATE t SET a = %s WHERE b = %s' % (int(a), b))",
        "    def f(self, n):\n        return self.db.execute('select a from t where b = ' + n)\n",
        "def f(n):\n    db.execute('select a from t where b = ' + n\n",
    ],
)
def test_a_query_put_together(text):
    assert "py-sql" in rules(text)


@pytest.mark.parametrize(
    "text",
    [
        "db.execute('SELECT a FROM t WHERE n = %s', (name,))",
        "q = 'SELECT a FROM t ' + 'WHERE n = 1'",
        "q = 'SELECT a FROM t LIMIT %d' % int(n)",
        "q = 'SELECT a FROM t WHERE n = ' + escape(name)",
        "say('Pick one of ' + name)",
        "q = 'SELECT a FROM t'\ndef f(name):\n    q = 'hello '\n    return q + name",
        "x = 'a' + b",
        "",
        "def f(:",
        "\x00",
        "x = '\udcff' + y",
    ],
)
def test_what_is_left_alone(text):
    assert "py-sql" not in rules(text)


def test_a_name_in_a_query_is_noted():
    (finding,) = injections("q = 'SELECT a FROM ' + table")
    assert (finding.rule, finding.severity, finding.cwe, finding.line) == ("py-sql-name", "note", 89, 1)
    assert rules("q = 'SELECT a FROM %s WHERE b = %s' % (table, b)") == ["py-sql"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("run('ls -l ' + path)", ["py-command"]),
        ("cmd = 'rm -r %s' % path\nos.system(cmd)", ["py-command"]),
        ("self._ssh(f'lsvdisk {name}')", ["py-command"]),
        ("run('ls -l ' + shlex.quote(path))", []),
        ("run('ls -l')", []),
        ("run(['ls', '-l', path])", []),
        ("show('ls -l ' + path)", []),
    ],
)
def test_a_command_put_together(text, found):
    assert rules(text) == found


def test_pages_and_paths_are_noted():
    assert rules("return '<b>%s</b>' % name") == ["py-page"] and rules("return '<b>%s</b>' % escape(name)") == []
    assert rules("def f(n):\n    return open(os.path.join(ROOT, n))") == ["py-path"]
    assert rules("def f(n):\n    p = os.path.realpath(n)\n    return open(os.path.join(ROOT, p))") == []
    assert {one.severity for one in injections("def f(n):\n    return '<b>' + os.path.join(ROOT, n)")} == {"note"}


def test_deep_and_long_texts_come_to_an_end():
    for text in ("x = " + "(" * 3000 + "a" + ")" * 3000, "x = " + " + ".join(["'a'"] * 20_000), "f(" * 3000 + ")" * 3000):
        assert injections(text) == []
    many = "\n".join(f"q = 'select a from t where b = ' + x{n}" for n in range(2000))
    assert 200 <= len(injections(many)) < 300


def test_nothing_is_found_without_a_grammar(monkeypatch):
    def missing(data, language):
        raise ImportError(language)

    monkeypatch.setattr("yunque.checks.security.injection.parse", missing)
    assert injections("q = 'SELECT a FROM t WHERE n = ' + name") == []
