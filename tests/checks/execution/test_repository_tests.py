"""Which tests reach which function, and what the tests of a repository say of a changed file."""

import dataclasses
import re
from pathlib import Path

import pytest

from yunque.checks.execution.pytest_runs import TestReach, reach
from yunque.checks.execution.repository_tests import RepositoryTests
from yunque.core.nouns import Limits, Origin, Outcome, Record
from yunque.core.seams import Check

LIMITS = Limits(wall_s=60, cpu_s=60, memory_bytes=2 << 30, processes=64)
MODULE = '''"""A module."""


def add(left, right):
    """The sum.

    >>> add(1, 2)
    3
    """
    return left + right


def twice(number):
    return add(number, number)


def lazy(number):
    yield number
'''
TESTS = """import pytest
from thing import add, lazy, twice


def test_add():
    assert add(2, 2) == 4


def test_twice():
    assert twice(2) == 4


def test_wrong():
    assert add(1, 1) == 3


def test_skipped():
    pytest.skip()


@pytest.mark.xfail
def test_known():
    assert add(1, 1) == 3


@pytest.mark.parametrize("name", ["plain", "a b", "a[b]", "ñ", "a::b", "", "-x"])
def test_names(name):
    assert add(name, name) == 2 * name
"""


@pytest.fixture
def tree(tmp_path):
    """Writes files below a folder; gives the folder."""

    def write(files: dict[str, str], at: str = "tree") -> Path:
        for path, text in files.items():
            (tmp_path / at / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / at / path).write_text(text, encoding="utf-8")
        return tmp_path / at

    return write


def by_name(found: list[TestReach]) -> dict[str, TestReach]:
    return {one.test: one for one in found}


def make_record(path: str, text: str) -> Record:
    return Record(
        id="1", text=text, language="python",
        origin=Origin(source="s", path=path, revision="r", licence="MIT", collected_at=""),
    )  # fmt: skip


# -------------------------------------------------------------------------------------------------------------------- reach
@pytest.fixture(scope="module")
def small(tmp_path_factory):
    root = tmp_path_factory.mktemp("small")
    (root / "thing.py").write_text(MODULE)
    (root / "test_thing.py").write_text(TESTS)
    return root


@pytest.fixture(scope="module")
def found(small, tests_box):
    tests, trouble, _ = reach(small, tests_box, LIMITS)
    assert trouble == ""
    return by_name(tests)


def test_reach_lists_every_test_and_doctest_with_its_outcome(found):
    assert found["thing.py::thing.add"].passed
    assert found["test_thing.py::test_add"].passed
    assert not found["test_thing.py::test_wrong"].passed
    assert not found["test_thing.py::test_skipped"].passed
    assert not found["test_thing.py::test_known"].passed
    assert len(found) == 6 + 7
    assert all(0 <= test.took_s < 30 for test in found.values())


def test_reach_tells_the_functions_a_test_calls_itself_or_through_others(found):
    def lines(name: str) -> list[int]:
        return [line for path, line in found[name].reached if path == "thing.py"]

    assert lines("thing.py::thing.add") == [4]
    assert lines("test_thing.py::test_add") == [4]
    assert lines("test_thing.py::test_twice") == [4, 13]
    assert not [name for name in found if 17 in lines(name)], "nobody calls the generator"


def test_reach_leaves_nothing_in_the_tree(found, small):
    assert sorted(path.name for path in small.iterdir()) == ["test_thing.py", "thing.py"]


UNITTEST = """import unittest
from thing import add, twice


class Sums(unittest.TestCase):
    def setUp(self):
        twice(1)

    def test_right(self):
        self.assertEqual(add(1, 1), 2)

    def test_wrong(self):
        self.assertEqual(add(1, 1), 3)

    def test_broken(self):
        raise ValueError

    def test_skipped(self):
        self.skipTest("not today")

    @unittest.expectedFailure
    def test_known(self):
        self.assertEqual(add(1, 1), 3)

    def test_parts(self):
        for number in (1, 2, 3):
            with self.subTest(number=number):
                self.assertEqual(add(number, 0), number)

    def test_wrong_part(self):
        for number in (1, 2, 3):
            with self.subTest(number=number):
                self.assertNotEqual(number, 2)
"""


@pytest.fixture(scope="module")
def classic(tmp_path_factory):
    root = tmp_path_factory.mktemp("classic")
    (root / "thing.py").write_text(MODULE)
    (root / "test_classic.py").write_text(UNITTEST)
    return root


