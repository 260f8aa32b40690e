"""yunque-core: every canonical answer passes, every wrong and every empty one fails, and the page says what the data is."""

import ast
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from yunque.checks.execution.python import Asserts, timed_out
from yunque.core.nouns import Outcome, PromptStyle
from yunque.core.seams import JudgedSuite, MeasuredSuite
from yunque.evaluation.suites.rows import read_rows
from yunque.evaluation.suites.yunque_core import KINDS, distribution, yunque_core

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "yunque-core.md"
FUNCTION = {
    "es": {"el", "la", "los", "las", "que", "se", "de", "un", "una"},
    "en": {"the", "of", "is", "a", "and", "that", "in"},
}
LANGUAGES = ("python", "javascript")
ENDLESS = ("python/sin-repetidos", "python/match-payments", "javascript/pedidos-por-cliente")


@pytest.fixture
def judged(box, toolchain):
    """Gives the verdicts by task id of one answer to every task of a language."""

    def judge(name, answer, style=PromptStyle.PREFIX, **limits):
        toolchain(name)
        suite = yunque_core(box)
        suite = replace(suite, limits=replace(suite.limits, **limits))
        rows = [row for row in suite.rows.values() if row.task.language == name]
        with ThreadPoolExecutor(2) as pool:  # not `judge_all`, which waits for what runs out of time once more
            verdicts = list(pool.map(lambda row: suite.judge(row.task, answer(row), style), rows))
        return {row.task.id: verdict for row, verdict in zip(rows, verdicts, strict=True)}

    return judge


def words(text):
    return re.findall(r"\w+", text.lower())


# --------------------------------------------------------------------------------------------------------------- the answers
@pytest.mark.parametrize("name", LANGUAGES)
def test_every_canonical_answer_passes(judged, name):
    found = judged(name, lambda row: row.canonical)
    assert {task: one.detail for task, one in found.items() if one.outcome is not Outcome.PASS} == {}


@pytest.mark.parametrize("name", LANGUAGES)
def test_every_wrong_answer_fails(judged, name):
    found = judged(name, lambda row: row.wrong, wall_s=1)
    assert {task: one.detail for task, one in found.items() if one.outcome is not Outcome.FAIL} == {}
    assert {task for task, one in found.items() if timed_out(one)} == {task for task in ENDLESS if task.startswith(name)}


@pytest.mark.parametrize("name", LANGUAGES)
def test_every_empty_body_fails(judged, name):
    found = judged(name, lambda row: "    pass\n" if name == "python" else "")
    assert {task: one.detail for task, one in found.items() if one.outcome is not Outcome.FAIL} == {}


@pytest.mark.parametrize("name", LANGUAGES)
def test_a_chat_answer_with_the_whole_function_passes(judged, name):
    def answer(row):
        return f"Sure:\n\n```{name}\n{row.before}{row.canonical}{row.after}\n```\n\nIt `works`."

    found = judged(name, answer, PromptStyle.CHAT)
    assert {task: one.detail for task, one in found.items() if one.outcome is not Outcome.PASS} == {}


def test_leaving_early_is_no_pass(judged):
    for name, leave in (("python", "    raise SystemExit(0)\n"), ("javascript", "  process.exit(0)")):
        assert {one.outcome for one in judged(name, lambda row, leave=leave: leave).values()} == {Outcome.FAIL}


def test_a_signature_may_be_compared_by_another_import(box):
    suite = yunque_core(box)
    row = suite.rows["python/firma-webhook"]
    whole = row.before.replace("import hmac\n", "import hmac\nfrom hmac import compare_digest\n") + row.canonical
    answer = f"```python\n{whole.replace('hmac.compare_digest', 'compare_digest')}```"
    assert suite.judge(row.task, answer, PromptStyle.CHAT).outcome is Outcome.PASS


# ------------------------------------------------------------------------------------------------------------------ the rows
def test_sixty_tasks_in_the_parts_that_were_promised():
    suite = yunque_core()
    assert isinstance(suite, JudgedSuite) and isinstance(suite, MeasuredSuite)
    assert (suite.name, suite.licence, suite.trainable) == ("yunque-core", "Apache-2.0", False)
    found = distribution(suite)
    assert len(suite.tasks()) == found.total() == 60
    assert len({task.id for task in suite.tasks()}) == 60

    def count(at):
        parts = Counter()
        for key, number in found.items():
            parts[key[at]] += number
        return dict(parts)

    assert count(0) == {"python": 36, "javascript": 24}
    assert count(1) == {"es": 30, "en": 30}
    assert count(2) == {"completion": 28, "debugging": 12, "refactoring": 10, "security": 10}
    assert found["python", "es", "completion"] + found["python", "en", "completion"] == 17
    for name, half in (("python", 18), ("javascript", 12)):
        assert sum(number for key, number in found.items() if key[:2] == (name, "es")) == half


