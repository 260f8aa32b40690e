"""The same tasks asked in other words: does a model still know the answer when only the asking changed?

Every task becomes one task a change, its meaning kept and its tests the same (after ReCode, Wang et al. 2022, whose classes
are docstring, function name, syntax and format):

=============  ======================================================================================================
as-is          nothing changed
paraphrase     words of the docstring replaced by words that mean the same
rename         the function has another name, in the prompt; the judge calls it by that
whitespace     tabs for spaces in the docstring, blanks at line ends, blank lines doubled
typos          two neighbouring letters swapped in about one word of eight of the docstring
=============  ======================================================================================================

Each way is a part with a score of its own, and "pass, worst of 5" is the share of tasks that pass however they are asked.

Covered: suites of Python functions to complete (HumanEval and its kin); changes depend on the task's text alone.
Not covered: code, examples and names in docstrings, which stay as they are; other languages.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from yunque.core.errors import EvaluationError
from yunque.core.nouns import PromptStyle, Task, Verdict, seed_from
from yunque.core.seams import Sandbox
from yunque.evaluation.suites.humaneval_mbpp import FUNCTION_QUESTION, PythonSuite

SAME = {
    "returns": "gives back", "return": "give back", "given": "provided", "check": "verify", "find": "determine",
    "function": "routine", "write": "implement", "create": "build", "string": "text", "strings": "texts",
    "takes": "accepts", "should": "must", "also": "additionally", "only": "solely", "smallest": "least",
    "largest": "greatest", "remove": "delete", "calculate": "compute", "integer": "whole number",
    "integers": "whole numbers", "array": "sequence", "task": "job", "contains": "includes", "whether": "if",
    "devuelve": "retorna", "devolver": "retornar", "dada": "proporcionada", "dado": "proporcionado", "cadena": "texto",
    "comprueba": "verifica", "encuentra": "halla", "función": "rutina", "debe": "tiene que", "entero": "número entero",
    "enteros": "números enteros", "tarea": "labor", "solo": "solamente", "también": "además",
}  # fmt: skip
"""Words of docstrings, English and Spanish -> words that mean the same there."""

_DOCSTRING = re.compile(r'("""|\'\'\')(.*?)(\1)', re.DOTALL)
_EXAMPLE = re.compile(r">>>|==|->|=>|\(.*\)\s*[=:➞]|^\s*[\[({\d'\"]")
"""What marks a line of a docstring as an example, which stays as it is."""


def paraphrase(line: str, _: random.Random) -> str:
    """Words with another word that means the same, their capital kept."""

    def other(result: re.Match) -> str:
        word = SAME.get(result[0].lower(), result[0])
        return word.capitalize() if result[0][0].isupper() else word

    return re.sub(r"\b[^\W\d_]+\b", other, line)


def typos(line: str, chance: random.Random) -> str:
    """Two neighbouring letters swapped in about one word of eight; the first letter stays."""

    def slip(result: re.Match) -> str:
        word = result[0]
        if chance.random() > 1 / 8:
            return word
        position = chance.randrange(1, len(word) - 1)
        return word[:position] + word[position + 1] + word[position] + word[position + 2 :]

    return re.sub(r"\b[^\W\d_]{4,}\b", slip, line)


def whitespace(line: str, chance: random.Random) -> str:
    """A tab for two blanks inside the line now and then, blanks at its end, and an empty line after some."""
    inner = re.sub(r"(?<=\S) (?=\S)", lambda _: "\t" if chance.random() < 0.1 else " ", line)
    return inner + " " * chance.randrange(3) + ("\n" if chance.random() < 0.2 else "")


CHANGES: dict[str, Callable[[str, random.Random], str] | None] = {
    "as-is": None,
    "paraphrase": paraphrase,
    "rename": None,
    "whitespace": whitespace,
    "typos": typos,
}


@dataclass(frozen=True, kw_only=True, eq=False)
class RobustSuite:
    """A suite of functions to complete, asked in ``CHANGES`` ways (seam ``JudgedSuite``)."""

    inner: PythonSuite

    @property
    def name(self) -> str:
        """``robust:humaneval``."""
        return f"robust:{self.inner.name}"

    @property
    def licence(self) -> str:
        """That of the suite inside."""
        return self.inner.licence

    @property
    def sandbox(self) -> Sandbox | None:
        """That of the suite inside."""
        return self.inner.sandbox

    trainable = False

    def tasks(self) -> list[Task]:
        """Every task in every way, one task's ways together. EvaluationError for a suite of another kind."""
        result = []
        for task in self.inner.tasks():
            entry = self.inner.problems[task.id].entry
            if not entry or task.suffix:
                raise EvaluationError("only functions to complete can be asked in other words", where=self.inner.name)
            result += [self._changed(task, way) for way in CHANGES]
        return result

    def program(self, task: Task, text: str, style: PromptStyle = PromptStyle.PREFIX) -> str:
        """As the suite inside; a renamed function gets its own name back."""
        return self.inner.program(*self._answer(task, text), style)

    def judge(self, task: Task, text: str, style: PromptStyle = PromptStyle.PREFIX) -> Verdict:
        """The verdict of the suite inside."""
        return self.inner.judge(*self._answer(task, text), style)

    def canonical(self, task: Task) -> str | None:
        """That of the suite inside."""
        return self.inner.canonical(self._of(task)[0])

    def wrong(self, task: Task) -> str:
        """That of the suite inside."""
        return self.inner.wrong(self._of(task)[0])

    def _of(self, task: Task) -> tuple[Task, str]:
        """The task inside, and the way it is asked."""
        task_id, _, way = task.id.rpartition("~")
        return self.inner.problems[task_id].task, way

    def _answer(self, task: Task, text: str) -> tuple[Task, str]:
        original, way = self._of(task)
        entry = self.inner.problems[original.id].entry
        return original, re.sub(rf"\b{renamed(entry)}\b", entry, text) if way == "rename" else text

    def _changed(self, task: Task, way: str) -> Task:
        prompt = changed(task.prompt, way, self.inner.problems[task.id].entry)
        question = FUNCTION_QUESTION.format(prompt=prompt.rstrip())
        return replace(
            task, id=f"{task.id}~{way}", suite=self.name, prompt=prompt, question=question, group=task.id, part=way
        )


def renamed(entry: str) -> str:
    """Another name for a function that says as little: ``solve_3f`` with two digits of the name's hash."""
    return f"solve_{seed_from('rename', entry) % 256:02x}"


def changed(prompt: str, way: str, entry: str) -> str:
    """A prompt, asked in that way. Its last docstring is what changes, line by line; lines with examples stay."""
    if way == "rename":
        return re.sub(rf"\b{re.escape(entry)}\b", renamed(entry), prompt)
    change, result = CHANGES[way], list(_DOCSTRING.finditer(prompt))
    if change is None or not result:
        return prompt
    start, end = result[-1].span(2)
    chance, lines, in_examples = random.Random(seed_from(prompt, way)), [], False
    for line in prompt[start:end].split("\n"):
        in_examples = bool(line.strip()) and (in_examples or bool(_EXAMPLE.search(line)))
        lines.append(line if in_examples or not line.strip() else change(line, chance))
    return prompt[:start] + "\n".join(lines) + prompt[end:]
