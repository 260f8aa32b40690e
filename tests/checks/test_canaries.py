"""A check that is silent, talkative or broken is not believed; one that is not installed is."""

import pytest

from yunque.checks.canaries import Trusted, canary, doubt, prove
from yunque.core.nouns import Finding, Outcome, Verdict
from yunque.core.seams import BatchCheck


class Word:
    """Finds a word."""

    name = "word"

    def __init__(self, word="bad", outcome=Outcome.FAIL, clean=Outcome.PASS, brings=("bad", "good")):
        self.word, self.outcome, self.clean, self.brings = word, outcome, clean, brings

    def judge(self, record):
        if self.word and self.word in record.text:
            return Verdict(
                check=self.name, outcome=self.outcome, findings=(Finding(rule="word", message="there"),), detail="x"
            )
        return Verdict(check=self.name, outcome=self.clean, detail="y")

    def canaries(self):
        return [canary(text, "python", "word" if text == "bad" else "") for text in self.brings]


@pytest.mark.parametrize(
    ("check", "says"),
    [
        (Word(), ""),
        (Word(word="another"), "did not see a planted 'word'"),
        (Word(word="d"), "found something in a clean text"),
        (Word(outcome=Outcome.ERROR), "broke on a canary: x"),
        (Word(word="", clean=Outcome.SKIP), ""),
        (Word(brings=("good",)), "no canary with a finding"),
        (Word(brings=("bad",)), "or none without"),
        (Word(brings=()), "no canary"),
    ],
)
def test_who_is_believed(check, says):
    assert (says in doubt(check)) if says else doubt(check) == ""
    found = Trusted(check).judge(canary("bad", "python").record)
    assert (found.outcome is Outcome.ERROR) == bool(says)
    if says:
        assert found.detail.startswith("not believed: ") and found.check == "word"


def test_one_without_canaries_is_believed_and_asked_once():
    class Plain:
        name, asked = "plain", 0

        def judge(self, record):
            self.asked += 1
            return Verdict(check=self.name, outcome=Outcome.PASS)

    plain = Plain()
    trusted = Trusted(plain)
    assert isinstance(trusted, BatchCheck) and doubt(plain) == ""
    assert [one.outcome for one in trusted.judge_all([canary("x", "c").record] * 3)] == [
        Outcome.PASS
    ] * 3 and plain.asked == 3


def test_a_check_whose_tool_is_missing_says_so():
    assert prove(Word(word="", clean=Outcome.SKIP)).missing == "y" and prove(Word()).missing == ""


def test_canaries_are_asked_once():
    class Counting(Word):
        asked = 0

        def judge_all(self, records):
            self.asked += 1
            return [self.judge(record) for record in records]

    counting = Counting()
    trusted = Trusted(counting)
    for _ in range(3):
        trusted.judge(canary("good", "python").record)
    assert counting.asked == 4, "the canaries once, and each text"
