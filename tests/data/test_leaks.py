"""Split first still holds over all sources: what commits, notebooks and posts quote of held-out files is learned by nobody.

Every function of a repository is quoted in a stream of each kind; then the split is made, and what is left is looked at.
"""

import json
import os
import re
import subprocess

import pytest

from tests.story.small_repository import write_repository
from yunque.core.nouns import PairKind
from yunque.data.contents import tree_records
from yunque.data.sides import placed_pairs
from yunque.data.split import Split, SplitRecipe, split
from yunque.pipelines.dataset import DataBuild
from yunque.pipelines.recipes import DataRecipe

GIT = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
RECIPE = SplitRecipe(heldout=0.3, validation=0.15)


def git(root, *arguments):
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", *GIT, *arguments], cwd=root, check=True, capture_output=True, env=environment)


def definitions(path):
    """Name -> text of every function of a module that is long enough to be somebody's."""
    texts = re.findall(r"^def \w+\(.*?(?=^def |\Z)", path.read_text(), re.MULTILINE | re.DOTALL)
    long = [text for text in texts if len(re.findall(r"\w+|[^\w\s]", text.split('"""')[-1])) > 34]
    return {re.match(r"def (\w+)", text)[1]: text for text in long}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A data set of a tree, its history, notebooks and a table of posts, and every function that they quote."""
    home = tmp_path_factory.mktemp("leaks")
    repo = write_repository(home / "repo")
    git(repo, "init", "-q")
    git(repo, "add", ".")
    git(repo, "commit", "-qm", "Add the whole package with its tests")
    quoted, cells, rows = {}, [], []
    for path in sorted((repo / "smallpack").glob("[a-z]*.py")):
        for name, text in definitions(path).items():
            quoted[name] = path.relative_to(repo).as_posix()
            body = text.rstrip() + "\n"
            head, last = text.rstrip().rsplit("\n", 1)
            path.write_text(path.read_text().replace(text.rstrip(), f"{head}\n    assert {name} is not None\n{last}"))
            git(repo, "commit", "-qam", f"Fix {name}: it went on where nothing had been defined before it")
            cells.append(
                {"cell_type": "markdown", "metadata": {}, "source": [f"Define {name}, which the rest of this needs."]}
            )
            cells.append({"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": 1, "source": [body]})
            page = f"How is {name} written? Mine doesn't work.\n\n```python\n{body}```\n\nThank you!"
            rows.append({"question": f"Where is {name}?", "code": f"# as in the package\n{body}"})
            rows.append({"question": page, "code": "x = 1  # like this, it is shorter\n"})
    notebooks = home / "notebooks"
    notebooks.mkdir()
    about = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"language_info": {"name": "python"}}}
    for number in range(0, len(cells), 2):
        (notebooks / f"n{number}.ipynb").write_text(json.dumps(about | {"cells": cells[number : number + 2]}))
    (home / "posts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    columns = {"prompt": "question", "answer": "code"}
    sources = [
        {"spec": str(repo)}, {"spec": f"history:{repo}"}, {"spec": f"notebooks:{notebooks}"},
        {"spec": f"table:{home / 'posts.jsonl'}", "options": {"columns": columns, "language": "python"}},
    ]  # fmt: skip
    recipe = DataRecipe.model_validate({"sources": sources, "duplicates": {"action": "off"}})
    build = DataBuild(recipe=recipe, out=home / "out")
    return build.store, build.run(), quoted


def quoting(text, name):
    """Whether a function stands in a text, more or less whole: its name in a definition, and something behind it."""
    match = re.search(rf"def {name}\(.*", text, re.DOTALL)
    return match is not None and len(match[0]) > 120


def test_every_kind_of_source_quotes_and_nothing_that_is_held_out_is_learned(built):
    store, dataset, quoted = built
    parts = split([record for _, record in tree_records(store, dataset)], RECIPE, 17).parts()
    paths = {record.origin.path: parts[record.id] for _, record in tree_records(store, dataset)}
    held = {name for name, path in quoted.items() if paths[path] is not Split.TRAIN}
    learned = set(quoted) - held
    assert len(held) >= 3 and len(learned) >= 3
    leaks, kept, refused = [], {}, {}
    for pair, side in placed_pairs(store, dataset, parts, RECIPE):
        text = pair.prompt + pair.answer + pair.suffix
        of_tree = pair.kind in (PairKind.BODY, PairKind.FIM, PairKind.CONTINUATION) and pair.origin_ids[0] in parts
        kind = f"{pair.kind} of the tree" if of_tree else f"{pair.kind}"
        about = [name for name in quoted if quoting(text, name)]
        if side.part is Split.TRAIN:
            leaks += [(kind, name) for name in about if name in held]
            kept.setdefault(kind, set()).update(name for name in about if name in learned)
        elif side.reason in ("quotes held-out code", "held out"):
            refused.setdefault(kind, set()).update(about)
    assert not leaks
    kinds = {"a commit": ("fix", "edit", "refactor"), "a notebook": ("comment",), "a post": ("question",)}
    for source, names in kinds.items():
        found, fair = (set().union(*(table.get(kind, set()) for kind in names)) for table in (refused, kept))
        assert len(found & held) >= 3, f"{source}: three leaks were planted and found"
        assert len(fair & learned) >= 3, f"{source}: what may be learned from is"
