"""CodeXGLUE (Lu et al. 2021): text to code, refinement, translation, line completion, judged by likeness to the reference.

Nothing is run. An answer passes when it is equal to the reference in the task's own sense (`text_metrics`); its score is its
edit similarity. The published figures are those of `measures`: BLEU (in percent), CodeBLEU, exact match (which refinement
and translation call accuracy) and edit similarity.

=================================  ===============================================================================
codexglue-text-to-code             CONCODE, 2,000 rows of the **dev** split: the test rows are published without code
codexglue-refinement-small         5,835 buggy Java methods of up to 50 tokens, names replaced; test split
codexglue-refinement-medium        6,545 of 50 to 100 tokens; test split
codexglue-translation-java-cs      1,000 methods from Java to C#; test split
codexglue-translation-cs-java      the same the other way
codexglue-line-completion          whatever ``codexglue-line-completion/test.json`` holds: published for Python and for Java
=================================  ===============================================================================

An answer is one line, the first that is not blank. Of a chat answer it is the code in its first fence, its lines joined by
blanks. Refinement and translation show three pairs of their validation split to models that are asked with examples.

Line completion's edit similarity is a whole percent a line, of insertions and deletions (`ratio_percent`); all others' is
`scoring.edit_similarity` (Levenshtein). Its prompts are the last ``CONTEXT_TOKENS`` tokens, with line ends and literals in
place of their marks; published models see the marks, so their figures are those of models trained on them.

Covered: files of unequal length, empty lines, rows without a reference, marks in the answer.
Not covered: BLEU of text-to-code on the hidden test split; answers in another spacing than the reference's, which fail, as
published.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from yunque.checks.findings import decide, timed
from yunque.core.errors import EvaluationError
from yunque.core.nouns import Finding, Measure, PromptStyle, Task, Verdict
from yunque.core.seams import Sandbox
from yunque.evaluation.metrics.codebleu import code_bleu, has_codebleu
from yunque.evaluation.metrics.statistics import describe
from yunque.evaluation.metrics.text import edit_similarity, exact, measure_bleu, ratio_percent, same_text
from yunque.evaluation.suites.extraction import code_of, cut
from yunque.evaluation.suites.rows import no_file

LICENCE = "C-UDA"
"""Computational Use of Data Agreement: for computational use, not to be passed on as something else."""
CONTEXT_TOKENS = 500
"""Of a file before the line that is to be completed; the last ones. Python's files have 478 on average, Java's 365."""
_SHOWN = 3
_TITLES = {"java": "Java", "csharp": "C#"}
_FILES = {"java": "java", "csharp": "cs"}
_LITERAL = re.compile(r"<(?:STR|NUM|CHAR)_LIT:((?:(?!<(?:STR|NUM|CHAR)_LIT:)[^>])*+)>")
_PLAIN = {"<NUM_LIT>": "0", "<STR_LIT>": "", "<CHAR_LIT>": ""}

TEXT_PROMPT = """\
// One Java method on a single line, a blank between any two tokens. It is called function, its arguments are arg0, arg1 and
// so on, its own variables loc0, loc1 and so on.
// Fields of its class: {fields}
// Other methods of its class: {methods}
// What it does: {text}
"""
TEXT_QUESTION = """\
Write a Java method that does this: {text}

Its class has these fields: {fields}
and these other methods: {methods}

Name the method `function`, its arguments `arg0`, `arg1` and so on, and its own variables `loc0`, `loc1` and so on. Answer
with the method alone, on one line with a blank between any two tokens, in one fenced code block.
"""
REFINEMENT_PROMPT = """\
// A Java method with a bug; names are replaced by placeholders:
{source}
// The same method, mended:
"""
REFINEMENT_QUESTION = """\
This Java method has a bug. Its names were replaced by placeholders, and there is a blank between any two tokens.

```java
{source}
```

Answer with the mended method alone, written in the same way on one line, in one fenced code block.
"""
TRANSLATION_PROMPT = """\
// {given}:
{source}
// The same in {wanted}:
"""
TRANSLATION_QUESTION = """\
Translate this method from {given} to {wanted}:

```
{source}
```

Answer with the {wanted} method alone, on one line as here, in one fenced code block.
"""
LINE_QUESTION = """\
This is the start of a {title} file, a blank between any two tokens:

