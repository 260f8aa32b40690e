"""`yunque data`: built once, counts that add up, only what is new is touched, and rows that people can read."""

import json
import re
import subprocess
import textwrap
import tomllib
from collections import Counter
from pathlib import Path

import pytest
from pydantic import ValidationError

from yunque.cli.views.datasets import as_plain, as_text, difference_lines, summary
from yunque.core.errors import RecipeError, StoreError
from yunque.core.nouns import Record
from yunque.core.progress import silent
from yunque.data.contents import TABLES, Wanted, compare_datasets, count_of, origins_of, page, rows_of
from yunque.data.sides import pairs_to_export
from yunque.pipelines.dataset import DataBuild
from yunque.pipelines.recipes import DataRecipe, load_recipe
from yunque.reports.data_card import data_card, data_facts

ROOT = Path(__file__).parents[3]
FILES = {
    "a.py": 'import os\n\n\ndef add(a, b):\n    """The sum."""\n    return a + b\n',
    "bad.py": "def f(:\n",
    "hash.py": "import hashlib\n\n\ndef h(x):\n    return hashlib.md5(x).digest()\n",
    "space.js": "function f(a) {   \n  return a;\n}\n",
    "notes.md": "# Notes\n\nSome words.\n",
    "data.json": "{}",
}
RULES = [{"check": "syntax"}, {"check": "insecure-patterns", "finding": "py-weak-hash", "action": "negative"}]


@pytest.fixture
def folder(tmp_path):
    for name, text in FILES.items():
        (tmp_path / "src" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "src" / name).write_text(text)
    return tmp_path


def build(folder, workers=1, sources=("src",), specs=None, **changes):
    recipe = {
        "sources": specs or [{"spec": str(folder / one)} for one in sources],
        "screen": {"rules": RULES},
        "collect": {"plain_text": True},
        "duplicates": {"action": "off"},
        "pairs": {"fim": False, "continuation": False},
    } | changes
    said = []
    run = DataBuild(
        recipe=DataRecipe.model_validate(recipe), out=folder / "out", workers=workers, progress=silent, say=said.append
    )
    return run.store, run.run(), [line.split()[0] for line in said if "already there" not in line]


def paths(store, dataset, what="kept"):
    found = set()
    for row in rows_of(store, dataset, Wanted(what=what)):
        record = getattr(row, "record", row)
        found.add(record.origin.path if isinstance(record, Record) else record.path)
    return found


SECRET = "vK3x" + "Qp9LmZ2w"


def test_a_value_found_in_one_source_is_redacted_in_all(folder):
    (folder / "src" / "settings.py").write_text(f'DB_PASSWORD = "{SECRET}"\n')
    (folder / "other").mkdir()
    (folder / "other" / "notes.py").write_text(f'"""Log in with {SECRET}."""\nx = 1\n')
    store, dataset, _ = build(folder, sources=("src", "other"), workers=2)
    kept = {row.origin.path: row.text for row in rows_of(store, dataset, Wanted(what="kept"))}
    assert SECRET not in "".join(kept.values()) and dataset.counts["edits"]["redacted assigned-secret"] == 2
    placeholder = kept["settings.py"].split('"')[1]
    assert f"Log in with {placeholder}." in kept["notes.py"]
    _, again, made = build(folder, sources=("src", "other"))
    assert again.id == dataset.id and made == []
    (folder / "src" / "settings.py").write_text("x = 1\n")
    _, _, made = build(folder, sources=("src", "other"))
    assert made.count("part") == 2, "what was found elsewhere belongs to the key of a part"


def test_a_team_names_its_salt_and_gets_one_data_set(folder, monkeypatch):
    monkeypatch.setenv("TEAM_SALT", "a secret of the team alone")
    (folder / "salt").write_text("a secret of the team alone\n")
    (folder / "src" / "settings.py").write_text(f'DB_PASSWORD = "{SECRET}"\n')
    ids = set()
    for number, salt in enumerate(("env:TEAM_SALT", f"file:{folder / 'salt'}", "", "")):
        recipe = DataRecipe.model_validate({"sources": [{"spec": str(folder / "src")}], "redact": {"salt": salt}})
        out = folder / f"out{number}"
        ids.add(DataBuild(recipe=recipe, out=out, workers=1, progress=silent, say=lambda line: None).run().id)
        assert (out / "redaction.salt").exists() == (not salt)
    assert len(ids) == 3, "two machines with the salt of the team, and two with their own"


