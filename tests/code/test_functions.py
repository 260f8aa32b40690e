import ast
import importlib.util
import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yunque.code.functions import (
    blank_body,
    code_only,
    comment_spans,
    functions,
    is_test_path,
    num_unread_functions,
    statement_spans,
)
from yunque.code.grammars import error_lines, parse

# Real files with everything in them: decorators, async, overloads, nested classes, every docstring habit.
MODULES = [
    *("argparse", "asyncio.base_events", "collections", "dataclasses", "enum", "functools", "http.client", "inspect"),
    *("tarfile", "textwrap", "typing", "unittest.mock", "rich.console", "rich.progress", "rich.text", "pydantic.fields"),
]


def real_text(module: str) -> str:
    return Path(importlib.util.find_spec(module).origin).read_bytes().decode()


def bodies(text: str, language: str) -> dict[str, str]:
    """Qualified name -> the body to be written."""
    data = text.encode()
    return {
        one.qualified_name: data[one.prompt_end_byte : one.body_end_byte].decode()
        for one in functions(text, language)
        if one.has_body
    }


def by_ast(text: str) -> list[tuple[int, str, str]]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return sorted(
        (one.lineno, one.name, ast.get_docstring(one) or "") for one in ast.walk(ast.parse(text)) if isinstance(one, kinds)
    )


def blank_all(text: str, found: list) -> str:
    """Every one of these bodies blanked, the last one first, so that the spans before it stay true."""
    for function in sorted(found, key=lambda one: one.start_byte, reverse=True):
        text = blank_body(text, function, f"{function.indent}raise NotImplementedError")
    return text


# ------------------------------------------------------------------------------------------------------------- Python, real
@pytest.mark.parametrize("module", MODULES)
def test_agrees_with_ast_on_names_lines_and_docstrings(module):
    text = real_text(module)
    assert sorted((one.line, one.name, one.docstring) for one in functions(text, "python")) == by_ast(text)


@pytest.mark.parametrize("module", MODULES)
def test_blanked_real_files_still_parse(module):
    text = real_text(module)
    found = [one for one in functions(text, "python") if one.has_body]
    outermost = [one for one in found if not any(other.start_byte < one.start_byte < other.body_end_byte for other in found)]
    innermost = [one for one in found if not any(one.start_byte < other.start_byte < one.body_end_byte for other in found)]
    assert found
    for chosen in (outermost, innermost):
        blanked = blank_all(text, chosen)
        ast.parse(blanked)
        assert blanked.count("raise NotImplementedError") >= len(chosen)


@pytest.mark.parametrize("module", MODULES)
def test_body_starts_and_ends_with_whole_lines(module):
    data = real_text(module).encode()
    for one in functions(data.decode(), "python"):
        assert 0 <= one.start_byte < one.end_byte <= len(data)
        if one.has_body:
            assert data[one.prompt_end_byte - 1 : one.prompt_end_byte] == b"\n"
            assert data[one.body_end_byte : one.body_end_byte + 1] in (b"\n", b"")
            assert one.start_byte < one.prompt_end_byte < one.body_end_byte <= one.end_byte


# -------------------------------------------------------------------------------------------------------- Python, generated
DOCSTRINGS = [
    '"""One."""',
    "'''Añade.\n\n  más\n'''",
    '"ba\\n"',
    "r'\\d'",
    'R"""x"""  # why',
    "'a' 'b'",
    "('in'\n 'two')",
    "u'old'",
    "'''日本'''",
]
NOT_DOCSTRINGS = ["b'bytes'", "f'{1}'", "'%s' % 1", "...; x = 1"]
STATEMENTS = [
    *(
        "x = 1",
        "return 'ñ🙂'",
        "x = '''\nfree\n'''",
        "if x:\n>pass\nelse:\n>y = 2  # tail",
        "for _ in ():\n\n>pass",
        "x = (1,\n2)",
    ),
    *(
        "# first\nx = 1",
        "with a as b:\n># only\n>b()",
        "try:\n>pass\nfinally:\n>del x",
        "x = 1; y = 2;",
        "x = 1 \\\n>+ 2",
        "yield x  # 日本",
    ),
    *(
        "def inner(a):\n>'doc'\n>return a",
        "@d\nclass C:\n>z = 1",
        "lambda: 0",
        "assert x, 'é'",
        "x = 0\n'''just a string'''",
    ),
]
HEADS = [
    "def {}():",
    "def {}(a, *, b: int = 3) -> 'x':  # note",
    "async def {}(\n    self,\n):",
    "@dec\n# between\n@dec(1)\ndef {}(x=lambda: {{}}) :",
]


