"""Which prompts can be watched, and from where."""

import pytest

from yunque.core.nouns import Message, PromptStyle, Request
from yunque.inference.syntax_monitor import SyntaxMonitor


@pytest.mark.parametrize(
    ("prompt", "good", "bad"),
    [
        ("x = ", "1", "1 2"),
        ("        x = 1\n    def g(self):\n        return ", "x", "x y "),
        ("            y\n        else:\n            z\n    w = ", "1\n    v = 2", "1\n  v = "),
        ("\t\tx = 1\n\tdef g(self):\n\t\treturn ", "x", "x y "),
        ('end of a docstring.\n    """\n    x = 1\n\n\ndef g():\n    return ', "x", "x y "),
        ("except ValueError:\n    pass\n\n\ndef g():\n    return ", "x", "x y "),
    ],
)
def test_windows_of_files_are_watched(prompt, good, bad):
    monitor = SyntaxMonitor.of(Request(prompt=prompt, syntax="python"))
    assert monitor.allows(good) and not monitor.allows(bad)


def test_what_cannot_be_watched():
    assert SyntaxMonitor.of(Request(prompt="x = ")) is None
    assert SyntaxMonitor.of(Request(prompt="no code at all", syntax="python")) is None
    chat = Request(prompt="", messages=(Message(role="user", content="x"),), style=PromptStyle.CHAT, syntax="python")
    assert SyntaxMonitor.of(chat) is None


def test_half_of_a_character_may_stand_in_a_string():
    monitor = SyntaxMonitor.of(Request(prompt="x = ", syntax="python"))
    assert monitor.allows("'caf\N{REPLACEMENT CHARACTER}") and not monitor.allows("caf\N{REPLACEMENT CHARACTER}")
