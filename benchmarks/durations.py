"""Where the time of the tests goes: files by seconds, from the reports of one run of pytest, or of two side by side.

    .venv/bin/pytest … --junitxml=after.xml
    python benchmarks/durations.py [before.xml] after.xml [--top 20]

A run in two parts is one column: ``parallel.xml,alone.xml``. Seconds are those of the tests of a file together, set-up
included, whatever runs beside them. Prints tables in Markdown.
"""

import argparse
from collections import Counter
from xml.etree import ElementTree


def seconds_of(reports: str) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """Seconds by file, number of tests by file, and seconds by test."""
    files, numbers, tests = Counter(), Counter(), Counter()
    for case in (case for report in reports.split(",") for case in ElementTree.parse(report).iter("testcase")):
        name, took_s = case.get("classname", "").removeprefix("tests."), float(case.get("time", 0))
        files[name] += took_s
        numbers[name] += 1
        tests[f"{name}::{case.get('name')}"] += took_s
    return files, numbers, tests


def table(what: str, columns: list[Counter[str]], numbers: list[Counter[str]], top: int) -> list[str]:
    """The rows that took longest in any of the runs, and the sum of all."""
    longest = sorted(set().union(*columns), key=lambda name: -max(column[name] for column in columns))
    head = [f"| {what} |" + " tests | s |" * len(columns), "|---|" + "--:|--:|" * len(columns)]
    rows = [
        (name, [(number[name], column[name]) for number, column in zip(numbers, columns, strict=True)]) for name in longest
    ]
    total = ("all", [(number.total(), column.total()) for number, column in zip(numbers, columns, strict=True)])
    return head + [
        f"| {name} | " + " | ".join(f"{count:,} | {took_s:.1f}" for count, took_s in cells) + " |"
        for name, cells in [*rows[:top], total]
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reports", nargs="+", help="files that pytest --junitxml wrote, the oldest first")
    parser.add_argument("--top", type=int, default=20, help="rows of each table")
    options = parser.parse_args()
    files, numbers, tests = zip(*map(seconds_of, options.reports), strict=True)
    ones = [Counter(dict.fromkeys(column, 1)) for column in tests]
    print(*table("file", list(files), list(numbers), options.top), sep="\n", end="\n\n")
    print(*table("test", list(tests), ones, options.top), sep="\n")


if __name__ == "__main__":
    main()
