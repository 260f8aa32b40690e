"""The reference page is what the code says."""

from pathlib import Path

from yunque.cli.reference import page

REFERENCE = Path(__file__).parents[2] / "docs" / "reference.md"


def test_the_page_is_up_to_date():
    assert REFERENCE.read_text(encoding="utf-8") == page(), "run `make reference`"


def test_every_verb_and_every_recipe_key_is_described():
    rows = [line for line in page().splitlines() if line.startswith("| `")]
    assert len(rows) > 40
    assert [row for row in rows if row.endswith("|  |")] == []
    assert "see `--help`" not in page()
    for verb in ("forge", "complete", "show", "trace", "doctor", "models pull", "models list"):
        assert f"### `yunque {verb}`" in page()
