"""Notebooks: what people wrote comes out, in order and byte for byte; outputs never do; broken ones are said."""

from __future__ import annotations

import ast
import json
from collections import Counter
from pathlib import Path

import pytest

from yunque.core.errors import SourceError
from yunque.core.nouns import Dropped, Origin, Pair, PairKind, Record
from yunque.core.seams import Stream
from yunque.data.pairs.make import reassemble
from yunque.data.streams.notebooks import NotebookLimits, Notebooks, read_notebook, without_magic

ORIGIN = Origin(source="s", path="a.ipynb", revision="r", licence="MIT", collected_at="now")
SECRET_OUTPUT = [{"output_type": "stream", "text": ["never take this"]}]


def code(*lines: str) -> dict:
    return {"cell_type": "code", "source": list(lines), "outputs": SECRET_OUTPUT, "execution_count": 3, "metadata": {}}


def prose(text: str) -> dict:
    return {
        "cell_type": "markdown",
        "source": text,
        "metadata": {},
        "attachments": {"a.png": {"image/png": "never take this"}},
    }


def notebook(*cells: dict, language: str = "python", **extra) -> bytes:
    metadata = {"language_info": {"name": language}, "kernelspec": {"name": "python3", "language": language}}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": list(cells)} | extra).encode()


def take(data: bytes, limits: NotebookLimits = NotebookLimits()) -> tuple[Record | None, list[Pair], list[Dropped]]:
    items = list(read_notebook(data, ORIGIN, limits))
    records, pairs = ([one for one in items if isinstance(one, kind)] for kind in (Record, Pair))
    assert len(records) <= 1
    for pair in pairs:
        assert reassemble(records[0].text, pair) == records[0].text and pair.origin_ids == (records[0].id,)
    return records[0] if records else None, pairs, [one for one in items if isinstance(one, Dropped)]


# -------------------------------------------------------------------------------------------------------------- what is read
def test_cells_become_one_program_and_prose_its_comments():
    cells = [
        prose("# Title\n\nLoad the dáta, and return it."),
        code("import os\r\n", "x = 1"),
        code("y = 2\n"),
        {"cell_type": "raw", "source": "raw"},
        prose("This is what the sum of them is."),
        code(""),
        code("print(x +\n", "      y)"),
    ]
    record, pairs, dropped = take(notebook(*cells))
    assert record.text == (
        "# # Title\n#\n# Load the dáta, and return it.\n\nimport os\nx = 1\n\ny = 2\n\n"
        "# This is what the sum of them is.\n\nprint(x +\n      y)\n"
    )
    assert record.language == "python" and record.origin == ORIGIN and not dropped
    assert [pair.answer for pair in pairs] == ["import os\nx = 1", "print(x +\n      y)"]
    assert {(pair.kind, pair.natural_language) for pair in pairs} == {(PairKind.COMMENT, "en")}
    assert pairs[1].prompt == record.text[: record.text.index("print")]
    assert "never" not in record.text


def test_format_3_with_worksheets_and_headings():
    cells = [
        {"cell_type": "heading", "level": 2, "source": ["Head"]},
        {"cell_type": "code", "input": ["a = 1"], "language": "python", "outputs": SECRET_OUTPUT},
    ]
    old = {"nbformat": 3, "metadata": {"name": ""}, "worksheets": [{"cells": cells[:1]}, {"cells": cells[1:]}]}
    record, pairs, _ = take(json.dumps(old).encode())
    assert record.text == "# ## Head\n\na = 1\n" and record.language == "python" and len(pairs) == 1


@pytest.mark.parametrize(
    ("language", "known", "comment"),
    [
        ("python3", "python", "#"),
        ("R", "r", "#"),
        ("C++17", "cpp", "//"),
        ("javascript", "javascript", "//"),
        ("sql", "sql", "--"),
    ],
)
def test_languages_and_their_comments(language, known, comment):
    record, _, _ = take(notebook(prose("why"), code("x"), language=language))
    assert (record.language, record.text) == (known, f"{comment} why\n\nx\n")


def test_the_language_may_stand_in_the_kernel_only():
    record, _, _ = take(notebook(code("x = 1"), metadata={"kernelspec": {"name": "python3"}, "language_info": "oops"}))
    assert record.language == "python"


