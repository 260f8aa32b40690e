"""Judge programs in other languages by values: calls go in, printed values come out, and the expected ones are never there.

A generated test is regular: asserts of (call, expected literal). It is taken apart: one program makes the calls and prints
each result as a driver in its language serialises it (`drivers/`); a second program, which no candidate ever meets, prints
the expected literals through the same driver; the texts are compared outside. A program that owns its process can print
whatever it likes, and still does not know what.

    \\x1e3 [1,2]        the fourth value, as text that is equal exactly when the language's own comparison says so

Covered: MultiPL-E's tests in JavaScript, TypeScript, Java, C++, Go, Rust, PHP, Ruby, Bash and C#. What a driver cannot
serialise is equal to nothing. Whether a test can be taken apart is told by the test alone, before any program is looked at.
Not covered: tests of another form, and values that a driver does not know (C++ unions): `take_apart` and `Expectation` say
why, and the test is judged in the program's process (`whole.OwnTests`). JavaScript's null and undefined are one; its loose
equality of numbers and texts is not kept; NaN is equal to itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from yunque.checks.execution.programs import trouble
from yunque.checks.execution.python import TIMEOUT, decide_cases
from yunque.checks.findings import skip, timed
from yunque.core.nouns import Finding, Limits, Record, Verdict
from yunque.core.seams import Sandbox
from yunque.sandbox.programs import Program, run_program

DRIVERS = Path(__file__).parents[1] / "inside" / "drivers"
OUTPUT_BYTES = 16 << 20
_VALUE = re.compile(rb"\x1e(\d{1,6}) ([^\n\x1e]*)\n")
_UNKNOWN = b"?"
"""How the text of a value, or of a part of one, begins that is equal to nothing."""
_QUOTED = re.compile(rb"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|\\.")


@dataclass(frozen=True, kw_only=True)
class Form:
    """How a language's tests look, and how a program is put together that prints values instead."""

    driver: str
    """A file of `drivers`."""
    head: str
    """Pattern: what stands before the first assert; the group ``opening`` is kept in the program."""
    tail: str
    """Pattern: what stands behind the last."""
    begins: str
    """Text with which an assert begins; then come a part, a separator and another part."""
    separators: tuple[str, ...]
    ends: str
    quotes: str = "\"'"
    swapped: bool = False
    """The expected value comes first."""
    item: str
    """A statement that prints value number {index}."""
    expected_item: str = ""
    """The same for an expected value, where its type takes the {call} to tell."""
    layout: str
    """The program, of {code}, {driver}, {opening} and {items}."""


