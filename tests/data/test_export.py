"""Pairs for other trainers: read back by what they are for, and what cannot be said is counted."""

import json
import tarfile

import pyarrow.parquet as pq
import pytest

from yunque.core.errors import RecipeError
from yunque.core.nouns import Pair, PairKind, content_id
from yunque.data import export as module
from yunque.data.export import CHAT_FORMATS, FORMATS, check_openai, export


def pair(kind=PairKind.BODY, prompt="def f(a):\n", answer="    return a\n", suffix="", number=0):
    return Pair(
        id=content_id(kind, prompt, answer, str(number)), kind=kind, prompt=prompt, answer=answer, suffix=suffix,
        span_bytes=None, language="python", natural_language="en", origin_ids=("r",),
    )  # fmt: skip


PAIRS = [pair(kind, number=number) for kind in PairKind for number in range(2)]
ODD = [
    pair(answer=" \n"),
    pair(prompt="\ud800 ñ ☃", answer="\ud800x"),
    pair(PairKind.QUESTION, prompt="Why?\r\n", answer="```\nx\n```"),
]


@pytest.mark.parametrize("to", list(FORMATS))
def test_everything_is_written_or_counted(tmp_path, to):
    written = export(PAIRS + ODD, to, tmp_path / "out")
    assert written.examples + written.left_out.total() == len(PAIRS + ODD)
    left_out = {"empty answer": 1}
    if to in CHAT_FORMATS:
        left_out |= {"fim is no conversation": 2, "continuation is no conversation": 2}
    assert dict(written.left_out) == left_out and not written.warnings
    there = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert there == set(written.files)


@pytest.mark.parametrize("to", list(FORMATS))
def test_nothing_is_an_empty_file_or_none(tmp_path, to):
    written = export([], to, tmp_path / "out")
    assert written.examples == 0 and not [path for path in tmp_path.rglob("*.part")]
    assert bool(written.warnings) == (to == "openai")


def test_openai_takes_it(tmp_path):
    export(PAIRS + ODD, "openai", tmp_path)
    assert check_openai(tmp_path / "chat.jsonl") == []
    first = json.loads((tmp_path / "chat.jsonl").read_text("utf-8").splitlines()[0])
    assert [message["role"] for message in first["messages"]] == ["user", "assistant"]
    assert first["messages"][1]["content"] == "    return a\n"


GOOD = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"{", "line 11: is not JSON in UTF-8"),
        (b'{"messages": "\xff"}', "line 11: is not JSON in UTF-8"),
        (b"[]", "line 11: has no list of messages"),
        (b'{"messages": []}', "line 11: has no list of messages"),
        (b'{"messages": [1]}', "line 11: has no list of messages"),
        (b'{"messages": [{"role": "human", "content": "a"}]}', "line 11: the role 'human'"),
        (b'{"messages": [{"role": "user", "content": "a"}]}', "line 11: does not end with the assistant"),
        (b'{"messages": [{"role": "assistant", "content": ""}]}', "line 11: a message without text"),
        (b'{"messages": [{"role": "assistant", "content": "' + b"x" * 70_000 + b'"}]}', "line 11: is over 65,536 bytes"),
    ],
)
def test_what_openai_refuses_is_told(tmp_path, line, told):
    (tmp_path / "a.jsonl").write_bytes(b"\n".join([json.dumps(GOOD).encode()] * 10 + [line]))
    assert any(problem.startswith(told) for problem in check_openai(tmp_path / "a.jsonl"))


def test_nine_examples_are_too_few_and_the_file_has_a_limit(tmp_path, monkeypatch):
    few = export([pair(number=n) for n in range(9)], "openai", tmp_path)
    assert few.warnings == ["9 examples: OpenAI's fine-tuning asks for at least 10"]
    assert check_openai(tmp_path / "chat.jsonl") == ["9 examples, at least 10 are asked for"]
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 2000)
    many = export([pair(number=n) for n in range(40)], "openai", tmp_path / "many")
    assert many.files[:2] == ["chat.jsonl", "chat-2.jsonl"] and len(many.files) > 3
    assert all((tmp_path / "many" / name).stat().st_size <= 2000 for name in many.files)
    assert sum(len((tmp_path / "many" / name).read_text().splitlines()) for name in many.files) == 40


def test_a_long_conversation_is_left_out_with_its_reason(tmp_path):
    written = export([pair(prompt="x = 1\n" * 20_000), *PAIRS], "sharegpt", tmp_path)
    assert written.left_out["over 65,536 bytes, so perhaps tokens"] == 1


def test_sharegpt_and_alpaca_are_as_their_readers_have_them(tmp_path):
    export(PAIRS, "sharegpt", tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "sharegpt.jsonl").read_text("utf-8").splitlines()]
    assert all([turn["from"] for turn in row["conversations"]] == ["human", "gpt"] for row in rows) and len(rows) == 18
    export(PAIRS, "alpaca", tmp_path)
    rows = json.loads((tmp_path / "alpaca.json").read_text("utf-8"))
    assert len(rows) == 18 and all(set(row) == {"instruction", "input", "output"} for row in rows)


def test_the_hub_folder_is_loaded_by_datasets(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "ROWS_A_FILE", 10)
    written = export(PAIRS, "hf", tmp_path / "out")
    assert written.files == ["data/train-00000.parquet", "data/train-00001.parquet", "data/train-00002.parquet"]
    rows = [row for name in written.files for row in pq.read_table(tmp_path / "out" / name).to_pylist()]
    assert [row["completion"] for row in rows] == [one.answer for one in PAIRS]
    datasets = pytest.importorskip("datasets")
    loaded = datasets.load_dataset(str(tmp_path / "out"), split="train", cache_dir=str(tmp_path / "cache"))
    assert loaded.num_rows == len(PAIRS) and set(loaded[0]) >= {"prompt", "completion", "suffix", "kind"}


def test_a_shard_holds_the_members_of_a_pair_together(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SHARD_BYTES", 8000)
    written = export(PAIRS, "webdataset", tmp_path)
    assert len(written.files) > 1
    names = []
    for file in written.files:
        with tarfile.open(tmp_path / file) as shard:
            names += shard.getnames()
    keys = [name.partition(".")[0] for name in names]
    assert keys == [one.id for one in PAIRS for _ in range(4)]
    assert names[0].endswith(".prompt.txt") and names[3].endswith(".json")


def test_an_unknown_format_names_the_nearest(tmp_path):
    with pytest.raises(RecipeError, match="did you mean 'openai'"):
        export(PAIRS, "openia", tmp_path / "out")
    assert not (tmp_path / "out").exists()
