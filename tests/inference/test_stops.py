"""Where each rule cuts, and that a cut never moves when more text comes."""

import pytest

from yunque.core.errors import RecipeError
from yunque.inference.stops import RULES, first_stop, repetition, settled, stop_rule

BLOCK = "    total = 0\n    return total\n"


def kept(rule, text, before=""):
    """What is left of a text, or None when the rule wants to go on."""
    cut = stop_rule(rule)(text, before)
    return None if cut is None else text[:cut]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("x = 1\ny = 2\n", "x = 1"),
        ("x = 1\n", "x = 1"),
        ("x = 1", None),
        ("", None),
        ("\n", None),
        ("\n\n  \n", None),
        ("\n    x = 1\ny", "\n    x = 1"),
        (" # why\nx", " # why"),
        ("x = 1\r\ny", "x = 1\r"),
        ("s = 'a\u2028b'\n", "s = 'a\u2028b'"),
    ],
)
def test_line_ends_at_the_first_line_that_is_not_blank(text, wanted):
    assert kept("line", text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (BLOCK + "x = 1\n", BLOCK),
        (BLOCK + "  x", BLOCK),  # less is enough, it need not be nothing
        (BLOCK, None),
        ("", None),
        ("\n\n", None),
    ],
)
def test_dedent_ends_before_the_first_line_that_is_indented_less(text, wanted):
    assert kept("dedent", text) == wanted


def test_dedent_lets_deeper_blocks_go_on():
    block = "    if x:\n        for y in x:\n            pass\n    return y\n"
    assert kept("dedent", block) is None
    assert kept("dedent", block + "def g():\n") == block


@pytest.mark.parametrize(
    ("before", "text", "wanted"),
    [
        ("    ", "return x\n\n\ndef g():\n", "return x\n\n\n"),
        ("    ", "if x:\n        return 1\n    return 2\nprint()\n", "if x:\n        return 1\n    return 2\n"),
        ("\t", "return x\nprint()\n", "return x\n"),
        ("    return ", "x\n    y\nprint()\n", "x\n    y\n"),
        ("        return ", "x\n    def g(self):\n", "x\n"),
        ("def f(x):", "\n    return x\n\nprint()\n", "\n    return x\n\n"),
        ("function f() {", "\n  return 1;\n}\n\nf();\n", "\n  return 1;\n}\n\n"),
        ("    ", "\n    x = 1\ny = 2\n", "\n    x = 1\n"),
        ("    ", "call(\n    1,\n)\nz = 3\n", "call(\n    1,\n)\n"),
        ("    ", "x = 1\n    y = 2\n", None),
    ],
)
def test_dedent_knows_where_the_cursor_stands(before, text, wanted):
    assert kept("dedent", text, before) == wanted
    assert first_stop(text, "dedent", (), prompt=f"z = 1\n{before}") == (None if wanted is None else len(wanted))


def test_dedent_does_not_count_blank_lines():
    block = "    x = 1\n\n  \n\t\n    return x\n"
    assert kept("dedent", block) is None
    assert kept("dedent", "\n\n" + block + "\ny") == "\n\n" + block + "\n"


@pytest.mark.parametrize("bracket", [")", "]", "}", "})", ") -> int:"])
def test_dedent_goes_on_after_a_closing_bracket(bracket):
    block = f"    x = [\n        1,\n{bracket}\n"
    assert kept("dedent", block) is None
    assert kept("dedent", block + "y = 2\n") == block


def test_dedent_ends_before_a_comment_that_is_indented_less():
    assert kept("dedent", BLOCK + "# next\n    x = 1\n") == BLOCK


def test_dedent_starts_from_a_comment_too():
    assert kept("dedent", "        # why\n    x = 1\n") == "        # why\n"


def test_dedent_keeps_windows_line_ends():
    block = BLOCK.replace("\n", "\r\n")
    assert kept("dedent", block + "\r\n") is None
    assert kept("dedent", block + "x") == block


def test_dedent_counts_tabs():
    assert kept("dedent", "\tif x:\n\t\tpass\n\treturn\nx") == "\tif x:\n\t\tpass\n\treturn\n"


def test_dedent_never_ends_at_the_margin():
    assert kept("dedent", "x = 1\ny = 2\n") is None


@pytest.mark.parametrize("char", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028"])
def test_dedent_knows_only_the_line_ends_of_code(char):
    """``str.splitlines`` also splits at these, which may stand inside a string."""
    assert kept("dedent", f"    x = 'a{char}b'\n    return x\n") is None


def test_none_never_ends():
    assert kept("none", BLOCK + "x\ny\n") is None


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("before", ["", "    ", "if x:", "  y = "])
@pytest.mark.parametrize("text", [BLOCK + "def g():\n    pass\n", "\r\n  a = (\r\n)\r\n b\r\nc", "\n\n\tx\n  y\nz"])
def test_a_cut_does_not_move_when_more_comes(before, rule, text):
    """Text comes token by token: the first cut is the cut of the whole."""
    cuts = [cut for end in range(len(text) + 1) if (cut := stop_rule(rule)(text[:end], before)) is not None]
    assert len(set(cuts)) <= 1
    assert cuts == [] or cuts[0] == stop_rule(rule)(text, before)


def test_an_unknown_rule_is_answered_with_the_known():
    with pytest.raises(RecipeError, match=r"no stop rule 'lines'.*line, dedent, none"):
        stop_rule("lines")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("x = [" + "0, " * 14, "x = [0, "),
        ("a\n" + "    return 1\n" * 4, "a\n    return 1\n"),
        ("def f():\n    pass\n\n" * 4, "def f():\n    pass\n\n"),
        ("x = 1\ny = 1\nz = 1\n", None),
        ("0, " * 13, None),
        ("    return 1\n" * 3, None),
        ("x" + " " * 90, None),
        ("", None),
        ("=" * 40, "="),
    ],
)
def test_a_repetition_ends_after_the_first(text, wanted):
    cut = repetition(text)
    assert (None if cut is None else text[:cut]) == wanted


def test_a_long_text_is_looked_through_quickly(within):
    with within(5):
        for size in range(0, 40_000, 100):
            repetition("abc" * size + "x")


@pytest.mark.parametrize("stops", [(), ("\n\ndef ", "# end")])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    "text", [BLOCK + "\n\n    # end\ndef g():\n", "  x\n y\n", "é\n\n\tü = 1\n\ndef f", "a\n    \n  \nb"]
)
def test_what_is_settled_is_never_taken_back(text, rule, stops):
    """Byte after byte, as tokens come: what was given stays a beginning of what is left at the end."""
    data, given = text.encode(), ""
    for end in range(len(data) + 1):
        now = data[:end].decode("utf-8", "replace")
        cut = first_stop(now, rule, stops, prompt="if x:")
        ready = now[: settled(now, stops)] if cut is None else now[:cut]
        assert ready.startswith(given) or (given.startswith(ready) and cut is None), (given, ready)
        given = max(given, ready, key=len)
        if cut is not None:
            break
