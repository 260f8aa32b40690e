"""HumanEvalPack (Muennighoff et al. 2023): fix, explain and write the 164 functions in six languages.

Three kinds: ``fix`` shows a buggy function and its tests; ``explain`` asks for a description, from which the function is to
be written again (`Explained.follow_up` asks for that); ``synthesize`` asks for it by its docstring. What is judged is
always a body below its declaration, cut where its last open block ends, as published; functions and types behind it that it
names are kept, since three canonical solutions need theirs. Prompts are as published, but keep their last newline.

A failed assert must end the program, and its last assert must be its last statement: JavaScript's ``console.assert``, which
only prints, throws here; Go's test gets a main, and Rust's is called by one. Go's tests want testify and four of Rust's want
the crate rand: a few lines of ours stand for the parts that they use (testify's ``Equal`` is ``reflect.DeepEqual``).

Covered: completions and chat answers; the imports that the published harness adds; Go's imports, by what is used, since one
that is not used is an error there. SKIP where C++'s boost, JavaScript's js-md5 or Rust's regex and md5 are missing.
Not covered: Rust answers that use more of the crate rand; programs linked with a library (C++ 162: OpenSSL's MD5).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from yunque.checks.findings import skip
from yunque.core.errors import EvaluationError
from yunque.core.nouns import Limits, PromptStyle, Task, Verdict
from yunque.core.seams import Sandbox
from yunque.evaluation.suites.extraction import block_end, code_of, cut, last_definition, merge
from yunque.evaluation.suites.humaneval_mbpp import HUMANEVAL_STOPS, defined
from yunque.evaluation.suites.judging import judge_program, judge_python
from yunque.evaluation.suites.multipl_e import FORMS
from yunque.evaluation.suites.rows import read_rows

KINDS = ("fix", "explain", "synthesize")
LANGUAGES = {"python": "Python", "javascript": "JavaScript", "java": "Java", "go": "Go", "cpp": "C++", "rust": "Rust"}
"""Our name -> the name in prompts."""
FILES = {"javascript": "js"}
MAX_TOKENS = 512
ANSWER = "Answer with the whole function in one fenced code block."
KEYS = (
    "task_id",
    "prompt",
    "declaration",
    "canonical_solution",
    "buggy_solution",
    "test",
    "entry_point",
    "docstring",
    "instruction",
)

_PYTHON_HEAD = """\
import collections, copy, datetime, functools, hashlib, heapq, itertools, math, re, statistics, string, sys
from typing import *
from collections import *
"""
_CPP_HEAD = """\
#include <algorithm>
#include <climits>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <iostream>
#include <list>
#include <map>
#include <numeric>
#include <queue>
#include <set>
#include <sstream>
#include <stack>
#include <string>
#include <vector>
"""
_CONSOLE = """\
console.assert = (holds) => {
  if (holds) return
  const told = new Error('Assertion failed')
  throw told // this line is what Node shows first
}
"""

_GO_PACKAGES = ("bytes", "crypto/md5", "fmt", "math", "math/rand", "regexp", "sort", "strconv", "strings", "time")
_GO_IMPORTS = re.compile(r"^(?:package[ \t].*|import[ \t]*\([^()]*\)|import[ \t].*)$", re.MULTILINE)
_GO_ASSERT = """
type yunqueAsserts struct{ t *testing.T }

func (one yunqueAsserts) Equal(expected, actual interface{}, message ...interface{}) {
	if !reflect.DeepEqual(expected, actual) {
		one.t.Fatalf("assertion failed: %v, not %v", actual, expected)
	}
}

