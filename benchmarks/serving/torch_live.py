"""How fast are live answers of the torch engine? Our `stream` and transformers' `generate`, same weights, prompts, length.

    python benchmarks/serving/torch_live.py MODEL [--keys 8] [--rows 32] [--rounds 2] [--chars 100 1000]

Prompts are pieces of Python's standard library; every answer is greedy and as long as asked, whatever the model would end
with. Rows:

    typing      one prompt of 1500 characters that grows by three at every key, 16 new tokens each; the first, which both
                read in full, does not count
    together    ``--rows`` prompts of ``--chars`` characters (from, to) at once, 32 new tokens each: our stream is asked by
                as many threads, theirs gets one batch, padded on the left

Ours and theirs take turns, key by key and round by round, each first as often as second. Seconds of all, new tokens a
second, and how many times as fast ours is.
"""

from __future__ import annotations

import argparse
import random
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch

from yunque.core.nouns import Request
from yunque.inference.torch_engine import TorchEngine
from yunque.reports.forge.collect import machine_facts

PROMPT_CHARS, KEY_CHARS = 1500, 3


def ours(engine: TorchEngine, requests: list[Request]) -> int:
    """New tokens of all requests, asked for at once by a thread each."""
    with ThreadPoolExecutor(len(requests)) as pool:
        return sum(pool.map(lambda request: list(engine.stream(request))[-1].tokens, requests))


@torch.inference_mode()
def theirs(engine: TorchEngine, requests: list[Request]) -> int:
    """The same, in one padded batch of transformers."""
    ids = [engine.read(request)[0] for request in requests]
    longest, new = max(map(len, ids)), requests[0].max_tokens
    padded = torch.tensor([[0] * (longest - len(one)) + one for one in ids])
    seen = torch.tensor([[0] * (longest - len(one)) + [1] * len(one) for one in ids])
    limits = {"max_new_tokens": new, "min_new_tokens": new, "do_sample": False, "pad_token_id": 0}
    out = engine.model.generate(input_ids=padded, attention_mask=seen, use_cache=True, **limits)
    return int((out.shape[1] - longest) * len(ids))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--keys", type=int, default=8)
    parser.add_argument("--rows", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--chars", type=int, nargs=2, default=(100, 1000))
    parser.add_argument("--dtype", default="auto")
    given = parser.parse_args()
    engine = TorchEngine(given.model, dtype=given.dtype, batch_rows=given.rows, prompt_tokens=1024)
    engine.ends = frozenset()
    text, chance = Path(argparse.__file__).read_text("utf-8"), random.Random(17)
    typed = [text[5000 : 5000 + PROMPT_CHARS + KEY_CHARS * key] for key in range(given.keys + 1)]
    places = [chance.randrange(1000, len(text)) for _ in range(given.rows)]
    many = [text[place - chance.randint(*given.chars) : place] for place in places]
    rows = {
        "typing": [[Request(prompt=prompt, max_tokens=16)] for prompt in typed],
        "together": [
            [Request(prompt=many[0], max_tokens=2)],
            *([Request(prompt=prompt, max_tokens=32) for prompt in many] for _ in range(given.rounds)),
        ],
    }
    facts = machine_facts()
    what = f"{given.model}, {engine.model.dtype}, n = {given.keys} keys, {given.rows} rows of {given.chars} characters"
    print(f"{facts.cpu}, {facts.num_cores} cores, {what}\n")
    print("| | ours s | generate s | ours tokens/s | generate tokens/s | ours is faster by |\n|---|--:|--:|--:|--:|--:|")
    for name, turns in rows.items():
        (mine, new), (other, same) = timed(engine, turns)
        assert new == same  # or one has said less
        print(
            f"| {name} | {mine:.1f} | {other:.1f} | {new / mine:.0f} | {new / other:.0f} | {other / mine:.2f} |", flush=True
        )


def timed(engine: TorchEngine, turns: list[list[Request]]) -> list[tuple[float, int]]:
    """(Seconds, new tokens) of ours and of theirs, of all turns but the first, which warms up."""
    sides = (ours, theirs)
    seconds, tokens = [0.0, 0.0], [0, 0]
    for answer in sides:
        answer(engine, turns[0])
    for number, turn in enumerate(turns[1:]):
        for side in (0, 1) if number % 2 else (1, 0):
            started = time.perf_counter()
            tokens[side] += sides[side](engine, turn)
            seconds[side] += time.perf_counter() - started
    return list(zip(seconds, tokens, strict=True))


if __name__ == "__main__":
    main()
