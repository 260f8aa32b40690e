"""Answers that passed are learned from, beside ones that failed; what is for measuring, or forgeable, never is."""

import json

import pytest

from yunque.core.errors import SourceError
from yunque.core.nouns import Dropped, Pair, PairKind, Preference, Record
from yunque.core.seams import Stream
from yunque.data.streams.judged import JudgedAnswers, JudgedRules
from yunque.data.streams.registry import open_stream, read_stream
from yunque.store.artifacts import Store
from yunque.store.tables import read_table


def task(task_id, **values):
    rest = {"question": "Write it.", "prompt": "def one():\n", "suffix": "", "language": "python", "part": "train"}
    return {"id": task_id} | rest | values


def answer(task_id, text, outcome="pass", sample=0, **values):
    rest = {"finish_reason": "eos", "style": "prefix", "judge_location": "outside", "detail": ""}
    return {"task_id": task_id, "text": text, "outcome": outcome, "sample": sample} | rest | values


@pytest.fixture
def evaluation(tmp_path):
    """A maker of artifacts as `yunque eval` leaves them."""

    def make(tasks, answers, suite="mbpp-all", parents=()):
        def build(folder):
            for name, rows in (("tasks.jsonl", tasks), ("samples.jsonl", answers)):
                (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
            return {}

        store = Store(tmp_path / "out")
        return store.make("eval", build, parents=list(parents), recipe={"suite": suite})[0].path

    return make


def read(path, **rules):
    items = list(JudgedAnswers(path, JudgedRules(**rules)).read())
    records, pairs, preferences = ([item for item in items if type(item) is kind] for kind in (Record, Pair, Preference))
    assert len(records) == len(pairs)
    return pairs, preferences, {item.path: item.reason for item in items if isinstance(item, Dropped)}


def test_right_answers_are_pairs_and_stand_beside_wrong_ones_of_their_length(evaluation):
    tasks = [task("a"), task("b"), task("c")]
    answers = [
        answer("a", "    return 1\n"),
        answer("a", "    return 2\n", "fail", 1),
        answer("a", "    return 'something much longer than the other one'\n", "fail", 2),
        answer("a", "    return 1\n", "pass", 3),
        answer("b", "    return 1\n"),
        answer("c", "    pass\n", "fail"),
        answer("c", "    never\n", "error", 1),
    ]
    path = evaluation(tasks, answers)
    assert isinstance(JudgedAnswers(path), Stream)
    pairs, preferences, dropped = read(path)
    assert [(pair.prompt, pair.answer, pair.kind) for pair in pairs] == [
        ("def one():\n", "    return 1\n", PairKind.BODY)
    ] * 2
    assert [(item.answer, item.rejected, item.because) for item in preferences] == [
        ("    return 1\n", "    return 2\n", "tests")
    ]
    assert dropped == {"a#1": "failed", "a#2": "failed", "a#3": "same answer", "c#0": "failed", "c#1": "not judged"}


def test_chat_and_holes_are_asked_as_they_were(evaluation):
    tasks = [task("a", prompt="x = ", suffix="\ny = 2\n"), task("b", question="What is one?")]
    pairs, _, _ = read(evaluation(tasks, [answer("a", "1", style="fim"), answer("b", "1", style="chat")]))
    assert [(pair.kind, pair.prompt, pair.suffix) for pair in pairs] == [
        (PairKind.FIM, "x = ", "\ny = 2\n"),
        (PairKind.QUESTION, "What is one?", ""),
    ]


def test_what_is_cut_or_forgeable_or_more_than_enough_is_left_out(evaluation):
    answers = [answer("a", f"    return {number}\n", sample=number) for number in range(4)]
    answers += [
        answer("a", "    x", sample=4, finish_reason="length"),
        answer("a", "    y", sample=5, judge_location="in-process"),
    ]
    pairs, _, dropped = read(evaluation([task("a")], answers), per_task=3)
    assert len(pairs) == 3 and dropped == {"a#3": "enough", "a#4": "cut", "a#5": "forgeable"}


def test_of_mbpp_the_train_split_alone_is_for_training(evaluation):
    tasks = [task("Mbpp/601", part="train"), task("Mbpp/11", part="test")]
    path = evaluation(tasks, [answer("Mbpp/601", "a"), answer("Mbpp/11", "b")], suite="mbpp-all")
    pairs, _, dropped = read(path)
    assert [pair.answer for pair in pairs] == ["a"] and dropped == {"Mbpp/11#0": "evaluation"}


SUITES = ["humaneval", "mbpp-plus", "multipl-e-java", "robust:humaneval", "yunque-core", "repo-body:shop", "mbpp-mine"]


@pytest.mark.parametrize("suite", SUITES)
def test_what_measures_models_is_refused(evaluation, suite):
    with pytest.raises(SourceError, match=rf"answers to {suite} are not for training; sample on mbpp-all"):
        JudgedAnswers(evaluation([task("a")], [answer("a", "b")], suite=suite))


def test_what_was_made_of_erased_events_is_refused(evaluation, tmp_path):
    store = Store(tmp_path / "out")
    export, _ = store.make("feedback", lambda folder: {}, recipe={})
    path = evaluation([task("a")], [answer("a", "b")], parents=[export])
    assert JudgedAnswers(path).identity["artifact"] == path.name
    store.taint([export.full_id], "holds events that were erased")
    with pytest.raises(SourceError, match="holds events that were erased"):
        JudgedAnswers(path)


def test_bad_input_is_one_line(evaluation, tmp_path):
    with pytest.raises(SourceError, match=r"holds no judged answers; name a folder eval-"):
        JudgedAnswers(tmp_path)
    path = evaluation([task("a")], [answer("b", "c")])
    with pytest.raises(SourceError, match=r"a task that is not there \(b\)"):
        list(JudgedAnswers(path).read())
    (path / "samples.jsonl").write_text('{"task_id": "a"}\n')
    with pytest.raises(SourceError, match="an answer to a is not as `yunque eval` writes it"):
        list(JudgedAnswers(path).read())
    (path / "samples.jsonl").write_text("no json\n")
    with pytest.raises(SourceError, match="cannot be read"):
        list(JudgedAnswers(path).read())


def test_it_is_a_stream_of_a_data_set(evaluation, tmp_path):
    path = evaluation([task("a")], [answer("a", "    return 1\n"), answer("a", "    return 2\n", "fail", 1)])
    stream = open_stream(f"judged:{path}", {"per_task": 1, "licence": "MIT"})
    folder = tmp_path / "read"
    folder.mkdir()
    counts = read_stream(stream, folder)
    assert counts["preferences"] == {"tests": 1} and counts["pairs"] == {"body": 1}
    (preference,) = read_table(folder / "preferences.parquet", Preference)
    (record,) = read_table(folder / "records.parquet", Record)
    assert preference.origin_ids == (record.id,) and record.origin.licence == "MIT"
