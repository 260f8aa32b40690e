"""A stream (a history, a dump, a table) to the same tables as a tree: records, pairs, and what was left out.

    records.parquet    ``Record``; equal ids once
    pairs.parquet      ``Pair``, of records that are here
    preferences.parquet    ``Preference``, of records that are here or of none
    dropped.parquet    ``Dropped``

Covered: any length, in flat memory but for the ids.
Not covered: streams that yield a pair before its records (refused: their order is wrong).
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from yunque.core.errors import RecipeError, SourceError
from yunque.core.nouns import Dropped, Pair, Preference, Record
from yunque.core.plugins import find_part, nearest
from yunque.core.progress import silent
from yunque.core.seams import Progress, Stream
from yunque.data.collect import DROPPED, RECORDS, Tally
from yunque.store.tables import open_table

PAIRS, PREFERENCES = "pairs.parquet", "preferences.parquet"


def open_stream(spec: str, options: Mapping[str, Any]) -> Stream | None:
    """The stream that ``KIND:…`` names, told its options; None when KIND is not a stream. RecipeError for a wrong option.

    A kind is an entry point of the group ``yunque.streams``: a class that takes what stands after the colon, and its rules,
    a dataclass or pydantic model from which the options are read.
    """
    kind, colon, rest = spec.strip().partition(":")
    if not colon or kind not in entry_points(group="yunque.streams").names:
        return None
    made = find_part("streams", kind)
    given, *rules = list(inspect.signature(made).parameters)
    hints = get_type_hints(made.__init__ if isinstance(made, type) else made)  # type: ignore[misc]  # it is only looked at
    if not options and not _is_required(made, rules):
        return made(_given(rest, hints.get(given)))
    try:
        details = TypeAdapter(hints[rules[0]]).validate_python(dict(options))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        known = (
            [field_.name for field_ in fields(hints[rules[0]])]
            if is_dataclass(hints[rules[0]])
            else hints[rules[0]].model_fields
        )
        do = nearest(key, list(known)) if key not in known else ""
        raise RecipeError(f"{kind}: {key}: {first['msg'].lower()}", where="sources.options", do=do) from error
    return made(_given(rest, hints.get(given)), details)


def _is_required(made: Any, rules: Sequence[str]) -> bool:
    return bool(rules) and inspect.signature(made).parameters[rules[0]].default is inspect.Parameter.empty


def _given(rest: str, hint: Any) -> Any:
    """What stands after the colon: a path where only a path is taken."""
    return Path(rest).expanduser() if hint is Path else rest


def read_stream(stream: Stream, folder: Path, progress: Progress = silent) -> dict:
    """Read a stream into three tables in ``folder``; returns the counts. SourceError when it holds nothing at all."""
    tally = Tally()
    seen: set[str] = set()
    kinds: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    with (
        open_table(folder / RECORDS, Record) as records,
        open_table(folder / DROPPED, Dropped) as dropped,
        open_table(folder / PAIRS, Pair) as pairs,
        open_table(folder / PREFERENCES, Preference) as preferences,
        progress("read", 0, "items") as advance,
    ):
        for item in stream.read():
            if isinstance(item, Pair):
                if missing := [element for element in item.origin_ids if element not in seen]:
                    raise SourceError(f"a pair came before its record {missing[0]}", where=stream.name)
                if isinstance(item, Preference):
                    preferences.add(item)
                    reasons[item.because] += 1
                else:
                    pairs.add(item)
                    kinds[item.kind.value] += 1
                continue
            if isinstance(item, Record) and item.id in seen:
                item = Dropped(path=item.origin.path, reason="duplicate", detail="the same text at the same place")
            if isinstance(item, Record):
                seen.add(item.id)
                records.add(item)
            else:
                dropped.add(item)
            tally.add(item)
            advance(1)
    if not tally.files:
        raise SourceError("there is nothing in it", where=stream.name)
    counts = {**tally.counts(), "pairs": dict(kinds.most_common())}
    return counts | ({"preferences": dict(reasons.most_common())} if reasons else {})
