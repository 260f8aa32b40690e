"""The house: where files stand, how long they are, which words they use. What a person would say in a review, once."""

import ast
import io
import re
import tokenize
import tomllib
from collections import defaultdict
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "yunque"
FILES = sorted(SOURCE.rglob("*.py"))
MAX_FILE_LINES, MAX_FUNCTION_LINES, MAX_PARAMETERS = 450, 60, 7
VERBS = SOURCE / "cli" / "verbs"
"""Options of the command line are parameters there, each with its help."""
LEFT = {
    *("one", "found", "told", "said", "at"),
    *("Asking", "Written", "Judged", "TapedSandbox", "Placement", "Twin", "twins", "seat", "signpost", "departures"),
    *("stretch", "stretches", "late", "asking"),
}
"""Names that the field has better words for (docs/architecture.md, "Words")."""
LEFT_MODULES = {
    *("wire", "lifting", "whole", "trust", "holes", "windows", "trees", "tested", "prose", "words", "gather", "deliver"),
    *("spread", "layouts", "noise", "utils", "common", "helpers", "base_classes", "manager"),
}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def functions():
    for path in FILES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield path, node


def name_of(path: Path) -> str:
    return ".".join(("yunque", *path.relative_to(SOURCE).with_suffix("").parts)).removesuffix(".__init__")


def test_no_file_is_too_long_to_be_read_in_one_sitting():
    long = {str(path): lines for path in FILES if (lines := path.read_text("utf-8").count("\n")) > MAX_FILE_LINES}
    assert not long


def test_a_function_fits_on_a_screen_and_takes_few_parameters():
    long, wide = [], []
    for path, node in functions():
        if VERBS in path.parents:
            continue
        if node.end_lineno - node.lineno + 1 > MAX_FUNCTION_LINES:
            long.append(f"{path}:{node.lineno} {node.name}")
        arguments = node.args
        names = [one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
        if len(names) - (names[:1] in (["self"], ["cls"])) > MAX_PARAMETERS:
            wide.append(f"{path}:{node.lineno} {node.name}")
    assert not long and not wide


def test_names_are_the_fields_words():
    private = []
    for path in FILES:
        tokens = list(tokenize.generate_tokens(io.StringIO(path.read_text("utf-8")).readline))
        for before, token in zip([None, *tokens], tokens, strict=False):
            is_attribute = before is not None and before.string == "."
            if token.type == tokenize.NAME and token.string in LEFT and not is_attribute:
                private.append(f"{path}:{token.start[0]} {token.string}")
    assert not private
    assert not {path.stem for path in FILES} & LEFT_MODULES


def test_no_two_modules_import_each_other_by_any_way_round():
    """Within a room too, and whether at the top of a file or in a function."""
    names = {name_of(path): path for path in FILES}
    below: dict[str, set[str]] = defaultdict(set)
    for name, path in names.items():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("yunque"):
                modules = {f"{node.module}.{alias.name}" for alias in node.names} & names.keys() or {node.module}
                below[name] |= modules - {name}
    left = dict(below)
    while free := [name for name, needs in left.items() if not needs & left.keys()]:
        for name in free:
            del left[name]
    assert not left


def test_wings_are_one_level_deep_and_rooms_say_what_they_are():
    assert not [path for path in FILES if len(path.relative_to(SOURCE).parts) > 3]
    assert not [path for path in FILES if path.name == "__init__.py" and not ast.get_docstring(tree(path))]
    flat = defaultdict(int)
    for path in FILES:
        flat[path.parent] += path.name != "__init__.py"
    assert max(flat.values()) <= 18, dict(flat)


def test_every_file_that_is_no_code_is_in_the_wheel():
    setup = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    patterns = setup["tool"]["setuptools"]["package-data"]["yunque"]
    data = [path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*") if path.is_file()]
    data = [path for path in data if not path.endswith((".py", ".pyc")) and "node_modules" not in path]
    assert not [path for path in data if not any(fnmatch(path, pattern) for pattern in patterns)]


@pytest.mark.parametrize("document", sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")]), ids=lambda path: path.name)
def test_documents_name_files_that_are_there(document):
    """The log tells of the past, and may name what is gone."""
    if document.name == "log.md":
        return
    named = set(re.findall(r"`((?:src/yunque|tests|benchmarks|recipes|examples|docs)/[\w/.-]+\.\w+)", document.read_text()))
    rooms = {path.name for path in SOURCE.iterdir() if path.is_dir()}
    for room, rest in re.findall(r"`(\w+)/([\w/]+\.py)`", document.read_text("utf-8")):
        if room in rooms and rest.islower():
            named.add(f"src/yunque/{room}/{rest}")
    assert not [path for path in named if not (ROOT / path).exists()]
