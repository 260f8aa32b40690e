"""A repository's past as tasks: exact tasks and reasons, forged answers fail, nothing of the repository runs outside."""

import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from yunque.checks.execution.repository_tests import RepositoryTests
from yunque.core.errors import EvaluationError
from yunque.core.nouns import Finding, Limits, Origin, Outcome, PromptStyle, Record, Verdict
from yunque.core.seams import JudgedSuite
from yunque.data.sources.snapshots import TreeLimits
from yunque.evaluation.repository.history import History, Reader, Trees
from yunque.evaluation.repository.history_proving import make_history, open_history
from yunque.evaluation.repository.history_suites import HistoryRecipe, Measuring, load_history

SMALL = HistoryRecipe(test_wall_s=30, reach_wall_s=60)

SHAPES = '''"""Shapes."""

import math

LIMIT = 10


def area(width, height):
    """Area of a rectangle."""
    return width + height


def round_up(number):
    return math.floor(number) + 1


class Box:
    """A box."""

    def __init__(self, side):
        self.side = side

    def volume(self):
        """Its volume."""
        text = """as
it is"""
        return self.side * self.side if text else None

    def is_large(self):
        if self.side > LIMIT:
            return True
        else:
            return False


def untested(number):
    if number:
        return 1
    else:
        return 2
'''
TESTS = """import pytest
from pkg.shapes import Box, area, round_up


def test_no_area():
    assert area(0, 0) == 0


def test_square():
    assert area(2, 2) == 4


def test_round_up():
    assert round_up(1.5) == 2


@pytest.mark.parametrize(("side", "large"), [(1, False), (10, False), (11, True)])
def test_large(side, large):
    assert Box(side).is_large() is large
"""
TEST_AREA = "\n\ndef test_area():\n    assert area(2, 3) == 6\n"
TEST_MANY = """

class TestVolume:
    @pytest.mark.parametrize("side", [0, 1, 3])
    def test_volume(self, side):
        assert Box(side).volume() == side**3
"""
TEST_WHOLE = "\n\ndef test_whole():\n    assert round_up(2) == 2\n"
TEST_HAPPY = "\n\ndef test_happy():\n    assert Box(1).side == 1\n"