var assert = struct{ New func(*testing.T) yunqueAsserts }{func(t *testing.T) yunqueAsserts { return yunqueAsserts{t} }}
"""

# Seeded so that task 32, whose canonical solution loops for 1 in 100 of the polynomials drawn, draws none of those.
_RUST_RAND = """
#[allow(dead_code)]
mod rand {
    use std::cell::Cell;
    thread_local! { static STATE: Cell<u64> = Cell::new(4); }
    fn next() -> u64 {
        STATE.with(|state| {
            state.set(state.get().wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407));
            state.get() >> 33
        })
    }
    pub trait Drawn { fn drawn(bits: u64) -> Self; fn within(low: Self, high: Self, bits: u64) -> Self; }
    macro_rules! drawn { ($($kind:ty),*) => { $(impl Drawn for $kind {
        fn drawn(bits: u64) -> Self { (bits << 1) as $kind }
        fn within(low: Self, high: Self, bits: u64) -> Self { low + (bits % (high - low) as u64) as $kind }
    })* } }
    drawn!(i32, u32, u8, i64, u64, usize);
    pub struct Drawer;
    pub trait Rng {
        fn gen<T: Drawn>(&mut self) -> T { T::drawn(next()) }
        fn gen_range<T: Drawn>(&mut self, low: T, high: T) -> T { T::within(low, high, next()) }
    }
    impl Rng for Drawer {}
    pub fn thread_rng() -> Drawer { Drawer }
    pub fn random<T: Drawn>() -> T { T::drawn(next()) }
}
"""
_RUST_CRATES = {"regex": r"\bRegex\b|\bregex::", "md5": r"\bmd5::"}


@dataclass(frozen=True, kw_only=True, eq=False)
class HumanEvalPack:
    """One kind in one language (seam ``Suite``); ``folder`` holds ``humanevalpack_java.jsonl`` and its like."""

    folder: Path
    kind: str
    language: str
    sandbox: Sandbox | None = None
    limits: Limits = field(default_factory=Limits)
    cache: Path | None = None
    licence: str = "MIT"
    trainable: bool = False
    """The licence would allow it; whoever trains on these tasks cannot be judged by them."""

    @property
    def name(self) -> str:
        """``humanevalpack-fix-java``."""
        return f"humanevalpack-{self.kind}-{self.language}"

    @functools.cached_property
    def rows(self) -> dict[str, dict]:
        """Row by task id. EvaluationError when one cannot be used."""
        if self.language not in LANGUAGES:
            raise EvaluationError(f"no HumanEvalPack in {self.language}", do=f"known: {', '.join(LANGUAGES)}")
        if self.kind not in KINDS:
            raise EvaluationError(f"no HumanEvalPack of kind '{self.kind}'", do=f"known: {', '.join(KINDS)}")
        path = self.folder / f"humanevalpack_{FILES.get(self.language, self.language)}.jsonl"
        rows = read_rows(path, KEYS)
        for number, row in enumerate(rows, 1):
            empty = [key for key in KEYS if not (isinstance(row[key], str) and row[key].strip())]
            if empty:
                raise EvaluationError(f"row {number} has no {empty[0]!r}", where=path)
        return {row["task_id"]: row for row in rows}

    def tasks(self) -> list[Task]:
        """Every task, in the file's order."""
        return [
            Task(
                id=task_id,
                suite=self.name,
                prompt=self._prompt(row),
                question=self._question(row),
                stops=HUMANEVAL_STOPS if self.language == "python" and self.kind != "explain" else (),
                max_tokens=MAX_TOKENS,
                language=self.language,
                group=task_id,
                part=row.get("bug_type", "") if self.kind == "fix" else "",
            )
            for task_id, row in self.rows.items()
        ]

    def judge(self, task: Task, text: str, style: PromptStyle = PromptStyle.PREFIX) -> Verdict:
        """What the row's test says of a body, or of a chat answer in prose and fences with the whole function."""
        row = self.rows[task.id]
        body = self.program(task, text, style)
        if self.language == "python":
            functions = defined(row["declaration"] + row["canonical_solution"])
            return judge_python(self, task, _PYTHON_HEAD + body, row["test"], entry=row["entry_point"], functions=functions)
        crates = _RUST_CRATES if self.language == "rust" else {}
        needed = next((name for name, use in crates.items() if re.search(use, _without_uses(row["canonical_solution"]))), "")
        if needed:
            return skip(self.name, f"rust: no crate {needed} here; programs are compiled by rustc alone")
        given = row["prompt"] + _declaration(self.language, row) + row["canonical_solution"] + row["test"]
        return judge_program(self, task, _PROGRAMS[self.language](body, row), given=given)

    def program(self, task: Task, text: str, style: PromptStyle = PromptStyle.PREFIX) -> str:
        """What stands before the test: declaration and body, or an answer's code below the declaration's imports."""
        row = self.rows[task.id]
        above = row["prompt"] if self.language == "go" else _declaration(self.language, row)  # four in Go lack helpers
        definition = last_definition(self.language, above)
        if style is PromptStyle.PROGRAM:
            return text
        chat = style is PromptStyle.CHAT
        code = code_of(text, definition) if chat else text
        if chat and re.search(definition, code, re.MULTILINE):
            declared = re.search(definition, above, re.MULTILINE)
            assert declared is not None  # it was found there
            whole = merge(above[: above.rfind("\n", 0, declared.start()) + 1], code, self.language, definition)
            return f"{whole}\n}}\n" if self.language == "java" else whole
        if self.language == "python":
            return above + re.split(r"^(?=\S)", cut(code, HUMANEVAL_STOPS), maxsplit=1, flags=re.MULTILINE)[0]
        return _with_helpers(above, cut(code, ()), depth=2 if self.language == "java" else 1)

    def canonical(self, task: Task) -> str | None:
        """The body that must pass."""
        return self.rows[task.id]["canonical_solution"]

    def wrong(self, task: Task) -> str:
        """The buggy body, which must not."""
        return self.rows[task.id]["buggy_solution"]

    def _prompt(self, row: dict) -> str:
        declaration = _asked(self.language, row)
        if self.kind == "synthesize":
            return f"{row['instruction'].strip()}\n\n{row['prompt']}"
        if self.kind == "fix":
            order = f"Fix bugs in {row['entry_point']}."
            return f"{declaration}{row['buggy_solution']}\n{row['test']}\n{order}\n\n{declaration}"
        length = len(row["docstring"])
        order = f"Provide a concise natural language description of the code using at most {length} characters."
        return f"{declaration}{row['canonical_solution']}\n{order}\n"

    def _question(self, row: dict) -> str:
        """The same for a chat model."""
        if self.kind == "synthesize":
            return f"{row['instruction'].strip()} {ANSWER}\n\n{_fenced(self.language, row['prompt'])}"
        if self.kind == "fix":
            code = f"{_asked(self.language, row)}{row['buggy_solution']}\n{row['test']}"
            return f"Fix the bugs in {row['entry_point']}. {ANSWER}\n\n{_fenced(self.language, code)}"
        return self._prompt(row)


