"""``yunque data build``: sources to a data set, one artifact after another, each source by itself.

    source ─ snapshot ─ records ─ tags ─┬─ part ─┐
    source ─ snapshot ─ records ─ tags ─┼─ part ─┴─ dataset
    stream ──────────── records ─ tags ─┘   └ duplicates, of all parts together, where the recipe asks
                                  └ values, which are redacted in every part

Every arrow is a ``Store.make``, so what has not changed is found; and what a check said of a text it says once
(`data.screening.verdict_cache`). Another threshold makes ``part`` anew and looks at no text again.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from yunque.checks.canaries import Trusted
from yunque.core.errors import RecipeError, SourceError
from yunque.core.nouns import Record, content_id
from yunque.core.progress import quiet, silent
from yunque.core.seams import DatedSource, Progress, Source, Stream
from yunque.data.collect import RECORDS, CollectRecipe, collect
from yunque.data.collect import load_checks as load_file_checks
from yunque.data.contents import left_out
from yunque.data.dataset import VALUES, find_values, finish
from yunque.data.duplicates.find import find_duplicates
from yunque.data.screening.finishing import NO_PAIRS, Finisher, FinishRecipe
from yunque.data.screening.known_values import KnownValue, ValueIndex
from yunque.data.screening.redaction import Redactor, kept_salt
from yunque.data.screening.screen import TAGS, Tagged, load_checks, refuse_the_doubtful, tag
from yunque.data.screening.verdict_cache import VerdictCache, check_identity
from yunque.data.sources.kinds import open_sources
from yunque.data.streams.registry import open_stream, read_stream
from yunque.pipelines.recipes import DataRecipe, SourceRecipe
from yunque.pipelines.steps import Steps, plain
from yunque.store.artifacts import RECIPE, Artifact, Store
from yunque.store.tables import open_table, scan_table

SALT = "redaction.salt"
"""File in the output folder. Another folder gives the same values other placeholders, unless the recipe names a salt."""
MIN_SALT = 16


@dataclass(kw_only=True)
class DataBuild:
    """One build; ``run`` does it all. Raises YunqueError for what a user can fix."""

    recipe: DataRecipe
    out: Path
    workers: int = 1
    progress: Progress = silent
    say: Callable[[str], None] = quiet

    def run(self) -> Artifact:
        """All steps, the finished ones skipped."""
        self.refuse()
        with self.store.lock():
            return self.make()

    def refuse(self) -> None:
        """Raise for what can be known to be wrong before anything is written: sources, checks."""
        refuse_the_doubtful(self.checks, self._needed)
        for source in self.sources:
            _ = source.identity  # an empty folder has none

    def make(self) -> Artifact:
        """As `run`, for a caller that holds the store's lock."""
        tagged = [self._tagged(source) for source in self.sources]
        redactor = Redactor(self.recipe.redact, self._salt, self._known(tagged))
        parts = [self._part(*item, redactor) for item in tagged]
        return self._dataset(self.sources, parts)

    @cached_property
    def sources(self) -> list[Source | Stream]:
        """Every source and stream that the recipe names. RecipeError without any, and for two that are called the same."""
        if not self.recipe.sources:
            raise RecipeError("no sources", where="sources", do='add one: [[sources]] with spec = "…"')
        until = self.recipe.collect.until
        sources = [source for given in self.recipe.sources for source in opened(given)]
        sources = [_as_of(source, until) for source in sources] if until else sources
        names = Counter((source.name, type(source)) for source in sources)  # a tree and its own history share a name
        twice = [name for (name, _), number in names.items() if number > 1]
        if twice:
            raise RecipeError(f"two sources are called '{twice[0]}'", where="sources", do="name one of them, or rename one")
        return sources

    @cached_property
    def store(self) -> Store:
        """Where the artifacts lie."""
        return Store(self.out)

    @cached_property
    def steps(self) -> Steps:
        """What has been made in this run."""
        return Steps(store=self.store, seed=self.recipe.seed, say=self.say)

    @cached_property
    def names(self) -> list[str]:
        """The checks that tag: those of the rules, those whose findings are cut or redacted, those that weights need."""
        named = [*self.recipe.screen.names, *self._read]
        return list(dict.fromkeys([*named, *self.recipe.mixture.checks(named)]))

    @cached_property
    def checks(self) -> list[Trusted]:
        """The checks of `names`."""
        return load_checks(self.names, options=self.recipe.screen.options)

    @property
    def _read(self) -> list[str]:
        """The checks whose findings are cut or redacted."""
        return [*(glob.partition("/")[0] for glob in self.recipe.clean.cut), *self.recipe.redact.checks]

    @property
    def _needed(self) -> list[str]:
        """Those of `names` on whose silence something rests: all but what only tags."""
        ruled = {rule.check for rule in self.recipe.screen.all_rules}
        weighing = self.recipe.mixture.checks([*self.recipe.screen.names, *self._read])
        only_tags = set(self.recipe.screen.checks) - ruled - {*self._read, *weighing}
        return [name for name in self.names if name not in only_tags]

    @cached_property
    def _salt(self) -> str:
        """What keys the placeholders: where the recipe says, or made once and kept beside the artifacts for nobody else."""
        where = self.recipe.redact.salt
        if not self.recipe.redact.checks:
            return ""
        if where:
            return _shared_salt(where)
        return kept_salt(self.out / SALT)

    # ------------------------------------------------------------------------------------------------------------ one source
    def _tagged(self, source: Source | Stream) -> tuple[Source | Stream, Artifact, Artifact]:
        """A source with its records and their tags."""
        records = self._of_stream(source) if isinstance(source, Stream) else self._of_tree(source)
        return source, records, self._tags(source.name, records)

    def _of_tree(self, source: Source) -> Artifact:
        return tree_of(self.steps, source, self.recipe.collect, self.progress, self.workers)[1]

    def _of_stream(self, source: Stream) -> Artifact:
        def build(folder: Path) -> dict:
            return read_stream(source, folder, self.progress)

        return self.steps.make("records", source.name, build, recipe={"source": source.identity})

    def _tags(self, name: str, records: Artifact) -> Artifact:
        def build(folder: Path) -> dict:
            facts: dict[str, Counter] = {check: Counter() for check in self.names}
            table = scan_table(records.path / RECORDS, Record)
            with (
                VerdictCache(self.out / "verdicts.sqlite", self.checks) as cache,
                open_table(folder / TAGS, Tagged) as tags,
                self.progress("tag", records.counts["kept"], "records") as advance,
            ):
                for _, tagged in tag(
                    table, self.names, self.checks, cache, options=self.recipe.screen.options, workers=self.workers
                ):
                    tags.add(tagged)
                    for verdict in tagged.verdicts:
                        facts[verdict.check][verdict.outcome.value] += 1
                    advance(1)
            return {
                "records": tags.num_rows,
                "new verdicts": cache.num_new,
                "verdicts": {check: dict(sorted(item.items())) for check, item in facts.items()},
            }

        judges = {check.name: self._identities[check.name] for check in self.checks}
        return self.steps.make("tags", name, build, parents=[records], recipe={"checks": judges})

    @cached_property
    def _identities(self) -> dict[str, str]:
        """What each check is, so that another version of it makes other tags."""
        return {check.name: check_identity(check) for check in self.checks}

    def _known(self, tagged: list[tuple[Source | Stream, Artifact, Artifact]]) -> ValueIndex:
        """What is to be redacted wherever it stands, from the findings in all sources."""
        redactor = Redactor(self.recipe.redact, self._salt)
        result = [self._values(*item, redactor) for item in tagged if self.recipe.redact.checks]
        return ValueIndex((value for item in result for value in scan_table(item.path / VALUES, KnownValue)), self._salt)

    def _values(self, source: Source | Stream, records: Artifact, tags: Artifact, redactor: Redactor) -> Artifact:
        def build(folder: Path) -> dict:
            return find_values(records.path, tags.path, folder, redactor)

        decided = {"redact": self._redact, "salt": content_id(self._salt)}
        return self.steps.make("values", source.name, build, parents=[records, tags], recipe=decided)

    def _part(self, source: Source | Stream, records: Artifact, tags: Artifact, redactor: Redactor) -> Artifact:
        recipe = self._finish_recipe
        if isinstance(source, Stream) and not source.records_teach:
            recipe = replace(recipe, pairs=NO_PAIRS)

        def build(folder: Path) -> dict:
            finisher = Finisher(recipe, redactor, seed=self.recipe.seed)
            return finish(records.path, tags.path, folder, finisher, workers=self.workers, progress=self.progress)

        decided: dict[str, Any] = {item.name: plain(getattr(recipe, item.name)) for item in fields(FinishRecipe)}
        decided |= {"redact": self._redact, "salt": content_id(self._salt), "values": redactor.known.identity}
        return self.steps.make("part", source.name, build, parents=[records, tags], recipe=decided)

    @cached_property
    def _finish_recipe(self) -> FinishRecipe:
        return FinishRecipe(**{item.name: getattr(self.recipe, item.name) for item in fields(FinishRecipe)})

    @property
    def _redact(self) -> dict:
        """What of the recipe decides on redaction: the salt itself counts, not where it is."""
        return self.recipe.redact.model_dump(mode="json", exclude={"salt"})

    # -------------------------------------------------------------------------------------------------------------- together
    def _dataset(self, sources: list[Source | Stream], parts: list[Artifact]) -> Artifact:
        action = self.recipe.duplicates.action
        marks = [self._duplicates(parts)] if action != "off" else []

        def build(folder: Path) -> dict:
            counts = _sum([self._counts(part) for part in parts])
            (folder / "parts.json").write_text(json.dumps([part.path.name for part in parts], indent=2) + "\n")
            (folder / RECIPE).write_text(json.dumps(plain(self.recipe), indent=2, ensure_ascii=False) + "\n")
            if marks:
                counts["duplicates"] = marks[0].counts["dropped"]
            return counts | (left_out(parts, marks[0], counts) if action == "drop" else {})

        name = ", ".join(source.name for source in sources)
        return self.steps.make("dataset", name, build, parents=[*parts, *marks], recipe={"duplicates": action})

    def _duplicates(self, parts: list[Artifact]) -> Artifact:
        """Which records of all parts are copies of which."""
        recipe = self.recipe.duplicates
        assert recipe is not None  # or nobody asks

        def build(folder: Path) -> dict:
            records = (record for part in parts for record in scan_table(part.path / RECORDS, Record))
            size = sum(part.counts["kept"] for part in parts)
            return find_duplicates(records, recipe, folder, num_records=size, workers=self.workers, progress=self.progress)

        decided = recipe.model_dump(mode="json", exclude={"action"})  # the same search, whatever becomes of what it finds
        return self.steps.make("duplicates", f"{len(parts)} sources", build, parents=parts, recipe=decided)

    def _counts(self, part: Artifact) -> dict:
        records = self.store.find(part.manifest.parents[0])
        skipped: Counter[str] = Counter()  # left behind when the source was copied, so never seen as a file
        for before in self.store.parents(records):
            skipped.update(before.counts["skipped"])
        total = records.counts["files"] + skipped.total()
        return {"in": total, "not taken": dict(skipped), "not records": records.counts["dropped"], **part.counts}