def git(root: Path, *arguments: str, day: int = 1) -> str:
    date = f"2025-01-{day:02d}T00:00:00+0000"
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    env |= {
        "GIT_AUTHOR_DATE": date,
        "GIT_COMMITTER_DATE": date,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
    }
    who = ("-c", "user.name=Test", "-c", "user.email=test@example.invalid", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", "-C", str(root), *who, *arguments], env=env, check=True, capture_output=True, text=True)
    return done.stdout.strip()


class Repository:
    """Commits files one day after another."""

    def __init__(self, root: Path):
        self.root, self.day, self.ids = root, 0, {}
        root.mkdir(parents=True)
        git(root, "init", "--quiet", "--initial-branch=main")

    def write(self, path: str, text: str | bytes) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_bytes(text.encode() if isinstance(text, str) else text)

    def change(self, path: str, old: str, new: str) -> None:
        text = (self.root / path).read_text()
        assert text.count(old) == 1, old
        self.write(path, text.replace(old, new))

    def commit(self, subject: str) -> str:
        self.day += 1
        git(self.root, "add", "--all")
        git(self.root, "commit", "--quiet", "--message", subject, day=self.day)
        self.ids[subject] = git(self.root, "rev-parse", "HEAD")[:12]
        return self.ids[subject]


def begin(root: Path) -> Repository:
    made = Repository(root)
    made.write("pkg/__init__.py", "")
    made.write("pkg/shapes.py", SHAPES)
    made.write("tests/test_shapes.py", TESTS)
    return made


def build(root: Path) -> Repository:
    made = begin(root)
    made.write("pyproject.toml", '[project]\nname = "shapes"\nlicense = "MIT"\n')
    made.commit("Start")
    made.change("pkg/shapes.py", "width + height", "width * height")
    made.write("tests/test_shapes.py", TESTS + TEST_AREA)
    made.write("CHANGES.md", "area() is fixed\n")
    made.commit("Multiply the sides, fixes #1")
    large = "        if self.side > LIMIT:\n            return True\n        else:\n            return False\n"
    made.change("pkg/shapes.py", large, "        return self.side > LIMIT\n")
    made.commit("Simplify is_large")
    made.write("tests/test_more.py", "def test_nothing():\n    pass\n")
    made.commit("More tests")
    made.change("pkg/shapes.py", "self.side * self.side if", "self.side**3 if")
    made.change("pkg/shapes.py", "math.floor(number) + 1", "math.ceil(number)")
    made.write("tests/test_shapes.py", TESTS + TEST_AREA + TEST_MANY + TEST_WHOLE)
    made.commit("Fix volume and round_up")
    made.change("pkg/shapes.py", "        self.side = side\n", "        self.side = side + 0\n")
    made.write("tests/test_shapes.py", TESTS + TEST_AREA + TEST_MANY + TEST_WHOLE + TEST_HAPPY)
    made.commit("A test that did not fail before")
    made.change(
        "pkg/shapes.py", "    if number:\n        return 1\n    else:\n        return 2\n", "    return 1 if number else 2\n"
    )
    made.commit("Clean up untested")
    made.change("pkg/shapes.py", '"""Area of a rectangle."""', '"""The area of a rectangle."""')
    made.commit("Refactor a docstring")
    made.change("pkg/shapes.py", "LIMIT = 10", "LIMIT = 5 + 5")
    made.commit("A constant")
    made.change(
        "pkg/shapes.py",
        "    return width * height\n",
        "    if not width or not height:\n        return 0\n    return width * height\n",
    )
    made.commit("Simplify area")  # it does not
    made.change("pkg/shapes.py", "math.ceil(number)", "-math.floor(-number)")
    made.commit("Another way")
    git(made.root, "checkout", "--quiet", "-b", "side", "HEAD~1")
    made.write("pkg/other.py", "def other():\n    return 1\n")
    made.commit("A new file")
    git(made.root, "checkout", "--quiet", "main")
    git(made.root, "merge", "--quiet", "--no-ff", "--no-edit", "--message", "Merge side", "side", day=20)
    made.day = 20
    git(made.root, "mv", "pkg/other.py", "pkg/moved.py")
    made.commit("Rename")
    made.write("README.md", "# Shapes\n")
    made.commit("Docs")
    made.write("pkg/moved.py", "def other():\n    return 2\n")
    made.change("pkg/shapes.py", "LIMIT = 5 + 5", "LIMIT = 10")
    made.commit("Two files")
    return made


def complexity(text: str, language: str) -> int:
    """A stand-in: branches and one."""
    assert language == "python"
    return 1 + len(re.findall(r"\b(?:if|elif|for|while|and|or|except)\b", text))


class LineLength:
    """A stand-in for ruff: lines over 79 characters."""

    name = "lint"

    def judge(self, record):
        long = [n for n, line in enumerate(record.text.split("\n"), 1) if len(line) > 79]
        findings = tuple(Finding(rule="E501", line=n, message="long") for n in long)
        return Verdict(check="lint", outcome=Outcome.FAIL if long else Outcome.PASS, findings=findings)


MEASURING = Measuring(complexity=complexity, lint=LineLength())


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    return build(tmp_path_factory.mktemp("past") / "shapes")


@pytest.fixture(scope="module")
def made(repository, tests_box, tmp_path_factory):
    """The suites of the small history, made once."""
    folder = tmp_path_factory.mktemp("tasks")
    fix, refactor = open_history(repository.root, tests_box, recipe=SMALL, folder=folder, measuring=MEASURING)
    return SimpleNamespace(fix=fix, refactor=refactor, folder=folder, ids=repository.ids)


def task_of(suite, name):
    return next(task for task in suite.tasks() if task.id.endswith("/" + name))


# -------------------------------------------------------------------------------------------------------------------- tasks
def test_the_tasks_are_exactly_those_that_can_be_judged(made):
    ids = made.ids
    assert [task.id for task in made.fix.tasks()] == [
        f"{ids['Fix volume and round_up']}/pkg/shapes.py/round_up",
        f"{ids['Fix volume and round_up']}/pkg/shapes.py/Box.volume",
        f"{ids['Multiply the sides, fixes #1']}/pkg/shapes.py/area",
    ]
    assert [task.id for task in made.refactor.tasks()] == [f"{ids['Simplify is_large']}/pkg/shapes.py/Box.is_large"]
    assert (made.fix.name, made.refactor.name) == ("repo-fix:shapes", "repo-refactor:shapes")
    assert made.fix.licence == "MIT" and not made.fix.trainable
    assert isinstance(made.fix, JudgedSuite) and isinstance(made.refactor, JudgedSuite)
    assert {task.suite for task in made.fix.tasks()} == {made.fix.name}
    assert {task.group for task in made.fix.tasks()} == {"pkg/shapes.py"}


def test_every_commit_and_every_change_is_counted_with_its_reason(made):
    counts = made.fix.counts
    assert counts["commits"] == 16
    assert counts["kept"] == {"fix": 3, "refactor": 1}
    assert counts["changes"] == {"fix": 4, "refactor": 4}
    assert counts["excluded"] == {
        "commits": {
            "a merge": 1,
            "the first commit": 1,
            "it adds, removes or renames a file of code": 2,
            "it changes code outside of functions": 1,
            "it changes comments, docstrings or layout only": 1,
            "it changes no code": 1,
            "it changes several files of code": 1,
            "it changes tests only": 1,
        },
        "fix": {"no test fails on the code before": 1},
        "refactor": {
            "no passing test reaches it": 1,
            "nothing suggests a refactoring": 1,
            "the function after is more complex": 1,
        },
    }
    assert counts["commits"] == counts["commits_with_changes"] + sum(counts["excluded"]["commits"].values())
    for kind in ("fix", "refactor"):
        assert counts["changes"][kind] == counts["kept"][kind] + sum(counts["excluded"][kind].values())


def test_a_fix_shows_subject_test_and_the_function_with_its_mistake(made):
    task = task_of(made.fix, "area")
    for text in (task.question, task.prompt):
        assert "Multiply the sides, fixes #1" in text
        assert "def test_area():\n    assert area(2, 3) == 6\n" in text
        assert "    return width + height\n" in text
        assert "width * height" not in text
    volume = task_of(made.fix, "Box.volume")
    assert "def test_volume(self, side):\n    assert Box(side).volume() == side**3" in volume.question
    assert volume.prompt.endswith("# pkg/shapes.py: Box.volume fixed. Fix volume and round_up\nclass Box:\n")
    assert "self.side**3" not in volume.question and "class Box:\n    def volume(self):" in volume.question


def test_the_tests_of_a_fix_are_those_it_mended_and_some_that_passed_before(made):
    questions = {question.change.name: question for question in made.fix.questions}
    assert questions["area"].tests[0] == "tests/test_shapes.py::test_area"
    assert set(questions["area"].tests[1:3]) == {"tests/test_shapes.py::test_no_area", "tests/test_shapes.py::test_square"}
    assert len(questions["area"].tests) == 1 + 6
    fixed = {f"tests/test_shapes.py::TestVolume::test_volume[{side}]" for side in (3,)}
    assert fixed <= set(questions["Box.volume"].tests)


def test_a_refactoring_shows_the_function_before_alone(made):
    (task,) = made.refactor.tasks()
    assert "class Box:\n    def is_large(self):\n        if self.side > LIMIT:" in task.question
    assert "return self.side > LIMIT" not in task.question + task.prompt
    (question,) = made.refactor.questions
    assert question.tests and all("::test_large[" in test for test in question.tests)


# ------------------------------------------------------------------------------------------------------------------ judging
def test_every_canonical_answer_passes_and_every_one_before_fails(made):
    for suite in (made.fix, made.refactor):
        for task in suite.tasks():
            assert suite.judge(task, suite.canonical(task)).outcome is Outcome.PASS
            assert suite.judge(task, suite.wrong(task)).outcome is Outcome.FAIL
            assert suite.program(task, suite.canonical(task)) == next(
                question.change.after for question in suite.questions if question.task.id == task.id
            )


GOOD = {
    "area": "def area(width, height):\n    total = sum(height for _ in range(width))\n    return total\n",
    "Box.volume": 'def volume(self):\n    """Its\n    volume."""\n    return self.side * self.side * self.side\n',
}


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize(
    "form",
    ["{}", "{}\n\n\nprint('more')\n", "import os\n\n{}", "class Other:\n    pass\n\n\n{}"],
    ids=["plain", "with more", "with imports", "behind a class"],
)
def test_another_right_answer_passes_wherever_its_function_stands(made, name, form):
    task = task_of(made.fix, name)
    verdict = made.fix.judge(task, form.format(GOOD[name]))
    assert verdict.outcome is Outcome.PASS, verdict.detail
    assert verdict.judge_location in ("apart", "controlled") and verdict.check == made.fix.name


def test_a_chat_answer_passes(made):
    for name, code in GOOD.items():
        task = task_of(made.fix, name)
        text = f"The mistake is easy to see:\n\n```python\n{code}```\n\nNow it **works**."
        assert made.fix.judge(task, text, PromptStyle.CHAT).outcome is Outcome.PASS
    whole = "```python\nclass Box:\n    def volume(self):\n        return self.side**3\n```"
    assert made.fix.judge(task, whole, PromptStyle.CHAT).outcome is Outcome.PASS


BAD = {
    "syntax": ("def area(width, height):\n    return (width * height\n", "not-one-function"),
    "deleted": ("", "not-one-function"),
    "pass": ("pass", "not-one-function"),
    "another name": ("def surface(width, height):\n    return width * height\n", "not-one-function"),
    "breaks another": ("def area(width, height):\n    return 6\n", "failed"),
    "gone": ("@(lambda function: None)\ndef area(width, height):\n    return width * height\n", "failed"),
    "exit": ("def area(width, height):\n    import sys\n    sys.exit(0)\n", "failed"),
    "hard exit": ("def area(width, height):\n    import os\n    os._exit(0)\n", "failed"),
    "prints": ("def area(width, height):\n    print('1 passed')\n    print('7 passed in 0.01s')\n", "failed"),
    "endless": ("def area(width, height):\n    while True:\n        pass\n", "timeout"),
    "not text": ("def area(width, height):\n    return '\udc80\0'\n", "not-one-function"),
    "patches at once": (
        "def area(width, height):\n    import _pytest.python\n    _pytest.python.Function.runtest = print\n    return 6\n",
        "meddles",
    ),
    "equal to all": (
        "def area(width, height):\n    return type('A', (), {'__eq__': lambda *two: True})()\n",
        "meddles",
    ),
    "frames": ("def area(width, height):\n    import sys\n    return sys._getframe(1).f_back\n", "meddles"),
    "in a default": ("def area(width, height, _=__import__('pytest').exit('x', 0)):\n    return 6\n", "meddles"),
    "in a decorator": ("@exec\ndef area(width, height):\n    return 6\n", "meddles"),
}


@pytest.mark.parametrize("name", BAD)
def test_wrong_and_forged_answers_fail(made, name):
    text, rule = BAD[name]
    suite = made.fix
    if rule == "timeout":
        suite = replace(suite, recipe=HistoryRecipe(test_wall_s=2))
    verdict = suite.judge(task_of(suite, "area"), text)
    assert verdict.outcome is Outcome.FAIL
    assert {finding.rule for finding in verdict.findings} == {rule}, verdict.detail


PATCH = """\
@(lambda function, known=globals()["__built" + "ins__"]: (
    setattr(
        (runner := known["__imp" + "ort__"]("_py" + "test.runner", fromlist=["CallInfo"])).CallInfo,
        "from_call",
        (lambda real: classmethod(
            lambda cls, func, when, reraise=None: real(cls, (lambda: None) if when == "call" else func, when, reraise)
        ))(runner.CallInfo.from_call.__func__),
    ),
    function,
)[1])
def area(width, height):
    return 0
"""


def test_a_patched_pytest_is_seen_by_the_test_that_must_fail(made, tests_box):
    """The names are put together, so that the text looks harmless, and the patch is there before any test runs."""
    task, question = task_of(made.fix, "area"), made.fix.questions[-1]
    tree = made.folder / "trees" / question.change.commit.id[:12]
    tests = RepositoryTests(
        tree=tree, tests=question.tests, sandbox=tests_box, limits=Limits(memory_bytes=2 << 30, processes=64)
    )
    origin = Origin(source="", path="pkg/shapes.py", revision="", licence="", collected_at="")
    record = Record(id="", text=made.fix.program(task, PATCH), language="python", origin=origin)
    verdict = tests.judge(record)
    assert verdict.outcome is Outcome.FAIL and verdict.findings[0].rule == "meddles"
    assert verdict.detail.startswith("a test that must fail passed beside the others")
    verdict = made.fix.judge(task, PATCH)
    assert (verdict.outcome, verdict.judge_location) == (Outcome.FAIL, "apart")


REFACTORED = {
    "shorter": ("def is_large(self):\n    return self.side >= LIMIT + 1\n", Outcome.PASS, ""),
    "unchanged": (None, Outcome.FAIL, "same-tree"),
    "layout only": (
        "def is_large(self):\n  'Big.'\n  if (self.side > LIMIT):  # yes\n    return True\n  else:\n    return False\n",
        Outcome.FAIL,
        "same-tree",
    ),
    "idle statements": (
        "def is_large(self):\n  0\n  if self.side > LIMIT:\n    pass\n    return True\n  else:\n    return False\n",
        Outcome.FAIL,
        "same-tree",
    ),
    "more complex": (
        "def is_large(self):\n    if self.side > LIMIT and self.side:\n        return True\n    return False\n",
        Outcome.FAIL,
        "complexity",
    ),
    "lint": (f"def is_large(self):\n    return self.side > LIMIT  # {'x' * 80}\n", Outcome.FAIL, "lint"),
    "behaviour": ("def is_large(self):\n    return self.side >= LIMIT\n", Outcome.FAIL, "failed"),
    "syntax": ("def is_large(self):\n    return (\n", Outcome.FAIL, "not-one-function"),
}


@pytest.mark.parametrize("name", REFACTORED)
def test_a_refactoring_keeps_behaviour_complexity_and_lint(made, name):
    text, outcome, rule = REFACTORED[name]
    (task,) = made.refactor.tasks()
    verdict = made.refactor.judge(task, made.refactor.wrong(task) if text is None else text)
    assert verdict.outcome is outcome, verdict.detail
    assert {finding.rule for finding in verdict.findings} == ({rule} if rule else set())


# ------------------------------------------------------------------------------------------------- made again, kept, bounded
def test_made_again_it_is_the_same(made, repository, tests_box, tmp_path):
    alone = SMALL.model_copy(update={"workers": 1})
    counts = make_history(repository.root, tmp_path, tests_box, recipe=alone, measuring=MEASURING)
    assert counts == made.fix.counts
    assert (tmp_path / "questions.jsonl").read_bytes() == (made.folder / "questions.jsonl").read_bytes()
    fix, _ = load_history(tmp_path, tests_box, measuring=MEASURING)
    assert fix.questions == made.fix.questions
    task = fix.tasks()[0]
    assert fix.judge(task, fix.canonical(task)).outcome is Outcome.PASS


def test_only_the_trees_of_tasks_are_kept(made):
    commits = {question.change.commit.id[:12] for question in (*made.fix.questions, *made.refactor.questions)}
    assert {path.name for path in (made.folder / "trees").iterdir()} == commits


@pytest.fixture(scope="module")
def short_history(tmp_path_factory):
    """Two commits that fix a function each, and three that do nothing."""
    made = begin(tmp_path_factory.mktemp("short") / "shapes")
    made.commit("Start")
    made.change("pkg/shapes.py", "width + height", "width * height")
    made.write("tests/test_shapes.py", TESTS + TEST_AREA)
    made.commit("Multiply the sides")
    made.change("pkg/shapes.py", "math.floor(number) + 1", "math.ceil(number)")
    made.write("tests/test_shapes.py", TESTS + TEST_AREA + TEST_WHOLE)
    made.commit("Mend round_up")
    for number in range(3):
        made.write("README.md", f"# Shapes {number}\n")
        made.commit(f"Docs {number}")
    return made.root


def test_bounds_are_kept_and_counted(short_history, tests_box):
    (fix,) = open_history(short_history, tests_box, ["fix"], recipe=SMALL.model_copy(update={"max_tasks": 1, "workers": 1}))
    assert len(fix.tasks()) == 1 and fix.counts["excluded"]["fix"]["enough tasks already"] == 1
    few = HistoryRecipe(max_commits=3)
    (fix,) = open_history(short_history, tests_box, ["fix"], recipe=few)
    assert fix.counts["commits"] == 3 and fix.tasks() == []


def test_a_temporary_folder_goes_with_its_suites(short_history, tests_box):
    suites = open_history(short_history, tests_box, ["fix"], recipe=HistoryRecipe(max_commits=2))
    folder = suites[0].trees
    assert folder.is_dir()
    del suites
    assert not folder.exists()


# ---------------------------------------------------------------------------------------------------------------- bad input
def one_line(caught) -> str:
    line = caught.value.line()
    assert "\n" not in line
    return line


def test_an_absent_a_shallow_and_an_empty_history_are_one_line(repository, tmp_path):
    for nothing in (tmp_path / "nope", "", "~no-such-user/x", "a\0b"):
        with pytest.raises(EvaluationError, match="no such folder") as caught:
            History(nothing)
        one_line(caught)
    (tmp_path / "plain").mkdir()
    with pytest.raises(EvaluationError, match="has no git history") as caught:
        History(tmp_path / "plain")
    one_line(caught)
    git(tmp_path, "clone", "--quiet", "--depth=1", repository.root.as_uri(), str(tmp_path / "shallow"))
    with pytest.raises(EvaluationError, match=r"cut off .*--unshallow") as caught:
        History(tmp_path / "shallow")
    one_line(caught)
    (tmp_path / "fresh").mkdir()
    git(tmp_path / "fresh", "init", "--quiet")
    with pytest.raises(EvaluationError, match="has no commits") as caught:
        History(tmp_path / "fresh")
    one_line(caught)
    with pytest.raises(EvaluationError, match="read on this machine"):
        open_history("https://example.invalid/x.git", None)
    with pytest.raises(EvaluationError, match="has no git history"):
        History(repository.root / "pkg")


def test_without_a_sandbox_or_with_an_unknown_kind(repository, tmp_path):
    with pytest.raises(EvaluationError, match="no sandbox"):
        open_history(repository.root, None)
    with pytest.raises(EvaluationError, match="no history tasks of kind 'bug'; known: fix, refactor"):
        open_history(repository.root, None, ["bug"])
    with pytest.raises(EvaluationError, match="no tasks from a history"):
        load_history(tmp_path, None)


def test_a_bare_repository_has_the_same_history(repository, tmp_path):
    git(tmp_path, "clone", "--quiet", "--bare", str(repository.root), str(tmp_path / "shapes.git"))
    bare, whole = History(tmp_path / "shapes.git"), History(repository.root)
    assert bare.name == whole.name == "shapes"
    assert bare.commits(100) == whole.commits(100)
    reader = Reader(bare, 100)
    assert sum(len(changes) for changes in reader.changes()) == 8


ONE, OTHER = "def f():\n    return 1\n", "def f():\n    return 2\n"
LONG = "def f():\n    return 1\n\n\ndef g():\n    return 1\n\n\ndef h():\n    return 1\n"
REASONS = {
    "another language": ({"a.js": "function f() { return 1 }\n"}, {"a.js": "function f() { return 2 }\n"}, "not Python"),
    "two of them": ({"a.py": LONG}, {"a.py": LONG.replace("1", "2", 2)}, "two functions and no tests"),
    "three of them": ({"a.py": LONG}, {"a.py": LONG.replace("1", "2"), "test_a.py": ""}, "more than 2 functions"),
    "one more": ({"a.py": ONE}, {"a.py": ONE + "\n\ndef g():\n    return 1\n"}, "outside of functions"),
    "a name": ({"a.py": ONE}, {"a.py": ONE.replace("f()", "g()")}, "outside of functions"),
    "bytes": ({"a.py": ONE}, {"a.py": ONE.encode() + b"# \xff\n"}, "not UTF-8"),
    "settings": ({"a.py": ONE, "a.toml": ""}, {"a.toml": "a = 1\n"}, "no code"),
    "a comment": ({"a.py": ONE}, {"a.py": ONE.replace("1", "1  # one")}, "comments, docstrings or layout only"),
    "removed": ({"a.py": ONE, "b.py": ONE}, {"b.py": None}, "adds, removes or renames"),
    "does not parse": ({"a.py": ONE}, {"a.py": "def f(:\n"}, "outside of functions"),
}


@pytest.mark.parametrize("name", REASONS)
def test_every_other_commit_has_its_reason(tmp_path, name):
    before, after, reason = REASONS[name]
    made = Repository(tmp_path / "one")
    for files in (before, after):
        for path, text in files.items():
            if text is None:
                (made.root / path).unlink()
            else:
                made.write(path, text)
        made.commit(f"Commit {made.day}")
    reader = Reader(History(made.root), 100)
    assert list(reader.changes()) == []
    (told,) = [told for told in reader.excluded if told != "the first commit"]
    assert reason in told


def test_indentation_decorators_and_the_place_of_a_function_are_part_of_the_change(tmp_path):
    made = Repository(tmp_path / "one")
    made.write("a.py", "class A:\n\t@staticmethod\n\tdef f(x):\n\t\tif x:\n\t\t\treturn 1\n\t\treturn 2\n\nX = 1\n")
    made.commit("One")
    made.change("a.py", "\t\treturn 2\n", "\t\t\treturn 2\n")
    made.commit("Two")
    ((change,),) = Reader(History(made.root), 100).changes()
    assert (change.name, change.kind) == ("A.f", "refactor")
    assert change.old == "\t@staticmethod\n\tdef f(x):\n\t\tif x:\n\t\t\treturn 1\n\t\treturn 2"
    assert change.with_function(change.new) == change.after
    assert change.with_function(change.old) == git(made.root, "show", "HEAD~1:a.py") + "\n"


def test_trees_share_files_and_leave_submodules_and_links_that_lead_out(tmp_path):
    made = Repository(tmp_path / "one")
    made.write("a.py", ONE)
    made.write("run.sh", "#!/bin/sh\n")
    (made.root / "run.sh").chmod(0o755)
    (made.root / "in").symlink_to("a.py")
    (made.root / "out").symlink_to("/etc")
    git(made.root, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub")
    made.write("large.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    git(made.root, "add", "a.py", "run.sh", "in", "out", "large.bin")
    git(made.root, "commit", "--quiet", "--message", "One", day=1)
    made.write("a.py", OTHER)
    git(made.root, "add", "a.py")
    git(made.root, "commit", "--quiet", "--message", "Two", day=2)
    history = History(made.root)
    trees = Trees(history=history, folder=tmp_path / "trees", limits=TreeLimits())
    new, old = (trees.write(commit.id) for commit in history.commits(2))
    trees.finish()
    assert sorted(path.name for path in new.iterdir()) == ["a.py", "in", "large.bin", "run.sh"]
    assert ((new / "a.py").read_text(), (old / "a.py").read_text()) == (OTHER, ONE)
    assert (new / "run.sh").samefile(old / "run.sh") and os.access(new / "run.sh", os.X_OK)
    assert (new / "in").read_text() == OTHER
    assert sorted(path.name for path in (tmp_path / "trees").iterdir()) == sorted([new.name, old.name])


def test_a_tree_whose_names_lead_out_is_a_reason_and_writes_nothing(tmp_path, tests_box):
    made = Repository(tmp_path / "one")
    made.write("a.py", ONE)
    made.commit("One")
    made.write("a.py", OTHER)
    made.write("test_a.py", "def test():\n    pass\n")
    made.write("up/evil.txt", "evil")
    made.commit("Two")
    listed = [(b"40000 ..", "HEAD:up"), (b"100644 a.py", "HEAD:a.py"), (b"100644 test_a.py", "HEAD:test_a.py")]
    rows = [name + b"\0" + bytes.fromhex(git(made.root, "rev-parse", what)) for name, what in listed]
    (tmp_path / "raw").write_bytes(b"".join(rows))
    tree = git(made.root, "hash-object", "-t", "tree", "-w", "--literally", str(tmp_path / "raw"))
    git(made.root, "update-ref", "HEAD", git(made.root, "commit-tree", tree, "-p", "HEAD~1", "-m", "Evil", day=3))
    counts = make_history(made.root, tmp_path / "out" / "deep", tests_box, recipe=SMALL)
    (told,) = counts["excluded"]["fix"]
    assert "../evil.txt" in told and "outside of its own folder" in told
    assert not list((tmp_path / "out").rglob("evil*"))


def test_a_damaged_repository_costs_only_the_commits_it_lacks(tmp_path):
    made = Repository(tmp_path / "one")
    made.write("a.py", ONE)
    made.commit("One")
    made.write("a.py", OTHER)
    made.commit("Two")
    made.write("a.py", OTHER.replace("2", "3"))
    made.commit("Three")
    blob = git(made.root, "rev-parse", "HEAD~2:a.py")
    (made.root / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    reader = Reader(History(made.root), 100)
    assert len(list(reader.changes())) == 1
    assert reader.excluded == {"its files are not all here": 1, "the first commit": 1}


def test_functions_and_tests_that_are_too_long_are_reasons(short_history, tests_box):
    short = SMALL.model_copy(update={"max_function_chars": 75})
    (fix,) = open_history(short_history, tests_box, ["fix"], recipe=short)
    assert fix.counts["excluded"]["fix"]["function longer than 75 characters"] == 1  # area with its docstring
    little = SMALL.model_copy(update={"max_test_chars": 20})
    (fix,) = open_history(short_history, tests_box, ["fix"], recipe=little)
    assert fix.counts["excluded"]["fix"]["failing tests longer than 20 characters"] == 2


def test_nothing_that_the_repository_configures_is_run(tmp_path):
    made = Repository(tmp_path / "evil")
    ran = tmp_path / "ran"
    made.write(".gitattributes", "*.py filter=evil diff=evil export-subst\n")
    made.write("a.py", "def f():\n    return 1\n")
    made.commit("One")
    made.write("a.py", "def f():\n    return 2\n")
    made.commit("Two")
    run = f"touch {ran} #"
    for key in ("filter.evil.smudge", "filter.evil.clean", "diff.evil.textconv", "diff.evil.command", "core.fsmonitor",
                "core.pager", "gpg.program", "core.sshCommand", "core.editor", "diff.external"):  # fmt: skip
        git(made.root, "config", key, run)
    git(made.root, "config", "log.showSignature", "true")
    for hook in ("post-checkout", "post-index-change", "reference-transaction"):
        made.write(f".git/hooks/{hook}", f"#!/bin/sh\n{run}\n")
        (made.root / ".git" / "hooks" / hook).chmod(0o755)
    reader = Reader(History(made.root), 100)
    assert [change.new for changes in reader.changes() for change in changes] == ["def f():\n    return 2"]
    assert not ran.exists()
