"""A model from scratch against xz: bits a byte on the same held-out files.

    python benchmarks/training/scratch.py FOLDER [--megabytes 20] [--set KEY=VALUE …] [--json FILE]

Python's standard library, with its tests, is forged by `recipes/scratch.toml` in FOLDER: a data set, a vocabulary of what is
learned from, a model of four layers. Then the model is asked what every held-out file costs, in windows of the rows' length
that overlap by half, and `xz -9e` packs them: each alone, and all as one.
"""

import argparse
import json
import lzma
import math
import shutil
import sysconfig
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]


def corpus(folder, megabytes):
    """Copies of the standard library's Python files, at most so many bytes, in a stable order."""
    source, size = Path(sysconfig.get_paths()["stdlib"]), 0
    shutil.rmtree(folder, ignore_errors=True)
    for path in sorted(source.rglob("*.py")):
        inside = path.relative_to(source)
        if "site-packages" in inside.parts or path.stat().st_size > 400_000:
            continue
        size += path.stat().st_size
        if size > megabytes * 1e6:
            break
        (folder / inside).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, folder / inside)


def packed_bits(texts):
    """Bits a byte of ``xz -9e``: every file alone, and all as one."""
    size = sum(map(len, texts))
    alone = sum(len(lzma.compress(text, preset=9 | lzma.PRESET_EXTREME)) for text in texts)
    return 8 * alone / size, 8 * len(lzma.compress(b"".join(texts), preset=9 | lzma.PRESET_EXTREME)) / size


def model_bits(folder, texts, length):
    """Bits a byte of the model, every token of every file counted once, in windows of ``length`` that overlap by half.

    But for the first window of a file, a token has half a window before it.
    """
    import torch

    from yunque.models.adapt import load_model
    from yunque.models.tokenizer import encode, load_tokenizer

    tokenizer, model = load_tokenizer(folder), load_model(folder, torch.float32).eval()
    nats = num_bytes = 0.0
    for text in texts:
        ids = [tokenizer.eos_token_id, *encode(tokenizer, text.decode())]
        num_bytes += len(text)
        for start in range(0, max(1, len(ids) - length // 2), length // 2):
            window = torch.tensor(ids[start : start + length])
            with torch.inference_mode():
                logs = model(window[None, :-1]).logits[0].float().log_softmax(-1)
            costs = -logs.gather(1, window[1:, None])[:, 0]
            nats += float(costs[length // 2 - 1 if start else 0 :].sum())
    return nats / math.log(2) / num_bytes


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--megabytes", type=float, default=20)
    parser.add_argument("--set", action="append", default=[], dest="settings")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    from yunque.data.contents import tree_records
    from yunque.data.split import Split, parts_of
    from yunque.pipelines.forge import Forge
    from yunque.pipelines.recipes import forge_recipe

    source = options.folder / "stdlib"
    corpus(source, options.megabytes)
    recipe = forge_recipe([str(source)], ROOT / "recipes" / "scratch.toml", options.settings)
    forge = Forge(
        recipe=recipe, out=options.folder / "out", say=lambda line: print(line, flush=True), measured=False, workers=2
    )
    forge.run()
    made = {artifact.manifest.kind: artifact for artifact, _ in forge.steps.made}
    sides = parts_of(made["split"])
    texts = [
        record.text.encode()
        for _, record in tree_records(forge.steps.store, made["dataset"])
        if sides[record.id] is Split.HELDOUT
    ]
    started = time.perf_counter()
    model, (alone, together) = model_bits(made["model"].path, texts, recipe.pack.length_tokens), packed_bits(texts)
    history = json.loads((made["weights"].path / "history.json").read_text())
    result = {
        "files": len(texts), "bytes": sum(map(len, texts)), "model": model, "xz_alone": alone, "xz_together": together,
        "parameters": made["base"].counts["parameters"], "steps": len(history["steps"]),
        "tokens": history["steps"][-1]["tokens_seen"], "training_s": made["weights"].counts["training_s"],
        "steps_s": {kind: artifact.manifest.took_s for kind, artifact in made.items()},
        "validations": [[row["step"], round(row["loss"], 4)] for row in history["validations"]],
        "scoring_s": time.perf_counter() - started,
    }  # fmt: skip
    print(json.dumps(result, indent=2))
    shares = f"{model / alone:.0%} of xz on each file ({alone:.3f}), {model / together:.0%} of all as one ({together:.3f})"
    print(f"model {model:.3f} bits a byte: {shares}")
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
