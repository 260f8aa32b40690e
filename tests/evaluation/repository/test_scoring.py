"""One model's answers and what they are worth, with a scripted engine in the place of a model."""

import dataclasses
import math

import pytest

from yunque.core.nouns import Completion, PromptStyle
from yunque.core.seams import Engine
from yunque.data.split import Split
from yunque.evaluation.metrics.text import edit_similarity
from yunque.evaluation.repository.questions import BodyTests
from yunque.evaluation.repository.scoring import Scores, score_model

BOTH = (PromptStyle.PREFIX, PromptStyle.FIM)


class Scripted:
    """Answers what ``answer(request)`` says, and gives every character of a text the same log-probability."""

    name = "scripted"

    def __init__(self, answer, log=-math.log(2)):
        self.answer, self.log, self.asked = answer, log, []

    def complete(self, requests):
        self.asked.append(list(requests))
        for request in requests:
            yield Completion(text=self.answer(request), stop="rule", tokens=3, took_ms=1.0, engine=self.name)

    def score(self, texts):
        for text in texts:
            yield [self.log] * len(text)


@pytest.fixture(scope="module")
def keys(built):
    """What was there, by the prompt."""
    return {problem.task.prompt: problem.key.answer for problem in built.suite.problems}


@pytest.fixture
def score(built, repository, recipe):
    def run(engine, *, styles=BOTH, sandbox=None, suite=built.suite):
        records = repository.by_id()
        bodies = sandbox and BodyTests(records=records, tree=repository.tree, sandbox=sandbox, recipe=recipe())
        return score_model(engine, suite, styles=styles, records=records, bodies_by=bodies)

    return run


def knows(keys, *, with_suffix: str = "", without: str = ""):
    """An engine's script: the truth, changed where the question has a suffix or none."""
    return lambda request: keys[request.prompt] + (with_suffix if request.suffix else without)


# -------------------------------------------------------------------------------------------------------------- which style
def test_the_better_style_on_validation_is_taken_for_the_held_out_questions(score, keys, built):
    fim = Scripted(knows(keys, without=" and much more"))
    scores, counts = score(fim)
    assert counts["fim_style"] == "fim"
    assert counts["style_similarity"]["fim"] == 1.0 > counts["style_similarity"]["prefix"]
    assert {sample.style for sample in scores.of("fim")} == {PromptStyle.FIM}
    assert {sample.exact for sample in scores.of("fim")} == {1.0}
    prefix = Scripted(knows(keys, with_suffix=" and much more"))
    assert score(prefix)[1]["fim_style"] == "prefix"


def test_the_held_out_questions_have_no_say_in_the_style(score, keys, built):
    """Better with a suffix on every held-out cursor, better without on validation: validation decides."""
    validation = {problem.task.prompt for problem in built.suite.of("style")}
    scores, counts = score(
        Scripted(lambda r: keys[r.prompt] if bool(r.suffix) != (r.prompt in validation) else "wrong answer")
    )
    assert counts["fim_style"] == "prefix"
    assert {sample.exact for sample in scores.of("fim")} == {0.0}


def test_the_plainest_style_wins_a_tie_and_the_only_one_is_not_asked_about(score, keys, built):
    assert score(Scripted(knows(keys)))[1]["fim_style"] == "prefix"
    alone = Scripted(knows(keys))
    _, counts = score(alone, styles=[PromptStyle.PREFIX])
    assert (counts["fim_style"], counts["style_similarity"]) == ("prefix", {})
    asked = {request.prompt for requests in alone.asked for request in requests}
    assert not asked & {problem.task.prompt for problem in built.suite.of("style")}


def test_a_suffix_is_shown_in_one_style_only_and_never_for_a_body(score, keys, built):
    engine = Scripted(knows(keys, without=" and more"))
    score(engine)
    bodies = {problem.task.prompt for problem in built.suite.of("body")}
    requests = [request for requests in engine.asked for request in requests]
    assert {request.style for request in requests if request.prompt in bodies} == {PromptStyle.PREFIX}
    assert all(bool(request.suffix) == (request.style is PromptStyle.FIM) for request in requests)
    assert all(request.temperature == 0 for request in requests)


def test_an_engine_sees_prompts_and_suffixes_and_nothing_else(score, built):
    engine = Scripted(lambda request: "")
    score(engine)
    shown = {(request.prompt, request.suffix) for requests in engine.asked for request in requests}
    tasks = [problem.task for problem in built.suite.problems]
    assert shown <= {(task.prompt, suffix) for task in tasks for suffix in ("", task.suffix)}
    assert {prompt for prompt, _ in shown} == {task.prompt for task in tasks}


# ---------------------------------------------------------------------------------------------------------------- its worth
@pytest.mark.parametrize(
    ("answer", "reference", "worth"),
    [
        ("abc", "abc", 1.0),
        ("  abc\n", "abc", 1.0),
        ("", "", 1.0),
        ("", "abcd", 0.0),
        ("abcd", "", 0.0),
        ("abcd", "abcx", 0.75),
        ("kitten", "sitting", 4 / 7),
        ("xy", "abcd", 0.0),
        ("a" * 10, "a" * 5, 0.5),
        ("a b", "ab", 2 / 3),
        ("ñ", "n", 0.0),
    ],
)
def test_edit_similarity(answer, reference, worth):
    assert edit_similarity(answer, reference) == pytest.approx(worth)
    assert edit_similarity(reference, answer) == pytest.approx(worth)


