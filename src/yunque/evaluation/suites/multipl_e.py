"""MultiPL-E HumanEval: the same problems in nineteen languages, each row with a prompt, stop texts and a test program.

In ten languages a test is taken apart: the program is prompt + answer + the test's calls, whose values are printed and
compared outside (`printed_values`). In the others a program is prompt + answer + test, as published, whose end is made one
where `programs.OwnTests` can print its random word behind the last assert: Lua's runner is asked instead of left to
exit, Go's test gets a main that runs it and an empty test after it, D's ``unittest`` becomes the main.

Covered: completions, cut at the row's stop texts (in the text after the prompt only); chat answers with the whole function,
with helpers, imports, a class around it or a ``main`` of their own; libraries that tests need and that are not here (SKIP).
Not covered: chat answers that rename the function; braces inside regular expressions and nested template texts when a block
is looked for; where a test is not taken apart, a program that looks for the word in its own text (``in-process``).
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from pathlib import Path

from yunque.checks.execution.printed_values import Apart, Irregular, expected_values, take_apart
from yunque.core.errors import EvaluationError
from yunque.core.nouns import Limits, PromptStyle, Task, Verdict
from yunque.core.seams import Sandbox
from yunque.evaluation.suites.extraction import closed, code_of, cut, last_definition, merge
from yunque.evaluation.suites.humaneval_mbpp import HUMANEVAL_STOPS, defined, helpers
from yunque.evaluation.suites.judging import compiler_flags, judge_printed, judge_program, judge_python, sandbox_of
from yunque.evaluation.suites.rows import read_rows

MAX_TOKENS = 512


@dataclass(frozen=True, kw_only=True)
class Form:
    """How a language's rows are read and put together."""

    file: str
    """``humaneval-FILE.jsonl``."""
    doc: str
    """How the line starts with which a prompt's description begins: what stands before it is imports."""
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

FORMS = {
    "python": Form(file="python", doc="def ", early="    raise SystemExit(0)\n"),
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
        early='    panic("early")\n}\n',
        end=(r"\Afunc (Test\w+)\(t \*testing\.T\) \{.*\}\s*\Z", _GO_MAIN),
    ),
    "java": Form(file="java", doc="    //", early='        System.exit(0); throw new RuntimeException("early");\n'),
    "julia": Form(file="jl", doc='"""', early="    exit(0)\nend\n"),
    "javascript": Form(file="js", doc="//", early="  process.exit(0);\n}\n"),
    "typescript": Form(file="ts", doc="//", early="  process.exit(0);\n  throw 0;\n}\n"),
    "lua": Form(file="lua", doc="--", early="    os.exit(0)\nend\n", end=_LUA_END),
    "php": Form(file="php", doc="//", early="    exit(0);\n}\n"),
    "perl": Form(file="pl", doc="#", early="    exit 0;\n}\n", end=(r"\s*\Z", r'\nprint "\\n";\n')),
    "r": Form(file="r", doc="#", early="\n    quit(status = 0)\n}\n"),
    "ruby": Form(file="rb", doc="#", early="    exit!(0)\nend\n", end=(r"\s*\Z", _RUBY_END)),
    "racket": Form(file="rkt", doc=";;", early="  (exit 0))\n"),
    "rust": Form(file="rs", doc="///", early="    std::process::exit(0);\n"),
    "scala": Form(file="scala", doc="    //", early="        sys.exit(0)\n"),
    "shell": Form(file="sh", doc="#", early="    kill -9 $$\n"),
    "swift": Form(file="swift", doc="///", early='    fatalError("early")\n'),
}
"""By our names of the languages."""


@dataclass(frozen=True, kw_only=True, eq=False)
class MultiPLE:
    """The suite in one language (seam ``Suite``); ``folder`` holds ``humaneval-cpp.jsonl`` and its like."""

    folder: Path
    language: str
    sandbox: Sandbox | None = None
    limits: Limits = field(default_factory=Limits)
    cache: Path | None = None
    licence: str = "BSD-3-Clause with a machine learning restriction"
    _taken: dict[str, tuple[Apart, list[bytes]] | None] = field(default_factory=dict)
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

    def judge(self, task: Task, text: str, style: PromptStyle = PromptStyle.PREFIX) -> Verdict:
        """What the row's test says of a completion, or of a chat answer in prose and fences with the whole function."""
        row, body = self.rows[task.id], self._opened(task, text, style)
        if self.language != "python":
            if taken := self.taken_apart(task):
                return judge_printed(self, task, body, *taken, given=task.prompt)
            return judge_program(self, task, f"{body}\n{self.test(task)}", given=task.prompt + row["test"])
        whole = row["prompt"] + row["canonical_solution"]
        functions = defined(whole)
        given = helpers(whole, row["prompt"], functions[-1])
        return judge_python(self, task, body, row["test"], entry=functions[-1], functions=functions, given=given)

    def taken_apart(self, task: Task) -> tuple[Apart, list[bytes]] | None:
        """The row's test as calls and the values that they must give; None when it can only be judged in the program.

        Found out once, without any answer; the values are made by a program of the row's own.
        """
        if task.id not in self._taken:
            prompt = self.rows[task.id]["prompt"]
            try:
                test = take_apart(self.language, self.rows[task.id]["test"])
                own = self._compiled_as_main(prompt + FORMS[self.language].early)
                flags = compiler_flags(task, prompt)
                expected = expected_values(test, own, sandbox_of(self), limits=self.limits, flags=flags, cache=self.cache)
                self._taken[task.id] = test, expected
            except Irregular:
                self._taken[task.id] = None
        return self._taken[task.id]

    def program(self, task: Task, text: str, style: PromptStyle = PromptStyle.PREFIX) -> str:
        """What stands before the test, with the blocks closed that the tests of six languages close themselves."""
        code = self._opened(task, text, style)
        return closed(code) if self.rows[task.id]["test"].lstrip().startswith("}") else code

    def _opened(self, task: Task, text: str, style: PromptStyle) -> str:
        """Prompt and completion, or the answer's code below the prompt's imports."""
        if style is PromptStyle.PROGRAM:
            return self._compiled_as_main(text)
        if style is not PromptStyle.CHAT:
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


SUITES = {
    f"multipl-e-{language}": lambda folder, sandbox, name=language: MultiPLE(
        folder=folder / "multipl-e" / "humaneval", language=name, sandbox=sandbox
    )
    for language in FORMS
}
"""Name -> opener."""
