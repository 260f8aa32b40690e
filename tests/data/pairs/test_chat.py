"""Pairs as conversations."""

import pytest

from yunque.core.nouns import Pair, PairKind
from yunque.data.pairs.chat import ASKED, turns


def pair(kind, prompt='def f(a):\n    """Adds."""\n', answer="    return a\n", **rest):
    return Pair(
        id="1", kind=kind, prompt=prompt, answer=answer, span_bytes=None, language="python", natural_language="en",
        origin_ids=(), **rest,
    )  # fmt: skip


@pytest.mark.parametrize("kind", list(PairKind))
def test_every_kind_is_a_question_or_says_that_it_is_none(kind):
    spoken = turns(pair(kind))
    assert (spoken is None) == (kind in (PairKind.FIM, PairKind.CONTINUATION))
    if spoken is not None:
        assert spoken.answer == "    return a\n" and "def f(a):" in spoken.question


def test_code_is_asked_for_in_words_with_a_fence():
    asked = turns(pair(PairKind.BODY)).question
    assert asked.startswith("Write the body of the last function of this python code.\n\n```python\ndef f(a):")
    assert asked.endswith("\n```")
    assert turns(pair(PairKind.BODY, prompt="x = '```'\n")).question.count("````") == 2


def test_what_somebody_wrote_is_asked_as_it_is():
    for kind in set(PairKind) - set(ASKED) - {PairKind.FIM, PairKind.CONTINUATION}:
        assert turns(pair(kind, prompt="Fix `f`:\n\n```python\nx\n```")).question == "Fix `f`:\n\n```python\nx\n```"
