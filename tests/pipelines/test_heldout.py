"""What is held out of a data set, asked by its id: with a training, and before there is one."""

import os
import subprocess

import pytest

from tests.story.small_repository import write_repository
from yunque.core.errors import EvaluationError, RecipeError, SourceError, StoreError, TooSmallError
from yunque.core.nouns import Outcome
from yunque.data.contents import Wanted, kept_records, rows_of, tree_records
from yunque.data.split import Split, parts_of
from yunque.evaluation.asking import RunConfig
from yunque.evaluation.repository.suites import BodySuite, asked_of
from yunque.pipelines.dataset import DataBuild
from yunque.pipelines.evaluation import Evaluation
from yunque.pipelines.heldout import HeldOut, split_of
from yunque.pipelines.recipes import forge_recipe, train_recipe


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A data set of two sources, and the recipe that it was built by."""
    home = tmp_path_factory.mktemp("heldout")
    for name in ("first", "second"):
        write_repository(home / name)
    second = home / "second" / "smallpack"
    for path in second.glob("*.py"):  # another program, or it would be a copy that is left out
        path.write_text(path.read_text().replace("def ", "def second_").replace('"""', "'''"))
    recipe = forge_recipe(
        [str(home / "first"), str(home / "second")], None, ["split.heldout=0.3", "duplicates.action='off'"]
    )
    build = DataBuild(recipe=recipe.data(), out=home / "out")
    return home / "out", build, build.run(), recipe


def evaluation(out):
    return Evaluation(out=out, config=RunConfig())


def heldout_paths(store, dataset, parts):
    sides = parts_of(parts)
    return {
        f"{source.name}/{record.origin.path}"
        for source, record in tree_records(store, dataset)
        if sides[record.id] is Split.HELDOUT
    }


def test_a_data_set_that_nobody_trained_on_is_split_as_a_training_would(built):
    out, build, dataset, _ = built
    suite = evaluation(out).open(f"repo-bits:{dataset.id[:10]}", None)
    (parts,) = [item for item in build.store.all() if item.manifest.kind == "split"]
    assert suite.name == "repo-bits:first+second"
    groups = {task.group for task in suite.tasks()}
    assert groups and groups <= heldout_paths(build.store, dataset, parts)
    before = len(build.store.all())
    again = evaluation(out).open(f"repo-fim:dataset-{dataset.id}", None)
    assert {task.group for task in again.tasks()} <= heldout_paths(build.store, dataset, parts)
    assert len(build.store.all()) == before, "questions are made once"
    alone = evaluation(out).open(f"repo-bits:{dataset.id}#second", None)
    assert alone.name == "repo-bits:second" and not any(task.part for task in alone.tasks())


def test_of_a_training_it_is_the_split_that_was_trained_by(built):
    out, build, dataset, recipe = built
    with build.store.lock():
        parts = split_of(build.steps, dataset, recipe.split, recipe.seed)
        HeldOut(steps=build.steps, recipe=recipe.evaluation, sandbox=None).suites(dataset, parts)
    suite = evaluation(out).open(f"repo-bits:{dataset.id}", None)
    assert {task.group for task in suite.tasks()} <= heldout_paths(build.store, dataset, parts)
    assert len(heldout_paths(build.store, dataset, parts)) > 2


def test_what_cannot_be_asked_is_one_line(built, tmp_path):
    out, _, dataset, _ = built
    with pytest.raises(EvaluationError, match="no questions on 'third'; known: first, second"):
        evaluation(out).open(f"repo-bits:{dataset.id}#third", None)
    with pytest.raises(EvaluationError, match="nothing of it is held out that makes a body task"):
        evaluation(out).open(f"repo-body:{dataset.id}", None)
    with pytest.raises(StoreError, match="2 datasets start with 'dataset-'"):
        DataBuild(recipe=built[3].data().model_copy(update={"seed": 18}), out=out).run()
        evaluation(out).open("repo-bits:dataset-", None)


# ---------------------------------------------------------------------------------------------------------- a split by time
DAY = "2026-06-01"
NEW = '''"""Things that wait."""


def take_turns(*queues):
    """The first of every queue, then the second of every queue, and so on.

    >>> take_turns([1, 2, 3], "ab")
    [1, 'a', 2, 'b', 3]
    """
    longest = max((len(queue) for queue in queues), default=0)
    return [queue[place] for place in range(longest) for queue in queues if place < len(queue)]
'''
ADDED = '''

def spread(values):
    """The largest less the smallest.

    >>> spread([4, 9, 1])
    8
    """
    ordered = sorted(values)
    return ordered[-1] - ordered[0] if len(ordered) > 1 else 0
'''


