import io
import random
import tokenize
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from yunque.code.functions import functions
from yunque.core.errors import TooSmallError
from yunque.core.nouns import Origin, Record, content_id
from yunque.data.duplicates.neighbours import Neighbours
from yunque.data.split import NearDuplicate, Split, SplitAssignment, SplitRecipe, SplitResult, split
from yunque.store.tables import read_table, write_table

RECIPE = SplitRecipe()


def record(path: str, text: str, language: str = "python") -> Record:
    origin = Origin(source="repo", path=path, revision="1", licence="MIT", collected_at="2026-01-01T00:00:00")
    return Record(id=content_id(text, path), text=text, language=language, origin=origin)


def function(seed: object, lines: int = 12) -> str:
    """A function that is like no other: its names and numbers come from the seed. About eight tokens a line."""
    rng = random.Random(str(seed))
    word = lambda: "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=6))  # noqa: E731
    body = "\n".join(f"    {word()} = {word()}({word()}, {rng.randrange(10**6)})" for _ in range(lines))
    return f'def {word()}({word()}):\n    """Do it."""\n{body}\n    return {word()}\n'


def module(seed: object, num_functions: int = 3) -> str:
    return "\n\n".join(function(f"{seed}/{number}") for number in range(num_functions))


def corpus(size: int = 20) -> list[Record]:
    return [record(f"pkg/m{number}.py", module(number)) for number in range(size)]


def parts_by_path(result: SplitResult) -> dict[str, Split]:
    return {assignment.path: assignment.part for assignment in result.assignments}


def cluster_of(result: SplitResult, path: str) -> str:
    return next(assignment.cluster for assignment in result.assignments if assignment.path == path)


# ------------------------------------------------------------------------------------------------------------------ placing
def test_every_record_is_placed_once_and_counts_add_up():
    records = corpus(30)
    result = split(records, RECIPE, 1)
    assert sorted(assignment.record_id for assignment in result.assignments) == sorted(one.id for one in records)
    counts = result.counts
    assert counts["files"] == 30 == sum(counts[f"{part}_files"] for part in Split)
    assert counts["bytes"] == sum(len(one.text) for one in records) == sum(counts[f"{part}_bytes"] for part in Split)
    assert counts["clusters"] == 30 == sum(counts[f"{part}_clusters"] for part in Split)
    assert counts["heldout_scored_functions"] == counts["heldout_functions"] == 3 * counts["heldout_files"]
    assert counts["heldout_near_duplicates"] == 0 and result.near_duplicates == ()
    assert result.parts() == {assignment.record_id: assignment.part for assignment in result.assignments}


@pytest.mark.parametrize("seed", range(5))
def test_parts_have_about_the_size_asked_for(seed):
    counts = split(corpus(40), SplitRecipe(heldout=0.2, validation=0.1), seed).counts
    assert 0.15 <= counts["heldout_bytes"] / counts["bytes"] <= 0.25
    assert 0.06 <= counts["validation_bytes"] / counts["bytes"] <= 0.125


def test_order_of_records_changes_nothing_and_the_seed_does():
    records = [*corpus(12), record("pkg/copy.py", module(3) + "\n# copy\n")]
    first = split(records, RECIPE, 1)
    for shuffle in range(5):
        shuffled = random.Random(shuffle).sample(records, len(records))
        assert split(shuffled, RECIPE, 1) == first
    assert any(parts_by_path(split(records, RECIPE, seed)) != parts_by_path(first) for seed in range(2, 6))


def test_no_validation_when_none_is_asked_for():
    assert Split.VALIDATION not in parts_by_path(split(corpus(), SplitRecipe(validation=0), 1)).values()


def test_clusters_larger_than_a_part_still_leave_one_for_each():
    result = split(corpus(4), SplitRecipe(heldout=0.05, validation=0.05), 1)
    parts = list(parts_by_path(result).values())
    assert (parts.count(Split.HELDOUT), parts.count(Split.VALIDATION), parts.count(Split.TRAIN)) == (1, 1, 2)
    assert {assignment.reason for assignment in result.assignments} == {"smallest", "rest"}


def test_files_without_functions_and_lone_tests_are_not_held_out():
    extra = [record(f"pkg/data{n}.py", f"TABLE_{n} = {list(range(n, n + 400))}\n") for n in range(10)]
    tests = [record(f"tests/test_all{n}.py", module(f"t{n}")) for n in range(10)]
    for seed in range(5):
        parts = parts_by_path(split([*corpus(8), *extra, *tests], RECIPE, seed))
        assert {parts[one.origin.path] for one in (*extra, *tests)} == {Split.TRAIN}


