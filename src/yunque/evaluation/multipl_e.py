"""MultiPL-E HumanEval: the same problems in nineteen languages, each row with a prompt, stop texts and a test program.

A program is prompt + answer + test, as published. Its test is then made to end where `checks.whole.OwnTests` can print its
random word behind the last assert: Lua's and Ruby's runners are asked instead of left to exit, Go's test gets a main that
runs it and an empty test after it, D's ``unittest`` becomes the main.

Covered: completions, cut at the row's stop texts (in the text after the prompt only); chat answers with the whole function,
with helpers, imports, a class around it or a ``main`` of their own; libraries that tests need and that are not here (SKIP).
Not covered: chat answers that rename the function; braces inside regular expressions and nested template texts when a block
is looked for; a program that looks for the word in its own text (verdicts say ``in-process``).
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from pathlib import Path

from yunque.checks.execution import Asserts
from yunque.checks.whole import OwnTests
from yunque.core.errors import EvaluationError
from yunque.core.nouns import Limits, Origin, Outcome, Record, Task, Verdict, content_id
from yunque.core.seams import Sandbox
from yunque.evaluation.python_suites import HUMANEVAL_STOPS, defined, read_rows
from yunque.sandbox.programs import run_program

MAX_TOKENS = 512
SPECIAL = ("<|endoftext|>", "<|im_end|>", "<|eot_id|>")
"""End tokens that some engines leave in the text."""


@dataclass(frozen=True, kw_only=True)
class Form:
    """How a language's rows are read and put together."""

    file: str
    """``humaneval-FILE.jsonl``."""
    doc: str
    """How the line starts with which a prompt's description begins: what stands before it is imports."""
    defines: str = r"[\w>\])*&](?<!\breturn)(?<!\belse)\s+[*&]*NAME\s*\("
    """What the definition of the function NAME looks like."""
    early: str
    """A body that leaves with status 0, or breaks off, before any test."""
    end: tuple[str, str] | None = None
    """Pattern in the test, and what to put there, so that the last assert is the last thing."""


_GO_MAIN = r"""\g<0>
func main() {
	all := func(pattern, name string) (bool, error) { return true, nil }
	one := func(t *testing.T) {
		defer func() {
			if t.Failed() {
				println("an assertion failed")
			}
		}()
		\1(t)
	}
	testing.Main(all, []testing.InternalTest{{"\1", one}, {"TestTheEnd", TestTheEnd}}, nil, nil)
}
func TestTheEnd(t *testing.T) {
}
"""
_RUBY_END = r"""
Test::Unit::AutoRunner.need_auto_run = false
exit!(1) unless Test::Unit::AutoRunner.run
"""
_LUA_END = (r"os\.exit\(lu\.LuaUnit\.run\(\)\)\s*\Z", "assert(lu.LuaUnit.run() == 0)")
_FUNCTION = r"\bfunction\s+NAME\s*\("
_SCRIPT = rf"{_FUNCTION}|\b(?:const|let|var)\s+NAME\b"