@pytest.mark.parametrize(
    ("salt", "message"),
    [
        ("env:NO_SUCH", "fewer than 16"),
        ("hunter2", "not the salt itself"),
        ("file:/nowhere/salt", "no salt in"),
        ("env:SHORT", "fewer than 16"),
    ],
)
def test_a_salt_that_is_none_is_told(folder, monkeypatch, salt, message):
    monkeypatch.setenv("SHORT", "short")
    with pytest.raises((RecipeError, ValidationError), match=message):
        build(folder, redact={"salt": salt})


def test_everything_that_goes_in_is_kept_or_has_a_reason(folder):
    store, dataset, made = build(folder)
    counts = dataset.counts
    assert made == ["snapshot", "records", "tags", "values", "part", "dataset"]
    assert counts["in"] == 6 and counts["not records"] == {"not code": 1}
    assert counts["set aside"] == {"syntax": 1} and counts["negatives"] == {"insecure-patterns": 1} and counts["kept"] == 3
    assert counts["in"] == sum(counts[name] for name in ("kept",)) + 3
    assert counts["edits"] == {"F401": 1, "trailing-space": 1} and counts["pairs"] == {"body": 2}
    assert paths(store, dataset) == {"a.py", "space.js", "notes.md"}
    assert paths(store, dataset, "dropped") == {"bad.py", "data.json"} and paths(store, dataset, "negative") == {"hash.py"}
    kept = {row.origin.path: row.text for row in rows_of(store, dataset, Wanted())}
    assert kept["a.py"].startswith("\n\ndef add") or (kept["a.py"].startswith("def add") and "import os" not in kept["a.py"])
    assert kept["space.js"] == "function f(a) {\n  return a;\n}\n"
    assert any("set aside 1: syntax 1" in line for line in summary(counts))


def test_the_same_with_two_processes(folder):
    _, one, _ = build(folder)
    for path in (folder / "out" / "artifacts").iterdir():
        if not path.name.startswith("snapshot"):  # it says when it was taken
            path.rename(folder / path.name)
    _, two, made = build(folder, workers=2)
    assert one.id == two.id and one.counts == two.counts and made == ["records", "tags", "values", "part", "dataset"]
    (part,) = (folder / "out" / "artifacts").glob("part-*")
    for file in ("records.parquet", "pairs.parquet", "aside.parquet", "edits.parquet"):
        assert (part / file).read_bytes() == (folder / part.name / file).read_bytes(), file


def test_only_what_is_new_is_touched(folder, monkeypatch):
    build(folder)
    assert build(folder)[2] == [], "nothing is made twice"
    assert build(folder, screen={"rules": RULES[:1]})[2][-2:] == ["part", "dataset"]
    (folder / "more").mkdir()
    (folder / "more" / "c.py").write_text("x = 1\n")
    assert build(folder, sources=("src", "more"))[2] == ["snapshot", "records", "tags", "values", "part", "dataset"], (
        "of the new one"
    )

    from yunque.checks.syntax import Syntax

    asked, judge = Counter(), Syntax.judge

    def counting(self, record):
        asked[record.origin.path] += 1
        return judge(self, record)

    monkeypatch.setattr(Syntax, "judge", counting)
    (folder / "src" / "new.py").write_text("y = 2\n")
    assert build(folder)[2] == ["snapshot", "records", "tags", "values", "part", "dataset"]
    assert asked == {"new.py": 1}, "what a check said of a text it says once"


def test_how_two_differ(folder):
    store, first, _ = build(folder)
    (folder / "src" / "new.py").write_text("y = 2\n")
    (folder / "src" / "a.py").write_text("z = 3\n")
    (folder / "src" / "notes.md").unlink()
    _, second, _ = build(folder)
    found = compare_datasets(store, first, second)
    assert [path for _, path in found["came"]] == ["new.py"] and [path for _, path in found["went"]] == ["notes.md"]
    assert [path for _, path in found["changed"]] == ["a.py"] and found["same"] == 1
    told = "\n".join(difference_lines(found, 1))
    assert "edits, F401: 1 -> 0 (-1)" in told and "came: 1" in told
    assert compare_datasets(store, first, first)["came"] == []