def test_unknown_recipe_key_is_refused():
    with pytest.raises(ValidationError):
        SplitRecipe(held_out=0.2)


# ----------------------------------------------------------------------------------------------------------------- clusters
def test_a_copy_with_other_comments_docstrings_and_layout_shares_the_cluster():
    text = module("original")
    copy = text.replace("    ", "\t")
    for at in range(3):
        words = [" ".join(f"palabra_{at}_{number}" for number in range(low, low + 90)) for low in (0, 90)]
        copy = copy.replace('"""Do it."""', f'"""{words[0]}."""\n\t# {words[1]}', 1)
    copy = "# Copyright: somebody else.\n\n\n" + copy.replace(", ", ",  ")
    result = split([*corpus(), record("a/one.py", text), record("b/two.py", copy)], RECIPE, 1)
    assert cluster_of(result, "a/one.py") == cluster_of(result, "b/two.py")
    assert result.counts["clusters"] == 21


def test_one_long_function_in_common_joins_files_and_a_renamed_variable_does_not_hide_it():
    shared = function("shared", lines=15)
    name = shared.splitlines()[4].split()[0]
    changed = shared.replace(name, "renamed")
    assert changed != shared
    files = [record("a.py", module("a") + "\n\n" + shared), record("b.py", changed + "\n\n" + module("b"))]
    result = split([*corpus(), *files], RECIPE, 1)
    assert cluster_of(result, "a.py") == cluster_of(result, "b.py")


def test_a_short_function_in_common_joins_nothing_but_is_a_twin_when_apart():
    shared = "def __repr__(self):\n    return f'{type(self).__name__}({self.name!r}, {self.value!r})'\n"
    records = [record(one.origin.path, one.text + "\n\n" + shared) for one in corpus(12)]
    result = split(records, RECIPE, 1)
    assert result.counts["clusters"] == 12
    apart = [path for path, part in parts_by_path(result).items() if part is not Split.TRAIN]
    assert sorted(near_duplicate.path for near_duplicate in result.near_duplicates) == sorted(apart)
    assert {near_duplicate.qualified_name for near_duplicate in result.near_duplicates} == {"__repr__"}
    assert {near_duplicate.similarity for near_duplicate in result.near_duplicates} == {1.0}
    assert result.counts["heldout_scored_functions"] == 3 * result.counts["heldout_files"]


@pytest.mark.parametrize(
    ("module_path", "test_path", "language"),
    [
        ("src/pkg/x.py", "tests/test_x.py", "python"),
        ("pkg/_x.py", "pkg/x_test.py", "python"),
        ("src/x.js", "src/x.test.js", "javascript"),
        ("src/x.ts", "src/__tests__/x.spec.ts", "typescript"),
        ("p/x.go", "p/x_test.go", "go"),
        ("src/main/java/p/X.java", "src/test/java/p/XTest.java", "java"),
        ("src/x.rs", "tests/x.rs", "rust"),
    ],
)
def test_a_test_file_goes_with_its_module(module_path, test_path, language):
    # The texts need no real language: names alone join them.
    pair = [record(module_path, "alpha beta gamma\n" * 30, language), record(test_path, "delta epsilon\n" * 30, language)]
    result = split([*corpus(), *pair], RECIPE, 1)
    assert cluster_of(result, module_path) == cluster_of(result, test_path)
    assert result.counts["clusters"] == 21


def test_of_two_modules_with_one_name_the_nearer_one_is_tested():
    files = [record("pkg/a/x.py", module("a")), record("pkg/b/x.py", module("b")), record("tests/b/test_x.py", module("t"))]
    result = split([*corpus(), *files], RECIPE, 1)
    assert cluster_of(result, "tests/b/test_x.py") == cluster_of(result, "pkg/b/x.py") != cluster_of(result, "pkg/a/x.py")


def chained(size: int) -> list[Record]:
    """Files of which each shares one long, slightly changed function with the next: one chain from end to end."""
    texts = []
    for number in range(size):
        links = [function(f"link{number}", lines=20), function(f"link{number + 1}", lines=20).replace("Do it", "Do")]
        links[1] = links[1].replace("return", "return 1 or", 1)
        texts.append("\n\n".join([module(f"own{number}", 2), *links]))
    return [record(f"c{number}.py", text) for number, text in enumerate(texts)]


