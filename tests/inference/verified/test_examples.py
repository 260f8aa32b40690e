"""Examples in docstrings as tests."""

import ast

import pytest

from yunque.inference.verified.examples import example_tests


def examples(docstring: str, signature: str = "def add(a, b):") -> list[str]:
    text = example_tests(f"{signature}\n    {docstring!r}\n", "sums")
    ast.parse(text)
    return [line.strip().removeprefix("assert ") for line in text.splitlines() if line.strip().startswith("assert ")]


@pytest.mark.parametrize(
    ("docstring", "asserts"),
    [
        ("Sum.\n>>> add(1, 2)\n3\n>>> add([1], [(2)])\n[1, 2]", ["add(1, 2) == 3", "add([1], [(2)]) == [1, 2]"]),
        ("add(1, 2) == 3", ["add(1, 2) == 3"]),
        ("For add(1, 2) => 3.", ["add(1, 2) == 3"]),
        ("add('a)', 'b') ➞ 'a)b'  # with brackets", ["add('a)', 'b') == 'a)b'"]),
        ("add(1, 2) -> 3\nadd(1,1) = 2\nadd(0, 0) should return 0", ["add(1, 2) == 3", "add(1,1) == 2", "add(0, 0) == 0"]),
        ("add(0.1, 0.2) returns 0.3", ["add(0.1, 0.2) == pytest.approx(0.3)"]),
        ("assert add(1, add(1, 1)) == 3", ["add(1, add(1, 1)) == 3"]),
        (">>> add(1, 2)  # a sum\n3", []),  # what is below may be anything
        ("add(one, two) == 3", []),
        ("add(1, 2) == 1 + 2", []),
        ("add(1, 2", []),
        ("add(a, b) adds", []),
        ("readd(1, 2) == 3", []),
        ("add(" + "(" * 300 + ") == 1", []),
        (">>> add(1, 2)", []),
        ("", []),
    ],
)
def test_a_call_and_what_it_gives(docstring, asserts):
    assert examples(docstring) == asserts


def test_a_file_of_tests_imports_what_it_tests():
    code = 'def f(x):\n    """f(1) == 2"""\n\n\ndef g(x):\n    """Of f(1) == 7.\n\n    >>> g(f(1))\n    5\n    """\n'
    text = example_tests(code, "a.b")
    assert text.startswith("import pytest\n\nfrom a.b import f, g\n") and text.count("def test_example_") == 2
    assert example_tests("def f(x):", "a") == example_tests("class A:\n    pass", "a") == example_tests("def (", "a") == ""


def test_a_stub_without_a_body_has_examples_too():
    assert examples("add(1, 2) == 3", 'def zero():\n    """zero() == 0"""\n\ndef add(a, b):') == [
        "zero() == 0",
        "add(1, 2) == 3",
    ]