def test_two_sources_of_one_name_are_refused(folder):
    (folder / "other" / "src").mkdir(parents=True)
    (folder / "other" / "src" / "b.py").write_text("x = 1\n")
    with pytest.raises(RecipeError, match="two sources are called 'src'"):
        build(folder, sources=("src", "other/src"))
    with pytest.raises(RecipeError, match="two sources are called 'src'"):
        build(folder, sources=("src", "src"))


def test_rows_for_people_and_for_programs(folder):
    store, dataset, _ = build(folder)
    pair = next(rows_of(store, dataset, Wanted(what="pairs", language="python")))
    assert "── answer\n    return a + b" in as_text(pair, full=False)
    assert as_text(pair, full=False, origins=origins_of(store, dataset, [pair])).startswith("── src  a.py  body  python")
    (bad,) = rows_of(store, dataset, Wanted(what="dropped", reason="syntax"))
    assert "── syntax: line 1" in as_text(bad, full=True) and "def f(:" in as_text(bad, full=True)
    assert [row.origin.path for row in rows_of(store, dataset, Wanted(language="javascript"))] == ["space.js"]
    assert [row.origin.path for row in rows_of(store, dataset, Wanted(path="*.md"))] == ["notes.md"]
    assert list(rows_of(store, dataset, Wanted(what="pairs", kind="fim"))) == []
    assert json.dumps(as_plain(bad))
    edits = [as_text(row, full=True) for row in rows_of(store, dataset, Wanted(what="edits"))]
    assert any("src  space.js  trailing-space 1" in edit for edit in edits)
    long = as_text(next(rows_of(store, dataset, Wanted())), full=False)
    assert "more lines" not in long
    (noted,) = rows_of(store, dataset, Wanted(what="dropped", reason="not code"))
    assert as_text(noted, full=False).startswith("── src  data.json  not code") and as_text(noted, full=False).endswith(
        "2 bytes"
    )
    with pytest.raises(RecipeError, match="did you mean 'kept'"):
        list(rows_of(store, dataset, Wanted(what="keptt")))
    with pytest.raises(StoreError, match="is not a data set"):
        list(rows_of(store, store.parents(dataset)[0], Wanted()))


def licence_example() -> dict:
    """The recipe that docs/data.md shows."""
    page = (ROOT / "docs" / "data.md").read_text("utf-8")
    (shown,) = re.findall(r"\n((?:    .*\n|\n)*    \[screen\.options\.licence\]\n(?:    .*\n)+)", page)
    return tomllib.loads(textwrap.dedent(shown))


def test_the_licence_policy_of_the_docs_decides(folder):
    heads = {"mit.py": "MIT", "mpl.py": "MPL-2.0", "lgpl.py": "LGPL-3.0-only", "gpl.py": "GPL-3.0-only"}
    for name, licence in heads.items():
        (folder / "src" / name).write_text(f"# SPDX-License-Identifier: {licence}\nx = {len(name)}\n")
    shown = licence_example()
    store, dataset, _ = build(folder, workers=2, screen=shown["screen"])
    assert {"mit.py", "mpl.py"} == paths(store, dataset) & {*heads} and not {"a.py", "hash.py"} & paths(store, dataset)
    screen = shown["screen"] | {
        "options": {"licence": {"allow": [*shown["screen"]["options"]["licence"]["allow"], "unknown"]}}
    }
    store, dataset, _ = build(folder, screen=screen)
    assert {"a.py", "hash.py", "mpl.py", "lgpl.py"} <= paths(store, dataset) and "gpl.py" not in paths(store, dataset)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"licence": {"denny": []}}, "'licence' has no option 'denny'.*did you mean 'deny'"),
        ({"licence": {"deny": ["MTI"]}}, "'MTI' is neither an SPDX id"),
        ({"licence": {"deny": 3}}, "'licence' cannot take these options"),
        ({"licences": {}}, "'licences' is not a check of this recipe.*did you mean 'licence'"),
    ],
)
def test_options_of_checks_that_are_none_are_told(folder, options, told):
    with pytest.raises(RecipeError) as caught:
        build(folder, screen={"rules": [{"check": "licence"}], "options": options})
    assert re.search(told, caught.value.line())