def commit(root, day, message):
    when = {"GIT_COMMITTER_DATE": f"{day}T12:00:00Z", "GIT_AUTHOR_DATE": "2020-01-01T12:00:00Z"}
    environment = {**os.environ, **when, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    name = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    for arguments in (("add", "-A"), ("commit", "-qm", message)):
        subprocess.run(["git", *name, *arguments], cwd=root, check=True, capture_output=True, env=environment)


@pytest.fixture(scope="module")
def dated(tmp_path_factory):
    """A repository with two commits before the day and two after."""
    root = write_repository(tmp_path_factory.mktemp("dated") / "repo")
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    commit(root, "2026-03-01", "Add the package")
    stats = root / "smallpack" / "stats.py"
    stats.write_text(stats.read_text().replace("    ordered = sorted(values)\n", "    ordered = sorted(values)  # a copy\n"))
    graph = root / "smallpack" / "graph.py"
    graph.write_text(graph.read_text().replace("    return sorted(found)\n", "    return sorted(found - {node})\n"))
    commit(root, "2026-05-31", "Fix neighbours: a node is no neighbour of itself, whatever its edges say")
    stats.write_text(stats.read_text() + ADDED)
    (root / "smallpack" / "queues.py").write_text(NEW)
    commit(root, "2026-06-01", "Add queues, and the spread of values")
    money = root / "smallpack" / "money.py"
    money.write_text(
        money.read_text().replace("    each, odd = divmod(cents, people)\n", "    each, odd = divmod(int(cents), people)\n")
    )
    commit(root, "2026-07-01", "Fix split_bill: amounts may come as other numbers than whole ones")
    return root


def timed(root, tmp_path, *settings):
    recipe = forge_recipe([str(root), f"history:{root}"], None, [f"split.after={DAY}", *settings])
    return recipe, DataBuild(recipe=recipe.data(), out=tmp_path / "out")


def test_what_is_learned_was_there_on_the_day_and_what_is_asked_is_new_since(dated, tmp_path, box):
    recipe, build = timed(dated, tmp_path)
    dataset = build.run()
    learned = [record.text for _, record in kept_records(build.store, dataset)]
    learned += [pair.prompt + pair.answer + pair.suffix for pair in rows_of(build.store, dataset, Wanted(what="pairs"))]
    assert any("found - {node}" in text for text in learned), "the last commit before the day counts"
    for new in ("def spread", "take_turns", "divmod(int(cents)", "amounts may come as other numbers"):
        assert not any(new in text for text in learned), new
    with build.store.lock():
        parts = split_of(build.steps, dataset, recipe.split, recipe.seed)
        assert parts.counts["heldout_files"] == 0 < parts.counts["validation_files"]
        (suite,) = HeldOut(steps=build.steps, recipe=recipe.evaluation, sandbox=box).suites(dataset, parts)
    asked = asked_of(build.store, suite)
    chunks = "".join(chunk.text for chunk in asked.questions.chunks)
    assert "take_turns" in chunks and "spread" in chunks and '"""Numbers about numbers."""' not in chunks
    lines = set(NEW.splitlines()) | set(ADDED.splitlines()) | {"    each, odd = divmod(int(cents), people)"}
    assert set(chunks.splitlines()) <= lines
    for question in asked.questions.of("fim"):
        text = asked.records[question.record_id].text.encode()
        end = question.span_bytes[1]
        assert text[:end].decode().splitlines()[-1] + text[end:].decode().split("\n")[0] in lines
        assert question.path in ("smallpack/queues.py", "smallpack/stats.py", "smallpack/money.py")
    assert {question.path for question in asked.questions.of("fim")} >= {"smallpack/queues.py", "smallpack/stats.py"}
    written = {question.task.prompt.rpartition("def ")[2].partition("(")[0] for question in asked.questions.of("body")}
    assert written == {"take_turns", "spread", "split_bill"}, "what is as it was has a twin in training"
    assert suite.counts["excluded"]["body"]["has a near-duplicate in training"] >= 3
    old = {record.id for _, record in tree_records(build.store, dataset)}
    assert asked.questions.of("style") and all(item.record_id in old for item in asked.questions.of("style"))
    body = BodySuite(repositories=(asked,), sandbox=box)
    assert [body.judge(task, body.canonical(task)).outcome for task in body.tasks()] == [Outcome.PASS] * 3
    again = evaluation(tmp_path / "out").open(f"repo-bits:{dataset.id}", None)
    assert [again.canonical(task) for task in again.tasks()] == [chunk.text for chunk in asked.questions.chunks]


def test_a_day_that_makes_no_sense_is_one_line(dated, tmp_path):
    with pytest.raises(SourceError, match="has no commit from before 2026-02-01; choose a later day"):
        timed(dated, tmp_path, "split.after=2026-02-01")[1].run()
    recipe, build = timed(dated, tmp_path, "split.after=2027-01-01")
    dataset = build.run()
    with build.store.lock(), pytest.raises(TooSmallError, match="nothing is new since 2027-01-01"):
        parts = split_of(build.steps, dataset, recipe.split, recipe.seed)
        HeldOut(steps=build.steps, recipe=recipe.evaluation, sandbox=None).suites(dataset, parts)
    plain = write_repository(tmp_path / "plain")
    for spec in (str(plain), "pypi:boltons"):
        with pytest.raises(SourceError, match=f"nobody can say what it was before {DAY}"):
            DataBuild(recipe=forge_recipe([spec], None, [f"split.after={DAY}"]).data(), out=tmp_path / "out").run()
    with pytest.raises(RecipeError, match=r"split\.after is 2026-06-01, collect\.until 2026-05-01"):
        timed(dated, tmp_path, "collect.until=2026-05-01")
    with pytest.raises(RecipeError, match=r"split\.after = 'soon'"):
        timed(dated, tmp_path, "split.after=soon")
    of_all = forge_recipe([str(dated)], None, []).data()
    with pytest.raises(RecipeError, match=r"split\.after is 2026-06-01, the data set of all there is"):
        train_recipe(None, [f"split.after={DAY}"], of_all)
    assert train_recipe(None, [f"split.after={DAY}"], recipe_until(dated, DAY)).split.after.isoformat() == DAY
    past = train_recipe(None, [], recipe_until(dated, DAY))
    assert past.split.after is None, "a data set of the past is split as any other"


def recipe_until(root, day):
    return forge_recipe([str(root)], None, [f"collect.until={day}"]).data()
