"""The rules that make an answer fit to be shown, one golden case or more each."""

import tomllib
from pathlib import Path

import pytest

from yunque.core.nouns import Insertion
from yunque.inference.verified.postprocessing import RULES, postprocess

CASES = tomllib.loads(Path(__file__).with_name("postprocessing.toml").read_text("utf-8"))["case"]


@pytest.mark.parametrize("case", CASES, ids=[f"{case['rules']}-{number}" for number, case in enumerate(CASES)])
def test_golden(case):
    before, _, after = case["code"].partition("¦")
    insertion = Insertion(before=before, text=case["text"], after=after, language=case.get("language", "python"))
    result = postprocess(insertion)
    assert (result.insertion.text, list(result.rules)) == (case["shown"], case["rules"])
    again = postprocess(result.insertion)
    assert again.insertion == result.insertion and not again.rules, "what is left is left alone"


def test_every_rule_has_a_case():
    assert {rule for case in CASES for rule in case["rules"]} == set(RULES)


def test_it_never_raises():
    for text in ("", "\0", "\ud800", ")" * 9000, "\n" * 500, "a\r\nb", "\t\t \t"):
        for before, after in (("", ""), ("f(\ud800", ")\0"), ("    ", "\n}")):
            postprocess(Insertion(before=before, text=text, after=after, language="python"))