@pytest.mark.parametrize("recipe", ["data.toml", "data-screened.toml"])
def test_the_recipes_set_aside_what_is_put_together_from_values(folder, recipe):
    rules = load_recipe(ROOT / "recipes" / recipe, [], DataRecipe).screen.rules
    mine = [rule.model_dump() for rule in rules if rule.check == "insecure-patterns"]
    text = "def find(db, name):\n    return db.execute(\"select id from people where name = '%s'\" % name)\n"
    (folder / "src" / "query.py").write_text(text)
    store, dataset, _ = build(folder, screen={"rules": mine})
    assert "query.py" in paths(store, dataset, "negative")


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"what": "pairs", "kind": "boddy"}, "no kind 'boddy' among 'pairs'.*did you mean 'body'"),
        ({"language": "pyton"}, "no language 'pyton' among 'kept'.*did you mean 'python'"),
        ({"what": "dropped", "reason": "sintax"}, "no reason 'sintax'.*did you mean 'syntax'"),
        ({"what": "edits", "reason": "nothing"}, "no reason 'nothing'.*known: F401"),
        ({"what": "weights", "reason": "x"}, "'weights' has no reason"),
        ({"what": "kept", "kind": "body"}, "'kept' has no kind"),
    ],
)
def test_values_that_nothing_can_have_are_errors(folder, wanted, told):
    store, dataset, _ = build(folder)
    with pytest.raises(RecipeError) as caught:
        list(rows_of(store, dataset, Wanted(**wanted)))
    assert re.search(told, caught.value.line())


def test_pages_and_samples(folder):
    for number in range(30):
        (folder / "src" / f"m{number:02}.py").write_text(f"x = {number}\n")
    store, dataset, _ = build(folder)
    wanted = Wanted(language="python")
    everything = page(store, dataset, wanted)
    assert count_of(store, dataset, wanted) == len(everything) == 31
    for what in TABLES:
        assert count_of(store, dataset, Wanted(what=what)) == len(list(rows_of(store, dataset, Wanted(what=what))))
    assert page(store, dataset, wanted, offset=29, limit=5) == everything[29:]
    drawn = page(store, dataset, wanted, limit=5, sample_seed=1)
    assert (
        drawn == page(store, dataset, wanted, limit=5, sample_seed=1) != page(store, dataset, wanted, limit=5, sample_seed=2)
    )
    assert [row for row in everything if row in drawn] == drawn != everything[:5]
    assert page(store, dataset, wanted, limit=99, sample_seed=1) == everything


def test_duplicates_are_left_out_or_marked(folder):
    """Two sources may hold the same file at the same path: then even their ids are the same."""
    (folder / "more").mkdir()
    text = 'def f(a):\n    """Twice."""\n    return a + a\n'
    (folder / "src" / "same.py").write_text(text)
    (folder / "more" / "same.py").write_text(text)
    (folder / "more" / "other.py").write_text(text + "\n\n# the same\n")
    both = {"sources": ("src", "more"), "screen": {"rules": []}}
    store, marked, _ = build(folder, **both, duplicates={"window": 5, "action": "mark"})
    _, dropped, made = build(folder, **both, duplicates={"window": 5})
    assert made == ["dataset"], "what becomes of duplicates changes nothing in what is found"
    for dataset, number in ((marked, 3), (dropped, 1)):
        kept = [row for row in rows_of(store, dataset, Wanted()) if row.origin.path in ("same.py", "other.py")]
        pairs = list(rows_of(store, dataset, Wanted(what="pairs", kind="body")))
        assert len(kept) == number and sum(dataset.counts["duplicates"].values()) == 2
        assert dataset.counts["pairs"]["body"] == len(pairs)
        assert sum("Twice" in pair.prompt for pair in pairs) == number
        assert dataset.counts["kept"] == sum(1 for _ in rows_of(store, dataset, Wanted()))
        copies = list(rows_of(store, dataset, Wanted(what="duplicates")))
        assert all((copy.source, copy.path) != (copy.of_source, copy.of_path) for copy in copies) and len(copies) == 2
    gone = list(rows_of(store, dropped, Wanted(what="dropped", reason="duplicate")))
    assert gone == copies and all("is a copy of" in as_text(row, full=False) for row in gone)
    assert dropped.counts["kept"] + dropped.counts["set aside"]["duplicate"] == marked.counts["kept"]