def test_a_notebook_without_metadata_is_python_unless_told_otherwise():
    assert take(notebook(code("x = 1"), metadata={}))[0].language == "python"
    _, _, dropped = take(notebook(code("x = 1"), metadata={}), NotebookLimits(default_language=""))
    assert [(one.reason, one.detail) for one in dropped] == [("language", "does not say which")]


# ------------------------------------------------------------------------------------------------------------------- magic
@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("%matplotlib inline\nx = 1", "# %matplotlib inline\nx = 1"),
        ("!pip install a \\\n  b\nx = 1", "# !pip install a \\\n  # b\nx = 1"),
        ("for x in y:\n    !ls {x}", "for x in y:\n    pass  # !ls {x}"),
        ("files = !ls\nn, m = %timeit -o f()", "# files = !ls\n# n, m = %timeit -o f()"),
        ("%%time\nx = 1", "# %%time\nx = 1"),
        ("x.y?\n?print\nx??", "# x.y?\n# ?print\n# x??"),
        ("print('%s'\n  % x)", "print('%s'\n  % x)"),
        ("x = 5 \\\n  %y", "x = 5 \\\n  %y"),
        ('s = """\n%magic\n!shell ("\n"""\n!ls', 's = """\n%magic\n!shell ("\n"""\n# !ls'),
        ("s = '('  # (\n!ls", "s = '('  # (\n# !ls"),
        ("s = 'it\\'s ('\n%pwd", "s = 'it\\'s ('\n# %pwd"),
        ("d = {\n  'a': 1,\n}\n!ls", "d = {\n  'a': 1,\n}\n# !ls"),
        ("a = b != c", "a = b != c"),
        ("r = x % y\nt = f'{x!r}'", "r = x % y\nt = f'{x!r}'"),
    ],
)
def test_magic_is_commented_out_and_nothing_else(source, told):
    assert without_magic(source) == told
    ast.parse(told)


def test_cells_of_other_languages_are_left_out_and_said():
    cells = [prose("run it"), code("%%bash\n", "rm -r x"), code("%%capture\n", "x = 1"), code("%%writefile a.py\nx")]
    record, pairs, dropped = take(notebook(*cells))
    assert record.text == "# run it\n\n# %%capture\nx = 1\n" and not pairs
    assert [(one.path, one.reason, one.detail) for one in dropped] == [
        ("a.ipynb#1", "foreign cell", "%%bash"),
        ("a.ipynb#3", "foreign cell", "%%writefile"),
    ]


def test_only_python_has_magic():
    assert take(notebook(code("%macro x"), language="julia"))[0].text == "%macro x\n"


# ------------------------------------------------------------------------------------------------------------------ limits
def test_pictures_in_prose_and_long_cells():
    limits = NotebookLimits(max_line_chars=50, max_answer_chars=20)
    picture = prose("![a](data:image/png;base64," + "A" * 100 + ")")
    record, pairs, dropped = take(notebook(picture, code("x = 1"), prose("why"), code("y = 1234567890 + 123456789")), limits)
    assert "base64" not in record.text and not pairs and [one.reason for one in dropped] == ["long prose"]
    _, _, dropped = take(notebook(code("x = 1\n" * 100)), NotebookLimits(max_text_chars=100))
    assert [one.reason for one in dropped] == ["too large"]


def test_long_lines_take_no_longer_than_they_are(within):
    with within(5):
        for line in (" " * 300_000, "a" * 300_000, "( " * 100_000, "'\\" * 100_000, "?" * 300_000, "% " * 100_000):
            without_magic(f"{line}\n  {line}x")


