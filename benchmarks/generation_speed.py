"""How fast are 32 answers together? Our engine and transformers' `generate`, in turn, same weights, prompts and length.

    python benchmarks/generation_speed.py [--turns 3] [--prompt-tokens 16]

Both answer greedily with exactly 64 new tokens for 32 prompts of Python's standard library; the figure is new tokens a
second over prefill and decoding together, median over turns.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

import torch

from yunque.core.nouns import Request
from yunque.inference.torch_engine import TorchEngine
from yunque.models.base import pull

NEW_TOKENS, ROWS = 64, 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--prompt-tokens", type=int, default=16)
    options = parser.parse_args()
    turns, prompt_tokens = options.turns, options.prompt_tokens
    engine = TorchEngine(pull()[0], prompt_tokens=prompt_tokens)
    text = Path(sys.modules["argparse"].__file__).read_text()
    prompts = [text[:start].rstrip() for start in range(2000, 2000 + 500 * ROWS, 500)]
    engine.tokenizer.padding_side = "left"
    encoded = engine.tokenizer(
        [p[-4 * prompt_tokens :] for p in prompts],
        return_tensors="pt",
        padding=True,
        truncation=True,
        max_length=prompt_tokens,
    )

    def ours() -> int:
        requests = [Request(prompt=prompt, max_tokens=NEW_TOKENS) for prompt in prompts]
        return sum(completion.tokens for completion in engine.complete(requests))

    @torch.inference_mode()
    def theirs() -> int:
        limits = {"max_new_tokens": NEW_TOKENS, "min_new_tokens": NEW_TOKENS, "do_sample": False}
        out = engine.model.generate(**encoded, **limits, use_cache=True)
        return int(out.shape[0] * (out.shape[1] - encoded["input_ids"].shape[1]))

    found: dict[str, list[float]] = {"yunque": [], "generate": []}
    for turn in range(turns + 1):
        for name, answer in (("yunque", ours), ("generate", theirs)):
            started = time.perf_counter()
            tokens = answer()
            if turn:  # the first turn warms up
                found[name].append(tokens / (time.perf_counter() - started))
    print("| engine | tokens/s, median | range | n |\n|---|--:|--:|--:|")
    for name, speeds in found.items():
        print(f"| {name} | {statistics.median(speeds):.0f} | {min(speeds):.0f}-{max(speeds):.0f} | {len(speeds)} |")


if __name__ == "__main__":
    main()