def test_a_chain_through_everything_is_taken_apart_and_its_twins_are_listed():
    result = split(chained(16), RECIPE, 1)
    assert result.counts["clusters_taken_apart"] == 1
    assert result.counts["similarity_in_giant"] > RECIPE.similarity
    assert result.counts["largest_cluster_share"] < 0.5
    assert {Split.TRAIN, Split.VALIDATION, Split.HELDOUT} == set(parts_by_path(result).values())
    assert result.counts["heldout_near_duplicates"] >= 1
    assert result.counts["heldout_scored_functions"] >= 1
    assert_no_scored_twin(chained(16), result)


def test_a_true_copy_of_everything_is_not_taken_apart():
    originals = [record(f"a/m{n}.py", module(n)) for n in range(6)]
    copies = [record(f"vendor/m{n}.py", "# vendored\n" + module(n)) for n in range(6)]
    result = split([*originals, *copies], RECIPE, 1)
    parts = parts_by_path(result)
    assert result.counts["clusters"] == 6 and result.counts["clusters_taken_apart"] == 0
    assert all(parts[f"a/m{n}.py"] is parts[f"vendor/m{n}.py"] for n in range(6))


# -------------------------------------------------------------------------------------------------------------------- twins
def shingles(text: str) -> set[tuple[str, ...]]:
    """5-token shingles by Python's own tokenizer, so that the code is not judged by itself. Docstrings are one line here."""
    lines = [line for line in text.splitlines() if '"""' not in line]
    tokens = []
    for token in tokenize.generate_tokens(io.StringIO("\n".join(lines) + "\n").readline):
        if token.type in (tokenize.NAME, tokenize.NUMBER):
            tokens.append(token.string)
        elif token.type == tokenize.OP:
            tokens.extend(token.string)
    return {tuple(tokens[at : at + 5]) for at in range(max(1, len(tokens) - 4))}


def assert_no_scored_twin(records: list[Record], result: SplitResult) -> None:
    parts, skipped = result.parts(), {(one.record_id, one.start_byte) for one in result.near_duplicates}
    train, scored = [], []
    for one in records:
        for found in functions(one.text, "python"):
            text = one.text.encode()[found.start_byte : found.end_byte].decode()
            if parts[one.id] is Split.TRAIN:
                train.append(shingles(text))
            elif (one.id, found.start_byte) not in skipped:
                scored.append(shingles(text))
    assert train and scored
    assert max(len(one & other) / len(one | other) for one in scored for other in train) < RECIPE.similarity


@pytest.mark.parametrize("seed", range(4))
def test_no_scored_function_has_a_twin_in_training(seed):
    rng = random.Random(seed)
    pool = [function(f"pool{number}", lines=rng.randint(1, 6)) for number in range(10)]
    records = []
    for number in range(24):
        copies = []
        for text in rng.sample(pool, 3):  # short enough to join nothing; some with a line changed or put in
            lines = text.splitlines()
            if rng.random() < 0.5:
                lines.insert(2, f"    extra_{rng.randrange(3)} = 0")
            copies.append("\n".join(lines) + "\n")
        records.append(record(f"m{number}.py", "\n\n".join([module(f"own{number}", 2), *copies])))
    result = split(records, SplitRecipe(min_function_tokens=90), seed)
    assert result.near_duplicates
    assert_no_scored_twin(records, result)


def test_twins_in_one_part_are_no_twins():
    """A copy within held-out teaches nothing."""
    text = module("x")
    records = [*corpus(), record("a.py", text), record("b.py", text + "\n")]
    for seed in range(12):
        result = split(records, RECIPE, seed)
        assert result.near_duplicates == ()


sets_of_numbers = st.lists(st.frozensets(st.integers(0, 25), max_size=14), max_size=14)


@given(sets_of_numbers, st.sampled_from([0.3, 0.5, 0.7, 0.9, 1.0]))
def test_the_search_finds_every_pair_that_is_alike(sets, similarity):
    index = Neighbours([np.array(sorted(one), dtype=np.uint64) for one in sets], similarity)
    for unit, one in enumerate(sets):
        assert sets[index.same_as[unit]] == one
        found = {other for other in index.candidates(unit) if one and index.jaccard(unit, other) >= similarity - 1e-9}
        alike = {
            n for n, other in enumerate(sets) if one and other and len(one & other) / len(one | other) >= similarity - 1e-9
        }
        assert {int(index.same_as[other]) for other in alike} - {int(index.same_as[unit])} == found