def test_reach_knows_which_unittest_tests_pass(classic, tests_box):
    """pytest keeps their failures to itself: they are not raised out of the call."""
    tests, *_ = reach(classic, tests_box, LIMITS)
    told = {test.test.rpartition("::")[2]: test for test in tests}
    assert ("thing.py", 4) in told["test_right"].reached and ("thing.py", 13) in told["test_right"].reached
    passed = {name for name, test in told.items() if test.passed}
    assert passed == {"thing.add", "test_right", "test_parts"}


def test_the_src_layout_and_a_package_in_lib_are_importable(tree, tests_box):
    root = tree(
        {
            "src/pack/__init__.py": "",
            "src/pack/inner/__init__.py": "",
            "src/pack/inner/thing.py": MODULE,
            "lib/other.py": "def half(n):\n    return n / 2\n",
            "tests/unit/test_thing.py": "from other import half\nfrom pack.inner.thing import add\n\n"
            "def test_it():\n    assert add(1, 1) == 2 == half(4)\n",
        }
    )
    tests, trouble, _ = reach(root, tests_box, LIMITS)
    assert trouble == ""
    told = by_name(tests)
    assert ("src/pack/inner/thing.py", 4) in told["tests/unit/test_thing.py::test_it"].reached
    assert ("lib/other.py", 1) in told["tests/unit/test_thing.py::test_it"].reached
    assert told["src/pack/inner/thing.py::pack.inner.thing.add"].passed
    check = RepositoryTests(tree=root, tests=["tests/unit/test_thing.py::test_it"], sandbox=tests_box, limits=LIMITS)
    verdict = check.judge(make_record("src/pack/inner/thing.py", MODULE))
    assert verdict.outcome is Outcome.PASS, verdict.detail


@pytest.mark.parametrize(
    "files",
    [
        {"pytest.ini": "[pytest]\naddopts = --cov=thing -n 4 --a-plug-in-that-is-not-here\ntimeout = 3\n"},
        {"setup.cfg": "[tool:pytest]\naddopts = --a-plug-in-that-is-not-here\n"},
        {"tox.ini": "[pytest]\naddopts = --a-plug-in-that-is-not-here\nrequired_plugins = nothing-like-it\n"},
        {"pyproject.toml": '[tool.pytest.ini_options]\naddopts = "--a-plug-in-that-is-not-here"\nminversion = "99"\n'},
        {"pyproject.toml": "this is not TOML ]["},
    ],
    ids=["pytest.ini", "setup.cfg", "tox.ini", "pyproject.toml", "broken"],
)
def test_the_repositorys_own_options_do_not_matter(tree, tests_box, files):
    root = tree(
        {"thing.py": MODULE, "tests/test_thing.py": "from thing import add\ndef test():\n    assert add(1, 1)\n", **files}
    )
    tests, trouble, _ = reach(root, tests_box, LIMITS)
    assert trouble == ""
    assert by_name(tests)["tests/test_thing.py::test"].passed


@pytest.mark.parametrize("place", ["conftest.py", "tests/conftest.py"])
@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ("import a_package_that_nobody_has\n", "a_package_that_nobody_has"),
        ("raise RuntimeError('no database')\n", "no database"),
        ("def (:\n", "SyntaxError"),
    ],
    ids=["import", "raises", "syntax"],
)
def test_a_conftest_that_breaks_is_a_reason_and_not_an_empty_list(tree, tests_box, place, broken, told):
    root = tree({"thing.py": MODULE, "tests/test_thing.py": "def test():\n    pass\n", place: broken})
    tests, trouble, _ = reach(root, tests_box, LIMITS)
    assert tests == []
    assert trouble.startswith("pytest did not run: ") and told in trouble and "\n" not in trouble


def test_reasons_are_the_same_in_every_run(tree, tests_box):
    root = tree({"conftest.py": "import a_package_that_nobody_has\n"})
    first, again = (reach(root, tests_box, LIMITS)[1] for _ in range(2))
    assert first == again and not re.search(r"\d\.\d+s", first)


def test_a_test_file_that_breaks_costs_only_its_own_tests(tree, tests_box):
    root = tree(
        {
            "thing.py": MODULE,
            "tests/test_a.py": "import a_package_that_nobody_has\ndef test():\n    pass\n",
            "tests/test_b.py": "from thing import add\ndef test():\n    assert add(1, 1) == 2\n",
        }
    )
    tests, trouble, _ = reach(root, tests_box, LIMITS)
    assert trouble == "" and set(by_name(tests)) == {"thing.py::thing.add", "tests/test_b.py::test"}


