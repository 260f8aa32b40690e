"""Every record is tagged once, rules decide without looking again, and an error is never clean."""

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from yunque.checks.canaries import Trusted, canary
from yunque.checks.quality.heuristics import EncodedData
from yunque.checks.security.patterns import InsecurePatterns
from yunque.core.errors import RecipeError
from yunque.core.nouns import Finding, Origin, Outcome, Record, Verdict, content_id
from yunque.data.screening import verdict_cache as verdict_cache
from yunque.data.screening.screen import Decision, Rule, ScreenRecipe, Tagged, decide, load_checks, refuse_the_doubtful, tag
from yunque.data.screening.verdict_cache import VerdictCache, check_identity

ORIGIN = Origin(source="s", path="p.py", revision="", licence="MIT", collected_at="")
SEEN = []


class Length:
    """Fails long texts, counts who asks, kills its process on one word."""

    name, tool_version = "length", "1"

    def __init__(self, most=10):
        self.most = most

    def judge(self, record):
        SEEN.append(record.id)
        if "kill" in record.text:
            import os

            os.kill(os.getpid(), 9)
        long = len(record.text) > self.most
        found = (Finding(rule="long", line=1, message="too long", severity="warning", cwe=400),) if long else ()
        outcome = Outcome.FAIL if long else Outcome.PASS
        return Verdict(
            check=self.name, outcome=outcome, findings=found, score=0.5, values={"chars": float(len(record.text))}
        )

    def canaries(self):
        return [canary("x" * 20, "python", "long"), canary("x", "python")]


class Silent(Length):
    name = "silent"

    def judge(self, record):
        return Verdict(check=self.name, outcome=Outcome.PASS)


class Absent(Length):
    name = "absent"

    def judge(self, record):
        return Verdict(check=self.name, outcome=Outcome.SKIP, detail="pip install absent")


def record(text, language="python"):
    return Record(id=content_id(text), text=text, language=language, origin=ORIGIN)


RECORDS = [record("x" * size) for size in (1, 30, 5, 12)]


def tagged(tmp_path, records=RECORDS):
    from yunque.checks.syntax import Syntax

    checks = [Trusted(Length(), name="length"), Trusted(Syntax(), name="syntax")]
    with VerdictCache(tmp_path / "verdicts.sqlite", checks) as cache:
        return [found for _, found in tag(records, ["length", "syntax"], checks, cache, workers=1)]


def test_each_record_has_the_verdict_of_each_check_in_order(tmp_path):
    found = tagged(tmp_path)
    assert [one.record_id for one in found] == [one.id for one in RECORDS]
    assert [[verdict.check for verdict in one.verdicts] for one in found] == [["length", "syntax"]] * 4
    assert [one.verdicts[0].outcome.value for one in found] == ["pass", "fail", "pass", "fail"]


def test_a_text_is_looked_at_once(tmp_path):
    first = tagged(tmp_path)
    SEEN.clear()
    more = [*RECORDS, record("new")]
    again = tagged(tmp_path, more)
    asked = [one for one in SEEN if one in {record.id for record in more}]
    assert again[:4] == first and asked == [more[4].id]


def test_the_same_text_under_another_licence_is_judged_anew(tmp_path):
    from yunque.checks.licensing.licence import Licence

    checks, found = [Trusted(Licence(), name="licence")], []
    for licence in ("MIT", "GPL-3.0-only", "MIT"):
        one = replace(RECORDS[0], origin=replace(ORIGIN, licence=licence))
        with VerdictCache(tmp_path / "v.sqlite", checks) as cache:
            found += [tagged.verdicts[0].outcome for _, tagged in tag([one, one], ["licence"], checks, cache, workers=1)]
    assert found == [Outcome.PASS] * 2 + [Outcome.FAIL] * 2 + [Outcome.PASS] * 2
    with VerdictCache(tmp_path / "v.sqlite", checks) as cache:
        both = [replace(RECORDS[0], origin=replace(ORIGIN, licence=licence)) for licence in ("GPL-3.0-only", "MIT")]
        assert [one.verdicts[0].outcome for _, one in tag(both, ["licence"], checks, cache, workers=1)] == [
            Outcome.FAIL,
            Outcome.PASS,
        ]


def test_a_check_that_changed_is_another_check():
    assert check_identity(Length()) == check_identity(Length()) != check_identity(Length(most=11))
    newer = Length()
    newer.tool_version = "2"
    assert check_identity(newer) != check_identity(Length())


@pytest.mark.parametrize("imported", ["code.lexing", "checks.findings", "checks.canaries", "data.collect"])
def test_a_changed_helper_makes_another_check(monkeypatch, imported):
    """A wing's check is made of what it imports from other wings and rooms, lazily or not."""
    before = check_identity(EncodedData())
    read = verdict_cache._source
    monkeypatch.setattr(
        verdict_cache, "_source", lambda name: f"{read(name)}\n# changed" if name == f"yunque.{imported}" else read(name)
    )
    verdict_cache._sources.cache_clear()
    try:
        assert (check_identity(EncodedData()) != before) == (imported != "data.collect")
    finally:
        verdict_cache._sources.cache_clear()


