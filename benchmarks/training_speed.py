"""How fast is a packed LoRA step, and what does each choice buy? Side by side with plain PEFT + transformers, in one run.

    python benchmarks/training_speed.py [--steps 4] [--out FILE.json]

Every row trains the embedded base with rank 32 on all linear layers, on the same 4 x 512 tokens a step made from Python's
own standard library, in a process of its own. Rows are visited in turn, so that a machine whose speed drifts is fair to
all; the figure is the median over steps of non-padding tokens a second, the first step of each visit left out.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

ROWS = {
    "peft, bf16, input dropout (peer)": {"dtype": "bfloat16", "peer": True, "rows": 4},
    "ours, bf16": {"dtype": "bfloat16", "rows": 1},
    "ours, float32, default allocator": {"dtype": "float32", "rows": 1, "allocator": False},
    "ours, float32": {"dtype": "float32", "rows": 1},
    "ours, float32, two rows at once": {"dtype": "float32", "rows": 2},
}


def one(name: str, steps: int) -> None:
    """Measure one row in this process and print JSON."""
    import resource
    import tempfile

    import torch

    from yunque.core.nouns import Origin, Pair, Record
    from yunque.data.packing.rows import PackRecipe, pack
    from yunque.data.pairs.make import PairsRecipe, make_pairs
    from yunque.models import adapt
    from yunque.models.base import pull
    from yunque.models.recipe import ModelRecipe
    from yunque.models.tokenizer import add_fim, find_fim, load_tokenizer
    from yunque.training.loop import Trainer
    from yunque.training.objectives.answers import AnswerCrossEntropy
    from yunque.training.recipe import TrainingRecipe

    how = ROWS[name]
    if not how.get("allocator", True) or how.get("peer"):
        adapt.keep_freed_memory = lambda: None
    folder, _ = pull()
    tokenizer = load_tokenizer(folder)
    new_ids = add_fim(tokenizer)
    pairs: list[Pair] = []
    for module in ("argparse", "textwrap", "heapq", "shutil", "configparser"):
        path = Path(sys.modules["statistics"].__file__).with_name(f"{module}.py")
        origin = Origin(source="stdlib", path=path.name, revision="", licence="PSF-2.0", collected_at="")
        record = Record(id=module, text=path.read_text(), language="python", origin=origin)
        pairs.extend(make_pairs(record, PairsRecipe(), seed=1))
    recipe = PackRecipe(train_tokens=4 * 512 * (steps + 1))
    rows, _ = pack(pairs, tokenizer, find_fim(tokenizer), recipe, recipe.train_tokens, seed=1)
    model = adapt.load_model(folder, getattr(torch, how["dtype"]))
    adapt.extend_vocabulary(model, tokenizer, new_ids)
    if how.get("peer"):
        speeds = _plain_peft(model, rows, steps)
    else:
        trainer = Trainer(
            model=adapt.add_lora(model, ModelRecipe(), new_ids),
            objective=AnswerCrossEntropy(),
            train=rows,
            validation=type(rows)(ids=rows.ids[:1], answers=rows.answers[:1], segments=rows.segments[:1]),
            recipe=TrainingRecipe(rows_at_once=how["rows"], checkpoint_every=1000, validate_every=1000),
            peak=1e-3,
            seed=1,
            folder=Path(tempfile.mkdtemp()),
        )
        history = trainer.fit()
        speeds = [row["tokens_per_s"] for row in history.steps]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"speeds": speeds[1 : steps + 1], "peak_bytes": peak}))


def _plain_peft(model: object, rows: object, steps: int) -> list[float]:
    """The loop people write first: PEFT's LoRA, logits everywhere, no block-diagonal mask."""
    import time

    import torch
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=32, lora_alpha=64, lora_dropout=0.05, target_modules="all-linear", task_type="CAUSAL_LM")
    model = get_peft_model(model, config).train()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4)
    speeds = []
    for step in range(min(steps + 1, len(rows) // 4)):
        which = slice(4 * step, 4 * step + 4)
        ids = torch.as_tensor(rows.ids[which]).long()
        labels = torch.where(torch.as_tensor(rows.answers[which]), ids, -100)
        started = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16):
            loss = model(input_ids=ids, labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        speeds.append(int((rows.segments[which] > 0).sum()) / (time.perf_counter() - started))
    return speeds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=4, help="counted steps a visit")
    parser.add_argument("--visits", type=int, default=2)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        return one(options.one, options.steps)
    found: dict[str, dict] = {name: {"speeds": [], "peak_bytes": 0} for name in ROWS}
    for _ in range(options.visits):
        for name in ROWS:
            command = [sys.executable, __file__, "--one", name, "--steps", str(options.steps)]
            result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
            found[name]["speeds"] += result["speeds"]
            found[name]["peak_bytes"] = max(found[name]["peak_bytes"], result["peak_bytes"])
    first = statistics.median(next(iter(found.values()))["speeds"])
    print("| row | tokens/s, median | range | against the peer | peak memory | n |\n|---|--:|--:|--:|--:|--:|")
    for name, row in found.items():
        speeds, middle = sorted(row["speeds"]), statistics.median(row["speeds"])
        span = f"{speeds[0]:.0f}-{speeds[-1]:.0f}"
        print(
            f"| {name} | {middle:.0f} | {span} | {middle / first:.2f} x | {row['peak_bytes'] / 1e9:.1f} GB | {len(speeds)} |"
        )
    if options.out:
        options.out.write_text(json.dumps(found, indent=2) + "\n")
    return None


if __name__ == "__main__":
    main()
