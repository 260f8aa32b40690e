"""The next edit: the same change at other places, once it was made twice."""

import pytest

from yunque.code.next_edit import Edit, EditTrail, difference, next_edits

CALLS = "a = get(one)\nb = get(two)\nc = get(three)\nd = put(one)\ntarget = 1\n"


def made(text, before, after, at=0):
    """A text in which a change was made at its n-th place, and the change."""
    start = -1
    for _ in range(at + 1):
        start = text.index(before, start + 1)
    return text[:start] + after + text[start + len(before) :], Edit(start=start, before=before, after=after)


def applied(text, proposals):
    for item in sorted(proposals, key=lambda proposal: -proposal.start):
        text = text[: item.start] + item.text + text[item.end :]
    return text


def test_a_name_is_replaced_wherever_it_stands_by_itself():
    text, edit = made(CALLS, "get", "fetch")
    assert applied(text, next_edits(text, edit)) == CALLS.replace("get(", "fetch(")
    assert "target" in applied(text, next_edits(text, edit))  # a part of a name is another name


def test_a_part_of_a_name_that_is_typed_over_is_the_whole_name():
    text, edit = made("old_name = 1\nuse(old_name)\n", "old", "new")
    assert applied(text, next_edits(text, edit)) == "new_name = 1\nuse(new_name)\n"


def test_what_is_put_in_needs_the_same_around_it():
    text = "x = get(url)\ny = get(url)\nz = put(url)\nw = get(path)\n"
    now, _ = made(text, "url)", "url, timeout=5)")
    inserted = difference(text, now)
    assert (inserted.before, inserted.after) == ("", ", timeout=5")
    assert [(item.line, item.text) for item in next_edits(now, inserted)] == [(1, ", timeout=5"), (2, ", timeout=5")]


@pytest.mark.parametrize(
    ("text", "before", "after", "line"),
    [
        ("x in get(a)\nx in get(b)\n", "in get", "in await get", "x in await get(b)"),
        ("f(self, path)\ng(self, path)\n", "self, path", "self, other, path", "g(self, other, path)"),
    ],
)
def test_the_blanks_around_what_is_put_in_come_along(text, before, after, line):
    now, edit = made(text, before, after)
    assert applied(now, next_edits(now, difference(text, now))).splitlines()[1] == line and edit


def test_what_is_taken_away_is_taken_away_elsewhere():
    text = "log(a, debug=True)\nlog(a, debug=True)\nlog(b, debug=True)\n"
    now, edit = made(text, ", debug=True", "")
    assert applied(now, next_edits(now, edit)) == "log(a)\nlog(a)\nlog(b, debug=True)\n"


def test_those_behind_come_first():
    text = "value\n" * 5
    now, edit = made(text, "value", "amount", at=2)
    assert [item.line for item in next_edits(now, edit)] == [3, 4, 0, 1]
    assert [item.line for item in next_edits(now, edit, most=2)] == [3, 4]


@pytest.mark.parametrize(
    ("text", "before", "after"),
    [
        ("x = 1\ny = 1\n", "1", "2"), ("if a:\n  if b:\n", "if", "while"), ("i = i\ni += i\n", "i", "j"),
        ("a\nb\na\nb\n", "a\nb", "c\nd"), ("f(x)\nf(x)\n", "(x", "( x"), ("", "", ""),
    ],
)  # fmt: skip
def test_what_says_nothing_of_others_proposes_nothing(text, before, after):
    now, edit = made(text, before, after)
    assert next_edits(now, edit) == []


def test_a_trail_proposes_what_was_done_twice():
    text = "".join(f"r{n} = get(u{n})\n" for n in range(5))
    trail = EditTrail(text=text)
    for number in range(2):
        assert trail.proposals() == []
        start = trail.text.index("get(")
        for length in range(1, 4):  # key by key
            trail.changed(trail.text[:start] + "fetch"[:length] + trail.text[start + (3 if length == 1 else length - 1) :])
        trail.changed(trail.text[: start + 3] + "ch" + trail.text[start + 3 :])
        assert trail.text.count("fetch(") == number + 1
    assert [item.line for item in trail.proposals()] == [2, 3, 4]
    assert trail.proposals(at_least=3) == []
    assert applied(trail.text, trail.proposals()).count("fetch(") == 5


def test_a_trail_forgets_nothing_of_what_goes_on_and_takes_undo():
    trail = EditTrail(text="abc\nabc\n")
    trail.changed("abXc\nabc\n")
    trail.changed("abc\nabc\n")
    assert trail.proposals(at_least=1) == []
    trail.changed("abc\nabc\n")
    trail.changed("x" * 2_000_000)
    assert trail.proposals(at_least=1) == []


def test_difference_is_the_shortest_change():
    for before, after in [("", ""), ("aa", "aaa"), ("abc", ""), ("", "abc"), ("hello world", "hello there world")]:
        edit = difference(before, after)
        assert before[: edit.start] + edit.after + before[edit.start + len(edit.before) :] == after
