"""BLEU and its neighbours: the published figures, and what must hold of any text."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yunque.evaluation.metrics.text import (
    bleu,
    edit_similarity,
    exact,
    interval,
    measure_bleu,
    ratio_percent,
    same_text,
)

TEXTS = st.text(alphabet="ab (;\n\t", max_size=30)
CORPORA = st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=8)


@pytest.fixture
def lines(benchmark_files):
    return lambda *parts: benchmark_files.joinpath(*parts).read_text("utf-8").split("\n")[:-1]


# ----------------------------------------------------------------------------------------------------------------- published
def test_the_example_files_of_text_to_code(lines):
    references = [json.loads(line)["code"] for line in lines("codexglue-concode", "answers.json")]
    answers = lines("codexglue-concode", "predictions.txt")
    assert sum(map(exact, answers, references)) / len(answers) * 100 == 17.0
    assert round(bleu(answers, references), 2) == 16.68
    assert round(bleu(answers, references, smooth=False), 2) == 16.67
    assert round(bleu(answers[:69], references[:69]), 2) == 20.02  # near the 20.21 of an unflushed file


@pytest.mark.parametrize(("size", "expected"), [("small", 78.06), ("medium", 90.91)])
def test_refinement_with_the_input_copied(lines, size, expected):
    buggy, fixed = (lines("codexglue-refinement", size, f"test.buggy-fixed.{part}") for part in ("buggy", "fixed"))
    assert round(bleu(buggy, fixed), 2) == expected
    assert not any(map(same_text, buggy, fixed))


def test_translation_with_the_input_copied(lines):
    java, csharp = (lines("codexglue-java-cs", f"test.java-cs.txt.{part}") for part in ("java", "cs"))
    assert (round(bleu(java, csharp), 2), round(bleu(csharp, java), 2)) == (18.72, 18.58)


# ------------------------------------------------------------------------------------------------------------------- by hand
def test_a_corpus_counted_by_hand():
    # 5 tokens to 4: 3 single ones match, 2 pairs, 1 triple, no run of four; no text is too short
    answer, reference = "a b c x y", "a b c d"
    smoothed = math.exp(sum(map(math.log, (4 / 6, 3 / 5, 2 / 4, 1 / 3))) / 4)
    assert bleu([answer], [reference]) == pytest.approx(100 * smoothed)
    assert bleu([answer], [reference], smooth=False) == 0.0
    assert bleu(["a b c d"], ["a b c d e f g h"], smooth=False) == pytest.approx(100 * math.exp(1 - 8 / 4))


def test_a_repeated_token_matches_as_often_as_the_reference_has_it():
    assert bleu(["a a a a"], ["a b"]) == pytest.approx(100 * (2 / 5 * 1 / 4 * 1 / 3 * 1 / 2) ** 0.25)


def test_a_corpus_is_not_the_mean_of_its_texts():
    answers, references = ["a b c d e f", "x"], ["a b c d e f", "y"]
    mean = sum(bleu([answer], [reference]) for answer, reference in zip(answers, references, strict=True)) / 2
    assert bleu(answers, references) != pytest.approx(mean)


def test_what_is_equal():
    assert exact("a  b\n", " a b") and not exact("a b", "ab")
    assert same_text(" a b\n", "a b") and not same_text("a  b", "a b")
    assert exact("", " \n") and same_text("", " \n")


def test_ratio_percent_counts_a_replaced_character_twice():
    assert ratio_percent("abcd", "abxd") == 75 and ratio_percent("ab", "xy") == 0
    assert ratio_percent("", "") == 100 and ratio_percent("", "a") == 0


@pytest.mark.parametrize(("answers", "references"), [([], []), (["a"], []), (["a"], ["a", "b"])])
def test_texts_without_references_are_refused(answers, references):
    with pytest.raises(ValueError, match="answers to"):
        bleu(answers, references)


def test_an_interval_holds_its_value_and_repeats():
    answers = [f"a b c {number % 3} e f g" for number in range(60)]
    references = ["a b c 1 e f g"] * 60
    one = measure_bleu(answers, references)
    assert one.low < one.value < one.high and (one.n, one.unit) == (60, "%")
    assert one == measure_bleu(answers, references)
    assert measure_bleu(answers[:4], references[:4]).low is None
    assert interval(np.ones((9, 1)), lambda sums: float(sums[0])) == (9.0, 9.0)


# -------------------------------------------------------------------------------------------------------------------- always
@given(CORPORA)
def test_bleu_is_a_percentage(corpus):
    answers, references = zip(*corpus, strict=True)
    for smooth in (True, False):
        assert 0.0 <= bleu(answers, references, smooth=smooth) <= 100.0 + 1e-9


@given(st.lists(TEXTS, min_size=1, max_size=8))
def test_a_text_is_wholly_like_itself(texts):
    assert bleu(texts, texts) == pytest.approx(100)
    longest = max(len(text.split()) for text in texts)
    assert bleu(texts, texts, smooth=False) == pytest.approx(100 if longest >= 4 else 0)
    for text in texts:
        assert bleu([text], [text]) == pytest.approx(100)
        assert exact(text, text) and same_text(text, text) and ratio_percent(text, text) == 100
        assert edit_similarity(text, text) == 1.0


@given(CORPORA, st.randoms(use_true_random=False))
def test_the_order_of_a_corpus_does_not_matter(corpus, random):
    shuffled = random.sample(corpus, len(corpus))
    assert bleu(*zip(*corpus, strict=True)) == pytest.approx(bleu(*zip(*shuffled, strict=True)))


@given(CORPORA, st.integers(2, 4))
def test_a_corpus_of_copies_without_smoothing_is_the_corpus(corpus, times):
    one, many = (bleu(*zip(*texts, strict=True), smooth=False) for texts in (corpus, corpus * times))
    assert one == pytest.approx(many)


@given(CORPORA)
def test_two_empty_lines_change_nothing(corpus):
    with_empty = [*corpus, ("", " ")]
    assert bleu(*zip(*corpus, strict=True)) == bleu(*zip(*with_empty, strict=True))


@given(TEXTS, TEXTS)
def test_similarities_are_bounded_and_ordered(one, other):
    one, other = one.strip(), other.strip()
    assert 0 <= ratio_percent(one, other) <= 100
    assert ratio_percent(one, other) >= 100 * edit_similarity(one, other) - 0.5 - 1e-9
    assert ratio_percent(one, other) == ratio_percent(other, one)


@given(TEXTS.filter(lambda text: text.split()))
def test_an_empty_answer_to_something_is_worth_nothing(text):
    assert bleu([""], [text]) == bleu([" \n"], [text], smooth=False) == 0.0
