"""The pages of an evaluation: every number with its interval, every answer escaped, nothing loaded from elsewhere."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from yunque.core.nouns import Measure, PromptStyle, Task
from yunque.evaluation.aggregate import summarise
from yunque.evaluation.runner import ScoredSample
from yunque.reports.evaluation import EvalRun, render_answers, render_evaluation, written

HOSTILE = "</pre><script>alert(1)</script>\x1b[31m"


def row(n, passed, text="    return 1\n"):
    return ScoredSample(
        task_id=f"T/{n}",
        sample=0,
        group=f"T/{n}",
        part="",
        style=PromptStyle.PREFIX,
        first="",
        text=text,
        finish_reason="eos",
        tokens=3,
        outcome="pass" if passed else "fail",
        score=float(passed),
        rules=() if passed else ("wrong-answer",),
        detail="1 of 1 hold" if passed else "got <b>2</b>",
        values={"pass": float(passed), "timed_out": 0.0, "similarity": 0.5},
    )


def run(name, right, *, suite="humaneval", text="    return 1\n", total=20):
    rows = [row(n, n < right, text) for n in range(total)]
    tasks = {
        one.task_id: Task(id=one.task_id, suite=suite, prompt=f"def f{HOSTILE}:", max_tokens=9, language="python", group="g")
        for one in rows
    }
    return EvalRun(
        id=f"id-{name}", suite=suite, model=f"models/{name}", recipe={"style": "auto", "temperature": 0.0},
        created_at="2026-01-02T03:04:05+00:00", took_s=12.5, measures=summarise(rows),
        reasons={"wrong-answer": total - right}, rows=rows, tasks=tasks,
    )  # fmt: skip


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.tags, self.said = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.said.append(data)


def read(page):
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    return reader


def test_two_models_stand_side_by_side_and_the_difference_is_said():
    page = render_evaluation([run("base", 2), run("forged", 15)], code_version="1")
    said = " ".join(read(page).said)
    assert "10.0 %" in said and "75.0 %" in said and "n = 20" in said
    assert re.search(r"Better\s+on pass@1: 10.0 % and 75.0 %, difference \+65.0 points \[", said)
    assert "share of answers that pass the task's tests" in said
    links = [attrs["href"] for tag, attrs in read(page).tags if tag == "a"]
    assert links == ["eval-id-base.html", "eval-id-forged.html"]
    assert page == render_evaluation([run("base", 2), run("forged", 15)], code_version="1")


def test_what_is_identical_is_folded_and_tasks_are_named():
    said = " ".join(read(render_evaluation([run("base", 2), run("forged", 5)], code_version="1")).said)
    assert re.search(r"Identical: [^.]*edit similarity 50.0 %", said) and "edit similarity: 50.0 % and" not in said
    gained = [row(n, True).task_id for n in (2, 3, 4)]
    assert f"3 tasks gained {', '.join(gained)}" in said and " lost" not in said and "As before: 17 tasks." in said
    page = render_evaluation([run("forged", 30, total=40), run("base", 2, total=40)], code_version="1")
    folded = [dict(attributes) for tag, attributes in read(page).tags if tag == "details"]
    assert "28 tasks lost" in " ".join(read(page).said) and folded == [{}]  # many are shown on demand


def test_a_unit_that_is_no_share_stands_with_the_measure():
    one = Measure(name="lint findings", value=3.5, low=1.0, high=5.0, n=20, unit="per 1,000 lines")
    page = render_evaluation([replace(run("base", 2), measures=[one])], code_version="1")
    assert "program with the answer, per 1,000 lines" in " ".join(read(page).said)


def test_runs_of_other_suites_have_sections_of_their_own():
    page = render_evaluation([run("base", 2), run("base", 5, suite="mbpp")], code_version="1")
    said = " ".join(read(page).said)
    assert "humaneval" in said and "mbpp" in said and "Better" not in said


def test_a_measure_without_an_interval_or_a_value():
    few = run("few", 1, total=3)
    none = EvalRun(**{**vars(few), "id": "none", "measures": [Measure(name="pass@1", value=None, n=0)]})
    said = " ".join(read(render_evaluation([few, none], code_version="1")).said)
    assert "33.3 %" in said and "–" in said


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [(0.0434, "share", "4.3 %"), (1.2, "ratio", "1.20 ×"), (12.5, "", "12.50"), (None, "share", "–")],
)
def test_numbers_in_their_units(value, unit, words):
    assert written(value, unit) == words


def test_every_answer_is_on_its_page_and_none_is_markup():
    page = render_answers(run("base", 2, text=HOSTILE), code_version="1")
    reader = read(page)
    assert sum(tag == "details" for tag, _ in reader.tags) == 20
    assert not any(tag in ("script", "b", "img", "link", "iframe") for tag, _ in reader.tags)
    said = "".join(reader.said)
    assert said.count("alert(1)") == 40 and "\x1b" not in said
    assert "got <b>2</b>" in said and "T/19" in said
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", page)


def test_a_long_answer_is_cut_and_says_so():
    said = " ".join(read(render_answers(run("base", 2, text="x" * 10_000), code_version="1")).said)
    assert "4,000 more characters" in said


def test_runs_of_one_name_are_told_apart_and_fit_a_page():
    runs = [
        replace(run("mine", right), id=f"abcdef{right}", created_at=f"2026-01-0{right + 1}T03:04:05+00:00")
        for right in range(4)
    ]
    page = render_evaluation(runs, code_version="1")
    said = "".join(read(page).said)
    for right in range(4):
        assert f"mine, 2026-01-0{right + 1} 03:04 UTC, abcdef" in said
    assert "0 to 100 %" not in said and "0 to 100 %" in "".join(read(render_evaluation(runs[:2], code_version="1")).said)
    assert "UTC" not in "".join(read(render_evaluation([runs[0], run("other", 3)], code_version="1")).said)


def test_answers_that_passed_can_be_hidden_without_a_script():
    page = render_answers(run("mine", 7), code_version="1")
    tags = read(page).tags
    assert [attrs["id"] for tag, attrs in tags if tag == "input"] == ["failures-alone"]
    styles = [attrs["class"].split() for tag, attrs in tags if tag == "details"]
    assert styles.count(["answer", "pass"]) == 7 and styles.count(["answer", "fail"]) == 13
    assert "body:has(#failures-alone:checked) details.answer.pass" in page and "7 answers" in page
