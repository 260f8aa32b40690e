"""SARIF as its schema wants it: rules once, levels, places, and checks that could not look."""

from yunque.core.nouns import Finding, Outcome, Verdict
from yunque.reports.sarif import sarif

FOUND = Finding(rule="B608", line=3, message="a query", severity="warning", cwe=89, span_bytes=(10, 14))
JUDGED = [
    ("a/b.py", Verdict(check="bandit", outcome=Outcome.FAIL, findings=(FOUND, FOUND))),
    ("c.py", Verdict(check="lint", outcome=Outcome.FAIL, findings=(Finding(rule="F401", line=None, message="m"),))),
    ("d.rs", Verdict(check="bandit", outcome=Outcome.SKIP, detail="Python alone")),
]


def test_findings_become_results_and_rules():
    log = sarif(JUDGED)
    (run,) = log["runs"]
    assert log["version"] == "2.1.0" and [rule["id"] for rule in run["tool"]["driver"]["rules"]] == [
        "bandit/B608",
        "lint/F401",
    ]
    tags = run["tool"]["driver"]["rules"][0]["properties"]["tags"]
    assert tags == ["security", "external/cwe/cwe-089", "A05:2025 Injection"]
    assert [(one["ruleId"], one["level"]) for one in run["results"]] == [("bandit/B608", "warning")] * 2 + [
        ("lint/F401", "error")
    ]
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "a/b.py"}, "region": {"startLine": 3, "byteOffset": 10, "byteLength": 4}}
    assert "region" not in run["results"][2]["locations"][0]["physicalLocation"]


def test_who_could_not_look_is_told():
    (invocation,) = sarif(JUDGED)["runs"][0]["invocations"]
    assert (
        invocation["executionSuccessful"]
        and "could not look at d.rs" in invocation["toolExecutionNotifications"][0]["message"]["text"]
    )
    broken = sarif([("x.py", Verdict(check="lint", outcome=Outcome.ERROR, detail="broke"))])
    assert not broken["runs"][0]["invocations"][0]["executionSuccessful"]
