"""Eslint in its warm node: the languages, the guesses, and a hostile tree around a text, which changes and runs nothing."""

import shutil

import pytest

from yunque.checks.canaries import canary, doubt
from yunque.checks.linters import eslint
from yunque.checks.linters.eslint import SECURITY, Eslint, install_eslint, modules_folder, source_types, what_is_missing
from yunque.core.errors import YunqueError
from yunque.core.nouns import Outcome
from yunque.core.seams import BatchCheck, ProvenCheck

needs_eslint = pytest.mark.usefixtures("eslint_here")


@pytest.fixture(scope="module")
def eslint_here():
    if what_is_missing():
        pytest.skip("eslint is not available here")


def judge(text, language="javascript", path="a.js"):
    return Eslint().judge(canary(text, language, path=path).record)


def rules(verdict):
    return [one.rule for one in verdict.findings]


@needs_eslint
def test_canaries_hold_and_doubt_says_why(monkeypatch):
    check = Eslint()
    assert isinstance(check, BatchCheck) and isinstance(check, ProvenCheck) and doubt(check) == ""
    monkeypatch.setattr(eslint, "find_node", lambda: "/bin/false")
    monkeypatch.setattr(eslint, "node_version", lambda node: (20, 19, 0))
    assert "does not start" in doubt(check)


@needs_eslint
@pytest.mark.parametrize(
    ("text", "language", "path", "outcome", "found"),
    [
        ("with (a) { b() }\n", "javascript", "a.js", Outcome.FAIL, ["no-with"]),  # only a script may
        ("import a from 'b';\nexport default a;\n", "javascript", "a.js", Outcome.PASS, []),
        ("await f();\nexport {};\n", "javascript", "a.mjs", Outcome.PASS, []),
        ("if (x) return;\nf();\n", "javascript", "a.cjs", Outcome.PASS, []),
        ("const x = await f();\ng(x);\n", "javascript", "a.js", Outcome.PASS, []),  # a module that says so nowhere else
        ("function shared() { return 1 }\n", "javascript", "a.js", Outcome.PASS, []),
        ("function lonely() {}\nmodule.exports = 1;\n", "javascript", "a.js", Outcome.FAIL, ["no-unused-vars"]),
        ("export const f = () => <A b={c} />;\n", "javascript", "a.jsx", Outcome.PASS, []),
        ("export enum E { A, B }\n", "typescript", "a.ts", Outcome.PASS, []),
        ("export function f(x: E): E;\nexport function f(x: any) { g(x) }\n", "typescript", "a.ts", Outcome.PASS, []),
        ("export const f = <T,>(x: T) => <A<T> b={x} />;\n", "tsx", "a.tsx", Outcome.PASS, []),
        ("debugger;\n", "typescript", "a.ts", Outcome.FAIL, ["no-debugger"]),
        ("\ufeffdebugger;\r\n", "javascript", "a.js", Outcome.FAIL, ["no-debugger"]),
        ("let x = ;\n", "javascript", "a.js", Outcome.SKIP, []),
        ("type X = ;\n", "typescript", "a.ts", Outcome.SKIP, []),
        ("x = " + "(" * 100_000, "javascript", "a.js", Outcome.SKIP, []),
        ("", "javascript", "a.js", Outcome.PASS, []),
        ("x = 1", "python", "a.py", Outcome.SKIP, []),
    ],
)  # fmt: skip
def test_languages_and_guesses(text, language, path, outcome, found):
    verdict = judge(text, language, path)
    assert (verdict.outcome, rules(verdict)) == (outcome, found)


@pytest.mark.parametrize(
    ("text", "path", "first"),
    [
        ("import a from 'b'", "a.js", "module"),
        ("import('b')", "a.js", "script"),
        ("// import of goods\nvar important = 1", "a.js", "script"),
        ("x = require ('y')", "a.js", "commonjs"),
        ("export {}", "a.cjs", "commonjs"),
        ("", "a.mts", "module"),
    ],
)
def test_what_a_text_may_be(text, path, first):
    assert source_types(text, path)[0] == first and sorted(source_types(text, path)) == ["commonjs", "module", "script"]


@needs_eslint
@pytest.mark.parametrize(
    ("text", "rule", "outcome"),
    [
        ("module.exports = (x) => eval(x);\n", "detect-eval-with-expression", Outcome.FAIL),
        ("const c = require('child_process');\nmodule.exports = (x) => c.exec(x);\n", "detect-child-process", Outcome.FAIL),
        ("module.exports = /(a+)+$/;\n", "detect-unsafe-regex", Outcome.FAIL),
        ("module.exports = (a, b) => a[b];\n", "detect-object-injection", Outcome.PASS),
        ("module.exports = (x) => require(x);\n", "detect-non-literal-require", Outcome.PASS),
        ("const a = '\u202e';\nmodule.exports = a;\n", "detect-bidi-characters", Outcome.FAIL),
    ],
)
def test_security_rules_have_their_weakness(text, rule, outcome):
    verdict = judge(text)
    found = next(one for one in verdict.findings if one.rule == f"security/{rule}")
    assert found.cwe == SECURITY[rule][0] and verdict.outcome is outcome and verdict.values["security"] >= 1


