"""Which records are duplicates, and of which: against a plain comparison of all with all; the same in any order."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from yunque.code.shingles import jaccard, shingle
from yunque.core.errors import RecipeError, SourceError, StoreError
from yunque.core.nouns import Origin, Record, content_id
from yunque.data.duplicates.find import CLUSTERS, Clustered, DuplicatesRecipe, find_duplicates
from yunque.store.tables import read_table

RECIPE = DuplicatesRecipe()
OLDEST = DuplicatesRecipe(prefer=("oldest", "longest"))


def record(text, path="p.py", *, language="python", licence="MIT", collected_at="2026-01-01T00:00:00+00:00", source="s"):
    origin = Origin(source=source, path=path, revision="", licence=licence, collected_at=collected_at)
    return Record(id=content_id(path, text), text=text, language=language, origin=origin)


def program(seed, num_lines=40, changed=()):
    """A text of random names; the lines of ``changed`` are others."""
    draw = random.Random(seed)
    lines = [f"n{draw.randrange(10**6)} = f{draw.randrange(10**6)}(n{draw.randrange(10**6)}, 7)" for _ in range(num_lines)]
    for line in changed:
        lines[line] = f"other{line} = g{seed}()"
    return "\n".join(lines) + "\n"


def found(records, folder, recipe=RECIPE, **options):
    folder.mkdir(parents=True, exist_ok=True)
    counts = find_duplicates(records, recipe, folder, **options)
    rows = read_table(folder / CLUSTERS, Clustered)
    assert [row.record_id for row in rows] == [one.id for one in records]
    assert counts["in"] == len(records) == counts["kept"] + sum(counts["dropped"].values())
    assert {row.keeper_id for row in rows if not row.reason} >= {row.keeper_id for row in rows} or options.get("against")
    return rows, counts


def kept(rows):
    return sorted(row.record_id for row in rows if not row.reason)


# ------------------------------------------------------------------------------------------------------------ what is what
def test_each_kind_has_its_reason_keeper_and_similarity(tmp_path):
    text = program(1)
    records = [
        record(text, "a.py"),
        record(text, "b.py"),
        record("# Copyright 2020 by us\n" + text.replace(" = ", "="), "c.py"),
        record(program(1, changed=[20]), "d.py"),
        record(program(2), "e.py"),
    ]
    rows, counts = found(records, tmp_path)
    texts = sorted(records[:2], key=lambda one: one.id)
    longest = max(records[:3], key=lambda one: (len(one.text), [-ord(c) for c in one.id]))
    assert longest is texts[0]
    by_id = dict(zip([one.id for one in records], rows, strict=True))
    assert by_id[texts[0].id].reason == "" and by_id[texts[1].id].reason == "exact text"
    assert rows[2].reason == "exact code" and rows[2].similarity == 1.0
    windows = shingle([records[0].text, records[3].text], ["python"] * 2)
    assert rows[3].reason == "near"
    assert rows[3].similarity == pytest.approx(jaccard(windows.sets()[0], windows.sets()[1]), abs=1e-6)
    assert {row.keeper_id for row in rows[:4]} == {row.cluster_id for row in rows[:4]} == {texts[0].id}
    assert rows[4] == Clustered(
        record_id=records[4].id, cluster_id=records[4].id, keeper_id=records[4].id, similarity=1.0, reason=""
    )
    assert counts["dropped"] == {"exact text": 1, "exact code": 1, "near": 1} and counts["clusters"] == 2


def alike(one, other):
    windows = shingle([one.text, other.text], [one.language, other.language])
    return jaccard(windows.sets()[0], windows.sets()[1])


def plainly(records, threshold):
    """Who is kept, by comparing each with all that are kept."""
    chosen = []
    for one in sorted(records, key=lambda one: (-len(one.text), one.id)):
        if not any(one.text == other.text or alike(one, other) >= threshold for other in chosen):
            chosen.append(one)
    return sorted(one.id for one in chosen)


@settings(max_examples=8)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.lists(st.integers(0, 39), max_size=2)), min_size=1, max_size=14), st.randoms()
)
def test_what_is_kept_is_what_comparing_all_with_all_keeps_in_any_order(tmp_path_factory, versions, draw):
    records = [record(program(seed, changed=lines), f"{at}.py") for at, (seed, lines) in enumerate(versions)]
    recipe = DuplicatesRecipe(recall=0.999, num_hashes=256)
    rows, _ = found(records, tmp_path_factory.mktemp("a"), recipe)
    assert kept(rows) == plainly(records, 0.7)
    texts = {one.id: one for one in records}
    for row in rows:
        if row.reason == "near":
            assert row.similarity == pytest.approx(alike(texts[row.record_id], texts[row.keeper_id]), abs=1e-6)
            assert row.similarity >= 0.7
    draw.shuffle(records)
    again, _ = found(records, tmp_path_factory.mktemp("b"), recipe)
    assert {row.record_id: row for row in rows} == {row.record_id: row for row in again}


def test_a_chain_is_one_cluster_but_its_ends_are_both_kept(tmp_path):
    steps = [program(1, changed=range(at)) for at in (0, 4, 8, 12)]
    windows = shingle(steps, ["python"] * 4)
    assert jaccard(windows.sets()[0], windows.sets()[1]) >= 0.7 > jaccard(windows.sets()[0], windows.sets()[3])
    rows, counts = found([record(text, f"{at}.py") for at, text in enumerate(steps)], tmp_path)
    assert len({row.cluster_id for row in rows}) == 1 and counts["largest_cluster"] == 4
    assert len(kept(rows)) == 2
    assert all(row.similarity >= 0.7 for row in rows)


def test_texts_that_are_alike_by_their_size_or_nature_alone_are_kept(tmp_path):
    texts = [
        "",
        "# one comment\n",
        "# other comment\n",
        "x = 1\n",
        "x = 2\n",
        "\n",
        "pass  # a",
        "pass  # b",
        "\ud800",
        "\x00\x01",
    ]
    rows, counts = found([record(text, f"{at}.py") for at, text in enumerate(texts)], tmp_path)
    assert counts["kept"] == len(texts) == counts["short"] == counts["clusters"]
    assert all(row.cluster_id == row.record_id for row in rows)


def test_short_texts_match_by_their_text_alone(tmp_path):
    rows, counts = found([record("x = 1\n", "a.py"), record("x = 1\n", "b.py"), record("x = 1  # c\n", "c.py")], tmp_path)
    assert counts["dropped"] == {"exact text": 1} and rows[2].reason == ""


def test_a_copy_of_a_near_duplicate_says_near(tmp_path):
    other = program(1, changed=[3])
    records = [record(program(1), "a.py"), record(other, "b.py"), record(other, "c.py"), record("#\n" + other[:-1], "d.py")]
    rows, _ = found(records, tmp_path)
    assert [row.reason for row in rows] == ["", "near", "near", "near"]
    assert len({row.keeper_id for row in rows}) == 1 and rows[1].similarity == rows[2].similarity < 1


def test_only_exact_duplicates_where_the_recipe_says_so(tmp_path):
    records = [record(program(1), "a.py"), record(program(1, changed=[3]), "b.py"), record(program(1), "c.py")]
    _, counts = found(records, tmp_path, DuplicatesRecipe(near=False))
    assert counts["dropped"] == {"exact text": 1}


@pytest.mark.parametrize(
    ("prefer", "winner"), [(("longest",), 1), (("shortest",), 0), (("oldest",), 2), (("licensed", "longest"), 0)]
)
def test_the_recipe_says_which_one_is_kept(tmp_path, prefer, winner):
    text = program(1)
    records = [
        record(text, "a.py"),
        record(text + "# a long comment\n", "b.py", licence="unknown"),
        record(text + "# c\n", "c.py", licence="unknown", collected_at="2020-01-01T00:00:00+00:00"),
        record(text + "# dd\n", "d.py", licence="unknown", collected_at="never"),
    ]
    rows, _ = found(records, tmp_path, DuplicatesRecipe(prefer=prefer))
    assert {row.keeper_id for row in rows} == {records[winner].id}


def test_records_of_one_id_are_told_apart(tmp_path):
    records = [record(program(1), source=source) for source in ("b", "a", "c")]
    rows, _ = found(records, tmp_path / "1")
    again, _ = found(records[::-1], tmp_path / "2")
    reasons = {one.origin.source: row.reason for one, row in zip(records, rows, strict=True)}
    assert sorted(reasons.values()) == ["", "exact text", "exact text"]
    assert reasons == {one.origin.source: row.reason for one, row in zip(records[::-1], again, strict=True)}


# --------------------------------------------------------------------------------------------------------- size and order
def many(num, seed=0):
    draw = random.Random(seed)
    return [
        record(program(draw.randrange(num // 2), 12, changed=draw.sample(range(12), draw.randrange(2))), f"{at}.py")
        for at in range(num)
    ]


def test_any_number_of_workers_writes_the_same_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr("yunque.data.duplicates.sketches.BATCH_CHARS", 10_000)
    records = many(300)
    for workers in (1, 2, 3):
        found(records, tmp_path / str(workers), workers=workers)
    monkeypatch.undo()
    found(records, tmp_path / "4")
    files = sorted(path.relative_to(tmp_path / "1") for path in (tmp_path / "1").rglob("*") if path.is_file())
    assert len(files) > 50 and not (tmp_path / "1" / "scratch").exists()
    for other in ("2", "3", "4"):
        assert all((tmp_path / "1" / file).read_bytes() == (tmp_path / other / file).read_bytes() for file in files)


def test_records_may_be_an_iterator(tmp_path):
    tmp_path.joinpath("x").mkdir()
    assert find_duplicates(iter(many(20)), RECIPE, tmp_path / "x")["in"] == 20


def test_many_copies_of_one_text_are_never_compared(tmp_path, within):
    text = program(1, 4)
    with within(20):
        _, counts = found([record(text, f"{at}.py") for at in range(8_000)], tmp_path)
        assert counts["kept"] == 1 and counts["largest_cluster"] == 8_000 and counts["comparisons"] == 0


def test_many_variations_of_one_text_are_compared_with_a_few(tmp_path):
    _, counts = found([record(program(1, 40) + f"name = {at}\n", f"{at}.py") for at in range(2_000)], tmp_path)
    assert counts["kept"] == 1 and counts["largest_cluster"] == 2_000
    assert counts["largest_bucket"] > 1_000 and counts["comparisons"] < 10 * 2_000


def test_crowds_of_distinct_records_take_linear_time(tmp_path, monkeypatch):
    monkeypatch.setattr("yunque.data.duplicates.buckets.KEPT_PLACES", 4)
    monkeypatch.setattr("yunque.data.duplicates.find.MOST_COMPARED", 4)
    common = program(0, 20)
    _, counts = found([record(common + program(at, 20), f"{at}.py") for at in range(1, 200)], tmp_path)
    assert counts["kept"] == 199 and counts["comparisons"] <= 4 * 199
    assert counts["crowded"] > 0 and counts["left_out"] > 0  # and the counts say what was not looked at


def test_nothing_gives_tables_without_rows(tmp_path):
    rows, counts = found([], tmp_path / "none")
    assert rows == [] and counts["clusters"] == 0
    _, counts = found(many(10), tmp_path / "more", against=[tmp_path / "none"])
    assert counts["earlier"] == 0


# ----------------------------------------------------------------------------------------------------------------- adding
@settings(max_examples=8)
@given(st.integers(0, 10**6), st.integers(0, 40), st.integers(0, 40))
def test_adding_keeps_what_all_at_once_keeps(tmp_path_factory, seed, first, second):
    folder = tmp_path_factory.mktemp("adding")
    years = ["2020"] * first + ["2021"] * (second) + ["2022"] * 10
    drawn = many(len(years), seed)
    records = [
        record(one.text, one.origin.path, collected_at=f"{year}-01-01T00:00:00+00:00")
        for one, year in zip(drawn, years, strict=True)
    ]
    whole, _ = found(records, folder / "whole", OLDEST)
    parts = [records[:first], records[first : first + second], records[first + second :]]
    folders, rows = [], []
    for at, part in enumerate(parts):
        rows += found(part, folder / str(at), OLDEST, against=list(folders))[0]
        folders.append(folder / str(at))
    assert kept(rows) == kept(whole)
    assert [row.reason == "" for row in rows] == [row.reason == "" for row in whole]


def test_what_is_added_names_the_keeper_and_cluster_of_before(tmp_path):
    old = [record(program(1), "a.py"), record(program(1, changed=[1]), "b.py"), record("x = 1", "s.py")]
    first, _ = found(old, tmp_path / "old")
    new = [
        record(program(1) + "# a much longer comment\n", "c.py"),
        record(program(1, changed=[2]) + "# longer\n", "d.py"),
        record("x = 1", "t.py"),
        record(program(1, changed=[1]), "e.py"),
        record(program(3), "f.py"),
    ]
    rows, counts = found(new, tmp_path / "new", against=[tmp_path / "old"])
    assert [row.reason for row in rows] == ["exact code", "near", "exact text", "near", ""]
    assert {row.keeper_id for row in rows[:2]} == {row.cluster_id for row in rows[:2]} == {first[0].record_id}
    assert rows[2].keeper_id == first[2].record_id and counts["earlier"] == 2


def test_texts_of_the_index_are_not_looked_at_again(tmp_path, monkeypatch):
    found(many(200), tmp_path / "old")
    seen = []
    real = shingle
    monkeypatch.setattr(
        "yunque.data.duplicates.sketches.shingle", lambda texts, *rest: seen.extend(texts) or real(texts, *rest)
    )
    found(many(10, 5), tmp_path / "new", against=[tmp_path / "old"])
    assert len(seen) == 10


def test_an_index_that_cannot_be_used_is_refused(tmp_path):
    found(many(20), tmp_path / "old")
    with pytest.raises(StoreError, match="made with window 5, now it is 7"):
        find_duplicates([], DuplicatesRecipe(window=7), tmp_path, against=[tmp_path / "old"])
    with pytest.raises(StoreError, match="no index of duplicates here"):
        find_duplicates([], RECIPE, tmp_path, against=[tmp_path / "nowhere"])
    for name in ("ids.npy", "windows.npy", "keys-003.npy", "index.json"):
        file = tmp_path / "old" / "index" / name
        whole = file.read_bytes()
        for broken in (whole[: len(whole) // 2], b"", b"\x93NUMPY"):
            file.write_bytes(broken)
            with pytest.raises(StoreError, match="damaged"):
                find_duplicates([], RECIPE, tmp_path, against=[tmp_path / "old"])
        file.write_bytes(whole)
    np.save(tmp_path / "old" / "index" / "records-001.npy", np.zeros(1, dtype=np.int64))
    with pytest.raises(StoreError, match="damaged"):
        find_duplicates([], RECIPE, tmp_path, against=[tmp_path / "old"])


# -------------------------------------------------------------------------------------------------------------- bad input
def test_bad_recipes_are_refused():
    with pytest.raises(ValidationError, match="treshold"):
        DuplicatesRecipe(treshold=0.5)
    with pytest.raises(ValidationError):
        DuplicatesRecipe(prefer=("newest",))
    with pytest.raises(RecipeError, match="more hashes"):
        _ = DuplicatesRecipe(threshold=0.1, num_hashes=16, recall=0.999).bands


def test_an_id_that_does_not_fit_is_refused(tmp_path):
    origin = Origin(source="s", path="p", revision="", licence="MIT", collected_at="")
    with pytest.raises(SourceError, match="longer than 64"):
        find_duplicates([Record(id="x" * 65, text="a", language="python", origin=origin)], RECIPE, tmp_path)