_ASSERT_EQUALS = (" == ", ".equals(", ".Equals(", ".SequenceEqual(")
_JAVASCRIPT = (
    r"(?:declare var require: any;\s*)?const assert = require\('node:assert'\);\s*"
    r"function test\(\) \{\n(?P<opening>.*?\n)"
)
FORMS = {
    "javascript": Form(
        driver="javascript.js", head=_JAVASCRIPT, tail=r"\}\s*test\(\);", begins="assert.deepEqual(", separators=(",",),
        ends=");", quotes="\"'`", item="  yunquePrint({index}, () => ({value}));",
        layout="{driver}\n{code}\n;(() => {{\n{opening}{items}\n}})();\n",
    ),
    "typescript": Form(
        driver="typescript.ts", head=_JAVASCRIPT, tail=r"\}\s*test\(\);", begins="assert.deepEqual(", separators=(",",),
        ends=");", quotes="\"'`", item="  yunquePrint({index}, () => ({value}));",
        layout="{driver}\n{code}\n;(() => {{\n{opening}{items}\n}})();\n",
    ),
    "java": Form(
        driver="java.java", head=r"(?P<opening>\s*\}\s*public static void main\(String\[\] args\) \{\n)", tail=r"\}\s*\}",
        begins="assert(", separators=_ASSERT_EQUALS[:2], ends=");", item="    YunquePrint.print({index}, {value});",
        layout="{code}\n{opening}{items}\n    }}\n}}\n{driver}",
    ),
    "csharp": Form(
        driver="csharp.cs", head=r"(?P<opening>\s*\}\s*public static void Main\(string\[\] args\) \{\n)", tail=r"\}\s*\}",
        begins="Debug.Assert(", separators=(_ASSERT_EQUALS[0], *_ASSERT_EQUALS[2:]), ends=");",
        item="    YunquePrint.Print({index}, {value});", layout="{code}\n{opening}{items}\n    }}\n}}\n{driver}",
    ),
    "cpp": Form(
        driver="cpp.cpp", head=r"\}\s*int main\(\) \{\n(?P<opening>.*?\n)", tail=r"\}", begins="assert(",
        separators=_ASSERT_EQUALS[:1], ends=");", item="    yunque::print({index}, {value});",
        layout="{code}\n}}\n{driver}\nint main() {{\n{opening}{items}\n}}\n",
    ),
    "go": Form(
        driver="go.go", tail=r"\}\s*for i, tc := range tests \{.*\}",
        head=r"func Test\w+\(t \*testing\.T\) \{\n(?P<opening>.*?\n)\s*type test struct \{.*?\}\s*tests := \[\]test\{\n",
        begins="{ actual: ", separators=(", expected: ",), ends=" },", quotes="\"'`", item="\tyunquePrint({index}, {value})",
        layout="{code}\n{driver}\nfunc main() {{\n{opening}\t_ = candidate\n{items}\n}}\n",
    ),
    "rust": Form(
        driver="rust.rs", head=r"\}\s*fn main\(\) \{\n(?P<opening>.*?\n)", tail=r"\}", begins="assert_eq!(",
        separators=(",",), ends=");", quotes='"', item="    yunque_print({index}, &{value});",
        expected_item="    yunque_print({index}, &{{ let it = {value}; if false {{ assert_eq!({call}, it); }} it }});",
        layout="{code}\n}}\n{driver}\nfn main() {{\n{opening}{items}\n}}\n",
    ),
    "php": Form(
        driver="php.php", head=r"(?P<opening>function candidate\(\.\.\.\$args\) \{.*?\n\}\n)\s*function test\(\): void \{\n",
        tail=r"\}\s*test\(\);", begins="if (", separators=(" !== ",), ends=') { throw new Exception("Test failed!"); }',
        item="yunque_print({index}, function() {{ return {value}; }});", layout="{code}\n{driver}\n{opening}{items}\n",
    ),
    "ruby": Form(
        driver="ruby.rb", tail=r"end\s*end", begins="assert_equal(", separators=(",",), ends=")", swapped=True,
        head=r"require 'test/unit'\s*class TestHumanEval < Test::Unit::TestCase\s*def test_\w+\n(?P<opening>.*?\n)",
        item="yunque_print({index}) {{ {value} }}", layout="{code}\n{driver}\n{opening}{items}\n",
    ),
    "shell": Form(
        driver="shell.sh", tail=r"\}\s*run_test", begins="[[ ",
        head=r"\}\s*(?P<opening>candidate\(\) \{.*?\n\}\n)\s*set -e\s*run_test\(\) \{\n",
        separators=(" = ",), ends=" ]]", item="yunque_print {index} {value}",
        layout="{code}\n}}\n{driver}{opening}{items}\n",
    ),
}  # fmt: skip
"""By our names of the languages."""


@dataclass(frozen=True, kw_only=True)
class Apart:
    """A test taken apart."""

    language: str
    opening: str
    calls: tuple[str, ...]
    expected: tuple[str, ...]

    def program(self, code: str) -> str:
        """A program that prints what the calls give."""
        return self._program(code, self.calls, FORMS[self.language].item)

    def reference(self, code: str) -> str:
        """A program that prints the expected values; ``code`` is the task's own, with a body that is never called."""
        form = FORMS[self.language]
        return self._program(code, self.expected, form.expected_item or form.item)

    def _program(self, code: str, values: Sequence[str], item: str) -> str:
        form = FORMS[self.language]
        if self.language == "shell":
            values = [value if value.startswith('"') else f'"{value}"' for value in values]
        items = [item.format(index=index, value=value, call=self.calls[index]) for index, value in enumerate(values)]
        if self.language == "php":
            code = re.sub(r"\?>\s*\Z", "", code)
        return form.layout.format(code=code, driver=_driver(form.driver), opening=self.opening, items="\n".join(items))


@cache
def _driver(name: str) -> str:
    return (DRIVERS / name).read_text("utf-8")


class Irregular(ValueError):
    """A test that cannot be taken apart; the message says why."""


def take_apart(language: str, test: str) -> Apart:
    """The calls and expected values of a generated test. `Irregular` when it is anything else than such asserts."""
    form = FORMS.get(language)
    if form is None:
        raise Irregular(f"no driver for {language}")
    head = re.match(form.head, test.lstrip("\n"), re.DOTALL)
    if head is None:
        raise Irregular("a beginning that is not known")
    rest, position = test.lstrip("\n"), head.end()
    pairs = []
    while match := re.compile(r"\s*" + re.escape(form.begins)).match(rest, position):
        parts, position = _assertion(form, rest, match.end())
        pairs.append(parts[::-1] if form.swapped else parts)
    if not pairs or not re.fullmatch(r"\s*" + form.tail + r"\s*", rest[position:], re.DOTALL):
        line = rest[position:].strip().partition("\n")[0]
        raise Irregular(f"more than asserts: {line[:80]}")
    calls, expected = zip(*pairs, strict=True)
    return Apart(language=language, opening=head["opening"], calls=calls, expected=expected)