FORMS = {
    "python": Form(file="python", doc="def ", defines=r"\bdef\s+NAME\s*\(", early="    raise SystemExit(0)\n"),
    "cpp": Form(file="cpp", doc="//", early="    std::exit(0);\n"),
    "csharp": Form(file="cs", doc="    //", early="        Environment.Exit(0); throw new Exception();\n"),
    "d": Form(
        file="d",
        doc="/*",
        early="{\n    import core.stdc.stdlib : exit;\n    exit(0);\n    assert(0);\n}\n",
        end=(r"\Aunittest\n(.*\n\})\s*void main\(\)\{\}\s*\Z", r"void main()\n\1\n"),
    ),
    "go": Form(
        file="go",
        doc="//",
        defines=r"\bfunc\s+NAME\s*\(",
        early='    panic("early")\n}\n',
        end=(r"\Afunc (Test\w+)\(t \*testing\.T\) \{.*\}\s*\Z", _GO_MAIN),
    ),
    "java": Form(file="java", doc="    //", early='        System.exit(0); throw new RuntimeException("early");\n'),
    "julia": Form(file="jl", doc='"""', defines=rf"{_FUNCTION}|^NAME\(.*\)\s*=", early="    exit(0)\nend\n"),
    "javascript": Form(file="js", doc="//", defines=_SCRIPT, early="  process.exit(0);\n}\n"),
    "typescript": Form(file="ts", doc="//", defines=_SCRIPT, early="  process.exit(0);\n  throw 0;\n}\n"),
    "lua": Form(file="lua", doc="--", defines=rf"{_FUNCTION}|\bNAME\s*=", early="    os.exit(0)\nend\n", end=_LUA_END),
    "php": Form(file="php", doc="//", defines=_FUNCTION, early="    exit(0);\n}\n"),
    "perl": Form(
        file="pl", doc="#", defines=r"\bsub\s+NAME\b", early="    exit 0;\n}\n", end=(r"\s*\Z", r'\nprint "\\n";\n')
    ),
    "r": Form(file="r", doc="#", defines=r"\bNAME\s*(?:<-|=)", early="\n    quit(status = 0)\n}\n"),
    "ruby": Form(file="rb", doc="#", defines=r"\bdef\s+NAME\b", early="    exit!(0)\nend\n", end=(r"\s*\Z", _RUBY_END)),
    "racket": Form(file="rkt", doc=";;", defines=r"\(define\s+\(?NAME\b", early="  (exit 0))\n"),
    "rust": Form(file="rs", doc="///", defines=r"\bfn\s+NAME\b", early="    std::process::exit(0);\n"),
    "scala": Form(file="scala", doc="    //", defines=r"\bdef\s+NAME\b", early="        sys.exit(0)\n"),
    "shell": Form(file="sh", doc="#", defines=r"\bNAME\s*\(\)|\bfunction\s+NAME\b", early="    kill -9 $$\n"),
    "swift": Form(file="swift", doc="///", defines=r"\bfunc\s+NAME\b", early='    fatalError("early")\n'),
}
"""By our names of the languages."""

NEEDS = (
    ("lua", "luaunit", "require('luaunit')", "apt install lua-unit"),
    ("perl", "Test::Deep", "use Test::Deep;", "apt install libtest-deep-perl"),
    ("ruby", "test/unit", "require 'test/unit'\nTest::Unit::AutoRunner.need_auto_run = false", "apt install ruby-test-unit"),
    ("racket", "rackunit", "#lang racket\n(require rackunit)", "apt install racket"),
    ("javascript", "js-md5", "require('js-md5')", "npm install --global js-md5"),
    (
        "java",
        "org.javatuples",
        "class Main { org.javatuples.Unit<String> one; public static void main(String[] all) {} }",
        "apt install libjavatuples-java",
    ),
    ("cpp", "boost/any.hpp", "#include <boost/any.hpp>\nint main() {}", "apt install libboost-dev"),
    (
        "cpp",
        "openssl/md5.h",
        "#include <openssl/md5.h>\nint main() { MD5_CTX c; MD5_Init(&c); }",
        "apt install libssl-dev",
    ),
)
"""Language, mark in the program, a program that works where the library is, how to come by it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class MultiPLE:
    """The suite in one language (seam ``Suite``); ``folder`` holds ``humaneval-cpp.jsonl`` and its like."""

    folder: Path
    language: str
    sandbox: Sandbox | None = None
    limits: Limits = field(default_factory=Limits)
    cache: Path | None = None
    licence: str = "BSD-3-Clause with a machine learning restriction"
    trainable: bool = False
    """The licence says "may not be used as training data"."""

    @property
    def name(self) -> str:
        """``multipl-e-cpp``."""
        return f"multipl-e-{self.language}"

    @functools.cached_property
    def rows(self) -> dict[str, dict]:
        """Row by task id. EvaluationError when one cannot be used."""
        if self.language not in FORMS:
            raise EvaluationError(f"no MultiPL-E in {self.language}", do=f"known: {', '.join(FORMS)}")
        path, end = self.folder / f"humaneval-{FORMS[self.language].file}.jsonl", FORMS[self.language].end
        rows = read_rows(path, ("task_id", "prompt", "test"))
        for number, row in enumerate(rows, 1):
            if not all(isinstance(row[key], str) and row[key].strip() for key in ("task_id", "prompt", "test")):
                raise EvaluationError(f"row {number} has no prompt or no test", where=path)
            stops = row.setdefault("stop_tokens", [])  # its Python rows but one have none
            if not (isinstance(stops, list) and all(stop and isinstance(stop, str) for stop in stops)):
                raise EvaluationError(f"row {number}: its stop_tokens are no texts", where=path)
            if end and not re.search(end[0], row["test"], re.DOTALL):
                raise EvaluationError(f"row {number} ends otherwise than a test in {self.language}", where=path)
        return {row["task_id"]: row for row in rows}

    def tasks(self) -> list[Task]:
        """Every task, in the file's order."""
        return [
            Task(
                id=task_id,
                suite=self.name,
                prompt=row["prompt"],
                stops=tuple(row["stop_tokens"]) or HUMANEVAL_STOPS,
                max_tokens=MAX_TOKENS,
                language=self.language,
                group=task_id,
            )
            for task_id, row in self.rows.items()
        ]

    def judge(self, task: Task, text: str, *, chat: bool = False) -> Verdict:
        """What the row's test says of a completion; ``chat``: of an answer in prose and fences with the whole function."""
        row, body = self.rows[task.id], self.answer(task, text, chat=chat)
        if self.language != "python":
            return judge_program(self, task, f"{body}\n{self.test(task)}", given=task.prompt + row["test"])
        functions = defined(row["prompt"] + row["canonical_solution"])
        return judge_python(self, task, body, row["test"], entry=functions[-1], functions=functions)

    def answer(self, task: Task, text: str, *, chat: bool = False) -> str:
        """What stands before the test: prompt and completion, or the answer's code below the prompt's imports."""
        if not chat:
            return self._compiled_as_main(task.prompt + cut(text, task.stops))
        definition = last_definition(self.language, task.prompt)
        code, form = code_of(text, definition), FORMS[self.language]
        if not re.search(definition, code, re.MULTILINE):
            return self._compiled_as_main(task.prompt + cut(code, task.stops))
        doc = re.search(rf"^{re.escape(form.doc)}", task.prompt, re.MULTILINE)
        code = merge(task.prompt[: doc.start()] if doc else "", code, self.language, definition)
        opens = self.rows[task.id]["test"].lstrip().startswith("}")  # it closes the function itself
        return self._compiled_as_main(code[: code.rfind("}")] if opens and "}" in code else code)

    def test(self, task: Task) -> str:
        """The row's test with its last assert as its last statement."""
        test, end = self.rows[task.id]["test"], FORMS[self.language].end
        return re.sub(*end, test, count=1, flags=re.DOTALL) if end else test

    def canonical(self, task: Task) -> str | None:
        """The published solution; MultiPL-E has them in Python alone."""
        return self.rows[task.id].get("canonical_solution")

    def wrong(self, task: Task) -> str:
        """A body that ends the program, with status 0 where the language lets it, before the first assert is over."""
        return FORMS[self.language].early

    def _compiled_as_main(self, program: str) -> str:
        return re.sub(r"\A\s*package \w+", "package main", program) if self.language == "go" else program


