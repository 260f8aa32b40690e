"""HumanEval+ and MBPP+ (Liu et al. 2023): the same tasks with many more inputs, judged outside the sandbox.

The files in ``OriginFmt`` hold each task's inputs and expected results as Python literals. They are read as literals, never
run; the calls go into the sandbox, the results come out and are compared here, by the rule that the task's own
``assertion`` states.

Covered: 164 and 378 tasks of releases 0.1.10 and 0.2.0; floats within 1e-6 (relative 1e-7), results compared as sets,
results of which only the truth counts, HumanEval/32 (a root is judged by its polynomial), and tasks whose expected results
a reference function gives (it runs in the sandbox, once).
Not covered: EvalPlus's own time limits, which follow the speed of the machine; ours are fixed and in the result.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from yunque.checks.execution.assertions import Call
from yunque.checks.execution.comparison import Comparison, shown
from yunque.checks.execution.python import Calls, Expected, ask
from yunque.code.python_ast import parse_python
from yunque.core.errors import EvaluationError
from yunque.core.nouns import Limits, Task
from yunque.core.seams import Check, Sandbox
from yunque.evaluation.suites.humaneval_mbpp import (
    FUNCTION_QUESTION,
    HUMANEVAL_STOPS,
    MBPP_STOPS,
    SENTENCE_QUESTION,
    Problem,
    PythonSuite,
    defined,
    mbpp_split,
)
from yunque.evaluation.suites.rows import read_rows

LIMITS = Limits(wall_s=30.0, cpu_s=15.0, memory_bytes=2 << 30)
"""Processor time decides: a busy machine must not cost right answers."""
EXACT = Comparison(strict=False)
ROOT_ATOL = 1e-4
SLOW = {"HumanEval/15": 4.0, "Mbpp/123": 3.0, "Mbpp/255": 10.0, "Mbpp/599": 6.0}
"""Tasks whose reference itself takes long, and how many times as much time they get."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PlusSuite(PythonSuite):
    """Problems judged by the values of many calls; a problem's ``test`` is the text that holds inputs and results."""

    limits: Limits = field(default_factory=lambda: LIMITS)

    def check(self, problem: Problem, sandbox: Sandbox) -> Check:
        """What judges programs for a problem."""
        expected, limits = self._expected(problem.task.id), self._limits(problem.task.id)
        return Calls(expected=expected, sandbox=sandbox, limits=limits, name=self.name)

    @functools.cache  # noqa: B019  a suite lives as long as its run, and a task is judged many times
    def _expected(self, task_id: str) -> tuple[Expected, ...]:
        return tuple(_expectations(self.problems[task_id], self.sandbox, self._limits(task_id)))

    def _limits(self, task_id: str) -> Limits:
        more = SLOW.get(task_id, 1.0)
        return replace(self.limits, wall_s=self.limits.wall_s * more, cpu_s=self.limits.cpu_s * more)


def humaneval_plus(folder: Path, sandbox: Sandbox | None = None) -> PlusSuite:
    """HumanEval+ 0.1.10."""
    path = folder / "humaneval-plus" / "HumanEvalPlus-OriginFmt.jsonl.gz"
    rows = read_rows(path, ("task_id", "prompt", "canonical_solution", "entry_point", "test"))
    problems = {
        row["task_id"]: Problem(
            task=_task(row, "humaneval-plus", HUMANEVAL_STOPS, FUNCTION_QUESTION.format(prompt=row["prompt"].rstrip())),
            before=row["prompt"],
            canonical=row["canonical_solution"],
            wrong="    return None\n",
            entry=row["entry_point"],
            test=row["test"],
        )
        for row in rows
    }
    return PlusSuite(name="humaneval-plus", licence="Apache-2.0", problems=problems, sandbox=sandbox)


def mbpp_plus(folder: Path, sandbox: Sandbox | None = None) -> PlusSuite:
    """MBPP+ 0.2.0: 378 tasks, of which 224 are ids of MBPP's test split."""
    keys = ("task_id", "prompt", "canonical_solution", "entry_point")
    rows = read_rows(folder / "mbpp-plus" / "MbppPlus.jsonl.gz", keys)
    tests = read_rows(folder / "mbpp-plus" / "MbppPlus-OriginFmt.jsonl.gz", ("task_id", "test"))
    by_id = {f"Mbpp/{row['task_id']}": row["test"] for row in tests}
    problems = {}
    for row in rows:
        if row["task_id"] not in by_id:
            raise EvaluationError(f"{row['task_id']} has no tests", where=folder / "mbpp-plus")
        code = row["canonical_solution"].replace("\r\n", "\n")
        problems[row["task_id"]] = Problem(
            task=_task(row, "mbpp-plus", MBPP_STOPS, _question(row["prompt"])),
            before="",
            canonical=code,
            wrong="".join(f"def {name}(*args, **kwargs):\n    return None\n" for name in defined(code)),
            entry=row["entry_point"],
            test=by_id[row["task_id"]].replace("\r\n", "\n"),
        )
    return PlusSuite(name="mbpp-plus", licence="Apache-2.0", problems=problems, sandbox=sandbox)


