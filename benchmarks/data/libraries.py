"""Would a library do what our own code does? Phones, accounts, languages of files and notebooks, side by side in one run.

    python -m pip install --target PEERS phonenumbers schwifty identify nbformat
    python benchmarks/data/libraries.py --peers PEERS --files FOLDER [--seed 1] [--instances 30] [--max-files 4000]

Phones and accounts: the planted files of ``credentials.py``, all three parts; a finding that touches no plant of its kind is
wrong; then the text files of FOLDER, where hardly any is. Languages: files of FOLDER, where both know one. Notebooks: some
that are well formed, of both formats, and some that are broken in one place each.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from credentials import Document, fresh, held_out, planted

from yunque.checks.privacy.identifiers import ibans, phones
from yunque.code.languages import LANGUAGES, language_of
from yunque.core.nouns import Dropped, Origin, seed_from
from yunque.data.streams.notebooks import read_notebook

Finder = Callable[[str], Iterable[tuple[int, int]]]
"""Text -> (start, end) in bytes of what is found."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=Path, required=True)
    parser.add_argument("--files", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--instances", type=int, default=30)
    parser.add_argument("--max-files", type=int, default=4000)
    options = parser.parse_args()
    sys.path.append(str(options.peers))
    documents = [
        *planted(options.seed, options.instances),
        *held_out(options.seed, options.instances),
        *fresh(options.seed, options.instances),
    ]
    paths = list(_sample(options.files, options.max_files))
    texts = [text for path in paths if (text := _text(path))]
    print(f"{len(documents)} planted files, {len(paths)} files of the folder\n")
    print("| what | by | planted, found | wrong | found in the folder | MB/s |", "|---|---|--:|--:|--:|--:|", sep="\n")
    for kind, finders in {"phone": _phone_finders(), "iban": _iban_finders()}.items():
        for name, finder in finders.items():
            print(f"| {kind} | {name} | {_planted(documents, kind, finder)} | {_clean(texts, finder)} |", flush=True)
    _languages(paths)
    _notebooks()


def _sample(folder: Path, number: int) -> Iterator[Path]:
    every = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()]
    yield from sorted(every, key=lambda path: seed_from(path.as_posix()))[:number]


def _text(path: Path) -> str:
    data = path.read_bytes()[:1_000_000]
    try:
        return "" if b"\0" in data else data.decode()
    except UnicodeDecodeError:
        return ""


# -------------------------------------------------------------------------------------------------------- phones, accounts
def _phone_finders() -> dict[str, Finder]:
    import phonenumbers

    def theirs(text: str) -> Iterator[tuple[int, int]]:
        for match in phonenumbers.PhoneNumberMatcher(text, None):
            yield len(text[: match.start].encode()), len(text[: match.end].encode())

    return {"ours": lambda text: phones(text.encode()), f"phonenumbers {phonenumbers.__version__}": theirs}


def _iban_finders() -> dict[str, Finder]:
    """schwifty looks for none in a text: it is asked for each place where ours has looked."""
    from schwifty import IBAN
    from schwifty.exceptions import SchwiftyException

    from yunque.checks.privacy.identifiers import _IBAN, CAPITALS, shaped

    def theirs(text: str) -> Iterator[tuple[int, int]]:
        for match in shaped(text.encode(), _IBAN, b"AA00", mask=CAPITALS):
            groups = match[0].decode().split(" ")
            for count in range(len(groups), 0, -1):
                try:
                    IBAN("".join(groups[:count]))
                except SchwiftyException:
                    continue
                yield match.start(), match.start() + len(" ".join(groups[:count]))
                break

    return {"ours": lambda text: ibans(text.encode()), "schwifty, where ours looks": theirs}


def _planted(documents: list[Document], kind: str, finder: Finder) -> str:
    hits, every, wrong = 0, 0, 0
    for document in documents:
        plants = [(start, end) for start, end, name in document.plants if kind in name]
        spans = list(finder(document.text))
        touched = [any(start < right and left < end for left, right in spans) for start, end in plants]
        hits, every = hits + sum(touched), every + len(plants)
        wrong += sum(not any(start < right and left < end for start, end in plants) for left, right in spans)
    return f"{hits} of {every} | {wrong}"


def _clean(texts: list[str], finder: Finder) -> str:
    started = time.perf_counter()
    number = sum(len(list(finder(text))) for text in texts)
    return f"{number} | {sum(len(text.encode()) for text in texts) / 1e6 / (time.perf_counter() - started):.2f}"


