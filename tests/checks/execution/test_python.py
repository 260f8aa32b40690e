"""Verdicts of programs that are run: right, wrong, late, raising; the three seats of the judge; many at once."""

import gzip
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from functools import partial

import pytest

from yunque.checks.execution import python
from yunque.checks.execution.assertions import Call
from yunque.checks.execution.comparison import Comparison
from yunque.checks.execution.python import (
    JUDGE_LOCATIONS,
    Answer,
    Asserts,
    Calls,
    Digest,
    Expected,
    ask,
    judge_all,
    timed_out,
)
from yunque.checks.inside.codec import Raised, Unplain
from yunque.checks.inside.driver import digest
from yunque.core.nouns import Limits, Origin, Outcome, Record

ORIGIN = Origin(source="test", path="main.py", revision="", licence="unknown", collected_at="")


def record(text, language="python"):
    return Record(id="r", text=text, language=language, origin=ORIGIN)


def answers(box, program, *calls, **limits):
    return ask(program, [Call("f", args) for args in calls], box, Limits(**limits))[0]


# ------------------------------------------------------------------------------------------------------------------ calling
def test_values_come_out_as_they_went_in(box):
    values = [1, 1.0, True, None, "ñ\n", b"\x00", (1, [2]), {"k": {3}}, frozenset(), -0.0, 2**200, 1j]
    given = answers(box, "def f(x): return x", *[(value,) for value in values])
    assert [repr(one.value) for one in given] == [repr(value) for value in values]


def test_exceptions_are_values_and_the_next_call_is_made(box):
    program = "import sys\ndef f(x):\n    if x: sys.exit(3)\n    raise ValueError('no')"
    first, second = answers(box, program, (0,), (1,))
    assert first == Answer(value=Raised("ValueError")) and first.value.message == "no"
    assert second == Answer(value=Raised("SystemExit"))


def test_arguments_are_copied_for_every_call(box):
    given = answers(box, "def f(x):\n    x.append(1)\n    return x", ([],), ([],))
    assert [one.value for one in given] == [[1], [1]]


def test_what_is_not_plain_is_told_and_not_compared(box):
    (given,) = answers(box, "class Foo: pass\ndef f(): return [Foo()]", ())
    assert "Foo" in given.missing and "plain" in given.missing
    with pytest.raises(Unplain):
        answers(box, "def f(x): return x", (object(),))


def test_printing_does_not_disturb_the_answers(box):
    (given,) = answers(box, "print('=1')\ndef f():\n    print('=2')\n    return 3", ())
    assert given == Answer(value=3)


def test_calls_before_the_end_of_time_are_answered(box):
    program = "import time\ndef f(x):\n    time.sleep(9 if x == 2 else 0)\n    return x"
    given = answers(box, program, (1,), (2,), (3,), wall_s=0.5)
    assert [one.value for one in given] == [1, None, None]
    assert {one.missing for one in given[1:]} == {"it ran out of time"}


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("def g(): pass", "KeyError"),
        ("def f(:", "SyntaxError"),
        ("import no_such_module", "ModuleNotFoundError"),
        ("raise SystemExit", "SystemExit"),
    ],
)
def test_a_program_without_the_function(box, program, why):
    (given,) = answers(box, program, ())
    assert given.value == Raised(why)


def test_a_program_may_have_a_main_part_and_dataclasses(box):
    program = """
from dataclasses import dataclass
@dataclass
class Point: x: int
def f(): return Point(3).x
if __name__ == "__main__": 1 / 0
"""
    assert answers(box, program, ()) == [Answer(value=3)]


# ------------------------------------------------------------------------------------------------------------------- checks
def calls(box, *values, how=None, **limits):
    how = how or Comparison()
    expected = [Expected(call=Call("f", (x,)), value=y, how=how) for x, y in values]
    return Calls(expected=expected, sandbox=box, limits=Limits(**limits))


