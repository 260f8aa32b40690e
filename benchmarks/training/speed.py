"""How fast is a LoRA step on a CPU or a GPU, side by side with what people use, in one run?

    python benchmarks/training/speed.py [--visits 2] [--steps 4] [--equal-tokens 8192] [--peer PYTHON] [--json FILE]

Every row trains the embedded base with rank 32 on all linear layers, on the same samples, made from Python's own standard
library, each row in a process of its own. Rows are visited in turn, so that a machine whose speed drifts is fair to all; the
figure is the median over steps of useful tokens a second: padding is not counted, the first step of a visit is left out.

* `trl, defaults`: TRL's SFTTrainer as it comes, batch 8; `trl, packed`: the same with packing at 512, batch 4
* `peft, packed`: the loop people write first, PEFT's LoRA under transformers, packed rows without a mask, bfloat16
* `ours`: as `yunque train` does it; `ours, …`: with one choice changed (the ablation)
* `bound`: the matrix products of a step alone, of the same shapes, at this machine's own rate

`--equal-tokens N` trains peers and ours on N tokens with one constant rate, and gives the loss on the same held-out rows.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

LENGTH, ROWS_A_STEP, RANK, RATE = 512, 4, 32, 5e-4
TRL = {
    "trl, defaults": {"per_device_train_batch_size": 8},
    "trl, packed": {"per_device_train_batch_size": 4, "packing": True, "max_length": LENGTH},
}
OURS = {
    "ours": {},
    "ours, bfloat16": {"dtype": "bfloat16"},
    "ours, one sample a row": {"packed": False},
    "ours, logits of every token": {"chunk": 0},
    "ours, checkpointing": {"training": {"checkpointing": True}},
    "ours, two rows at once": {"training": {"rows_at_once": 2}},
    "ours, one thread": {"threads": 1},
    "ours, default allocator": {"allocator": False},
    "ours, input dropout": {"input_dropout": True},
    "ours, compiled": {"training": {"compile": True}},
}
PLAIN = "peft, packed"
BOUND = "bound"
COMPARED = ("trl, packed", PLAIN, "ours")
MODULES = ("argparse", "textwrap", "heapq", "shutil", "configparser", "ast", "inspect", "pathlib", "tarfile", "zipfile")


# ------------------------------------------------------------------------------------------------------------ the same data
def samples():
    """Tokenizer, new ids, and rows of the same samples to train and to validate on."""
    from yunque.core.nouns import Origin, Record
    from yunque.data.packing.rows import PackRecipe, pack
    from yunque.data.pairs.make import PairsRecipe, make_pairs
    from yunque.models.base import pull
    from yunque.models.tokenizer import add_fim, find_fim, load_tokenizer

    folder, _ = pull()
    tokenizer = load_tokenizer(folder)
    new_ids = add_fim(tokenizer)
    pairs = []
    for module in MODULES:
        path = Path(statistics.__file__).with_name(f"{module}.py")
        origin = Origin(source="stdlib", path=path.name, revision="", licence="PSF-2.0", collected_at="")
        record = Record(id=module, text=path.read_text(), language="python", origin=origin)
        pairs.append(list(make_pairs(record, PairsRecipe(continuation=False), seed=1)))

    def rows(some, tokens, packed=True):
        recipe = PackRecipe(length_tokens=LENGTH, train_tokens=tokens, packed=packed)
        return pack([pair for part in some for pair in part], tokenizer, find_fim(tokenizer), recipe, tokens, seed=1)[0]

    return (
        folder,
        tokenizer,
        new_ids,
        lambda tokens, packed=True: rows(pairs[:-2], tokens, packed),
        rows(pairs[-2:], 4 * LENGTH),
    )


def apart(rows):
    """The samples of rows, one by one, as TRL takes them."""
    ids, masks = [], []
    for row in range(len(rows)):
        for number in range(1, int(rows.segments[row].max()) + 1):
            inside = rows.segments[row] == number
            ids.append(rows.ids[row][inside].tolist())
            masks.append(rows.answers[row][inside].astype(int).tolist())
    return {"input_ids": ids, "completion_mask": masks}


# ----------------------------------------------------------------------------------------------------------------- the rows
def run_trl(settings, steps, tokens):
    """TRL's trainer; with ``tokens`` as many steps as those take."""
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, TrainerCallback
    from trl import SFTConfig, SFTTrainer

    folder, tokenizer, _, rows_of, validation = samples()
    rows = rows_of(tokens or 40 * LENGTH)
    counts, seconds, started = [], [], [0.0]

    class Clock(TrainerCallback):
        def on_step_begin(self, *_, **__):
            started[0] = time.perf_counter()

        def on_step_end(self, *_, **__):
            seconds.append(time.perf_counter() - started[0])

    model = AutoModelForCausalLM.from_pretrained(folder)
    model.resize_token_embeddings(len(tokenizer))
    equal = (
        {"num_train_epochs": 1, "learning_rate": RATE, "lr_scheduler_type": "constant", "seed": 1}
        if tokens
        else {"max_steps": steps + 1}
    )
    config = SFTConfig(
        output_dir="/tmp/trl",
        report_to="none",
        save_strategy="no",
        disable_tqdm=True,
        use_cpu=not cuda(),
        completion_only_loss=True,
        **settings,
        **equal,
    )
    lora = LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules="all-linear", task_type="CAUSAL_LM")
    trainer = SFTTrainer(
        model=model,
        args=config,
        train_dataset=Dataset.from_dict(apart(rows)),
        processing_class=tokenizer,
        peft_config=lora,
        callbacks=[Clock()],
    )
    collate, pad = trainer.data_collator, tokenizer.pad_token_id

    def counted(features):
        batch = collate(features)
        counts.append(int((batch["input_ids"] != pad).sum()))  # fetched ahead of its step, in the order of the steps
        return batch

    trainer.data_collator = counted
    trainer.train()
    speeds = [number / took for number, took in zip(counts, seconds, strict=False)]
    return {"speeds": speeds[1:], "loss": validation_loss(trainer.model, validation) if tokens else None}


