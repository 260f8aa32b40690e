"""Any JSON Lines file of one's own as a suite: a row is a task, with tests that judge it or a reference to compare with.

``id``                         text or whole number, once in the file
``prompt``, ``question``       what a model goes on from; what a chat model is asked (one of them at least)
``tests``                      asserts, a ``def check(candidate)``, functions and classes that pytest or unittest would find,
                               or what stands behind a program in another language
``entry``                      the function that ``check`` is given
``canonical``, ``reference``   an answer that must pass; a text to compare with (either stands in for the other)
``wrong``                      an answer that must fail; the empty answer where there is none
``before``, ``after``          what stands around the answer: the prompt and the suffix where they are not given
``language``, ``suffix``, ``stops``, ``max_tokens``, ``group``, ``kind``, ``natural_language``

Covered: Python, judged from as far outside as its tests allow; the other languages of `programs`, whose failed asserts
end the program; completions and chat answers; rows without tests, which pass when they are the reference, blanks at both
ends aside, and whose score is the edit similarity. Every row is looked at before the first is asked.
Python tests that no answer can fail are refused.
Not covered: tests that no answer can pass (measure the canonical answers); several files; tests of another language whose
last assert is not their last statement.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from yunque.checks.execution.programs import ENDINGS
from yunque.checks.findings import decide, timed
from yunque.core.errors import EvaluationError, SandboxError
from yunque.core.nouns import Limits, Measure, PromptStyle, Task, Verdict
from yunque.core.plugins import nearest
from yunque.core.seams import Sandbox
from yunque.evaluation.metrics.statistics import describe
from yunque.evaluation.metrics.text import edit_similarity
from yunque.evaluation.suites.extraction import DEFINES, code_of, cut, last_definition, merge
from yunque.evaluation.suites.humaneval_mbpp import LIMITS
from yunque.evaluation.suites.judging import judge_program, judge_python
from yunque.evaluation.suites.plain_asserts import runnable
from yunque.sandbox.languages.table import runtime

MAX_TOKENS = 512
TEXTS = (
    "prompt", "question", "language", "suffix", "entry", "canonical", "reference", "wrong", "group", "before", "after",
    "kind", "natural_language",
)  # fmt: skip
KEYS = (*TEXTS, "id", "tests", "stops", "max_tokens")
PLAIN = "text"
"""The language of rows that are compared and never run, beside those of `sandbox.languages.table`."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One task with what judges it, none of which a model sees."""

    task: Task
    before: str
    """The program is this, the answer, and ``after``."""
    after: str
    tests: str
    """Empty: the answer is compared with ``reference``."""
    entry: str
    functions: tuple[str, ...]
    """What Python tests may call."""
    canonical: str | None
    reference: str | None
    wrong: str
    natural_language: str
    """ISO 639-1 code of the prompt, or ``und``."""

    @property
    def definition(self) -> str:
        """A pattern: what the definition of the function that is asked for looks like."""
        result = last_definition(self.task.language, self.before)
        if re.search(result, self.before, re.MULTILINE):
            return result
        name = self.entry or next(iter(self.functions), "")
        known = DEFINES.get(self.task.language)
        return known.replace("NAME", re.escape(name)) if known and name else "(?!)"


