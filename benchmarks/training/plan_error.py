"""How far off is a plan? Six real trainings on this machine, each against what was said of it before.

    python benchmarks/training/plan_error.py [--steps 8] [--only NAME …] [--json FILE]

Each training runs in a process of its own, on rows of random tokens; before it, also in one of its own, the plan is made:
memory by formula, speed measured on three steps. Memory of a training is the most that its process held. The base of half a
billion parameters is of random weights in the shape of Qwen2.5-Coder-0.5B, with the embedded base's tokenizer.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

HALF_BILLION = "half a billion"
RUNS = {
    "135M, LoRA": [],
    "135M, LoRA, two rows at once": ["training.rows_at_once=2"],
    "135M, LoRA, checkpointing": ["training.checkpointing=true"],
    "135M, every weight": ["model.tuning=full"],
    "depth 4 from scratch, every token": [
        "model.base=scratch",
        "model.tuning=full",
        "training.objective=pretrain",
        "training.rows_per_step=8",
    ],
    "0.5B shape, LoRA": [f"model.base={HALF_BILLION}"],
}


def half_billion(folder):
    """A model in the shape of Qwen2.5-Coder-0.5B (24 layers of 896, a vocabulary of 151,936), of random weights."""
    import torch
    from transformers import AutoModelForCausalLM, Qwen2Config

    from yunque.models.base import pull
    from yunque.models.tokenizer import load_tokenizer

    torch.manual_seed(1)
    config = Qwen2Config(
        vocab_size=151_936, hidden_size=896, intermediate_size=4_864, num_hidden_layers=24, num_attention_heads=14,
        num_key_value_heads=2, max_position_embeddings=32_768, tie_word_embeddings=True,
    )  # fmt: skip
    AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).save_pretrained(folder)
    load_tokenizer(pull()[0]).save_pretrained(folder)


def one(name, steps, plan_only):
    from dataclasses import asdict
    from unittest import mock

    from yunque.core.progress import silent
    from yunque.pipelines.recipes import load_recipe
    from yunque.pipelines.training import Planning
    from yunque.training import plan

    if name.startswith("0.5B"):
        folder = tempfile.TemporaryDirectory()
        half_billion(folder.name)
        settings = [setting.replace(HALF_BILLION, folder.name) for setting in RUNS[name]]
    else:
        settings = RUNS[name]
    recipe = load_recipe(None, settings)
    planning = Planning(recipe=recipe, progress=silent)
    if plan_only:
        result = asdict(planning.run(gpu="", count=1, measure=True, table=None))
        with tempfile.TemporaryDirectory() as scratch:
            facts = plan.model_facts(planning._base(Path(scratch)), recipe.model)
        result["by_formula"] = plan.memory_of(facts, recipe.model, recipe.training, recipe.pack.length_tokens, "cpu")
        print("\n" + json.dumps(result))
        return
    with mock.patch.object(plan, "STEPS", steps):  # the same way, but longer: a real run of so many steps
        result = asdict(planning.run(gpu="", count=1, measure=True, table=None))
    print("\n" + json.dumps(result))


def call(name, steps, *flags):
    command = [sys.executable, __file__, "--one", name, "--steps", str(steps), *flags]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--only", nargs="+", choices=list(RUNS), default=list(RUNS), metavar="NAME")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--plan", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        return one(options.one, options.steps, options.plan)
    found = {}
    print("| training | memory said | was | off | tokens/s said | were | off |\n|---|--:|--:|--:|--:|--:|--:|", flush=True)
    for name in options.only:
        plan, run = call(name, options.steps, "--plan"), call(name, options.steps)
        found[name] = {"plan": plan, "run": run}
        memory, speed = plan["by_formula"] / run["memory_bytes"] - 1, plan["tokens_per_s"] / run["tokens_per_s"] - 1
        print(
            f"| {name} | {plan['by_formula'] / 1e9:.2f} GB | {run['memory_bytes'] / 1e9:.2f} GB | {memory:+.0%} "
            f"| {plan['tokens_per_s']:.0f} | {run['tokens_per_s']:.0f} | {speed:+.0%} |",
            flush=True,
        )
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n")
    return None


if __name__ == "__main__":
    main()
