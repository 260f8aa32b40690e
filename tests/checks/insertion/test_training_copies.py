"""What a model was trained on, said word for word."""

import random

import numpy as np
import pytest

from yunque.checks.insertion.training_copies import (
    FEW_RECORDS,
    LEAST_TOKENS,
    MOST_RECORDS,
    SURE_TOKENS,
    TrainingCopies,
    beside,
    write_index,
)
from yunque.core.errors import ModelError
from yunque.core.nouns import Insertion, Origin, Outcome, unsourced


def origin(path: str, licence: str = "MIT") -> Origin:
    return Origin(source="rich", path=path, revision="", licence=licence, collected_at="")


def words(seed: int, number: int) -> list[str]:
    chance = random.Random(seed)
    return [f"w{chance.randrange(10**9)}" for _ in range(number)]


RECORDS = {"a.py": " ".join(words(1, 400)), "b.py": "\n".join(words(2, 400)), "short.py": " ".join(words(3, 20))}


@pytest.fixture
def copies(tmp_path):
    file = tmp_path / "model.copies"
    counts = write_index(((text, origin(path)) for path, text in RECORDS.items()), file)
    assert counts["records"] == 3 and counts["tokens"] == 820 and 60 < counts["hashes"] < 120
    return TrainingCopies(file)


def test_a_run_that_is_long_enough_is_always_noticed_and_a_short_one_never(copies):
    text = RECORDS["a.py"].split()
    for start in range(400 - SURE_TOKENS):
        inside = " ".join([*words(9, 30), *text[start : start + SURE_TOKENS], *words(8, 30)])
        assert copies.judge(unsourced(inside, "python", "")).outcome is Outcome.FAIL, start
    for start in range(400 - LEAST_TOKENS):
        few = " ".join([*words(9, 30), *text[start : start + LEAST_TOKENS - 1], *words(8, 30)])
        assert copies.judge(unsourced(few, "python", "")).outcome is Outcome.PASS, start


def test_the_finding_names_record_licence_line_and_length(copies):
    text = "x = 1\ny = 2\n" + "    ".join(RECORDS["b.py"].split()[100:300])
    verdict = copies.judge_insertion(Insertion(before="", text=text))
    (finding,) = verdict.findings
    assert finding.rule == "verbatim" and "b.py of rich (MIT)" in finding.message and finding.line == 3
    length = int(verdict.detail.split()[0])
    assert 200 - 2 * (SURE_TOKENS - LEAST_TOKENS) <= length <= 200


def test_the_longest_run_is_told(copies):
    text = " ".join([*RECORDS["a.py"].split()[:50], "between", *RECORDS["b.py"].split()[:200]])
    assert copies.origins[copies.longest(text)[0]][1] == "b.py"


@pytest.mark.parametrize("text", ["", "x", "\x01" * 100, "\ud800" * 60, " ".join(words(7, 500)), RECORDS["short.py"]])
def test_what_is_no_copy_passes(copies, text):
    assert copies.judge_insertion(Insertion(before="", text=text)).outcome is Outcome.PASS


def test_what_stands_everywhere_is_nobodys(tmp_path):
    header, file = " ".join(words(5, 100)), tmp_path / "x.copies"
    for number, others, outcome in [
        (FEW_RECORDS, 0, Outcome.FAIL), (FEW_RECORDS + 1, 0, Outcome.PASS), (6, 114, Outcome.FAIL), (7, 113, Outcome.PASS),
        (MOST_RECORDS, 600, Outcome.FAIL), (MOST_RECORDS + 1, 600, Outcome.PASS),
    ]:  # fmt: skip
        heads = [header] * number + [""] * others
        texts = [f"{head} {' '.join(words(100 + row, 90))}" for row, head in enumerate(heads)]
        write_index([(text, origin(f"{row}.py")) for row, text in enumerate(texts)], file)
        assert TrainingCopies(file).judge(unsourced(header, "python", "")).outcome is outcome
    # The same text twice in one record is in one record.
    write_index([(f"{header} x {header} " * 15, origin("a.py"))], file)
    assert TrainingCopies(file).judge(unsourced(header, "python", "")).outcome is Outcome.FAIL


def test_an_index_of_nothing_and_one_that_is_none(tmp_path):
    file = tmp_path / "x.copies"
    assert write_index([], file) == {"records": 0, "tokens": 0, "hashes": 0}
    assert TrainingCopies(file).judge(unsourced(RECORDS["a.py"], "python", "")).outcome is Outcome.PASS
    whole = file.read_bytes()
    np.savez(tmp_path / "other.npz", hashes=np.zeros(3))
    for content in (b"", b"no zip", whole[: len(whole) // 2], (tmp_path / "other.npz").read_bytes()):
        file.write_bytes(content)
        with pytest.raises(ModelError, match="no index of training records"):
            TrainingCopies(file)
    with pytest.raises(ModelError):
        TrainingCopies(tmp_path / "missing")


def test_it_lies_beside_a_folder_and_a_file(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model.gguf").write_bytes(b"")
    assert beside(tmp_path / "model") == beside(tmp_path / "model.gguf") == tmp_path / "model.copies"
