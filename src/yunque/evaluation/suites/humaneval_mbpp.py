"""The public Python suites whose tests are asserts: HumanEval, its infillings and translations, MBPP and its sanitized part.

Each row becomes a `Problem`: what the model is asked, how its answer becomes a program, and the test. The judge is
`checks.execution.python.Asserts`: most of these tests are judged outside the sandbox.

Covered: HumanEval (164), HumanEval-XL's Python (80 in each of five natural languages; its tests define ``check`` and never
call it: it is called here), infilling (single-line, multi-line, random-span, light), MBPP by the split that its paper names,
sanitized MBPP. MBPP 367 and 927 set up objects of the program's own classes: their set-up runs after the program.
Not covered: fetching; the files are read where they lie.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from yunque.checks.execution.python import Asserts
from yunque.code.python_ast import parse_python
from yunque.core.errors import EvaluationError
from yunque.core.nouns import Limits, Origin, PromptStyle, Record, Task, Verdict, content_id
from yunque.core.seams import Check, Sandbox
from yunque.evaluation.suites.extraction import code_of, last_definition
from yunque.evaluation.suites.rows import read_rows

HUMANEVAL_STOPS = ("\nclass ", "\ndef ", "\n#", "\n@", "\nprint(", "\nif ", "\n```")
MBPP_STOPS = ("\nclass ", "\nassert", '\n"""', "\nprint(", "\nif ", "\n```")
LANGUAGES = ("English", "Spanish", "Portuguese", "French", "Chinese")
MBPP_SPLITS = {"test": range(11, 511), "validation": range(511, 601), "train": range(601, 975), "prompt": range(1, 11)}
TRAINING_IDS = {"mbpp-train": tuple(f"Mbpp/{number}" for number in MBPP_SPLITS["train"])}
"""Public data that a model may have learned from -> the tasks, in every suite, that it cannot be judged by then."""
FUNCTION_QUESTION = """\
Complete this Python function. Answer with the whole function, its imports included, in one fenced code block.

```python
{prompt}
```
"""
SENTENCE_QUESTION = """\
{text}

Write it in Python, so that these tests pass:

```python
{tests}
```

Answer with the code alone, in one fenced code block.
"""
EXAMPLES = range(2, 5)
"""The three tasks of MBPP that its paper shows before it asks."""
LIMITS = Limits(wall_s=10.0, cpu_s=10.0, memory_bytes=1 << 30)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One task with what judges it, none of which a model sees."""

    task: Task
    before: str
    """The program is this, the answer, and ``after``."""
    after: str = ""
    canonical: str
    """An answer that must pass."""
    wrong: str
    """An answer that must not."""
    test: str
    entry: str = ""
    functions: tuple[str, ...] = ()
    """What the test may call."""
    given: str = ""
    """Helpers that the task gives and its test calls: the answer does not get to say what they do."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PythonSuite:
    """Problems judged by asserts (seam ``Suite``)."""

    name: str
    licence: str
    trainable: bool = False
    """Whether its rows may be used as training data at all."""
    problems: dict[str, Problem]
    sandbox: Sandbox | None = None
    limits: Limits = field(default_factory=lambda: LIMITS)

    def tasks(self) -> list[Task]:
        """Every task, in the file's order."""
        return [problem.task for problem in self.problems.values()]

    def program(self, task: Task, text: str, style: PromptStyle = PromptStyle.PREFIX) -> str:
        """The task's text around a completion; of a chat answer the code, below what stands before the function."""
        problem = self.problems[task.id]
        if style is PromptStyle.PROGRAM:
            return text
        if style is not PromptStyle.CHAT:
            return problem.before + text + problem.after
        if not problem.before:
            return code_of(text, r"^def ")
        definition = last_definition("python", problem.before)
        code = code_of(text, definition)
        if result := list(re.finditer(definition, problem.before)) if re.search(definition, code) else []:
            return problem.before[: result[-1].start()] + code
        return problem.before + textwrap.indent(textwrap.dedent(code), "    ") + problem.after

    def judge(self, task: Task, text: str, style: PromptStyle = PromptStyle.PREFIX) -> Verdict:
        """Does the program with this answer pass the task's test?"""
        problem = self.problems[task.id]
        if self.sandbox is None:
            raise EvaluationError("no sandbox to judge in", where=self.name)
        program = self.program(task, text, style)
        origin = Origin(source=self.name, path=task.id, revision="", licence=self.licence, collected_at="")
        record = Record(id=content_id(program), text=program, language="python", origin=origin)
        return self.check(problem, self.sandbox).judge(record)

    def check(self, problem: Problem, sandbox: Sandbox) -> Check:
        """What judges programs for a problem."""
        return Asserts(
            test=problem.test,
            functions=problem.functions,
            entry=problem.entry,
            given=problem.given,
            sandbox=sandbox,
            limits=self.limits,
            name=self.name,
        )

    def canonical(self, task: Task) -> str | None:
        """An answer that must pass; the share of them that does is the suite's ceiling here."""
        return self.problems[task.id].canonical

    def wrong(self, task: Task) -> str:
        """An answer that must fail: a suite whose wrong answers pass is not wired."""
        return self.problems[task.id].wrong


