"""`yunque eval`, `yunque compare`, `yunque suites`: a model on suites, two runs task by task, what suites there are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from yunque.cli.console import bars, emit, listed, say
from yunque.cli.options import DEFAULT_OUT, Json, Out


def eval_(
    model: Annotated[
        str, typer.Argument(help="Model folder, Hub name, openai:URL#MODEL or the embedded base; none with --samples.")
    ] = "",
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
    prompt_tokens: Annotated[
        int, typer.Option("--prompt-tokens", min=8, help="Most tokens of a prompt that are read; a forge asks with 192.")
    ] = 4096,
    suffix_tokens: Annotated[
        int, typer.Option("--suffix-tokens", min=0, help="The same of the text behind a hole; a forge asks with 64.")
    ] = 1024,
    metrics: Annotated[
        str, typer.Option("--metrics", help="Some of similarity, syntax, lint, security, efficiency, likelihood; or all.")
    ] = "similarity,syntax,lint,security",
    trained_on: Annotated[
        str, typer.Option("--trained-on", help="Data that the model has learned from, left out of the suites: mbpp-train.")
    ] = "",
    most_requests: Annotated[
        int, typer.Option("--most-requests", min=0, help="Of a model at a URL: requests that may be spent; 0: all it takes.")
    ] = 0,
    most_money: Annotated[float, typer.Option("--most-money", min=0, help="The same in money, by --prices.")] = 0.0,
    prices: Annotated[
        str, typer.Option("--prices", help="Of a million tokens read and written, with a comma between.")
    ] = "0,0",
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
    from yunque.cli.views.evaluation import lines, plain
    from yunque.core.errors import EvaluationError
    from yunque.pipelines.evaluation import Evaluation, all_runs, config_of, write_pages
    from yunque.store.artifacts import disk_errors

    if not model and samples is None:
        raise EvaluationError("no model and no --samples", do="name one of the two")
    config = config_of(
        samples=n, temperature=temperature, style=style, seed=seed, limit=limit, max_tokens=max_tokens, engine=engine,
        prompt_tokens=prompt_tokens, suffix_tokens=suffix_tokens, metrics=listed(metrics), trained_on=listed(trained_on),
    )  # fmt: skip
    evaluation = Evaluation(
        out=out,
        config=config,
        workers=workers,
        ceiling=ceiling,
        engine=engine,
        missing=missing,
        progress=bars,
        say=say,
        budget=_budget(most_requests, most_money, prices),
    )
    names = listed(suites)
    with disk_errors(out):
        result = evaluation.run(model, names) if samples is None else [evaluation.judge(samples, names[0])]
        page = write_pages(all_runs(result, out), out)
    emit([plain(item) for item in result]) if json_ else print("\n".join([f"report  {page}", *lines(result)]))


def _budget(most_requests: int, most_money: float, prices: str) -> Any:
    from yunque.core.errors import EvaluationError
    from yunque.inference.openai_engine import Budget

    try:
        price_in, price_out = (float(price) for price in prices.split(","))
    except ValueError:
        raise EvaluationError(f"{prices!r} is no two prices", where="--prices", do="write for example 2.5,10") from None
    return Budget(most_requests=most_requests, most_money=most_money, price_in=price_in, price_out=price_out)


def compare(
    first: Annotated[str, typer.Argument(help="Id of a run of `yunque eval`, or the start of one.")],
    second: Annotated[str, typer.Argument(help="Another run of the same suite.")],
    out: Out = DEFAULT_OUT,
    json_: Json = False,
) -> None:
    """Compare two runs of a suite task by task, and say whether the second is better."""
    from dataclasses import asdict

    from yunque.cli.views.evaluation import comparison_lines
    from yunque.pipelines.evaluation import compare_artifacts

    result = compare_artifacts(first, second, out)
    emit(asdict(result)) if json_ else print("\n".join(comparison_lines(result)))


def suites_(json_: Json = False) -> None:
    """List the suites that `yunque eval` knows: how many tasks, and whether their files are here."""
    from yunque.cli.views.evaluation import suite_lines
    from yunque.evaluation.registry import suite_table

    rows = suite_table()
    emit(rows) if json_ else print("\n".join(suite_lines(rows)))
