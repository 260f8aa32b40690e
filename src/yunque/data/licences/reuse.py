"""What the files of REUSE (specification 3.3) say of the licence of others: REUSE.toml, NAME.license, .reuse/dep5.

Covered: globs of ``*``, ``**`` and escaped stars; several tables, of which the last that matches counts; nested REUSE.toml;
the precedences ``closest``, ``aggregate`` and ``override``; dep5's ``Files`` paragraphs.
Not covered: copyright lines, and snippets within a file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from yunque.checks.licensing.licence import UNKNOWN
from yunque.data.licences.spdx import all_of, expression, tagged

MAX_PATTERN_CHARS = 500


@dataclass(frozen=True, kw_only=True)
class Statement:
    """What REUSE says of one file."""

    expression: str
    place: str
    """The file that says so."""
    overrides: bool = False
    """Whether it counts whatever the file itself says."""
    adds: bool = False
    """Whether it holds together with what the file itself says."""


@dataclass(frozen=True, kw_only=True)
class _Annotation:
    folder: str
    """The folder that the globs are relative to; empty for the top of the tree."""
    globs: tuple[tuple[str, ...], ...]
    statement: Statement


class Reuse:
    """The files of a tree that speak for others. Never raises for what they hold."""

    def __init__(self, annotations: Sequence[_Annotation], beside: dict[str, Statement]) -> None:
        self._annotations, self._beside = annotations, beside

    @classmethod
    def read(cls, read: Callable[[str], str], paths: Sequence[str]) -> Reuse:
        """Those among the paths of a tree. ``read``: gives the text of one."""
        annotations, beside, known = [], {}, set(paths)
        for path in sorted(paths, key=lambda item: (item.count("/"), item)):  # the nearest to a file comes last
            folder, _, name = path.rpartition("/")
            if name == "REUSE.toml":
                annotations += _from_toml(read(path), path, folder)
            elif path.endswith(".reuse/dep5"):
                annotations += _from_dep5(read(path), path, folder.removesuffix(".reuse").rstrip("/"))
            elif (
                name.endswith(".license")
                and path.removesuffix(".license") in known
                and (details := _known(tagged(read(path))))
            ):
                beside[path.removesuffix(".license")] = Statement(expression=details, place=path, overrides=True)
        return cls(annotations, beside)

    def find(self, path: str) -> Statement | None:
        """What is said of a path; None where nothing is."""
        result = [
            annotation
            for annotation in self._annotations
            if _is_below(path, annotation.folder) and _matches(path, annotation)
        ]
        first_override = next((item.statement for item in result if item.statement.overrides), None)
        return first_override or self._beside.get(path) or (result[-1].statement if result else None)


def _known(details: str) -> str:
    return "" if details == UNKNOWN else details


def _is_below(path: str, folder: str) -> bool:
    return not folder or path.startswith(f"{folder}/")


def _matches(path: str, annotation: _Annotation) -> bool:
    below = path[len(annotation.folder) :].lstrip("/")
    return any(_is_like(below, glob) for glob in annotation.globs)


def _from_toml(text: str, place: str, folder: str) -> list[_Annotation]:
    try:
        tables = tomllib.loads(text).get("annotations", [])
    except (ValueError, RecursionError):
        return []
    results = []
    for table in tables if isinstance(tables, list) else []:
        if not isinstance(table, dict) or not (licence := _joined(table.get("SPDX-License-Identifier"))):
            continue
        paths, order = table.get("path"), table.get("precedence", "closest")
        globs = tuple(_glob(item) for item in ([paths] if isinstance(paths, str) else paths or ()) if _is_pattern(item))
        statement = Statement(expression=licence, place=place, overrides=order == "override", adds=order == "aggregate")
        results.append(_Annotation(folder=folder, globs=globs, statement=statement))
    return results


def _from_dep5(text: str, place: str, folder: str) -> list[_Annotation]:
    """Debian's format for copyright: paragraphs of ``Files`` and ``License``, whose stars match slashes, too."""
    results = []
    for paragraph in re.split(r"\n\s*\n", text)[:2000]:
        fields = dict(re.findall(r"(?m)^(Files|License):[ \t]*([^\n]*(?:\n[ \t][^\n]*)*)", paragraph))
        licence = _joined(fields.get("License", "").partition("\n")[0])
        if "Files" in fields and licence:
            globs = tuple(_glob(word.replace("*", "**")) for word in fields["Files"].split() if _is_pattern(word))
            results.append(
                _Annotation(folder=folder, globs=globs, statement=Statement(expression=licence, place=place, adds=True))
            )
    return results


def _is_pattern(details: object) -> bool:
    return isinstance(details, str) and 0 < len(details) <= MAX_PATTERN_CHARS and details.count("*") <= 20


def _joined(details: object) -> str:
    """One expression, or several that all hold; empty for none."""
    texts = [
        item for item in ([details] if isinstance(details, str) else details if isinstance(details, list) else []) if item
    ]
    return _known(all_of([expression(text) if isinstance(text, str) else UNKNOWN for text in texts[:20]]))


def _glob(details: str) -> tuple[str, ...]:
    """A glob's characters; ``*`` matches all but a slash, ``**`` everything, and behind a backslash stands a plain star."""
    parts = re.findall(r"\\.|\*\*+|\*|[^\\*]|\\", details)
    return tuple("**" if part.startswith("**") else part[-1:] if part[:1] == "\\" else part for part in parts)


def _is_like(path: str, glob: tuple[str, ...]) -> bool:
    """Whether a whole path matches, in a time that grows with its length: every place in the glob at once."""
    places = _open({0}, glob)
    for character in path:
        after = set()
        for place in places:
            part = glob[place] if place < len(glob) else ""
            if part == "**" or (part == "*" and character != "/"):
                after.add(place)
            elif part == character:
                after.add(place + 1)
        places = _open(after, glob)
    return len(glob) in places


def _open(places: set[int], glob: tuple[str, ...]) -> set[int]:
    """The places, and those behind stars, which may match nothing."""
    results = set(places)
    for place in places:
        while place < len(glob) and glob[place] in ("*", "**"):
            place += 1
            results.add(place)
    return results
