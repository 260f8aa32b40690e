"""A suite judged on a Ray cluster of this machine gives the verdicts that it gives here."""

import json

import pytest

from yunque.core.errors import EvaluationError
from yunque.core.nouns import Outcome, PromptStyle
from yunque.evaluation.metrics.answers import KINDS, AnswerValues
from yunque.evaluation.ray_judges import SpreadSuite
from yunque.evaluation.registry import open_suite
from yunque.evaluation.runner import judge_samples


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "own.jsonl"
    lines = [
        {
            "id": str(n),
            "prompt": f"def f{n}(x):\n",
            "tests": f"assert f{n}(1) == {n + 1}",
            "canonical": f"    return x + {n}\n",
        }
        for n in range(12)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_the_same_file_as_here(cluster, box, rows, tmp_path):
    suite = open_suite(f"jsonl:{rows}", box)
    given = [
        (task.id, suite.canonical(task) if n % 3 else "    return 0\n", PromptStyle.PREFIX)
        for n, task in enumerate(suite.tasks())
    ]
    files = []
    for name, one in (("here", suite), ("spread", SpreadSuite(suite, f"jsonl:{rows}", num_judges=2))):
        (tmp_path / name).mkdir()
        values = AnswerValues(suite=one, kinds=KINDS[:2])
        judged = judge_samples(one, given, tmp_path / name, values=values, workers=2)
        assert [row.outcome for row in judged] == ["fail" if n % 3 == 0 else "pass" for n in range(12)]
        files.append((tmp_path / name / "samples.jsonl").read_bytes())
    assert files[0] == files[1]


def test_a_judge_that_is_lost_is_an_error_and_no_verdict(cluster, box, rows):
    suite = SpreadSuite(open_suite(f"jsonl:{rows}", box), f"jsonl:{rows}", num_judges=1)
    cluster.kill(suite._judges[0])
    verdict = suite.judge(suite.tasks()[0], "    return x\n")
    assert verdict.outcome is Outcome.ERROR and "the judge was lost" in verdict.detail


def test_a_judge_that_cannot_open_the_suite_is_one_line(cluster, box, rows):
    suite = open_suite(f"jsonl:{rows}", box)
    rows.unlink()
    with pytest.raises(EvaluationError, match="a judge does not start"):
        SpreadSuite(suite, f"jsonl:{rows}", num_judges=1)