def test_calls_pass_fail_and_say_where(box):
    judge = calls(box, (1, 2), (2, 4), (3, 6))
    right = judge.judge(record("def f(x): return 2 * x"))
    assert (right.outcome, right.score, right.findings) == (Outcome.PASS, 1.0, ())
    assert right.detail == "3 of 3 assertions passed, checked outside the sandbox"
    wrong = judge.judge(record("def f(x): return x * x"))
    assert (wrong.outcome, round(wrong.score, 2)) == (Outcome.FAIL, 0.33)
    assert [finding.rule for finding in wrong.findings] == ["wrong-answer"] * 2
    assert wrong.findings[0].message.startswith("f(1): ") and "\n" not in wrong.detail


def test_types_tolerances_and_bags(box):
    program = "def f(x): return {1: True, 2: (1, 2), 3: 0.30000000000000004, 4: [2, 1]}[x]"
    assert calls(box, (1, 1)).judge(record(program)).outcome is Outcome.FAIL
    assert calls(box, (1, 1), how=Comparison(strict=False)).judge(record(program)).outcome is Outcome.PASS
    assert calls(box, (2, [1, 2])).judge(record(program)).outcome is Outcome.FAIL
    assert calls(box, (2, [1, 2]), how=Comparison(sequences_alike=True)).judge(record(program)).outcome is Outcome.PASS
    assert calls(box, (3, 0.3)).judge(record(program)).outcome is Outcome.FAIL
    assert calls(box, (3, 0.3), how=Comparison(atol=1e-6)).judge(record(program)).outcome is Outcome.PASS
    assert calls(box, (4, [1, 2]), how=Comparison(unordered=True)).judge(record(program)).outcome is Outcome.PASS


def test_a_result_that_is_only_asked_for_its_truth_need_not_be_plain(box):
    program = "import re\ndef f(x): return re.match('a', x)"
    judge = Asserts(test="assert f('abc')\nassert not f('bc')", functions=["f"], sandbox=box)
    assert judge.best_location() == "outside"
    assert judge.judge(record(program)).outcome is Outcome.PASS
    assert judge.judge(record("def f(x): return object()")).outcome is Outcome.FAIL


def test_an_exception_can_be_what_is_expected(box):
    judge = calls(box, (0, Raised("ZeroDivisionError")), (2, 0.5))
    assert judge.judge(record("def f(x): return 1 / x")).outcome is Outcome.PASS
    assert judge.judge(record("def f(x): return 1 / x if x else None")).outcome is Outcome.FAIL


def test_other_languages_and_no_calls_are_skipped(box):
    assert calls(box, (1, 1)).judge(record("", "java")).outcome is Outcome.SKIP
    assert calls(box).judge(record("def f(x): return x")).outcome is Outcome.SKIP
    asserts = Asserts(test="assert f(1)", functions=["f"], sandbox=box)
    assert asserts.judge(record("", "java")).outcome is Outcome.SKIP


def test_time_outs_are_told_apart_from_wrong_answers(box):
    late = calls(box, (1, 1), wall_s=0.3).judge(record("def f(x):\n    while True: pass"))
    wrong = calls(box, (1, 1)).judge(record("def f(x): return 2"))
    assert timed_out(late) and not timed_out(wrong)
    for test in ("assert f(1) == 1", "for x in [1]:\n    assert f(x) == 1"):
        judge = Asserts(test=test, functions=["f"], sandbox=box, limits=Limits(wall_s=0.3))
        assert timed_out(judge.judge(record("def f(x):\n    while True: pass")))


