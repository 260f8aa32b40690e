"""What makes code insecure, by CWE: Bandit for Python, and patterns of our own for ten languages.

A pattern looks at code without its comments and, unless the rule is about them, without the contents of its texts, so that
neither prose nor a message about ``eval(`` counts. The rules are in ``rules.toml``, and a test shows code that each
finds and code that it does not.

Covered: calls that are dangerous as such, weak algorithms, randomness for secrets, commands, queries and pages put together
from pieces, checks of certificates switched off, credentials in the text.
Not covered: what flows from where (a pattern cannot tell a constant from a user's words behind a name); missing checks
(authorisation, bounds, null), for which a pattern would have to see what is not there. ``benchmarks/evaluation/security.py``
measures both on pairs of vulnerable and fixed functions.
"""

from __future__ import annotations

import functools
import itertools
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from yunque.checks.canaries import canary
from yunque.checks.findings import decide, skip, timed, worst_of
from yunque.checks.security.injection import injections
from yunque.checks.security.literals import may_match, needed
from yunque.code.blanking import code_and_bare, cut, shortened
from yunque.core.nouns import Canary, Finding, Record, Verdict

RULES = Path(__file__).with_name("rules.toml")
MOST = 100
"""Findings of one rule that are told of one text."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One weakness in a group of languages."""

    name: str
    cwe: int
    languages: tuple[str, ...]
    pattern: str
    message: str
    severity: str = "warning"
    """``error``: insecure wherever it stands; ``warning``: in most places; ``note``: worth a look, and no failure."""
    texts: bool = False
    """Whether the insides of string literals are looked at as well."""


@functools.cache
def rules() -> tuple[Rule, ...]:
    """Every rule of ``rules.toml``, in its order."""
    table = tomllib.loads(RULES.read_text("utf-8"))
    return tuple(
        Rule(**row | {"languages": tuple(row["languages"]), "pattern": row["pattern"].replace("JOINED", table["joined"])})
        for row in table["rule"]
    )


class InsecurePatterns:
    """A check that passes a text in which no rule finds more than notes; SKIP without rules for its language."""

    name = "insecure-patterns"

    @timed
    def judge(self, record: Record) -> Verdict:
        """PASS, or FAIL; with every finding, its severity and its CWE. Never raises for anything the text does."""
        if not rules_for(record.language):
            return skip(self.name, "no rules for this language")
        findings = injections(shortened(record.text)) if record.language == "python" else []
        likely = _likely(record.text, record.language)
        code, bare = code_and_bare(record.text, record.language) if likely else ("", "")
        code, bare = cut(code), cut(bare)  # what is behind is blank, and takes time as well
        for rule, pattern in likely:
            text = code if rule.texts else bare
            for match in itertools.islice(pattern.finditer(text), MOST):
                line = text.count("\n", 0, match.start()) + 1
                findings.append(
                    Finding(rule=rule.name, line=line, message=rule.message, severity=rule.severity, cwe=rule.cwe)
                )
        once = {(finding.line, finding.rule): finding for finding in findings}
        findings = [once[key] for key in sorted(once)]
        return decide(self.name, findings, detail=worst_of(findings), most=None)

    def canaries(self) -> Sequence[Canary]:
        """One of each language's own rules, one of the flow of text into a query, and a clean text."""
        return [
            canary("import os\nos.system(x)\n", "python", "py-os-command"),
            canary("c.execute(\"SELECT a FROM t WHERE b = '%s'\" % x)\n", "python", "py-sql"),
            canary("child_process.exec(c)\n", "javascript", "js-exec"),
            canary("eval(x)\n", "typescript", "js-eval"),
            canary("void f(char *a) { gets(a); }\n", "c", "c-gets"),
            canary("void f(char *a) { strcpy(a, b); }\n", "cpp", "c-copy"),
            canary("class A { Object a = new ObjectInputStream(s); }\n", "java", "java-deserialise"),
            canary("a := md5.New()\n", "go", "go-weak-hash"),
            canary("<?php system($c);\n", "php", "php-command"),
            canary("fn f() { unsafe { g() } }\n", "rust", "rust-unsafe"),
            canary("import os\n\nprint(os.path.join(a, 'b'))  # os.system(x)\n", "python"),
        ]


@functools.cache
def rules_for(language: str) -> tuple[tuple[Rule, re.Pattern], ...]:
    """The rules of a language, each with its pattern."""
    return tuple((rule, re.compile(rule.pattern, re.MULTILINE)) for rule in rules() if language in rule.languages)


def _likely(text: str, language: str) -> list[tuple[Rule, re.Pattern]]:
    """The rules of which the words stand in a text: the others cannot match, and cost nothing."""
    folded = text.casefold()
    results = []
    for rule, pattern in rules_for(language):
        ignores = pattern.flags & re.IGNORECASE
        if may_match(needed(rule.pattern, re.MULTILINE), folded if ignores else text):
            results.append((rule, pattern))
    return results
