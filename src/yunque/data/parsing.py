"""Where the functions of a text are: exact byte spans of signature, docstring and body, from a real parser.

Spans are offsets into the UTF-8 bytes of the text, so cutting at them and joining again gives the text back, whatever its
line breaks, tabs or alphabet. One row of ``LANGUAGES`` a language; everything else is shared by all of them.

Covered: Python (decorators, async, methods, nested functions, every kind of docstring), JavaScript, TypeScript, Java, Go,
Rust, C, C++; a function whose own text does not parse is left out, the rest of its file is not.
Not covered: anonymous functions (no name to ask for), expression bodies and bodies on the line of the signature (found,
without a body to write), files with lone carriage returns as line breaks (no functions at all).
"""

from __future__ import annotations

import ast
import inspect
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from yunque.checks import grammars

if TYPE_CHECKING:
    from tree_sitter import Node, Tree


@dataclass(frozen=True, kw_only=True)
class Language:
    """How one language writes functions, scopes and comments, in the words of its grammar."""

    functions: tuple[str, ...]
    """Node types of a function definition, with the body in the field ``body``."""
    scopes: tuple[str, ...] = ()
    """Node types that lend their name to what they hold: classes, namespaces."""
    comments: tuple[str, ...] = ("comment",)
    docs: tuple[str, ...] = ()
    """How a doc comment above a definition begins. Empty: the docstring is the first statement of the body."""
    prelude: tuple[str, ...] = ()
    """Node types of attributes that stand before a definition as its siblings."""
    wrappers: tuple[str, ...] = ()
    """Node types of parents that belong to the definition: decorators, ``export``, ``template``."""
    blocks: tuple[str, ...] = ()
    """Node types that hold statements and may start at the same byte as the first of them."""


_SCRIPT = Language(
    functions=(
        *("function_declaration", "generator_function_declaration", "method_definition"),
        *("function_expression", "generator_function", "arrow_function"),
    ),
    scopes=("class_declaration", "class"),
    docs=("/**",),
    prelude=("decorator",),
    wrappers=(
        *("export_statement", "lexical_declaration", "variable_declaration", "variable_declarator"),
        *("expression_statement", "assignment_expression", "pair", "field_definition", "public_field_definition"),
    ),
    blocks=("program", "class_body"),
)
_TYPED_SCRIPT = Language(
    **{**vars(_SCRIPT), "scopes": (*_SCRIPT.scopes, "abstract_class_declaration", "internal_module")},
)
_C = Language(
    functions=("function_definition",),
    docs=("/*", "//"),
    blocks=("translation_unit", "declaration_list", "field_declaration_list"),
)

LANGUAGES: dict[str, Language] = {
    "python": Language(
        functions=("function_definition",),
        scopes=("class_definition",),
        wrappers=("decorated_definition",),
        blocks=("module", "block"),
    ),
    "javascript": _SCRIPT,
    "typescript": _TYPED_SCRIPT,
    "tsx": _TYPED_SCRIPT,
    "java": Language(
        functions=("method_declaration", "constructor_declaration", "compact_constructor_declaration"),
        scopes=("class_declaration", "interface_declaration", "enum_declaration", "record_declaration"),
        comments=("line_comment", "block_comment"),
        docs=("/**",),
        blocks=("program", "class_body", "interface_body", "enum_body_declarations"),
    ),
    "go": Language(
        functions=("function_declaration", "method_declaration"),
        docs=("//", "/*"),
        blocks=("source_file", "statement_list"),
    ),
    "rust": Language(
        functions=("function_item",),
        scopes=("impl_item", "trait_item", "mod_item"),
        comments=("line_comment", "block_comment"),
        docs=("///", "/**"),
        prelude=("attribute_item",),
        blocks=("source_file", "declaration_list"),
    ),
    "c": _C,
    "cpp": Language(
        **{
            **vars(_C),
            "scopes": ("class_specifier", "struct_specifier", "namespace_definition"),
            "wrappers": ("template_declaration",),
        }
    ),
}


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

    @property
    def has_body(self) -> bool:
        """There is a body to write: statements on lines of their own that are not only ``pass``, ``...`` or "to do"."""
        return self.prompt_end_byte < self.body_end_byte