@dataclass(frozen=True, kw_only=True, eq=False)
class JsonlSuite:
    """The rows of one file (seam ``Suite``)."""

    name: str
    licence: str = "unknown"
    trainable: bool = False
    """Whether its rows may be used as training data at all."""
    rows: dict[str, Row]
    sandbox: Sandbox | None = None
    limits: Limits = field(default_factory=lambda: LIMITS)
    cache: Path | None = None
    """Where compiled programs are kept; None: the user's cache folder."""

    def tasks(self) -> list[Task]:
        """Every task, in the file's order."""
        return [row.task for row in self.rows.values()]

    @property
    def key(self) -> str:
        """What judges the rows, for whoever keeps verdicts."""
        return json.dumps([(row.before, row.after, row.tests, row.entry, row.reference) for row in self.rows.values()])

    def program(self, task: Task, text: str, style: PromptStyle = PromptStyle.PREFIX) -> str:
        """What stands around a completion, with it; of a chat answer the code, below what stands before the function."""
        row = self.rows[task.id]
        if style is PromptStyle.PROGRAM:
            return text
        if style is not PromptStyle.CHAT:
            return row.before + cut(text, task.stops) + row.after
        code, python = code_of(text, row.definition), task.language == "python"
        declared = list(re.finditer(row.definition, row.before, re.MULTILINE))
        if declared and re.search(row.definition, code, re.MULTILINE):
            head = row.before[: row.before.rfind("\n", 0, declared[-1].start()) + 1]
            return head + code if python else merge(_unrepeated(head, code), code, task.language, row.definition)
        if declared and python:
            code = textwrap.indent(textwrap.dedent(code), "    ")
        return row.before + code + row.after

    def judge(self, task: Task, text: str, style: PromptStyle = PromptStyle.PREFIX) -> Verdict:
        """What the row's tests say of the program with this answer, or how near it comes to the reference."""
        row = self.rows[task.id]
        if not row.tests:
            return self._compared(row, text, style)
        text = text.encode("utf-8", "replace").decode()  # half a character cannot be written into a file
        program = self.program(task, text, style)
        if task.language == "python":
            return judge_python(self, task, program, row.tests, entry=row.entry, functions=row.functions)
        return judge_program(self, task, f"{program}\n{row.tests}", given=f"{row.before}{row.tests}")

    def canonical(self, task: Task) -> str | None:
        """The row's own answer; the share of them that pass is the suite's ceiling here."""
        return self.rows[task.id].canonical

    def wrong(self, task: Task) -> str:
        """The row's wrong answer, or the empty one."""
        return self.rows[task.id].wrong

    def measures(self, answers: Sequence[tuple[Task, str]]) -> list[Measure]:
        """Exact match and mean edit similarity of the answers whose rows have a reference; none where none has.

        What stands around the answer, where the code given holds it, does not count.
        """
        exact, similar, groups = [], [], []
        for task, code in answers:
            row = self.rows[task.id]
            if row.reference is None:
                continue
            answer = code.removeprefix(row.before).removesuffix(row.after)
            exact.append(float(_is_exact(answer, row.reference)))
            similar.append(edit_similarity(answer, row.reference))
            groups.append(task.group)
        if not groups:
            return []
        return [describe("exact match", exact, groups), describe("edit similarity", similar, groups)]

    @timed
    def _compared(self, row: Row, text: str, style: PromptStyle) -> Verdict:
        answer = code_of(text, row.definition) if style is PromptStyle.CHAT else cut(text, row.task.stops)
        reference = row.reference or ""
        exact, similarity = _is_exact(answer, reference), edit_similarity(answer, reference)
        detail = "the reference" if exact else f"not the reference: edit similarity {similarity:.3f}"
        return decide(self.name, score=similarity, fails=not exact, detail=detail)


def _unrepeated(head: str, code: str) -> str:
    """What stands before the function without the lines that require what the code requires itself."""
    return "".join(line for line in head.splitlines(keepends=True) if "require(" not in line or line.strip() not in code)


def _is_exact(answer: str, reference: str) -> bool:
    return answer.strip() == reference.strip()


def open_jsonl(
    path: Path,
    sandbox: Sandbox | None = None,
    *,
    name: str = "",
    licence: str = "unknown",
    trainable: bool = False,
    limits: Limits = LIMITS,
) -> JsonlSuite:
    """A file's rows as a suite, named as the file is. EvaluationError names the file, the row, and what to fix."""
    path = Path(path)
    name = name or path.stem
    rows: dict[str, Row] = {}
    for number, result in _objects(path):
        row = _row(_checked(result, path, number), name, path, number)
        if row.task.id in rows:
            raise EvaluationError(f"row {number} repeats id {row.task.id!r}", where=path)
        rows[row.task.id] = row
    if not rows:
        raise EvaluationError("holds no rows", where=path, do="write one JSON object a line")
    return JsonlSuite(name=name, licence=licence, trainable=trainable, rows=rows, sandbox=sandbox, limits=limits)


