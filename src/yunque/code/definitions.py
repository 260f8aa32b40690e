"""How each language writes functions, scopes and comments, in the words of its grammar: one row a language.

`code.functions` reads these rows, and holds everything that languages have in common.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class FunctionSyntax:
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
    closers: tuple[str, ...] = ("}", ")", "]")
    """Node types that end a run of statements in their block."""
    rooms: tuple[str, ...] = ()
    """Node types that hold statements as their children."""
    line_end: str = "slashes"
    """Which comment may follow the head of a function on its line: ``slashes``, ``hash`` or ``both``."""
    nameless: tuple[str, ...] = ()
    """Node types of definitions that are called by the keyword they begin with."""


_SCRIPT = FunctionSyntax(
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
    rooms=("statement_block", "switch_case", "switch_default"),
)
_TYPED_SCRIPT = FunctionSyntax(
    **{**vars(_SCRIPT), "scopes": (*_SCRIPT.scopes, "abstract_class_declaration", "internal_module")},
)
_C = FunctionSyntax(
    functions=("function_definition",),
    docs=("/*", "//"),
    blocks=("translation_unit", "declaration_list", "field_declaration_list"),
    rooms=("compound_statement", "case_statement"),
)

LANGUAGES: dict[str, FunctionSyntax] = {
    "python": FunctionSyntax(
        functions=("function_definition",),
        scopes=("class_definition",),
        wrappers=("decorated_definition",),
        blocks=("module", "block"),
        rooms=("module", "block"),
        line_end="hash",
    ),
    "javascript": _SCRIPT,
    "typescript": _TYPED_SCRIPT,
    "tsx": _TYPED_SCRIPT,
    "java": FunctionSyntax(
        functions=("method_declaration", "constructor_declaration", "compact_constructor_declaration"),
        scopes=("class_declaration", "interface_declaration", "enum_declaration", "record_declaration"),
        comments=("line_comment", "block_comment"),
        docs=("/**",),
        blocks=("program", "class_body", "interface_body", "enum_body_declarations"),
        rooms=("block", "constructor_body", "switch_block_statement_group"),
    ),
    "go": FunctionSyntax(
        functions=("function_declaration", "method_declaration"),
        docs=("//", "/*"),
        blocks=("source_file", "statement_list"),
        rooms=("statement_list", "block"),
    ),
    "rust": FunctionSyntax(
        functions=("function_item",),
        scopes=("impl_item", "trait_item", "mod_item"),
        comments=("line_comment", "block_comment"),
        docs=("///", "/**"),
        prelude=("attribute_item",),
        blocks=("source_file", "declaration_list"),
        rooms=("block",),
    ),
    "c": _C,
    "cpp": FunctionSyntax(
        **{
            **vars(_C),
            "scopes": ("class_specifier", "struct_specifier", "namespace_definition"),
            "wrappers": ("template_declaration",),
        }
    ),
    "php": FunctionSyntax(
        functions=("function_definition", "method_declaration"),
        scopes=("class_declaration", "interface_declaration", "trait_declaration", "enum_declaration"),
        docs=("/**",),
        blocks=("program", "declaration_list", "enum_declaration_list"),
        rooms=("compound_statement", "case_statement"),
        line_end="both",
    ),
    "ruby": FunctionSyntax(
        functions=("method", "singleton_method"),
        scopes=("class", "module"),
        docs=("#",),
        wrappers=("argument_list", "call"),  # private def f
        blocks=("program", "body_statement", "block_body", "then"),
        rooms=("body_statement", "block_body", "then", "do", "else", "begin", "ensure"),
        closers=("}", ")", "]", "end", "rescue", "ensure", "else"),
        line_end="hash",
    ),
    "shell": FunctionSyntax(
        functions=("function_definition",),
        docs=("#",),
        blocks=("program",),
        rooms=(
            "compound_statement",
            "do_group",
            "if_statement",
            "elif_clause",
            "else_clause",
            "case_item",
            "subshell",
            "program",
        ),
        closers=("}", ")", "]", "then", "do", "done", "fi", "esac", ";;", "elif_clause", "else_clause"),
        line_end="hash",
    ),
    "solidity": FunctionSyntax(
        functions=("function_definition", "modifier_definition", "constructor_definition", "fallback_receive_definition"),
        scopes=("contract_declaration", "library_declaration", "interface_declaration"),
        docs=("///", "/**"),
        blocks=("source_file", "contract_body"),
        rooms=("function_body", "block_statement"),
        nameless=("constructor_definition", "fallback_receive_definition"),
    ),
}
"""One row a language, by the name that records give it."""