def opened(given: SourceRecipe) -> list[Source | Stream]:
    """What a table of the recipe names: one stream, or one tree or many."""
    stream = open_stream(given.spec, given.options)
    return [stream] if stream is not None else [*open_sources(given.spec)]


def tree_of(
    steps: Steps, source: Source, recipe: CollectRecipe, progress: Progress = silent, workers: int = 1
) -> tuple[Artifact, Artifact]:
    """The snapshot of a tree, and the records of its files."""
    snapshot = steps.make("snapshot", source.name, source.fetch, recipe={"source": source.identity})

    def build(folder: Path) -> dict:
        return collect(snapshot.path, snapshot.counts, recipe, load_file_checks(recipe), folder, progress, workers)

    return snapshot, steps.make("records", source.name, build, parents=[snapshot], recipe=plain(recipe))


def _as_of(source: Source | Stream, day: date) -> Source | Stream:
    """A source as it was when a day began. SourceError for one that has no past."""
    if not isinstance(source, DatedSource):
        do = "name a git repository on this machine, or its history:PATH; or leave the day out"
        raise SourceError(f"nobody can say what it was before {day.isoformat()}", where=source.name, do=do)
    past: Source | Stream = source.as_of(day)
    past.name = source.name
    return past


def _shared_salt(where: str) -> str:
    """The salt that a recipe names. RecipeError where there is none, or a short one that could be guessed."""
    kind, _, name = where.partition(":")
    try:
        salt = os.environ.get(name, "") if kind == "env" else Path(name).expanduser().read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"no salt in {name}: {error}", where="redact.salt") from None
    if len(salt.strip()) < MIN_SALT:
        do = "give it one secret text, such as: python -c 'import secrets; print(secrets.token_hex(32))'"
        raise RecipeError(f"the salt in {name} has fewer than {MIN_SALT} characters", where="redact.salt", do=do)
    return salt.strip()


def _sum(counts: list[dict]) -> dict:
    """Counts of parts to one: numbers added, tables of numbers added by name."""
    total: dict[str, Any] = {}
    for count in counts:
        for name, value in count.items():
            if isinstance(value, dict):
                total[name] = dict((Counter(total.get(name, {})) + Counter(value)).most_common())
            else:
                total[name] = total.get(name, 0) + value
    return total