def test_a_source_without_records_is_no_error_among_others(folder):
    (folder / "none").mkdir()
    (folder / "none" / "x.json").write_text("{}")
    _, dataset, _ = build(folder, sources=("src", "none"))
    assert dataset.counts["in"] == 7 and dataset.counts["not records"] == {"not code": 2}


def test_streams_are_sources_too(folder):
    (folder / "rows.jsonl").write_text('{"code": "x = 1\\n", "lang": "python"}\n{"code": 3}\n')
    options = {"columns": {"text": "code", "language": "lang"}}
    _, dataset, made = build(folder, specs=[{"spec": f"table:{folder / 'rows.jsonl'}", "options": options}])
    assert (
        made == ["records", "tags", "values", "part", "dataset"]
        and dataset.counts["kept"] == 1
        and dataset.counts["in"] == 2
    )
    wrong = [{"spec": f"table:{folder / 'rows.jsonl'}", "options": {"columns": {"tekst": "code"}}}]
    with pytest.raises(RecipeError, match="table: columns"):
        build(folder, specs=wrong)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no sources"),
        ("[[sources]]\nspec = 'nowhere'\n", "no such file or folder"),
        ("[[sources]]\nspek = 'x'\n", "unknown key 'sources.0.spek'"),
        ("[[screen.rules]]\nchek = 'x'\n", "did you mean 'check'"),
        ("[[sources]]\nspec = '.'\n[[screen.rules]]\ncheck = 'sintax'\n", "did you mean 'syntax'"),
        ("[[screen.rules]]\ncheck = 'x'\nvalue = 'y'\n", "a value needs one bound"),
    ],
)
def test_a_bad_recipe_is_one_line(tmp_path, text, says):
    path = tmp_path / "r.toml"
    path.write_text(text)
    with pytest.raises(Exception, match=says) as caught:
        recipe = load_recipe(path, [], DataRecipe)
        DataBuild(recipe=recipe, out=tmp_path / "out", workers=1, progress=silent, say=lambda line: None).run()
    assert len(caught.value.line().splitlines()) == 1


def git(root, *arguments):
    who = ["-c", "user.name=A", "-c", "user.email=a@example.com"]
    subprocess.run(["git", "-C", str(root), *who, *arguments], check=True, capture_output=True)


def test_a_history_brings_its_pairs_and_makes_no_others(folder):
    root = folder / "repo"
    root.mkdir()
    git(root, "init", "-q")
    for said, text in (
        ("Add a first version of the sum", "def add(a, b):\n    return a - b\n"),
        ("Fix the sum: it gave the difference", "def add(a, b):\n    return a + b\n"),
    ):
        (root / "sum.py").write_text(text)
        git(root, "add", ".")
        git(root, "commit", "-qm", said)
    store, dataset, made = build(folder, specs=[{"spec": f"history:{root}"}], pairs={})
    assert made == ["records", "tags", "values", "part", "dataset"]
    assert dataset.counts["pairs"] and set(dataset.counts["pairs"]) <= {"edit", "fix"}
    assert dataset.counts["pairs brought"] == sum(dataset.counts["pairs"].values())
    (first, *_) = rows_of(store, dataset, Wanted(what="pairs"))
    assert "it gave the difference" in first.prompt and "a + b" in first.answer


def test_a_list_of_sources_and_a_commit(folder):
    root = folder / "repo"
    root.mkdir()
    git(root, "init", "-q")
    (root / "old.py").write_text("x = 1\n")
    git(root, "add", ".")
    git(root, "commit", "-qm", "First")
    git(root, "tag", "v1")
    (root / "old.py").rename(root / "new.py")
    (folder / "all.txt").write_text("# ours\nsrc\nrepo@v1\n")
    store, dataset, made = build(folder, specs=[{"spec": f"list:{folder / 'all.txt'}"}])
    assert made.count("snapshot") == 2 and {"old.py", "a.py"} <= paths(store, dataset)
    assert "new.py" not in paths(store, dataset)


