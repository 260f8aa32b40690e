"""A suite of one's own: tasks, and a judge that runs each answer in the sandbox.

yunque eval MODEL --suites examples.own:Capitals      after putting this class into a module that can be imported
python examples/05_own_suite.py                       to see what its own answers get
"""

from dataclasses import dataclass

from yunque.checks.execution.python import Asserts
from yunque.core.nouns import Origin, PromptStyle, Record, Task, Verdict, content_id
from yunque.core.seams import Sandbox
from yunque.sandbox import open_sandbox

CASES = {
    "first letters": ("def capitals(text):\n", '    return "".join(word[:1].upper() for word in text.split())\n'),
    "no vowels": ("def consonants(text):\n", '    return "".join(char for char in text if char not in "aeiou")\n'),
}
TESTS = {
    "first letters": "assert capitals('ada lovelace') == 'AL'\nassert capitals('') == ''\n",
    "no vowels": "assert consonants('anvil') == 'nvl'\n",
}


@dataclass(frozen=True, kw_only=True)
class Capitals:
    """Two tasks (seam ``JudgedSuite``)."""

    sandbox: Sandbox | None = None
    name: str = "capitals"
    licence: str = "MIT"
    trainable: bool = False

    def tasks(self) -> list[Task]:
        return [
            Task(id=name, suite=self.name, prompt=head, stop="dedent", max_tokens=64, language="python", group=name)
            for name, (head, _) in CASES.items()
        ]

    def program(self, task: Task, text: str, style: PromptStyle = PromptStyle.PREFIX) -> str:
        return task.prompt + text

    def judge(self, task: Task, text: str, style: PromptStyle = PromptStyle.PREFIX) -> Verdict:
        program = self.program(task, text, style)
        origin = Origin(source=self.name, path=task.id, revision="", licence=self.licence, collected_at="")
        record = Record(id=content_id(program), text=program, language="python", origin=origin)
        assert self.sandbox is not None
        return Asserts(test=TESTS[task.id], functions=(task.prompt[4:-8],), sandbox=self.sandbox).judge(record)

    def canonical(self, task: Task) -> str:
        return CASES[task.id][1]

    def wrong(self, task: Task) -> str:
        return "    return None\n"


def main() -> None:
    with open_sandbox() as sandbox:
        suite = Capitals(sandbox=sandbox)
        for task in suite.tasks():
            right, wrong = suite.judge(task, suite.canonical(task)), suite.judge(task, suite.wrong(task))
            print(f"{task.id}: its own answer {right.outcome}, a wrong one {wrong.outcome}: {wrong.detail}")


if __name__ == "__main__":
    main()
