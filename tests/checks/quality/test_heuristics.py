"""Shapes that are hardly code: each check sees its own, no text makes it raise or slow, an empty text has no shares."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yunque.checks import findings
from yunque.checks.canaries import canary, doubt
from yunque.checks.deprecation import deprecated, obsolete
from yunque.checks.licensing import headers
from yunque.checks.quality import boilerplate, commented_code, file_kinds, heuristics, score
from yunque.core.nouns import Outcome
from yunque.core.seams import ProvenCheck

SHAPES = (
    *(
        heuristics.LongLines,
        heuristics.AlphabeticFraction,
        heuristics.WordCharacters,
        heuristics.EncodedData,
        heuristics.CommentShare,
    ),
    heuristics.DuplicateLines,
)
ALL = (
    *SHAPES,
    *(headers.LicenceHeader, commented_code.CommentedOutCode, boilerplate.Boilerplate, score.Quality),
    *(obsolete.Python2, obsolete.ObsoleteApi, deprecated.Deprecated),
    *(file_kinds.Vendored, file_kinds.Generated, file_kinds.Minified, file_kinds.DataLike),
)


def judge(check, text, language="python"):
    return check.judge(canary(text, language).record)


@pytest.mark.parametrize("kind", ALL)
def test_canaries(kind):
    assert isinstance(kind(), ProvenCheck) and doubt(kind()) == ""


@pytest.mark.parametrize("kind", ALL)
def test_a_silent_check_is_doubted(kind, monkeypatch):
    check = kind()
    monkeypatch.setattr(check, "judge", lambda record: findings.decide(check.name), raising=False)
    assert "did not see" in doubt(check)


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("text", ["", " \n\t\n"])
def test_an_empty_text_is_skipped(kind, text):
    verdict = judge(kind(), text)
    assert verdict.outcome is Outcome.SKIP and not verdict.values


@pytest.mark.parametrize("kind", SHAPES)
def test_thresholds_are_arguments_and_values_do_not_depend_on_them(kind):
    (planted,) = [one.record for one in kind().canaries() if one.finds][:1]
    value = kind().judge(planted).values
    other = kind(threshold=-1 if kind.low else 1e9)
    assert other.judge(planted).outcome is Outcome.PASS and other.judge(planted).values == value


def test_values():
    assert judge(heuristics.DuplicateLines(), "a = call(b)\n" * 4).values == {"duplicate-lines": 0.75}
    assert judge(heuristics.AlphabeticFraction(), "ab12").values == {"alphabetic-fraction": 0.5}
    assert judge(heuristics.AlphabeticFraction(), "áé12").values == {"alphabetic-fraction": 0.5}
    assert judge(heuristics.WordCharacters(), "ab 1 +").values == {"word-characters": 0.75}
    assert judge(heuristics.LongLines(), "   abc\n").values == {"long-lines": 3.0}
    assert judge(heuristics.CommentShare(), "#ab\nxyz\n").values == {"comment-share": 0.5}
    assert judge(heuristics.EncodedData(), "x = '" + "=" * 90 + "a" * 90 + "'\n").values == {
        "encoded-data": pytest.approx(0, abs=0.55)
    }


HOSTILE = (
    '"', "'", '`', '/*', '/ ', '//', '#', '(/[', '\\', '"\\', '"""\\', 'a, ', 'a[', 'a.b = ', 'print ',
    'copyright ', '(c) ', '-*- ', 'vim: ', 'import a, ', 'from collections import ', 'except (', '# a = [\n',
    '// a b c d e f g h ', '=-', '\t', '\n', '@deprecated ', '0x1f, ', 'fffffffffffffffffffffffffffffff ',
    '# if a:\n', 'created by ', '# todo ', '{\n', 'def f(\n', '# ====\n', '${',
)  # fmt: skip


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ALL)
def test_no_text_makes_it_slow(kind, within):
    check = kind()
    for piece in HOSTILE:
        text = piece * (40_000 // len(piece))
        for language, prefix in (("python", ""), ("javascript", "// "), ("c", "/* "), ("python", "# ")):
            with within(1.2, piece, language, prefix):
                judge(check, prefix + text, language)


@given(st.text(alphabet=st.characters(), max_size=300), st.sampled_from(["python", "javascript", "rust", "php", "x"]))
def test_no_text_makes_a_check_raise(text, language):
    for kind in ALL:
        verdict = judge(kind(), text, language)
        assert verdict.outcome is not Outcome.ERROR and verdict.check == kind.name


def test_lone_surrogates_and_nul():
    for kind in ALL:
        judge(kind(), "# \udcff copyright 2020 x\n# y = f(1)\nx = '\udcff' \x00 DeprecationWarning\n")
