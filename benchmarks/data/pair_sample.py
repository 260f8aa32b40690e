"""A sample of docstring and comment pairs of a corpus, as markdown, for a person to judge.

    python benchmarks/data/pair_sample.py CORPUS [--seed 1] [--count 100] [--mb 40] [--kinds body,comment] > SAMPLE.md

As many pairs of each kind, drawn by a hash of the seed and their ids: the same corpus gives the same sample. Each one shows
the end of its prompt, its answer («…», the middle left out when it is long) and what follows in the file, by which one sees
whether the answer stops where it should. To be judged: right, prompt incomplete, answer cut, answer too long, comment not
about the block, not prose.
"""

import argparse
import heapq
import sys
from pathlib import Path

from parsing import records

from yunque.core.nouns import Pair, PairKind, Record, seed_from
from yunque.data.pairs.make import PairsRecipe, make_pairs

RECIPES = {
    PairKind.BODY: PairsRecipe(fim=False, continuation=False, undocumented=False),
    PairKind.SIGNATURE: PairsRecipe(body=False, fim=False, continuation=False, signature=True),
    PairKind.COMMENT: PairsRecipe(body=False, fim=False, continuation=False, comment=True),
    PairKind.EXPLAIN: PairsRecipe(body=False, fim=False, continuation=False, explain=True),
    PairKind.TEST: PairsRecipe(body=False, fim=False, continuation=False, test=True),
}
PROMPT_LINES, ANSWER_LINES = 14, 24


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--mb", type=float, default=40)
    parser.add_argument("--kinds", default="body,comment")
    options = parser.parse_args()
    kinds = [PairKind(name) for name in options.kinds.split(",")]
    share = options.count // len(kinds)
    drawn: dict[PairKind, list] = {kind: [] for kind in kinds}
    for record in records(options.corpus, options.mb * 1e6):
        for kind in kinds:
            for pair in make_pairs(record, RECIPES[kind], 1):
                entry = (-seed_from("sample", options.seed, pair.id), pair.id, pair, record)
                (heapq.heappush if len(drawn[kind]) < share else heapq.heappushpop)(drawn[kind], entry)
    for kind in kinds:
        for number, (*_, pair, record) in enumerate(sorted(drawn[kind], key=lambda one: one[:2]), 1):
            sys.stdout.write(shown(f"{kind} {number}", pair, record))


def shown(title: str, pair: Pair, record: Record) -> str:
    prompt = pair.prompt.split("\n")[-PROMPT_LINES - 1 :]
    answer = pair.answer.split("\n")
    if len(answer) > ANSWER_LINES:
        answer = [*answer[: ANSWER_LINES // 2], "    […]", *answer[-ANSWER_LINES // 2 :]]
    after = []
    if pair.span_bytes:
        after = record.text.encode()[pair.span_bytes[1] :].decode().lstrip("\r\n").split("\n")[:2]
    fence = "~~~~"
    parts = ["\n".join(prompt) + "«" + "\n".join(answer) + "»", *after]
    return (
        f"### {title}: {record.language}, {pair.natural_language}, {record.origin.source} {record.origin.path}\n\n"
        f"{fence}\n" + "\n".join(parts) + f"\n{fence}\n\n"
    )


if __name__ == "__main__":
    main()
