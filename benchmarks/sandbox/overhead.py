"""What does one run cost beyond the program itself? Warm Python and a small command in every tier; start and compile times.

    python benchmarks/sandbox/overhead.py [--runs 200] [--languages]

Wall time of `Sandbox.run` as its caller sees it, one job at a time, workers warm; for languages the first run compiles and
the later ones start the compiled program from the cache.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from yunque.core.errors import SandboxError
from yunque.core.nouns import Job
from yunque.sandbox import open_sandbox
from yunque.sandbox.languages.table import RUNTIMES
from yunque.sandbox.programs import Program, run_program
from yunque.sandbox.tiers import ISOLATING

HELLO = {
    "python": "print(1)",
    "javascript": "console.log(1)",
    "typescript": "const x: number = 1\nconsole.log(x)",
    "java": "class Main { public static void main(String[] a) { System.out.println(1); } }",
    "c": '#include <stdio.h>\nint main() { puts("1"); }',
    "cpp": "#include <iostream>\nint main() { std::cout << 1 << std::endl; }",
    "csharp": "class Main_ { static void Main() { System.Console.WriteLine(1); } }",
    "go": 'package main\nimport "fmt"\nfunc main() { fmt.Println(1) }',
    "rust": 'fn main() { println!("1"); }',
    "php": '<?php echo "1\\n";',
    "ruby": "puts 1",
    "perl": 'print "1\\n";',
    "lua": "print(1)",
    "r": 'cat("1\\n")',
    "shell": "echo 1",
    "scala": "object Main { def main(a: Array[String]): Unit = println(1) }",
    "julia": "println(1)",
    "d": "import std.stdio; void main() { writeln(1); }",
    "racket": "#lang racket/base\n(displayln 1)",
    "swift": "print(1)",
    "kotlin": "fun main() { println(1) }",
}


def timed(act: Callable[[], object], runs: int) -> list[float]:
    """Sorted milliseconds of each run."""
    found = []
    for _ in range(runs):
        started = time.perf_counter()
        act()
        found.append((time.perf_counter() - started) * 1e3)
    return sorted(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--languages", action="store_true")
    options = parser.parse_args()
    print("| tier | program | median ms | 90 % ms | n |\n|---|---|--:|--:|--:|")
    for tier in ISOLATING:
        try:
            sandbox = open_sandbox(tier)
        except SandboxError as error:
            print(f"| {tier} | not here: {error} | | | |")
            continue
        with sandbox:
            for name, job in (("warm Python, print(1)", Job(python="print(1)")), ("/bin/true", Job(argv=("true",)))):
                sandbox.run(job)
                found = timed(lambda sandbox=sandbox, job=job: sandbox.run(job), options.runs)
                ninety = found[int(len(found) * 0.9)]
                print(f"| {tier} | {name} | {statistics.median(found):.1f} | {ninety:.1f} | {len(found)} |")
    if not options.languages:
        return
    print("\n| language | compile ms | start ms, median | n |\n|---|--:|--:|--:|")
    with open_sandbox() as sandbox, tempfile.TemporaryDirectory() as folder:
        for name in (row.name for row in RUNTIMES if row.name in HELLO):
            first = run_program(sandbox, Program(language=name, source=HELLO[name]), cache=Path(folder))
            if first.ran is None or first.ran.stdout.strip() != b"1":
                print(f"| {name} | {first.missing or 'failed'} | | |")
                continue
            compiled = f"{first.compiled.wall_ms:.0f}" if first.compiled else ""
            program = Program(language=name, source=HELLO[name])
            runs = [run_program(sandbox, program, cache=Path(folder)).ran.wall_ms for _ in range(5)]
            print(f"| {name} | {compiled} | {statistics.median(runs):.0f} | {len(runs)} |")


if __name__ == "__main__":
    main()
