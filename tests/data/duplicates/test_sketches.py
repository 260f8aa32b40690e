"""Sketches come back from disk as they were made; what kills its worker is compared by its text alone."""

import os
import signal

import numpy as np
import pytest

from yunque.code.shingles import shingle
from yunque.core.nouns import Origin, Record, content_id
from yunque.data.duplicates.minhash import choose_bands
from yunque.data.duplicates.sketches import NO_DATE, Sketcher, sketch_all

BANDS = choose_bands(0.7)


def record(text, path, licence="MIT", collected_at="2026-01-02T03:04:05+00:00"):
    origin = Origin(source="s", path=path, revision="", licence=licence, collected_at=collected_at)
    return Record(id=content_id(path, text), text=text, language="python", origin=origin)


class Deadly(Sketcher):
    def __call__(self, batch):
        if any("kill" in one.text for one in batch):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(batch)


RECORDS = [
    record("x = 1", "a.py"),
    record("def f(a, b):\n    return a + b\n", "b.py"),
    record("", "c.py", "unknown", "never"),
]


def test_facts_windows_and_keys_are_those_of_each_record(tmp_path):
    sketches = sketch_all(RECORDS * 3, Sketcher(5, BANDS), tmp_path)
    facts = sketches.facts
    assert [name.decode() for name in facts["id"].tolist()] == [one.id for one in RECORDS * 3]
    assert facts["size"].tolist() == [len(one.text) for one in RECORDS] * 3
    expected = shingle([RECORDS[1].text], ["python"]).sets()[0]
    assert facts["windows"].tolist() == [0, len(expected), 0] * 3
    for row in facts[facts["windows"] > 0]:
        assert sketches.windows(int(row["start"]), int(row["windows"])).tolist() == expected.tolist()
    for band in range(BANDS.bands):
        keys = sketches.keys(band)
        assert len(keys) == 3 and len(set(keys.tolist())) == 1
    assert facts["keyed"][facts["windows"] > 0].tolist() == [0, 1, 2]
    assert facts["collected"].tolist()[1:3] == [1767323045, NO_DATE] and facts["unlicensed"].tolist()[:3] == [0, 0, 1]
    assert (facts["text"][0] == facts["text"][3]).all() and not (facts["text"][0] == facts["text"][1]).all()


@pytest.mark.parametrize("most", [1, 50, 10**6])
def test_the_size_of_a_batch_changes_nothing(tmp_path, monkeypatch, most):
    whole = sketch_all(RECORDS * 20, Sketcher(5, BANDS), tmp_path / "whole")
    monkeypatch.setattr("yunque.data.duplicates.sketches.AT_ONCE_CHARS", most)
    monkeypatch.setattr("yunque.data.duplicates.sketches.BATCH_CHARS", 3 * most)
    parts = sketch_all(RECORDS * 20, Sketcher(5, BANDS), tmp_path / "parts")
    assert (whole.facts == parts.facts).all() and (tmp_path / "whole/windows.bin").read_bytes() == (
        tmp_path / "parts/windows.bin"
    ).read_bytes()
    assert all((whole.keys(band) == parts.keys(band)).all() for band in range(BANDS.bands))


def test_what_kills_its_worker_keeps_its_text_alone(tmp_path):
    records = [*RECORDS, record("kill(a, b, c, d)", "k.py"), RECORDS[1]]
    sketches = sketch_all(records, Deadly(5, BANDS), tmp_path, workers=2)
    plain = sketch_all(records, Sketcher(5, BANDS), tmp_path / "plain")
    assert sketches.num_lost == 1 and sketches.facts["windows"][3] == 0 and plain.facts["windows"][3] > 0
    assert (sketches.facts["text"] == plain.facts["text"]).all()
    rest = np.arange(len(records)) != 3
    assert (sketches.facts["windows"][rest] == plain.facts["windows"][rest]).all()


def test_nothing_is_sketched_as_nothing(tmp_path):
    sketches = sketch_all([], Sketcher(5, BANDS), tmp_path)
    assert len(sketches.facts) == len(sketches.windows(0, 5)) == len(sketches.keys(0)) == 0
