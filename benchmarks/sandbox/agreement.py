"""Right and nearly right answers, judged by the best seat of each test and by the benchmark's own program.

    python benchmarks/sandbox/agreement.py --benchmarks FOLDER [--mutants 2] [--kinds 1] [--workers 2] [--suites NAME …]

Answers: every canonical one of the Python suites; programs that differ from it by one change (an operator, a number, a
comparison, a returned value); and programs that return the same as another kind of value (a NumPy scalar, a tuple, a
generator, …). Both are chosen by the hash of the text. The benchmark's own program is prompt + answer + test in one process,
as its authors run it; an answer that tells the two apart is printed with both verdicts.
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

from yunque.checks.execution.python import Asserts, timed_out
from yunque.core.nouns import Origin, Outcome, Record, seed_from
from yunque.core.seams import Check
from yunque.evaluation.registry import open_suite
from yunque.evaluation.suites.humaneval_mbpp import Problem, PythonSuite
from yunque.sandbox import open_sandbox

SUITES = ("humaneval", "mbpp-all", "mbpp-sanitized", "humaneval-xl-spanish", "humaneval-plus", "mbpp-plus")
SWAPS = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv, ast.Lt: ast.LtE,
    ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.And: ast.Or,
    ast.Or: ast.And, ast.In: ast.NotIn,
}  # fmt: skip


KINDS = {
    "numpy scalar": "numpy.asarray(value)[()] if type(value) in (bool, int, float, str) else value",
    "numpy array": "numpy.asarray(value) if type(value) is list else value",
    "tuple for list": "tuple(value) if type(value) is list else value",
    "list for tuple": "list(value) if type(value) is tuple else value",
    "generator": "(item for item in value) if type(value) in (list, tuple) else value",
    "deque": "collections.deque(value) if type(value) is list else value",
    "OrderedDict": "collections.OrderedDict(value) if type(value) is dict else value",
    "defaultdict": "collections.defaultdict(int, value) if type(value) is dict else value",
    "Counter": "collections.Counter(value) if type(value) is dict else value",
    "dict views": "dict.fromkeys(value).keys() if type(value) in (list, set) else value",
    "frozenset": "frozenset(value) if type(value) is set else value",
    "Decimal": "decimal.Decimal(value) if type(value) in (int, float) else value",
    "Fraction": "fractions.Fraction(value) if type(value) is int else value",
    "float for int": "float(value) if type(value) is int else value",
    "int for bool": "int(value) if type(value) is bool else value",
    "bool for int": "bool(value) if type(value) is int else value",
    "complex": "complex(value) if type(value) in (int, float) else value",
    "bytes": "value.encode() if type(value) is str else value",
    "range": "range(value[0], value[-1] + 1) if type(value) is list and value and {*map(type, value)} == {int} else value",
    "IntEnum": "enum.IntEnum('Kind', {'A': value}).A if type(value) is int else value",
    "str subclass": "type('Text', (str,), {})(value) if type(value) is str else value",
    "list subclass": "type('Items', (list,), {})(value) if type(value) is list else value",
    "namedtuple": "collections.namedtuple('Row', 'abcdefgh'[: len(value)])(*value) if type(value) is tuple else value",
    "None for empty": "value or None",
}
"""What becomes of a result, by the kind it then is."""
_OTHER_KIND = """

def {entry}(*arguments, _right={entry}, **named):
    import collections, decimal, enum, fractions
    import numpy
    value = _right(*arguments, **named)
    return {kind}
"""


def of_other_kinds(program: str, entry: str, number: int) -> list[str]:
    """So many programs that return what the function returns as another kind of value."""
    chosen = random.Random(seed_from(23, program, 0)).sample(list(KINDS), min(number, len(KINDS)))
    return [program + _OTHER_KIND.format(entry=entry, kind=KINDS[kind]) for kind in chosen]


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


def _entry(suite: PythonSuite, problem: Problem) -> str:
    """The function that a task asks for."""
    return problem.entry or suite.check(problem, suite.sandbox).functions[0]


def _own_program(check: Check, problem: Problem) -> Asserts:
    """The check that runs everything in one process."""
    if isinstance(check, Asserts):
        return replace(check, judge_location="in-process", given="")
    functions, given = (problem.entry,), problem.entry if "def check(" in problem.test else ""
    return Asserts(
        test=problem.test,
        functions=functions,
        entry=given,
        sandbox=check.sandbox,
        limits=check.limits,
        judge_location="in-process",
    )


def main() -> None:
    """Print a table of verdicts, and every difference."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--benchmarks", type=Path, required=True)
    parser.add_argument("--mutants", type=int, default=2)
    parser.add_argument("--kinds", type=int, default=1)
    parser.add_argument("--suites", nargs="+", default=SUITES)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = []
    with open_sandbox() as box, ThreadPoolExecutor(options.workers) as pool:
        for name in options.suites:
            suite = open_suite(name, box, options.benchmarks)
            assert isinstance(suite, PythonSuite)
            answers = []
            for problem in suite.problems.values():
                whole = problem.before + problem.canonical + problem.after
                answers += [(problem, "canonical", whole)]
                answers += [(problem, "changed", text) for text in mutants(whole, options.mutants)]
                answers += [
                    (problem, "of another kind", text) for text in of_other_kinds(whole, problem.entry, options.kinds)
                ]

            def judge(item: tuple, suite: PythonSuite = suite) -> dict:
                problem, kind, text = item
                record = Record(
                    id="r", text=text, language="python",
                    origin=Origin(source=suite.name, path="", revision="", licence="", collected_at=""),
                )  # fmt: skip
                check = suite.check(problem, box)
                strong, own = check.judge(record), _own_program(check, problem).judge(record)
                return {
                    "suite": suite.name, "task": problem.task.id, "kind": kind, "judge_location": strong.judge_location,
                    "strong": strong.outcome.value, "own": own.outcome.value, "detail": strong.detail,
                    "late": timed_out(strong) or timed_out(own), "text": text,
                }  # fmt: skip

            rows += pool.map(judge, answers)
    print("| suite | answers | both pass | neither | differ | judge locations |\n|---|--:|--:|--:|--:|---|")
    for name in options.suites:
        mine = [row for row in rows if row["suite"] == name]
        passed = [(row["strong"] == Outcome.PASS, row["own"] == Outcome.PASS) for row in mine]
        counts = Counter(row["judge_location"] for row in mine).most_common()
        locations = ", ".join(f"{location} {number}" for location, number in counts)
        both, neither = passed.count((True, True)), passed.count((False, False))
        print(f"| {name} | {len(mine)} | {both} | {neither} | {len(mine) - both - neither} | {locations} |")
    for row in rows:
        if (row["strong"] == Outcome.PASS) != (row["own"] == Outcome.PASS):
            print(f"\n{row['suite']} {row['task']} ({row['kind']}): {row['strong']} {row['seat']}, own program {row['own']}")
            print(f"  {row['detail'][:200]}")
    if options.json:
        options.json.write_text(json.dumps(rows))


if __name__ == "__main__":
    main()
