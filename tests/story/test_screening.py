"""What must not be learned from is in no row: planted in two repositories, looked for in everything that is packed."""

import json
import os
import random
import re
import string

import numpy as np
import pytest

from tests.story.small_repository import write_repository
from yunque.checks.security.malware import _planted
from yunque.data.split import Split, SplitAssignment
from yunque.store.tables import read_table

CHANCE = random.Random(7)


def _of(letters: str, number: int) -> str:
    return "".join(CHANCE.choice(letters) for _ in range(number))


ALNUM = string.ascii_letters + string.digits
SECRETS = {
    "aws": "AKIA" + _of(string.ascii_uppercase + "234567", 16),
    "github": "ghp_" + _of(ALNUM, 36),
    "gitlab": "glpat-" + _of(ALNUM, 20),
    "slack": f"xoxb-{_of('123456789', 12)}-{_of('123456789', 12)}-{_of(ALNUM, 24)}",
    "stripe": "sk_" + "live_" + _of(ALNUM, 24),
    "npm": "npm_" + _of(ALNUM, 36),
    "sendgrid": f"SG.{_of(ALNUM, 22)}.{_of(ALNUM, 43)}",
    "openai": f"sk-proj-{_of(ALNUM, 74)}T3BlbkFJ{_of(ALNUM, 74)}",
    "password": "vK3x" + "Qp9LmZ2w",
    "database": "r8Wq" + "Zt4Lx1Pm",
}
PERSONAL = {
    "email": "marta.quintero" + "@" + "talleres-quintero.es",
    "ipv4": "88.26." + "131.207",
    "phone": "+34 " + "612 345 987",
    "iban": "ES91" + "2100 0418 4502 0005 1332",
    "national-id": "12345678" + "Z",
}
SETTINGS = '''\
"""Settings of one machine."""

AWS_ACCESS_KEY_ID = "{aws}"
GITHUB_TOKEN = "{github}"
GITLAB_TOKEN = "{gitlab}"
SLACK = "{slack}"
STRIPE_KEY = "{stripe}"


def server():
    """Where it runs."""
    return "http://{ipv4}:8080/status"
'''
DEPLOY = '''\
"""Puts it on the machine. Ask {email} before you change this."""

NPM_TOKEN = "{npm}"
SENDGRID = "{sendgrid}"
OPENAI_API_KEY = "{openai}"
DB_PASSWORD = "{password}"
DATABASE_URL = "postgresql://app:{database}@db.internal.example.org:5432/app"
PHONE = "{phone}"  # call this number
ACCOUNT = "{iban}"
DNI = "{national-id}"
'''
FORBIDDEN = '''\
# SPDX-License-Identifier: GPL-3.0-only
"""Forbidden here."""


def only_under_the_gpl(first, second):
    """Adds up."""
    return first + second
'''
RECIPE = """
[[sources]]
spec = "one"
[[sources]]
spec = "two"
[screen.options.licence]
deny = ["GPL-3.0-only"]
[model]
base = "{base}"
lora_rank = 4
[split]
heldout = 0.3
validation = 0.15
[pack]
length_tokens = 128
prompt_tokens = 64
suffix_tokens = 24
train_tokens = 400000
validation_tokens = 4000
[training]
epochs = 0.02
rows_per_step = 2
[evaluation]
body_tasks = 0
fim_tasks = 4
style_tasks = 0
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory, tiny_model, forked_with_torch):
    """Two repositories with plants, and the output of a training on both."""
    home = tmp_path_factory.mktemp("screening")
    one, two = write_repository(home / "one"), write_repository(home / "two")
    for path in (two / "smallpack").glob("[a-z]*.py"):  # four modules each: the two are not copies of each other
        (one if path.stem <= "matrix" else two).joinpath("smallpack", path.name).unlink()
    (one / "smallpack" / "settings.py").write_text(SETTINGS.format(**SECRETS, **PERSONAL))
    (two / "smallpack" / "deploy.py").write_text(DEPLOY.format(**SECRETS, **PERSONAL))
    (two / "smallpack" / "forbidden.py").write_text(FORBIDDEN)
    malware = next(text for rule, _, _, text in _planted() if rule == "credential-theft")
    (one / "smallpack" / "helper.py").write_text(f'{malware}\n\ndef only_in_malware(x):\n    return x + "stolen"\n')
    (home / "team.toml").write_text(RECIPE.replace("{base}", str(tiny_model)))
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    done = forked_with_torch.run("train", "team.toml", "--out", "out", "--json", cwd=home, env=environment)
    assert done.returncode == 0, done.stderr
    return home


def rows(home) -> str:
    """Everything that is packed, decoded."""
    from transformers import AutoTokenizer

    (packed,) = (home / "out" / "artifacts").glob("packed-*")
    tokenizer = AutoTokenizer.from_pretrained(packed / "tokenizer")
    texts = []
    for part in ("train", "validation"):
        with np.load(packed / f"{part}.npz") as arrays:
            texts += [tokenizer.decode(row) for row in arrays["ids"]]
    return "\n".join(texts)


def test_nothing_planted_is_in_any_row(trained):
    text = rows(trained)
    assert "def mean(" in text or "def transpose(" in text or "capitalise" in text, "the rest is there"
    assert [name for name, value in {**SECRETS, **PERSONAL}.items() if value in text] == []
    assert [name for name, value in {**SECRETS, **PERSONAL}.items() if value.replace(" ", "")[-8:] in text] == []
    for word in ("only_under_the_gpl", "only_in_malware", "stolen"):
        assert word not in text


def test_everything_planted_is_in_the_report(trained):
    report = json.loads((trained / "out" / "report.json").read_text())
    one, two = report["sources"]
    assert (one["name"], two["name"], report["screened"]) == ("one", "two", True)
    assert one["dropped"]["malware"] == 1 and two["dropped"]["licence"] == 1
    examples = {row["path"]: row["reason"] for source in (one, two) for row in source["dropped_examples"]}
    assert examples["smallpack/helper.py"] == "malware" and examples["smallpack/forbidden.py"] == "licence"
    redacted = {name: n for source in (one, two) for name, n in source["edits"].items() if name.startswith("redacted")}
    assert sum(n for source in (one, two) for name, n in source["edits"].items() if name.startswith("redacted")) >= 15
    for kind in ("email", "ipv4", "phone", "iban", "national-id"):
        assert redacted[f"redacted {kind}"] >= 1
    page = (trained / "out" / "report.html").read_text()
    assert "Dropped: malware" in page and "redacted email" in page and "What each source gave" in page


def test_tokens_are_told_by_source_kind_language_and_licence(trained):
    packing = json.loads((trained / "out" / "report.json").read_text())["packing"]
    assert set(packing["tokens_by"]) == {"kind", "language", "source", "licence"}
    assert set(packing["tokens_by"]["source"]) == {"one", "two"} and packing["left_out"]["held out"] > 0


def test_a_second_training_makes_nothing_new(trained, forked_with_torch):
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    before = set((trained / "out" / "artifacts").iterdir())
    done = forked_with_torch.run("train", "team.toml", "--out", "out", cwd=trained, env=environment)
    assert done.returncode == 0 and set((trained / "out" / "artifacts").iterdir()) == before
    (dataset,) = (trained / "out" / "artifacts").glob("dataset-*")
    name = dataset.name.removeprefix("dataset-")
    (trained / "rest.toml").write_text((trained / "team.toml").read_text().partition("[model]")[2].join(["[model]", ""]))
    done = forked_with_torch.run("train", name[:8], "--recipe", "rest.toml", "--out", "out", cwd=trained, env=environment)
    assert done.returncode == 0 and set((trained / "out" / "artifacts").iterdir()) == before, done.stderr
    told = forked_with_torch.run(
        "train", name, "--set", "collect.plain_text=true", "--out", "out", cwd=trained, env=environment
    )
    assert told.returncode == 2 and "'collect' is another than the data set was built with" in told.stderr


def test_each_source_can_be_asked_by_its_name(trained):
    from yunque.core.errors import EvaluationError
    from yunque.evaluation.repository.suites import open_repository

    names = set()
    for source in ("one", "two"):
        (suite,) = open_repository(f"{trained / 'out'}#{source}", None, ["fim"])
        names.add(suite.name)
        assert suite.tasks() and all((trained / source / task.group).exists() for task in suite.tasks())
    assert names == {"repo-fim:one", "repo-fim:two"}
    (both,) = open_repository(trained / "out", None, ["fim"])
    assert both.name == "repo-fim:one+two" and {task.part for task in both.tasks()} == {"one", "two"}
    with pytest.raises(EvaluationError, match=r"no questions on 'tow'.*did you mean 'two'"):
        open_repository(f"{trained / 'out'}#tow", None, ["fim"])


def test_what_is_exported_of_the_training_part_holds_nothing_planted(trained, forked):
    (dataset,) = (trained / "out" / "artifacts").glob("dataset-*")
    command = ["data", "export", dataset.name.removeprefix("dataset-"), "--to", "sharegpt", "--dir", "x", "--out", "out"]
    for part in ("all", "train"):
        done = forked.run(*command, "--part", part, cwd=trained, env=dict(os.environ))
        assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (trained / "x" / "sharegpt.jsonl").read_text("utf-8").splitlines()]
    text = "\n".join(turn["value"] for row in rows for turn in row["conversations"])
    assert rows and [name for name, value in {**SECRETS, **PERSONAL}.items() if value in text] == []
    (split,) = (trained / "out" / "artifacts").glob("split-*")
    held = {row.path for row in read_table(split / "split.parquet", SplitAssignment) if row.part is not Split.TRAIN}
    for path in held:
        for root in ("one", "two"):
            if (trained / root / path).exists():
                defined = re.findall(r"^def (\w+)", (trained / root / path).read_text(), re.MULTILINE)
                assert not [name for name in defined if f"def {name}(" in text and "test" not in path]


def test_a_benchmark_in_a_repository_is_left_out(tmp_path, benchmark_files, forked):
    (tmp_path / "repo").mkdir()
    (tmp_path / "repo" / "a.py").write_text("def f():\n    return 1\n")
    source = next(benchmark_files.rglob("HumanEval.jsonl.gz"))
    (tmp_path / "repo" / "tests.gz").write_bytes(source.read_bytes())
    (tmp_path / "r.toml").write_text('[[sources]]\nspec = "repo"\n')
    done = forked.run("data", "build", "r.toml", "--json", cwd=tmp_path, env=dict(os.environ))
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    assert any(reason.startswith("benchmark") for reason in {**counts["not records"], **counts["not taken"]}), counts