@pytest.mark.parametrize(
    ("test", "judge_location"),
    [
        ("assert f(1) == 2\nassert f(2) == 4", "outside"),
        ("for x in range(4):\n    assert f(x) == 2 * x", "apart"),
        ("import random\nassert f(f(random.randint(1, 9))) % 4 == 0", "apart"),
        ("try:\n    f(None)\n    assert False\nexcept TypeError:\n    pass", "apart"),
        ("assert list(map(f, [1, 2])) == [2, 4]", "apart"),
        ("class Two: pass\nassert f(2) == 4", "apart"),
    ],
)
def test_every_test_gets_the_farthest_seat_it_allows(box, test, judge_location):
    judge = Asserts(test=test, functions=["f"], sandbox=box)
    assert judge.best_location() == judge_location
    right = judge.judge(record("def f(x): return x * 2"))
    assert (right.outcome, right.judge_location) == (Outcome.PASS, judge_location) and JUDGE_LOCATIONS[
        judge_location
    ] in right.detail, right
    wrong = judge.judge(record("def g(x): return x * 2\nf = lambda x: 3"))
    assert wrong.outcome is Outcome.FAIL, wrong


def test_apart_shows_changed_arguments_and_hands_on_exceptions(box):
    test = """
items = [3, 1, 2]
for _ in range(1):
    f(items)
assert items == [1, 2, 3]
class_of = None
try:
    f([1, None])
except TypeError as error:
    class_of = "TypeError"
assert class_of
"""
    judge = Asserts(test=test, functions=["f"], sandbox=box)
    assert judge.best_location() == "apart"
    assert judge.judge(record("def f(x): x.sort()")).outcome is Outcome.PASS
    assert judge.judge(record("def f(x): sorted(x)")).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("test", "why"),
    [
        ("assert f.__name__ == 'f'", "line 1: it looks at __name__"),
        ("import io\nfrom contextlib import redirect_stdout\nassert f(1) == 2", "it imports redirect_stdout"),
        ("import random\nrandom.seed(1)\nassert f(1) == 2", "it looks at seed"),
        (
            "try:\n    f(None)\nexcept Trouble:\n    pass\nassert f(1) == 2",
            "it catches an exception that the program defines",
        ),
        ("assert isinstance(f(1), Thing) or f(1) == 2", "it asks isinstance about what the program defines"),
        ("assert eval('f(1)') == 2", "it uses eval"),
    ],
)
def test_a_test_that_needs_the_programs_own_process_gives_no_pass(box, test, why):
    judge = Asserts(test=test, functions=["f"], sandbox=box)
    program = (
        "class Trouble(Exception): pass\nclass Thing: pass\ndef f(x):\n    if x is None: raise Trouble\n    return 2 * x"
    )
    assert judge.best_location() == "in-process"
    right = judge.judge(record(program))
    assert right.outcome is Outcome.ERROR and why in right.detail and right.judge_location == "in-process", right
    assert judge.judge(record("def f(x): return 3\nf.__name__ = 'g'\nTrouble = Thing = OSError")).outcome is Outcome.FAIL
    asked_for = replace(judge, judge_location="in-process").judge(record(program))
    assert asked_for.outcome is Outcome.PASS and JUDGE_LOCATIONS["in-process"] in asked_for.detail


def test_a_test_that_hands_over_what_cannot_travel_is_an_error_and_no_other_seat(box):
    judge = Asserts(test="class Odd: pass\nassert f(Odd()) == 1", functions=["f"], sandbox=box)
    verdict = judge.judge(record("def f(x): return 1"))
    assert verdict.outcome is Outcome.ERROR and "not plain" in verdict.detail and verdict.judge_location == "apart"


def test_what_the_task_gives_is_not_the_programs_to_answer(box):
    test = "for n in (1, 2):\n    assert double(candidate(n)) == n\n"
    judge = Asserts(test=test, functions=["double", "candidate"], given="def double(x):\n    return 2 * x\n", sandbox=box)
    assert judge.judge(record("def candidate(n): return n / 2")).outcome is Outcome.PASS
    forged = "def candidate(n): return n\ndef double(x): return x"
    assert judge.judge(record(forged)).outcome is Outcome.FAIL
    assert replace(judge, given="").judge(record(forged)).outcome is Outcome.PASS  # the benchmark's own idea
    straight = replace(judge, test="assert double(candidate(4)) == 4")
    assert straight.best_location() == "apart" and straight.judge(record(forged)).outcome is Outcome.FAIL


