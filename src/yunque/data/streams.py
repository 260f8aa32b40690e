"""A stream (a history, a dump, a table) to the same tables as a tree: records, pairs, and what was left out.

    records.parquet    ``Record``; equal ids once
    pairs.parquet      ``Pair``, of records that are here
    dropped.parquet    ``Dropped``

Covered: any length, in flat memory but for the ids.
Not covered: streams that yield a pair before its records (refused: their order is wrong).
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from yunque.core.errors import SourceError
from yunque.core.nouns import Dropped, Pair, Record
from yunque.core.progress import silent
from yunque.core.seams import Progress, Stream
from yunque.data.collect import DROPPED, RECORDS, Tally
from yunque.store.tables import open_table

PAIRS = "pairs.parquet"


def read_stream(stream: Stream, folder: Path, progress: Progress = silent) -> dict:
    """Read a stream into three tables in ``folder``; gives the counts. SourceError when it holds nothing at all."""
    tally, seen, kinds = Tally(), set(), Counter()
    with (
        open_table(folder / RECORDS, Record) as records,
        open_table(folder / DROPPED, Dropped) as dropped,
        open_table(folder / PAIRS, Pair) as pairs,
        progress("read", 0, "items") as advance,
    ):
        for item in stream.read():
            if isinstance(item, Pair):
                if missing := [one for one in item.origin_ids if one not in seen]:
                    raise SourceError(f"a pair came before its record {missing[0]}", where=stream.name)
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
    return {**tally.counts(), "pairs": dict(kinds.most_common())}
