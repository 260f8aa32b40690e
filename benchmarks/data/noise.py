"""How fast is each check of noise, obsolete code and quality on real files, and all of them together on one core?

    python benchmarks/data/noise.py FOLDER [--max-mb 20] [--list CHECK]

Files are read first; the time is that of ``judge`` alone, each check in a pass of its own with the shared scan thrown away
before it ("alone"), then all checks of a text in turn ("together", as a build asks them). ``--list`` prints what a check
says.
"""

import argparse
import time
from collections import Counter
from pathlib import Path

from yunque.checks.deprecation import deprecated, obsolete
from yunque.checks.licensing import headers
from yunque.checks.quality import boilerplate, commented_code, file_kinds, heuristics, score
from yunque.code import lexing
from yunque.code.languages import language_of
from yunque.core.nouns import Origin, Outcome, Record

CHECKS = (
    *(file_kinds.Vendored(), file_kinds.Generated(), file_kinds.Minified(), file_kinds.DataLike()),
    *(headers.LicenceHeader(), commented_code.CommentedOutCode(), boilerplate.Boilerplate()),
    *(heuristics.LongLines(), heuristics.AlphabeticFraction(), heuristics.WordCharacters(), heuristics.EncodedData()),
    *(heuristics.CommentShare(), heuristics.DuplicateLines(), obsolete.Python2()),
    *(obsolete.ObsoleteApi(), deprecated.Deprecated(), score.Quality()),
)


def read(folder: Path, max_bytes: float) -> list[Record]:
    records, total = [], 0
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.is_symlink() or total > max_bytes:
            continue
        language = language_of(path.name, b"")
        data = path.read_bytes() if language else b""
        if not data or b"\0" in data[:8000]:
            continue
        try:
            text = data.decode()
        except UnicodeDecodeError:
            continue
        name = path.relative_to(folder).as_posix()
        origin = Origin(source="folder", path=name, revision="", licence="unknown", collected_at="")
        records.append(Record(id=name, text=text, language=language, origin=origin))
        total += len(data)
    return records


def forget() -> None:
    for cached in (lexing.scan, heuristics.lines_of, heuristics._characters):
        cached.cache_clear()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--max-mb", type=float, default=20)
    parser.add_argument("--list", default="")
    options = parser.parse_args()
    records = read(options.folder, options.max_mb * 1e6)
    size = sum(len(record.text.encode()) for record in records) / 1e6
    print(f"{len(records)} files, {size:.1f} MB, {Counter(record.language for record in records).most_common(4)}")
    if options.list:
        (check,) = [check for check in CHECKS if check.name == options.list]
        said = [(check.judge(record), record) for record in records]
        for verdict, record in sorted(said, key=lambda one: (one[0].score or 0, one[1].id)):
            if verdict.outcome is Outcome.FAIL or verdict.score is not None:
                print(
                    f"{record.id}: {verdict.score if verdict.score is not None else len(verdict.findings)} {verdict.detail}"
                )
        return
    print("| check | MB/s alone | files/s | ms a MB together | fail | skip |", "|---|--:|--:|--:|--:|--:|", sep="\n")
    together: Counter[str] = Counter()
    outcomes: Counter[tuple[str, Outcome]] = Counter()
    started = time.perf_counter()
    for record in records:
        for check in CHECKS:
            before = time.perf_counter()
            outcomes[check.name, check.judge(record).outcome] += 1
            together[check.name] += time.perf_counter() - before
    all_s = time.perf_counter() - started
    for check in CHECKS:
        took = 0.0
        for record in records:
            forget()
            before = time.perf_counter()
            check.judge(record)
            took += time.perf_counter() - before
        counts = [outcomes[check.name, outcome] for outcome in (Outcome.FAIL, Outcome.SKIP)]
        cost = 1000 * together[check.name] / size
        print(f"| {check.name} | {size / took:.0f} | {len(records) / took:.0f} | {cost:.1f} | {counts[0]} | {counts[1]} |")
    print(f"| all together | {size / all_s:.1f} | {len(records) / all_s:.0f} | {1000 * all_s / size:.1f} | | |")


if __name__ == "__main__":
    main()
