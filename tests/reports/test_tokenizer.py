"""The page of vocabularies holds what was measured, and nothing of a text becomes markup."""

from yunque.reports.tokenizer import Grown, Vocabulary, lines, render_vocabularies

OLD = Vocabulary(name="base", size=1000, bytes_per_token={"python": 3.5, "prose, zh": 1.0}, sample=("<b>", "x\n", "\t", "&"))
NEW = Vocabulary(name="base + 2", size=1002, bytes_per_token={"python": 4.25, "prose, zh": 1.5}, sample=("<b>x\n", "\t&"))
GROUPS = {"python": 123_456, "prose, zh": 90}


def test_the_page():
    grown = Grown(base="base", merges=[("\n        ", 900), ("<i>", 40)], bits=(0.7, 0.71, 0.8))
    page = render_vocabularies([OLD, NEW], GROUPS, grown, code_version="0")
    for words in ("3.500", "4.250", "123,456", "0.7100", "\\n        ", "base + 2: 2 tokens", "&lt;i&gt;", "⏎"):
        assert words in page, words
    assert "<b>" not in page and "<i>" not in page
    assert page.count('class="piece piece-') == 6


def test_without_growth_there_is_no_such_section():
    assert "What was added" not in render_vocabularies([OLD], GROUPS, None, code_version="0")


def test_lines_for_a_terminal():
    head, python, chinese = lines([OLD, NEW], GROUPS)
    assert head.split() == ["bytes", "a", "token", "size", "base", "base", "+", "2"]
    assert python.split() == ["python", "123,456", "3.500", "4.250"] and chinese.split()[-2:] == ["1.000", "1.500"]