# -------------------------------------------------------------------------------------------------------------- many at once
def mixed(box):
    """Programs of every fate, and their judge."""
    judge = calls(box, (1, 2), (3, 6), wall_s=0.4)
    programs = [
        "def f(x): return 2 * x",
        "def f(x): return x",
        "def f(x): return 1 / 0",
        "def f(x):\n    while True: pass",
        "import os; os._exit(0)",
        "def f(x): return [0] * 10**10",
        "import os\nos.fork()\ndef f(x): return 2 * x",
        "def f(x):",
    ]
    return [partial(judge.judge, record(program)) for program in programs * 2]


def gist(verdicts):
    return [(verdict.outcome, verdict.score, tuple(finding.rule for finding in verdict.findings)) for verdict in verdicts]


def test_the_same_verdicts_with_1_2_and_8_workers_and_under_load(box, alone):
    expected = gist(judge_all(mixed(box), workers=1))
    assert {outcome for outcome, _, _ in expected} == {Outcome.PASS, Outcome.FAIL}
    assert gist(judge_all(mixed(box), workers=2)) == expected
    assert gist(judge_all(mixed(box), workers=8)) == expected
    burners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        assert gist(judge_all(mixed(box), workers=2)) == expected
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()


def test_the_same_verdicts_after_the_pool_is_killed(box):
    expected = gist(judge_all(mixed(box), workers=2))
    stop, killed = threading.Event(), []

    def killer():
        while not stop.wait(0.1):
            for worker in list(box._pool._idle):
                os.kill(worker.process.pid, signal.SIGKILL)
                killed.append(worker)

    thread = threading.Thread(target=killer)
    thread.start()
    try:
        assert gist(judge_all(mixed(box), workers=2)) == expected
    finally:
        stop.set()
        thread.join()
    assert killed


def test_time_outs_are_run_once_more_alone(box):
    runs = []
    judge = calls(box, (1, 1), wall_s=0.4)

    def crowded():
        """Late the first time, as on a busy machine."""
        runs.append(time.monotonic())
        return judge.judge(record(f"def f(x):\n    import time; time.sleep({2 if len(runs) == 1 else 0}); return x"))

    counted = []
    first, second = judge_all(
        [crowded, partial(judge.judge, record("def f(x): return x"))], workers=2, advance=counted.append
    )
    assert (first.outcome, second.outcome, len(runs), counted) == (Outcome.PASS, Outcome.PASS, 2, [1, 1])
    assert "judged alone" in first.detail and "alone" not in second.detail
    (twice,) = judge_all([partial(judge.judge, record("def f(x):\n    while True: pass"))])
    assert timed_out(twice) and "twice" in twice.detail


# ---------------------------------------------------------------------------------------------------------------- real tests
@pytest.fixture(scope="module")
def humaneval(benchmark_files):
    path = benchmark_files / "humaneval" / "HumanEval.jsonl.gz"
    with gzip.open(path, "rt") as file:
        return [json.loads(line) for line in file]


def judged(box, row, body):
    program = row["prompt"] + body
    names = [line[4:].partition("(")[0].strip() for line in program.splitlines() if line.startswith("def ")]
    asserts = Asserts(test=row["test"], functions=names, entry=row["entry_point"], sandbox=box, limits=Limits(wall_s=5))
    return partial(asserts.judge, record(program))


def test_every_canonical_solution_of_humaneval_passes_and_every_empty_one_fails(box, humaneval):
    right = judge_all([judged(box, row, row["canonical_solution"]) for row in humaneval])
    assert [row["task_id"] for row, one in zip(humaneval, right, strict=True) if one.outcome is not Outcome.PASS] == []
    empty = judge_all([judged(box, row, "\n    return None\n") for row in humaneval])
    assert [row["task_id"] for row, one in zip(humaneval, empty, strict=True) if one.outcome is not Outcome.FAIL] == []


