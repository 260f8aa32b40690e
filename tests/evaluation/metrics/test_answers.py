"""Values of answers: likeness, syntax, cost; what cannot be taken is absent."""

import math
import threading
from dataclasses import replace

import pytest

from yunque.core.nouns import Finding, Limits, Observation, Outcome, PromptStyle, Task, Verdict
from yunque.evaluation.aggregate import summarise
from yunque.evaluation.metrics.answers import (
    KINDS,
    METRICS,
    AnswerValues,
    RecordingSandbox,
    find_metric,
    reference_likelihood,
)
from yunque.evaluation.runner import ScoredSample
from yunque.evaluation.suites.humaneval_mbpp import Problem, PythonSuite

PROMPT = "def total(numbers):\n"
TASK = Task(id="t", suite="s", prompt=PROMPT, max_tokens=9, language="python", group="t")
SLOW = "    for _ in range(40):\n        found = sum(n for n in range(100_000)) * 0 + sum(numbers)\n    return found\n"


def suite(box=None, **changes):
    problem = Problem(
        task=replace(TASK, **changes),
        before=PROMPT,
        canonical="    return sum(numbers)\n",
        wrong="    return None\n",
        test="def check(candidate):\n    assert candidate([1, 2]) == 3\n",
        entry="total",
        functions=("total",),
    )
    return PythonSuite(name="s", licence="MIT", problems={"t": problem}, sandbox=box, limits=Limits(wall_s=10))


def verdict(outcome=Outcome.PASS, *rules):
    return Verdict(check="s", outcome=outcome, findings=tuple(Finding(rule=rule, message="") for rule in rules))


def values(text, style=PromptStyle.PREFIX, finish_reason="rule", found=None, **keywords):
    return AnswerValues(suite=suite(), **keywords).of(TASK, text, style, finish_reason, found or verdict())


def test_every_metric_is_one_of_a_kind_and_says_what_it_means():
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    assert all(metric.meaning and metric.better in ("higher", "lower") for metric in METRICS)
    assert find_metric("pass@1") is METRICS[0] and find_metric("BLEU") is None


def test_likeness_is_to_the_reference():
    found = values("    return sum(numbers)\n\n", kinds=("similarity",))
    assert (found["similarity"], found["exact"]) == (1.0, 1.0)
    other = values("    return max(numbers)\n", kinds=("similarity",))
    assert 0.8 < other["similarity"] < 1 and other["exact"] == 0.0
    prose = f"Here:\n```python\n{PROMPT}    return sum(numbers)\n```\nDone."
    assert values(prose, PromptStyle.CHAT, kinds=("similarity",))["exact"] == 1.0
    assert "similarity" not in values("x", kinds=())


def test_what_the_verdict_and_the_engine_say():
    assert values("x", kinds=())["pass"] == 1.0
    timed_out = values("x", kinds=(), finish_reason="length", found=verdict(Outcome.FAIL, "timeout"))
    assert (timed_out["pass"], timed_out["truncated"], timed_out["timed_out"]) == (0.0, 1.0, 1.0)
    assert "truncated" not in values("x", kinds=(), finish_reason=""), "nobody knows of an answer made elsewhere"


def test_syntax_counts_only_where_the_reference_parses():
    assert values("    return (", kinds=("syntax",))["valid"] == 0.0
    assert values("    return 1\n", kinds=("syntax",))["valid"] == 1.0
    broken = suite()
    problem = replace(broken.problems["t"], canonical="    return (")
    broken = replace(broken, problems={"t": problem})
    found = AnswerValues(suite=broken, kinds=("syntax",)).of(TASK, "    return (", PromptStyle.PREFIX, "", verdict())
    assert "valid" not in found


def test_a_language_without_a_grammar_has_no_syntax_value():
    lua = suite(language="lua")
    found = AnswerValues(suite=lua, kinds=("syntax",)).of(lua.problems["t"].task, "x", PromptStyle.PREFIX, "", verdict())
    assert "valid" not in found and found["lines"] == 2.0


def test_findings_are_counted_with_the_lines():
    text = "    import os\n    import hashlib\n\n    return hashlib.md5(str(numbers).encode()).hexdigest(), undefined\n"
    found = values(text, kinds=("lint", "security"))
    assert found["lines"] == 4.0
    assert found["lint"] >= 2  # an unused import, an undefined name
    assert found["insecure"] == 1.0 and found["insecurities"] >= 1
    clean = values("    return sum(numbers)\n", kinds=("lint", "security"))
    assert (clean["lint"], clean["insecure"], clean["insecurities"]) == (0.0, 0.0, 0.0)
    assert {"lint F401", "lint F821"} <= set(found)
    assert any(name.startswith("weakness CWE-") for name in found)
    assert not any(name.startswith(("lint ", "weakness ")) for name in clean)


