# ruff: noqa: E501 - programs and tests as their benchmarks write them
"""Tests in ten languages taken apart: values are printed and compared outside, and none that is expected is there."""

import re

import pytest

from yunque.checks.execution.printed_values import DRIVERS, FORMS, Irregular, Printed, expected_values, printed, take_apart
from yunque.core.nouns import Limits, Origin, Outcome, Record
from yunque.sandbox.languages.table import runtime
from yunque.sandbox.languages.toolchains import find_toolchain

ORIGIN = Origin(source="test", path="main", revision="", licence="unknown", collected_at="")
LIMITS = Limits(wall_s=20, cpu_s=20)

# Language -> what stands before the test (a function f of a number; {body} is in it), and the test itself.
PROGRAMS = {
    "javascript": (
        "function f(n) {{ {body} }}\n",
        "const assert = require('node:assert');\n\n\nfunction test() {{\n  let candidate = f;\n"
        "  assert.deepEqual(candidate(3),[1, \"a,\\\")\", {{\"k\": 6}}]);\n  assert.deepEqual(candidate(0),undefined);\n}}\n\ntest();\n",
    ),
    "typescript": (
        "function f(n: number): any {{ {body} }}\n",
        "declare var require: any;\nconst assert = require('node:assert');\n\n\nfunction test() {{\n  let candidate = f;\n"
        "  assert.deepEqual(candidate(3),[1, \"a,\\\")\", {{\"k\": 6}}]);\n  assert.deepEqual(candidate(0),undefined);\n}}\n\ntest();\n",
    ),
    "java": (
        "import java.util.*;\nclass Problem {{\n    public static List<Object> f(long n) {{\n {body}",
        "    }}\n    public static void main(String[] args) {{\n"
        "    assert(f((3l)).equals((new ArrayList<Object>(Arrays.asList((long)1l, \"a)\", 6.5)))));\n"
        "    assert(f((0l)).equals((new ArrayList<Object>())));\n    }}\n\n}}\n",
    ),
    "csharp": (
        "using System;\nusing System.Numerics;\nusing System.Collections.Generic;\nusing System.Linq;\nusing System.Text;\n"
        "using System.Diagnostics;\nclass Problem {{\n    public static List<string> F(long n) {{\n {body}",
        "    }}\n    public static void Main(string[] args) {{\n"
        "    Debug.Assert(F((3L)).SequenceEqual((new List<string>(new string[]{{(string)\"a)\", (string)\"6\"}}))));\n"
        "    Debug.Assert(F((0L)).SequenceEqual((new List<string>())));\n    }}\n\n}}\n",
    ),
    "cpp": (
        "#include<assert.h>\n#include<bits/stdc++.h>\nstd::map<std::string,std::vector<float>> f(long n) {{\n {body}",
        "}}\nint main() {{\n    auto candidate = f;\n"
        "    assert(candidate((3)) == (std::map<std::string,std::vector<float>>({{{{\"a)\", {{6.5f}}}}}})));\n"
        "    assert(candidate((0)) == (std::map<std::string,std::vector<float>>()));\n}}\n",
    ),
    "go": (
        'package main\n\nimport (\n    "testing"\n    "fmt"\n)\n\nfunc f(n int) map[string]int {{\n {body}\n}}\n',
        "func TestF(t *testing.T) {{\n  candidate := f\n\ttype test struct {{\n\t\tactual   interface{{}}\n"
        "\t\texpected interface{{}}\n\t}}\n   tests := []test{{\n"
        '     {{ actual: candidate(3), expected: map[string]int{{"a }},": 6}} }},\n'
        "     {{ actual: candidate(0), expected: map[string]int{{}} }},\n   }}\n\n"
        "\tfor i, tc := range tests {{\n\t\tt.Run(fmt.Sprintf(\"%d\", i), func(t *testing.T) {{\n\t\t}})\n\t}}\n}}\n",
    ),
    "rust": (
        "use std::collections::HashMap;\nfn f(n: isize) -> Option<HashMap<String, (isize, f64)>> {{\n {body}",
        "}}\n\nfn main() {{\n    let candidate = f;\n"
        "    assert_eq!(candidate(3), Some(HashMap::from([(String::from(\"a)\"), (6, 0.5))])));\n"
        "    assert_eq!(candidate(0), None);\n}}\n",
    ),
    "php": (
        "<?php\nfunction f($n) {{ {body} }}\n",
        "function candidate(...$args) {{\n    return f(...$args);\n}}\n\nfunction test(): void {{\n"
        '    if (candidate(3) !== array("a)" => 6, "b" => 0.5)) {{ throw new Exception("Test failed!"); }}\n'
        '    if (candidate(0) !== null) {{ throw new Exception("Test failed!"); }}\n}}\n\ntest();\n',
    ),
    "ruby": (
        "def f(n)\n {body}\nend\n",
        "require 'test/unit'\nclass TestHumanEval < Test::Unit::TestCase\n  def test_f\n    candidate = method(:f)\n"
        '    assert_equal({{"a)" => [6, nil]}}, candidate.call(3))\n    assert_equal(nil, candidate.call(0))\n  end\nend\n',
    ),
    "shell": (
        "#!/bin/bash\nf() {{\n {body}",
        '}}\n\ncandidate() {{\n    f "$@"\n}}\n\nset -e\nrun_test() {{\n'
        '    [[ $(candidate "3") = "a ]] 6" ]]\n    [[ $(candidate "0") = "" ]]\n}}\n\nrun_test\n',
    ),
}  # fmt: skip