# ------------------------------------------------------------------------------------------------------------------- judging
# `suite` is any with a name, a licence, a sandbox, limits and a cache.
def judge_python(suite, task: Task, program: str, test: str, *, entry: str, functions: tuple[str, ...]) -> Verdict:
    """The verdict of a Python test on a program, from as far outside as the test allows."""
    record, sandbox = _record(suite, task, program), suite.sandbox
    asserts = Asserts(test=test, functions=functions, entry=entry, sandbox=sandbox, limits=suite.limits, name=suite.name)
    return asserts.judge(record)


def judge_program(suite, task: Task, program: str, *, given: str) -> Verdict:
    """The verdict of a program with its tests; SKIP when a library that the task needs is not here.

    ``given``: the row's own text, which alone decides what it needs; an answer that names a library is not skipped for that.
    """
    record = _record(suite, task, program)
    flags = ("-lcrypto",) if task.language == "cpp" and "openssl/" in given else ()
    for language, mark, probe, install in NEEDS:
        if language == task.language and mark in given and not _works(suite.sandbox, language, probe, flags):
            return Verdict(check=suite.name, outcome=Outcome.SKIP, detail=f"{language}: no {mark} here; {install}")
    check = OwnTests(sandbox=suite.sandbox, limits=suite.limits, flags=flags, cache=suite.cache, name=suite.name)
    return check.judge(record)


@functools.lru_cache(64)
def _works(sandbox: Sandbox, language: str, probe: str, flags: tuple[str, ...]) -> bool:
    run = run_program(sandbox, language, probe, flags=flags)
    return bool(run.missing) or not run.failed  # a missing toolchain is told by the check