def functions(text: str, language: str) -> list[Function]:
    """Every named function definition that parses, in the order they start; none for a language without a row."""
    row = LANGUAGES.get(language)
    if row is None or re.search(r"\r(?!\n)", text):
        return []
    data, tree = _parsed(text, language)
    kinds = " ".join(f"({kind})" for kind in (*row.functions, *row.scopes))
    nodes = grammars.captures(tree, language, f"[{kinds}] @node").get("node", [])
    nodes.sort(key=lambda node: (node.start_byte, -node.end_byte))
    found: list[Function] = []
    around: list[tuple[int, str]] = []  # (end, name) of the definitions that the current node lies in
    for node in nodes:
        while around and around[-1][0] <= node.start_byte:
            around.pop()
        scope, name = _name(node, data)
        if not name:
            continue
        if node.type in row.functions and node.child_by_field_name("body") and not node.has_error:
            outer = [*(outer_name for _, outer_name in around), *scope]
            found.append(_function(node, data, row, outer, name))
        around.append((node.end_byte, ".".join([*scope, name])))
    return found


def has_errors(text: str, language: str) -> int:
    """How many lines of the text hold something the grammar does not know; 0 when it parses, or has no grammar."""
    return len(grammars.error_lines(_parsed(text, language)[1], language)) if language in grammars.GRAMMARS else 0


def code_only(text: str, language: str) -> bytes:
    """The UTF-8 bytes of the text with every comment and docstring turned into blanks, so that all offsets stay true."""
    row = LANGUAGES.get(language)
    if row is None:
        return text.encode()
    data, tree = _parsed(text, language)
    patterns = [f"({kind}) @blank" for kind in row.comments]
    if not row.docs:  # a statement that is only a string is documentation, wherever it stands
        patterns.append("(expression_statement . [(string) (concatenated_string)] .) @blank")
    code = bytearray(data)
    for node in grammars.captures(tree, language, " ".join(patterns)).get("blank", []):
        code[node.start_byte : node.end_byte] = re.sub(rb"[^\r\n]", b" ", code[node.start_byte : node.end_byte])
    return bytes(code)


def statement_spans(text: str, language: str, start_byte: int) -> Iterator[tuple[int, int]]:
    """The statement that starts at a byte, then it with the next one, and so on to the end of its block.

    Inside a statement of several lines it is the part (an argument, an item) that starts there. Nothing without a grammar.
    """
    row = LANGUAGES.get(language)
    if row is None:
        return
    data, tree = _parsed(text, language)
    node = tree.root_node.descendant_for_byte_range(start_byte, start_byte)
    while node and node.parent and node.parent.start_byte == start_byte and node.parent.type not in row.blocks:
        node = node.parent
    if node is None or node.parent is None or node.start_byte != start_byte or node.type in row.blocks:
        return
    while node and node.type not in ("}", ")", "]"):
        if node.end_byte > start_byte and node.type not in row.comments:
            yield start_byte, _trimmed_end(node, data)
        node = node.next_sibling


def blank_body(text: str, function: Function, replacement: str) -> str:
    """The text with the body of a function replaced, e.g. by ``f"{function.indent}raise NotImplementedError"``."""
    data = text.encode()
    return (data[: function.prompt_end_byte] + replacement.encode() + data[function.body_end_byte :]).decode()


_TEST_STEM = re.compile(r"^(?:tests?_.+|.+_tests?|.+[.](?:test|spec)|conftest|Test[A-Z]\w*|\w+Tests?|\w*[a-z0-9]IT)$")
_TEST_FOLDERS = frozenset({"test", "tests", "__tests__", "spec", "specs"})


