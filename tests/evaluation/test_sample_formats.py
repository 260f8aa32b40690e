"""Completions made elsewhere: every layout as its harness leaves it, and what is wrong with one in one line."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest

from yunque.core.errors import EvaluationError
from yunque.core.nouns import Limits, Outcome, PromptStyle
from yunque.evaluation.aggregate import pass_at_k
from yunque.evaluation.sample_formats import read_samples
from yunque.evaluation.suites.humaneval_mbpp import humaneval, infilling

PREFIX, CHAT, FIM, WHOLE = PromptStyle.PREFIX, PromptStyle.CHAT, PromptStyle.FIM, PromptStyle.PROGRAM
IDS = ("HumanEval/0", "HumanEval/1", "HumanEval/2")
PROGRAM = "def f(x):\n    return x\n"


def lines(path: Path, *rows: object) -> Path:
    text = "".join(json.dumps(row) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def files(root: Path, *names: str, text: str = PROGRAM) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{text}# {name}\n")
    return root


def task(name: str = "HumanEval_0_f", language: str = "lua", completions: object = ("  return 1\nend",), **more) -> dict:
    return {"name": name, "language": language, "prompt": "local function f()\n", "completions": completions, **more}


def refused(path: Path, ids=IDS) -> str:
    with pytest.raises(EvaluationError) as error:
        read_samples(path, ids)
    line = error.value.line()
    assert "\n" not in line and line.startswith(str(path))
    return line


# -------------------------------------------------------------------------------------------------------------- JSON lines
@pytest.mark.parametrize("name", ["samples.jsonl", "samples.jsonl.gz", "samples.txt", "samples.json"])
def test_human_eval(tmp_path, name):
    path = lines(
        tmp_path / name, *({"task_id": f"HumanEval/{n}", "completion": f"  {n}\n", "passed": True} for n in (1, 0, 1))
    )
    found = read_samples(path)
    assert found.pairs == [(f"HumanEval/{n}", f"  {n}\n", PREFIX) for n in (1, 0, 1)]
    assert found.layout == "human-eval"


def test_evalplus_lines_are_whole_programs_and_the_solution_wins(tmp_path):
    path = lines(
        tmp_path / "s.jsonl",
        {"task_id": "Mbpp/2", "solution": PROGRAM},
        {**{"task_id": "Mbpp/3"}, "completion": "x", "solution": ""},
    )
    found = read_samples(path)
    assert found.pairs == [("Mbpp/2", PROGRAM, WHOLE), ("Mbpp/3", "", WHOLE)]
    assert found.layout == "evalplus"
    (one,) = read_samples(lines(tmp_path / "c.jsonl", {"task_id": "Mbpp/2", "completion": "x"})).samples
    assert one.style is PREFIX


def test_line_ends_empty_lines_and_a_byte_order_mark_do_not_matter(tmp_path):
    path = tmp_path / "s.jsonl"
    path.write_bytes(
        b'\xef\xbb\xbf{"task_id": "T/0", "completion": "a\xe2\x80\xa8b\\n"}\r\n\r\n{"task_id": "T/0", "completion": "c"}'
    )
    assert read_samples(path).pairs == [("T/0", "a\u2028b\n", PREFIX), ("T/0", "c", PREFIX)]


def test_numbers_as_mbpp_has_them(tmp_path):
    path = lines(tmp_path / "s.jsonl", {"task_id": 11, "completion": "x"})
    assert read_samples(path, ["Mbpp/11", "Mbpp/12"]).pairs == [("Mbpp/11", "x", PREFIX)]
    assert read_samples(path).pairs == [("11", "x", PREFIX)]


def test_half_a_character_can_be_stored(tmp_path):
    path = tmp_path / "s.jsonl"
    path.write_text(r'{"task_id": "T/0", "completion": "\ud83d \ud83d\ude00"}')
    assert read_samples(path).pairs == [("T/0", "\ufffd \U0001f600", PREFIX)]


def test_our_own_file_and_its_folder(tmp_path):
    rows = [
        {"task_id": "T/0", "sample": 0, "style": "prefix", "text": "a", "outcome": "pass"},
        {"task_id": "T/0", "sample": 1, "style": "chat", "text": "b", "outcome": "fail"},
        {"task_id": "T/1", "sample": 0, "style": "fim", "text": "c", "outcome": "fail"},
    ]
    path = lines(tmp_path / "samples.jsonl", *rows)
    (tmp_path / "manifest.json").write_text("{}")
    expected = [("T/0", "a", PREFIX), ("T/0", "b", CHAT), ("T/1", "c", FIM)]
    for found in (read_samples(path), read_samples(tmp_path)):
        assert (found.pairs, found.layout) == (expected, "yunque")
    assert "lines 1 and 4 are both sample 0 of T/0" in refused(lines(path, *rows, rows[0]))
    assert "line 1: no style is called 'loud'" in refused(lines(path, {**rows[0], "style": "loud"}))
    assert "line 1 has a text, but no number" in refused(lines(path, {"task_id": "T/0", "text": "a"}))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "holds no samples"),
        ("\n \n", "holds no samples"),
        ('{"task_id": "T/0", "completion": "x"}\n{"task_id": "T/1", "compl', "line 2 is not JSON, or was cut"),
        ('{"completion": "x"}', "line 1 has no task_id"),
        ('{"task_id": "", "completion": "x"}', "line 1 has no task_id"),
        ('{"task_id": true, "completion": "x"}', "line 1 has no task_id"),
        ('{"task_id": "T/0"}', "line 1 has no completion and no solution"),
        ('\n{"task_id": "T/0", "completion": null}', "line 2: its completion is not a text"),
        ('{"task_id": "T/0", "solution": ["x"]}', "line 1: its solution is not a text"),
        ('["T/0", "x"]', "line 1 is not a JSON object"),
        (
            '{"task_id": "T/0", "completion": "x"}\n\n{"task_id": "T/1", "solution": "y"}',
            "line 3 is evalplus's, line 1 human-eval's",
        ),
        ("[" * 100_000, "is nested too deeply"),
    ],
)
def test_bad_lines_are_named(tmp_path, text, says):
    (tmp_path / "s.jsonl").write_text(text)
    assert says in refused(tmp_path / "s.jsonl")


def test_bytes_that_are_no_text_are_named(tmp_path):
    whole = gzip.compress(b'{"task_id": "T/0", "completion": "x"}\n' * 50)
    for name, data, says in (
        ("a.jsonl", b"\xff\xfe{", "is not UTF-8 at byte 0"),
        ("b.jsonl.gz", whole[:-12], "is cut or broken"),
        ("c.jsonl.gz", whole[:10] + b"\xff" * 30, "is cut or broken"),
        ("d.jsonl.gz", b"plain", "cannot be read"),
    ):
        (tmp_path / name).write_bytes(data)
        assert says in refused(tmp_path / name)
    assert "cannot be read (No such file" in refused(tmp_path / "nope.jsonl")


# ----------------------------------------------------------------------------------------------------------- evalplus folder
@pytest.mark.parametrize("ids", [(), IDS])
def test_an_evalplus_folder_in_both_spellings(tmp_path, ids):
    names = ("HumanEval_0/10.py", "HumanEval_0/2.py", "HumanEval/1/0.py", "HumanEval_2/0.py")
    found = read_samples(files(tmp_path, *names), ids)
    order = ("HumanEval_0/2.py", "HumanEval_0/10.py", "HumanEval/1/0.py", "HumanEval_2/0.py")
    ids = ("HumanEval/0", "HumanEval/0", "HumanEval/1", "HumanEval/2")
    assert found.pairs == [(task_id, f"{PROGRAM}# {name}\n", WHOLE) for task_id, name in zip(ids, order, strict=True)]
    assert found.layout == "evalplus"


def test_tasks_of_an_evalplus_folder_come_in_the_order_of_the_suite(tmp_path):
    root = files(tmp_path, *(f"HumanEval_{n}/0.py" for n in (10, 9, 100)))
    assert [one.task_id for one in read_samples(root).samples] == ["HumanEval/9", "HumanEval/10", "HumanEval/100"]
    ids = ("HumanEval/100", "HumanEval/9", "HumanEval/10")
    assert [one.task_id for one in read_samples(root, ids).samples] == list(ids)


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (("HumanEval_0/0.py", "HumanEval/0/0.py"), "is sample 0 of HumanEval/0, as "),
        (("HumanEval_0/1.py", "HumanEval_0/01.py"), "is sample 1 of HumanEval/0, as "),
        (("HumanEval_0/first.py",), "is not called after its sample"),
        (("HumanEval_0/0.py", "HumanEval_1_f.json"), "mixes layouts: HumanEval_1_f.json is multipl-e's"),
        (("notes.txt",), "holds no samples"),
    ],
)
def test_a_bad_folder_is_named(tmp_path, names, says):
    assert says in refused_below(files(tmp_path, *names))


def refused_below(path: Path) -> str:
    with pytest.raises(EvaluationError) as error:
        read_samples(path, IDS)
    line = error.value.line()
    assert "\n" not in line and line.startswith(str(path))
    return line


# ---------------------------------------------------------------------------------------------------------------- MultiPL-E
def test_a_multipl_e_folder_without_its_results(tmp_path):
    (tmp_path / "HumanEval_1_g.json").write_text(json.dumps(task("HumanEval_1_g", completions=["c", ""], tests="…")))
    (tmp_path / "HumanEval_0_f.json.gz").write_bytes(gzip.compress(json.dumps(task()).encode()))
    (tmp_path / "HumanEval_2_h.json.yaml").write_text(
        "name: HumanEval_2_h\nlanguage: lua\nprompt: |\n  x\ncompletions: [y]\n"
    )
    for name in ("a.results.json", "b.results.json.gz", "c.results.yaml", "d.results.json.yaml"):
        (tmp_path / name).write_text("not even JSON")
    found = read_samples(tmp_path)
    assert found.pairs == [
        ("HumanEval_0_f", "  return 1\nend", PREFIX),
        ("HumanEval_1_g", "c", PREFIX),
        ("HumanEval_1_g", "", PREFIX),
        ("HumanEval_2_h", "y", PREFIX),
    ]
    assert (found.layout, found.language) == ("multipl-e", "lua")
    assert read_samples(tmp_path / "HumanEval_1_g.json").pairs == found.pairs[1:3]


def test_python_tasks_of_multipl_e_are_found_by_their_number(tmp_path):
    (tmp_path / "one.json").write_text(json.dumps(task("HumanEval_12_longest", "py")))
    assert read_samples(tmp_path, ["Python/1", "Python/12"]).samples[0].task_id == "Python/12"
    assert read_samples(tmp_path, ["HumanEval_12_longest"]).samples[0].task_id == "HumanEval_12_longest"
    assert read_samples(tmp_path, ["Python/1"]).samples[0].task_id == "HumanEval_12_longest"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ('{"name": "x", "langu', "is not JSON, or was cut"),
        (json.dumps({**task(), "name": 1}), "has no name"),
        (json.dumps({**task(), "language": None}), "has no language"),
        (json.dumps({"name": "x", "language": "lua"}), "has no prompt"),
        (json.dumps(task(completions="x")), "has no list of completions"),
        (json.dumps(task(completions=["x", 1])), "has no list of completions"),
        ("3", "is not a task with completions"),
    ],
)
def test_a_bad_task_is_named(tmp_path, text, says):
    path = tmp_path / "HumanEval_0_f.json"
    path.write_text(text)
    assert says in refused_below(tmp_path) and str(path) in refused_below(tmp_path)


def test_two_languages_or_a_task_twice_are_named(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(task()))
    (tmp_path / "b.json").write_text(json.dumps(task("HumanEval_1_g", "php")))
    assert "b.json: is in php, a.json in lua" in refused_below(tmp_path)
    (tmp_path / "b.json").write_text(json.dumps(task()))
    assert "b.json: is HumanEval_0_f, as a.json is" in refused_below(tmp_path)
    (tmp_path / "b.json").unlink()
    (tmp_path / "a.json").write_text(json.dumps(task(completions=[])))
    assert "holds no samples" in refused_below(tmp_path)
    (tmp_path / "a.json").unlink()
    (tmp_path / "a.yaml").write_text("name: [unclosed\n")
    assert "is not YAML, or was cut" in refused_below(tmp_path)


# ------------------------------------------------------------------------------------------------------------------- BigCode
def test_bigcode_lists_in_the_order_of_the_suite(tmp_path):
    path = tmp_path / "generations.json"
    path.write_text(json.dumps([["a", "b"], [], ["c"]]))
    found = read_samples(path, IDS)
    assert found.pairs == [("HumanEval/0", "a", WHOLE), ("HumanEval/0", "b", WHOLE), ("HumanEval/2", "c", WHOLE)]
    assert found.layout == "bigcode"


@pytest.mark.parametrize(
    ("document", "ids", "says"),
    [
        ([["a"]], (), "is a list without task ids"),
        ([["a"]], IDS, "holds 1 lists for 3 tasks"),
        ([["a"], "b", ["c"]], IDS, "entry 2 is not a list of texts"),
        ([["a"], ["b", None], ["c"]], IDS, "entry 2 is not a list of texts"),
        ([{"task_id": "x", "completion": "y"}], IDS, "is a list of objects"),
        ([[], [], []], IDS, "holds no samples"),
        ([], IDS, "holds 0 lists for 3 tasks"),
        ("x", IDS, "is neither a list of lists nor a task"),
    ],
)
def test_bad_lists_are_named(tmp_path, document, ids, says):
    path = tmp_path / "generations.json"
    path.write_text(json.dumps(document))
    assert says in refused(path, ids)


# ------------------------------------------------------------------------------------------ what the harnesses say of theirs
def num_right(suite, found) -> int:
    suite = replace(suite, limits=Limits(wall_s=1, cpu_s=1))  # some samples never end
    by_id = {task.id: task for task in suite.tasks()}
    return sum(suite.judge(by_id[task_id], text, style).outcome is Outcome.PASS for task_id, text, style in found.pairs)


def problem(files: Path, name: str, root: Path, file: str) -> Path:
    """The example problem of a harness as the whole of its benchmark."""
    (root / name).mkdir()
    text = (files / name / "example_problem.jsonl").read_bytes()
    (root / name / file).write_bytes(gzip.compress(text))
    return root


def test_the_example_of_human_eval_gives_one_half(box, tmp_path, benchmark_files):
    suite = humaneval(problem(benchmark_files, "humaneval", tmp_path, "HumanEval.jsonl.gz"), box)
    found = read_samples(benchmark_files / "humaneval/example_samples.jsonl", [one.id for one in suite.tasks()])
    assert (len(found.samples), found.layout) == (6, "human-eval")
    assert pass_at_k(6, num_right(suite, found), 1) == 0.5


def test_the_example_of_infilling_gives_three_in_ten(box, tmp_path, benchmark_files):
    suite = infilling(
        problem(benchmark_files, "humaneval-infilling", tmp_path, "HumanEval-SingleLineInfilling.jsonl.gz"),
        "SingleLine",
        box,
    )
    found = read_samples(benchmark_files / "humaneval-infilling/example_samples.jsonl")
    assert len(found.samples) == 10
    right = num_right(suite, found)
    assert pass_at_k(10, right, 1) == pytest.approx(0.3)
    assert pass_at_k(10, right, 10) == 1.0


def test_whole_programs_pass_in_the_style_that_they_are_given(box, tmp_path, benchmark_files):
    suite = humaneval(benchmark_files, box)
    tasks = suite.tasks()[:3]
    programs = [task.prompt + suite.canonical(task) for task in tasks]
    root = tmp_path / "evalplus"
    for task, text in zip(tasks, programs, strict=True):
        (root / task.id.replace("/", "_")).mkdir(parents=True)
        (root / task.id.replace("/", "_") / "0.py").write_text(text)
        (root / task.id.replace("/", "_") / "1.py").write_text(task.prompt + suite.wrong(task))
    for one in read_samples(root).samples:
        task = next(task for task in tasks if task.id == one.task_id)
        right = suite.judge(task, one.text, one.style).outcome
        assert right is (Outcome.PASS if one.text in programs else Outcome.FAIL)


# ---------------------------------------------------------------------------------- end tokens, fences, byte order marks
BODY = "    return x\n"
ENDS = [
    "<|endoftext|>",
    "<|im_end|>",
    "<|eot_id|>",
    "</s>",
    "<eos>",
    "<end_of_turn>",
    "<|EOT|>",
    "<|end|>",
    "<｜end▁of▁sentence｜>",
]


@pytest.mark.parametrize("key", ["completion", "solution"])
@pytest.mark.parametrize("end", [*ENDS, "<|endoftext|>more <|endoftext|>", "<|", "<|endof", "</s"])
def test_end_tokens_are_cut_and_told(tmp_path, key, end):
    rows = [{"task_id": IDS[0], key: f"{BODY}{end}"}, {"task_id": IDS[1], key: BODY}]
    found = read_samples(lines(tmp_path / "a.jsonl", *rows))
    assert [one.text for one in found.samples] == [BODY, BODY]
    assert found.notes == ("1 of 2 answers hold an end token: cut there",)


@pytest.mark.parametrize(
    "text", ["    return a < b", "    return a<e", "    return '<s>'", "    return x <b", "    return x|y"]
)
def test_what_only_looks_like_an_end_token_stays(tmp_path, text):
    found = read_samples(lines(tmp_path / "a.jsonl", {"task_id": IDS[0], "completion": text}))
    assert found.samples[0].text == text and not found.notes


@pytest.mark.parametrize("key", ["completion", "solution"])
def test_fenced_answers_are_chat_answers_unless_a_style_is_asked_for(tmp_path, key):
    rows = [{"task_id": IDS[0], key: f"Here:\n```python\n{PROGRAM}```\n"}, {"task_id": IDS[1], key: BODY}]
    path = lines(tmp_path / "a.jsonl", *rows)
    plain = WHOLE if key == "solution" else PREFIX
    found = read_samples(path)
    assert [one.style for one in found.samples] == [CHAT, plain] and "1 of 2 answers hold a fenced block" in found.notes[0]
    for style in (CHAT, PREFIX):
        found = read_samples(path, style=style)
        assert {one.style for one in found.samples} == {style} and not found.notes
    ticks = {"task_id": IDS[0], key: "    return '```'\n"}
    assert read_samples(lines(tmp_path / "b.jsonl", ticks)).samples[0].style is plain


def test_a_byte_order_mark_is_no_part_of_an_answer(tmp_path):
    rows = [{"task_id": IDS[0], "solution": f"\ufeff{PROGRAM}"}]
    assert read_samples(lines(tmp_path / "a.jsonl", *rows)).samples[0].text == PROGRAM