def _record(suite, task: Task, program: str) -> Record:
    if suite.sandbox is None:
        raise EvaluationError("no sandbox to judge in", where=suite.name)
    origin = Origin(source=suite.name, path=task.id, revision="", licence=suite.licence, collected_at="")
    return Record(id=content_id(program), text=program, language=task.language, origin=origin)


# ------------------------------------------------------------------------------------------------------------------- answers
def cut(text: str, stops: tuple[str, ...]) -> str:
    """A completion up to its first stop text. One that ends without the newline that a stop ends with is cut as well."""
    text += "\n"
    return text[: min((at for stop in (*stops, *SPECIAL) if (at := text.find(stop)) >= 0), default=len(text) - 1)]


_FENCE = re.compile(r"^[ \t]*```[^\n]*\n(.*?)(?:^[ \t]*```|\Z)", re.MULTILINE | re.DOTALL)
_HEADER = re.compile(r"^(?:package[ \t].*|<\?php.*|\?>|#lang.*|#!.*)\n?", re.MULTILINE)
_IMPORT = re.compile(r"^(?:import|using(?![ \t]*(?:var\b|\())|use|#include|require|from)\b.*\n?", re.MULTILINE)
_GO_IMPORTS = re.compile(r"^import[ \t]*\(([^)]*)\)", re.MULTILINE)
_MAIN = re.compile(r"^.*\b[mM]ain[ \t]*\([^{}\n]*\{", re.MULTILINE)
_MARKS = re.compile(r"//.*|/\*(?s:.*?)(?:\*/|\Z)|\"(?:\\.|[^\"\\\n])*+\"?|`[^`]*+`?|'(?:\\.|[^'\\\n])*+'(?!\w)|[{}]")
"""Braces, and what hides braces: comments, texts and characters of the C family, not what is between Rust's lifetimes."""


def last_definition(language: str, prompt: str) -> str:
    """A pattern: what the definition of the function looks like with which a prompt ends."""
    defines = FORMS[language].defines
    found = re.findall(defines.replace("NAME", r"(\w+)"), prompt, re.MULTILINE)[-1:] or [""]
    return defines.replace("NAME", found[0] if isinstance(found[0], str) else "".join(found[0]))


def code_of(text: str, definition: str) -> str:
    """The code of a chat answer: its first fenced block with the definition, else its first, else all of it."""
    for special in SPECIAL:
        text = text.replace(special, "")
    blocks = _FENCE.findall(text) or [text]
    return next((block for block in blocks if re.search(definition, block, re.MULTILINE)), blocks[0])


def merge(head: str, code: str, language: str, definition: str) -> str:
    """An answer's code below a prompt's imports: nothing imported twice, no class in a class, no ``main`` of its own."""
    head, code = _one_by_one(head), _one_by_one(_HEADER.sub("", code))
    known = {line.strip() for line in head.splitlines()}
    imports = [line for line in map(str.strip, _IMPORT.findall(code)) if line not in known]
    code = _IMPORT.sub("", code)
    at = head.rstrip().rfind("\n") + 1 if head.rstrip().endswith("{") else len(head)
    if at < len(head):
        code = _unwrapped(code, definition)
    if language in ("cpp", "csharp", "d", "go", "java", "rust", "scala") and (main := _MAIN.search(code)):
        code = code[: main.start()] + code[block_end(code, main.end()) :]
    return head[:at] + "".join(f"{line}\n" for line in dict.fromkeys(imports)) + head[at:] + code


def _one_by_one(code: str) -> str:
    """Go's import blocks as one import a line."""
    return _GO_IMPORTS.sub(
        lambda block: "".join(f"import {line.strip()}\n" for line in block[1].split("\n") if line.strip()), code
    )


def _unwrapped(code: str, definition: str) -> str:
    """The code with the content of the class around the definition in place of that class."""
    at = re.search(definition, code, re.MULTILINE)
    for found in re.finditer(r"^.*\b(?:class|object)\s+\w+[^{\n]*\{", code, re.MULTILINE):
        end = block_end(code, found.end())
        if at and found.end() <= at.start() < end:
            return code[: found.start()] + code[found.end() : end - 1] + code[end:]
    return code


def block_end(code: str, start: int = 0, depth: int = 1) -> int:
    """Behind the brace that closes the last of ``depth`` blocks that are open at ``start``; the end where none does."""
    for found in _MARKS.finditer(code, start):
        depth += {"{": 1, "}": -1}.get(found[0], 0)
        if not depth:
            return found.end()
    return len(code)
