"""The task tier: what is asked again, what wins, what is kept. The model is scripted; sandbox, tests and checks are real."""

from dataclasses import replace

import pytest

from yunque.checks.linters.lint import Lint
from yunque.checks.security.bandit import Bandit
from yunque.checks.syntax import Syntax
from yunque.core.errors import ModelError
from yunque.core.nouns import Outcome, PromptStyle
from yunque.inference.scripted_engine import ScriptedEngine
from yunque.inference.verified.coding import CodingTask, Verb
from yunque.inference.verified.generation import GenerationSettings, VerifiedGeneration, plain
from yunque.inference.verified.judging import keeps_interface, names_exist

TESTS = {"test_add.py": "from add import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n    assert add(-1, 1) == 0\n"}
GOOD = "Plan: add them.\n```python\ndef add(a, b):\n    return a + b\n```"
WRONG = "```python\ndef add(a, b):\n    return a - b\n```"
BROKEN = "```python\ndef add(a, b:\n    return a - b\n```"
WRITE = CodingTask(verb=Verb.WRITE, instruction="add two numbers", tests=TESTS)
CHECKS = (Syntax(), Lint(), Bandit())


@pytest.fixture
def generation(tests_box):
    def make(answers, *, checks=CHECKS, style=PromptStyle.CHAT, **settings):
        texts = iter(answers)
        engine = ScriptedEngine(lambda request: next(texts))
        engine.styles = frozenset({PromptStyle.PREFIX, style})
        settings = GenerationSettings(**settings)
        return VerifiedGeneration(engine=engine, checks=checks, sandbox=tests_box, settings=settings), engine

    return make


def test_a_right_answer_is_asked_for_once_and_carries_its_verdicts(generation):
    made, engine = generation([GOOD])
    answer = made.answer(WRITE)
    assert answer.is_clean and answer.best.parsed.reasoning == "Plan: add them." and len(engine.asked) == 1
    assert [(verdict.check, verdict.outcome) for verdict in answer.best.verdicts] == [
        ("tests", Outcome.PASS), ("syntax", Outcome.PASS), ("lint", Outcome.PASS), ("bandit", Outcome.PASS),
    ]  # fmt: skip


def test_findings_go_back_to_the_model_and_every_attempt_is_kept(generation):
    told = []
    made, engine = generation([BROKEN, WRONG, GOOD])
    answer = made.answer(WRITE, told.append)
    assert answer.is_clean and [attempt.round for attempt in answer.attempts] == [0, 1, 2] and told == list(answer.attempts)
    assert "syntax: line 1" in engine.asked[1].messages[-1].content
    assert engine.asked[2].messages[-2].content == WRONG and "test_add fails" in engine.asked[2].messages[-1].content
    assert [row["is_best"] for row in plain(answer)["attempts"]] == [False, False, True]


def test_after_the_last_round_the_best_verdict_wins_not_the_last(generation):
    made, engine = generation([WRONG, BROKEN, BROKEN], rounds=2)
    answer = made.answer(WRITE)
    assert not answer.is_clean and answer.best.text == WRONG and answer.best.failed == ("tests",) and len(engine.asked) == 3


def test_of_several_samples_tests_decide_then_checks_then_agreement(generation):
    unsafe = "```python\ndef add(a, b):\n    return eval('a + b')\n```"
    made, engine = generation([WRONG, unsafe, GOOD], samples=3, rounds=0)
    answer = made.answer(WRITE)
    assert answer.best.text == GOOD and [request.temperature for request in engine.asked] == [0.0, 0.6, 0.6]
    assert len({request.seed for request in engine.asked}) == 3
    assert [attempt.agreement for attempt in answer.attempts] == [1, 2, 2], "two give the same outputs"
    # Nothing tells them apart but what they answer to the calls of the tests.
    other = "```python\ndef add(a, b):\n    return b - a\n```"
    third = "```python\ndef add(a, b):\n    c = a - b\n    return c\n```"
    made, _ = generation([other, WRONG, third], samples=3, rounds=0)
    assert made.answer(WRITE).best.text == WRONG, "the first of those that agree"


def test_likelihood_decides_where_nothing_else_does(generation):
    made, engine = generation([GOOD, "```python\ndef add(x, y):\n    return x + y\n```"], samples=2, rounds=0)
    engine.score = lambda texts: [[-2.0], [-1.0]]
    assert made.answer(WRITE).best.sample == 1

    def silent(texts):
        raise ModelError("does not say")

    made, engine = generation([GOOD, GOOD], samples=2, rounds=0)
    engine.score = silent
    assert made.answer(WRITE).best.sample == 0 and made.answer


def test_a_model_without_a_chat_template_goes_on_from_comments_and_the_name_that_tests_import(generation):
    made, engine = generation(["a, b):\n    return a - b\n\nadd(", "a, b):\n    return a + b\n"], style=PromptStyle.PREFIX)
    answer = made.answer(WRITE)
    assert answer.is_clean and answer.best.parsed.code == "def add(a, b):\n    return a + b\n"
    assert answer.attempts[0].parsed.code == "def add(a, b):\n    return a - b\n", "its last line does not parse"
    assert engine.asked[0].prompt == "# add two numbers\ndef add("
    assert "# wrong: tests:" in engine.asked[1].prompt and engine.asked[1].prompt.endswith("# Fixed:\ndef add(")
    made, engine = generation(["a, b):\n    return a + b\n"])
    assert (
        replace(made, settings=GenerationSettings(style="plain")).answer(WRITE).is_clean
        and engine.asked[0].style is PromptStyle.PREFIX
    )