# -------------------------------------------------------------------------------------------------------------- languages
def _languages(paths: list[Path]) -> None:
    from identify import identify

    ours, theirs = {}, {}
    started = time.perf_counter()
    for path in paths:
        with path.open("rb") as file:
            ours[path] = language_of(path.name, file.read(512))
    ours_s = time.perf_counter() - started
    started = time.perf_counter()
    for path in paths:
        theirs[path] = identify.tags_from_path(str(path)) - {"file", "text", "binary", "executable", "non-executable"}
    theirs_s = time.perf_counter() - started
    same_word = {
        "c#": "csharp",
        "c++": "cpp",
        "bash": "shell",
        "sh": "shell",
        "rst": "restructuredtext",
        "plain-text": "text",
    }
    outcomes: Counter[str] = Counter()
    differ: Counter[str] = Counter()
    for path, language in ours.items():
        tags = {same_word.get(tag, tag) for tag in theirs[path]}
        known = bool(tags & set(LANGUAGES))
        alone = "ours alone" if language else "theirs alone" if known else "neither"
        outcome = "same" if language in tags else "both, differing" if language and known else alone
        outcomes[outcome] += 1
        if outcome not in ("same", "neither"):
            differ[f"{path.suffix or path.name}: ours {language or '-'}, identify {'/'.join(sorted(tags)) or '-'}"] += 1
    print(f"\nlanguages: {dict(outcomes)}; files/s: ours {len(paths) / ours_s:,.0f}, identify {len(paths) / theirs_s:,.0f}")
    for words, number in differ.most_common(12):
        print(f"  {number:5d}  {words}")


# -------------------------------------------------------------------------------------------------------------- notebooks
def _notebooks() -> None:
    import nbformat

    kinds = dict(_made())
    outcomes: dict[str, dict[str, str]] = {name: {} for name in ("ours", "nbformat")}
    origin = Origin(source="x", path="n.ipynb", revision="", licence="MIT", collected_at="")
    for name, data in kinds.items():
        items = list(read_notebook(data, origin))
        dropped = next((item for item in items if isinstance(item, Dropped)), None)
        outcomes["ours"][name] = f"dropped: {dropped.reason}" if dropped else "read"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                nbformat.reads(data.decode("utf-8", "replace"), as_version=4)
                outcomes["nbformat"][name] = "read"
            except Exception as error:
                outcomes["nbformat"][name] = type(error).__name__
    print("\n| notebook | ours | nbformat |", "|---|---|---|", sep="\n")
    for name in kinds:
        print(f"| {name} | {outcomes['ours'][name]} | {outcomes['nbformat'][name]} |")
    good, turns = kinds["format 4, 200 cells"], 20
    took = {}
    for name, read in {
        "ours": lambda: list(read_notebook(good, origin)),
        "nbformat": lambda: nbformat.reads(good.decode(), 4),
    }.items():
        started = time.perf_counter()
        for _ in range(turns):
            read()
        took[name] = (time.perf_counter() - started) / turns * 1000
    print(f"\n200 cells: ours {took['ours']:.1f} ms with records and pairs, nbformat {took['nbformat']:.1f} ms to read")


def _made() -> Iterator[tuple[str, bytes]]:
    code = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": 1, "source": ["x = 1\n", "print(x)\n"]}
    prose = {"cell_type": "markdown", "metadata": {}, "source": ["# Title\n", "Adds one to a number and prints it.\n"]}
    about = {"language_info": {"name": "python"}}
    four = {"nbformat": 4, "nbformat_minor": 5, "metadata": about, "cells": [prose, code]}
    three = {
        "nbformat": 3, "nbformat_minor": 0, "metadata": {"name": "n"},
        "worksheets": [{"cells": [{"cell_type": "code", "language": "python", "input": ["x = 1\n"], "outputs": []}]}],
    }  # fmt: skip
    yield "format 4", json.dumps(four).encode()
    yield "format 4, 200 cells", json.dumps(four | {"cells": [prose, code] * 100}).encode()
    yield "format 3", json.dumps(three).encode()
    yield "a byte order mark", b"\xef\xbb\xbf" + json.dumps(four).encode()
    yield "without metadata", json.dumps({key: value for key, value in four.items() if key != "metadata"}).encode()
    yield "without a format", json.dumps({"cells": [code], "metadata": about}).encode()
    yield "a source that is no text", json.dumps(four | {"cells": [prose, code | {"source": 7}]}).encode()
    yield "a cell that is no object", json.dumps(four | {"cells": [None, code]}).encode()
    yield "cut in two", json.dumps(four).encode()[:150]
    yield "not UTF-8", json.dumps(four).encode() + b"\xff"
    yield "of a later format", json.dumps(four | {"nbformat": 9}).encode()


if __name__ == "__main__":
    main()