# ------------------------------------------------------------------------------------------------------------------- suites
def humaneval(folder: Path, sandbox: Sandbox | None = None) -> PythonSuite:
    """HumanEval (Chen et al. 2021): complete a function from its signature and docstring."""
    rows = read_rows(folder / "humaneval" / "HumanEval.jsonl.gz", ("task_id", "prompt", "canonical_solution", "test"))
    problems = [_completion(row, "humaneval", row["task_id"]) for row in rows]
    return _suite("humaneval", "MIT", problems, sandbox)


def humaneval_xl(folder: Path, natural_language: str, sandbox: Sandbox | None = None) -> PythonSuite:
    """HumanEval-XL's Python part (Peng et al. 2024) with docstrings in a natural language."""
    name = f"humaneval-xl-{natural_language.lower()}"
    path = folder / "humaneval-xl" / "python" / f"{natural_language}.jsonl"
    rows = read_rows(path, ("task_id", "prompt", "canonical_solution", "test", "entry_point"))
    return _suite(name, "MIT", [_completion(row, name, row["task_id"]) for row in rows], sandbox)


def infilling(folder: Path, kind: str, sandbox: Sandbox | None = None) -> PythonSuite:
    """HumanEval-Infilling (Bavarian et al. 2022): ``SingleLine``, ``MultiLine``, ``RandomSpan`` or ``RandomSpanLight``."""
    file = {"RandomSpanLight": "RandomSpanInfillingLight"}.get(kind, f"{kind}Infilling")
    path = folder / "humaneval-infilling" / f"HumanEval-{file}.jsonl.gz"
    rows = read_rows(path, ("task_id", "prompt", "suffix", "canonical_solution", "test", "entry_point"))
    name = f"humaneval-infilling-{kind.lower()}"
    problems = []
    for row in rows:
        group = "/".join(row["task_id"].split("/")[1:3])
        problems.append(_completion(row, name, group, suffix=row["suffix"]))
    return _suite(name, "MIT", problems, sandbox)


def mbpp(folder: Path, split: str = "test", sandbox: Sandbox | None = None) -> PythonSuite:
    """MBPP (Austin et al. 2021): a sentence and its asserts, a function to write; ids of one split, or ``all``."""
    rows = read_rows(folder / "mbpp" / "mbpp.jsonl", ("task_id", "text", "code", "test_list"))
    ids = range(1, 975) if split == "all" else MBPP_SPLITS[split]
    name = "mbpp" if split == "test" else f"mbpp-{split}"
    examples = _examples([row for row in rows if row["task_id"] in EXAMPLES])
    problems = [
        _sentence(row, row["text"], row.get("test_setup_code", ""), name, examples) for row in rows if row["task_id"] in ids
    ]
    return _suite(name, "CC-BY-4.0", problems, sandbox)


def mbpp_sanitized(folder: Path, sandbox: Sandbox | None = None) -> PythonSuite:
    """The 427 hand-checked tasks of MBPP; 120 of them are ids of its train split."""
    rows = read_rows(folder / "mbpp" / "sanitized-mbpp.json", ("task_id", "prompt", "code", "test_list"))
    name = "mbpp-sanitized"
    shown = read_rows(folder / "mbpp" / "mbpp.jsonl", ("task_id", "text", "code", "test_list"))
    examples = _examples([row for row in shown if row["task_id"] in EXAMPLES])
    problems = [_sentence(row, row["prompt"], "\n".join(row["test_imports"]), name, examples) for row in rows]
    return _suite(name, "CC-BY-4.0", problems, sandbox)


def _suite(name: str, licence: str, problems: list[Problem], sandbox: Sandbox | None) -> PythonSuite:
    return PythonSuite(
        name=name, licence=licence, problems={problem.task.id: problem for problem in problems}, sandbox=sandbox
    )