def run_plain(steps, tokens):
    """The loop people write first: PEFT's LoRA, logits everywhere, no block-diagonal mask."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    folder, tokenizer, _, rows_of, validation = samples()
    rows = rows_of(tokens or (steps + 1) * ROWS_A_STEP * LENGTH)
    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
    model.resize_token_embeddings(len(tokenizer))
    config = LoraConfig(r=RANK, lora_alpha=2 * RANK, lora_dropout=0.05, target_modules="all-linear", task_type="CAUSAL_LM")
    device = "cuda" if cuda() else "cpu"
    model = get_peft_model(model, config).train().to(device)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=RATE, weight_decay=0.0)
    speeds = []
    for first in range(0, len(rows) - ROWS_A_STEP + 1, ROWS_A_STEP):
        which = slice(first, first + ROWS_A_STEP)
        ids = torch.as_tensor(rows.ids[which]).long().to(device)
        labels = torch.where(torch.as_tensor(rows.answers[which]).to(device), ids, -100)
        started = time.perf_counter()
        with torch.autocast(device, torch.bfloat16):
            loss = model(input_ids=ids, labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        speeds.append(int((rows.segments[which] > 0).sum()) / (time.perf_counter() - started))
    return {"speeds": speeds[1:], "loss": validation_loss(model, validation) if tokens else None}


def run_ours(choices, steps, tokens):
    """`yunque train`'s own loop."""
    import tempfile

    import torch

    from yunque.models import adapt
    from yunque.models.recipe import ModelRecipe
    from yunque.training.loop import Trainer
    from yunque.training.objectives import answers
    from yunque.training.recipe import TrainingRecipe

    if "threads" in choices:
        torch.set_num_threads(choices["threads"])
    if not choices.get("allocator", True):
        adapt.keep_freed_memory = lambda: None
    folder, tokenizer, new_ids, rows_of, validation = samples()
    rows = rows_of(tokens or (steps + 1) * ROWS_A_STEP * LENGTH, choices.get("packed", True))
    recipe = ModelRecipe(
        lora_rank=RANK, dtype=choices.get("dtype", "auto"), dropout=0.0 if choices.get("input_dropout") else 0.05
    )
    model = adapt.trainable(folder, recipe, tokenizer, new_ids)
    if choices.get("input_dropout"):
        for module in model.modules():
            if hasattr(module, "lora_dropout"):
                module.lora_dropout["default"] = torch.nn.Dropout(0.05)
    objective = every_logit(answers) if "chunk" in choices else answers.AnswerCrossEntropy()
    training = {
        "validate_every": 10**6,
        "checkpoint_every": 10**6,
        "weight_decay": 0.0,
        "schedule": "constant",
        "warmup_share": 0.0,
        "rows_per_step": ROWS_A_STEP,
    }
    small = type(rows)(ids=rows.ids[:1], answers=rows.answers[:1], segments=rows.segments[:1])
    trainer = Trainer(
        model=model,
        objective=objective,
        train=rows,
        validation=small,
        recipe=TrainingRecipe(**training | choices.get("training", {})),
        peak=RATE,
        seed=1,
        folder=Path(tempfile.mkdtemp()),
    )
    history = trainer.fit()
    if tokens:  # the last weights, not the best of two validations
        trainer._resume()
    return {
        "speeds": [row["tokens_per_s"] for row in history.steps][1:],
        "loss": validation_loss(model, validation) if tokens else None,
    }