def test_a_note_is_no_weakness():
    found = values("    import random\n    return random.random()\n", kinds=("security",))
    assert (found["insecure"], found["insecurities"]) == (0.0, 0.0)


def test_findings_by_rule_and_weakness():
    row = {"pass": 0.0, "lines": 10.0, "lint": 0.0, "insecurities": 0.0, "insecure": 0.0}
    bad = row | {
        "lint": 3.0,
        "lint F401": 2.0,
        "lint B006": 1.0,
        "insecure": 1.0,
        "insecurities": 1.0,
        "weakness CWE-89": 1.0,
    }
    rows = [bad, row] * 3 + [{"pass": 0.0}]
    found = {one.name: one for one in summarise([judged_row(number, one) for number, one in enumerate(rows)])}
    names = [name for name in found if "(" in name]
    assert names == ["lint findings (F401)", "lint findings (B006)", "insecure (CWE-89)"], "the most frequent first"
    assert (found["lint findings (F401)"].value, found["lint findings (F401)"].unit) == (100.0, "per 1,000 lines")
    assert (found["insecure (CWE-89)"].value, found["insecure (CWE-89)"].n) == (0.5, 6), "of those that were looked at"
    assert found["insecure (CWE-89)"].low is not None


def test_the_cost_of_a_right_answer_is_that_over_the_reference(box, alone):
    sandbox = RecordingSandbox(box)
    taking = AnswerValues(suite=suite(sandbox), kinds=KINDS, sandbox=sandbox)
    task = taking.suite.tasks()[0]

    def cost(text):
        return taking.of(task, text, PromptStyle.PREFIX, "eos", taking.suite.judge(task, text))

    assert cost(SLOW)["log_time"] > math.log(3)
    assert abs(cost("    return sum(numbers)\n")["log_time"]) < math.log(3)
    assert "log_time" not in cost("    return None\n"), "a wrong answer has no cost"
    large = "    kept = bytearray(60_000_000)\n    return sum(numbers) + len(kept) * 0\n"
    assert cost(large)["log_memory"] > math.log(2)
    without = AnswerValues(suite=suite(box), kinds=KINDS)
    assert "log_time" not in without.of(task, SLOW, PromptStyle.PREFIX, "eos", verdict())


def test_the_cost_of_the_reference_is_what_it_adds_to_the_prompt():
    class Scoring:
        name = "scoring"

        def score(self, texts):
            return iter([[-0.5] * len(text) for text in texts])  # a token a character, half a nat each

    (task,) = suite().tasks()
    (found,) = reference_likelihood(Scoring(), suite(), [replace(task, prompt=PROMPT)]).values()
    length = len("    return sum(numbers)\n")
    assert found == {
        "nats": length / 2,
        "bits": pytest.approx(length / 2 / math.log(2), abs=1e-4),
        "bytes": length,
        "reference_tokens": length,
    }
    row = {"nats": 3.0, "reference_tokens": 2.0, "bits": 4.0, "bytes": 8.0}
    numbers = {one.name: one.value for one in summarise([judged_row(n, row) for n in range(6)])}
    assert numbers["bits per byte"] == 0.5 and numbers["perplexity"] == pytest.approx(math.exp(1.5))


def judged_row(n, values):
    return ScoredSample(
        task_id=f"t{n}", sample=0, group=f"t{n}", part="", style=PromptStyle.PREFIX, first="", text="", finish_reason="eos",
        tokens=1, outcome="fail", score=None, rules=(), detail="", values={"pass": 0.0, "timed_out": 0.0} | values,
    )  # fmt: skip


def test_a_tape_hears_its_own_thread_alone():
    class Counting:
        tier = "none"

        def run(self, job):
            return Observation(exit_code=job, stdout=b"", stderr=b"", wall_ms=1, cpu_ms=1, peak_bytes=1, tier="none")

    sandbox, heard = RecordingSandbox(Counting()), {}

    def listen(name, start):
        with sandbox.tape() as seen:
            for number in range(start, start + 50):
                sandbox.run(number)
            heard[name] = [one.exit_code for one in seen]

    threads = [threading.Thread(target=listen, args=(name, 100 * name)) for name in range(4)]
    for thread in threads:
        thread.start()
    sandbox.run(-1)
    for thread in threads:
        thread.join()
    assert heard == {name: list(range(100 * name, 100 * name + 50)) for name in range(4)}
    assert sandbox.tier == "none"


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_can_be_asked_for_alone(kind):
    assert values("    return 1\n", kinds=(kind,))["pass"] == 1.0