def is_test_path(path: str) -> bool:
    """Whether a path is that of a test file, by the habits of our languages: ``test_x.py``, ``x.spec.ts``, ``tests/…``."""
    pure = PurePosixPath(path)
    return bool(_TEST_STEM.match(pure.stem)) or not _TEST_FOLDERS.isdisjoint(pure.parts[:-1])


# ------------------------------------------------------------------------------------------------------ one definition
@lru_cache(maxsize=4)
def _parsed(text: str, language: str) -> tuple[bytes, Tree]:
    """The bytes and the tree; kept for a moment, since one file is asked for its functions, code and statements."""
    data = text.encode()
    return data, grammars.parse(data, language)


def _function(node: Node, data: bytes, row: Language, outer: list[str], name: str) -> Function:
    first, doc_comment = _lead_in(node, data, row)
    if row.docs:
        docstring, body = _comment_text(doc_comment), _braced_body(node, data, row)
    else:
        docstring, body = _indented_body(node, data)
    node_end = _trimmed_end(node, data)
    start, end, indent = body or (node_end, node_end, "")
    head = data[first.start_byte : node.child_by_field_name("body").start_byte]
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
        is_test=bool(_TEST_NAME.match(name) or _TEST_MARK.search(head)),
    )


_TEST_NAME = re.compile(r"(?:test|Test|Benchmark|Fuzz)(?:_|[A-Z]|$)")
_TEST_MARK = re.compile(rb"#\[(?:\w+::)?test\b|@(?:\w+[.])*(?:Parameterized|Repeated)?Test\b")


def _trimmed_end(node: Node, data: bytes) -> int:
    """The end of a node without white space: grammars let a comment end with its carriage return or line break."""
    return node.start_byte + len(data[node.start_byte : node.end_byte].rstrip())


def _name(node: Node, data: bytes) -> tuple[list[str], str]:
    """The scopes a definition itself names (``impl Foo``, ``func (r *T)``, ``A::f``), and its name; "" if anonymous."""
    named = node.child_by_field_name("name")
    if node.type == "impl_item":
        named = node.child_by_field_name("type")
    elif named is None and node.child_by_field_name("declarator"):
        named = node
        while inner := named.child_by_field_name("declarator"):
            named = inner
    elif named is None and node.parent:  # const f = () => …, exports.f = function …, { f: function … }
        held_by = [node.parent.child_by_field_name(field) for field in ("name", "left", "key", "property")]
        named = next((holder for holder in held_by if holder and holder.end_byte < node.start_byte), None)
    text = data[named.start_byte : named.end_byte].decode() if named else ""
    if not text.startswith("operator"):
        text = re.sub(r"<.*>", "", text, flags=re.DOTALL)  # type arguments are no part of a name
    *scope, name = re.split(r"::|[.]", text)
    receiver = node.child_by_field_name("receiver")
    if receiver and (match := _GO_RECEIVER.search(data[receiver.start_byte : receiver.end_byte])):
        scope = [match[1].decode()]
    return scope, name.strip()


_GO_RECEIVER = re.compile(rb"(\w+)\s*(?:\[[^\]]*\])?\s*,?\s*\)$")


def _lead_in(node: Node, data: bytes, row: Language) -> tuple[Node, list[str]]:
    """The node a definition starts with (decorator, attribute, doc comment or itself), and its doc comments."""
    first = node
    while first.parent and first.parent.type in row.wrappers:
        first = first.parent
    doc_comment: list[str] = []
    while before := first.prev_sibling:
        text = data[before.start_byte : before.end_byte].rstrip()
        between = data[before.start_byte + len(text) : first.start_byte]
        is_doc = before.type in row.comments and text.decode().startswith(row.docs or ("\0",))
        if between.count(b"\n") > 1 or between.strip() or not (is_doc or before.type in row.prelude):
            break
        if is_doc and data[data.rfind(b"\n", 0, before.start_byte) + 1 : before.start_byte].strip():
            break  # it closes a line of code, and speaks about that one
        if is_doc:
            doc_comment.insert(0, text.decode())
        first = before
    return first, doc_comment


