"""How fast is parsing, a language at a time, and does every span give its file back byte for byte?

    python benchmarks/data/corpus.py CORPUS
    python benchmarks/data/parsing.py CORPUS [--mb 100] [--pairs]

CORPUS is a folder of archives, or a tree of files. Files are taken in the order of a hash of their names, until there are
``--mb`` of them, so that every archive has its share. One process; times are of the processor, from text to functions.
With ``--pairs``, every pair of every kind is made and put back, too; the rate in that table is of body + fim alone, from the
text on, which is what `forge` makes of code. Any span that does not re-assemble its file is printed, and the exit code is 1.
"""

import argparse
import hashlib
import itertools
import sys
import tarfile
import time
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from yunque.code.functions import code_only, comment_spans, functions, has_errors
from yunque.code.languages import PARSED, language_of
from yunque.core.nouns import Origin, PairKind, Record, content_id
from yunque.data.pairs.make import PairsRecipe, make_pairs, reassemble

MOST_BYTES = 1 << 20
EVERY_KIND = PairsRecipe(signature=True, comment=True, explain=True, test=True)
AS_FORGE = PairsRecipe(continuation=False)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--mb", type=float, default=100)
    parser.add_argument("--pairs", action="store_true")
    options = parser.parse_args()
    rows: dict[str, Counter] = defaultdict(Counter)
    broken = 0
    for record in records(options.corpus, options.mb * 1e6):
        for problem in measure(record, rows[record.language], options.pairs):
            broken += 1
            print(f"{record.origin.source}/{record.origin.path}: {problem}", flush=True)
    report(rows, options.pairs)
    return broken > 0


def measure(record: Record, row: Counter, pairs: bool) -> Iterator[str]:
    """Parse one file, count, and give what does not re-assemble."""
    text, language, data = record.text, record.language, record.text.encode()
    started = time.process_time()
    found = functions(text, language)
    row["s"] += time.process_time() - started
    row.update(files=1, bytes=len(data), functions=len(found), parses=not has_errors(text, language))
    row.update(documented=sum(bool(one.docstring) for one in found), bodies=sum(one.has_body for one in found))
    spans = [(one.start_byte, one.end_byte) for one in found]
    spans += [(one.prompt_end_byte, one.body_end_byte) for one in found if one.has_body]
    spans += [one.docstring_span for one in found if one.docstring_span] + comment_spans(text, language)
    row["spans"] += len(spans)
    yield from wrong_spans(data, spans)
    yield from wrong_order([(one.start_byte, one.end_byte) for one in found])
    if len(code_only(text, language)) != len(data):
        yield "the code without comments has another length"
    if not pairs:
        return
    started = time.process_time()
    as_forge = list(make_pairs(record, AS_FORGE, 1))
    row["forge_s"] += time.process_time() - started
    row["forge"] += len(as_forge)
    for pair in make_pairs(record, EVERY_KIND, 1):
        row[pair.kind] += 1
        if pair.kind not in (PairKind.EXPLAIN, PairKind.TEST) and reassemble(text, pair) != text:
            yield f"{pair.kind} pair {pair.id}"
        if pair.kind is PairKind.TEST and data[slice(*pair.span_bytes)].decode() != pair.answer:
            yield f"test pair {pair.id}"


def wrong_spans(data: bytes, spans: list[tuple[int, int]]) -> Iterator[str]:
    """The spans that cut a character, or a Windows line break, or lie outside; and a cut at all of them at once."""
    for start, end in spans:
        if not 0 <= start <= end <= len(data):
            yield f"span {start} to {end} lies outside"
        for edge in (start, end):
            if edge < len(data) and (data[edge] & 0xC0 == 0x80 or (edge and data[edge - 1 : edge + 1] == b"\r\n")):
                yield f"edge {edge} cuts a character or a line break"
    edges = sorted({0, len(data), *itertools.chain.from_iterable(spans)})
    pieces = [data[low:high].decode(errors="replace") for low, high in itertools.pairwise(edges)]
    if "".join(pieces).encode() != data:
        yield "the pieces do not give the file back"