def test_samples_say_what_was_answered_and_what_it_is_worth(score, keys, built):
    scores, counts = score(Scripted(lambda request: keys[request.prompt] + " "), styles=[PromptStyle.PREFIX])
    assert [sample.task_id for sample in scores.of("fim")] == [problem.task.id for problem in built.suite.of("fim")]
    for sample in scores.of("fim"):
        assert (sample.exact, sample.similarity, sample.valid, sample.outcome) == (1.0, 1.0, "pass", "")
        assert (sample.stop, sample.tokens, sample.group) == ("rule", 3, "pkg/core.py")
    assert counts["answers"] == len(scores.samples) and counts["tokens"] == 3 * len(scores.samples)
    assert counts["ended"] == {"eos": 0, "rule": len(scores.samples), "length": 0}
    assert counts["engine"] == "scripted"


def test_an_answer_that_breaks_the_file_is_not_valid(score):
    scores, _ = score(Scripted(lambda request: "((((("), styles=[PromptStyle.PREFIX])
    assert {sample.valid for sample in scores.samples} == {"fail"}
    assert {sample.exact for sample in scores.samples} == {0.0}


def test_bodies_are_judged_by_the_tests(score, keys, built, tests_box):
    good, _ = score(Scripted(knows(keys)), styles=[PromptStyle.PREFIX], sandbox=tests_box)
    assert {sample.outcome for sample in good.of("body")} == {"pass"}
    indent = {prompt: key[: len(key) - len(key.lstrip())] for prompt, key in keys.items()}
    wrong = Scripted(lambda request: indent[request.prompt] + "return 'something else'")
    bad, _ = score(wrong, styles=[PromptStyle.PREFIX], sandbox=tests_box)
    assert [sample.task_id for sample in bad.of("body")] == [problem.task.id for problem in built.suite.of("body")]
    assert {sample.outcome for sample in bad.of("body")} == {"fail"}
    assert {sample.valid for sample in bad.of("body")} == {"pass"}
    assert all(sample.detail for sample in bad.of("body"))


def test_a_lone_surrogate_in_an_answer_is_no_crash(score):
    scores, _ = score(Scripted(lambda request: "'\ud800'"), styles=[PromptStyle.PREFIX])
    assert scores.of("fim")


# --------------------------------------------------------------------------------------------------------------------- bits
def test_bits_are_minus_the_sum_of_logs_in_base_two(score, keys, built):
    scores, counts = score(Scripted(knows(keys), log=-math.log(2)))
    chunks = built.suite.chunks
    assert [row.bits for row in scores.bits] == pytest.approx([len(chunk.text) for chunk in chunks])
    assert [row.num_bytes for row in scores.bits] == [len(chunk.text.encode()) for chunk in chunks]
    assert [row.num_tokens for row in scores.bits] == [len(chunk.text) for chunk in chunks]
    assert counts["bytes_scored"] == built.counts["chunk_bytes"]
    twice, _ = score(Scripted(knows(keys), log=-2 * math.log(2)))
    assert [row.bits for row in twice.bits] == pytest.approx([2 * row.bits for row in scores.bits])


def test_a_letter_of_two_bytes_counts_two_bytes(repository, recipe, score, keys):
    suite, _ = repository.builder(None, recipe(bits_bytes=100_000), near_duplicates=frozenset()).build()
    scores, _ = score(Scripted(lambda request: ""), suite=suite)
    assert (
        sum(row.num_bytes for row in scores.bits) == len(repository.record().text.encode()) > len(repository.record().text)
    )


# ---------------------------------------------------------------------------------------------------------- the whole of it
def test_scores_come_back_from_disk_as_they_were(score, keys, tmp_path):
    scores, _ = score(Scripted(knows(keys)))
    scores.save(tmp_path)
    assert Scores.load(tmp_path) == scores
    assert isinstance(Scripted(None), Engine)


def test_a_suite_without_questions_is_scored_as_nothing(score, built):
    nothing = dataclasses.replace(built.suite, problems=(), chunks=())
    scores, counts = score(Scripted(lambda request: ""), suite=nothing)
    assert (scores.samples, scores.bits, counts["answers"], counts["fim_style"]) == ((), (), 0, "prefix")


def test_an_engine_that_loses_an_answer_is_not_covered_up(score, keys):
    class Loses(Scripted):
        def complete(self, requests):
            yield from list(super().complete(requests))[1:]

    with pytest.raises(ValueError):
        score(Loses(knows(keys)), styles=[PromptStyle.PREFIX])


def test_the_parts_of_the_fixture_are_what_the_tests_think(built):
    assert {Split.TRAIN, Split.VALIDATION, Split.HELDOUT} == set(Split)
    assert len(built.suite.of("style")) >= 2 and len(built.suite.of("fim")) >= 6