```
{context}
```

How does its last line go on? Answer with the rest of that line alone, without what is already there, in one fenced block.
"""


@dataclass(frozen=True, kw_only=True)
class Example:
    """One task with its reference, which no model sees."""

    task: Task
    reference: str
    wrong: str
    """An answer that must fail."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CodeXGlue:
    """Tasks whose answers are compared with a reference (seam ``MeasuredSuite``)."""

    name: str
    examples: dict[str, Example]
    equal: Callable[[str, str], bool]
    """The task's own exact match."""
    alike: Callable[[str, str], float] = edit_similarity
    """0 to 1."""
    ends: Callable[[str], str] = str
    """Where an answer ends before its line does."""
    corpus: bool = True
    """Whether BLEU and CodeBLEU are among its figures."""
    licence: str = LICENCE
    trainable: bool = False
    sandbox: Sandbox | None = None
    """Nothing is run."""

    def tasks(self) -> list[Task]:
        """Every task, in the file's order."""
        return [example.task for example in self.examples.values()]

    def program(self, task: Task, text: str, style: PromptStyle = PromptStyle.PREFIX) -> str:
        """The one line of an answer; of a chat answer its first fence, on one line."""
        if style is PromptStyle.CHAT:
            return self.ends(" ".join(filter(None, map(str.strip, code_of(text, "").splitlines()))))
        lines = (line.strip() for line in cut(text, ()).split("\n"))
        return self.ends(next(filter(None, lines), ""))

    @timed
    def judge(self, task: Task, text: str, style: PromptStyle = PromptStyle.PREFIX) -> Verdict:
        """PASS when the line is equal to the reference, as the task's evaluator has it; the score is the edit similarity."""
        reference = self.examples[task.id].reference
        line = self.program(task, text, style)
        equal = self.equal(line, reference)
        score = self.alike(line, reference)
        detail = "equal to the reference" if equal else f"edit similarity {score:.3f}"
        rule = "differs" if line else "empty"
        findings = [] if equal else [Finding(rule=rule, message="not the reference")]
        return decide(self.name, findings, score=score, detail=detail if equal or line else "no code in the answer")

    def canonical(self, task: Task) -> str | None:
        """The reference."""
        return self.examples[task.id].reference

    def wrong(self, task: Task) -> str:
        """What was to be changed, or an emptied answer."""
        return self.examples[task.id].wrong

    def measures(self, answers: Sequence[tuple[Task, str]]) -> list[Measure]:
        """Exact match and edit similarity as published, and the corpus figures BLEU and CodeBLEU, with 95 % intervals.

        CodeBLEU has no value, and all answers are skipped, where the grammar of its language is not installed.
        """
        lines = [code for _, code in answers]
        references = [self.examples[task.id].reference for task, _ in answers]
        groups = [task.group for task, _ in answers]
        pairs = list(zip(lines, references, strict=True))
        measures = [
            describe("published exact match", [float(self.equal(*pair)) for pair in pairs], groups, unit="share"),
            describe("published edit similarity", [self.alike(*pair) for pair in pairs], groups, unit="share"),
        ]
        if not self.corpus:
            return measures
        if not pairs:
            return [*measures, Measure(name="bleu", value=None, n=0, unit="%"), Measure(name="codebleu", value=None, n=0)]
        return [*measures, measure_bleu(lines, references), _measure_codebleu(lines, references, answers[0][0].language)]


def _measure_codebleu(lines: list[str], references: list[str], language: str) -> Measure:
    if not has_codebleu(language):
        return Measure(name="codebleu", value=None, n=0, unit="share", skipped=len(lines))
    result = code_bleu(lines, references, language)
    return Measure(name="codebleu", value=result.score, n=len(lines), low=result.low, high=result.high, unit="share")


