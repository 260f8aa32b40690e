"""`yunque eval --samples`, `compare`, `suites`: what a person sees, and errors in one line."""

import gzip
import json
from functools import partial

import pytest

ROWS = [
    {
        "task_id": f"T/{n}",
        "prompt": f"def f{n}(x):\n",
        "canonical_solution": f"    return x + {n}\n",
        "entry_point": f"f{n}",
        "test": f"def check(candidate):\n    assert candidate(2) == {2 + n}\n",
    }
    for n in range(8)
]


pytestmark = pytest.mark.usefixtures("box")


@pytest.fixture
def yunque(tmp_path, monkeypatch, forked):
    """Run a verb in an empty folder, with a benchmark of eight tasks."""
    folder = tmp_path / "benchmarks" / "humaneval"
    folder.mkdir(parents=True)
    with gzip.open(folder / "HumanEval.jsonl.gz", "wt") as file:
        file.write("".join(json.dumps(row) + "\n" for row in ROWS))
    monkeypatch.setenv("YUNQUE_BENCHMARKS", str(folder.parent))

    return partial(forked.run, cwd=tmp_path)


def samples(path, right):
    lines = [
        {"task_id": row["task_id"], "completion": row["canonical_solution"] if n < right else "    return None\n"}
        for n, row in enumerate(ROWS)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_completions_made_elsewhere_are_judged_and_compared(yunque, tmp_path):
    ids = []
    for name, right in (("few", 1), ("all", 8)):
        done = yunque("eval", "--samples", samples(tmp_path / f"{name}.jsonl", right), "--suite", "humaneval", "--json")
        (found,) = json.loads(done.stdout)
        measures = {one["name"]: one for one in found["measures"]}
        assert (found["suite"], measures["pass@1"]["value"], measures["pass@1"]["n"]) == ("humaneval", right / 8, 8)
        assert (measures["ceiling"]["value"], measures["wrong answers that pass"]["value"]) == (1.0, 0.0)
        ids.append(found["id"])
    done = yunque("compare", *ids).stdout.splitlines()
    assert [line.split()[:2] for line in done[:2]] == [["first:", ids[0][:8]], ["second:", ids[1][:8]]]
    assert "few.jsonl" in done[0] and "all.jsonl" in done[1]
    assert done[2] == "humaneval: better; pass@1: 12.5 % and 100.0 %, difference +87.5 points [+62.5, +100.0], n = 8 tasks"
    assert any("edit similarity" in line for line in done)
    assert done[-2:] == [f"gained 7: {', '.join(f'T/{number}' for number in range(1, 8))}", "as before: 1 tasks"]
    worse = yunque("compare", ids[1], ids[0]).stdout.splitlines()
    assert worse[2].startswith("humaneval: worse;") and worse[-2].startswith("lost 7: T/1, ")
    told = json.loads(yunque("compare", *ids, "--json").stdout)
    assert (
        told["measures"][0]["verdict"] == "better" and len(told["gained"]) == 7 and told["lost"] == [] and told["same"] == 1
    )
    same = yunque("compare", ids[0], ids[0]).stdout.splitlines()
    assert same[2].startswith("identical: pass@1 12.5 %, ") and same[3:] == ["as before: 8 tasks"]
    again = yunque("eval", "--samples", tmp_path / "all.jsonl", "--suite", "humaneval").stdout.splitlines()
    assert again[:3] == ["report  yunque-out/eval.html", "humaneval", "  pass@1 100.0 % [67.6, 100.0], n = 8"]
    assert again[-1] == ids[1]
    pages = {path.name for path in (tmp_path / "yunque-out").glob("*.html")}
    assert pages == {"eval.html", *(f"eval-{one}.html" for one in ids)}
    assert "all.jsonl against few.jsonl" in (tmp_path / "yunque-out" / "eval.html").read_text()


@pytest.mark.parametrize(
    ("options", "value", "n", "says"),
    [
        (("--missing", "leave-out"), 1.0, 3, "5 of 8 tasks have no answer: left out"),
        (("--missing", "fail"), 0.375, 8, "5 of 8 tasks have no answer: failed"),
        ((), 0.375, 8, "5 of 8 tasks have no answer: failed (--missing leave-out judges the others alone)"),
        (("--limit", "3"), 1.0, 3, ""),
    ],
)
def test_answers_to_a_part_of_a_suite(yunque, tmp_path, options, value, n, says):
    path = samples(tmp_path / "part.jsonl", 8)
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:3]))
    refused = yunque("eval", "--samples", path, "--suite", "humaneval", "--missing", "refuse")
    assert refused.returncode == 2 and "5 of 8 tasks of humaneval have no answer, such as T/3" in refused.stderr
    done = yunque("eval", "--samples", path, "--suite", "humaneval", "--json", *options)
    (found,) = json.loads(done.stdout)
    measures = {one["name"]: one for one in found["measures"]}
    assert (measures["pass@1"]["value"], measures["pass@1"]["n"], measures["ceiling"]["n"]) == (value, n, 3)
    assert says in done.stderr and found["failures"] == ({"missing": 5} if n == 8 else {})