def test_the_examples_in_a_docstring_are_tests(generation):
    start = 'def add(a, b):\n    """The sum.\n\n    >>> add(1, 2)\n    3\n    """\n'
    made, engine = generation(["    return a - b\n", "    return a + b\n"], style=PromptStyle.PREFIX)
    answer = made.answer(CodingTask(verb=Verb.WRITE, code=start))
    assert (
        engine.asked[0].prompt == start
        and "# wrong: examples: test_examples.py::test_example_0 fails" in engine.asked[1].prompt
    )
    assert (
        answer.is_clean
        and answer.best.verdicts[0].check == "examples"
        and answer.best.parsed.code == start + "    return a + b\n"
    )


def test_tests_by_the_model_are_shown_as_such_and_written_before_the_code(generation):
    tests = "```python\nfrom answer import add\n\n\ndef test_add():\n    assert add(2, 2) == 4\n```"
    made, engine = generation([tests, GOOD], writes_tests=True)
    answer = made.answer(CodingTask(verb=Verb.WRITE, instruction="add two numbers"))
    assert answer.is_clean and "def test_add" in answer.own_tests and answer.best.verdicts[0].check == "tests-by-model"
    assert "does not exist yet" in engine.asked[0].messages[-1].content


def test_without_a_sandbox_tests_are_an_error_and_nothing_is_run(generation):
    made, _ = generation([GOOD] * 3)
    answer = VerifiedGeneration(engine=made.engine, checks=(), settings=GenerationSettings(rounds=0)).answer(WRITE)
    assert not answer.is_clean and answer.best.verdicts[0].outcome is Outcome.ERROR


# -------------------------------------------------------------------------------------------------------------- other verbs
CODE = "import os\n\n\ndef add(a, b):\n    return a - b\n\n\ndef load(x):\n    return eval(x)\n"


def test_the_code_that_was_given_is_looked_at_once(generation):
    class Counting:
        name = "counting"
        seen: list = []  # noqa: RUF012

        def judge(self, record):
            self.seen.append(record.text)
            return Syntax().judge(record)

    made, _ = generation([WRONG, WRONG, WRONG, WRONG], checks=(Counting(),), samples=2, rounds=1)
    made.answer(CodingTask(verb=Verb.FIX, code=CODE, tests=TESTS, path="add.py"))
    assert Counting.seen.count(CODE) == 1 and len(Counting.seen) == 5


def test_a_fix_is_not_blamed_for_what_was_there_before(generation):
    fixed = CODE.replace("a - b", "a + b")
    made, _ = generation([f"```python\n{fixed}```"])
    answer = made.answer(CodingTask(verb=Verb.FIX, code=CODE, tests=TESTS, instruction="add subtracts", path="add.py"))
    assert answer.is_clean, answer.best.verdicts
    made, _ = generation([f"```python\n{fixed}\n\ndef more(x):\n    return eval(x) + exec(x)\n```"], rounds=0)
    answer = made.answer(CodingTask(verb=Verb.FIX, code=CODE, tests=TESTS, path="add.py"))
    assert answer.best.failed == ("bandit",) and len(answer.best.verdicts[-1].findings) == 2


def test_tests_must_pass_on_the_code_and_not_on_emptied_code(generation):
    code = "def add(a, b):\n    return a + b\n"
    real = "```python\nfrom answer import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n```"
    vacuous = "```python\ndef test_add():\n    assert True\n```"
    made, _ = generation([vacuous, real])
    answer = made.answer(CodingTask(verb=Verb.TEST, code=code))
    assert answer.is_clean and answer.best.text == real and answer.attempts[0].failed == ("tests-notice",)
    made, _ = generation([real.replace("3", "4")], rounds=0)
    assert made.answer(CodingTask(verb=Verb.TEST, code=code)).best.failed == ("tests-by-model",)


def test_a_refactoring_keeps_names_and_parameters(generation):
    task = CodingTask(
        verb=Verb.REFACTOR, code="def add(a, b):\n    c = a + b\n    return c\n\n\ndef _help(x):\n    return x\n"
    )
    assert keeps_interface("def add(a,  b):\n    return a + b\n", task).outcome is Outcome.PASS
    gone = keeps_interface("def add(a, b, c=0):\n    return a + b\n", task)
    assert gone.outcome is Outcome.FAIL and "other parameters" in gone.detail
    assert "is gone" in keeps_interface("def plus(a, b):\n    return a + b\n", task).detail
    made, _ = generation(["```python\ndef plus(a, b):\n    return a + b\n```"], rounds=0)
    assert "keeps-interface" in made.answer(task).best.failed


def test_an_explanation_speaks_of_what_is_there(generation):
    task = CodingTask(verb=Verb.EXPLAIN, code="def add(a, b):\n    return a + b\n")
    assert names_exist("`add` returns `a` plus `b`, never `None`.", task).outcome is Outcome.PASS
    assert "'subtract'" in names_exist("`subtract()` is called.", task).detail
    made, engine = generation(["It calls `subtract`.", "`add` adds."])
    answer = made.answer(task)
    assert answer.is_clean and answer.best.parsed.code == "`add` adds." and len(engine.asked) == 2


def test_an_empty_answer_fails(generation):
    made, _ = generation(["", "<think>hm"], rounds=1)
    answer = made.answer(WRITE)
    assert answer.best.failed == ("answer",) and answer.best.parsed.code == ""