def _task(row: dict, suite: str, stops: tuple[str, ...], question: str) -> Task:
    return Task(
        id=row["task_id"],
        suite=suite,
        prompt=row["prompt"],
        question=question,
        stops=stops,
        max_tokens=512,
        language="python",
        group=row["task_id"],
        part=mbpp_split(row["task_id"]) if suite == "mbpp-plus" else "",
    )


def _question(prompt: str) -> str:
    """MBPP+'s prompt, a docstring of a sentence and asserts, as a chat question."""
    lines = prompt.strip().strip('"').strip().splitlines()
    tests = [line for line in lines if line.startswith("assert")]
    text = "\n".join(line for line in lines if not line.startswith("assert"))
    return SENTENCE_QUESTION.format(text=text, tests="\n".join(tests))


# -------------------------------------------------------------------------------------------------------------- expectations
def _expectations(problem: Problem, sandbox: Sandbox | None, limits: Limits) -> Iterator[Expected]:
    """The calls of a task and what each must give. EvaluationError when its text is not of the known form."""
    where = problem.task.id
    tree = parse_python(problem.test)
    check = next((node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "check"), None)
    body = check.body if check else tree.body
    named = dict(filter(None, map(_plain_assignment, body)))
    if "inputs" not in named:
        raise EvaluationError("holds no inputs", where=where)
    inputs = _literal(named["inputs"], where)
    source = problem.test[: problem.test.find("inputs =")]
    calls = [Call(problem.entry, tuple(args)) for args in inputs]
    if "_poly" in source:
        yield from (Expected(call=call, oracle=functools.partial(_is_no_root, call.args[0])) for call in calls)
        return
    results = (
        _literal(named["results"], where) if "results" in named else _referred(problem, source, inputs, sandbox, limits)
    )
    if len(results) != len(inputs):
        raise EvaluationError(f"{len(inputs)} inputs and {len(results)} results", where=where)
    truth = "out is not None" in source
    atol = _tolerance(body)
    for call, result in zip(calls, results, strict=True):
        if truth:
            yield Expected(call=Call(call.function, call.args, truth=True), value=bool(result), how=EXACT)
        else:
            yield Expected(call=call, value=result, how=_comparison(result, atol, as_set="set(out)" in source))


def _plain_assignment(node: ast.stmt) -> tuple[str, ast.expr] | None:
    """The name and the value of ``NAME = VALUE``; None for another statement."""
    target = node.targets[0] if isinstance(node, ast.Assign) else None
    return (target.id, node.value) if isinstance(node, ast.Assign) and isinstance(target, ast.Name) else None


class _Floats(ast.NodeTransformer):
    """``inf`` and ``nan`` as the numbers that they are."""

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Constant(float(node.id)) if node.id in ("inf", "nan") else node


def _literal(node: ast.expr, where: str) -> list:
    """A list display as a value; ``inf`` and ``nan`` are numbers in it."""
    try:
        return list(ast.literal_eval(_Floats().visit(node)))
    except (ValueError, TypeError) as error:
        raise EvaluationError(f"its inputs or results are no literals ({error})", where=where) from None


def _referred(problem: Problem, source: str, inputs: list, sandbox: Sandbox | None, limits: Limits) -> list:
    """What the task's own reference function gives, run in the sandbox."""
    if sandbox is None or "def ref_func" not in source:
        raise EvaluationError("holds no results", where=problem.task.id)
    program = source[: source.rfind("def check(")] if "def check(" in source else source
    program = program.replace("import numpy as np", "")  # only the assertion, which is not run, needs it
    patient = replace(limits, wall_s=4 * limits.wall_s, cpu_s=4 * limits.cpu_s)  # a slow machine must not cost the suite
    answers, _ = ask(program, [Call("ref_func", tuple(args)) for args in inputs], sandbox, patient)
    missing = next((answer.missing for answer in answers if answer.missing), "")
    if missing:
        raise EvaluationError(f"its reference function gives no result: {missing}", where=problem.task.id)
    return [answer.value for answer in answers]


def _tolerance(body: list[ast.stmt]) -> float:
    """The last argument of ``assertion(candidate(*inp), exp, atol)``."""
    for node in ast.walk(ast.Module(body=body, type_ignores=[])):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "assertion":
            return float(ast.literal_eval(node.args[2]))
    return 0.0


def _comparison(result: Any, atol: float, *, as_set: bool) -> Comparison:
    """EvalPlus's rule: floats within 1e-6 and 1e-7 of their size, or what the task says; everything else as ``==``."""
    floats = type(result) is float or (type(result) in (list, tuple) and all(type(item) is float for item in result))
    near = atol or (1e-6 if floats else 0.0)
    return Comparison(strict=False, unordered=as_set, atol=near, rtol=1e-7 if near else 0.0)


def _is_no_root(coefficients: list, given: Any) -> str:
    """HumanEval/32: empty when the value is a root of the polynomial, whose first coefficient is the constant."""
    if type(given) not in (int, float):
        return f"{shown(given)} is not a number"
    try:
        value = sum(coefficient * given**power for power, coefficient in enumerate(coefficients))
        return "" if abs(value) <= ROOT_ATOL else f"{shown(given)} is not a root: the polynomial is {value:.3g} there"
    except OverflowError:
        return f"{shown(given)} is not a root"


SUITES = {"humaneval-plus": humaneval_plus, "mbpp-plus": mbpp_plus}
"""Name -> opener."""