@pytest.mark.parametrize(
    ("check", "table"), [(EncodedData(), "code/languages.toml"), (InsecurePatterns(), "checks/security/rules.toml")]
)
def test_a_changed_table_makes_another_check(monkeypatch, check, table):
    before, read = check_identity(check), Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: read(path) + b"#" * path.as_posix().endswith(f"yunque/{table}"))
    verdict_cache._sources.cache_clear()
    try:
        assert check_identity(check) != before
    finally:
        verdict_cache._sources.cache_clear()


def test_errors_are_not_kept_for_later(tmp_path):
    class Broken(Length):
        outcome = Outcome.ERROR

        def judge(self, record):
            SEEN.append(record.id)
            return Verdict(check=self.name, outcome=Outcome.ERROR, detail="broke")

        canaries = None

    check = Trusted(Broken(), name="length")
    for _ in range(2):
        SEEN.clear()
        with VerdictCache(tmp_path / "v.sqlite", [check]) as cache:
            found = [one for _, one in tag(RECORDS, ["length"], [check], cache, workers=1)]
        assert len(SEEN) == 4 and {one.verdicts[0].outcome for one in found} == {Outcome.ERROR}


def test_who_cannot_be_believed_is_refused():
    with pytest.raises(RecipeError, match="'silent' cannot be believed: it did not see a planted 'long'"):
        refuse_the_doubtful([Trusted(Silent())], ["silent"])
    with pytest.raises(RecipeError, match="'absent' cannot look: pip install absent"):
        refuse_the_doubtful([Trusted(Absent())], ["absent"])
    refuse_the_doubtful([Trusted(Silent()), Trusted(Length())], ["length"])
    with pytest.raises(RecipeError, match="did you mean 'syntax'"):
        load_checks(["syntaxx"])


# ------------------------------------------------------------------------------------------------------------------- rules
FOUND = Finding(rule="S105", line=3, message="a password", severity="warning", cwe=798)
FAILED = Verdict(check="c", outcome=Outcome.FAIL, findings=(FOUND,), score=0.4, detail="bad", values={"share": 0.2})


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({}, "bad"),
        ({"finding": "S1*"}, "line 3: S105: a password"),
        ({"finding": "E*"}, ""),
        ({"finding": "*", "severity": "error"}, ""),
        ({"cwe": [798]}, "line 3: S105: a password"),
        ({"cwe": [79]}, ""),
        ({"value": "share", "below": 0.3}, "share is 0.2, below 0.3"),
        ({"value": "share", "above": 0.3}, ""),
        ({"value": "score", "below": 0.5}, "score is 0.4, below 0.5"),
        ({"value": "another", "below": 0.5}, ""),
        ({"languages": ["java"]}, ""),
    ],
)
def test_a_rule_holds_when_all_of_it_does(rule, reason):
    recipe = ScreenRecipe(rules=(Rule(check="c", **rule),))
    found = decide(RECORDS[0], Tagged(record_id="", verdicts=(FAILED,)), recipe)
    assert found == (Decision(action="drop", reason="c", detail=reason) if reason else Decision())


def test_the_first_rule_that_holds_is_the_reason():
    rules = (Rule(check="c", value="share", above=0.9), Rule(check="c", action="negative"), Rule(check="c"))
    found = decide(RECORDS[0], Tagged(record_id="", verdicts=(FAILED,)), ScreenRecipe(rules=rules))
    assert found.action == "negative"


@pytest.mark.parametrize(("errors", "action"), [("drop", "drop"), ("keep", "")])
def test_an_error_is_not_clean(errors, action):
    broken = Verdict(check="c", outcome=Outcome.ERROR, detail="no answer")
    recipe = ScreenRecipe(rules=(Rule(check="c"),), errors=errors)
    found = decide(RECORDS[0], Tagged(record_id="", verdicts=(broken,)), recipe)
    assert (found.action, found.reason) == (action, "c error" if action else "")


@pytest.mark.parametrize(
    "rule",
    [{"value": "x"}, {"below": 1.0}, {"value": "x", "below": 1, "above": 2}, {"value": "x", "below": 1, "finding": "S*"}],
)
def test_a_rule_that_says_nothing_is_refused(rule):
    with pytest.raises(ValidationError, match=r"bound|not both"):
        Rule(check="c", **rule)


def test_names_are_asked_once():
    recipe = ScreenRecipe(checks=("a", "b"), rules=(Rule(check="b"), Rule(check="d")))
    assert recipe.names == ["a", "b", "d"]
