"""Judges: calls in processes that can be killed, whatever the text or the values do to them."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from yunque.checks.execution.assertions import Call
from yunque.checks.execution.judge_processes import Exceeded, JudgeLimits, Judges, bounded
from yunque.checks.execution.python import JUDGE_LIMITS, Asserts, Calls, Expected
from yunque.core.errors import EvaluationError, SandboxError
from yunque.core.nouns import Job, Origin, Outcome, Record

TIGHT = JudgeLimits(cpu_s=0.3, memory_bytes=200 << 20)


def act(kind):
    """What a judge is made to do."""
    if kind == "loop":
        while True:
            pass
    if kind == "bloat":
        kept = []
        while True:
            kept.append(b"x" * (100 << 20))
            time.sleep(0.1)
    if kind == "leave":
        os._exit(7)
    if kind == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "raise":
        raise EvaluationError("no", where="here", do="mend it")
    if kind == "odd":
        raise type("Local", (Exception,), {})("cannot travel")
    if kind == "pid":
        return os.getpid()
    if kind == "sleep":
        time.sleep(0.05)
    return kind


@pytest.fixture(scope="module")
def judges():
    with Judges(act, TIGHT) as judges:
        yield judges


@pytest.mark.parametrize(("kind", "why"), [("loop", "took over 0.3 s"), ("leave", "(7)"), ("crash", "(-9)")])
def test_a_call_without_end_costs_itself_alone(judges, within, kind, why):
    with within(3):
        with pytest.raises(Exceeded) as told:
            judges(kind)
        assert why in str(told.value) and "\n" not in str(told.value)
        assert judges("next") == "next"


def test_a_call_that_takes_memory_without_end_costs_itself_alone():
    with Judges(
        act, replace(TIGHT, cpu_s=30.0)
    ) as judges:  # processor time is not what ends it, however slow the pages come
        with pytest.raises(Exceeded, match="of memory"):
            judges("bloat")
        assert judges("next") == "next"


def test_what_a_call_raises_is_raised(judges):
    with pytest.raises(EvaluationError) as told:
        judges("raise")
    assert (told.value.what, told.value.where, told.value.do) == ("no", "here", "mend it")
    with pytest.raises(RuntimeError, match="Local: cannot travel"):
        judges("odd")


def test_a_judge_is_another_process_and_serves_again(judges):
    first = judges("pid")
    assert first != os.getpid() and judges("pid") == first


def test_threads_have_judges_of_their_own():
    with Judges(act) as judges, ThreadPoolExecutor(4) as pool:
        assert list(pool.map(judges, ["sleep"] * 12 + list(range(50)))) == ["sleep"] * 12 + list(range(50))
        assert 2 <= judges.starts <= 4


def test_nothing_is_left_when_they_are_closed():
    with Judges(act) as judges:
        pid, template = judges("pid"), judges._pid
    for left in (pid, template):
        deadline = time.monotonic() + 2
        while Path("/proc", str(left)).exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not Path("/proc", str(left)).exists()
    assert judges("again") == "again"  # it starts anew
    judges.close()


def test_nothing_is_left_when_their_process_is_killed(tmp_path):
    source = (
        "import os, time\nfrom yunque.checks.execution.judge_processes import Judges\n"
        "def act(x):\n    print(os.getpid(), os.getppid(), flush=True)\n    time.sleep(60)\nJudges(act)(1)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True)
    pids = process.stdout.readline().split()
    process.kill()
    process.wait()
    process.stdout.close()
    deadline = time.monotonic() + 3
    while any(Path("/proc", pid).exists() for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert [pid for pid in pids if Path("/proc", pid).exists()] == []


def test_a_judge_runs_its_jobs_in_the_sandbox_it_came_from(box):
    def run(source):
        return box.run(Job(python=source) if source else Job(argv=())).stdout

    workers = len(box._pool._idle)
    with Judges(run) as judges:
        assert [judges(f"print({n})") for n in range(3)] == [b"0\n", b"1\n", b"2\n"]
        with pytest.raises(SandboxError, match="no program"):
            judges("")
    assert len(box._pool._idle) <= workers + 1


def test_a_closed_sandbox_does_not_wait_for_judges(fresh, within):
    fresh.run(Job(python="print(1)"))
    with Judges(act) as judges:
        judges("a")
        started = time.monotonic()
        fresh.close()
        assert time.monotonic() - started < 3


def test_in_a_judge_everything_is_called_at_once():
    with Judges(lambda: (os.getpid(), bounded(os.getpid))) as judges:
        outer, inner = judges()
    assert outer == inner != os.getpid()


def test_a_killed_template_is_replaced():
    with Judges(act) as judges:
        os.kill(judges._pid, signal.SIGKILL)
        os.waitpid(judges._pid, 0)
        assert judges("a") == "a"


def test_a_template_outlives_the_thread_that_forked_it():
    with ThreadPoolExecutor(1) as pool:
        judges = Judges(act)
        first = pool.submit(judges, "pid").result()
    assert judges("pid") == first
    judges.close()


def test_a_thread_that_forks_meets_no_deadlock():
    stop = threading.Event()
    busy = threading.Thread(target=lambda: [sum(range(1000)) for _ in iter(stop.is_set, True)])
    busy.start()
    try:
        for _ in range(5):
            with Judges(act) as judges:
                assert judges(1) == 1
    finally:
        stop.set()
        busy.join()


# ------------------------------------------------------------------------------------------------------- checks use them
ORIGIN = Origin(source="test", path="main.py", revision="", licence="unknown", collected_at="")


def forever(_):
    """An oracle that never comes to an end."""
    while True:
        pass


def test_a_comparison_without_end_fails_that_answer_alone(box):
    right = Record(id="r", text="def f(x): return x", language="python", origin=ORIGIN)
    judge = Calls(expected=[Expected(call=Call("f", (1,)), oracle=forever)], sandbox=box)
    verdict = judge.judge(right)
    assert verdict.outcome is Outcome.FAIL and verdict.findings[0].rule == JUDGE_LIMITS
    assert Asserts(test="assert f(1) == 1", functions=["f"], sandbox=box).judge(right).outcome is Outcome.PASS