# --------------------------------------------------------------------------------------------------------------- bad input
@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ({"cell_type": "code", "source": 3}, "has no text"),
        ({"cell_type": "markdown", "source": ["a", None]}, "has no text"),
        ({"cell_type": "code"}, "has no text"),
        ({"cell_type": "code", "source": "x = '\ud800'"}, "holds half a surrogate pair"),
        (7, "is not an object"),
    ],
)
def test_a_bad_cell_costs_itself_alone(bad, told):
    record, _, (gone,) = take(notebook(code("x = 1"), bad, code("y = 2")))
    assert (gone.path.rpartition("#")[2], gone.reason, gone.detail) == ("1", "broken cell", told)
    assert record.text == "x = 1\n\ny = 2\n"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "broken notebook"),
        (b"{", "broken notebook"),
        (b"[]", "broken notebook"),
        (b"null", "broken notebook"),
        (notebook(code("x"))[:-30], "broken notebook"),
        (notebook(cells=None), "broken notebook"),
        (notebook(cells=[1]), "broken notebook"),
        (notebook(cells=[{"cell_type": "code", "source": 3}]), "broken notebook"),
        (notebook(cells=[{"cell_type": "code", "source": [None]}]), "broken notebook"),
        (notebook(cells=[{"cell_type": []}]), "empty"),
        (notebook(cells=[{"cell_type": "code"}]), "broken notebook"),
        (b"[" * 100_000, "broken notebook"),
        (b'{"a":' * 100_000, "broken notebook"),
        (notebook(code("x"), nbformat=2), "notebook format"),
        (notebook(code("x"), nbformat="4"), "notebook format"),
        (notebook(code("caf\xe9 =")).decode().encode("utf-16"), "encoding"),
        (notebook(code("x = 'REPLACE'")).replace(b"REPLACE", b"\xff"), "encoding"),
        (notebook(code("x = 'REPLACE'")).replace(b"REPLACE", rb"\ud800"), "broken notebook"),
        (notebook(prose("only words")), "empty"),
        (notebook(), "empty"),
        (notebook(code("x"), language="brainfuck"), "language"),
    ],
)
def test_broken_notebooks_are_dropped(data, reason):
    record, _, dropped = take(data)
    assert record is None and [one.reason for one in dropped] == [reason]
    assert "\n" not in dropped[0].detail and len(dropped[0].detail) <= 200


# ----------------------------------------------------------------------------------------------------------------- folders
def fill(folder: Path) -> Path:
    (folder / "deep/.ipynb_checkpoints").mkdir(parents=True)
    (folder / "LICENSE").write_text("SPDX-License-Identifier: MIT\n")
    (folder / "package.json").write_text('{"license": "MIT"}')
    (folder / "a.ipynb").write_bytes(notebook(prose("say the word of it"), code("x = 1")))
    (folder / "deep/b.ipynb").write_bytes(notebook(code("y = 1")))
    (folder / "deep/broken.ipynb").write_bytes(b"{")
    (folder / "deep/.ipynb_checkpoints/b.ipynb").write_bytes(notebook(code("old = 1")))
    (folder / "link.ipynb").symlink_to(folder / "a.ipynb")
    (folder / "c.py").write_text("z = 1\n")
    return folder


def test_a_folder_of_notebooks(tmp_path):
    stream = Notebooks(fill(tmp_path / "work"))
    assert isinstance(stream, Stream) and stream.name == "work" and str(tmp_path) not in json.dumps(stream.identity)
    items = list(stream.read())
    assert Counter(type(one).__name__ for one in items) == {"Record": 2, "Pair": 1, "Dropped": 1}
    paths = [one.origin.path for one in items if isinstance(one, Record)]
    assert paths == ["a.ipynb", "deep/b.ipynb"]
    assert {one.origin.licence for one in items if isinstance(one, Record)} == {"MIT"}


def test_identity_follows_the_notebooks_alone(tmp_path):
    folder = fill(tmp_path / "work")
    before = Notebooks(folder).identity
    (folder / "c.py").write_text("z = 2\n")
    assert Notebooks(folder).identity == before
    assert Notebooks(folder, NotebookLimits(max_line_chars=9)).identity != before
    (folder / "a.ipynb").write_bytes(notebook(code("x = 2")))
    assert Notebooks(folder).identity != before


def test_one_file_a_large_one_and_none(tmp_path):
    folder = fill(tmp_path / "work")
    assert [type(one).__name__ for one in Notebooks(folder / "a.ipynb").read()] == ["Record", "Pair"]
    large = Notebooks(folder, NotebookLimits(max_file_bytes=10))
    assert {one.reason for one in large.read() if one.path != "deep/broken.ipynb"} == {"too large"}
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "empty", tmp_path / "missing", folder / "c.py"):
        with pytest.raises(SourceError) as error:
            list(Notebooks(path).read())
        assert "\n" not in error.value.line()