def test_a_script_that_leaves_when_imported_costs_only_itself(tree, tests_box):
    """Scripts without ``if __name__ == "__main__"`` are common; looking for doctests imports them."""
    root = tree(
        {
            "a_script.py": "import sys\nsys.exit('usage: a_script FILE')\n",
            "thing.py": MODULE,
            "test_thing.py": "from thing import add\ndef test():\n    assert add(1, 1) == 2\n",
        }
    )
    tests, trouble, _ = reach(root, tests_box, LIMITS)
    assert trouble == "" and by_name(tests)["test_thing.py::test"].passed


@pytest.mark.parametrize(
    ("files", "failing"),
    [
        (
            {"test_a.py": "import not_here\ndef test(): pass\n", "test_b.py": "def test(): pass\n"},
            "test_a.py cannot be imported: ModuleNotFoundError: No module named 'not_here'",
        ),
        (
            {"test_a.py": "import json.no\n", "tests/test_b.py": "import json.no\n", "script.py": "raise SystemExit\n"},
            "test_a.py, and 1 more cannot be imported: ModuleNotFoundError: No module named 'json.no'",
        ),
        (
            {"test_a.py": "def test(): import not_here\ndef test_b(): import not_here\n"},
            "no test passes; 2 times: ModuleNotFoundError: No module named 'not_here'",
        ),
        ({"test_a.py": "def test(no_such): pass\n"}, "no test passes; 1 times: fixture 'no_such' not found"),
        ({"test_a.py": "def test(): pass\n", "script.py": "import not_here\n"}, ""),
    ],
)
def test_what_keeps_tests_from_passing_is_told(tree, tests_box, files, failing):
    assert reach(tree(files), tests_box, LIMITS).failing.startswith(failing)


def test_of_many_rows_the_first_are_tried(tree, tests_box):
    text = "import pytest\n@pytest.mark.parametrize('n', range(5000))\ndef test_n(n): assert n < 29\ndef test_a(): pass\n"
    tests, trouble, _ = reach(tree({"test_thing.py": text}), tests_box, LIMITS)
    assert trouble == "" and len(tests) == 31
    assert sum(test.passed for test in tests) == 30


def test_what_was_tried_before_the_time_is_over_is_kept(tree, tests_box):
    text = "import time\n" + "".join(f"def test_{n}(): time.sleep(0.3)\n" for n in range(60))
    limits = dataclasses.replace(LIMITS, wall_s=8)
    tests, trouble, _ = reach(tree({"test_thing.py": text}), tests_box, limits)
    assert 1 <= len(tests) < 40 and all(test.passed for test in tests)
    assert trouble == f"{60 - len(tests)} of 60 tests were not begun in 8 s"


def test_a_suite_that_hangs_is_a_reason_with_its_limit(tree, tests_box):
    root = tree({"test_thing.py": "import time\ndef test():\n    time.sleep(600)\n"})
    limits = dataclasses.replace(LIMITS, wall_s=2)
    assert reach(root, tests_box, limits) == ([], "the tests took longer than 2 s", "")


def test_a_test_that_hangs_costs_only_itself(tree, tests_box):
    text = "import subprocess, time\ndef test_a():\n    time.sleep(600)\ndef test_b():\n    pass\n"
    text += (
        "def test_c():\n    subprocess.run(['sleep', '600'])\ndef test_d():\n    while True:\n        try: time.sleep(1)\n"
    )
    text += "        except Exception: pass\ndef test_e(): pass\n"
    tests, trouble, _ = reach(tree({"test_thing.py": text}), tests_box, LIMITS, test_s=1)
    assert trouble == ""
    assert {name: test.passed for name, test in by_name(tests).items()} == {
        f"test_thing.py::test_{letter}": letter in "be" for letter in "abcde"
    }


def test_a_tree_without_tests_has_none(tree, tests_box):
    tests, trouble, _ = reach(tree({"thing.py": "def f():\n    return 1\n"}), tests_box, LIMITS)
    assert (tests, trouble) == ([], "")


def test_a_test_that_changes_folder_or_traces_itself_does_not_hide_the_others(tree, tests_box):
    root = tree(
        {
            "thing.py": MODULE,
            "test_a.py": "import os, sys\ndef test(tmp_path):\n    os.chdir(tmp_path)\n    sys.settrace(None)\n",
            "test_b.py": "from thing import add\ndef test():\n    assert add(1, 1) == 2\n",
        }
    )
    tests, trouble, _ = reach(root, tests_box, LIMITS)
    assert trouble == "" and ("thing.py", 4) in by_name(tests)["test_b.py::test"].reached