def test_a_long_value_and_an_error_are_never_equal():
    long, wrong = Digest("00" * 32), Raised("ValueError", "no")
    call = Call("f", ())
    assert Expected(call=call, value=wrong).trouble(long) != ""


def test_a_digest_stands_for_a_long_expected_value_alone():
    call, many = Call("f", ()), list(range(500_000))
    assert Expected(call=call, value=many).trouble(Digest(digest(many, True))) == ""
    assert Expected(call=call, value=many).trouble(Digest(digest(many[:-1], True))) != ""
    assert Expected(call=call, value=[1]).trouble(Digest(digest([1], True))) != ""
    assert Expected(call=call, value=None, oracle=lambda _: "").trouble(Digest(digest(None, True))) != ""
    of_reference = Expected(call=call, value=Digest(digest(many, False)))  # HumanEval/15 of HumanEval+: megabytes
    assert of_reference.trouble(Digest(digest(many, False))) == ""
    assert of_reference.trouble(Digest(digest(many[:-1], False))) != "" and of_reference.trouble(many[:9]) != ""


@pytest.mark.parametrize(
    ("one", "other", "loose", "strict"),
    [
        ([1, 2.0, True], [1.0, 2, 1], True, False),
        ({"a": 1, "b": [2]}, {"b": [2], "a": 1}, True, True),
        ({1, "x", (2, 3)}, {(2, 3), "x", 1}, True, True),
        ([[1], [2]], [[1.0], [2]], True, False),
        ([0.0], [-0.0], True, True),
        ([1, 2], (1, 2), False, False),
        ({1}, frozenset({1}), True, False),
        ([1] * 2000, [1] * 1999 + [2], False, False),
        ([b"x", None, 1j], [b"x", None, 1j], True, True),
    ],
)
def test_digests_are_equal_as_values_are(one, other, loose, strict):
    assert (digest(one) == digest(other)) is loose
    assert (digest(one, True) == digest(other, True)) is strict


def test_a_long_dict_in_another_order_is_the_same(box):
    expected = [Expected(call=Call("f", ()), value={n: str(n) for n in range(200_000)})]
    judge = Calls(expected=expected, sandbox=box)
    assert judge.judge(record("def f(): return {n: str(n) for n in reversed(range(200_000))}")).outcome is Outcome.PASS
    assert judge.judge(record("def f(): return {n: str(n) for n in range(1, 200_001)}")).outcome is Outcome.FAIL
    assert (
        judge.judge(record("def f(): return {n: str(n) for n in range(199_999)} | {199_999.0: '199999'}")).outcome
        is Outcome.FAIL
    )


@pytest.mark.parametrize(
    ("body", "test", "where"),
    [
        ("return [x, 'a', 1.5, None]", "f(1) == [1, 'a', 1.5, None]", "here"),
        ("return (x,)", "f(1) == (1,)", "in a judge"),  # what `wire` writes with tags
        ("return 10 ** 30", "f(1) == 10 ** 30", "in a judge"),
        ("return '{'", "f(1) == '{'", "in a judge"),
        ("return 'a' * 70000", "f(1) == 'a' * 70000", "in a judge"),
        ("return 2", "f(1) ** 2 == 4", "in a judge"),  # the test makes something of it
        ("raise ValueError", "f(1) == 1", "in a judge"),
    ],
)
def test_only_what_is_short_flat_and_compared_is_looked_at_here(box, monkeypatch, body, test, where):
    looked = []
    monkeypatch.setattr(python, "bounded", lambda function, *args: looked.append(function) or function(*args))
    asserts = Asserts(test=f"assert {test}", functions=["f"], sandbox=box)
    verdict = asserts.judge(record(f"def f(x):\n    {body}\n"))
    assert verdict.outcome is (Outcome.FAIL if "raise" in body else Outcome.PASS), verdict
    assert ("in a judge" if looked else "here") == where
