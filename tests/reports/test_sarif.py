"""SARIF as its schema wants it: rules once, levels, places, and checks that could not look."""

from yunque.core.nouns import Finding, Outcome, Verdict
from yunque.reports.sarif import Noted, sarif

FOUND = Finding(rule="B608", line=3, message="a query", severity="warning", cwe=89, span_bytes=(10, 14))
PLAIN = Finding(rule="F401", line=None, message="m")
BANDIT = Verdict(check="bandit", outcome=Outcome.FAIL, findings=(FOUND, FOUND))
JUDGED = [
    (
        "a/b ñ.py",
        [BANDIT],
        [
            Noted(rule="bandit/B608", finding=FOUND, fingerprint="1", columns=(3, 4, 2)),
            Noted(rule="bandit/B608", finding=FOUND, fingerprint="2", silenced=True),
        ],
    ),
    (
        "c.py",
        [Verdict(check="lint", outcome=Outcome.FAIL)],
        [Noted(rule="lint/F401", finding=PLAIN, fingerprint="3", known=True)],
    ),
    ("/d.rs", [Verdict(check="bandit", outcome=Outcome.SKIP, detail="Python alone")], []),
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
    region = {"startLine": 3, "startColumn": 3, "endLine": 4, "endColumn": 2, "byteOffset": 10, "byteLength": 4}
    assert place == {"artifactLocation": {"uri": "a/b%20%C3%B1.py"}, "region": region}
    assert [one["partialFingerprints"]["yunque/v1"] for one in run["results"]] == ["1", "2", "3"]
    assert [one.get("suppressions", [{}])[0].get("kind") for one in run["results"]] == [None, "inSource", "external"]
    assert "region" not in run["results"][2]["locations"][0]["physicalLocation"]


def test_who_could_not_look_is_told():
    (invocation,) = sarif(JUDGED)["runs"][0]["invocations"]
    assert (
        invocation["executionSuccessful"]
        and "could not look at /d.rs" in invocation["toolExecutionNotifications"][0]["message"]["text"]
    )
    broken = sarif([("x.py", [Verdict(check="lint", outcome=Outcome.ERROR, detail="broke")], [])])
    assert not broken["runs"][0]["invocations"][0]["executionSuccessful"]
