"""`yunque list`, `yunque show`, `yunque trace`: what has been made here; `yunque clean`: what of it is not needed."""

from __future__ import annotations

from typing import Annotated

import typer

from yunque.cli.console import emit
from yunque.cli.options import DEFAULT_OUT, Json, Out


def list_artifacts(
    kind: Annotated[str, typer.Option("--kind", help="Only artifacts of this kind, such as dataset, eval, model.")] = "",
    out: Out = DEFAULT_OUT,
    json_: Json = False,
) -> None:
    """List what has been made here: kind, id, date, size, and what it is of."""
    from yunque.cli.views.artifacts import table, table_lines
    from yunque.core.errors import StoreError
    from yunque.core.plugins import nearest
    from yunque.store.artifacts import Store

    artifacts = Store(out).all()
    if not artifacts:
        raise StoreError("nothing has been made here", where=out, do="name another folder with --out")
    kinds = sorted({artifact.manifest.kind for artifact in artifacts})
    if kind and kind not in kinds:
        raise typer.BadParameter(f"no artifact of kind '{kind}' here; {nearest(kind, kinds)}", param_hint="--kind")
    rows = table([artifact for artifact in artifacts if kind in ("", artifact.manifest.kind)])
    emit(rows) if json_ else print("\n".join(table_lines(rows)))


def show(
    artifact: Annotated[str, typer.Argument(help="Id, or the start of one.")], out: Out = DEFAULT_OUT, json_: Json = False
) -> None:
    """Show what an artifact is: its manifest, its counts and its files."""
    from dataclasses import asdict

    from yunque.store.artifacts import Store

    position = Store(out).find(artifact)
    if json_:
        emit(asdict(position.manifest))
        return
    from yunque.cli.views.artifacts import describe

    print(describe(position))


def trace(
    artifact: Annotated[str, typer.Argument(help="Id, or the start of one.")], out: Out = DEFAULT_OUT, json_: Json = False
) -> None:
    """Trace an artifact back to its source, parent by parent."""
    from yunque.cli.views.artifacts import draw_tree, lineage
    from yunque.store.artifacts import Store

    store = Store(out)
    tree = lineage(store, store.find(artifact))
    emit(tree) if json_ else print(draw_tree(tree))


def clean(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    out: Out = DEFAULT_OUT,
    json_: Json = False,
) -> None:
    """Remove what only older results need, and what stopped runs left; the newest result of every name stays whole."""
    from yunque.reports.formatting import count, size
    from yunque.store.artifacts import Store, bytes_below

    store = Store(out)
    paths = [*(artifact.path for artifact in store.superseded()), *store.drafts()]
    sizes = {str(path.relative_to(out)): bytes_below(path) for path in paths}
    if not dry_run and paths:
        store.remove(paths)
    if json_:
        emit({"removed": not dry_run, "bytes": sizes})
        return
    for name, num_bytes in sizes.items():
        print(f"{size(num_bytes):>10}  {name}")
    verb = "would go" if dry_run else "removed"
    print(f"{count(len(sizes), 'folders')}, {size(sum(sizes.values()))} {verb}")