# ----------------------------------------------------------------------------------------------------------------- problems
def _completion(row: dict, suite: str, group: str, *, suffix: str = "") -> Problem:
    """A function to go on with, judged by its ``check(candidate)``."""
    prompt, entry = row["prompt"], row["entry_point"]
    whole = prompt + row["canonical_solution"] + suffix
    task = Task(
        id=row["task_id"],
        suite=suite,
        prompt=prompt,
        suffix=suffix,
        question="" if suffix else FUNCTION_QUESTION.format(prompt=prompt.rstrip()),
        stops=() if suffix else HUMANEVAL_STOPS,
        max_tokens=512 if not suffix else 128,
        language="python",
        group=group,
    )
    return Problem(
        task=task,
        before=prompt,
        after=suffix,
        canonical=row["canonical_solution"],
        wrong=_wrong_hole(row["canonical_solution"]) if suffix else "    return None\n",
        test=row["test"],
        entry=entry,
        functions=defined(whole),
        given=helpers(whole, prompt, entry),
    )


def _wrong_hole(text: str) -> str:
    """Something in place of a hole's text that no test survives."""
    indent = text[: len(text) - len(text.lstrip())] if text.strip() else ""
    return f"{indent}raise NotImplementedError" + ("\n" if text.endswith("\n") else "")


def _docstring(text: str, tests: list[str]) -> str:
    return '"""\n' + "\n".join([text.strip(), *tests]) + '\n"""\n'


def _sentence(row: dict, text: str, setup: str, suite: str, examples: str) -> Problem:
    """A function to write from a sentence and its asserts, as a docstring that code follows."""
    code = _unix(row["code"])
    setup = setup.replace("\r\n", "\n")
    tests = [test.replace("\r\n", "\n") for test in row["test_list"]]
    task = Task(
        id=f"Mbpp/{row['task_id']}",
        suite=suite,
        prompt=_docstring(text, tests),
        question=SENTENCE_QUESTION.format(text=text.strip(), tests="\n".join(tests)),
        examples=examples,
        stops=MBPP_STOPS,
        max_tokens=512,
        language="python",
        group=f"Mbpp/{row['task_id']}",
        part=mbpp_split(f"Mbpp/{row['task_id']}"),
    )
    functions = defined(code)
    wrong = "".join(f"def {name}(*args, **kwargs):\n    return None\n" for name in functions)
    return Problem(task=task, before="", canonical=code, wrong=wrong, test="\n".join([setup, *tests]), functions=functions)


def _examples(rows: list[dict]) -> str:
    return "".join(f"{_docstring(row['text'], row['test_list'])}{_unix(row['code']).strip()}\n\n\n" for row in rows)


def mbpp_split(task_id: str) -> str:
    """The split of MBPP's paper that a task of MBPP, sanitized MBPP or MBPP+ belongs to."""
    number = int(task_id.partition("/")[2])
    return next((name for name, ids in MBPP_SPLITS.items() if number in ids), "")


def _unix(code: str) -> str:
    """MBPP's code with the line ends and the indentation of all the others: 972 rows have CRLF, 129 have tabs."""
    return code.replace("\r\n", "\n").replace("\t", "    ")


def helpers(whole: str, prompt: str, entry: str) -> str:
    """What stands at a program's top level, within its prompt, if a function but ``entry`` is among it; else empty."""
    lines = prompt.count("\n")
    nodes = [
        node for node in parse_python(whole).body if (node.end_lineno or 0) <= lines and getattr(node, "name", "") != entry
    ]
    if not any(isinstance(node, ast.FunctionDef) for node in nodes):
        return ""
    return "\n".join(ast.unparse(node) for node in nodes)


def defined(program: str) -> tuple[str, ...]:
    """The names that a program's top level gives to functions; none if it does not parse."""
    try:
        body = parse_python(program).body
    except (SyntaxError, ValueError):
        return ()
    return tuple(dict.fromkeys(item.name for item in body if isinstance(item, ast.FunctionDef)))


Opener = Callable[[Path, Sandbox | None], PythonSuite]


def _infilling(kind: str) -> Opener:
    return lambda folder, sandbox: infilling(folder, kind, sandbox)


def _humaneval_xl(language: str) -> Opener:
    return lambda folder, sandbox: humaneval_xl(folder, language, sandbox)


SUITES: dict[str, Opener] = {
    "humaneval": humaneval,
    "mbpp": lambda folder, sandbox: mbpp(folder, "test", sandbox),
    "mbpp-all": lambda folder, sandbox: mbpp(folder, "all", sandbox),
    "mbpp-sanitized": mbpp_sanitized,
    **{
        f"humaneval-infilling-{kind.lower()}": _infilling(kind)
        for kind in ("SingleLine", "MultiLine", "RandomSpan", "RandomSpanLight")
    },
    **{f"humaneval-xl-{language.lower()}": _humaneval_xl(language) for language in LANGUAGES},
}
"""Name -> opener."""
