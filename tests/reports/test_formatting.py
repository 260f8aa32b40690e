import pytest

from yunque.reports import formatting


def test_sizes_times_and_counts_carry_units():
    assert [formatting.size(n) for n in (0, 999, 1500, 1_284_911, 3_120_000_000)] == [
        "0 bytes", "999 bytes", "1.5 kB", "1.3 MB", "3.1 GB",
    ]  # fmt: skip
    assert [formatting.duration(s) for s in (0.412, 12.34, 59.96, 245.2, 3725)] == [
        "0.41 s", "12.3 s", "1 min 00 s", "4 min 05 s", "1 h 02 min",
    ]  # fmt: skip
    assert formatting.count(1, "files") == "1 file" and formatting.count(1234, "files") == "1,234 files"


def test_missing_numbers_are_a_dash():
    nan = float("nan")
    for shown in (
        formatting.size(None),
        formatting.duration(nan),
        formatting.percent(None),
        formatting.decimal(nan, 2),
        formatting.short(None),
    ):
        assert shown == formatting.MISSING


def test_decimals_have_a_true_minus_and_no_signed_zero():
    assert formatting.decimal(-0.0672, 3, signed=True) == "−0.067"
    assert formatting.decimal(-0.0001, 2, signed=True) == "0.00"


@pytest.mark.parametrize("hidden", ["\u202e", "\u2066", "\u200b", "\ufeff", "\x00", "\x1b", "\x85", "\udc80", "\u2028"])
def test_hidden_characters_become_visible(hidden):
    assert formatting.visible(f"a{hidden}b") == f"a⟨U+{ord(hidden):04X}⟩b"


def test_visible_text_is_kept():
    text = "def f():\n\treturn 'ñ 日本 👩\u200d🚀'\n"
    assert formatting.visible(text) == text and formatting.visible("a\r\nb") == "a\nb"


def test_settings_are_flat_and_sorted():
    recipe = {"b": True, "a": {"rank": 16, "lr": 3e-4, "targets": ["q", "v"]}}
    assert list(formatting.settings(recipe)) == [("a.lr", "0.0003"), ("a.rank", "16"), ("a.targets", "q, v"), ("b", "true")]


def test_moments():
    assert formatting.moment("2025-11-12T10:04:44+00:00") == "2025-11-12 10:04 UTC"
    assert formatting.moment("2025-11-12T10:04:44Z") == "2025-11-12 10:04 UTC"
    assert formatting.moment("yesterday") == "yesterday" and formatting.moment("") == ""
