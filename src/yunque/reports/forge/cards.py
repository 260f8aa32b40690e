"""The model card and the dataset card: the two ``README.md`` files that travel with what was made.

The front matter follows the Hugging Face hub.
"""

from __future__ import annotations

from collections.abc import Sequence

from yunque.reports.forge.comparison import difference_of, ended_words, interval_of, limits_of, tally, value_of
from yunque.reports.forge.facts import UNSCREENED, ForgeReport
from yunque.reports.formatting import count, duration, moment, percent, ranked, settings, size, visible
from yunque.reports.markdown import SIZES, bullets, code, fenced, front_matter, licence_fields, md, table
from yunque.reports.measures import aside_of
from yunque.reports.sources import totals

LOADING = """\
from transformers import AutoModelForCausalLM, AutoTokenizer

folder = "."  # the folder of this card
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder)
inputs = tokenizer("def add(a, b):\\n", return_tensors="pt")
output = model.generate(**inputs, max_new_tokens=48, do_sample=False)
print(tokenizer.decode(output[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True))
"""


# ---------------------------------------------------------------------------------------------------------------- model card
def model_card(report: ForgeReport) -> str:
    """The model card as Markdown with a YAML front matter."""
    head = front_matter(
        [
            *licence_fields(sorted({report.base.licence, *totals(report.sources).licences})),
            ("base_model", report.base.name),
            ("library_name", "transformers"),
            ("pipeline_tag", "text-generation"),
            ("tags", ["code", *_languages(report), "lora", "yunque"]),
        ]
    )
    parts = [
        head,
        f"# {md(report.title)}",
        f"{code(report.base.name)}, trained further on the code of {_revisions(report)}. {tally(report)}",
        f"**{UNSCREENED}**" if not report.screened else "",
        "## Results",
        _results(report),
        "## Intended use",
        f"Completing code inside {md(report.name)} and code written like it, at a cursor in an editor, with a "
        "person who reads every completion. Not for code that runs unread, and not for questions in natural language.",
        "## How to load it",
        fenced(LOADING, "python"),
        _fim(report),
        "## Training data",
        _training_data(report),
        "## Training",
        _training(report),
        "## Limits",
        bullets(md(sentence) for sentence in limits_of(report)),
        _licence_note(report),
        _origin(report),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _results(report: ForgeReport) -> str:
    """One row for each measure, n and intervals included, and how to read them."""
    if not report.comparisons:
        return "Nothing was compared."
    columns = ("Measure", "n", "Base", "Forged", "Difference (95 % interval)", "Verdict")
    rows = []
    for comparison in report.comparisons:
        sides = []
        for measure, style in ((comparison.base, comparison.base_style), (comparison.forged, comparison.forged_style)):
            extra = ", ".join(filter(None, [style, aside_of(measure)]))
            sides.append(md(f"{value_of(comparison, measure)} ({extra})" if extra else value_of(comparison, measure)))
        difference = f"{difference_of(comparison)} {interval_of(comparison, comparison.difference, signed=True)}".strip()
        name = f"{md(comparison.name)} ({comparison.better} is better)"
        n = md(count(comparison.difference.n, comparison.n_of))
        rows.append((name, n, *sides, md(difference), f"**{md(comparison.verdict)}**"))
    method = f" Intervals: {md(report.interval_method)}." if report.interval_method else ""
    note = (
        "Both models answered the same held-out tasks of the same repository; differences are forged minus base, paired. "
        f"“Cannot tell” does not mean equal.{method}"
    )
    skipped = [(suite, reason, n) for suite in sorted(report.excluded) for reason, n in ranked(report.excluded[suite])]
    out = "; ".join(f"{md(suite)}: {md(reason)}, {count(n, 'tasks')}" for suite, reason, n in skipped)
    left_out = f"Left out for both models: {out}." if out else ""
    ended = md(ended_words(report))
    return "\n\n".join(filter(None, [table(columns, rows, numeric={1, 2, 3, 4}), note, ended, left_out]))


def _fim(report: ForgeReport) -> str:
    if not report.fim_template:
        return "This model continues a prefix. It was not taught to fill a hole between a prefix and a suffix."
    words = "To fill a hole (fill-in-the-middle), put the text around it into this template and let the model continue:"
    return f"{words}\n\n{fenced(report.fim_template)}"


def _training_data(report: ForgeReport) -> str:
    source, packing = totals(report.sources), report.packing
    made = {
        part: ", ".join(f"{n:,} {md(kind)}" for kind, n in ranked(kinds)) for part, kinds in report.pairs.items() if kinds
    }
    pairs = "; ".join(f"{md(part)}: {made[part]}" for part in sorted(made))
    return bullets(
        (
            f"Kept {count(source.num_kept)} of {count(source.num_files, 'files')}, {size(source.bytes_kept)}.",
            f"Licences found: {_counts(source.licences)}.",
            f"Languages: {_counts(source.languages)}.",
            f"Pairs. {pairs or 'none'}.",
            f"{count(packing.num_sequences, 'sequences')} of {count(packing.length_tokens, 'tokens')}, "
            f"{percent(packing.utilisation)} of positions in use, {count(packing.trained_tokens)} tokens with a loss.",
        )
    )


def _training(report: ForgeReport) -> str:
    base, training, machine = report.base, report.training, report.machine
    ended = ", stopped early" if training.stopped_early else ""
    kept = f", weights of step {training.best_step:,} kept" if training.best_step is not None else ""
    software = [("yunque", report.code_version), ("Python", machine.python), *sorted(machine.versions.items())]
    where = f"{machine.cpu}, {count(machine.num_cores, 'cores')}, {size(machine.memory_bytes)} of memory"
    lines = [
        f"{count(base.num_trained_parameters)} of {count(base.num_parameters)} parameters trained, {md(base.dtype)}.",
        f"{count(len(training.steps), 'steps')}, {training.epochs:g} epochs{ended}{kept}; {duration(training.took_s)}.",
        *([f"Energy: {md(training.energy)}."] if training.energy else []),
        f"Whole run: {duration(report.total_s)}, peak memory {size(report.peak_bytes)}.",
        f"Machine: {md(where)}" + (f", {md(machine.accelerator)}." if machine.accelerator else ", no accelerator."),
        f"Software: {', '.join(f'{md(name)} {md(version)}' for name, version in software)}.",
    ]
    recipe = "\n".join(f"{name} = {visible(value)}" for name, value in settings(training.recipe))
    return bullets(lines) + (f"\n\n{fenced(recipe)}" if recipe else "")


def _licence_note(report: ForgeReport) -> str:
    listing = ", ".join(code(licence) for licence, _ in ranked(totals(report.sources).licences)) or "none found"
    return (
        f"## Licence\n\nThe base model is under {code(report.base.licence)}, the code that changed its weights under: "
        f"{listing}. "
        "What each asks of a model that was trained on its code is for the reader to judge."
    )


# -------------------------------------------------------------------------------------------------------------- dataset card
def dataset_card(report: ForgeReport) -> str:
    """The dataset card as Markdown with a YAML front matter."""
    source = totals(report.sources)
    num_pairs = sum(sum(kinds.values()) for kinds in report.pairs.values())
    head = front_matter(
        [
            *licence_fields(sorted(source.licences) or ["unknown"]),
            ("pretty_name", f"Code pairs from {source.name}"),
            ("task_categories", ["text-generation"]),
            ("size_categories", [next((name for most, name in SIZES if num_pairs < most), "n>10M")]),
            ("tags", ["code", *_languages(report), "yunque"]),
        ]
    )
    parts = [
        head,
        f"# Code pairs from {md(source.name)}",
        *(
            f"Training pairs made from {code(each.spec)} ({md(each.kind)}), revision {code(each.revision)}, collected "
            f"{md(moment(each.collected_at))}."
            for each in report.sources
        ),
        "## What was kept",
        _funnel(report),
        "## Licences",
        table(("Licence", "Files"), [(md(name), f"{n:,}") for name, n in ranked(source.licences)], numeric={1}),
        "Licences were found in the tree by file; “unknown” means that none was found, not that there is none.",
        "## Split",
        _split(report),
        "## Pairs",
        _pairs(report),
        "## Not covered",
        bullets(_gaps(report)),
        _origin(report),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _funnel(report: ForgeReport) -> str:
    source = totals(report.sources)
    rows = [("Found", f"{source.num_files:,}")]
    rows += [(f"Dropped: {md(reason)}", f"−{n:,}") for reason, n in ranked(source.dropped)]
    unexplained = source.num_files - source.num_kept - sum(source.dropped.values())
    rows += [("Dropped: not accounted for", f"−{unexplained:,}")] if unexplained else []
    rows.append(("**Kept**", f"**{source.num_kept:,}**"))
    words = f"{size(source.bytes_kept)} in {_counts(source.languages)}."
    return f"{table(('Step', 'Files'), rows, numeric={1})}\n\n{words}"


def _split(report: ForgeReport) -> str:
    rows = [(md(part.part), f"{part.num_files:,}", size(part.bytes), f"{part.num_functions:,}") for part in report.split]
    words = (
        f"Split by file, with similar files kept on one side: {count(report.num_clusters, 'clusters')}. Functions held out "
        f"that have a near-duplicate in another part, and are not scored: {report.num_near_duplicates:,}. "
        "The test part is used for the comparison alone."
    )
    return f"{table(('Part', 'Files', 'Size', 'Functions'), rows, numeric={1, 2, 3})}\n\n{words}"


def _pairs(report: ForgeReport) -> str:
    rows = [
        (md(part), md(kind), f"{n:,}")
        for part, kinds in sorted(report.pairs.items())
        for kind, n in sorted(kinds.items())
    ]  # fmt: skip
    packing = report.packing
    words = (
        "`body` asks for a function's body after its signature and docstring, `fim` for the text of a hole between a "
        "prefix and a suffix, `continuation` for a chunk of a file. When they were packed, "
        f"{count(packing.truncated_pairs, 'pairs')} were truncated and {count(packing.dropped_pairs, 'pairs')} dropped."
    )
    return f"{table(('Part', 'Kind', 'Pairs'), rows, numeric={2})}\n\n{words}"


def _gaps(report: ForgeReport) -> Sequence[str]:
    screening = (
        "Secrets and personal data were looked for and replaced, malware was left out; what no rule knows is still there."
        if report.screened
        else UNSCREENED
    )
    return (
        screening,
        "No check that the code works or is safe.",
        "Overlap with what the base model was trained on is not known.",
    )


def _revisions(report: ForgeReport) -> str:
    return ", ".join(f"{code(source.name)} at revision {code(source.revision)}" for source in report.sources)


def _languages(report: ForgeReport) -> list[str]:
    return [name for name, _ in ranked(totals(report.sources).languages) if name != "unknown"]


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{md(name)} ({count(n, 'files')})" for name, n in ranked(counts)) or "none"


def _origin(report: ForgeReport) -> str:
    words = f"Written by yunque {md(report.code_version)} on {md(moment(report.created_at))} by this command:"
    return f"{words}\n\n{fenced(report.command)}"
