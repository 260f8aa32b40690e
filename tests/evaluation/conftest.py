"""A small repository with one function for every reason, its parts made by hand, and the suite built from it once."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from yunque.code.functions import functions
from yunque.core.nouns import Origin, PromptStyle, Record, content_id
from yunque.data.split import Split
from yunque.evaluation.repository.questions import EvaluationRecipe, QuestionMaker, Questions
from yunque.evaluation.repository.suites import AskedRepository
from yunque.evaluation.runner import ScoredSample

CORE = '''"""Held out."""

import functools


def memo(function):
    """Keep the function's name; called at import, before any test."""

    @functools.wraps(function)
    def kept(*arguments):
        return function(*arguments)

    return kept


def double(number):
    """Twice a number.

    >>> double(4)
    8
    """
    return number * 2


def untested(number):
    """No test calls it."""
    return number + 100


def shrug(number):
    """Its test is happy with anything."""
    return number + 1


def broken(number):
    """Its test fails."""
    return number - 1


@memo
def cube(number):
    """A decorated one."""
    square = number * number
    return square * number


class Box:
    """A box."""

    def __init__(self, side):
        self.side = side

    def area(self):
        """Six sides."""
        return 6 * self.side**2


def later(number):
    """Nothing to write."""
    ...


def needs_missing(number):
    """Its test file needs a package that is not here."""
    return number + 3


def depends(number):
    """Its test passes only after another one."""
    return number + 4


def long_one(number):
    """Too long."""
    number += 1111111111111111111111111111111111111111111111111111111111111111111111111111
    number += 2222222222222222222222222222222222222222222222222222222222222222222222222222
    number += 3333333333333333333333333333333333333333333333333333333333333333333333333333
    return number


def wordy(number):
    """Signature too long: words words words words words words words words words words words words words words words words
    words words words words words words words words words words words words words words words words words words words.
    words words words words words words words words words words words words words words words words words words words.
    """
    return number


def copied(number):
    """It has a near-duplicate in training."""
    total = number + 5
    return total * 7


def ñandú(number):
    """Letters of two bytes: ñ, ú."""
    return "ñ" * number
