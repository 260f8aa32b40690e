"""The card of a data set built by `yunque data`: the ``README.md`` that travels with its tables.

Its sections hold what the EU AI Act's public summary of training content asks for (the Commission's template of July 2025:
general information with sizes and languages; sources by kind; processing, among it copyright and illegal content), as far
as a data set can know it; what it cannot know is said to be missing.

Everything comes from the artifacts; nothing in it is an opinion. Texts from outside are escaped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import yunque
from yunque.core.nouns import Pair, Record
from yunque.data.contents import sources_of
from yunque.data.dataset import PAIRS, RECORDS
from yunque.reports.formatting import moment, percent, ranked, size
from yunque.reports.markdown import SIZES, bullets, front_matter, licence_fields, md, table
from yunque.reports.sources import SourceFacts, source_facts
from yunque.store.artifacts import Artifact, Store
from yunque.store.tables import scan_table


@dataclass(frozen=True, kw_only=True)
class DataFacts:
    """What a data set knows of itself."""

    id: str
    code_version: str
    created_at: str
    sources: tuple[SourceFacts, ...]
    counts: Mapping
    """As `yunque data build --json` gives them."""
    licences: Mapping[str, int]
    """Kept records by SPDX expression."""
    languages_before: Mapping[str, int] = field(default_factory=dict)
    """Records by programming language as they were collected."""
    natural_languages: Mapping[str, int] = field(default_factory=dict)
    """Pairs by the language of their prose."""
    checks: tuple[str, ...] = ()
    """Checks that were asked of every record."""


def data_facts(store: Store, dataset: Artifact) -> DataFacts:
    """The facts of a data set, read from its tables once. StoreError for another artifact."""
    before: Counter[str] = Counter()
    prose: Counter[str] = Counter()
    checks: dict[str, None] = {}
    for source in sources_of(store, dataset):
        checks |= dict.fromkeys(store.parents(source.part)[1].manifest.recipe["checks"])
        before.update(record.language for record in scan_table(source.records.path / RECORDS, Record))
        prose.update(pair.natural_language for pair in scan_table(source.part.path / PAIRS, Pair))
    sources = source_facts(store, dataset)
    licences = sum((Counter(source.licences) for source in sources), Counter[str]())
    return DataFacts(
        id=dataset.id,
        code_version=yunque.__version__,
        created_at=dataset.manifest.created_at,
        sources=sources,
        counts=dataset.counts,
        licences=dict(licences),
        languages_before=dict(before),
        natural_languages=dict(prose),
        checks=tuple(checks),
    )


REDACTED = "redacted "


def data_card(facts: DataFacts) -> str:
    """The card as Markdown with a YAML front matter."""
    counts = facts.counts
    pairs = counts.get("pairs", {})
    num_rows = max(counts["kept"], sum(pairs.values()))
    natural = [name for name, _ in ranked(facts.natural_languages) if name != "und"]
    head = front_matter(
        [
            *licence_fields(sorted(facts.licences) or ["unknown"]),
            ("pretty_name", f"Code from {', '.join(source.name for source in facts.sources)[:80]}"),
            *([("language", natural)] if natural else []),
            ("task_categories", ["text-generation"]),
            ("size_categories", [next((name for most, name in SIZES if num_rows < most), "n>10M")]),
            ("tags", ["code", *[name for name, _ in ranked(counts.get("languages", {}))][:20], "yunque"]),
        ]
    )
    parts = [
        head,
        f"# Code from {len(facts.sources)} sources",
        f"Data set `{md(facts.id)}`, made by yunque {md(facts.code_version)}, {md(moment(facts.created_at))}: "
        f"{counts['kept']:,} records, {size(counts['bytes_kept'])}, {sum(pairs.values()):,} pairs.",
        "## Sources",
        _sources(facts),
        "## What was kept, and what was not",
        _funnel(counts),
        _screening(facts),
        "## Licences",
        table(("Licence", "Records"), [(md(name), f"{n:,}") for name, n in ranked(facts.licences)], numeric={1}),
        "Found in the tree by file; “unknown” means that none was found, not that there is none.",
        "## Languages",
        _languages(facts),
        "## Pairs",
        _pairs(counts, facts),
        "## Personal data and secrets",
        _redaction(counts),
        "## Duplicates and benchmarks",
        _overlap(counts),
        "## For the public summary of training content (EU AI Act, article 53)",
        _summary(facts),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _sources(facts: DataFacts) -> str:
    rows = [
        (md(source.name), md(source.kind), md(source.revision),
         md(moment(source.collected_at)) if source.collected_at else "not recorded",
         f"{source.num_files:,}", f"{source.num_kept:,}", size(source.bytes_kept))
        for source in facts.sources
    ]  # fmt: skip
    return table(("Source", "Kind", "Revision", "Collected", "In", "Kept", "Size"), rows, numeric={4, 5, 6})


def _funnel(counts: Mapping) -> str:
    rows = [("In", f"{counts['in']:,}")]
    for title in ("not taken", "not records", "set aside", "negatives"):
        rows += [(f"{title}: {md(reason)}", f"−{n:,}") for reason, n in ranked(counts.get(title, {}))]
    rows.append(("**Kept**", f"**{counts['kept']:,}**"))
    return table(("Step", "Files and items"), rows, numeric={1})


def _screening(facts: DataFacts) -> str:
    asked = ", ".join(f"`{md(name)}`" for name in facts.checks) or "none"
    edits = {rule: n for rule, n in facts.counts.get("edits", {}).items() if not rule.startswith(REDACTED)}
    cleaned = ", ".join(f"{md(rule)} {n:,}" for rule, n in ranked(edits)) or "nothing"
    return f"Checks asked of every record: {asked}. Cleaned, each change proven to leave the program as it was: {cleaned}."


def _languages(facts: DataFacts) -> str:
    after = facts.counts.get("languages", {})
    before = facts.languages_before or after
    rows = [
        (md(name), f"{n:,}", percent(n / (sum(before.values()) or 1)), f"{after.get(name, 0):,}",
         percent(after.get(name, 0) / (sum(after.values()) or 1)))
        for name, n in ranked(before)
    ]  # fmt: skip
    return table(("Language", "Records before", "Share", "Kept", "Share"), rows, numeric={1, 2, 3, 4})


def _pairs(counts: Mapping, facts: DataFacts) -> str:
    kinds = counts.get("pairs", {})
    if not kinds:
        return "None were made."
    prose = facts.natural_languages
    rows = [(md(name), f"{n:,}", percent(n / (sum(prose.values()) or 1))) for name, n in ranked(prose)]
    made = table(("Kind", "Pairs"), [(md(kind), f"{n:,}") for kind, n in ranked(kinds)], numeric={1})
    details = table(("Language of their prose", "Pairs", "Share"), rows, numeric={1, 2})
    return f"{made}\n\n{details}\n\n`und`: too little prose to tell, or none."


def _redaction(counts: Mapping) -> str:
    result = {rule.removeprefix(REDACTED): n for rule, n in counts.get("edits", {}).items() if rule.startswith(REDACTED)}
    refused = counts.get("set aside", {}).get("redaction", 0)
    if not result and not refused:
        return "Nothing was replaced: either nothing was found, or the recipe does not ask for it."
    rows = [(md(kind), f"{n:,}") for kind, n in ranked(result)]
    details = f" {refused:,} records were left out because that could not be done." if refused else ""
    return (
        f"Replaced by placeholders that are the same for the same value.{details}\n\n"
        + table(("Kind", "Values"), rows, numeric={1})
        + "\n\nWhat the scanners do not know is still there."
    )


def _overlap(counts: Mapping) -> str:
    copies = counts.get("duplicates")
    details = ", ".join(f"{md(reason)} {n:,}" for reason, n in ranked(copies or {})) or "none"
    verb = "Left out" if counts.get("set aside", {}).get("duplicate") else "Marked"
    marked = f"{verb} as copies of a kept record: {details}." if copies is not None else "Duplicates were not looked for."
    return (
        f"{marked} Known benchmark files are refused as sources; solutions of benchmarks inside other files were not looked "
        "for, so this data set is not called decontaminated."
    )


def _summary(facts: DataFacts) -> str:
    kinds: dict[str, int] = {}
    for source in facts.sources:
        kinds[source.kind] = kinds.get(source.kind, 0) + source.bytes_kept
    by_kind = ", ".join(f"{md(kind)} {size(n)}" for kind, n in ranked(kinds))
    return bullets(
        [
            f"Modality: source code. Size: {size(facts.counts['bytes_kept'])}, {facts.counts['kept']:,} records.",
            f"Sources by kind: {by_kind or 'none'}.",
            "Crawled from the web by the maker: nothing; each source was named.",
            "Data from users of a service: feedback events, where a source says so above; each with its consent.",
            "Synthetic data: none, unless a source holds some.",
            "Copyright: licences by file above; opt-outs are honoured where the recipe lists them.",
            "Illegal and harmful content: what the checks above found was dropped or set aside, by reason.",
            "Not known to this data set: the provider, the model, dates of training. The maker of a model adds them.",
        ]
    )