def test_other_tests_are_another_run(yunque, tmp_path):
    row = {"id": "a", "prompt": "def f():\n", "canonical": "    return 1\n", "tests": "assert f() == 1"}
    path = tmp_path / "given.jsonl"
    path.write_text('{"task_id": "a", "completion": "    return 1\\n"}\n')
    for number, value in ((1, 1.0), (2, 0.0)):
        (tmp_path / "own.jsonl").write_text(json.dumps(row | {"tests": f"assert f() == {number}"}) + "\n")
        done = yunque("eval", "--samples", path, "--suite", "jsonl:own.jsonl", "--json", "--no-ceiling")
        measures = {one["name"]: one["value"] for one in json.loads(done.stdout)[0]["measures"]}
        assert measures["pass@1"] == value


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("eval",), "no model and no --samples"),
        (("eval", "--samples", "nope.jsonl"), "nope.jsonl: cannot be read"),
        (("eval", "--samples", "bad.jsonl"), "bad.jsonl: line 1"),
        (("eval", "--samples", "empty.jsonl"), "empty.jsonl: holds no samples"),
        (("eval", "--samples", "other.jsonl", "--suite", "humaneval"), "1 answers to tasks that humaneval does not have"),
        (("eval", "smollm2", "--style", "caht"), "no style named 'caht'; did you mean 'chat'?"),
        (("eval", "smollm2", "--metrics", "lints"), "no metric named 'lints'; did you mean 'lint'?"),
        (("eval", "smollm2", "--trained-on", "mbpp"), "no training data named 'mbpp'; did you mean 'mbpp-train'?"),
        (("eval", "smollm2", "--engine", "spark"), "no engine named 'spark'; known: local, ray"),
        (("eval", "smollm2", "--suites", "jsonl:nope.jsonl"), "nope.jsonl"),
        (("eval", "--samples", "other.jsonl", "--suites", "humanval"), "did you mean 'humaneval'?"),
        (("compare", "a", "b"), "no artifacts here"),
    ],
)
def test_what_a_user_can_mend_is_one_line(yunque, tmp_path, arguments, says):
    (tmp_path / "bad.jsonl").write_text("{}\n")
    (tmp_path / "empty.jsonl").write_text("\n")
    (tmp_path / "other.jsonl").write_text('{"task_id": "X/1", "completion": ""}\n')
    done = yunque(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("yunque: ")]
    assert says in line


def test_suites_are_listed(yunque):
    names = [line.split()[0] for line in yunque("suites").stdout.splitlines()]
    assert {"humaneval", "mbpp-plus", "multipl-e-lua"} <= set(names) and names == sorted(names)
    rows = json.loads(yunque("suites", "--json").stdout)
    assert [row["suite"] for row in rows] == names
    assert ("humaneval", 164, "humaneval") in [(row["suite"], row["tasks"], row["benchmark"]) for row in rows]