# -------------------------------------------------------------------------------------------------------------------- judge
def judge(root: Path, sandbox, tests, text: str = MODULE, limits: Limits = LIMITS):
    check = RepositoryTests(tree=root, tests=tests, sandbox=sandbox, limits=limits)
    assert isinstance(check, Check)
    return check.judge(make_record("thing.py", text))


def test_every_test_that_passed_alone_passes_when_judged(found, small, tests_box):
    """Whatever its name: blanks, brackets, two colons, a letter beyond ASCII, nothing, a dash."""
    good = [name for name, test in found.items() if test.passed]
    assert len(good) == 3 + 7
    verdict = judge(small, tests_box, good)
    assert verdict.outcome is Outcome.PASS, verdict.detail
    assert verdict.detail.startswith("10 tests pass (in-process, guarded, ") and tests_box.tier in verdict.detail
    assert (verdict.score, verdict.findings) == (1.0, ())
    assert verdict.took_ms > 1


@pytest.mark.parametrize("test", ["test_right", "test_parts"])
def test_a_unittest_test_passes_when_judged(classic, tests_box, test):
    verdict = judge(classic, tests_box, [f"test_classic.py::Sums::{test}"])
    assert verdict.outcome is Outcome.PASS, verdict.detail


@pytest.mark.parametrize("test", ["test_wrong", "test_broken", "test_skipped", "test_known", "test_wrong_part"])
def test_a_unittest_test_that_does_not_pass_fails_when_judged(classic, tests_box, test):
    assert judge(classic, tests_box, [f"test_classic.py::Sums::{test}"]).outcome is Outcome.FAIL


def test_one_failing_test_among_many_fails_it(small, tests_box):
    verdict = judge(small, tests_box, ["test_thing.py::test_add", "test_thing.py::test_wrong"])
    assert (verdict.outcome, verdict.score) == (Outcome.FAIL, 0.0)
    assert verdict.findings[0].rule == "repository-tests/fail"


def test_the_records_text_stands_in_for_the_file(small, tests_box):
    good, bad = MODULE.replace("left + right", "right + left"), MODULE.replace("left + right", "left - right")
    assert judge(small, tests_box, ["test_thing.py::test_twice"], good).outcome is Outcome.PASS
    assert judge(small, tests_box, ["test_thing.py::test_twice"], bad).outcome is Outcome.FAIL
    assert (small / "thing.py").read_text() == MODULE


def test_a_doctest_judges_too(small, tests_box):
    assert judge(small, tests_box, ["thing.py::thing.add"]).outcome is Outcome.PASS
    changed = MODULE.replace("left + right", "left - right")
    assert judge(small, tests_box, ["thing.py::thing.add"], changed).outcome is Outcome.FAIL


def test_the_doctest_of_a_package_itself_judges_too(tree, tests_box):
    text = '"""A package.\n\n>>> one()\n1\n"""\n\n\ndef one():\n    return 1\n'
    root = tree({"pack/__init__.py": text})
    (test,) = reach(root, tests_box, LIMITS)[0]
    assert test.passed
    check = RepositoryTests(tree=root, tests=[test.test], sandbox=tests_box, limits=LIMITS)
    verdict = check.judge(make_record("pack/__init__.py", text))
    assert verdict.outcome is Outcome.PASS, verdict.detail


def test_without_tests_it_does_not_apply(small, tests_box):
    verdict = judge(small, tests_box, [])
    assert (verdict.outcome, verdict.score) == (Outcome.SKIP, None)


def test_a_test_that_is_not_there_is_not_a_pass(small, tests_box):
    assert judge(small, tests_box, ["test_thing.py::test_nothing_like_it"]).outcome is Outcome.FAIL
    assert judge(small, tests_box, ["test_thing.py::test_add", "test_thing.py::test_nothing"]).outcome is Outcome.FAIL


def test_time_that_runs_out_is_told_apart(small, tests_box):
    endless = MODULE.replace("return left + right", "while True: pass")
    verdict = judge(small, tests_box, ["test_thing.py::test_add"], endless, dataclasses.replace(LIMITS, wall_s=2, cpu_s=2))
    assert verdict.outcome is Outcome.FAIL and verdict.detail.startswith("timeout")