# ------------------------------------------------------------------------------------------------------------------ reading
def _objects(path: Path) -> Iterator[tuple[int, dict]]:
    """The file's objects with the numbers of their lines; blank lines are passed over."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else f"cannot be read ({error})"
        raise EvaluationError(reason, where=path) from None
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            loads = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise EvaluationError(f"row {number} is not JSON ({error})", where=path, do="one JSON object a line") from None
        if not isinstance(loads, dict):
            raise EvaluationError(f"row {number} is {_kind(loads)}, not an object", where=path)
        yield number, loads


def _checked(results: dict, path: Path, number: int) -> dict:
    """The row without its nulls, once every key is known and every value of its type."""
    for key in results:
        if key not in KEYS:
            raise EvaluationError(f"row {number} has an unknown key {key!r}", where=path, do=nearest(key, list(KEYS)))
    row = {key: value for key, value in results.items() if value is not None}
    if row.get("id") in (None, ""):
        raise EvaluationError(f"row {number} has no 'id'", where=path)
    for key, value in row.items():
        wanted = _wanted(key, value)
        if wanted:
            raise EvaluationError(f"row {number}: {key!r} must be {wanted}, not {_kind(value)}", where=path)
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise EvaluationError(f"row {number}: {key!r} holds half a character", where=path) from None
    return row


def _wanted(key: str, value: object) -> str:
    """What a key's value should have been; empty when it is that."""
    texts = isinstance(value, list) and all(isinstance(character, str) and character for character in value)
    whole = isinstance(value, int) and not isinstance(value, bool)
    if key == "id":
        return "" if whole or isinstance(value, str) else "a text or a whole number"
    if key == "max_tokens":
        return "" if whole and isinstance(value, int) and value > 0 else "a whole number above 0"
    if key == "stops":
        return "" if texts else "a list of texts"
    if key == "tests":
        return "" if texts or isinstance(value, str) else "a text or a list of texts"
    return "" if isinstance(value, str) else "a text"


def _kind(value: object) -> str:
    """What JSON calls a value, with the value where it is short."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int | float):
        return f"the number {value}"[:40]
    names: dict[type, str] = {str: "a text", list: "a list", dict: "an object"}
    return names[type(value)] + (" that is empty" if not value else "")


# --------------------------------------------------------------------------------------------------------------------- rows
def _row(row: dict, suite: str, path: Path, number: int) -> Row:
    """A checked object as a row. EvaluationError when it cannot be asked or judged."""

    def refuse(what: str, do: str = "") -> EvaluationError:
        return EvaluationError(f"row {number} {what}", where=path, do=do)

    tests = row.get("tests", "")
    tests = tests if isinstance(tests, str) else "\n".join(tests)
    tests = tests if tests.strip() else ""
    prompt, question = row.get("prompt", ""), row.get("question", "")
    if not prompt.strip() and not question.strip():
        raise refuse("has no 'prompt' and no 'question'")
    if not tests and "reference" not in row and "canonical" not in row:
        raise refuse("has no 'tests' and no 'reference': nothing can judge it")
    try:
        known = _language(row.get("language", "python"), bool(tests))
        functions: tuple[str, ...] = ()
        entry = row.get("entry", "")
        if tests and known == "python":
            tests, entry, functions = runnable(tests, entry)
    except ValueError as error:
        raise refuse(*error.args) from None
    task = Task(
        id=str(row["id"]),
        suite=suite,
        prompt=prompt or f"{question.rstrip()}\n",
        question=question,
        suffix=row.get("suffix", ""),
        stops=tuple(row.get("stops", ())),
        max_tokens=row.get("max_tokens", MAX_TOKENS),
        language=known,
        group=row.get("group") or str(row["id"]),
        part=row.get("kind", ""),
    )
    return Row(
        task=task,
        before=row.get("before", prompt),
        after=row.get("after", task.suffix),
        tests=tests,
        entry=entry,
        functions=functions,
        canonical=row.get("canonical", row.get("reference")),
        reference=row.get("reference", None if tests else row.get("canonical")),
        wrong=row.get("wrong", ""),
        natural_language=row.get("natural_language", "und"),
    )


def _language(name: str, is_run: bool) -> str:
    """Our name of a language. ValueError with what is wrong and what to do when its tests cannot be run."""
    if name.lower() == PLAIN and not is_run:
        return PLAIN
    try:
        known = runtime(name).name
    except SandboxError as error:
        raise ValueError(f"is in an unknown language {name!r}", error.do) from None
    if is_run and known not in ENDINGS:
        raise ValueError(f"has tests in {known}, where none can be run", f"known: {', '.join(sorted(ENDINGS))}")
    return known


def open_named(rest: str, sandbox: Sandbox | None, _: Path | None = None) -> JsonlSuite:
    """The suite ``jsonl:FILE``."""
    return open_jsonl(Path(rest), sandbox)