@st.composite
def python_files(draw):
    """A source text, and the body that is expected of each function, by its name."""
    indent, newline = draw(st.sampled_from(["    ", "\t", "  "])), draw(st.sampled_from(["\n", "\r\n"]))
    text, expected = draw(st.sampled_from(["", "# -*- coding: utf-8 -*-\n", "'''módulo'''\n\x0c\n"])), {}
    for number in range(draw(st.integers(1, 4))):
        name, depth = f"función_{number}", draw(st.integers(0, 1))
        docstring = draw(st.none() | st.sampled_from(DOCSTRINGS))
        first = draw(st.lists(st.sampled_from(NOT_DOCSTRINGS), max_size=0 if docstring else 1))
        body = "\n".join([*first, *draw(st.lists(st.sampled_from(STATEMENTS), min_size=1, max_size=4))])
        margin, inside = indent * depth, indent * (depth + 1)
        head = "class A:\n" * depth + _indented(draw(st.sampled_from(HEADS)).format(name), margin)
        lines = _indented(body.replace(">", indent), inside)
        between = draw(st.sampled_from(["", "\n", "\n" + inside + "# before\n"]))
        text += head + "\n" + (_indented(docstring, inside) + "\n" if docstring else "") + between + lines
        text += draw(st.sampled_from(["\n", "\n\n\n", "\n" + inside + "# after\n", "\n# far\n\n"]))
        expected[name] = (between + lines).replace("\n", newline)
    if draw(st.booleans()):
        text = text.removesuffix("\n")
    return text.replace("\n", newline), expected


def _indented(text: str, margin: str) -> str:
    """Every line with a margin, but for those inside a string or a bracket, which may stand anywhere."""
    return "\n".join(
        margin + line if line and line not in ("free", "'''", "2)", "  más") else line for line in text.split("\n")
    )


@given(python_files())
def test_generated_bodies_are_found_exactly(file):
    text, expected = file
    found = functions(text, "python")
    assert sorted((one.line, one.name, one.docstring) for one in found) == by_ast(text)
    data = text.encode()
    for one in found:
        if one.name in expected:
            assert data[one.prompt_end_byte : one.body_end_byte].decode() == expected[one.name]
        if one.has_body:
            ast.parse(blank_body(text, one, f"{one.indent}raise NotImplementedError"))
            assert blank_body(text, one, data[one.prompt_end_byte : one.body_end_byte].decode()) == text


def test_names_lines_and_docstrings():
    text = """\
class A:
    class B:
        @property
        def m(self):
            r'''Doc \\d

            more'''
            def n():
                return 1
            return n
"""
    first, second = functions(text, "python")
    assert (first.qualified_name, first.line, first.docstring, first.indent) == ("A.B.m", 4, "Doc \\d\n\nmore", " " * 12)
    assert (second.qualified_name, second.docstring) == ("A.B.m.n", "")
    assert text.encode()[first.start_byte :].startswith(b"@property")


def test_comments_around_a_function_are_none_of_its_body():
    text = (
        "# about f\n# more\n@dec\ndef f(a):\n    if a:\n        b()  # on the line\n        # trailing\n    # after\n# far\n"
    )
    (function,) = functions(text, "python")
    assert text[function.start_byte :].startswith("@dec")
    assert bodies(text, "python") == {"f": "    if a:\n        b()  # on the line"}


@pytest.mark.parametrize(
    "text",
    [
        "def f(): return 1\n",
        "def f(): 'doc'; return 1\n",
        "def f(): \\\n  return 1\n",
        "def f():\n    pass\n",
        "def f():\n    '''doc'''\n",
        "def f():\n    '''doc'''\n    ...\n",
        "def f():\n    '''doc'''; return 1\n",
        "def f():\n    raise NotImplementedError('later')\n",
        "def f():\n    # nothing\n    pass  # yet\n",
    ],
)
def test_nothing_to_write_means_no_body(text):
    (function,) = functions(text, "python")
    assert function.name == "f"
    assert not function.has_body


def test_a_function_that_does_not_parse_is_left_out_alone():
    text = "def good():\n    return 1\n\ndef bad(:\n    return 2\n\ndef fine():\n    return 3\n"
    assert "good" in bodies(text, "python")
    assert "bad" not in bodies(text, "python")