def every_logit(answers):
    """An objective that computes the logits of all tokens at once, as most do."""
    import torch

    class EveryLogit(answers.AnswerCrossEntropy):
        def loss(self, model, batch):
            logits = (
                model(
                    input_ids=batch.ids_BT, position_ids=batch.positions_BT, attention_mask=batch.mask_B1TT, use_cache=False
                )
                .logits[:, :-1]
                .float()
            )
            taken = batch.weights_BT[:, 1:] > 0
            return torch.nn.functional.cross_entropy(
                logits.flatten(0, 1), batch.ids_BT[:, 1:].masked_fill(~taken, -100).flatten(), reduction="sum"
            )

    return EveryLogit()


def run_bound(steps):
    """Tokens a second of the matrix products of a step alone."""
    import torch
    from torch import nn

    from yunque.models.adapt import choose_dtype, load_model

    folder, _, _, rows_of, _ = samples()
    rows = rows_of(4 * LENGTH)
    device = "cuda" if cuda() else "cpu"
    model = load_model(folder, choose_dtype("auto"))
    config, dtype = model.config, model.dtype
    taken = int(rows.answers.sum() / len(rows))
    shapes = [
        (LENGTH, module.in_features, module.out_features)
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and "lm_head" not in name
    ]
    shapes += [(LENGTH, width, RANK) for _, width, _ in list(shapes)] + [(LENGTH, RANK, out) for _, _, out in shapes]
    shapes.append((taken, config.hidden_size, config.vocab_size))
    heads, width = config.num_attention_heads, config.hidden_size // config.num_attention_heads
    tensors = {
        shape: (
            torch.randn(shape[0], shape[1], device=device, dtype=dtype),
            torch.randn(shape[2], shape[1], device=device, dtype=dtype),
        )
        for shape in set(shapes)
    }
    q = torch.randn(heads, LENGTH, width, device=device, dtype=dtype)
    speeds = []
    with torch.no_grad():
        for _ in range(steps + 1):
            started = time.perf_counter()
            for shape in shapes:
                x, w = tensors[shape]
                y = x @ w.T  # forwards
                y @ w  # the gradient of what came in
                if RANK in shape[1:]:
                    y.T @ x  # that of the adapter
            for _ in range(config.num_hidden_layers):
                p = q @ q.transpose(1, 2)
                p @ q
                for _ in range(2):
                    q @ q.transpose(1, 2)
                    p @ q
            if cuda():
                torch.cuda.synchronize()
            speeds.append(LENGTH / (time.perf_counter() - started))
    return {"speeds": speeds[1:], "loss": None}


