"""A prompt begins at the same place while one types, whatever window the editor sends."""

import random
from pathlib import Path

import pytest

import yunque.data.split as long_module
from yunque.inference.anchors import Anchors, anchored

TEXT = Path(long_module.__file__).read_text("utf-8")


def begins(anchors, places, before=1000):
    return [TEXT.index(anchors.begin(TEXT[max(0, place - before) : place])) for place in places]


def test_a_window_that_slides_begins_where_it_began(monkeypatch):
    starts = begins(Anchors(4000), range(3000, 3600, 3))
    assert len(set(starts[1:])) <= 8, "200 keys, and the start moves now and then"
    assert all(place - 1000 <= start <= place - 740 for place, start in zip(range(3003, 3600, 3), starts[1:], strict=True))
    plain = [max(0, place - 1000) for place in range(3000, 3600, 3)]
    assert len(set(plain)) == 200


def test_a_prompt_that_grows_at_its_end_is_read_whole():
    anchors = Anchors(4000)
    assert begins(anchors, range(900, 3900, 7), before=10**6) == [0] * len(range(900, 3900, 7))


def test_what_is_longer_than_can_be_read_is_a_window():
    starts = begins(Anchors(1200), range(6000, 6900, 3), before=10**6)
    assert len(set(starts)) <= 12 and all(
        place - 1200 <= start for place, start in zip(range(6000, 6900, 3), starts, strict=True)
    )


def test_the_first_window_is_known_by_its_look():
    for start in (2003, 2500, 3001):
        window = TEXT[start : start + 1000]
        anchors = Anchors(4000)
        first = anchors.begin(window)
        assert first == anchored(window)
        assert anchors.begin(TEXT[start + 3 : start + 1003]).startswith(first[: len(first) - 260]), "what was read stays"
    for whole in ("import os\n" + "x = 1\n" * 99, "// a\n" * 99, "<?php\n" * 99, "def f():\n" * 99, "pub fn f() {}\n" * 99):
        assert Anchors(4000).begin(whole) == whole


def test_another_file_begins_where_it_begins():
    anchors = Anchors(4000)
    begins(anchors, range(3000, 3030, 3))
    other = "import os\n" + "x = 1\n" * 200
    assert anchors.begin(other) == other


@pytest.mark.parametrize("window", ["", "no line", "\n", "\n\n\n\n", "a\n" * 3, "\ud800\n" * 20, "\r\n" * 9])
def test_any_window_has_a_beginning(window):
    assert window.endswith(anchored(window)) and (not window.strip() or anchored(window))


def test_two_threads_ask_at_the_same_time():
    from concurrent.futures import ThreadPoolExecutor

    anchors, chance = Anchors(2000), random.Random(3)
    prompts = [TEXT[place - 900 : place] for place in (chance.randrange(900, len(TEXT)) for _ in range(400))]
    with ThreadPoolExecutor(8) as pool:
        assert all(prompt.endswith(begun) for prompt, begun in zip(prompts, pool.map(anchors.begin, prompts), strict=True))