@pytest.mark.parametrize(
    ("text", "language", "number"),
    [
        ("def good():\n    return 1\n\ndef odd(a):\n    if a:\n        return (a +\na)\n", "python", 0),
        ("def f():\r    return 1\r", "python", 1),
        ("int f(int a) { return a; }\nint g(int b) { return @ b; }\n", "c", 1),
        ("words", "klingon", 0),
    ],
)
def test_functions_that_are_not_read_are_counted(text, language, number):
    assert num_unread_functions(text, language) == number


def test_lone_carriage_returns_and_unknown_languages_give_nothing():
    assert functions("def f():\r    return 1\r", "python") == []
    assert functions("def f():\n    return 1\n", "klingon") == []


# ----------------------------------------------------------------------------------------------------------- other languages
# «…» marks the body that is expected, in the order of the functions that have one.
MARKED = {
    "javascript": """\
/**
 * Adds.
 * @param {number} a one
 */
export const add = async (a) => {
«  // first
  return a;»
};
class A {
  get m() {
«    return 'ñ';»  }
  static x = () => { return 1; }
}
module.exports.foo = function () {  // why
«  return {};»
};
call(function () {
  anonymous();
});
""",
    "typescript": """\
namespace N { export abstract class A<T> {
  /** Does. */
  @dec()
  m(a: number): void {
«    return;»
  }
  abstract q(): void; } }
""",
    "java": """\
class A {
  /** Tests {@code x}. */
  @Test
  public int m() {
«    int[] a = {
      1 };

    return 1; // }»
  }
  A() {}
  class B { void n() { /* c */
«    x();»
  } }
}
""",
    "go": """\
package p

// Licence, far away.

// Foo does.
// More.
func (r *T[K]) Foo(a int) int {
«\tx := 1
\treturn x»
}
var z = 3 // trailing
func TestY(t *testing.T) {
«\tt.Log(1)»
}
""",
    "rust": """\
/// Doc.
/// Two.
#[inline]
pub fn f<T>(x: T) -> T
where T: Clone
{
«    /* c */
    x.clone()»
}
impl<T> Foo for Bar<T> {
    #[test]
    fn g(&self) {
«        self.x();»
    }
}
""",
    "c": """\
/* Doc. */
static int *f(int a)
{
«    return 1;»
}
int g(void) {
    /* nothing */
}
""",
    "cpp": """\
namespace n {
// Doc.
template <class T>
T* A<T>::f(int a) const {
«  return 1;»
}
struct S { S() : x(1) {
«  y();»
} bool operator==(S o) { return 1; } };
}
""",
    "php": """\
<h1>Title</h1>
<?php
namespace App\\X;

// Licence.

/**
 * Adds, añade.
 * @return int
 */
#[Pure]
function add(int $a): int
{  # why
«    // first
    return $a;»
}
trait T {
  /* no doc */
  public static function m() { return 1; }
  /** Does. */
  #[Test]
  function n() {
«    return <<<X
}
X;»
  }
  abstract function q();
}
$f = function () {
    anonymous();
};
?>
<p>
""",
    "ruby": """\
#!/usr/bin/ruby
# frozen

module A
  class B::C < D
    # Does it.
    #
    # More.
    def self.x(a, b = 1)
«      # c
      return a»
    end

    x = 3 # trailing
    private def w a # why
«      1
    rescue Foo
      'ñ'»
    end
    def empty?
    end
    def endless = 1
    def one(o) true end
    def <=>(o);
«      o.each do |x|
        y
      end»
    end
    # Adds.
    def test_add
«      assert»    end
  end
end
""",
    "shell": """\
#!/bin/bash
first() {
«  echo 1»
}

# Says.
## More.
my-say () # why
{
«  # c
  cat <<X
}
X»
}
function two { echo 2; }
function three()
(
«  cd x»
)
if a; then
  # Doc.
  function four {
«\techo 'ñ'»
  } > log
fi
""",
    "solidity": """\
// SPDX-License-Identifier: MIT
pragma solidity ^0.8.0;
/// @title no function
contract A is B {
    // no doc
    constructor(uint x) B(x) {
«        y = x;»
    }
    /// @notice Does.
    /// More.
    function f(uint a) public view returns (uint) { // why
«        return a;»
    }
    /** Guards. */
    modifier only() {
«        require(true, "}");
        _;»
    }
    receive() external payable {
«        z();»
    }
    function q() external;
}
library L { function test_it() internal {} }
function free(uint a) pure returns (uint) {
«    return a;»
}
""",
}
EXPECTED = {  # qualified name -> (docstring, is a test)
    "javascript": {
        "add": ("Adds.\n@param {number} a one", False),
        "A.m": ("", False),
        "A.x": ("", False),
        "module.exports.foo": ("", False),
    },
    "typescript": {"N.A.m": ("Does.", False)},
    "java": {"A.m": ("Tests {@code x}.", True), "A.A": ("", False), "A.B.n": ("", False)},
    "go": {"T.Foo": ("Foo does.\nMore.", False), "TestY": ("", True)},
    "rust": {"f": ("Doc.\nTwo.", False), "Bar.g": ("", True)},
    "c": {"f": ("Doc.", False), "g": ("", False)},
    "cpp": {"n.A.f": ("Doc.", False), "n.S.S": ("", False), "n.S.operator==": ("", False)},
    "php": {"add": ("Adds, añade.\n@return int", False), "T.m": ("", False), "T.n": ("Does.", True)},
    "ruby": {
        "A.B.C.x": ("Does it.\n\nMore.", False),
        "A.B.C.w": ("", False),
        "A.B.C.endless": ("", False),
        "A.B.C.one": ("", False),
        "A.B.C.<=>": ("", False),
        "A.B.C.test_add": ("Adds.", True),
    },
    "shell": {
        "first": ("", False),
        "my-say": ("Says.\nMore.", False),
        "two": ("", False),
        "three": ("", False),
        "four": ("Doc.", False),
    },
    "solidity": {
        "A.constructor": ("", False),
        "A.f": ("@notice Does.\nMore.", False),
        "A.only": ("Guards.", False),
        "A.receive": ("", False),
        "L.test_it": ("", True),
        "free": ("", False),
    },
}


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("language", MARKED)
def test_bodies_names_and_docs_of_every_language(language, newline):
    marked = MARKED[language].replace("\n", newline)
    text = marked.replace("«", "").replace("»", "")
    assert list(bodies(text, language).values()) == [part.split("»")[0] for part in marked.split("«")[1:]]
    assert {one.qualified_name: (one.docstring, one.is_test) for one in functions(text, language)} == EXPECTED[language]


