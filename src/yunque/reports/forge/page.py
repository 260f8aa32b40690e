"""The report as one self-contained HTML page.

Covered: no script, no external resource (a content security policy forbids both); every text from a corpus is escaped;
light, dark, narrow and printed; works without a network.
Not covered: interaction; very long tables beyond a few examples, which are in ``report.json``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from yunque.core.nouns import Measure
from yunque.reports.forge.comparison import (
    answer,
    difference_of,
    ended_words,
    interval_of,
    is_share,
    limits_of,
    tally,
    value_of,
)
from yunque.reports.forge.facts import UNSCREENED, Comparison, ForgeReport, rounded
from yunque.reports.forge.plots import forest_mark, loss_plot
from yunque.reports.forge.samples import sample
from yunque.reports.formatting import MISSING, count, decimal, duration, moment, percent, ranked, settings, size, unbroken
from yunque.reports.html.document import MARKS, document
from yunque.reports.html.markup import Column, Raw, facts, join, table, tag
from yunque.reports.html.plots import small_plot, span_bar
from yunque.reports.measures import aside_of
from yunque.reports.sources import SourceFacts

MAX_EXAMPLES = 3
"""Dropped files shown for each reason; all of them are in ``report.json``."""
CURVES = (("train", "training"), ("validation", "validation"))
"""Class name and name of the curves of the loss plot."""


def render_page(report: ForgeReport) -> str:
    """The whole page as HTML text; the same report gives the same bytes."""
    sections = [
        ("result", "Result", _result(report)),
        ("samples", "Samples", _samples(report)),
        ("data", "Data", _data(report)),
        ("split", "Split and pairs", _split(report)),
        ("training", "Training", _training(report)),
        ("time", "Time and memory", _time(report)),
        ("reproduce", "Reproduce", _reproduce(report)),
        ("limits", "What this does not show", _limits(report)),
    ]
    body = [tag("section", tag("h2", title), tag("div", inner, class_="body"), id=name) for name, title, inner in sections]
    links = [tag("li", tag("a", title, href=f"#{name}")) for name, title, _ in sections]
    nav = tag("nav", tag("ul", *links), aria_label="Sections")
    return document(report.title, _header(report, nav), tag("main", *body), code_version=report.code_version)


def _header(report: ForgeReport, nav: Raw) -> Raw:
    machine = report.machine
    trees = " and ".join(f"{source.name} at revision {source.revision}" for source in report.sources)
    lede = (
        f"{report.base.name}, trained on {trees} in {duration(report.total_s)} on "
        f"{machine.accelerator or count(machine.num_cores, 'CPU cores')}, peak memory {size(report.peak_bytes)}. "
        f"Written by yunque {report.code_version} on {moment(report.created_at)}."
    )
    return tag("header", tag("h1", report.title), tag("p", lede, class_="lede"), nav)


# -------------------------------------------------------------------------------------------------------------------- result
def _result(report: ForgeReport) -> Raw:
    parts: list[object] = [tag("p", tag("strong", tally(report)))]
    if report.comparisons:
        parts.append(tag("ul", *(_answer(comparison) for comparison in report.comparisons), class_="answers"))
        parts.append(_comparison_table(report))
        parts.append(_method(report))
        parts.append(_history(report))
    if ended := ended_words(report):
        parts.append(tag("p", ended, class_="note"))
    left_out = [(suite, reason, n) for suite in sorted(report.excluded) for reason, n in ranked(report.excluded[suite])]
    if left_out:
        columns = (Column("Suite"), Column("Reason"), Column("Tasks", numeric=True))
        rows = [(suite, reason, count(n)) for suite, reason, n in left_out]
        parts.append(table("Tasks left out of the comparison, for both models", columns, rows))
    return join(parts)


def _history(report: ForgeReport) -> object:
    """What earlier models of these sources scored, beside this one."""
    if not report.earlier:
        return ""
    shown = [comparison for comparison in report.comparisons if comparison.forged.value is not None]
    columns = (Column("Forged"), *(Column(comparison.name, numeric=True) for comparison in shown), Column("Questions"))

    def cells(when: str, values: dict[str, float | None], questions: str) -> Sequence[object]:
        measures = (replace(comparison.forged, value=values.get(comparison.name)) for comparison in shown)
        numbers = (value_of(comparison, measure) for comparison, measure in zip(shown, measures, strict=True))
        return (when, *numbers, questions)

    rows = [
        cells(moment(run.created_at), run.forged, "the same" if run.same_questions else "others") for run in report.earlier
    ]
    rows.append(cells(f"{moment(report.created_at)}, this one", {item.name: item.forged.value for item in shown}, ""))
    return table("Models forged of these sources so far; numbers on other questions cannot be compared", columns, rows)


def _answer(comparison: Comparison) -> Raw:
    style, mark = MARKS.get(comparison.verdict, MARKS["cannot tell"])
    sentence = unbroken(answer(comparison))
    start, verdict, rest = sentence.partition(comparison.verdict)
    if not verdict:
        start, verdict, rest = sentence.partition(comparison.verdict.capitalize())
    words = join((start, tag("strong", verdict), rest))
    return tag("li", tag("span", mark, class_="mark", aria_hidden="true"), tag("span", words), class_=style)


def _comparison_table(report: ForgeReport) -> Raw:
    columns = (
        Column("Measure", style="named"), Column("n", numeric=True), Column("Base", numeric=True),
        Column("Forged", numeric=True), Column("Difference", numeric=True), Column("← base | forged →", style="forested"),
        Column("Verdict"),
    )  # fmt: skip
    caption = (
        "Base against forged on the same held-out tasks. Brackets are 95 % intervals. In the plot the line is zero, "
        "right of it forged is better, and every row has its own scale."
    )
    return table(caption, columns, (_comparison_cells(comparison) for comparison in report.comparisons), style="stack")


def _comparison_cells(comparison: Comparison) -> Sequence[object]:
    style, mark = MARKS.get(comparison.verdict, MARKS["cannot tell"])
    asked = [comparison.base_style, comparison.forged_style]
    how = f"asked as {asked[0]}" if asked[0] == asked[1] else f"base asked as {asked[0]}, forged as {asked[1]}"
    under = [comparison.suite, how if all(asked) else "", f"{comparison.better} is better"]
    name = (tag("span", comparison.name, class_="lead"), _under(comparison.meaning), _under("; ".join(filter(None, under))))
    return (
        join(name),
        count(comparison.difference.n, comparison.n_of),
        _measure(comparison, comparison.base),
        _measure(comparison, comparison.forged),
        _difference(comparison),
        tag("div", forest_mark(comparison), class_=f"verdict {style}"),
        tag("span", f"{mark} {comparison.verdict}", class_=f"verdict {style}"),
    )


def _measure(comparison: Comparison, measure: Measure) -> Raw:
    """The value with its interval and what is counted beside it."""
    value = _number(value_of(comparison, measure, unit=is_share(comparison)), measure.value)
    return join((value, _under(interval_of(comparison, measure)), _under(aside_of(measure))))


def _difference(comparison: Comparison) -> Raw:
    value = _number(difference_of(comparison), comparison.difference.value)
    return join((value, _under(interval_of(comparison, comparison.difference, signed=True))))


def _number(words: str, value: float | None) -> Raw:
    """The words, with the exact number of ``report.json`` in the markup."""
    kept = rounded(value)
    return tag("span", words) if kept is None else tag("data", words, value=repr(kept))


def _under(words: str) -> object:
    return tag("span", words, class_="under") if words else ""


def _method(report: ForgeReport) -> Raw:
    method = f"Intervals: {report.interval_method}. " if report.interval_method else ""
    tests = f"Tests ran under the isolation tier “{report.sandbox_tier}”." if report.sandbox_tier else ""
    words = "“Better” and “worse” mean that the interval of the paired difference does not reach zero. "
    rule = words if all(_follows_interval(comparison) for comparison in report.comparisons) else ""
    return tag("p", method + rule + tests, class_="note")


def _follows_interval(comparison: Comparison) -> bool:
    """Whether the verdict is the one that the interval of the difference gives by itself."""
    low, high = comparison.difference.low, comparison.difference.high
    if low is None or high is None or low <= 0 <= high:
        return comparison.verdict not in ("better", "worse")
    return comparison.verdict == ("better" if (low > 0) == (comparison.better == "higher") else "worse")


# ------------------------------------------------------------------------------------------------------------------- samples
def _samples(report: ForgeReport) -> Raw:
    if not report.samples:
        return tag("p", "No sample completions were kept.")
    legend = (
        "The sign ▸ marks the line where the model started. Tinted lines with a bar are also in the original, in the same "
        "order. Indentation that all three share is cut off. Characters that cannot be seen are written as ⟨U+…⟩."
    )
    rule = f"{report.sample_rule.rstrip('.')}. " if report.sample_rule else ""
    return join((tag("p", rule + legend, class_="note"), *(sample(row) for row in report.samples)))


# ---------------------------------------------------------------------------------------------------------------------- data
def _data(report: ForgeReport) -> Raw:
    warning = tag("p", tag("strong", UNSCREENED), class_="note") if not report.screened else ""
    if len(report.sources) == 1:
        return join((warning, _source(report.sources[0])))
    parts = [join((tag("h3", source.name), _source(source))) for source in report.sources]
    return join((warning, _all_sources(report), *parts))


def _all_sources(report: ForgeReport) -> Raw:
    columns = (
        Column("Source"), Column("Kind"), Column("Files", numeric=True), Column("Kept", numeric=True),
        Column("Size", numeric=True), Column("Share of tokens", style="barred"),
    )  # fmt: skip
    tokens = report.packing.tokens_by.get("source", {})
    rows = [
        (
            source.name,
            source.kind,
            count(source.num_files),
            count(source.num_kept),
            size(source.bytes_kept),
            span_bar(0, tokens.get(source.name, 0), sum(tokens.values()), "kept"),
        )
        for source in report.sources
    ]
    return table("What each source gave", columns, rows)


def _source(source: SourceFacts) -> Raw:
    about = facts(
        (
            ("Source", source.spec),
            ("Kind", source.kind),
            ("Revision", source.revision),
            ("Collected", moment(source.collected_at)),
            ("Kept", f"{count(source.num_kept, 'files')}, {size(source.bytes_kept)}"),
            ("Languages", _listed(source.languages)),
            ("Licences", _listed(source.licences)),
            ("Changed", _listed(source.edits) if source.edits else ""),
        )
    )
    return join((about, _waterfall(source), _examples(source)))


def _waterfall(source: SourceFacts) -> Raw:
    """From the files found down to the files kept; files that no count explains get a row of their own."""
    total = left = source.num_files
    columns = (
        Column("Step"), Column("Files", numeric=True), Column("Share", numeric=True),
        Column("Bar", style="barred", quiet=True),
    )  # fmt: skip
    rows = [("Found", count(total), percent(1.0 if total else None), span_bar(0, total, total, "all"))]
    losses = ranked(source.dropped)
    unexplained = total - source.num_kept - sum(source.dropped.values())
    for reason, lost in [*losses, ("not accounted for", unexplained)] if unexplained else losses:
        left -= lost
        share = percent(lost / total if total else None)
        rows.append((f"Dropped: {reason}", f"−{lost:,}", share, span_bar(max(left, 0), max(lost, 0), total, "lost")))
    share = percent(source.num_kept / total if total else None)
    foot = ("Kept", count(source.num_kept), share, span_bar(0, source.num_kept, total, "kept"))
    return table("What went in, what was dropped and why, what was kept", columns, rows, foot=foot)


def _examples(source: SourceFacts) -> object:
    shown = []
    for reason in dict.fromkeys(example.reason for example in source.dropped_examples):
        shown += [example for example in source.dropped_examples if example.reason == reason][:MAX_EXAMPLES]
    if not shown:
        return ""
    columns = (Column("Path"), Column("Reason"), Column("What was seen", style="long"))
    rows = [(tag("code", item.path), item.reason, item.detail or MISSING) for item in shown]
    return table(f"Examples of dropped files, at most {MAX_EXAMPLES} for each reason", columns, rows, style="stack")


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name}\u00a0({number:,})" for name, number in ranked(counts)) or MISSING


# ----------------------------------------------------------------------------------------------------------- split and pairs
def _split(report: ForgeReport) -> Raw:
    total = sum(part.bytes for part in report.split)
    columns = (
        Column("Part"), Column("Files", numeric=True), Column("Size", numeric=True), Column("Functions", numeric=True),
        Column("Share of bytes", style="barred"),
    )  # fmt: skip
    rows = [
        (
            item.part,
            count(item.num_files),
            size(item.bytes),
            count(item.num_functions),
            span_bar(0, item.bytes, total, "kept"),
        )
        for item in report.split
    ]
    whole = (
        "All", count(sum(part.num_files for part in report.split)), size(total),
        count(sum(part.num_functions for part in report.split)), "",
    )  # fmt: skip
    day = report.asked_since
    since = f"What is asked about is new since {day}, and in none of these files. " if day else ""
    near_duplicates = (
        f"{since}Similar files stay on one side of the split: {count(report.num_clusters, 'clusters')}; functions "
        f"held out that have a near-duplicate in another part, and are therefore not scored: {report.num_near_duplicates:,}."
    )
    packing = report.packing
    packed = facts(
        (
            ("Sequences", f"{count(packing.num_sequences)} of {count(packing.length_tokens, 'tokens')}"),
            ("Positions in use", percent(packing.utilisation)),
            ("Tokens with a loss", f"{count(packing.trained_tokens)} per epoch"),
            ("Pairs truncated", count(packing.truncated_pairs)),
            ("Pairs dropped", count(packing.dropped_pairs)),
            ("Pairs in no part", _listed(packing.left_out) if packing.left_out else ""),
            ("Training pairs not used", _listed(packing.unused) if packing.unused else ""),
            *((f"Tokens by {name}", _listed(table_)) for name, table_ in packing.tokens_by.items()),
        )
    )
    split = table("Parts of the split", columns, rows, foot=whole)
    return join((split, tag("p", near_duplicates, class_="note"), _pairs(report), tag("h3", "Packing"), packed))


def _pairs(report: ForgeReport) -> Raw:
    order = [part.part for part in report.split]
    parts = sorted(report.pairs, key=lambda part: (order.index(part) if part in order else len(order), part))
    kinds = sorted({kind for by_kind in report.pairs.values() for kind in by_kind})
    if not kinds:
        return tag("p", "No pairs were made.")
    columns = (Column("Part"), *(Column(kind, numeric=True) for kind in kinds), Column("All", numeric=True))
    rows = [
        (part, *(count(report.pairs[part].get(kind, 0)) for kind in kinds), count(sum(report.pairs[part].values())))
        for part in parts
    ]
    return table("Pairs made from the kept files, by kind", columns, rows)


# ------------------------------------------------------------------------------------------------------------------ training
def _training(report: ForgeReport) -> Raw:
    training, base = report.training, report.base
    ended = "stopped early" if training.stopped_early else "ran to its end"
    share = base.num_trained_parameters / base.num_parameters if base.num_parameters else None
    about = facts(
        (
            ("Base model", base.name),
            ("Licence", base.licence),
            ("Revision", base.revision),
            ("SHA-256 of the weights", tag("code", base.sha256) if base.sha256 else ""),
            ("Parameters", count(base.num_parameters)),
            ("Trained parameters", f"{count(base.num_trained_parameters)} ({percent(share, 2)})"),
            ("Precision", base.dtype),
            ("Steps", f"{count(len(training.steps))} in {training.epochs:g} epochs, {ended}"),
            ("Tokens with a loss", count(training.steps[-1].tokens_seen) if training.steps else ""),
            ("Speed", _speed(report)),
            ("Time", duration(training.took_s)),
            ("Energy", training.energy),
        )
    )
    return join((_curves(report), about, _recipe(training.recipe)))


def _curves(report: ForgeReport) -> Raw:
    training = report.training
    loss = loss_plot(training)
    if loss is None:
        return tag("p", "No training steps were recorded.")
    keys = [(tag("span", class_=f"key {style}", aria_hidden="true"), f"{name} ") for style, name in CURVES]
    caption = join(("Loss, nats per trained token. ", *(join(key) for key in keys)))
    rates = small_plot([(row.step, row.learning_rate) for row in training.steps], label="Learning rate by step.")
    norms = [(row.step, row.grad_norm) for row in training.steps if row.grad_norm is not None]
    asides = [
        tag("figure", tag("figcaption", name), plot)
        for name, plot in (("Learning rate", rates), ("Gradient norm", small_plot(norms, label="Gradient norm by step.")))
        if plot is not None
    ]
    return join((tag("figure", tag("figcaption", caption), loss), tag("div", *asides, class_="pair") if asides else ""))


def _recipe(recipe: dict) -> object:
    if not recipe:
        return ""
    lines = "\n".join(f"{name} = {value}" for name, value in settings(recipe))
    return join((tag("h3", "Recipe"), tag("pre", lines)))


def _speed(report: ForgeReport) -> str:
    speeds = sorted(row.tokens_per_s for row in report.training.steps if row.tokens_per_s is not None)
    return f"{decimal(speeds[len(speeds) // 2], 0)} tokens/s (median)" if speeds else ""


# -------------------------------------------------------------------------------------------------------- time, reproduction
def _time(report: ForgeReport) -> Raw:
    total_ms = round(1000 * sum(step.took_s for step in report.steps))
    columns = (
        Column("Step"), Column("Artifact"), Column("Time", numeric=True), Column("Peak memory", numeric=True),
        Column("Share of time", style="barred"),
    )  # fmt: skip
    rows = [
        (
            step.kind,
            tag("code", step.artifact_id),
            duration(step.took_s) + (" (earlier run)" if step.reused else ""),
            size(step.peak_bytes),
            span_bar(0, round(1000 * step.took_s), total_ms, "all"),
        )
        for step in report.steps
    ]
    foot = ("Whole run", "", duration(report.total_s), size(report.peak_bytes), "")
    note = (
        "Peak memory is the largest resident set of the process from its start to the end of the step. An artifact of an "
        "earlier run is used again, and shows the time and the peak of that one."
    )
    steps = table("Every step and the artifact it left", columns, rows, foot=foot, style="stack")
    return join((steps, tag("p", note, class_="note")))


def _reproduce(report: ForgeReport) -> Raw:
    machine = report.machine
    about = facts(
        (
            ("yunque", report.code_version),
            ("Processor", f"{machine.cpu}, {count(machine.num_cores, 'cores')}"),
            ("Accelerator", machine.accelerator or "none"),
            ("Memory", size(machine.memory_bytes)),
            ("System", machine.system),
            ("Python", machine.python),
            *sorted(machine.versions.items()),
        )
    )
    note = "Artifact ids are hashes of what decides their content; they are listed with every step above."
    return join((tag("pre", report.command), tag("p", note, class_="note"), about))


def _limits(report: ForgeReport) -> Raw:
    return tag("ul", *(tag("li", sentence) for sentence in limits_of(report)), class_="limits")