@dataclass(frozen=True, kw_only=True, eq=False)
class Explained(HumanEvalPack):
    """The kind ``explain``: a description is asked for, and from it the function (seam ``FollowUpSuite``)."""

    def follow_up(self, task: Task, text: str) -> Task:
        """The second question: write the function from its description, which is cut to the docstring's length.

        Longer lines of the function itself are taken out of it, as published.
        """
        row = self.rows[task.id]
        details = cut(text.strip()[: len(row["docstring"])], ()).rstrip()
        for line in map(str.strip, row["canonical_solution"].split("\n")):
            details = details.replace(line, "") if len(line) > 20 else details
        order = f"Write functional code in {LANGUAGES[self.language]} according to the description."
        declared = _asked(self.language, row)
        return replace(
            task,
            prompt=f"{details}\n{order}\n\n{declared}",
            question=f"{details}\n\n{order} {ANSWER}\n\n{_fenced(self.language, declared)}",
            stops=HUMANEVAL_STOPS if self.language == "python" else (),
        )


# ------------------------------------------------------------------------------------------------------------------ programs
def _declaration(language: str, row: dict) -> str:
    """The row's declaration up to the line with the signature: one in C++ holds the start of the body as well."""
    if language != "cpp":
        return row["declaration"]
    declared = re.search(last_definition(language, row["declaration"]), row["declaration"], re.MULTILINE)
    end = row["declaration"].find("\n", declared.end() if declared else 0) + 1
    return row["declaration"][:end] if end and row["declaration"][end:].strip() else row["declaration"]


def _asked(language: str, row: dict) -> str:
    return ("fn main(){}\n" if language == "rust" else "") + _declaration(language, row)


