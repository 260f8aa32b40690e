"""Two trainings side by side: what their recipes say differently, and both curves."""

from yunque.reports.formatting import MISSING
from yunque.reports.training import TrainingRun, comparison_lines, differences, render_runs, run_lines


def run(name, rate, losses, **values):
    steps = [
        {"step": n, "tokens_seen": 100 * n, "loss": loss, "learning_rate": rate, "grad_norm": 1.0}
        for n, loss in enumerate(losses, 1)
    ]
    validations = [{"step": n, "loss": loss} for n, loss in enumerate(losses)]
    about = {"of": "shop", "made": "2026-11-30T10:00:00.000000+00:00", "took_s": 12.0}
    recipe = {"training": {"learning_rate": rate, "epochs": 1.0}, "model": {"lora_rank": 32}}
    best = {"best_loss": min(losses), "best_step": losses.index(min(losses))}
    return TrainingRun(id=name, recipe=recipe, steps=steps, validations=validations, **best, **about | values)


ONE, OTHER = run("adapter-1111", 1e-3, [3.0, 2.0, 1.5]), run("adapter-2222", 5e-4, [3.0, 2.5, 2.2])


def test_only_what_differs_is_said():
    assert list(differences((ONE.recipe, OTHER.recipe))) == [("training.learning_rate", "0.001", "0.0005")]
    assert list(differences((ONE.recipe, {}))) == [
        ("model.lora_rank", "32", MISSING),
        ("training.epochs", "1.0", MISSING),
        ("training.learning_rate", "0.001", MISSING),
    ]


def test_lines():
    head, first, _ = run_lines([ONE, OTHER])
    assert head.split()[0] == "run" and first.split()[0] == "adapter-1111" and "1.5000" in first and "300" in first
    text = "\n".join(comparison_lines(ONE, OTHER))
    assert "training.learning_rate" in text and "0.001 -> 0.0005" in text
    assert "best loss 1.5000 and 2.2000: adapter-1111 by 0.7000" in text
    assert "the same recipe" in "\n".join(comparison_lines(ONE, ONE))


def test_a_run_that_is_not_finished():
    line = run_lines([run("adapter-3", 1e-3, [3.0], made="", took_s=None)])[1]
    assert "not finished" in line


def test_the_page():
    page = render_runs(ONE, OTHER, code_version="0")
    for words in ("adapter-1111", "adapter-2222", "training.learning_rate", "0.0005", "Validation loss", "<polyline"):
        assert words in page, words
    empty = run("adapter-3", 1e-3, [3.0])
    bare = TrainingRun(**{**vars(empty), "steps": (), "validations": ()})
    assert "Nothing was recorded." in render_runs(bare, bare, code_version="0")
