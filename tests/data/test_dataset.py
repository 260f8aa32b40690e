"""Records and verdicts to a data set: redacted, paired across files, weighed; pairs of streams go with their records."""

from __future__ import annotations

from dataclasses import replace

import pytest

from yunque.checks.canaries import canary
from yunque.core.nouns import Finding, Outcome, Pair, PairKind, Record, Verdict
from yunque.data.dataset import ASIDE, EDITS, PAIRS, PAIRS_ASIDE, RECORDS, VALUES, WEIGHTS, find_values, finish
from yunque.data.packing.mixture import MixtureRecipe, Weight
from yunque.data.pairs.make import PairsRecipe
from yunque.data.screening.finishing import Edited, FinishedPair, Finisher, FinishRecipe, SetAside
from yunque.data.screening.known_values import KnownValue, ValueIndex
from yunque.data.screening.redaction import Redactor, RedactRecipe
from yunque.data.screening.screen import TAGS, Rule, ScreenRecipe, Tagged
from yunque.store.tables import read_table, write_table

pytest.importorskip("kingfisher_sdk", reason="kingfisher is not available here")
MAIL = "ada.byron" + "@adatum.net"
PASS = Verdict(check="syntax", outcome=Outcome.PASS)
NO_PAIRS = PairsRecipe(body=False, fim=False, continuation=False)
OFF = RedactRecipe(secrets=False, personal=())


def record(path, text, language="python"):
    return canary(text, language, path=path).record


def question(name, *origins, answer="print(1)\n", prompt="How?"):
    return Pair(
        id=name, kind=PairKind.QUESTION, prompt=prompt, answer=answer, span_bytes=None, language="python",
        natural_language="en", origin_ids=tuple(one.id for one in origins),
    )  # fmt: skip


def run(folder, records, verdicts=None, brought=(), workers=1, **sections):
    for name in ("records", "tags", "out"):
        (folder / name).mkdir(parents=True)
    write_table(folder / "records" / RECORDS, records, Record)
    if brought:
        write_table(folder / "records" / PAIRS, brought, Pair)
    said = verdicts or {}
    tags = [Tagged(record_id=one.id, verdicts=tuple(said.get(one.origin.path, [PASS]))) for one in records]
    write_table(folder / "tags" / TAGS, tags, Tagged)
    recipe = FinishRecipe(**({"pairs": NO_PAIRS, "screen": ScreenRecipe(rules=())} | sections))
    find_values(folder / "records", folder / "tags", folder / "out", Redactor(recipe.redact, "s"))
    known = ValueIndex(read_table(folder / "out" / VALUES, KnownValue), "s")
    finisher = Finisher(recipe, Redactor(recipe.redact, "s", known), seed=1)
    counts = finish(folder / "records", folder / "tags", folder / "out", finisher, workers=workers)
    kinds = {RECORDS: Record, PAIRS: Pair, ASIDE: SetAside, PAIRS_ASIDE: FinishedPair, EDITS: Edited, WEIGHTS: Weight}
    return counts, {name: read_table(folder / "out" / name, kind) for name, kind in kinds.items()}


@pytest.mark.parametrize("workers", [1, 2])
def test_what_is_kept_is_redacted_and_says_so(tmp_path, workers):
    records = [record("a.py", f"# by {MAIL}\nx = 1\n"), record("b.py", "y = 2\n")]
    counts, tables = run(tmp_path, records, workers=workers)
    first, second = tables[RECORDS]
    assert MAIL not in first.text and "@example.com" in first.text and second.text == "y = 2\n"
    assert [(one.rule, one.count, one.path) for one in tables[EDITS]] == [("redacted email", 1, "a.py")]
    assert counts["edits"] == {"redacted email": 1} and counts["kept"] == 2


def test_negative_examples_are_redacted_too(tmp_path):
    failed = Verdict(check="syntax", outcome=Outcome.FAIL, detail="no")
    rules = ScreenRecipe(rules=(Rule(check="syntax", action="negative"),))
    _, tables = run(tmp_path, [record("a.py", f"# by {MAIL}\nx = (\n")], {"a.py": [failed]}, screen=rules)
    (aside,) = tables[ASIDE]
    assert aside.action == "negative" and MAIL not in aside.record.text and "@example.com" in aside.record.text


def test_pairs_of_a_stream_go_with_their_records(tmp_path):
    kept, fixed, gone = record("a.py", "x = 1\n"), record("b.py", "y = 2  \n"), record("c.py", "z = (\n")
    pairs = [
        question("1", kept),
        question("2", kept, fixed),
        question("3", kept, gone),
        question("4", kept, prompt=f"Mail {MAIL}?"),
    ]
    failed = {"c.py": [Verdict(check="syntax", outcome=Outcome.FAIL, detail="no")]}
    rules = ScreenRecipe(rules=(Rule(check="syntax"),))
    counts, tables = run(tmp_path, [kept, fixed, gone], failed, pairs, screen=rules)
    assert [one.id for one in tables[PAIRS]] == ["1", "2", "4"]
    assert tables[PAIRS][1].origin_ids == tuple(one.id for one in tables[RECORDS]), "the id of the text that is kept"
    assert MAIL not in tables[PAIRS][2].prompt
    assert [(one.pair.id, one.reason) for one in tables[PAIRS_ASIDE]] == [("3", "its record was set aside")]
    assert counts["pairs brought"] == 4 and counts["pairs"] == {"question": 3}
    assert counts["pairs set aside"] == {"its record was set aside": 1}


def test_a_test_and_what_it_tests_are_found_across_files(tmp_path):
    code = record("shop/total.py", "def add_tax(price):\n    rate = 0.2\n    return price * (1 + rate)\n")
    test = record(
        "tests/test_total.py", "from shop.total import add_tax\n\n\ndef test_add_tax():\n    assert add_tax(10) == 12\n"
    )
    recipe = NO_PAIRS.model_copy(update={"test": True})
    found = []
    for name, records in (("1", [code, test]), ("2", [test, code])):
        counts, tables = run(tmp_path / name, records, pairs=recipe, redact=OFF)
        assert counts["pairs"] == {"test": 1}
        found += tables[PAIRS]
    assert found[0] == found[1] and found[0].answer.startswith("def add_tax") and "test_add_tax" in found[0].prompt
    assert found[0].origin_ids == (code.id, test.id)


def test_weights_lie_beside_the_records(tmp_path):
    uses = Verdict(check="safe-use", outcome=Outcome.PASS, values={"uses": 1.0, "A05:2025": 1.0})
    silent = Verdict(check="bandit", outcome=Outcome.PASS)
    loud = replace(silent, outcome=Outcome.FAIL, findings=(Finding(rule="B1", message="m", severity="error"),))
    records = [record("a.py", "x = 1\n"), record("b.py", "y = 2\n")]
    said = {"a.py": [uses, silent], "b.py": [uses, loud]}
    counts, tables = run(tmp_path, records, said, mixture=MixtureRecipe(owasp=3), redact=OFF)
    assert [(one.record_id, one.weight) for one in tables[WEIGHTS]] == [(records[0].id, 3.0)]
    assert counts["weights"] == {"owasp A05:2025": 1}
