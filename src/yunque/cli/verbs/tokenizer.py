"""`yunque tokenizer`: train a vocabulary, extend one, see what one costs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from yunque.cli.console import bars, emit, say
from yunque.cli.options import DEFAULT_OUT, Json, Out, Overrides, Workers
from yunque.cli.verbs.forge import Dataset, TrainRecipe, resolved_training

if TYPE_CHECKING:
    from yunque.core.nouns import Record
    from yunque.pipelines.tokenizer import Measured

tokenizer_app = typer.Typer(help="Vocabularies: train one, extend one, see what one costs.", no_args_is_help=True)

To = Annotated[Path, typer.Option("--to", help="New folder for what is made.")]


@tokenizer_app.command()
def train(
    dataset: Dataset,
    to: To,
    size: Annotated[int, typer.Option("--size", help="Tokens, with bytes and special tokens.")] = 16_384,
    recipe: TrainRecipe = None,
    workers: Workers = 0,
    out: Out = DEFAULT_OUT,
    set_: Overrides = None,
    json_: Json = False,
) -> None:
    """Train a byte-level BPE tokenizer on what of DATASET is learned from; `model.tokenizer` of a model from scratch."""
    from yunque.pipelines.tokenizer import VocabularyTraining

    records = _learned(dataset, recipe, set_ or [], out, workers)
    _show(VocabularyTraining(records=records, folder=to, size=size, progress=bars).run(), to, json_)


@tokenizer_app.command()
def extend(
    dataset: Dataset,
    to: To,
    base: Annotated[str, typer.Option("--base", help="Base model whose vocabulary grows.")] = "smollm2-135m-instruct",
    add: Annotated[int, typer.Option("--add", min=1, help="New tokens at most.")] = 1024,
    recipe: TrainRecipe = None,
    workers: Workers = 0,
    out: Out = DEFAULT_OUT,
    set_: Overrides = None,
    json_: Json = False,
) -> None:
    """Add the tokens that pay most on DATASET to a base, and resize it; `model.base` of a training that learns them."""
    from yunque.pipelines.tokenizer import VocabularyExtension

    records = _learned(dataset, recipe, set_ or [], out, workers)
    _show(VocabularyExtension(records=records, base=base, folder=to, most=add, progress=bars).run(), to, json_)


@tokenizer_app.command()
def report(
    tokenizers: Annotated[list[str], typer.Argument(help="Tokenizer or model folders, or names of bases.")],
    on: Annotated[str, typer.Option("--on", help="Id of a data set in --out, or its start.")] = "",
    page: Annotated[Path, typer.Option("--page", help="Page to write.")] = Path("vocabulary.html"),
    out: Out = DEFAULT_OUT,
    json_: Json = False,
) -> None:
    """Show what vocabularies cost, in bytes a token by programming and by natural language, and write a page."""
    from yunque.data.contents import Wanted, rows_of
    from yunque.models.base import find_base
    from yunque.models.tokenizer import load_tokenizer
    from yunque.pipelines.tokenizer import measure
    from yunque.store.artifacts import Store, write_whole

    named = {}
    for name in tokenizers:
        folder = Path(name) if (Path(name) / "tokenizer.json").exists() else find_base(name, bars)[0]
        named[name if name not in named else str(folder)] = load_tokenizer(folder)
    store = Store(out)
    records = rows_of(store, store.find(on, "dataset"), Wanted()) if on else ()
    measured = measure(named, records, bars)
    write_whole(page, measured.page())
    _show(measured, page, json_)


def _learned(dataset: str, recipe: Path | None, settings: list[str], out: Path, workers: int) -> list[Record]:
    from yunque.store.artifacts import disk_errors

    with disk_errors(out):
        return resolved_training(dataset, recipe, settings, out, workers).learned()


def _show(measured: Measured, where: Path, as_json: bool) -> None:
    from dataclasses import asdict

    from yunque.reports.tokenizer import lines

    if as_json:
        plain = [{k: v for k, v in asdict(item).items() if k != "sample"} for item in measured.vocabularies]
        grown = asdict(measured.grown) if measured.grown else None
        emit({"groups": dict(measured.groups), "vocabularies": plain, "grown": grown, "path": str(where)})
        return
    print("\n".join(lines(measured.vocabularies, measured.groups)))
    if measured.grown:
        before, kept, after = measured.grown.bits
        say(f"bits a byte at step 0: {before:.4f}; grown, with the old tokens {kept:.4f}, with the new ones {after:.4f}")
    print(where)