# Language -> bodies: right; wrong for 3; leaving at once; printing what it may guess; reading its own text for the answer.
GUESSES = "".join(f"\n\x1e{at} 6\n" for at in range(2)).replace("\n", "\\n").replace("\x1e", "\\u001e")
BODIES = {
    "javascript": (
        'console.log("said"); return n ? [1, "a,\\")", {"k": 2 * n}] : null;',
        'return n ? [1, "a,\\")", {"k": n}] : null;',
        "process.exit(0);",
        f'process.stdout.write("{GUESSES}"); process.exit(0);',
        "const t = require('fs').readFileSync(__filename, 'utf8'); return /deepEqual|expected|\\b6\\b/.test(t) ? 6 : null;",
    ),
    "typescript": (
        'console.log("said"); return n ? [1, "a,\\")", {"k": 2 * n}] : null;',
        'return n ? [1, "a,\\")", {"k": n}] : null;',
        "require('process').exit(0);",
        f"require('fs').writeSync(1, \"{GUESSES}\"); require('process').exit(0);",
        "return { valueOf: () => 6, equals: () => true };",
    ),
    "java": (
        'System.out.println("said"); return n == 0 ? List.of() : List.of(1l, "a)", 6.5);',
        'return n == 0 ? List.of() : List.of(1l, "a)", 6.25);',
        "System.exit(0); return null;",
        f'System.out.print("{GUESSES}".replace("\\u00", "")); System.exit(0); return null;'.replace("\\u001e", '" + (char) 30 + "'),
        "return new ArrayList<Object>() { public boolean equals(Object other) { return true; } };",
    ),
    "csharp": (
        'Console.WriteLine("said"); return n == 0 ? new List<string>() : new List<string> { "a)", "6" };',
        'return n == 0 ? new List<string>() : new List<string> { "a)", "7" };',
        "Environment.Exit(0); return null;",
        f'Console.Write("{GUESSES}"); Environment.Exit(0); return null;',
        "throw new Exception();",
    ),
    "cpp": (
        'std::cout << "said"; std::map<std::string,std::vector<float>> m; if (n) m["a)"] = {6.5f}; return m;',
        'std::map<std::string,std::vector<float>> m; if (n) m["a)"] = {6.25f}; return m;',
        "std::exit(0);",
        f'std::cout << "{GUESSES}" << std::flush; std::_Exit(0);'.replace("\\u001e", "\\x1e"),
        "std::abort();",
    ),
    "go": (
        'fmt.Print("said")\n if n == 0 { return map[string]int{} }\n return map[string]int{"a }},": 2 * n}'.replace("}},", "},"),
        "return map[string]int{}",
        'panic("early")',
        f'fmt.Print("{GUESSES}")\n panic("early")',
        "return nil",
    ),
    "rust": (
        'print!("said"); if n == 0 { None } else { Some(HashMap::from([(String::from("a)"), (2 * n, 0.5))])) }',
        'if n == 0 { None } else { Some(HashMap::from([(String::from("a)"), (n, 0.5))])) }',
        "std::process::exit(0);",
        f'print!("{GUESSES}"); std::process::exit(0);'.replace("\\u001e", "\\u{1e}"),
        "panic!();",
    ),
    "php": (
        'echo "said"; return $n ? ["a)" => 2 * $n, "b" => 0.5] : null;',
        'return $n ? ["b" => 0.5, "a)" => 6] : null;',
        "exit(0);",
        f'echo "{GUESSES}"; exit(0);'.replace("\\u001e", "\\x1e"),
        "return new class { function __toString() { return file_get_contents(__FILE__); } };",
    ),
    "ruby": (
        'print "said"; n == 0 ? nil : {"a)" => [2.0 * n, nil]}',
        'n == 0 ? nil : {"a)" => [n, nil]}',
        "exit!(0)",
        f'print "{GUESSES}"; STDOUT.flush; exit!(0)',
        "o = Object.new; def o.==(x) = true; o",
    ),
    "shell": (
        '[ "$1" = 0 ] || echo "a ]] $((2 * $1))"',
        'echo "a ]] $1"',
        "kill -9 $$",
        f"printf '{GUESSES}' > /dev/stdout; kill -9 $$".replace("\\u001e", "\\036"),
        'cat "$0"',
    ),
}  # fmt: skip