'''

TEST_CORE = """import contextlib

import pytest
from pkg.core import Box, broken, copied, cube, depends, double, long_one, shrug, wordy, ñandú

SEEN = []


def test_first():
    SEEN.append(1)


@pytest.mark.parametrize("number", [1, 2])
def test_double(number):
    assert double(number) == number + number


def test_shrug():
    with contextlib.suppress(NotImplementedError):
        shrug(1)


def test_broken():
    assert broken(1) == 2


def test_cube():
    assert cube(3) == 27


def test_area():
    assert Box(2).area() == 24


def test_depends():
    assert SEEN
    assert depends(1) == 5


def test_long_and_wordy():
    assert long_one(0) and wordy(1)


def test_copied():
    assert copied(1) == 42


def test_two_bytes():
    assert ñandú(2) == "ññ"
"""
TEST_MISSING = """import a_package_that_nobody_has
from pkg.core import needs_missing


def test_it():
    assert needs_missing(1) == 4
"""
TRAINED = '"""Learned from."""\n\n\ndef other(number):\n    total = number + 5\n    return total * 7\n'
VALIDATED = '"""Steers training."""\n\n\ndef steer(left, right):\n    total = left + right\n    return total * 2 - left\n'

FILES = {
    "pkg/__init__.py": "",
    "pkg/core.py": CORE,
    "pkg/trained.py": TRAINED,
    "pkg/validated.py": VALIDATED,
    "tests/test_core.py": TEST_CORE,
    "tests/test_missing.py": TEST_MISSING,
    "pytest.ini": "[pytest]\naddopts = --a-plug-in-that-is-not-here\n",
}
PARTS = {"pkg/core.py": Split.HELDOUT, "pkg/validated.py": Split.VALIDATION}


@dataclass(frozen=True)
class Repository:
    tree: Path
    records: list[Record]
    parts: dict[str, Split]
    near_duplicates: frozenset[tuple[str, int]]

    def record(self, path: str = "pkg/core.py") -> Record:
        return next(record for record in self.records if record.origin.path == path)

    def by_id(self) -> dict[str, Record]:
        return {record.id: record for record in self.records}

    def fingerprint(self) -> dict[str, str]:
        files = [path for path in self.tree.rglob("*") if path.is_file()]
        return {str(path.relative_to(self.tree)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    def maker(self, sandbox, recipe: EvaluationRecipe, seed: int = 17, **changes) -> QuestionMaker:
        known = {
            "records": self.records,
            "parts": self.parts,
            "near_duplicates": self.near_duplicates,
            "tree": self.tree,
            "sandbox": sandbox,
            "recipe": recipe,
            "seed": seed,
        }
        return QuestionMaker(**{**known, **changes})

    def asked(self, questions: Questions, recipe: EvaluationRecipe, name: str = "small") -> AskedRepository:
        return AskedRepository(
            name=name, licence="MIT", questions=questions, records=self.by_id(), tree=self.tree, recipe=recipe, counts={}
        )


def make_record(path: str, text: str) -> Record:
    origin = Origin(source="small", path=path, revision="1", licence="MIT", collected_at="2025-01-01T00:00:00+00:00")
    return Record(id=content_id(path, text), text=text, language="python", origin=origin)


def make_repository(
    tree: Path, files: dict[str, str], parts: dict[str, Split], near_duplicates: tuple[str, ...] = ()
) -> Repository:
    for path, text in files.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text, encoding="utf-8")
    records = [make_record(path, text) for path, text in files.items() if path.endswith(".py")]
    placed = {record.id: parts.get(record.origin.path, Split.TRAIN) for record in records}
    found = [
        (record.id, f.start_byte)
        for record in records
        for f in functions(record.text, "python")
        if f.name in near_duplicates
    ]
    return Repository(tree=tree, records=records, parts=placed, near_duplicates=frozenset(found))


def make_recipe(**changes) -> EvaluationRecipe:
    small = {
        "fim_tasks": 12, "style_tasks": 4, "max_body_chars": 200, "max_signature_chars": 240, "test_wall_s": 30,
        "bits_bytes": 1000, "chunk_bytes": 200,
    }  # fmt: skip
    return EvaluationRecipe(**{**small, **changes})


@pytest.fixture(scope="session")
def repository(tmp_path_factory):
    return make_repository(tmp_path_factory.mktemp("small"), FILES, PARTS, near_duplicates=("copied",))


@pytest.fixture(scope="session")
def built(repository, tests_box):
    """The questions on the small repository with their counts, and what the tree was before."""
    before = repository.fingerprint()
    questions, counts = repository.maker(tests_box, make_recipe()).make()
    return SimpleNamespace(questions=questions, counts=counts, before=before)


@pytest.fixture
def recipe():
    return make_recipe


@pytest.fixture
def make():
    """Makes a repository in a folder: ``make(tree, {path: text}, {path: part}, near_duplicates=(function name, …))``."""
    return make_repository


@pytest.fixture(scope="session")
def judged():
    """Makes one judged answer: ``judged("t1", True)``."""

    def make(task_id, passed, *, sample=0, group="", part="", outcome="", finish_reason="eos", rules=(), **values):
        outcome = outcome or ("pass" if passed else "fail")
        known = {
            "pass": float(outcome == "pass"),
            "truncated": float(finish_reason == "length"),
            "timed_out": float("timeout" in rules),
        }
        return ScoredSample(
            task_id=task_id,
            sample=sample,
            group=group or task_id,
            part=part,
            style=PromptStyle.PREFIX,
            first="",
            text="",
            finish_reason=finish_reason,
            tokens=1,
            outcome=outcome,
            score=None,
            rules=rules,
            detail="",
            values=known | values,
        )

    return make