# ------------------------------------------------------------------------------------------------------------------- suites
def text_to_code(folder: Path, sandbox: Sandbox | None = None) -> CodeXGlue:
    """CONCODE (Iyer et al. 2018): a Java method from a sentence and the names of its class; dev split."""
    name = "codexglue-text-to-code"
    path = folder / "codexglue-concode" / "dev.json"
    examples = []
    for number, row in enumerate(_rows(path, ("nl", "code")), 1):
        text, *members = (part.strip() for part in row["nl"].split("concode_field_sep"))
        fields, methods = (part.replace(" concode_elem_sep ", "; ") for part in [*members, "", ""][:2])
        asked = {"text": text, "fields": fields or "none", "methods": methods or "none"}
        task = _task(name, number, TEXT_PROMPT.format(**asked), TEXT_QUESTION.format(**asked), "java", max_tokens=256)
        emptied = f"{row['code'].partition('{')[0]}{{ }}"
        examples.append(Example(task=task, reference=row["code"], wrong="" if exact(emptied, row["code"]) else emptied))
    return CodeXGlue(name=name, examples=_by_id(examples), equal=exact, sandbox=sandbox)


def refinement(folder: Path, size: str, sandbox: Sandbox | None = None) -> CodeXGlue:
    """Bug fixes in Java methods (Tufano et al. 2019), ``small`` or ``medium``; the buggy method must not pass."""
    name = f"codexglue-refinement-{size}"

    def pairs(split: str) -> list[tuple[str, str]]:
        stem = folder / "codexglue-refinement" / size / f"{split}.buggy-fixed"
        return _parallel(Path(f"{stem}.buggy"), Path(f"{stem}.fixed"))

    most = 256 if size == "small" else 512
    examples = _rewriting(name, pairs("test"), pairs("valid"), (REFINEMENT_PROMPT, REFINEMENT_QUESTION), "java", most)
    return CodeXGlue(name=name, examples=examples, equal=same_text, sandbox=sandbox)


def translation(folder: Path, given: str, wanted: str, sandbox: Sandbox | None = None) -> CodeXGlue:
    """Methods that exist in Java and in C# (``java`` and ``csharp``); the source copied must not pass."""
    name = f"codexglue-translation-{_FILES[given]}-{_FILES[wanted]}"

    def pairs(split: str) -> list[tuple[str, str]]:
        stem = folder / "codexglue-java-cs" / f"{split}.java-cs.txt"
        return _parallel(Path(f"{stem}.{_FILES[given]}"), Path(f"{stem}.{_FILES[wanted]}"))

    titles = {"given": _TITLES[given], "wanted": _TITLES[wanted], "source": "{source}"}
    asked = (TRANSLATION_PROMPT.format(**titles), TRANSLATION_QUESTION.format(**titles))
    examples = _rewriting(name, pairs("test"), pairs("valid"), asked, wanted, 512)
    return CodeXGlue(name=name, examples=examples, equal=same_text, sandbox=sandbox)


def line_completion(folder: Path, sandbox: Sandbox | None = None) -> CodeXGlue:
    """The rest of a line, from the file before it; Java's ends at the first ``;``, ``{`` or ``}``."""
    name = "codexglue-line-completion"
    path = folder / name / "test.json"
    if not path.exists():
        do = f"put a test set of CodeXGLUE's line completion (JSON Lines with 'input' and 'gt') there as {name}/test.json"
        raise EvaluationError("no such file", where=path, do=do)
    rows = _rows(path, ("gt", "input"))
    language = "python" if any("<EOL>" in row["input"] for row in rows) else "java"
    examples = []
    for number, row in enumerate(rows, 1):
        context = _context(row["input"])
        question = LINE_QUESTION.format(title=language.capitalize(), context=context.rstrip("\n"))
        task = _task(name, number, context, question, language, max_tokens=128)
        examples.append(Example(task=task, reference=with_literals(row["gt"]), wrong=""))
    ends = with_literals if language == "python" else _java_line
    return CodeXGlue(
        name=name, examples=_by_id(examples), equal=exact, alike=_ratio, ends=ends, corpus=False, sandbox=sandbox
    )


SUITES: dict[str, Callable[[Path, Sandbox | None], CodeXGlue]] = {
    "codexglue-text-to-code": text_to_code,
    "codexglue-refinement-small": lambda folder, box: refinement(folder, "small", box),
    "codexglue-refinement-medium": lambda folder, box: refinement(folder, "medium", box),
    "codexglue-translation-java-cs": lambda folder, box: translation(folder, "java", "csharp", box),
    "codexglue-translation-cs-java": lambda folder, box: translation(folder, "csharp", "java", box),
    "codexglue-line-completion": line_completion,
}
"""Name -> what opens the suite."""