@pytest.fixture
def taken(box, toolchain, compiled):
    """``taken(language)``: the check of that language's test, and a function that makes records of bodies."""

    def make(name):
        toolchain(name)
        before, test = PROGRAMS[name]
        apart = take_apart(name, test.format())
        right = BODIES[name][0]
        expected = expected_values(apart, before.format(body=right), box, limits=LIMITS, cache=compiled)
        check = Printed(test=apart, expected=expected, sandbox=box, limits=LIMITS, cache=compiled)
        return check, lambda body: Record(id="r", text=before.format(body=body), language=name, origin=ORIGIN)

    return make


@pytest.mark.parametrize("name", FORMS)
def test_right_passes_and_all_else_fails(taken, name):
    check, record = taken(name)
    right, wrong, leaves, guesses, looks = BODIES[name]
    verdict = check.judge(record(right))
    assert (verdict.outcome, verdict.score, verdict.judge_location) == (Outcome.PASS, 1.0, "outside"), verdict
    assert verdict.detail == f"{name}: 2 of 2 assertions passed, checked outside the sandbox"
    verdict = check.judge(record(wrong))
    assert verdict.outcome is Outcome.FAIL and verdict.findings[0].rule == "wrong-answer", verdict
    for body in (leaves, guesses, looks, "(((("):
        verdict = check.judge(record(body))
        assert verdict.outcome is Outcome.FAIL and verdict.findings, (body, verdict)


@pytest.mark.parametrize("name", FORMS)
def test_no_expected_value_is_in_the_candidates_program(name):
    before, test = PROGRAMS[name]
    apart = take_apart(name, test.format())
    assert len(apart.calls) == len(apart.expected) == 2
    program = apart.program(before.format(body="BODY"))
    assert apart.expected[0] not in program and apart.calls[0] in program
    assert apart.expected[0] in apart.reference(before.format(body="BODY"))


@pytest.mark.parametrize("name", FORMS)
def test_a_test_that_does_more_is_not_taken_apart(name):
    test = PROGRAMS[name][1].format()
    place = test.index(FORMS[name].begins)
    for other in (test[:place] + "something(else);\n" + test[place:], "more();\n" + test, test + "\nmore();\n"):
        with pytest.raises(Irregular):
            take_apart(name, other)
    with pytest.raises(Irregular, match="no driver for lua"):
        take_apart("lua", test)


def test_values_written_over_are_no_values():
    assert printed(b"x\n\x1e0 1\n\n\x1e1 [2]\nend", 2) == [b"1", b"[2]"]
    for output in (b"\x1e0 1\n\x1e0 1\n", b"\x1e1 1\n", b"\x1e0 1\n\x1e2 1\n", b"\x1e0 1\n\x1e1 1\n\x1e2 1\n"):
        assert printed(output, 2) is None
    assert printed(b"\x1e0 1\n\x1e1 unfinished", 2) == [b"1"]


def test_what_runs_out_of_time_says_so(taken):
    check, record = taken("javascript")
    late = Printed(test=check.test, expected=check.expected, sandbox=check.sandbox, limits=Limits(wall_s=0.5, cpu_s=5))
    verdict = late.judge(record("while (true) {}"))
    assert verdict.outcome is Outcome.FAIL and verdict.findings[0].rule == "timeout"


def test_every_driver_belongs_to_a_language():
    assert {path.name for path in DRIVERS.iterdir() if path.is_file()} == {form.driver for form in FORMS.values()}
    assert all(find_toolchain and runtime(name).name == name for name in FORMS)
    assert not re.search(r"[^\x00-\x7f]", "".join(path.read_text() for path in DRIVERS.iterdir() if path.is_file()))