@needs_eslint
def test_every_rule_of_the_plug_in_has_a_row():
    plugin = modules_folder() / "node_modules" / "eslint-plugin-security" / "rules"
    named = {path.stem for path in plugin.glob("*.js")}
    assert named and named <= set(SECURITY)


@needs_eslint
def test_a_hostile_tree_changes_nothing_and_runs_nothing(tmp_path, monkeypatch):
    marker = tmp_path / "ran"
    run = f"require('fs').writeFileSync({str(marker)!r}, 'x');"
    silence = "{rules: {'no-debugger': 'off'}}"
    (tmp_path / "eslint.config.js").write_text(f"{run} module.exports = [{{ignores: ['**']}}, {silence}];")
    (tmp_path / "eslint.config.cjs").write_text(f"{run} module.exports = [{silence}];")
    (tmp_path / ".eslintrc.js").write_text(f"{run} module.exports = {silence};")
    (tmp_path / ".eslintrc.json").write_text('{"rules": {"no-debugger": 0}, "plugins": ["evil"]}')
    (tmp_path / "package.json").write_text('{"eslintConfig": {"rules": {"no-debugger": 0}}, "type": "module"}')
    (tmp_path / ".eslintignore").write_text("*\n")
    evil = tmp_path / "node_modules" / "eslint"
    evil.mkdir(parents=True)
    (evil / "index.js").write_text(run)
    (tmp_path / "pre.js").write_text(run)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NODE_OPTIONS", f"--require={tmp_path / 'pre.js'}")
    monkeypatch.setenv("NODE_PATH", str(tmp_path / "node_modules"))
    monkeypatch.setenv("ESLINT_FLAGS", "unstable_config_lookup_from_file")
    comments = "/* eslint-disable */ /* eslint no-debugger: 0 */ /* eslint-env node */ /* global x:off */ /* exported y */\n"
    text = f"{comments}{run}\ndebugger; // eslint-disable-line\n// eslint-disable-next-line\nvar y; debugger;\n"
    check = Eslint(budget_s=21)  # other limits: a worker that starts here
    verdict = check.judge(canary(text, "javascript", path=str(tmp_path / "a.js")).record)
    assert [one.line for one in verdict.findings if one.rule == "no-debugger"] == [3, 5]
    assert not marker.exists()


@needs_eslint
def test_together_as_alone_and_one_that_takes_too_long_costs_itself():
    texts = ["debugger;\n", "x = 1;\n", "\x00", "\udcff", "let x = ;", "é𝄞 = 2; debugger\n"]
    records = [canary(text, language).record for text in texts for language in ("javascript", "typescript", "tsx", "go")]
    together = [(one.outcome, one.findings, one.detail) for one in Eslint().judge_all(records)]
    assert together == [(one.outcome, one.findings, one.detail) for one in map(Eslint().judge, records)]
    slow = "f(" + "a ? b : (" * 20 + "x" + ")" * 20 + ");\n"
    huge = canary(slow * 12_000, "typescript").record
    verdicts = Eslint(budget_s=0.5).judge_all([huge, records[0]])
    assert [one.outcome.value for one in verdicts] == ["error", "fail"] and "took over 0.5 s" in verdicts[0].detail


def test_what_is_missing_is_said_and_skipped(tmp_path, monkeypatch):
    monkeypatch.setenv("YUNQUE_CACHE", str(tmp_path))
    if shutil.which("node"):
        verdict = judge("debugger;\n")
        assert verdict.outcome is Outcome.SKIP and "python -m yunque.checks.linters.eslint" in verdict.detail
        monkeypatch.setattr(eslint, "node_version", lambda node: (18, 20, 1))
        assert "does not run on node 18.20.1" in judge("debugger;\n").detail
        assert doubt(Eslint()) == ""
    monkeypatch.setattr(eslint, "find_node", lambda: "")
    assert "node is not installed" in judge("debugger;\n").detail
    with pytest.raises(YunqueError, match="node is not installed"):
        install_eslint()


@pytest.mark.skipif(not shutil.which("npm"), reason="npm is not available here")
def test_an_installation_that_fails_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("YUNQUE_CACHE", str(tmp_path))
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    with pytest.raises(YunqueError, match="npm failed"):
        install_eslint()
    assert not modules_folder().exists() and not list(tmp_path.glob(".eslint-*"))


def test_the_lock_names_no_registry():
    lock = (eslint.HERE / "package-lock.json").read_text()
    assert '"resolved"' not in lock and '"integrity"' in lock and "tgz" not in lock