def test_a_thousand_near_copies_are_bounded():
    """A generated family: every member is like every other one. The search must not look at all pairs."""
    lines = function("family", lines=20).splitlines()
    members = [*lines]
    texts = []
    for number in range(1000):
        members[5] = f"    changed_{number} = {number}"
        texts.append("\n".join(members))
    records = [record(f"gen/g{number}.py", text + "\n") for number, text in enumerate(texts[:700])]
    records.append(record("gen/rest.py", "\n\n".join(texts[700:])))
    records += [record(f"m{number}.py", module(number, 30)) for number in range(60)]  # more than the family, in bytes
    result = split(records, RECIPE, 1)
    assert len({assignment.cluster for assignment in result.assignments if assignment.path.startswith("gen/")}) == 1


# ---------------------------------------------------------------------------------------------------------------- too small
@pytest.mark.parametrize(
    "records",
    [
        [],
        corpus(1),
        corpus(3),
        [record(f"copy{n}.py", module("same") + f"# {n}\n") for n in range(20)],
        [record(f"data{n}.py", f"VALUE_{n} = {n}\n") for n in range(20)],
        [record(f"tests/test_{n}.py", module(n)) for n in range(20)],
        [record(f"a{n}.txt", "some text\n" * n, "unknown") for n in range(20)],
    ],
    ids=["nothing", "one", "three", "copies", "no functions", "only tests", "no grammar"],
)
def test_too_small_says_how_much_is_needed(records):
    with pytest.raises(TooSmallError, match="at least 4 files with functions that are not copies"):
        split(records, RECIPE, 1)


def test_four_files_are_enough():
    assert set(parts_by_path(split(corpus(4), RECIPE, 1)).values()) == set(Split)


def test_when_all_that_is_held_out_has_twins_it_is_too_small():
    short = "def f(a, b):\n    return a + b * 2\n"
    records = [record(f"m{n}.py", f"{short}\n\nX{n} = {n}\n") for n in range(8)]
    with pytest.raises(TooSmallError, match="has a copy in training"):
        split(records, RECIPE, 1)


def test_placements_and_twins_survive_parquet(tmp_path):
    shared = "def get(self):\n    return self._values.get(self.key, None)\n"
    result = split([record(one.origin.path, one.text + "\n\n" + shared) for one in corpus(8)], RECIPE, 1)
    assert result.near_duplicates
    write_table(tmp_path / "split.parquet", result.assignments, SplitAssignment)
    write_table(tmp_path / "near_duplicates.parquet", result.near_duplicates, NearDuplicate)
    assert tuple(read_table(tmp_path / "split.parquet", SplitAssignment)) == result.assignments
    assert tuple(read_table(tmp_path / "near_duplicates.parquet", NearDuplicate)) == result.near_duplicates


@pytest.mark.parametrize("seed", range(4))
def test_a_file_that_stays_keeps_its_part_when_another_one_changes_or_comes(seed):
    records = corpus(24)
    before = parts_by_path(split(records, RECIPE, seed))
    more = "\n\ndef more_{0}():\n    return {0}\n"
    texts = [one.text + more.format(index) * (index % 5 == 0) for index, one in enumerate(records)]
    changed = [record(one.origin.path, text) for one, text in zip(records, texts, strict=True)]
    after = parts_by_path(split([*changed, record("pkg/zz_new.py", module("new"))], RECIPE, seed))
    moved = [path for path in before if before[path] is not after[path]]
    assert len(moved) <= 2, "only what stands at the brim of a part may move"


def test_something_of_every_source_is_held_out_and_a_small_one_is_learned_from():
    def of(source, names):
        made = [record(f"{source}/{name}.py", module(f"{source}{name}")) for name in names]
        return [replace(one, origin=replace(one.origin, source=source)) for one in made]

    big, other, small = of("big", range(16)), of("other", range(8)), of("small", range(2))
    result = split([*big, *other, *small], RECIPE, 3)
    parts = result.parts()
    for records in (big, other):
        assert {parts[one.id] for one in records} == set(Split)
    assert {parts[one.id] for one in small} == {Split.TRAIN}
    alone = split(other, RECIPE, 3).parts()
    assert {one.id: parts[one.id] for one in other} == alone, "a source is asked the same alone and beside others"