NEW = (b"# Says", b"# Does", b"# Adds", b"# Doc", b"/// @notice")


@pytest.mark.parametrize("language", MARKED)
def test_doc_comment_belongs_to_the_definition(language):
    text = MARKED[language].replace("«", "").replace("»", "")
    for one in functions(text, language):
        if one.docstring:
            head = text.encode()[one.start_byte :]
            assert head.startswith((b"/**", b"// Foo", b"// Doc", b"/// Doc", b"/* Doc", *NEW))
            start, end = one.docstring_span
            assert start == one.start_byte < end and text.encode()[start:end].strip() == text.encode()[start:end]


# --------------------------------------------------------------------------------------------------- code, statements, tests
@given(python_files())
def test_code_only_keeps_every_offset_and_drops_comments(file):
    data, code = file[0].encode(), code_only(file[0], "python")
    assert len(code) == len(data)
    assert all(new in (old, 32) for old, new in zip(data, code, strict=True))
    for word in (b"# after", b"# before", "日本".encode(), b"One."):
        assert word not in code


def test_code_only_in_a_language_with_doc_comments():
    code = code_only("/** Doc. */\nint f() { // c\n  return 'x'; }\n", "java")
    assert b"Doc" not in code and b"// c" not in code and b"return 'x'" in code


@pytest.mark.parametrize(
    ("language", "text", "spans"),
    [
        ("ruby", "def f\n  a = 1\n  b\nrescue C\n  d\nend\n", ["a = 1", "a = 1\n  b"]),
        ("shell", "if x; then\n  a=1\n  b\nelse\n  c\nfi\n", ["a=1", "a=1\n  b"]),
        ("solidity", "contract A { function f() { a = 1;\n b(); } }", ["a = 1;", "a = 1;\n b();"]),
        ("php", "<?php\nfunction f() {\n  a();\n  # c\n  return 2; }", ["a();", "a();\n  # c\n  return 2;"]),
    ],
)
def test_statements_stop_where_their_block_does(language, text, spans):
    start = text.encode().index(spans[0].encode())
    found = [text[low:high] for low, high in statement_spans(text, language, start)]
    assert list(dict.fromkeys(found)) == spans


