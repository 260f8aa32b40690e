"""Artifacts as text."""

import json

import pytest

from yunque.cli.views.artifacts import describe, draw_tree, lineage, table, table_lines
from yunque.store.artifacts import Store


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "out")


@pytest.fixture
def made(store):
    """source -> one -> two, three; four from both."""

    def build(folder):
        (folder / "rows").write_bytes(b"x" * 1234)
        (folder / "sub").mkdir()
        return {"rows": 3, "why": {"ñ": 1}}

    one, _ = store.make("one", build, seed=4)
    two, _ = store.make("two", build, parents=[one])
    three, _ = store.make("three", build, parents=[one], recipe={"rate": 0.5})
    four, _ = store.make("four", build, parents=[two, three])
    return one, two, three, four


def test_an_artifact_described(made):
    one, _, three, _ = made
    text = describe(three)
    assert text.startswith(f"three-{three.id}\n")
    told = ('{"rate": 0.5}', one.id, "rows: 3", 'why: {"ñ": 1}', "rows  1,234 bytes", "sub/", "seed 0", str(three.path))
    assert [word for word in told if word not in text] == []
    assert "from     the source" in describe(one)
    assert "manifest.json" not in text


def test_a_lineage_holds_every_parent_with_its_counts(store, made):
    one, two, three, four = made
    tree = lineage(store, four)
    assert (tree["kind"], tree["id"], [parent["id"] for parent in tree["parents"]]) == ("four", four.id, [two.id, three.id])
    assert tree["parents"][0]["parents"][0]["id"] == tree["parents"][1]["parents"][0]["id"] == one.id
    assert json.loads(json.dumps(tree)) == tree and tree["counts"]["rows"] == 3


def test_a_tree_is_drawn_with_branches(store, made):
    one, two, three, four = made
    assert draw_tree(lineage(store, four)).splitlines() == [
        f"four-{four.id}",
        f"├─ two-{two.id}",
        f"│  └─ one-{one.id}",
        f"└─ three-{three.id}",
        f"   └─ one-{one.id}",
    ]


def test_what_was_drawn_with_its_parents_is_named_and_not_drawn_again(store, made):
    *_, four = made
    five, _ = store.make("five", lambda folder: {}, parents=[four, made[2]])
    lines = draw_tree(lineage(store, five)).splitlines()
    assert lines[-1] == f"└─ three-{made[2].id} (above)"
    assert len(lines) == 7


def test_what_has_been_made_is_listed(store, made):
    def build(folder):
        (folder / "recipe.json").write_text('{"sources": ["a"]}')
        return {}

    data, _ = store.make("dataset", build, name="a, b")
    rows = table(store.all())
    assert [row["kind"] for row in rows] == ["one", "two", "three", "four", "dataset"] and rows[0]["size_bytes"] > 1234
    first, *lines = table_lines(rows)
    assert first.split() == ["kind", "id", "made", "(UTC)", "size", "of"] and lines[-1].endswith("  a, b")
    assert len({line.index(row["id"]) for line, row in zip(lines, rows, strict=True)}) == 1
    assert describe(data).startswith(f"dataset-{data.id}  a, b\n") and '"sources": [' in describe(data)


def test_cleaning_says_what_goes_and_how_large_it_is(store, capsys):
    from yunque.cli.verbs.artifacts import clean

    for turn in (1, 2):
        store.make("report", lambda folder: (folder / "page").write_text("x" * 5000) and {}, recipe={"turn": turn}, name="a")
    clean(dry_run=True, out=store.root)
    told = capsys.readouterr().out
    assert "report-" in told and told.endswith("would go\n") and len(store.all()) == 2
    clean(dry_run=False, out=store.root, json_=True)
    assert len(json.loads(capsys.readouterr().out)["bytes"]) == 1 and len(store.all()) == 1
    clean(dry_run=False, out=store.root)
    assert capsys.readouterr().out == "0 folders, 0 bytes removed\n"
