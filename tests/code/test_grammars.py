"""A tree for every text; Python's continued lines may stand anywhere."""

from __future__ import annotations

import ast

import pytest

from yunque.code.grammars import captures, parse

ODD = [
    "def f(a, b):\n    if a:\n        return (a +\nb)\n    return b\n",
    "def f(a, b):\n    return [\n  a,  # one\n# two\n b,\n]\n",
    "def f(a, b):\n    é = '''ñ\nñ''' + (\n'''x\ny''' +\nstr(a) +\n  'ü')\n    return é\n",
    "def f(a, b):\n\treturn {\n'a': (a,\nb)}\n",
    "def f(a, b):\r\n    if a:\r\n        print(a +\r\nb)\r\n    return (b,\r\n\r\na)\r\n",
    "# coding: latin-1\ndef f(a, b):\n    if a:\n        x = ('é',\nb); y = (a,\nb)\n    return x, y",
]


@pytest.mark.parametrize("text", ODD)
def test_a_continued_line_may_stand_left_of_its_statement(text):
    after = text + "\n\ndef after():\n    return 'ñ'\n"
    tree = parse(after.encode(), "python")
    assert not tree.root_node.has_error
    data = after.encode()
    found = captures(tree, "python", "(function_definition name: (identifier) @name) @whole")
    assert [data[slice(*node.byte_range)] for node in sorted(found["name"], key=lambda node: node.start_byte)] == [
        b"f",
        b"after",
    ]
    tree = ast.parse(after)
    for node, want in zip(sorted(found["whole"], key=lambda node: node.start_byte), tree.body, strict=True):
        assert (node.start_point.row + 1, node.end_point.row + 1) == (want.lineno, want.end_lineno)
        assert data[slice(*node.byte_range)].decode() == ast.get_source_segment(after, want)


@pytest.mark.parametrize(
    "text", ["def f(:\n    x = (1,\n2)\n", "x = (1\n", "\ud800 = (\n1)", "if x:\n  y = (1,\n2\n", "\0(\n)"]
)
def test_what_is_no_python_keeps_its_errors(text):
    assert parse(text.encode("utf-8", "surrogatepass"), "python").root_node.has_error
