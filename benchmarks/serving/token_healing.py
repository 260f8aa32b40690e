"""Whether token healing helps to complete a line at a cursor inside a word.

    python benchmarks/serving/token_healing.py MODEL.gguf FILE_OR_FOLDER [--cursors 200] [--before 600] [--behind 200]

At places inside identifiers of at least four characters of Python files, drawn by a seed, with 1 to all but one of the
characters typed, the rest of the line is asked for (FIM, greedy, to the end of the line, at most 24 tokens, one slot):

    without    the prompt is read as it stands
    with       the word at the cursor is healed (`models.healing`)

Exact match of the rest of the line (blanks at both ends aside) and of the rest of the word, and edit similarity of the line,
with the difference with minus without and the 95 % interval of a bootstrap over files; median ms an answer. Which row is
asked first changes from cursor to cursor; what was read of a prompt is remembered, so a second row reads less: the ms are
those of the rows that were asked first.
"""

from __future__ import annotations

import argparse
import io
import keyword
import random
import re
import statistics
import time
import tokenize
from dataclasses import dataclass
from pathlib import Path

from paired import print_paired

from yunque.core.nouns import PromptStyle, Request
from yunque.evaluation.metrics.text import edit_similarity, same_text
from yunque.inference.llama_cpp_engine import LlamaCppEngine
from yunque.reports.forge.collect import machine_facts

LEAST_CHARS = 4


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """A place inside a word."""

    path: str
    before: str
    behind: str
    """From the end of the line."""
    rest: str
    """Of the line."""

    @property
    def word(self) -> str:
        """The rest of the word."""
        return word(self.rest)


def word(text: str) -> str:
    """The letters that a text begins with."""
    found = re.match(r"\w*", text)
    return found[0] if found else ""


def cursors(files: list[Path], number: int, seed: int) -> list[Cursor]:
    """So many places, in an order of chance; long files have more of them."""
    chance, found = random.Random(seed), []
    for file in files:
        text = file.read_text("utf-8").replace("\r\n", "\n")
        lines = text.splitlines(keepends=True)
        for name in tokenize.generate_tokens(io.StringIO(text).readline):
            if name.type == tokenize.NAME and len(name.string) >= LEAST_CHARS and not keyword.iskeyword(name.string):
                row, column = name.start[0] - 1, name.start[1] + chance.randint(1, len(name.string) - 1)
                line = lines[row].rstrip("\n")
                cursor = Cursor(
                    path=str(file),
                    before="".join(lines[max(0, row - 200) : row]) + line[:column],
                    behind="\n" + "".join(lines[row + 1 : row + 50]),
                    rest=line[column:],
                )
                found.append(cursor)
    return chance.sample(found, min(number, len(found)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("files", type=Path)
    parser.add_argument("--cursors", type=int, default=200)
    parser.add_argument("--before", type=int, default=600, help="characters before the cursor")
    parser.add_argument("--behind", type=int, default=200, help="characters behind the line")
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--most-s", type=float, default=3600, help="no cursor is begun after so many seconds")
    given = parser.parse_args()
    files = sorted(given.files.rglob("*.py")) if given.files.is_dir() else [given.files]
    engine = LlamaCppEngine(given.model, slots=1)

    def ask(cursor: Cursor, heal: bool) -> str:
        asked = Request(
            prompt=cursor.before[-given.before :], suffix=cursor.behind[: given.behind], style=PromptStyle.FIM,
            stop="line", stops=("\n",), max_tokens=24, heal=heal,
        )  # fmt: skip
        (answer,) = engine.complete([asked])
        return answer.text

    for heal in (False, True):  # what is made once
        ask(Cursor(path="", before="x = os.pa", behind="\n", rest=""), heal)
    done: list[Cursor] = []
    answers: dict[bool, list[str]] = {False: [], True: []}
    took_ms: dict[bool, list[float]] = {False: [], True: []}
    started = time.perf_counter()
    for place, cursor in enumerate(cursors(files, given.cursors, given.seed)):
        if time.perf_counter() - started > given.most_s:
            break
        done.append(cursor)
        first = bool(place % 2)
        for heal in (first, not first):
            begun = time.perf_counter()
            answers[heal].append(ask(cursor, heal))
            if heal is first:
                took_ms[heal].append(1000 * (time.perf_counter() - begun))
    facts = machine_facts()
    print(
        f"{facts.cpu}, {facts.num_cores} cores, {given.model.name}, n = {len(done)} cursors in "
        f"{len({cursor.path for cursor in done})} files of {given.files.name}; {given.before} characters before the cursor, "
        f"{given.behind} behind\n"
    )
    print("| | without | with | difference | 95 % |\n|---|--:|--:|--:|---|")
    scores = {
        "rest of the line, exact": lambda answer, cursor: same_text(answer, cursor.rest),
        "rest of the word, exact": lambda answer, cursor: word(answer) == cursor.word,
        "rest of the line, edit similarity": lambda answer, cursor: edit_similarity(answer, cursor.rest),
    }
    print_paired(scores, (answers[False], answers[True]), done)
    print(
        "| ms an answer, median | {:.0f} | {:.0f} | | |".format(
            *(statistics.median(took_ms[heal]) for heal in (False, True))
        )
    )


if __name__ == "__main__":
    main()
