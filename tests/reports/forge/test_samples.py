import dataclasses
import html
import re

from yunque.reports.forge.samples import MAX_LINES, equal_lines, is_same, sample


def shown(report, **fields):
    return sample(dataclasses.replace(report.samples[1], **fields))


def column(markup, style):
    """The lines of one column, as text."""
    part = markup.split(f'class="{style}"')[1].split("</pre>")[0].split("<pre>")[1]
    return [html.unescape(re.sub(r"<[^>]*>", "", line)) for line in part.split('<span class="line')[1:]]


def texts(markup, style):
    return [line.partition('">')[2] or line.partition(">")[2] for line in column(markup, style)]


def test_same_text_but_for_white_space_at_the_ends():
    assert is_same("a  \nb\n\n", "a\nb") and not is_same(" a\nb", "a\nb") and not is_same("a", "b")


def test_equal_lines_keep_their_order_and_skip_blank_ones():
    assert equal_lines("b\n\na\nc", "a\n\nb\nc") == {0, 3} or equal_lines("b\n\na\nc", "a\n\nb\nc") == {2, 3}
    assert equal_lines("x", "y") == set() and equal_lines("", "") == set()


def test_an_identical_completion_is_called_so_and_the_other_is_not(report):
    markup = sample(report.samples[0])
    assert markup.count("identical to the original") == 1
    assert markup.index("is-forged") < markup.index("identical to the original")


def test_the_start_is_marked_once_in_every_column(report):
    assert all(len(re.findall(r'class="line start', sample(row))) == 3 for row in report.samples)


def test_what_was_given_on_the_line_of_the_cursor_is_set_back(report):
    assert '<span class="given">entries = </span>[entry for' in sample(report.samples[0])


def test_shared_indentation_is_cut_off_and_a_difference_in_it_stays(report):
    fields = {"prompt_tail": "def f():\n", "suffix_head": "", "reference": "    a\n", "base_text": "    a\n"}
    deep = shown(report, forged_text="    a\n" + " " * 40 + "b\n", **fields)
    assert '<span class="line deep">' + " " * 36 + "b</span>" in deep
    assert '<span class="line start" style="--hang:2ch">a</span>' in shown(report, forged_text="    a\n", **fields)
    assert "    a</span>" in shown(report, forged_text="a\n", **fields)


def test_an_empty_completion_is_shown_as_empty(report):
    assert "(empty)" in sample(report.samples[2])


def test_a_runaway_completion_is_cut(report):
    markup = shown(report, base_text="\n".join(str(n) for n in range(1000)))
    assert f"… {1000 - MAX_LINES} more lines" in markup and markup.count('class="line') < 3 * MAX_LINES
    assert len(shown(report, base_text="x" * 100_000)) < 10_000


def test_empty_everything_is_drawn(report):
    assert shown(report, prompt_tail="", suffix_head="", reference="", base_text="", forged_text="").count("<pre>") == 3
