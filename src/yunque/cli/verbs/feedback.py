"""`yunque feedback`: who agreed to what, what people did, the data that comes of it, and its erasure."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from yunque.cli.console import emit
from yunque.cli.options import DEFAULT_OUT, Events, Json, Out

feedback_app = typer.Typer(help="What people did with completions, as far as they agreed to it.", no_args_is_help=True)
Since = Annotated[str, typer.Option("--since", help="First day, YYYY-MM-DD, UTC.")]
Until = Annotated[str, typer.Option("--until", help="Day behind the last, YYYY-MM-DD, UTC.")]


@feedback_app.command()
def users(events: Events = "", json_: Json = False) -> None:
    """List who agreed to what, and since when."""
    from yunque.cli.views.feedback import people_lines, plain_people

    people = _ledger(events).people()
    emit(plain_people(people)) if json_ else print("\n".join(people_lines(people)) or "nobody has said anything")


@feedback_app.command()
def user(
    name: Annotated[str, typer.Argument(help="Name of their token; 'local' where no tokens are needed.")],
    level: Annotated[str, typer.Option("--level", help="What they agree to: off, counts, shape or text.")] = "",
    group: Annotated[str | None, typer.Option("--group", help="The group they are counted in.")] = None,
    events: Events = "",
) -> None:
    """Write down what somebody agrees to, in their name, or the group they are counted in."""
    from yunque.cli.views.feedback import people_lines
    from yunque.core.errors import FeedbackError
    from yunque.core.plugins import nearest
    from yunque.feedback.events import LEVELS

    if level and level not in LEVELS:
        raise FeedbackError(f"there is no level {level!r}", where="--level", do=nearest(level, list(LEVELS)))
    ledger = _ledger(events)
    if level:
        ledger.agree(name, LEVELS[level])
    if group is not None:
        ledger.put_in_group(name, group)
    lines = people_lines([person for person in ledger.people() if person.name == name])
    print("\n".join(lines) or f"{name} has said nothing")


@feedback_app.command()
def export(since: Since = "", until: Until = "", events: Events = "", out: Out = DEFAULT_OUT, json_: Json = False) -> None:
    """Export events of those who agree to level text, as an artifact that a data set reads: events:PATH."""
    from yunque.pipelines.feedback import FeedbackExport

    first, behind = _times(since, until)
    artifact = FeedbackExport(ledger=_ledger(events), out=out, since=first, until=behind).run()
    if json_:
        emit({"id": artifact.id, "path": str(artifact.path), **artifact.counts})
        return
    print(
        f"{artifact.counts['events']:,} events of {artifact.counts['people']:,} people; as a source: events:{artifact.path}"
    )
    print(artifact.full_id)


@feedback_app.command()
def report(since: Since = "", until: Until = "", events: Events = "", out: Out = DEFAULT_OUT, json_: Json = False) -> None:
    """Report what was shown, taken and kept, by language, model and group; writes feedback.html."""
    from dataclasses import asdict

    from yunque.cli.views.feedback import figure_lines
    from yunque.pipelines.feedback import FeedbackReport
    from yunque.store.artifacts import disk_errors

    first, behind = _times(since, until)
    with disk_errors(out):
        result, page = FeedbackReport(ledger=_ledger(events), out=out, since=first, until=behind).run()
    emit(asdict(result)) if json_ else print("\n".join([f"report  {page}", *figure_lines(result)]))


@feedback_app.command()
def erase(
    user: Annotated[str, typer.Option("--user", help="Whose events.")],
    events: Events = "",
    out: Annotated[list[Path] | None, typer.Option("--out", help="Folders of artifacts to look in.")] = None,
    json_: Json = False,
) -> None:
    """Erase all that is kept of somebody; prints the proof, and marks the artifacts that were made of it as tainted."""
    from dataclasses import asdict

    from yunque.cli.views.feedback import erasure_lines
    from yunque.pipelines.feedback import erase as erase_person

    erasure, tainted = erase_person(_ledger(events), user, out or [DEFAULT_OUT])
    names = [artifact.full_id for artifact in tainted]
    emit(asdict(erasure) | {"tainted": names}) if json_ else print("\n".join(erasure_lines(erasure, names)))


@feedback_app.command()
def prune(
    days: Annotated[float, typer.Option("--days", min=0, help="Events that are older are deleted.")], events: Events = ""
) -> None:
    """Delete old events; a server does that by itself every hour (--keep-days)."""
    import time

    print(f"{_ledger(events).prune(time.time() - days * 86400):,} events deleted")


def _times(since: str, until: str) -> tuple[float, float]:
    from datetime import UTC, datetime

    from yunque.core.errors import FeedbackError

    times = []
    for text, where in ((since or "1970-01-01", "--since"), (until or "5000-01-01", "--until")):
        try:
            times.append(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp())
        except ValueError:
            raise FeedbackError(f"{text!r} is no day", where=where, do="write YYYY-MM-DD") from None
    return times[0], times[1]


def _ledger(url: str) -> Any:  # its class is loaded late
    from yunque.core.errors import FeedbackError
    from yunque.core.paths import events_file

    try:
        from yunque.feedback.ledger import Ledger
    except ImportError as error:
        raise FeedbackError(f"needs {error.name}", do="pip install 'yunque[serve]'") from None
    path = events_file()
    if not url and not path.exists():
        raise FeedbackError("nothing was ever kept here", where=path, do="serve with --feedback, or name another --events")
    return Ledger(url or str(path))
