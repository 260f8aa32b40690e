"""`yunque feedback`: what people did, as a report and as a source of data; and the erasure of somebody."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import yunque
from yunque.core.errors import FeedbackError
from yunque.feedback.ledger import Erasure, Ledger
from yunque.reports.feedback import Figures, figures, render_feedback
from yunque.store.artifacts import Artifact, Store, write_whole

EVENTS, PAGE = "events.jsonl", "feedback.html"
FOREVER = 1e11


@dataclass(frozen=True, kw_only=True)
class FeedbackExport:
    """Events with their texts, of whoever agrees to it now, as an artifact that ``events:PATH`` reads.

    FeedbackError where there are none.
    """

    ledger: Ledger
    out: Path
    since: float = 0.0
    """Seconds since 1970."""
    until: float = FOREVER

    def run(self) -> Artifact:
        """The artifact; the same events give the same one."""
        store = Store(self.out)
        with TemporaryDirectory() as folder:
            written = Path(folder) / EVENTS
            num_events, reactions, sha256 = self._write(written)
            if not num_events:
                do = (
                    "people agree with the setting `yunque.feedback` of their editor, or `yunque feedback user NAME --level`"
                )
                raise FeedbackError("nothing happened to which people agree with level text", where=self.ledger.where, do=do)

            def build(draft: Path) -> dict:
                shutil.copy(written, draft / EVENTS)
                # Before it is published: of what is there it is always known whose it is.
                self.ledger.note_export(draft.name, num_events)
                return {"events": sum(num_events.values()), "people": len(num_events), "reactions": dict(reactions)}

            recipe = {"events_sha256": sha256}
            with store.lock():
                return store.make("feedback", build, recipe=recipe, name=f"events of {len(num_events)} people")[0]

    def _write(self, path: Path) -> tuple[Counter[str], Counter[str], str]:
        """Events by person, by reaction, and the hash of the file."""
        people: Counter[str] = Counter()
        reactions: Counter[str] = Counter()
        digest = hashlib.sha256()
        with open(path, "wb") as file:
            for person, event in self.ledger.texts(self.since, self.until):
                line = json.dumps(event, ensure_ascii=False, sort_keys=True).encode() + b"\n"
                file.write(line)
                digest.update(line)
                people[person] += 1
                reactions[event["reaction"]] += 1
        return people, reactions, digest.hexdigest()


@dataclass(frozen=True, kw_only=True)
class FeedbackReport:
    """What became of completions, in numbers and as a page."""

    ledger: Ledger
    out: Path
    since: float = 0.0
    until: float = FOREVER

    def run(self) -> tuple[Figures, Path]:
        """The figures, and the page that shows them."""
        result = figures(self.ledger.completions(self.since, self.until))
        self.out.mkdir(parents=True, exist_ok=True)
        page = self.out / PAGE
        write_whole(page, render_feedback(result, code_version=yunque.__version__))
        return result, page


def erase(ledger: Ledger, person: str, outs: Sequence[Path]) -> tuple[Erasure, list[Artifact]]:
    """Delete what is kept of somebody, and mark what was made of it in these folders, which the result names.

    Whatever stopped it, the same call again goes on: what was exported is known from the receipts. FeedbackError where
    nothing was ever kept of them, and where somebody still reads the database.
    """
    is_known = person in {item.name for item in ledger.people()}
    if not is_known and not ledger.erasures_of(person):
        raise FeedbackError(f"nothing is kept of {person!r}", where=ledger.where, do="see `yunque feedback users`")
    if is_known:
        ledger.erase(person)
    receipts = ledger.erasures_of(person)
    exports = {name for receipt in receipts for name in receipt.exports}
    why = f"holds events that were erased ({receipts[-1].id})"
    tainted = [artifact for out in outs for artifact in Store(out).taint(exports, why)]
    ledger.forget_deleted()
    return receipts[-1], tainted
