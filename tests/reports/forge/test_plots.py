import dataclasses
import re

import pytest

from yunque.reports.forge import plots
from yunque.reports.forge.facts import StepRow, ValidationRow


def places(svg, style):
    return {name: float(value) for name, value in re.findall(r'(\w+)="([\d.]+)%"', re.search(style, svg)[0])}


def test_right_of_zero_is_better_for_forged_whichever_way_the_measure_runs(report):
    lower, higher, _, worse, _ = report.comparisons
    assert places(plots.forest_mark(lower), "<circle[^>]*>")["cx"] > 50
    assert places(plots.forest_mark(higher), "<circle[^>]*>")["cx"] > 50
    assert places(plots.forest_mark(worse), "<circle[^>]*>")["cx"] < 50


def test_a_difference_that_was_not_measured_draws_only_the_line(report):
    svg = plots.forest_mark(report.comparisons[-1])
    assert "circle" not in svg and "No difference to draw." in svg


def test_loss_plot_says_what_it_shows_and_marks_the_kept_step(report):
    svg = plots.loss_plot(report.training)
    assert "best 1.334 at step 160" in svg and "kept: step 160, 1.334" in svg


@pytest.mark.parametrize("num_steps", [0, 1, 2])
@pytest.mark.parametrize("num_validations", [0, 1])
def test_short_trainings_are_drawn(report, num_steps, num_validations):
    steps = tuple(StepRow(step=n + 1, tokens_seen=n, loss=1.5, learning_rate=0.0) for n in range(num_steps))
    validations = tuple(ValidationRow(step=0, loss=1.5) for _ in range(num_validations))
    training = dataclasses.replace(report.training, steps=steps, validations=validations, best_step=None)
    assert (plots.loss_plot(training) is None) == (not steps and not validations)


def test_png_files_are_written_and_the_same_each_time(report, tmp_path):
    pytest.importorskip("matplotlib")
    first = [path.read_bytes() for path in plots.write_plots(report, tmp_path)]
    second = [path.read_bytes() for path in plots.write_plots(report, tmp_path)]
    assert first == second and len(first) == 2 and first[0].startswith(b"\x89PNG")


def test_png_files_of_nothing_are_not_written(report, tmp_path):
    training = dataclasses.replace(report.training, steps=(), validations=())
    empty = dataclasses.replace(report, training=training, comparisons=report.comparisons[-1:])
    assert plots.write_plots(empty, tmp_path) == []


def test_a_hostile_name_does_not_break_the_png(report, tmp_path):
    pytest.importorskip("matplotlib")
    hostile = dataclasses.replace(report.comparisons[0], name=r"$\frac{$ a_b^ \input")
    assert plots.write_plots(dataclasses.replace(report, comparisons=(hostile,)), tmp_path)
