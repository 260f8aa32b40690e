"""Whether code that is verified before it is given is better: HumanEval and MBPP test, raw against verified.

    python benchmarks/serving/verified.py MODEL.gguf [--suite humaneval|mbpp] [--tasks 164] [--samples 4] [--rounds 1]

For every task (of more than ``--tasks`` so many, drawn by a seed) the answers of llama.cpp, in plain style:

    suite       to the suite's own prompt, greedy: what `yunque eval` measures
    raw         to the prompt of `yunque write`, greedy: the first answer of the row below
    verified    the best of ``--samples`` answers and ``--rounds`` rounds more, by the usual checks and the tests that a
                person would have: the examples of HumanEval's docstring, the first assert of MBPP

The tests that decide pass@1 are the suite's, which hold more than those above. Of MBPP the assert that was shown is among
them, and the suite's own prompt shows all three. Share that parses and with a finding of the insecure
patterns or Bandit; differences verified minus raw with the 95 % interval of a bootstrap over tasks; seconds an answer.
Answers go to ``--json``, so that nothing of a table must be believed; tasks come in an order of chance, so that a run that
was ended early is a sample (``--read`` prints its tables).
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paired import print_paired

from yunque.code.python_ast import try_parse_python
from yunque.core.nouns import Outcome, PromptStyle, Request, Task, unsourced
from yunque.core.paths import benchmarks_folder
from yunque.data.screening.screen import load_checks
from yunque.evaluation.suites.humaneval_mbpp import PythonSuite, humaneval, mbpp
from yunque.inference.llama_cpp_engine import LlamaCppEngine
from yunque.inference.verified import USUAL_CHECKS
from yunque.inference.verified.coding import CodingTask, Verb
from yunque.inference.verified.generation import GenerationSettings, VerifiedGeneration
from yunque.inference.verified.judging import BY_TESTS
from yunque.reports.forge.collect import machine_facts
from yunque.sandbox import open_sandbox

SUITES = {"humaneval": humaneval, "mbpp": mbpp}
INSECURE = ("bandit", "insecure-patterns")
MOST_TOKENS = 320


@dataclass(frozen=True, kw_only=True)
class Place:
    """A task, as the paired table groups them."""

    path: str


def coding_task(suite: PythonSuite, task: Task) -> CodingTask:
    """What a person would ask, with the tests they would have."""
    problem = suite.problems[task.id]
    if suite.name == "humaneval":
        return CodingTask(verb=Verb.WRITE, code=task.prompt)  # with the examples in its docstring
    sentence, *asserts = task.prompt.strip().strip('"').strip().rsplit("\n", len(problem.test.strip().splitlines()[-3:]))
    asserts = [line for line in asserts if line.startswith("assert")][:1]
    entry = next((name for name in problem.functions if asserts and name in asserts[0]), problem.functions[-1])
    return CodingTask(verb=Verb.WRITE, instruction="\n".join([sentence, *asserts]), tests=test_file(entry, asserts))


def test_file(entry: str, asserts: list[str]) -> dict[str, str]:
    """A pytest file of one test an assert."""
    tests = "".join(f"\n\ndef test_{number}():\n    {line}\n" for number, line in enumerate(asserts))
    return {"test_examples.py": f"from answer import {entry}\n{tests}"} if asserts else {}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--suite", choices=sorted(SUITES), default="humaneval")
    parser.add_argument("--benchmarks", type=Path, default=benchmarks_folder())
    parser.add_argument("--tasks", type=int, default=1000)
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--json", type=Path, help="where the answers are written, a line a task")
    parser.add_argument("--read", action="store_true", help="print the tables of the answers in --json, and ask nothing")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    if asked.read:
        print_tables(asked, [json.loads(line) for line in asked.json.read_text("utf-8").splitlines()])
        return
    engine = LlamaCppEngine(asked.model, slots=asked.samples, prompt_tokens=1024)
    settings = GenerationSettings(
        samples=asked.samples, rounds=asked.rounds, max_tokens=MOST_TOKENS, style="plain", seed=asked.seed
    )
    looks = load_checks(INSECURE)
    rows: list[dict[str, Any]] = []
    with open_sandbox() as sandbox:
        suite = SUITES[asked.suite](asked.benchmarks, sandbox=sandbox)
        generation = VerifiedGeneration(engine=engine, checks=load_checks(USUAL_CHECKS), sandbox=sandbox, settings=settings)
        tasks = suite.tasks()
        tasks = random.Random(asked.seed).sample(tasks, min(asked.tasks, len(tasks)))

        def told(task: Task, code: str, seconds: float) -> dict[str, Any]:
            """What is known of an answer: a whole program."""
            insecure = sum(check.judge(unsourced(code, "python", "answer.py")).outcome is Outcome.FAIL for check in looks)
            passes = suite.judge(task, code, PromptStyle.PROGRAM).outcome is Outcome.PASS
            parses = try_parse_python(code) is not None
            return {"code": code, "s": seconds, "passes": passes, "parses": parses, "insecure": bool(insecure)}

        for number, task in enumerate(tasks, 1):
            started = time.perf_counter()
            (own,) = engine.complete([Request(prompt=task.prompt, stops=task.stops, max_tokens=MOST_TOKENS)])
            own_s = time.perf_counter() - started
            coding = coding_task(suite, task)
            started = time.perf_counter()
            answer = generation.answer(coding)
            seconds = time.perf_counter() - started
            first = answer.attempts[0]
            row = {
                "task": task.id, "tests": any(item.check in BY_TESTS for item in answer.best.verdicts),
                "clean": answer.is_clean, "attempts": len(answer.attempts),
                "suite": told(task, suite.program(task, own.text), own_s),
                "raw": told(task, first.parsed.code, first.took_ms / 1000),
                "verified": told(task, answer.best.parsed.code, seconds),
            }  # fmt: skip
            rows.append(row)
            if asked.json:
                with asked.json.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
            if number % 20 == 0:
                passed = [sum(row[arm]["passes"] for row in rows) for arm in ("suite", "raw", "verified")]
                print(f"{number}/{len(tasks)}: passed {passed}", flush=True)
    print_tables(asked, rows)


def print_tables(asked: argparse.Namespace, rows: list[dict[str, Any]]) -> None:
    """What was measured."""
    facts = machine_facts()
    tested, clean = [row for row in rows if row["tests"]], [row for row in rows if row["clean"]]
    print(f"\n{asked.suite}, {asked.model}, {asked.samples} samples, {asked.rounds} rounds")
    print(f"{facts.cpu}, {facts.num_cores} cores")
    print(f"n = {len(rows)} tasks, {len(tested)} with tests to verify by\n")
    print("| | pass@1 | parses | insecure | s an answer, median | mean |\n|---|--:|--:|--:|--:|--:|")
    for arm in ("suite", "raw", "verified"):
        shares = (100 * statistics.mean(row[arm][key] for row in rows) for key in ("passes", "parses", "insecure"))
        seconds = [row[arm]["s"] for row in rows]
        print("| {} | {:.1f} | {:.1f} | {:.1f} |".format(arm, *shares), end="")
        print(f" {statistics.median(seconds):.1f} | {statistics.mean(seconds):.1f} |")
    right = sum(row["verified"]["passes"] for row in clean)
    print(f"\nexit status 0: {len(clean)} of {len(rows)}, of which {right} pass the suite's tests")
    for name, part in (("with tests to verify by", tested), ("without", [row for row in rows if not row["tests"]])):
        right = [sum(row[arm]["passes"] for row in part) for arm in ("raw", "verified")]
        print(f"{name}: {right[0]} -> {right[1]} of {len(part)} pass")
    print("\n| | raw | verified | verified - raw | 95 % |\n|---|--:|--:|--:|---|")
    keys = {"passes": "pass@1", "parses": "parses", "insecure": "insecure"}
    scores = {name: (lambda value, _, key=key: float(value[key])) for key, name in keys.items()}
    answers = [[row[arm] for row in rows] for arm in ("raw", "verified")]
    print_paired(scores, answers, [Place(path=row["task"]) for row in rows])


if __name__ == "__main__":
    main()
