"""The verbs of ``yunque data``: build a data set, page through it, say how two differ. Nothing heavy is imported before."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from yunque.cli.console import bars, emit, page_through, say
from yunque.cli.options import DEFAULT_OUT, Json, Out, Overrides, Workers

data_app = typer.Typer(help="Data sets: build one from sources, look at it, compare two.", no_args_is_help=True)


@data_app.command()
def build(
    recipe: Annotated[Path, typer.Argument(help="TOML recipe with [[sources]]; see recipes/data.toml.")],
    out: Out = DEFAULT_OUT,
    workers: Workers = 0,
    set_: Overrides = None,
    json_: Json = False,
) -> None:
    """Build a data set: collect, tag, screen, clean, pair; every loss with its reason."""
    from yunque.cli.views.datasets import summary
    from yunque.pipelines.dataset import DataBuild
    from yunque.pipelines.recipes import DataRecipe, load_recipe
    from yunque.store.artifacts import disk_errors

    resolved = load_recipe(recipe, set_ or [], DataRecipe)
    with disk_errors(out):
        run = DataBuild(recipe=resolved, out=out, workers=workers, progress=bars, say=say)
        artifact = run.run()
    if json_:
        emit({"id": artifact.id, **artifact.counts})
    else:
        print("\n".join([*summary(artifact.counts), artifact.id]))


@data_app.command()
def show(
    dataset: Annotated[str, typer.Argument(help="Id of a data set, or the start of one.")],
    what: Annotated[
        str, typer.Argument(help="kept, dropped, negative, pairs, dropped-pairs, edits, weights or duplicates")
    ] = "kept",
    reason: Annotated[str, typer.Option("--reason", help="Only what was dropped or edited for this reason.")] = "",
    language: Annotated[str, typer.Option("--language", help="Only records and pairs in this language.")] = "",
    kind: Annotated[str, typer.Option("--kind", help="Only pairs of this kind.")] = "",
    path: Annotated[str, typer.Option("--path", help="Only paths that match this glob.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=0, help="How many; 0 for all.")] = 50,
    offset: Annotated[int, typer.Option("--offset", min=0, help="How many to pass over first.")] = 0,
    sample: Annotated[bool, typer.Option("--sample", help="So many drawn by chance, not the first ones.")] = False,
    seed: Annotated[int, typer.Option("--seed", help="Of --sample: the same seed draws the same rows.")] = 17,
    full: Annotated[bool, typer.Option("--full", help="Whole texts, not their first lines.")] = False,
    out: Out = DEFAULT_OUT,
    json_: Json = False,
) -> None:
    """Page through a data set: what was kept, what was not and why, what was edited, which pairs were made."""
    from yunque.cli.views.datasets import as_plain, as_text
    from yunque.data.contents import Wanted, count_of, origins_of, page
    from yunque.store.artifacts import Store

    if sample and offset:
        raise typer.BadParameter("--sample draws from everything; leave --offset out")
    store = Store(out)
    position = store.find(dataset, "dataset")
    wanted = Wanted(what=what, reason=reason, language=language, kind=kind, path=path)
    rows = page(store, position, wanted, offset=offset, limit=limit, sample_seed=seed if sample else None)
    if json_:
        emit([as_plain(row) for row in rows])
        return
    origins, total = origins_of(store, position, rows), count_of(store, position, wanted)
    details = f"{len(rows):,} of {total:,} {what}"
    if offset and rows:
        details += f", from {offset + 1:,} on"
    if not sample and offset + len(rows) < total:
        details += f"; the next: --offset {offset + len(rows)}"
    page_through((as_text(row, full=full, origins=origins) for row in rows), last=details)


@data_app.command()
def diff(
    first: Annotated[str, typer.Argument(help="Id of a data set, or the start of one.")],
    second: Annotated[str, typer.Argument(help="Another data set.")],
    limit: Annotated[int, typer.Option("--limit", min=0, help="Paths that are named of each change; 0 for all.")] = 20,
    out: Out = DEFAULT_OUT,
    json_: Json = False,
) -> None:
    """Say how the second data set differs: what came, what went, what changed, and for which reasons."""
    from yunque.cli.views.datasets import difference_lines
    from yunque.data.contents import compare_datasets
    from yunque.store.artifacts import Store

    store = Store(out)
    result = compare_datasets(store, *(store.find(item, "dataset") for item in (first, second)))
    emit(result) if json_ else print("\n".join(difference_lines(result, limit)))


@data_app.command()
def card(
    dataset: Annotated[str, typer.Argument(help="Id of a data set, or the start of one.")],
    file: Annotated[Path | None, typer.Option("--to", help="Write it there; printed without.")] = None,
    out: Out = DEFAULT_OUT,
) -> None:
    """Write the data set's card: sources, licences, filters with counts, languages, redactions, duplicates."""
    from yunque.reports.data_card import data_card, data_facts
    from yunque.store.artifacts import Store

    store = Store(out)
    text = data_card(data_facts(store, store.find(dataset, "dataset")))
    if file is None:
        print(text, end="")
    else:
        file.write_text(text, encoding="utf-8")
        print(file)


@data_app.command(name="export")
def export_(
    dataset: Annotated[str, typer.Argument(help="Id of a data set, or the start of one.")],
    to: Annotated[str, typer.Option("--to", help="openai, sharegpt, alpaca, hf or webdataset.")],
    folder: Annotated[Path | None, typer.Option("--dir", help="Where; OUT/exports/ID-FORMAT without.")] = None,
    part: Annotated[str, typer.Option("--part", help="all, train or validation: by the last training on it.")] = "all",
    kind: Annotated[str, typer.Option("--kind", help="Only pairs of this kind.")] = "",
    language: Annotated[str, typer.Option("--language", help="Only pairs in this language.")] = "",
    out: Out = DEFAULT_OUT,
    json_: Json = False,
) -> None:
    """Write the pairs of a data set for another trainer, with its card; what a format cannot say is counted."""
    from yunque.data.export import export
    from yunque.data.sides import pairs_to_export
    from yunque.reports.data_card import data_card, data_facts
    from yunque.store.artifacts import Store, write_whole

    store = Store(out)
    position = store.find(dataset, "dataset")
    target = folder or out / "exports" / f"{position.id}-{to}"
    written = export(pairs_to_export(store, position, part, kind=kind, language=language), to, target)
    write_whole(target / "README.md", data_card(data_facts(store, position)))
    if json_:
        emit({"folder": str(target), **vars(written)})
        return
    for warning in written.warnings:
        say(warning)
    for reason, number in written.left_out.most_common():
        print(f"{number:>9,}  left out: {reason}")
    print(f"{written.examples:>9,}  examples in {', '.join(written.files) or 'no file'}\n{target}")
