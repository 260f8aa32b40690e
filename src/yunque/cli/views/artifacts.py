"""Artifacts as text for a terminal: all listed, one described, or the tree it grew from."""

from __future__ import annotations

import json

from yunque.reports.formatting import aligned, moment, size
from yunque.store.artifacts import RECIPE, Artifact, Store, bytes_below


def table(artifacts: list[Artifact]) -> list[dict]:
    """A row for each artifact, the newest last: what it is, when it was made, how large it is, what it is of."""
    return [
        {
            "kind": artifact.manifest.kind,
            "id": artifact.id,
            "made": artifact.manifest.created_at,
            "size_bytes": bytes_below(artifact.path),
            "of": artifact.manifest.name,
        }
        for artifact in artifacts
    ]


def table_lines(rows: list[dict]) -> list[str]:
    """The rows as aligned lines under their titles."""
    cells = [("kind", "id", "made (UTC)", "size", "of")]
    cells += [
        (row["kind"], row["id"], moment(row["made"]).removesuffix(" UTC"), size(row["size_bytes"]), row["of"])
        for row in rows
    ]
    return aligned(cells)


def describe(artifact: Artifact) -> str:
    """What an artifact is, in lines."""
    manifest = artifact.manifest
    files = sorted(path for path in artifact.path.iterdir() if path.name != "manifest.json")
    lines = [
        f"{manifest.kind}-{manifest.id}{f'  {manifest.name}' if manifest.name else ''}",
        f"  made     {manifest.created_at} in {manifest.took_s:.1f} s, peak {manifest.peak_bytes / 1e9:.2f} GB",
        f"  by       yunque {manifest.code_version}, seed {manifest.seed}",
        f"  from     {', '.join(manifest.parents) or 'the source'}",
        f"  recipe   {json.dumps(manifest.recipe)}",
        "  counts",
        *(f"    {name}: {json.dumps(value, ensure_ascii=False)}" for name, value in manifest.counts.items()),
        f"  in       {artifact.path}",
        *(f"    {path.name}{'/' if path.is_dir() else f'  {path.stat().st_size:,} bytes'}" for path in files),
    ]
    if (artifact.path / RECIPE).exists():
        recipe = json.loads((artifact.path / RECIPE).read_text("utf-8"))
        lines += [
            "  made by this recipe",
            *(f"    {line}" for line in json.dumps(recipe, indent=1, ensure_ascii=False).splitlines()),
        ]
    return "\n".join(lines)


def lineage(store: Store, artifact: Artifact) -> dict:
    """The tree an artifact grew from: kind, id, counts, and the same of every parent."""
    return {
        "kind": artifact.manifest.kind,
        "id": artifact.id,
        "counts": artifact.counts,
        "parents": [lineage(store, parent) for parent in store.parents(artifact)],
    }


def draw_tree(tree: dict) -> str:
    """A lineage as an indented tree; what was drawn already is named, not drawn again."""
    lines: list[str] = []
    seen: set[str] = set()

    def draw(node: dict, indent: str, branch: str, below: str) -> None:
        again = node["id"] in seen
        seen.add(node["id"])
        lines.append(f"{indent}{branch}{node['kind']}-{node['id']}{' (above)' if again and node['parents'] else ''}")
        for index, parent in enumerate([] if again else node["parents"]):
            last = index == len(node["parents"]) - 1
            draw(parent, indent + below, "└─ " if last else "├─ ", "   " if last else "│  ")

    draw(tree, "", "", "")
    return "\n".join(lines)