def wrong_order(spans: list[tuple[int, int]]) -> Iterator[str]:
    """Functions that overlap without one holding the other, or that are out of order."""
    open_ends: list[int] = []
    for at, (start, end) in enumerate(spans):
        if at and start < spans[at - 1][0]:
            yield f"function at {start} comes before the one at {spans[at - 1][0]}"
        while open_ends and open_ends[-1] <= start:
            open_ends.pop()
        if open_ends and end > open_ends[-1]:
            yield f"function {start} to {end} is neither inside nor outside of the one that ends at {open_ends[-1]}"
        open_ends.append(end)


def report(rows: dict[str, Counter], pairs: bool) -> None:
    total: Counter = Counter()
    for row in rows.values():
        total.update(row)
    print("\n| language | files | MB | MB/s | functions | with docstring | with body | files that parse | spans |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    named = [*sorted(rows.items(), key=lambda one: -one[1]["bytes"]), ("all", total)]
    for name, row in named:
        megabytes, shares = row["bytes"] / 1e6, (row["documented"], row["bodies"])
        documented, bodies = (f"{share / max(1, row['functions']):.0%}" for share in shares)
        print(
            f"| {name} | {row['files']} | {megabytes:.2f} | {megabytes / max(1e-9, row['s']):.1f} | {row['functions']} "
            f"| {documented} | {bodies} | {row['parses'] / row['files']:.1%} | {row['spans']} |"
        )
    if pairs:
        kinds = [kind for kind in PairKind if total[kind]]
        print("\n| language | body + fim, pairs | MB/s |", *(f" {kind} |" for kind in kinds), sep="")
        print("|---|--:|--:|" + "--:|" * len(kinds))
        for name, row in named:
            rate = row["bytes"] / 1e6 / max(1e-9, row["s"] + row["forge_s"])
            print(f"| {name} | {row['forge']} | {rate:.2f} |", *(f" {row[kind]} |" for kind in kinds), sep="")


# ------------------------------------------------------------------------------------------------------------- the corpus
def records(corpus: Path, most: float) -> Iterator[Record]:
    """Files of a corpus as records, by a hash of their names, up to so many bytes."""
    taken = 0.0
    for source, path, data in sorted_files(corpus, most):
        language = language_of(path, data[:200])
        try:
            text = data.decode()
        except UnicodeDecodeError:
            continue
        if language in PARSED and text and "\0" not in text:
            taken += len(data)
            origin = Origin(source=source, path=path, revision="", licence="unknown", collected_at="")
            yield Record(id=content_id(text, path), text=text, language=language, origin=origin)
        if taken >= most:
            return


def sorted_files(corpus: Path, most: float) -> list[tuple[str, str, bytes]]:
    """The files with the smallest hashes, as many as are enough."""
    sizes = [(share_of(source, path), size) for source, path, size, _ in every_file(corpus)]
    reached = itertools.accumulate(size for _, size in sorted(sizes))
    limit = next((share for (share, _), total in zip(sorted(sizes), reached, strict=True) if total >= most), 1.0)
    kept = [
        (share_of(source, path), source, path, read())
        for source, path, _, read in every_file(corpus)
        if share_of(source, path) <= limit
    ]
    return [one[1:] for one in sorted(kept)]


def share_of(source: str, path: str) -> float:
    return int(hashlib.sha256(f"{source}/{path}".encode()).hexdigest()[:12], 16) / 16**12


def every_file(corpus: Path) -> Iterator:
    """(source, path, size, how to read it) of every file that may be code."""
    for top in sorted(corpus.iterdir()):
        if top.name.endswith((".tar.gz", ".tgz")):
            with tarfile.open(top) as archive:
                for one in archive:
                    if one.isfile() and wanted(one.name, one.size):
                        yield top.name, one.name, one.size, lambda one=one, archive=archive: archive.extractfile(one).read()
        elif top.suffix in (".zip", ".whl"):
            with zipfile.ZipFile(top) as archive:
                for one in archive.infolist():
                    if wanted(one.filename, one.file_size):
                        yield top.name, one.filename, one.file_size, lambda one=one, archive=archive: archive.read(one)
        elif top.is_dir():
            for file in sorted(top.rglob("*")):
                if file.is_file() and not file.is_symlink() and wanted(file.name, file.stat().st_size):
                    yield top.name, file.relative_to(top).as_posix(), file.stat().st_size, file.read_bytes


def wanted(path: str, size: int) -> bool:
    return 0 < size <= MOST_BYTES and language_of(path, b"") in PARSED


if __name__ == "__main__":
    sys.exit(main())
