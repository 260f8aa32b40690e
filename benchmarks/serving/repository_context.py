"""Whether pieces of other files help to complete a line, and what it takes to find them.

    python benchmarks/serving/repository_context.py MODEL.gguf REPOSITORY [--cursors 60] [--prompt-tokens 1024]

At the middle of lines of code inside function bodies, drawn by a seed, the rest of the line is asked for (FIM, greedy, one
slot). Both rows have the same cursors, the same suffix, and the same number of tokens before the cursor:

    alone      all of them are of the file
    context    up to ``--context-tokens`` of them are pieces of other files, the rest is of the file

Exact match (blanks at both ends aside) and edit similarity (1 - Levenshtein distance / length of the longer), with the
difference context minus alone and the 95 % interval of a bootstrap over files. Below, what a query of the index takes in ms.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from paired import code_lines, print_paired

from yunque.code.languages import language_of
from yunque.core.nouns import PromptStyle, Request
from yunque.evaluation.metrics.text import edit_similarity, same_text
from yunque.inference.llama_cpp_engine import LlamaCppEngine
from yunque.models.tokenizer import encode
from yunque.reports.forge.collect import machine_facts
from yunque.serving.repository_context import RepositoryContext


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """A place where somebody types."""

    path: str
    prefix: str
    suffix: str
    rest: str
    """Of the line."""


def cursors(folder: Path, paths: list[str], number: int, seed: int) -> list[Cursor]:
    """So many places, in an order of chance; files with more lines of code have more of them."""
    found = []
    for path in paths:
        text = (folder / path).read_bytes().decode("utf-8", "replace").replace("\r\n", "\n")
        found += _places(path, text)
    return random.Random(seed).sample(found, min(number, len(found)))


def _places(path: str, text: str) -> list[Cursor]:
    lines = set(code_lines(text, language_of(path, text[:100].encode())))
    places = sorted((start + len(text[start:end].strip()) // 2, end) for start, end in lines)
    return [Cursor(path=path, prefix=text[:place], suffix=text[end:], rest=text[place:end]) for place, end in places]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("repository", type=Path)
    parser.add_argument("--cursors", type=int, default=60)
    parser.add_argument("--prompt-tokens", type=int, default=1024)
    parser.add_argument("--context-tokens", type=int, default=512)
    parser.add_argument("--suffix-tokens", type=int, default=128)
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--most-s", type=float, default=3600, help="no cursor is begun after so many seconds")
    given = parser.parse_args()
    started = time.perf_counter()
    index = RepositoryContext(given.repository)
    indexed_s = time.perf_counter() - started
    sizes = {"prompt_tokens": given.prompt_tokens, "suffix_tokens": given.suffix_tokens}
    engine = LlamaCppEngine(given.model, slots=1, **sizes)

    def count(text: str) -> int:
        return len(encode(engine.tokenizer, text))

    def ask(prompt: str, cursor: Cursor) -> str:
        asked = Request(
            prompt=prompt, suffix=cursor.suffix[:4000], style=PromptStyle.FIM, stop="line", stops=("\n",), max_tokens=48
        )
        (answer,) = engine.complete([asked])
        return answer.text

    query_ms, took_ms, spent = [], ([], []), []
    done: list[Cursor] = []
    answers: tuple[list[str], list[str]] = ([], [])
    started = time.perf_counter()
    for cursor in cursors(given.repository, index.paths, given.cursors, given.seed):
        if time.perf_counter() - started > given.most_s:
            break
        begun = time.perf_counter()
        index.pieces(cursor.prefix, cursor.suffix, cursor.path, budget_tokens=given.context_tokens)
        query_ms.append(1000 * (time.perf_counter() - begun))
        budget = {"budget_tokens": given.context_tokens, "count": count}
        context = "".join(piece.rendered for piece in index.pieces(cursor.prefix, cursor.suffix, cursor.path, **budget))
        spent.append(count(context))
        prefix = _last_tokens(cursor.prefix[-8 * given.prompt_tokens :], given.prompt_tokens - spent[-1], count)
        done.append(cursor)
        for row, prompt in enumerate((cursor.prefix[-8 * given.prompt_tokens :], context + prefix)):
            begun = time.perf_counter()
            answers[row].append(ask(prompt, cursor))
            took_ms[row].append(1000 * (time.perf_counter() - begun))
    facts = machine_facts()
    print(
        f"{facts.cpu}, {facts.num_cores} cores, {given.model.name}, {given.repository.name}: {len(index.paths)} files, "
        f"n = {len(done)} cursors in {len({cursor.path for cursor in done})} files; {given.prompt_tokens} tokens before the "
        f"cursor, of which context {statistics.median(spent):.0f} (median, at most {given.context_tokens}), "
        f"{given.suffix_tokens} behind\n"
    )
    print("| | alone | context | difference | 95 % |\n|---|--:|--:|--:|---|")
    scores = {"exact match": same_text, "edit similarity": edit_similarity}
    print_paired({name: lambda text, at, score=score: score(text, at.rest) for name, score in scores.items()}, answers, done)
    print("| ms an answer, median | {:.0f} | {:.0f} | | |".format(*map(statistics.median, took_ms)))
    print(
        f"\nindexed in {indexed_s:.2f} s; a query: median {statistics.median(query_ms):.2f} ms, most {max(query_ms):.2f} ms"
    )


def _last_tokens(text: str, tokens: int, count: Callable[[str], int]) -> str:
    """The end of a text, in whole lines but for the first where there is only one, that has at most so many tokens."""
    lines = text.split("\n")
    low, high = 0, len(lines) - 1
    while low < high:
        middle = (low + high) // 2
        if count("\n".join(lines[middle:])) <= tokens:
            high = middle
        else:
            low = middle + 1
    return "\n".join(lines[low:])


if __name__ == "__main__":
    main()
