"""What a linter finds in Python, and how many paths lead through code in every language with a grammar.

Covered: ruff's pyflakes rules, the errors of pycodestyle and the likely bugs of flake8-bugbear, by a fixed selection that no
file near the text can change; ``noqa`` comments are not obeyed, since whoever wrote the text wrote them.
Not covered: other languages (SKIP); style.
"""

from __future__ import annotations

from collections.abc import Sequence

from yunque.checks.canaries import canary
from yunque.checks.linters.ruff import RuffCheck
from yunque.code.grammars import parse
from yunque.code.languages import PARSED
from yunque.core.nouns import Canary, Finding

RULES = "E4,E7,E9,F,B"

_BRANCHES = {
    "python": (
        "if_statement", "elif_clause", "for_statement", "while_statement", "except_clause", "case_clause",
        "conditional_expression", "boolean_operator", "for_in_clause", "if_clause", "assert_statement",
    ),
    "javascript": (
        "if_statement", "for_statement", "for_in_statement", "while_statement", "do_statement", "switch_case",
        "catch_clause", "ternary_expression",
    ),
    "java": (
        "if_statement", "for_statement", "enhanced_for_statement", "while_statement", "do_statement", "switch_label",
        "catch_clause", "ternary_expression",
    ),
    "go": ("if_statement", "for_statement", "expression_case", "type_case", "communication_case"),
    "c": ("if_statement", "for_statement", "while_statement", "do_statement", "case_statement", "conditional_expression"),
    "php": (
        "if_statement", "else_if_clause", "for_statement", "foreach_statement", "while_statement", "do_statement",
        "case_statement", "match_conditional_expression", "catch_clause", "conditional_expression",
    ),
    "ruby": (
        "if", "elsif", "unless", "if_modifier", "unless_modifier", "while", "until", "while_modifier", "until_modifier",
        "for", "when", "in_clause", "rescue", "rescue_modifier", "conditional",
    ),
    "shell": (
        "if_statement", "elif_clause", "for_statement", "c_style_for_statement", "while_statement", "case_item",
        "ternary_expression",
    ),
    "solidity": (
        "if_statement", "for_statement", "while_statement", "do_while_statement", "catch_clause", "ternary_expression",
        "yul_if_statement", "yul_for_statement",
    ),
    "rust": ("if_expression", "while_expression", "for_expression", "loop_expression", "match_arm"),
}  # fmt: skip
_BRANCHES |= {
    "typescript": _BRANCHES["javascript"],
    "tsx": _BRANCHES["javascript"],
    "cpp": (*_BRANCHES["c"], "for_range_loop", "catch_clause"),
}
_FUNCTIONS = {
    "function_definition", "function_declaration", "function_expression", "arrow_function", "method_definition",
    "method_declaration", "constructor_declaration", "function_item", "func_literal", "lambda", "lambda_expression",
    "closure_expression", "generator_function_declaration",
    "anonymous_function", "method", "singleton_method", "modifier_definition", "constructor_definition",
    "fallback_receive_definition",
}  # fmt: skip
_SHORT_CIRCUITS = {"&&", "||", "??"}


class Lint(RuffCheck):
    """A check (seam ``BatchCheck``) that passes Python in which ruff finds nothing; the score falls with findings a line."""

    name = "lint"
    rules = RULES

    def score(self, findings: Sequence[Finding], lines: int) -> float:
        """1 without findings, 0 with one a line."""
        return 1 - min(1.0, len(findings) / lines)

    def summary(self, findings: Sequence[Finding], lines: int) -> str:
        """How many, in how many lines."""
        return f"{len(findings)} findings in {lines} lines"

    def canaries(self) -> Sequence[Canary]:
        """One of each family of rules, and a text that says to look away."""
        return [
            canary("import os  # noqa\n", "python", "F401"),
            canary("def f():\n    return missing\n", "python", "F821"),
            canary("def f(x=[]):\n    return x\n", "python", "B006"),
            canary("def f():\n    try:\n        return 1\n    except:\n        return 2\n", "python", "E722"),
            canary("def f(x):\n    return x + 1\n", "python"),
        ]


def complexity(text: str, language: str) -> int:
    """Cyclomatic complexity (McCabe 1976): one for each function, one for each branch and each short circuit in it.

    Code outside functions counts its branches alone. KeyError for a language without a grammar.
    """
    branches, count = set(_BRANCHES[language]), 0
    stack = [parse(text.encode("utf-8", "surrogatepass"), language).root_node]
    while stack:
        node = stack.pop()
        kind = node.type
        if node.is_named:
            count += kind in branches or kind in _FUNCTIONS
        else:
            count += kind in _SHORT_CIRCUITS
        stack.extend(node.children)
    return count


assert set(_BRANCHES) == set(PARSED), "every grammar has its branches"