def _fenced(language: str, code: str) -> str:
    return f"```{language}\n{code.strip()}\n```\n"


def _with_helpers(declaration: str, body: str, *, depth: int) -> str:
    """Declaration and body up to its last open block, and those functions and types right behind it that are named in it."""
    position = block_end(body, depth=depth)
    kept = declaration + body[:position]
    while (brace := body.find("{", position)) >= 0:
        names = re.findall(r"\b(?:class|const|enum|fn|func|function|struct|type)\s+(\w+)", body[position:brace])
        end = block_end(body, brace + 1)
        if not body[:end].endswith("}") or not any(re.search(rf"\b{name}\b", kept) for name in names):
            break
        kept, position = kept + body[position:end], end
    return kept


def _cpp(body: str, row: dict) -> str:
    head = _CPP_HEAD.replace("#include <cstring>\n", "") if row["entry_point"] == "strlen" else _CPP_HEAD  # it has its own
    return f"{head}{body}\n{row['test']}"


def _go(body: str, row: dict) -> str:
    """One file with a main; it imports, of what the texts import and what is often forgotten, the packages that are used."""
    texts = "".join((*_GO_IMPORTS.findall(body), row.get("test_setup", ""), row.get("import", "")))
    body = _GO_IMPORTS.sub("", body)
    rest = f"{body}\n{row['test']}"
    used = re.sub(r"//.*|\"(?:\\.|[^\"\\\n])*+\"?|`[^`]*+`?", "", rest)
    asked = set(re.findall(r"\"([\w./]+)\"", texts)) | set(_GO_PACKAGES)
    imports = [name for name in sorted(asked) if re.search(rf"\b{re.escape(name.rpartition('/')[2])}\.", used)]
    imports = [name for name in imports if "." not in name and name != "testing"] + ["reflect", "testing"]
    head = "package main\n" + "".join(f'import "{name}"\n' for name in dict.fromkeys(imports))
    end = FORMS["go"].end
    assert end is not None
    pattern, main = end
    return f"{head}{_GO_ASSERT}{body}\n{re.sub(pattern, main, row['test'].lstrip(), count=1, flags=re.DOTALL)}"


def _java(body: str, row: dict) -> str:
    return f"{re.sub(r'^public (?=class Solution)', '', body, flags=re.MULTILINE)}\n{row['test']}"


def _javascript(body: str, row: dict) -> str:
    return f"{body}\n{_CONSOLE}{row['test']}"


def _rust(body: str, row: dict) -> str:
    """The test as a module whose function a main calls; the crates' names are ours or left out."""
    test = re.sub(r"#\[(?:cfg\(test\)|test)\]", "", row["test"])
    test, num_tests = re.subn(r"^([^\S\n]*)fn (\w+)\(\)", r"\1pub fn \2()", test, count=1, flags=re.MULTILINE)
    name = re.search(r"pub fn (\w+)", test)
    body = re.sub(r"^[^\S\n]*fn main\(\)\s*\{\s*\}", "", _without_uses(body), flags=re.MULTILINE)
    return f"{_RUST_RAND}{body}\n{test}\nfn main() {{\n    tests::{name[1] if num_tests and name else ''}();\n}}\n"


def _without_uses(body: str) -> str:
    return re.sub(r"^use (?:regex::Regex|md5);", "", body, flags=re.MULTILINE)


_PROGRAMS: dict[str, Callable[[str, dict], str]] = {
    "cpp": _cpp,
    "go": _go,
    "java": _java,
    "javascript": _javascript,
    "rust": _rust,
}
"""Declaration with body, and the row -> the program whose last assert is its last statement."""


def _open(kind: str, language: str, folder: Path, sandbox: Sandbox | None) -> HumanEvalPack:
    suite = Explained if kind == "explain" else HumanEvalPack
    return suite(folder=folder / "humanevalpack", kind=kind, language=language, sandbox=sandbox)


SUITES = {
    f"humanevalpack-{kind}-{language}": functools.partial(_open, kind, language) for kind in KINDS for language in LANGUAGES
}
"""Name -> opener."""