def _assertion(form: Form, text: str, start: int) -> tuple[tuple[str, str], int]:
    """The two parts of an assert that begins at ``start``, and where it ends."""
    separator, middle = "", -1
    for position in _outside(form, text, start):
        if middle < 0 and (
            separator := next((separator for separator in form.separators if text.startswith(separator, position)), "")
        ):
            middle = position
        elif text.startswith(form.ends, position):
            if middle < 0:
                break
            first, second = text[start:middle].strip(), text[middle + len(separator) : position].strip()
            if separator.endswith("("):
                second = second.removesuffix(")")
            if not first or not second:
                break
            return (first, second), position + len(form.ends)
    raise Irregular(f"an assert of another form: {text[start:].partition(chr(10))[0][:80]}")


def _outside(form: Form, text: str, start: int) -> Iterator[int]:
    """The places of a text, from ``start`` on, that lie in no brackets and in no string literal."""
    position, depth = start, 0
    while position < len(text):
        character = text[position]
        if depth == 0:
            yield position
        if character in form.quotes:
            position += 1
            while position < len(text) and text[position] != character:
                position += 2 if text[position] == "\\" else 1
        elif character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
            if depth < 0:
                return
        position += 1


# ------------------------------------------------------------------------------------------------------------------- values
def printed(output: bytes, number: int) -> list[bytes] | None:
    """The values that a program printed, in order; None when it wrote others than were asked for, or over them."""
    matches = _VALUE.findall(output)
    if [int(position) for position, _ in matches] != list(range(len(matches))) or len(matches) > number:
        return None
    return [text for _, text in matches]


@dataclass(frozen=True, kw_only=True)
class Printed:
    """A check: does a program print the expected values for the calls of a test?"""

    test: Apart
    expected: Sequence[bytes]
    """What the reference program printed."""
    sandbox: Sandbox
    limits: Limits = field(default_factory=Limits)
    flags: tuple[str, ...] = ()
    cache: Path | None = None
    name: str = "printed"

    @timed
    def judge(self, record: Record) -> Verdict:
        """PASS when every call gives its value; SKIP without the toolchain. ``record``: what stands before the test."""
        source, limits = self.test.program(record.text), replace(self.limits, output_bytes=OUTPUT_BYTES)
        run = run_program(
            self.sandbox,
            Program(language=record.language, source=source, flags=self.flags),
            limits=limits,
            cache=self.cache,
        )
        if run.missing:
            return skip(self.name, run.missing)
        values = printed(run.ran.stdout, len(self.expected)) if run.ran is not None else []
        ended = trouble(run)
        findings = []
        if values is None:
            values = []
            ended = Finding(rule="no-answer", message="it wrote over its answers")
        for index, (call, wanted) in enumerate(zip(self.test.calls, self.expected, strict=True)):
            if index >= len(values):
                rule, why = (ended.rule, ended.message) if ended else ("no-end", "it ended before this call")
                findings.append(Finding(rule=rule, message=f"{call[:160]}: {why}"[:400]))
            elif values[index] != wanted:
                got, expected = (text.decode("utf-8", "replace")[:100] for text in (values[index], wanted))
                rule = "raised" if values[index] == b"?raised" else "wrong-answer"
                findings.append(Finding(rule=rule, message=f"{call[:160]}: got {got}, expected {expected}"))
        if not findings and ended and ended.rule == TIMEOUT:
            findings.append(ended)
        return decide_cases(self.name, "outside", findings, len(self.expected), record.language)


def expected_values(
    test: Apart, code: str, sandbox: Sandbox, *, limits: Limits, flags: tuple[str, ...] = (), cache: Path | None = None
) -> list[bytes]:
    """What a test expects, as its driver prints it. `Irregular` when its literals cannot be printed."""
    limits = replace(limits, output_bytes=OUTPUT_BYTES)
    run = run_program(
        sandbox, Program(language=test.language, source=test.reference(code), flags=flags), limits=limits, cache=cache
    )
    values = printed(run.ran.stdout, len(test.expected)) if run.ran is not None else None
    unknown = values is not None and any(_UNKNOWN in _QUOTED.sub(b"", value) for value in values)
    if run.missing or values is None or len(values) != len(test.expected) or unknown:
        result = trouble(run)
        raise Irregular(run.missing or (result.message if result else "a value that its driver does not know"))
    return values
