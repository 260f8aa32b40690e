"""Where the functions of a text are: exact byte spans of signature, docstring and body, from a real parser.

Spans are offsets into the UTF-8 bytes of the text, so cutting at them and joining again gives the text back, whatever its
line breaks, tabs or alphabet. What differs between languages is in the rows of ``languages.toml``.

Covered: Python (decorators, async, methods, nested functions, every kind of docstring), JavaScript, TypeScript, Java, Go,
Rust, C, C++, PHP, Ruby, Shell, Solidity; a function whose own text does not parse is left out, the rest of its file is not.
Not covered: anonymous functions (no name to ask for), expression bodies and bodies on the line of the signature (found,
without a body to write), Ruby's methods without a body and those made by ``define_method``, files with lone carriage returns
as line breaks (no functions at all).
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from yunque.code import grammars
from yunque.code.bodies import enclosed_body, indented_body
from yunque.code.languages import PARSED, Language
from yunque.code.python_ast import try_parse_python

if TYPE_CHECKING:
    from tree_sitter import Node


@dataclass(frozen=True, kw_only=True)
class Function:
    """One function definition. Offsets count UTF-8 bytes from the start of the text; ends are exclusive."""

    name: str
    qualified_name: str
    """With its classes and outer functions: ``Class.method``, ``outer.inner``. Not unique: overloads share it."""
    start_byte: int
    """Start of its decorators, attributes or doc comment, or else of the definition."""
    end_byte: int
    prompt_end_byte: int
    """Where the body to be written starts: just after the line break that ends the signature and docstring."""
    body_end_byte: int
    """End of the last line of the body, its line break excluded. Equal to ``prompt_end_byte`` without a body to write."""
    docstring: str
    """Without quotes, comment marks and common indentation; empty when there is none."""
    indent: str
    """The white space before the body's first statement; empty without a body to write."""
    line: int
    """1-based line of the name."""
    is_test: bool
    """It is a test by its name or annotation; see also ``is_test_path``."""
    docstring_span: tuple[int, int] | None
    """Of the docstring or doc comments, with their quotes or marks; None when there is none."""

    @property
    def has_body(self) -> bool:
        """There is a body to write: statements on lines of their own that are not only ``pass``, ``...`` or "to do"."""
        return self.prompt_end_byte < self.body_end_byte


def functions(text: str, language: str) -> list[Function]:
    """Every named function definition that parses, in the order they start; none for a language without a row."""
    if language not in PARSED or ("\r" in text and re.search(r"\r(?!\n)", text)):
        return []
    return list(_parsed(text, language).functions)


def num_unread_functions(text: str, language: str) -> int:
    """How many named functions with a body the text has that `functions` does not give, as far as its grammar shows them."""
    if language not in PARSED:
        return 0
    parsed = _parsed(text, language)
    if language == "python" and parsed.tree.root_node.has_error and (tree := try_parse_python(text)):
        defined = sum(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) for node in ast.walk(tree))
    else:
        defined = len(parsed.functions) + parsed.num_broken
    return max(0, defined - len(functions(text, language)))


def code_only(text: str, language: str) -> bytes:
    """The UTF-8 bytes of the text with every comment and docstring turned into blanks, so that all offsets stay true."""
    return _parsed(text, language).code if language in PARSED else text.encode()


def comment_spans(text: str, language: str) -> list[tuple[int, int]]:
    """Every comment, in their order, without the white space that grammars let it end with; none without a grammar."""
    return list(_parsed(text, language).comments) if language in PARSED else []


def statement_spans(text: str, language: str, start_byte: int) -> Iterator[tuple[int, int]]:
    """The statement that starts at a byte, then it with the next one, and so on to the end of its block.

    Inside a statement of several lines it is the part (an argument, an item) that starts there. Nothing without a grammar.
    """
    if language not in PARSED:
        return
    parsed = _parsed(text, language)
    for node in parsed.from_here(start_byte):
        yield start_byte, _trimmed_end(node, parsed.data)


def sibling_statements(text: str, language: str, start_byte: int) -> Iterator[tuple[int, int]]:
    """Each statement on its own, from the one that starts at a byte to the end of its block.

    Nothing where no statement starts: inside an expression, at a keyword such as ``else``. Nothing without a grammar.
    """
    if language not in PARSED:
        return
    parsed, row = _parsed(text, language), PARSED[language]
    for node in parsed.from_here(start_byte):
        if node.parent is None or node.parent.type not in row.rooms:
            return
        if node.is_named:
            yield node.start_byte, _trimmed_end(node, parsed.data)


def blank_body(text: str, function: Function, replacement: str) -> str:
    """The text with the body of a function replaced, e.g. by ``f"{function.indent}raise NotImplementedError"``."""
    data = text.encode()
    return (data[: function.prompt_end_byte] + replacement.encode() + data[function.body_end_byte :]).decode()


