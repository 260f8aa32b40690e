"""How tasks are put to a model, and how its answers are read."""

import pytest

from yunque.core.nouns import PromptStyle
from yunque.inference.verified.coding import (
    CodingTask,
    Verb,
    chat_messages,
    module_of,
    parse_answer,
    parse_plain,
    plain_prompt,
    repair_messages,
    request_of,
    without_bodies,
)

ADD = "def add(a, b):\n    return a - b\n"
WRITE = CodingTask(verb=Verb.WRITE, instruction="add two numbers")


@pytest.mark.parametrize("verb", [*Verb])
def test_every_verb_is_put_with_all_that_belongs_to_it(verb):
    code = "" if verb is Verb.WRITE else ADD
    task = CodingTask(verb=verb, instruction="Mind negative numbers.", code=code, tests={"t.py": "assert add(1, 2) == 3\n"})
    system, user = chat_messages(task)
    assert (system.role, user.role) == ("system", "user")
    for part in ("Mind negative numbers.", "python", code, "assert add(1, 2) == 3"):
        assert part in user.content
    assert ("plan" in user.content) is (verb is not Verb.EXPLAIN)
    assert "plan" not in chat_messages(task, plan=False)[1].content
    assert code in plain_prompt(task) and plain_prompt(task).startswith("# Mind negative numbers.\n")


def test_an_answer_goes_on_from_what_it_begins_with():
    start = 'def add(a, b):\n    """The sum."""\n'
    task = CodingTask(verb=Verb.WRITE, instruction="Sum.", code=start)
    assert plain_prompt(task) == "# Sum.\n" + start
    assert plain_prompt(CodingTask(verb=Verb.WRITE, code=start)) == start
    assert parse_plain("    return a + b\n", task).code == start + "    return a + b\n"
    again = plain_prompt(task, ["examples: add(1, 2) fails"], start + "    return a - b\n")
    assert again.index("return a - b") < again.index("# wrong: examples: add(1, 2) fails") and again.endswith(
        "# Fixed:\n" + start
    )
    assert f"answer with all of it:\n\n```python\n{start}```" in chat_messages(task)[1].content


def test_a_fence_in_the_code_does_not_end_the_block():
    task = CodingTask(verb=Verb.FIX, code='TEXT = """\n```\nx\n```\n"""\n')
    assert f"````python\n{task.code}````" in chat_messages(task)[1].content


def test_what_tools_found_is_said_after_the_answer():
    *_, answer, again = repair_messages(chat_messages(WRITE), "```python\nx\n```", ["tests: test_a fails"])
    assert (answer.role, again.role) == ("assistant", "user") and "- tests: test_a fails" in again.content
    prompt = plain_prompt(CodingTask(verb=Verb.FIX, instruction="sum", code=ADD), ["tests: a\nb"])
    assert "# wrong: tests: a b\n# Fixed:\n" in prompt and ADD in prompt


def test_a_request_is_a_chat_or_a_prompt():
    messages = chat_messages(WRITE)
    settings = {"max_tokens": 9, "temperature": 0.5, "seed": 3}
    chat = request_of(WRITE, messages, is_chat=True, settings=settings)
    assert chat.style is PromptStyle.CHAT and chat.messages == messages and (chat.max_tokens, chat.seed) == (9, 3)
    plain = request_of(WRITE, messages, is_chat=False, settings=settings)
    assert (chat.syntax, plain.syntax) == ("", "python")
    prose = request_of(CodingTask(verb=Verb.EXPLAIN, code=ADD), messages, is_chat=False, settings=settings)
    assert prose.syntax == ""
    assert plain.style is PromptStyle.PREFIX and plain.prompt == messages[-1].content and not plain.messages


@pytest.mark.parametrize(
    ("text", "code", "reasoning"),
    [
        ("Plan: add.\n\n```python\nx = 1\n```\nDone.", "x = 1\n", "Plan: add.\n\n\nDone."),
        ("<think>hm ```python\nno\n```</think>```py\nx = 1\n```", "x = 1\n", "hm ```python\nno\n```"),
        ("x = 1", "x = 1\n", ""),
        ("```python\nx = 1", "x = 1\n", ""),  # cut off
        ("```bash\npip install x\n```\n```python\nx = 1\n```", "x = 1\n", ""),
        ("```python\ndef f():\n    pass\n```\nor:\n```python\ndef f():\n    g()\n```", "def f():\n    g()\n", "or:"),
        ("```python\ndef f():\n    return 1\n```\n```python\ndef g():\n    return 2\n```\n```\n>>> f()\n```",
         "def f():\n    return 1\n\ndef g():\n    return 2\n", ""),
        ("<think>only thoughts", "", "only thoughts"),
        ("", "", ""),
    ],
)  # fmt: skip
def test_code_and_reasoning_are_kept_apart(text, code, reasoning):
    parsed = parse_answer(text, WRITE)
    assert (parsed.code, parsed.reasoning) == (code, reasoning)


def test_an_explanation_is_prose():
    parsed = parse_answer("<think>so</think>It adds:\n```python\nx\n```", CodingTask(verb=Verb.EXPLAIN, code=ADD))
    assert parsed.code == "It adds:\n```python\nx\n```" and parsed.reasoning == "so"


def test_how_a_file_is_imported_and_what_is_left_without_bodies():
    assert [module_of(path) for path in ("", "a/b.py", "src/a/b.py")] == ["answer", "a.b", "a.b"]
    assert without_bodies(ADD, "python") == "def add(a, b):\n    raise NotImplementedError\n"