def validation_loss(model, rows):
    """Mean loss on answers, the same for all, in nats."""
    import numpy as np
    import torch

    from yunque.training.objectives.answers import AnswerCrossEntropy

    objective, total, weight = AnswerCrossEntropy(), 0.0, 0.0
    model.eval()
    with torch.no_grad():
        for row in range(len(rows)):
            batch = objective.batch(rows, np.array([row]), next(model.parameters()).device)
            total, weight = total + float(objective.loss(model, batch)), weight + objective.weight(batch)
    return total / weight


def cuda():
    import torch

    return torch.cuda.is_available() and not os.environ.get("ACCELERATE_USE_CPU")


# ---------------------------------------------------------------------------------------------------------------- the table
def one(name, steps, tokens):
    from yunque.training.monitor import memory_bytes

    if name in TRL:
        result = run_trl(TRL[name], steps, tokens)
    elif name == PLAIN:
        result = run_plain(steps, tokens)
    elif name == BOUND:
        result = run_bound(steps)
    else:
        result = run_ours(OURS[name], steps, tokens)
    print("\n" + json.dumps(result | {"memory": memory_bytes()}))


def call(name, options, tokens=0):
    python = options.peer if name in TRL else sys.executable
    command = [python, __file__, "--one", name, "--steps", str(options.steps), "--tokens", str(tokens)]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        print(f"{name}: {(result.stderr.strip().splitlines() or ['?'])[-1]}", file=sys.stderr)
        return None
    return json.loads(result.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=4, help="counted steps a visit")
    parser.add_argument("--visits", type=int, default=2)
    parser.add_argument(
        "--rows",
        default=",".join([*TRL, PLAIN, "ours", BOUND]).replace(", ", "; "),
        help="names, with commas between and '; ' for ', '; or all",
    )
    parser.add_argument("--equal-tokens", type=int, default=0)
    parser.add_argument("--peer", default=sys.executable, help="Python that has TRL")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--tokens", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        return one(options.one, options.steps, options.tokens)
    names = (
        [*TRL, PLAIN, *OURS, BOUND]
        if options.rows == "all"
        else [name.replace("; ", ", ") for name in options.rows.split(",")]
    )
    found = {name: {"speeds": [], "memory": 0, "loss": None} for name in names}
    for _ in range(options.visits):
        for name in names:
            if result := call(name, options):
                found[name]["speeds"] += result["speeds"]
                found[name]["memory"] = max(found[name]["memory"], *result["memory"].values())
    for name in COMPARED if options.equal_tokens else ():
        if result := call(name, options, options.equal_tokens):
            found.setdefault(name, {"speeds": result["speeds"], "memory": max(result["memory"].values())})["loss"] = result[
                "loss"
            ]
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n")
    print(table(found, options.equal_tokens))
    return None


def table(found, tokens):
    """As Markdown."""
    middles = {name: statistics.median(row["speeds"]) for name, row in found.items() if row["speeds"]}
    ours = middles.get("ours")
    lines = [
        "| row | useful tokens/s, median | range | ours against it | peak memory | loss at equal tokens | n |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for name, row in found.items():
        if name not in middles:
            lines.append(f"| {name} | failed | | | | | 0 |")
            continue
        against = f"{ours / middles[name]:.2f} x" if ours else ""
        loss = f"{row['loss']:.4f}" if row.get("loss") is not None else ""
        span = f"{min(row['speeds']):.0f}-{max(row['speeds']):.0f}"
        lines.append(
            f"| {name} | {middles[name]:.0f} | {span} | {against} | {row['memory'] / 1e9:.1f} GB | {loss} "
            f"| {len(row['speeds'])} |"
        )
    if tokens:
        lines.append(f"\nLoss: on the same held-out rows after {tokens:,} tokens at {RATE:g}, constant.")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