PIECES = {
    language: [
        *(line + "\n" for line in marked.replace("«", "").replace("»", "").split("\n")),
        "\r\n",
        "/* ñ",
        "'",
        "é🙂",
        "}",
    ]
    for language, marked in MARKED.items()
}


@st.composite
def broken_files(draw):
    """A language, and a text of lines of its sample in any order: mostly broken, with all that its grammar knows."""
    language = draw(st.sampled_from(sorted(PIECES)))
    first = draw(st.sampled_from(["", MARKED[language].replace("«", "").replace("»", ""), "<?php\n"]))
    return language, first + "".join(draw(st.lists(st.sampled_from(PIECES[language]), max_size=30)))


@given(broken_files())
def test_spans_of_any_text_nest_and_cut_at_whole_characters(file):
    language, text = file
    data, found = text.encode(), functions(text, language)
    spans = [(one.start_byte, one.end_byte) for one in found]
    assert spans == sorted(spans, key=lambda span: (span[0], -span[1]))
    for at, (start, end) in enumerate(spans):
        assert all(end <= low or high <= end for low, high in spans[at + 1 :]), "one lies inside the other, or after it"
        assert 0 <= start < end <= len(data)
    spans += [(one.prompt_end_byte, one.body_end_byte) for one in found] + comment_spans(text, language)
    spans += [one.docstring_span for one in found if one.docstring_span]
    edges = sorted({0, len(data), *(edge for span in spans for edge in span)})
    pieces = [data[low:high].decode() for low, high in itertools.pairwise(edges)]
    assert "".join(pieces) == text
    assert not any(before.endswith("\r") and after.startswith("\n") for before, after in itertools.pairwise(pieces))
    assert len(code_only(text, language)) == len(data)


def test_the_second_function_of_a_declaration_starts_after_the_first():
    text = "var f = function () {\n  return 1;\n}, g = () => {\n  return 2;\n};\n"
    first, second = functions(text, "javascript")
    assert first.end_byte <= second.start_byte and text[second.start_byte :].startswith("g = ")


def test_a_line_of_dashes_is_no_docstring():
    (function,) = functions("// -------\nint f() {\n  return 1;\n}\n", "cpp")
    assert (function.docstring, function.docstring_span, function.start_byte) == ("", None, 0)


def test_php_without_its_tag_is_a_fragment():
    text = "function f($a) {\n    return 1; // c\n}\n"
    assert bodies(text, "php") == {"f": "    return 1; // c"}
    assert b"// c" not in code_only(text, "php") and not error_lines(parse(text.encode(), "php"), "php")
    assert functions("only a page of text\n<?php ?>\n", "php") == []


def test_comments_are_given_in_their_order_without_line_breaks():
    text = "# one\r\nx = 1 # two\r\n"
    assert [text[low:high] for low, high in comment_spans(text, "python")] == ["# one", "# two"]
    assert comment_spans(text, "klingon") == []


def test_statements_grow_by_whole_statements():
    text = "def f():\n    a = 1\n    if a:\n        b = 2\n    return b\n"
    start = text.index("a = 1")
    assert [text[low:high] for low, high in statement_spans(text, "python", start)] == [
        "a = 1",
        "a = 1\n    if a:\n        b = 2",
        "a = 1\n    if a:\n        b = 2\n    return b",
    ]
    assert list(statement_spans(text, "klingon", start)) == []
    assert list(statement_spans("a = 1\n# why\n", "python", 0)) == [(0, 5)]  # a comment is no statement


@pytest.mark.parametrize(
    "path",
    [
        *(
            "test_a.py",
            "pkg/a_test.py",
            "tests/deep/helper.py",
            "a.test.js",
            "src/__tests__/b.ts",
            "b.spec.tsx",
            "x_test.go",
        ),
        *("src/test/java/p/ATest.java", "p/ServiceIT.java", "conftest.py", "TestThing.java"),
        *("spec/a.rb", "a_spec.rb", "FooTest.php", "Vault.t.sol", "test_run.sh"),
    ],
)
def test_test_paths(path):
    assert is_test_path(path)


@pytest.mark.parametrize(
    "path", ["a.py", "contest.py", "testing/tools.py", "latest.py", "attest.go", "testament.py", "Fastest.java"]
)
def test_other_paths(path):
    assert not is_test_path(path)