def _comment_text(comments: list[str]) -> str:
    lines = [line.strip() for comment in comments for line in comment.splitlines()]
    bare = (re.sub(r"^(?:/\*+!?|///?!?|\*(?!/))[ \t]?|[ \t]*\*+/$", "", line) for line in lines)
    return inspect.cleandoc("\n".join(bare))


# ---------------------------------------------------------------------------------------------------------------- its body
_REST_OF_LINE = {
    "indented": re.compile(rb"[ \t\f]*;?[ \t\f]*(?:#[^\n]*)?(?:\r?\n|$)"),
    "braced": re.compile(rb"[ \t\f]*(?:/\*(?:[^*\n]|\*(?!/))*\*/[ \t]*|//[^\n]*)?(?:\r?\n|$)"),
}
_NOTHING_TO_WRITE = re.compile(rb"pass|[.]{3}|raise\s+NotImplementedError\b.*", re.DOTALL)


def _indented_body(node: Node, data: bytes) -> tuple[str, tuple[int, int, str] | None]:
    """The docstring, and (start, end, indent) of the statements after it, or None when there is nothing to write."""
    block = node.child_by_field_name("body")
    statements = [child for child in block.named_children if child.type not in ("comment", "line_continuation")]
    colon = [child for child in node.children if child.type == ":"][-1]
    docstring = _python_docstring(statements[0], data) if statements else None
    head_end = colon.end_byte if docstring is None else statements[0].end_byte
    written = statements if docstring is None else statements[1:]
    rest = _REST_OF_LINE["indented"].match(data, head_end)
    real = [one for one in written if not _NOTHING_TO_WRITE.fullmatch(data[one.start_byte : one.end_byte])]
    # A docstring on the line of the colon belongs to a one-liner: nothing can follow it.
    if not real or not rest or not _REST_OF_LINE["indented"].match(data, colon.end_byte):
        return docstring or "", None
    line_end = data.find(b"\n", _last_code_byte(written[-1]))
    end = len(data) if line_end < 0 else line_end - (data[line_end - 1 : line_end] == b"\r")
    indent = data[data.rfind(b"\n", 0, written[0].start_byte) + 1 : written[0].start_byte].decode()
    return docstring or "", (rest.end(), end, indent)


def _python_docstring(statement: Node, data: bytes) -> str | None:
    """What ``inspect.getdoc`` would give for a body that starts with this statement; None when it is no string."""
    if statement.type != "expression_statement" or statement.named_child_count != 1:
        return None
    inner = statement.named_children[0]
    if inner.type not in ("string", "concatenated_string", "parenthesized_expression"):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = ast.literal_eval(f"({data[inner.start_byte : inner.end_byte].decode()})")
    except (ValueError, SyntaxError, RecursionError, MemoryError):  # an f-string, or an expression in brackets
        return None
    return inspect.cleandoc(value) if isinstance(value, str) else None


def _last_code_byte(node: Node) -> int:
    """The end of the last token that is not a comment: a block's own end may lie after comments that follow it."""
    skipped = ("comment", "line_continuation")
    while inner := [child for child in node.children if child.type not in skipped and child.end_byte > child.start_byte]:
        node = inner[-1]
    return node.end_byte


def _braced_body(node: Node, data: bytes, row: Language) -> tuple[int, int, str] | None:
    """(start, end, indent) of the lines between the braces, or None when there is nothing to write."""
    block = node.child_by_field_name("body")
    rest = _REST_OF_LINE["braced"].match(data, block.start_byte + 1)
    real = any(child.type not in row.comments for child in block.named_children)
    if not real or not rest or data[block.start_byte : block.start_byte + 1] != b"{":
        return None
    body = data[rest.end() : block.end_byte - 1].rstrip()
    indent = re.match(rb"(?:[ \t]*\r?\n)*([ \t]*)", body)[1].decode()
    return (rest.end(), rest.end() + len(body), indent) if body else None