_TEST_STEM = re.compile(
    r"^(?:tests?_.+|.+_(?:tests?|spec)|.+[.](?:test|spec|t)|conftest|Test[A-Z]\w*|\w+Tests?|\w*[a-z0-9]IT)$"
)
_TEST_FOLDERS = frozenset({"test", "tests", "__tests__", "spec", "specs"})


def is_test_path(path: str) -> bool:
    """Whether a path is that of a test file, by the habits of our languages: ``test_x.py``, ``x.spec.ts``, ``tests/…``."""
    pure = PurePosixPath(path)
    return bool(_TEST_STEM.match(pure.stem)) or not _TEST_FOLDERS.isdisjoint(pure.parts[:-1])


# ---------------------------------------------------------------------------------------------------------- one text
@lru_cache(maxsize=4)
def _parsed(text: str, language: str) -> _Parsed:
    """The parsed text; kept for a moment, since one file is asked for its functions, code and statements."""
    return _Parsed(text.encode(), language)


class _Parsed:
    """The bytes and the tree of one text, and what was read off them once."""

    def __init__(self, data: bytes, language: str) -> None:
        self.data, self.language = data, language
        self.tree = grammars.parse(data, language)

    @property
    def functions(self) -> tuple[Function, ...]:
        return self._definitions[0]

    @property
    def num_broken(self) -> int:
        """Functions that hold something the grammar does not know."""
        return self._definitions[1]

    @cached_property
    def _definitions(self) -> tuple[tuple[Function, ...], int]:
        row, data = PARSED[self.language], self.data
        is_function = frozenset(row.functions)
        results: list[Function] = []
        num_broken = 0
        around: list[tuple[int, str]] = []  # (end, name) of the definitions that the current node lies in
        nodes = self._captured.get("node", [])
        for node in sorted(nodes, key=lambda node: (node.start_byte, -node.end_byte)):
            start, end = node.byte_range
            while around and around[-1][0] <= start:
                around.pop()
            kind = node.type
            scope, name = _name(node, kind, data, row)
            if not name:
                continue
            if kind in is_function and (block := node.child_by_field_name("body")):
                if node.has_error:
                    num_broken += 1
                else:
                    outer = [*(outer_name for _, outer_name in around), *scope]
                    results.append(_function(node, block, data, row, outer, name))
            around.append((end, ".".join([*scope, name])))
        return tuple(sorted(results, key=lambda item: (item.start_byte, -item.end_byte))), num_broken

    def from_here(self, start_byte: int) -> Iterator[Node]:
        """The outermost node that starts at a byte and is not a block, and those after it to the end of their block."""
        row = PARSED[self.language]
        node = self.tree.root_node.descendant_for_byte_range(start_byte, start_byte)
        while node and node.parent and node.parent.start_byte == start_byte and node.parent.type not in row.blocks:
            node = node.parent
        if node is None or node.parent is None or node.start_byte != start_byte or node.type in row.blocks:
            return
        while node and node.type not in row.closers:
            if node.end_byte > start_byte and node.type not in row.comments:
                yield node
            node = node.next_sibling

    @cached_property
    def code(self) -> bytes:
        code = bytearray(self.data)
        captured = self._captured
        for node in (*captured.get("comment", ()), *captured.get("blank", ())):
            start, end = node.byte_range
            code[start:end] = self.data[start:end].translate(_BLANK)
        return bytes(code)

    @cached_property
    def comments(self) -> tuple[tuple[int, int], ...]:
        return tuple(sorted((node.start_byte, _trimmed_end(node, self.data)) for node in self._captured.get("comment", ())))

    @cached_property
    def _captured(self) -> dict[str, list[Node]]:
        return grammars.captures(self.tree, self.language, _pattern(self.language))


_BLANK = bytes(index if index in b"\r\n" else 32 for index in range(256))


@cache
def _pattern(language: str) -> str:
    """One query for all that is asked of every text: a query costs a walk over the whole tree."""
    row = PARSED[language]
    kinds = " ".join(f"({kind})" for kind in (*row.functions, *row.scopes))
    comments = " ".join(f"({kind})" for kind in row.comments)
    # A statement that is only a string is documentation, wherever it stands.
    docstrings = "" if row.docs else "(expression_statement . [(string) (concatenated_string)] .) @blank"
    return f"[{kinds}] @node [{comments}] @comment {docstrings}"


# ------------------------------------------------------------------------------------------------------ one definition
def _function(node: Node, block: Node, data: bytes, row: Language, outer: list[str], name: str) -> Function:
    first, comments = _lead_in(node, data, row)
    if row.docs:
        docstring, body = _comment_text(comments, data, row), enclosed_body(node, block, data, row)
        documented = (comments[0].start_byte, _trimmed_end(comments[-1], data)) if docstring else None
    else:
        docstring, documented, body = indented_body(node, block, data)
    node_end = _trimmed_end(node, data)
    start, end, indent = body or (node_end, node_end, "")
    return Function(
        name=name,
        qualified_name=".".join([*outer, name]),
        start_byte=first.start_byte,
        end_byte=max(node_end, end),
        prompt_end_byte=start,
        body_end_byte=end,
        docstring=docstring,
        indent=indent,
        line=(node.child_by_field_name("name") or node).start_point.row + 1,
        is_test=bool(_TEST_NAME.match(name) or _TEST_MARK.search(data, first.start_byte, block.start_byte)),
        docstring_span=documented,
    )


