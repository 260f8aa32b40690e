"""The reference page is what the code says, and leaves nothing unsaid."""

from pathlib import Path

import pytest

from yunque.cli.reference import page
from yunque.pipelines.recipes import load_recipe

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def text() -> str:
    return page()


def test_the_reference_page_is_what_the_code_says(text):
    assert (ROOT / "docs" / "reference.md").read_text(encoding="utf-8") == text, "run `make reference`"


def test_every_verb_has_its_section(text):
    for verb in (
        "forge",
        "complete",
        "show",
        "trace",
        "doctor",
        "models pull",
        "models list",
        "eval",
        "compare",
        "suites",
        "run",
        "bench fetch",
    ):
        assert f"### `yunque {verb}`" in text


def test_every_option_says_what_it_does(text):
    assert [line for line in text.splitlines() if line.endswith("see `--help`")] == []


def test_every_recipe_key_says_what_it_decides(text):
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert len(rows) > 40
    assert [row for row in rows if row.endswith("|  |")] == []


def test_every_part_says_what_it_is(text):
    parts = [line for line in text.partition("## Checks")[2].splitlines() if line.startswith("* `")]
    assert len(parts) >= 6, "the entry points of this installation are old: install it again"
    assert [line for line in parts if not line.partition(": ")[2].strip()] == []


def test_the_laptop_recipe_is_the_default_with_a_rate_for_few_steps():
    laptop = load_recipe(ROOT / "recipes" / "laptop.toml", [])
    assert laptop.training.learning_rate == 1e-3
    assert laptop == load_recipe(None, ["training.learning_rate=1e-3"])
