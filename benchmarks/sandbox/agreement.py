"""Right and nearly right answers, judged by the best seat of each test and by the benchmark's own program.

    python benchmarks/sandbox/agreement.py --benchmarks FOLDER [--mutants 2] [--workers 2]

Answers: every canonical one of the Python suites, and programs that differ from it by one change (an operator, a number, a
comparison, a returned value), chosen by the hash of its text. The benchmark's own program is prompt + answer + test in one
process, as its authors run it; an answer that tells the two apart is printed with both verdicts.
"""

from __future__ import annotations

import argparse
import ast
import copy
import json
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from yunque.checks.execution import Asserts, timed_out
from yunque.core.nouns import Origin, Outcome, Record, seed_from
from yunque.evaluation.python_suites import PythonSuite
from yunque.evaluation.suites import open_suite
from yunque.sandbox import open_sandbox

SUITES = ("humaneval", "mbpp-all", "mbpp-sanitized", "humaneval-xl-spanish")
SWAPS = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv, ast.Lt: ast.LtE,
    ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.And: ast.Or,
    ast.Or: ast.And, ast.In: ast.NotIn,
}  # fmt: skip


def mutants(program: str, number: int) -> list[str]:
    """Up to so many programs with one change each; none where there is nothing to change."""
    tree = ast.parse(program)
    places = [at for at, node in enumerate(ast.walk(tree)) if _change(copy.deepcopy(node))]
    chosen = random.Random(seed_from(17, program, 0)).sample(places, min(number, len(places)))
    found = []
    for place in chosen:
        other = copy.deepcopy(tree)
        _change(next(node for at, node in enumerate(ast.walk(other)) if at == place))
        found.append(ast.unparse(other))
    return found


def _change(node: ast.AST) -> bool:
    """Change one node in place; whether it could be."""
    if isinstance(node, ast.BinOp | ast.BoolOp) and type(node.op) in SWAPS:
        node.op = SWAPS[type(node.op)]()
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPS:
        node.ops[0] = SWAPS[type(node.ops[0])]()
    elif isinstance(node, ast.Constant) and type(node.value) is int:
        node.value += 1
    elif isinstance(node, ast.Return) and node.value is not None and not isinstance(node.value, ast.List):
        node.value = ast.List(elts=[node.value], ctx=ast.Load())
    else:
        return False
    return True


def main() -> None:
    """Print a table of verdicts, and every difference."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--benchmarks", type=Path, required=True)
    parser.add_argument("--mutants", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = []
    with open_sandbox() as box, ThreadPoolExecutor(options.workers) as pool:
        for name in SUITES:
            suite = open_suite(name, box, options.benchmarks)
            assert isinstance(suite, PythonSuite)
            answers = []
            for problem in suite.problems.values():
                whole = problem.before + problem.canonical + problem.after
                answers += [(problem, "canonical", whole)]
                answers += [(problem, "changed", text) for text in mutants(whole, options.mutants)]

            def judge(item: tuple, suite: PythonSuite = suite) -> dict:
                problem, kind, text = item
                record = Record(
                    id="r", text=text, language="python",
                    origin=Origin(source=suite.name, path="", revision="", licence="", collected_at=""),
                )  # fmt: skip
                check = suite.check(problem, box)
                assert isinstance(check, Asserts)
                strong, own = check.judge(record), replace(check, seat="in-process", given="").judge(record)
                return {
                    "suite": suite.name, "task": problem.task.id, "kind": kind, "seat": strong.seat,
                    "strong": strong.outcome.value, "own": own.outcome.value, "detail": strong.detail,
                    "late": timed_out(strong) or timed_out(own), "text": text,
                }  # fmt: skip

            rows += pool.map(judge, answers)
    print("| suite | answers | both pass | neither | differ | seats |\n|---|--:|--:|--:|--:|---|")
    for name in SUITES:
        mine = [row for row in rows if row["suite"] == name]
        passed = [(row["strong"] == Outcome.PASS, row["own"] == Outcome.PASS) for row in mine]
        seats = ", ".join(f"{seat} {number}" for seat, number in Counter(row["seat"] for row in mine).most_common())
        both, neither = passed.count((True, True)), passed.count((False, False))
        print(f"| {name} | {len(mine)} | {both} | {neither} | {len(mine) - both - neither} | {seats} |")
    for row in rows:
        if (row["strong"] == Outcome.PASS) != (row["own"] == Outcome.PASS):
            print(f"\n{row['suite']} {row['task']} ({row['kind']}): {row['strong']} {row['seat']}, own program {row['own']}")
            print(f"  {row['detail'][:200]}")
    if options.json:
        options.json.write_text(json.dumps(rows))


if __name__ == "__main__":
    main()