def test_every_part_can_be_shown(folder):
    (folder / "src" / "safe.py").write_text("import secrets\n\nkey = secrets.token_hex(16)\n")
    (folder / "src" / "copy").mkdir()
    (folder / "src" / "copy" / "a.py").write_text(FILES["a.py"] + "# the same with a comment\n")
    store, dataset, _ = build(folder, mixture={"owasp": 2.0}, duplicates={"window": 3})
    for what in TABLES:
        for row in rows_of(store, dataset, Wanted(what=what)):
            assert as_text(row, full=False).startswith("── ") and as_plain(row)
    (weight,) = rows_of(store, dataset, Wanted(what="weights"))
    (copy,) = rows_of(store, dataset, Wanted(what="duplicates"))
    assert copy.reason == "exact code" and dataset.counts["duplicates"]["exact code"] == 1
    assert weight.weight == 2.0 and any(line.startswith("weights") for line in summary(dataset.counts))


def test_what_was_not_even_taken_is_counted_and_shown(folder):
    with open(folder / "src" / "big.py", "wb") as file:
        file.truncate(2 << 30)  # one line of 2 GB
    store, dataset, _ = build(folder)
    assert dataset.counts["in"] == 7 and dataset.counts["not taken"] == {"too large": 1}
    assert any(line.startswith("not taken 1: too large 1") for line in summary(dataset.counts))
    assert "big.py" in paths(store, dataset, "dropped")


def test_the_card_tells_what_the_tables_hold(folder):
    store, dataset, _ = build(folder, duplicates={})
    facts = data_facts(store, dataset)
    assert [(one.kind, one.num_files, one.num_kept) for one in facts.sources] == [("folder", 6, 3)]
    assert facts.licences == {"unknown": 3} and sum(facts.languages_before.values()) == 5
    assert sum(facts.natural_languages.values()) == sum(dataset.counts["pairs"].values())
    assert {"syntax", "secrets"} <= set(facts.checks) and "**3**" in data_card(facts)


def test_a_data_set_is_exported_with_its_card(folder, capsys):
    from yunque.cli.verbs.data import export_

    store, dataset, _ = build(folder, pairs={"fim": True})
    export_(dataset.id[:6], to="hf", folder=None, part="all", kind="", language="python", out=folder / "out", json_=True)
    told = json.loads(capsys.readouterr().out)
    assert told["examples"] > 0 and (folder / "out" / "exports" / f"{dataset.id}-hf" / "README.md").read_text().startswith(
        "---"
    )
    export_(
        dataset.id, to="openai", folder=folder / "chat", part="all", kind="", language="", out=folder / "out", json_=False
    )
    said = capsys.readouterr()
    assert "left out: fim is no conversation" in said.out and "asks for at least 10" in said.err
    with pytest.raises(RecipeError, match="nothing was trained on this data set"):
        pairs_to_export(store, dataset, "train")
    with pytest.raises(RecipeError, match="no part 'trian'"):
        pairs_to_export(store, dataset, "trian")


def test_a_near_duplicate_is_left_out_of_its_source_with_what_it_is_like(folder):
    body = "".join(f"    total_{n} = first_{n} * second_{n} + {n}\n" for n in range(20))
    (folder / "src" / "long.py").write_text(f"def long():\n{body}")
    (folder / "other").mkdir()
    (folder / "other" / "copy.py").write_text(f"# a copy\ndef long():\n{body}    return 1\n")
    store, dataset, _ = build(folder, sources=("src", "other"), duplicates={})
    facts = data_facts(store, dataset).sources
    assert sum(source.dropped.get("duplicate", 0) for source in facts) == 1
    assert all(source.num_files == source.num_kept + sum(source.dropped.values()) for source in facts)
    assert sum(source.num_kept for source in facts) == dataset.counts["kept"]
    (example,) = [one for source in facts for one in source.dropped_examples if one.reason == "duplicate"]
    assert {example.path, example.detail.split()[1]} == {"long.py", "copy.py"}
