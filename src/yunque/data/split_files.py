"""Files as the split sees them: their shingles, those of their functions, and which tests belong to which modules."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from yunque.code.functions import Function, code_only, functions, is_test_path
from yunque.code.languages import row_of
from yunque.code.shingles import distinct, token_hashes, window_hashes
from yunque.core.nouns import Record
from yunque.core.progress import silent
from yunque.core.seams import Progress


@dataclass(frozen=True)
class SplitFile:
    """A record with the shingles of its code and of its functions; comments and docstrings do not count."""

    record: Record
    is_test: bool
    bytes: int
    shingles: np.ndarray
    tokens: int
    functions: list[tuple[Function, np.ndarray]]
    """Each with the set of its windows, sorted."""
    long: list[bool]
    """Which functions have enough tokens to join clusters."""

    def to_score(self) -> int:
        """How many functions could be scored."""
        return 0 if self.is_test else sum(item.has_body and not item.is_test for item, _ in self.functions)


@dataclass(frozen=True)
class Unit:
    """One function of one file."""

    file: int
    """Index of its file."""
    function: Function
    shingles: np.ndarray


def read_files(
    records: Iterable[Record], *, width: int, min_function_tokens: int, progress: Progress = silent
) -> list[SplitFile]:
    """Returns the records by their ids, with their shingles of ``width`` tokens."""
    ordered = sorted(records, key=lambda record: (record.id, record.origin.source, record.origin.path))
    files = []
    with progress("split", len(ordered), "files") as advance:
        for record in ordered:
            tokens, starts = token_hashes(code_only(record.text, record.language))
            windows = window_hashes(tokens, width)
            result, long = [], []
            for function in functions(record.text, record.language):
                low, high = np.searchsorted(starts, (function.start_byte, function.end_byte))
                result.append((function, _windows(tokens, windows, low, high, width)))
                long.append(bool(high - low >= min_function_tokens))
            files.append(
                SplitFile(
                    record=record,
                    is_test=is_test_path(record.origin.path),
                    bytes=len(record.text.encode()),
                    shingles=_windows(tokens, windows, 0, len(tokens), width),
                    tokens=len(tokens),
                    functions=result,
                    long=long,
                )
            )
            advance(1)
    return files


def _windows(tokens: np.ndarray, windows: np.ndarray, low: int, high: int, width: int) -> np.ndarray:
    """The set of windows of the tokens from ``low`` to ``high``; a chunk too short for one counts as a single window."""
    if 0 < high - low < width:
        return window_hashes(tokens[low:high], int(high - low))
    return distinct(windows[low : max(low, high - width + 1)])


_SUBJECTS = (
    re.compile(r"^tests?_(.+)$"),
    re.compile(r"^(.+?)_tests?$"),
    re.compile(r"^(.+)[.](?:test|spec)$"),
    re.compile(r"^(\w+)Tests?$"),
    re.compile(r"^(\w*[a-z0-9])IT$"),
    re.compile(r"^Test([A-Z].*)$"),
)


def test_links(files: list[SplitFile]) -> Iterator[tuple[int, int]]:
    """Pairs of a test file and the module it tests, by name; of several modules with that name, the nearest by path."""
    modules = defaultdict(list)
    for number, file in enumerate(files):
        if not file.is_test:
            path = PurePosixPath(file.record.origin.path)
            modules[_family(file), path.stem.lstrip("_")].append((number, path.parts[:-1]))
    for number, file in enumerate(files):
        path = PurePosixPath(file.record.origin.path)
        if not file.is_test:
            continue
        named = next((match[1] for pattern in _SUBJECTS if (match := pattern.match(path.stem))), path.stem)
        result = modules.get((_family(file), named.lstrip("_")), [])
        near = [_nearness(path.parts[:-1], folders) for _, folders in result]
        yield from ((number, module) for (module, _), how in zip(result, near, strict=True) if how == max(near))


def _family(file: SplitFile) -> tuple[str, str]:
    return file.record.origin.source, row_of(file.record.language).family


def _nearness(test: tuple[str, ...], module: tuple[str, ...]) -> tuple[int, int]:
    shared = len(set(test) & set(module))
    return shared, shared - len(module)