def with_literals(line: str) -> str:
    """Tokens with literals in place of their marks: ``<NUM_LIT:1>`` is 1, ``<NUM_LIT>`` 0, ``<STR_LIT>`` nothing."""
    for mark, value in _PLAIN.items():
        line = line.replace(mark, value)
    return _LITERAL.sub(r"\1", line)


def _ratio(answer: str, reference: str) -> float:
    return ratio_percent(answer, reference) / 100


def _java_line(line: str) -> str:
    """Up to a ``;`` or ``}``, which belong to it, or a ``{``, which does not."""
    line = with_literals(line)
    match = re.search(r"[;{}]", line)
    return line if not match else line[: match.start() + (match[0] != "{")].rstrip()


def _context(tokens: str) -> str:
    """The end of a file's text before the cursor, as code."""
    kept = tokens.split()[-CONTEXT_TOKENS:]
    text = " ".join(token for token in kept if token not in ("<s>", "</s>"))
    text = re.sub(r" ?<EOL> ?", "\n", with_literals(text))
    return text if text.endswith("\n") else f"{text} "


def _rewriting(
    name: str,
    pairs: list[tuple[str, str]],
    shown: list[tuple[str, str]],
    asked: tuple[str, str],
    language: str,
    max_tokens: int,
) -> dict[str, Example]:
    """Sources to rewrite, which as they are must fail; ``asked`` are prompt and question with a place for the source."""
    before = "".join(f"{asked[0].replace('{source}', source)}{wanted}\n\n" for source, wanted in shown[:_SHOWN])
    examples = []
    for number, (source, wanted) in enumerate(pairs, 1):
        prompt, question = (item.replace("{source}", source) for item in asked)
        task = replace(_task(name, number, prompt, question, language, max_tokens=max_tokens), examples=before)
        examples.append(Example(task=task, reference=wanted, wrong="" if same_text(source, wanted) else source))
    return _by_id(examples)


def _task(suite: str, number: int, prompt: str, question: str, language: str, *, max_tokens: int) -> Task:
    return Task(
        id=f"{suite.removeprefix('codexglue-')}/{number}",
        suite=suite,
        prompt=prompt,
        question=question,
        stop="line",
        max_tokens=max_tokens,
        language=language,
        group=str(number),
    )


def _by_id(examples: list[Example]) -> dict[str, Example]:
    return {example.task.id: example for example in examples}


# -------------------------------------------------------------------------------------------------------------------- files
def _parallel(source: Path, target: Path) -> list[tuple[str, str]]:
    """Line by line from two files. EvaluationError when they differ in length or a line is empty."""
    first, other = _lines(source), _lines(target)
    if len(first) != len(other):
        raise EvaluationError(f"{len(other)} lines, not {len(first)} as in {source.name}", where=target)
    for path, lines in ((source, first), (target, other)):
        empty = next((number for number, line in enumerate(lines, 1) if not line), None)
        if empty:
            raise EvaluationError(f"row {empty} is empty", where=path)
    return list(zip(first, other, strict=True))


def _lines(path: Path) -> list[str]:
    """The lines of a text file, blanks at both ends aside. EvaluationError when there are none."""
    if not path.exists():
        raise no_file(path)
    try:
        text = path.read_bytes().decode("utf-8").removesuffix("\n")
    except (OSError, ValueError) as error:
        raise EvaluationError(f"cannot be read ({error})", where=path) from None
    if not text.strip():
        raise EvaluationError("holds no rows", where=path)
    return [line.strip() for line in text.split("\n")]


def _rows(path: Path, keys: tuple[str, ...]) -> list[dict]:
    """The rows of a JSON Lines file with text under every key. EvaluationError names file, row and what is wrong with it."""
    rows = []
    for number, line in enumerate(_lines(path), 1):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise EvaluationError(f"row {number} is no JSON ({error})", where=path) from None
        for key in keys:
            value = row.get(key) if isinstance(row, dict) else None
            if not (isinstance(value, str) and value.strip()):
                raise EvaluationError(f"row {number} has no {key!r}", where=path)
        rows.append(row)
    return rows