def test_the_page_says_what_the_data_is():
    found, page = distribution(yunque_core()), PAGE.read_text("utf-8")
    table = {}
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0] in KINDS and len(cells) == 6:
            table[cells[0]] = [int(cell) for cell in cells[1:]]
    columns = [(name, spoken) for name in LANGUAGES for spoken in ("es", "en")]
    for kind in KINDS:
        numbers = [found[(*column, kind)] for column in columns]
        assert table[kind] == [*numbers, sum(numbers)], kind
    seats = Counter(
        Asserts(test=row.tests, functions=row.functions, entry=row.entry, sandbox=None).best_location()
        for row in yunque_core().rows.values()
        if row.task.language == "python"
    )
    written = {
        judge_location: int(re.search(rf"\| {judge_location} \| (\d+) \|", page)[1])
        for judge_location in ("outside", "apart")
    }
    assert written == seats


def test_prompts_are_in_the_language_that_the_row_names():
    for row in yunque_core().rows.values():
        for text in (row.task.prompt, row.task.question):
            said = Counter(words(text))
            score = {spoken: sum(said[word] for word in FUNCTION[spoken]) for spoken in FUNCTION}
            assert max(score, key=score.get) == row.natural_language and sum(score.values()) >= 8, row.task.id


def test_every_row_is_whole():
    for row in yunque_core().rows.values():
        task = row.task
        assert task.prompt and task.question and task.part in KINDS and task.stops and task.max_tokens == 1024, task.id
        assert task.prompt.endswith(row.before.split("\n\n\n")[-1]), task.id  # the imports stand above the old function
        assert row.canonical and row.wrong and row.canonical != row.wrong, task.id
        assert len(re.findall(r"\bassert\b(?:\.\w+\(|[^.\w=])", row.tests)) >= 6, task.id
        if task.part in ("debugging", "refactoring"):
            assert row.wrong in task.prompt and row.wrong in task.question, task.id
        else:
            assert row.wrong not in task.prompt, task.id
        assert max(map(len, task.prompt.splitlines())) <= 125, task.id


def test_no_prompt_gives_the_answer_away():
    for row in yunque_core().rows.values():
        for text in (row.task.prompt, row.task.question):
            assert row.canonical.strip() not in text, row.task.id
            lines = [line.strip() for line in row.tests.splitlines() if line.strip().startswith("assert")]
            assert not [line for line in lines if line in text], row.task.id
        if row.task.language == "python":
            table = expected(row.tests)
            shown = [value for value in table if value in row.task.prompt]
            assert len(shown) <= 1, (row.task.id, shown)


def expected(tests):
    """The values that asserts of the form ``f(…) == value`` compare with, as written, without the short ones."""
    values = set()
    for node in ast.walk(ast.parse(tests)):
        if isinstance(node, ast.Assert) and isinstance(node.test, ast.Compare):
            values.add(ast.get_source_segment(tests, node.test.comparators[0]))
    return {value for value in values if len(value) > 6}


def test_no_ten_words_in_a_row_are_those_of_a_known_benchmark(benchmark_files):
    known = [row["prompt"] for row in read_rows(benchmark_files / "humaneval" / "HumanEval.jsonl.gz", ("task_id", "prompt"))]
    known += [row["text"] for row in read_rows(benchmark_files / "mbpp" / "mbpp.jsonl", ("task_id", "text"))]
    known += [row["prompt"] for row in read_rows(benchmark_files / "mbpp" / "sanitized-mbpp.json", ("task_id", "prompt"))]
    for spoken in ("Spanish", "English"):
        rows = read_rows(benchmark_files / "humaneval-xl" / "python" / f"{spoken}.jsonl", ("task_id", "prompt"))
        known += [row["prompt"] for row in rows]
    seen = {gram for text in known for gram in grams(text)}
    assert len(known) > 1500 and len(seen) > 10_000
    found = {row.task.id: grams(row.task.prompt) & seen for row in yunque_core().rows.values()}
    assert {task: shared for task, shared in found.items() if shared} == {}


def grams(text, size=10):
    said = words(text)
    return {tuple(said[at : at + size]) for at in range(len(said) - size + 1)}