_TEST_NAME = re.compile(r"(?:test|Test|Benchmark|Fuzz)(?:_|[A-Z]|$)")
_TEST_MARK = re.compile(rb"#\[(?:\w+::)?test\b|#\[(?:\w*\\)*Test\b|@(?:\w+[.])*(?:Parameterized|Repeated)?Test\b")


def _trimmed_end(node: Node, data: bytes) -> int:
    """The end of a node without white space: grammars let a comment end with its carriage return or line break."""
    start, end = node.byte_range
    while end > start and data[end - 1] in b" \t\n\r\v\f":
        end -= 1
    return end


def _name(node: Node, kind: str, data: bytes, row: Language) -> tuple[list[str], str]:
    """The scopes a definition itself names (``impl Foo``, ``func (r *T)``, ``A::f``), and its name; "" if anonymous."""
    named = node.child_by_field_name("name")
    if kind == "impl_item":
        named = node.child_by_field_name("type")
    elif named is None and kind in row.nameless:
        named = node.child(0)
    elif named is None and node.child_by_field_name("declarator"):
        named = node
        while inner := named.child_by_field_name("declarator"):
            named = inner
    elif named is None and node.parent:  # const f = () => …, exports.f = function …, { f: function … }
        held_by = [node.parent.child_by_field_name(field) for field in ("name", "left", "key", "property")]
        named = next((holder for holder in held_by if holder and holder.end_byte < node.start_byte), None)
    text = data[named.start_byte : named.end_byte].decode() if named else ""
    if text.isidentifier() and kind != "method_declaration":
        return [], text
    if named and text and not text.startswith("operator") and named.type != "operator":
        first, last = text.find("<"), text.rfind(">")
        text = text[:first] + text[last + 1 :] if 0 <= first < last else text  # type arguments are no part of a name
    *scope, name = re.split(r"::|[.]", text)
    receiver = node.child_by_field_name("receiver")
    if receiver and (match := _GO_RECEIVER.search(data[receiver.start_byte : receiver.end_byte])):
        scope = [match[1].decode()]
    return scope, name.strip()


_GO_RECEIVER = re.compile(rb"(?<!\w)(\w++)\s*+(?:\[[^\[\]]*\]\s*+)?(?:,\s*+)?\)$")


def _lead_in(node: Node, data: bytes, row: Language) -> tuple[Node, list[Node]]:
    """The node a definition starts with (decorator, attribute, doc comment or itself), and its doc comments."""
    first = node
    while (parent := first.parent) and parent.type in row.wrappers:
        if first.type == "variable_declarator" and (before := first.prev_sibling) and before.type == ",":
            break  # const f = …, g = …: the second one starts after the first
        first = parent
    comments: list[Node] = []
    while row.docs or row.prelude:
        before = first.prev_sibling
        if before is None and (parent := first.parent) and parent.type in row.blocks:
            before = parent.prev_sibling  # Ruby: a comment before the first statement stands before the block
        if before is None:
            break
        kind, end = before.type, _trimmed_end(before, data)
        between = data[end : first.start_byte]
        is_doc = kind in row.comments and _is_doc(data[before.start_byte : end], row)
        if between.count(b"\n") > 1 or between.strip() or not (is_doc or kind in row.prelude):
            break
        if is_doc and data[data.rfind(b"\n", 0, before.start_byte) + 1 : before.start_byte].strip():
            break  # it closes a line of code, and speaks about that one
        if is_doc:
            comments.insert(0, before)
        first = before
    return first, comments


def _is_doc(comment: bytes, row: Language) -> bool:
    """Whether a comment above a definition is documentation: not the ``#!`` of a script."""
    return comment.decode().startswith(row.docs) and not comment.startswith(b"#!")


def _comment_text(comments: list[Node], data: bytes, row: Language) -> str:
    if not comments:
        return ""
    details = [data[comment.start_byte : _trimmed_end(comment, data)].decode() for comment in comments]
    lines = [line.strip() for comment in details for line in comment.splitlines()]
    marks = _HASHES if row.docs == ("#",) else _SLASHES
    text = inspect.cleandoc("\n".join(marks.sub("", line) for line in lines))
    return text if re.search(r"[^\W\d_]{2}", text) else ""  # a line of dashes says nothing


_SLASHES = re.compile(r"^(?:/\*+!?|///?!?|\*(?!/))[ \t]?|(?:(?:(?<![ \t])|(?<=[*/!][ \t]))[ \t]+|(?<!\*))\*+/$")
_HASHES = re.compile(r"^#+[ \t]?")