def test_the_reason_is_the_first_error(small, tests_box):
    verdict = judge(small, tests_box, ["test_thing.py::test_add"], MODULE.replace("left + right", "lefty"))
    assert verdict.detail.startswith("NameError: name 'lefty' is not defined")
    assert verdict.findings[0].message.startswith("NameError")


class Told:
    """A sandbox that only says what a program printed."""

    tier = "told"

    def __init__(self, real, change):
        self.real, self.change = real, change

    def run(self, job):
        return self.change(job, self.real.run(job))


def test_exit_status_and_word_and_number_are_all_needed(small, tests_box):
    test = ["test_thing.py::test_add"]

    def ends_well(job, seen):  # but one of ours must have failed
        return dataclasses.replace(seen, exit_code=0)

    def ends_badly(job, seen):
        return dataclasses.replace(seen, exit_code=2)

    def without_word(job, seen):
        return dataclasses.replace(seen, stdout=seen.stdout.replace(job.stdin.split()[0], b"0" * 32))

    def with_another_number(job, seen):
        return dataclasses.replace(seen, stdout=seen.stdout.replace(b'"test_thing.py::test_add"', b'"x", "y"'))

    def as_it_is(job, seen):
        return seen

    outcomes = [
        judge(small, Told(tests_box, change), test).outcome
        for change in (ends_well, ends_badly, without_word, with_another_number)
    ]
    assert outcomes == [Outcome.FAIL] * 4
    assert judge(small, Told(tests_box, as_it_is), test).outcome is Outcome.PASS


def test_the_word_is_another_one_every_time(small, tests_box):
    words = []

    def note(job, seen):
        words.append(job.stdin.split(b"\n")[0])
        return seen

    for _ in range(2):
        judge(small, Told(tests_box, note), ["test_thing.py::test_add"])
    assert len(set(words)) == len(words) >= 4 and all(len(word) == 32 for word in words)


# -------------------------------------------------------------------------------------------------------------------- apart
LIBRARY = '''class Odd(ValueError):
    """An exception of the library's own."""


class Pair:
    def __init__(self, a):
        self.a = a

    @classmethod
    def of(cls, a):
        """Make one.

        >>> Pair.of(3).doubled()
        6
        """
        return cls(a)

    def doubled(self):
        return 2 * self.a

    def __eq__(self, other):
        return True


def halves(numbers, then=None):
    """Half of each.

    >>> list(halves([2, 4]))
    [1.0, 2.0]
    """
    for number in numbers:
        if number % 2:
            raise Odd(number)
        yield (then or float)(number / 2)


def pulled(items, number):
    """The first so many, and what comes then."""
    items = iter(items)
    first = [next(items) for _ in range(number)]
    return first, (2 * item for item in items)


def made():
    return Pair(3)


LOADED = sorted([3, 1])


def twice(x):
    return [x, x]


EAGER = twice(1)
'''
LIBRARY_TESTS = """import pytest
from thing import Odd, Pair, halves, made, pulled, twice


def test_halves():
    assert list(halves([2, 4])) == [1, 2]


def test_function():
    assert list(halves([2], then=lambda x: x + 1)) == [2]


def test_odd():
    with pytest.raises(Odd, match="3") as told:
        list(halves([3]))
    assert told.value.args == (3,)


def test_iterators():
    source = iter([1, 2, 3, 4])
    first, rest = pulled(source, 2)
    assert first == [1, 2]
    assert next(source) == 3 and next(rest) == 8 and list(rest) == []
    first, rest = pulled(zip("ab", range(2)), 1)
    assert (first, list(rest)) == ([("a", 0)], [("b", 1, "b", 1)])


def test_an_iterator_that_raises():
    def broken():
        yield 1
        raise Odd("in the test")

    with pytest.raises(Odd, match="in the test"):
        pulled(broken(), 2)


def test_pair():
    assert Pair(2).doubled() == Pair.of(2).doubled() == 4


def test_equal():
    assert Pair(2) == Pair(2)


def test_kind():
    assert isinstance(made(), Pair)


def test_twice():
    assert twice(2) == [2, 2]
"""


