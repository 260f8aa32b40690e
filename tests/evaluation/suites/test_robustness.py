"""The same tasks in other words: what changes, what stays, and that every way has the same judge."""

import random
import re

import pytest

from yunque.core.errors import EvaluationError
from yunque.core.nouns import Outcome, PromptStyle
from yunque.evaluation.aggregate import summarise
from yunque.evaluation.registry import open_suite
from yunque.evaluation.suites.robustness import CHANGES, changed, paraphrase, renamed, typos

PROMPT = '''\
def helper(text):
    """Check the given string."""
    return text


def keep_vowels(text):
    """Return a string that should contain only the vowels of the given string.

    The function takes one string, whatever its length.
    >>> keep_vowels("function")
    'uio'
    """
'''


@pytest.mark.parametrize("way", CHANGES)
def test_only_the_last_docstring_changes_and_its_examples_stay(way):
    found = changed(PROMPT, way, "keep_vowels")
    assert (found == PROMPT) == (way == "as-is")
    assert found == changed(PROMPT, way, "keep_vowels"), "by the text alone"
    before, examples = PROMPT.split("def keep_vowels")[0], PROMPT[PROMPT.index("    >>>") :]
    assert found.startswith(before)
    assert found.endswith(changed(examples, "rename", "keep_vowels") if way == "rename" else examples)
    if way in ("whitespace", "typos"):
        assert sorted(re.sub(r"\s", "", found)) == sorted(re.sub(r"\s", "", PROMPT))


def test_words_keep_their_capital_and_typos_their_first_letter():
    chance = random.Random(1)
    assert paraphrase("Return what the function takes", chance) == "Give back what the routine accepts"
    words = "alphabetical listing of everything considered interesting " * 8
    slips = [(a, b) for a, b in zip(words.split(), typos(words, chance).split(), strict=True) if a != b]
    assert 2 <= len(slips) <= 12
    assert all(a[0] == b[0] and sorted(a) == sorted(b) for a, b in slips)


def test_every_way_is_judged_as_the_task_itself(box, benchmark_files):
    inner = open_suite("humaneval", box, benchmark_files)
    suite = open_suite("robust:humaneval", box, benchmark_files)
    tasks = suite.tasks()
    assert len(tasks) == 164 * len(CHANGES) and len({task.id for task in tasks}) == len(tasks)
    changed_share = {
        way: sum(t.prompt != inner.problems[t.group].task.prompt for t in tasks if t.part == way) for way in CHANGES
    }
    assert changed_share["as-is"] == 0 and all(n >= 120 for way, n in changed_share.items() if way != "as-is"), changed_share
    for task in random.Random(3).sample(tasks, 15):
        assert suite.judge(task, suite.canonical(task)).outcome is Outcome.PASS
        assert suite.judge(task, suite.wrong(task)).outcome is Outcome.FAIL
    task = next(t for t in tasks if t.id == "HumanEval/13~rename")
    name = renamed("greatest_common_divisor")
    assert f"def {name}(" in task.prompt
    whole = f"```python\ndef {name}(a, b):\n    return {name}(b, a % b) if b else a\n```"
    assert suite.judge(task, whole, PromptStyle.CHAT).outcome is Outcome.PASS


def test_suites_of_another_kind_are_refused(box, benchmark_files):
    with pytest.raises(EvaluationError, match="only functions to complete"):
        open_suite("robust:mbpp", box, benchmark_files).tasks()
    with pytest.raises(EvaluationError, match=r"no suite named 'robust:humanevil'.*humaneval"):
        open_suite("robust:humanevil", box, benchmark_files)


def test_the_worst_way_is_the_score(judged):
    ways = list(CHANGES)
    rows = [judged(f"t{n}~{way}", n >= 4 or way != ways[n % 5], group=f"t{n}", part=way) for n in range(10) for way in ways]
    found = {measure.name: measure for measure in summarise(rows)}
    assert found["pass, worst of 5"].value == 0.6 and found["pass, worst of 5"].n == 10
    assert found["pass@1 (typos)"].value == 1.0 and found["pass@1 (rename)"].value == 0.9
    fewer = {measure.name for measure in summarise(rows[:-1])}
    assert not any(name.startswith("pass, worst") for name in fewer)
