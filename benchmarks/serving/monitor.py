"""What a monitor of the syntax in decoding brings, and what it costs a token.

    python benchmarks/serving/monitor.py MODEL FOLDER [--cursors 150] [--tokens 64] [--whole]

MODEL is a GGUF file (llama.cpp) or a folder (torch). At the beginning of lines of function bodies of Python files, drawn by
a seed, what follows is asked for greedily (1 KB before, 300 B behind, fill-in-the-middle, to the end of the block); with
``--whole`` the body of a function from its head alone. Two rows:

    free       as the model writes
    watched    with `Request.syntax`: each token must leave a text that can become valid code

Shares that can become valid code at their place, that parse in the whole file (`SyntaxInPlace`; with ``--whole``: as the
function; an answer that is cut off by its length need not), and whose first line is exact, its edit similarity; differences
watched minus free with the 95 % interval of a bootstrap over files. ms a token: of the rows that were asked first, which
changes from cursor to cursor, after the prompt was read ahead.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from paired import code_lines, print_paired

from yunque.checks.insertion.syntax_in_place import SyntaxInPlace
from yunque.code.functions import functions
from yunque.code.python_ast import try_parse_python
from yunque.code.unfinished import can_become_valid
from yunque.core.nouns import Insertion, Outcome, PromptStyle, Request
from yunque.evaluation.metrics.text import edit_similarity, same_text
from yunque.inference.syntax_monitor import SyntaxMonitor
from yunque.pipelines.engines import open_engine
from yunque.reports.forge.collect import machine_facts

BEFORE, BEHIND = 1000, 300


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """A place in a file."""

    path: str
    before: str
    rest: str
    """Of the line."""
    after: str

    def request(self, tokens: int, *, whole: bool) -> Request:
        """What is asked there."""
        if whole:
            return Request(prompt=self.before, stop="dedent", stop_repetition=True, max_tokens=tokens)
        return Request(
            prompt=self.before[-BEFORE:], suffix=self.after[:BEHIND], style=PromptStyle.FIM, stop="dedent",
            stop_repetition=True, max_tokens=tokens,
        )  # fmt: skip


def cursors(folder: Path, number: int, seed: int, *, whole: bool) -> list[Cursor]:
    """Beginnings of lines in function bodies, or heads of functions with nothing before and behind them."""
    places = []
    for file in sorted(folder.rglob("*.py")):
        text, path = file.read_text("utf-8", "replace").replace("\r\n", "\n"), file.relative_to(folder).as_posix()
        if try_parse_python(text) is None:
            continue
        if whole:
            data = text.encode()
            for item in functions(text, "python"):
                head, body = (
                    data[start:end].decode()
                    for start, end in ((item.start_byte, item.prompt_end_byte), (item.prompt_end_byte, item.body_end_byte))
                )
                if "." not in item.qualified_name and body.count("\n") > 2:
                    rest = body.partition("\n")[0] or body.lstrip("\n").partition("\n")[0]
                    places.append(Cursor(path=path, before=head, rest=rest, after=""))
            continue
        for start, end in code_lines(text, "python"):
            places.append(Cursor(path=path, before=text[:start], rest=text[start:end], after=text[end:]))
    return random.Random(seed).sample(places, min(number, len(places)))


def is_wrong(cursor: Cursor, text: str, *, whole: bool) -> bool:
    """Whether an answer does not parse at its place."""
    if whole:
        return try_parse_python(cursor.before + text) is None
    insertion = Insertion(before=cursor.before, text=text, after=cursor.after, language="python", is_whole_file=True)
    return SyntaxInPlace().judge_insertion(insertion).outcome is Outcome.FAIL


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cursors", type=int, default=150)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--seed", type=int, default=17)
    asked = parser.parse_args()
    engine = open_engine(str(asked.model), prompt_tokens=1024)
    places = cursors(asked.folder, asked.cursors, asked.seed, whole=asked.whole)
    places = [place for place in places if can_become_valid(place.before[-BEFORE:], "python") or not asked.whole]
    answers: dict[str, list[str]] = {"": [], "python": []}
    ms: dict[str, list[float]] = {"": [], "python": []}
    watched = 0
    for number, cursor in enumerate(places):
        request = cursor.request(asked.tokens, whole=asked.whole)
        watched += SyntaxMonitor.of(Request(prompt=request.prompt, syntax="python")) is not None
        list(engine.complete([Request(**{**vars(request), "max_tokens": 1})]))  # the prompt is read ahead
        for place, syntax in enumerate(("", "python") if number % 2 else ("python", "")):
            started = time.perf_counter()
            (answer,) = engine.complete([Request(**{**vars(request), "syntax": syntax})])
            if not place:
                ms[syntax].append(1000 * (time.perf_counter() - started) / max(1, answer.tokens))
            answers[syntax].append(answer.text)
    facts = machine_facts()
    print(f"{facts.cpu}, {facts.num_cores} cores, {engine.name}, n = {len(places)} cursors in {asked.folder.name}")
    print(f"{watched} of the prompts can be watched; {'whole bodies' if asked.whole else 'fill-in-the-middle'}\n")
    changed = sum(free != kept for free, kept in zip(*answers.values(), strict=True))
    print(f"{changed} answers are other ones; ms a token, median: free {statistics.median(ms['']):.2f}, "
          f"watched {statistics.median(ms['python']):.2f}\n")  # fmt: skip
    scores = {
        "can become valid code": lambda text, at: can_become_valid(at.before + text, "python"),
        "parses in place": lambda text, at: not is_wrong(at, text, whole=asked.whole),
        "first line exact": lambda text, at: same_text(text.strip("\n").partition("\n")[0], at.rest),
        "first line, edit similarity": lambda text, at: edit_similarity(text.strip("\n").partition("\n")[0], at.rest),
    }
    print("| | free | watched | difference | 95 % |\n|---|--:|--:|--:|---|")
    print_paired(scores, [*answers.values()], places)


if __name__ == "__main__":
    main()
