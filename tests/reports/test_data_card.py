"""The card of a data set: every count that it was given, nothing that it was not, and no markup from outside."""

from __future__ import annotations

from yunque.reports.data_card import DataFacts, data_card
from yunque.reports.sources import SourceFacts

COUNTS = {
    "in": 10, "kept": 6, "bytes_kept": 2048, "not taken": {"too large": 1}, "not records": {"empty": 1},
    "set aside": {"syntax": 1}, "negatives": {"bandit": 1}, "edits": {"F401": 2, "redacted email": 3}, "pairs": {"body": 4},
    "languages": {"python": 5, "go": 1},
}  # fmt: skip
SOURCE = SourceFacts(
    spec="a", name="a|b `x`", kind="git", revision="abc", collected_at="2026-11-23T10:00:00+00:00", licences={"MIT": 6},
    languages={"python": 6}, num_files=10, num_kept=6, bytes_kept=2048,
)  # fmt: skip


def card(**changes):
    facts = {
        "id": "d1", "code_version": "0.1.0", "created_at": "2026-11-23T10:00:00+00:00", "sources": (SOURCE,),
        "counts": COUNTS, "licences": {"MIT": 6}, "languages_before": {"python": 6, "go": 2},
        "natural_languages": {"en": 3, "und": 1}, "checks": ("syntax", "bandit"),
    }  # fmt: skip
    return data_card(DataFacts(**(facts | changes)))


def test_front_matter_is_what_the_hub_reads():
    head = card().split("---")[1]
    assert 'license: "mit"' in head and '- "en"' in head and '- "n<1K"' in head and "und" not in head
    assert 'license: "other"' in card(licences={"MIT": 1, "GPL-3.0": 1}).split("---")[1]


def test_every_loss_is_in_the_table():
    text = card()
    for line in ("not taken: too large | −1", "not records: empty | −1", "set aside: syntax | −1", "negatives: bandit | −1"):
        assert f"| {line} |" in text
    assert "| In | 10 |" in text and "| **Kept** | **6** |" in text
    assert "| go | 2 | 25.0 % | 1 | 16.7 % |" in text


def test_redaction_and_cleaning_are_told_apart():
    text = card()
    assert "| email | 3 |" in text and "F401 2" in text and "redacted" not in text.split("Cleaned,")[1].split("\n")[0]
    plain = card(counts=COUNTS | {"edits": {}})
    assert "Nothing was replaced" in plain
    assert "2 records were left out" in card(counts=COUNTS | {"set aside": {"redaction": 2}})


def test_what_was_not_looked_for_is_not_claimed():
    assert "not called decontaminated" in card() and "Duplicates were not looked for" in card()
    assert "near 2" in card(counts=COUNTS | {"duplicates": {"near": 2}})


def test_a_hostile_name_stays_text():
    text = card()
    assert "a\\|b \\`x\\`" in text and "| a|b" not in text