@pytest.mark.parametrize(
    ("definition", "tests", "judge_location"),
    [
        ("halves", ("test_halves", "test_function", "test_odd"), "apart"),
        ("pulled", ("test_iterators", "test_an_iterator_that_raises"), "apart"),
        ("Pair", ("test_pair",), "apart"),
        ("Pair", ("test_equal",), "in-process"),  # only the class itself could say whether they are equal
        ("made", ("test_kind",), "in-process"),  # only its own process knows of what class it is
        ("twice", ("test_twice",), "controlled"),  # it is called while the tests are imported
        ("nothing", ("test_twice",), "controlled"),
        ("", ("test_halves",), "controlled"),
    ],
)
def test_a_definition_that_exchanges_plain_values_is_judged_apart(tree, tests_box, definition, tests, judge_location):
    root = tree({"thing.py": LIBRARY, "test_thing.py": LIBRARY_TESTS, "conftest.py": "import thing\n"})
    names = [f"test_thing.py::{name}" for name in tests]
    check = RepositoryTests(tree=root, tests=names, sandbox=tests_box, limits=LIMITS, definition=definition)
    verdict = check.judge(make_record("thing.py", LIBRARY))
    assert (verdict.outcome, verdict.judge_location) == (Outcome.PASS, judge_location), verdict
    wrong = (
        LIBRARY.replace("2 * self.a", "3 * self.a")
        .replace("number / 2", "number / 3")
        .replace("[x, x]", "[x]")
        .replace("2 * item", "item")
    )
    wrong = wrong.replace("return True", "return False").replace("return Pair(3)", "return None")
    verdict = check.judge(make_record("thing.py", wrong))
    assert (verdict.outcome, verdict.judge_location == "apart") == (Outcome.FAIL, judge_location == "apart"), verdict


@pytest.mark.parametrize("name", ["thing.halves", "thing.Pair.of"])
def test_doctests_are_judged_apart_too(tree, tests_box, name):
    root = tree({"thing.py": LIBRARY})
    definition = name.split(".")[1]
    check = RepositoryTests(tree=root, tests=[f"thing.py::{name}"], sandbox=tests_box, limits=LIMITS, definition=definition)
    verdict = check.judge(make_record("thing.py", LIBRARY))
    assert (verdict.outcome, verdict.judge_location) == (Outcome.PASS, "apart"), verdict
    wrong = LIBRARY.replace("2 * self.a", "3 * self.a").replace("number / 2", "number / 3")
    assert check.judge(make_record("thing.py", wrong)).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("test", "judge_location"),
    [
        ("other.py::other.more", "controlled"),
        ("thing.py::thing.add", "in-process"),  # whoever writes the file writes what its own doctests expect
        ("test_thing.py::test_each[1]", "controlled"),
        ("test_thing.py::test_odd", "controlled"),
        ("test_thing.py::test_named", "controlled"),
    ],
)
def test_doctests_rows_exceptions_and_named_values_are_controlled(tree, tests_box, test, judge_location):
    text = 'def add(a, b):\n    """Sum.\n\n    >>> add(1, 2)\n    3\n    """\n    return a + b\n'
    tests = """import pytest
from thing import add
@pytest.mark.parametrize("n", [1])
def test_each(n): assert add(n, n) == 2
def test_odd():
    with pytest.raises(TypeError): add(1, "")
def test_named():
    expected = [1, 2]
    assert add([1], [2]) == expected
"""
    other = 'from thing import add\ndef more(a):\n    """More.\n\n    >>> more(1)\n    2\n    """\n    return add(a, 1)\n'
    root = tree({"thing.py": text, "other.py": other, "test_thing.py": tests})
    for definition in ("", "add" if test.startswith("other") else ""):
        check = RepositoryTests(tree=root, tests=[test], sandbox=tests_box, limits=LIMITS, definition=definition)
        verdict = check.judge(make_record("thing.py", text))
        assert (verdict.outcome, verdict.judge_location) == (Outcome.PASS, judge_location), verdict


def test_tests_in_a_package_of_their_own_are_judged_apart(tree, tests_box):
    root = tree(
        {
            "thing.py": MODULE,
            "tests/__init__.py": "",
            "tests/data.py": "EXPECTED = 2\n",
            "tests/test_thing.py": "from thing import add\nfrom tests.data import EXPECTED\n\n"
            "def test_it():\n    assert add(1, 1) == EXPECTED\n",
        }
    )
    check = RepositoryTests(
        tree=root, tests=["tests/test_thing.py::test_it"], sandbox=tests_box, limits=LIMITS, definition="add"
    )
    verdict = check.judge(make_record("thing.py", MODULE))
    assert (verdict.outcome, verdict.judge_location) == (Outcome.PASS, "apart"), verdict
    reading = "def add(left, right):\n    from tests.data import EXPECTED\n    return EXPECTED\n"
    verdict = check.judge(make_record("thing.py", reading))
    assert verdict.outcome is Outcome.FAIL and "No module named" in verdict.detail, verdict
