"""Pairs go where their records went; what quotes held-out code goes nowhere."""

import pytest

from yunque.core.nouns import Origin, Pair, PairKind, Record, content_id
from yunque.data.sides import QuotedCode, Side, side_of
from yunque.data.split import Split, SplitRecipe

HELD = '''\
def rolling(values, width, step=1, *, fill=None):
    """Yields windows."""
    buffer = []
    for index, value in enumerate(values):
        buffer.append(value)
        if len(buffer) > width:
            buffer.pop(0)
        if len(buffer) == width and index % step == 0:
            yield tuple(buffer)
    while fill is not None and len(buffer) < width:
        buffer.append(fill)
'''
PARTS = {"held": Split.HELDOUT, "check": Split.VALIDATION, "learn": Split.TRAIN, "more": Split.TRAIN}


def record(name, text, language="python"):
    origin = Origin(source="s", path=f"{name}.py", revision="1", licence="MIT", collected_at="")
    return Record(id=name, text=text, language=language, origin=origin)


def pair(*origin_ids, prompt="x = ", answer="1\n", language="python", kind=PairKind.EDIT, suffix=""):
    return Pair(
        id=content_id(prompt, answer), kind=kind, prompt=prompt, answer=answer, suffix=suffix, span_bytes=None,
        language=language, natural_language="und", origin_ids=origin_ids,
    )  # fmt: skip


@pytest.fixture(scope="module")
def quoted():
    return QuotedCode([record("held", HELD + "\n\ndef one():\n    return 1\n")], SplitRecipe())


@pytest.mark.parametrize(
    ("ids", "side"),
    [
        (("learn",), Side(part=Split.TRAIN)),
        (("learn", "more"), Side(part=Split.TRAIN)),
        (("check",), Side(part=Split.VALIDATION)),
        (("held",), Side(part=None, reason="held out")),
        (("learn", "held"), Side(part=None, reason="held out")),
        (("learn", "check"), Side(part=None, reason="crosses the split")),
        (("of a stream",), Side(part=Split.TRAIN)),
        ((), Side(part=Split.TRAIN)),
    ],
)
def test_a_pair_goes_where_its_records_went(ids, side, quoted):
    assert side_of(pair(*ids), PARTS, quoted) == side


PAGE = "How do I take windows? I tried this, it's slow:\n\n```python\n{}```\n\nAny idea why it doesn't work?"
DIFF = "Rename the buffer\n\nimport os\n\n{}\n\nclass Other:\n    pass\n"


@pytest.mark.parametrize("frame", [PAGE, DIFF, "{}"])
@pytest.mark.parametrize(
    "text",
    [
        HELD,
        HELD.replace('"""Yields windows."""', "# in windows"),
        HELD.replace("    ", "\t"),
        HELD.replace("fill", "filler"),
        HELD + "\n\ndef another(x):\n    return x * 2\n",
    ],
)
def test_what_quotes_held_out_code_is_left_out(frame, text, quoted):
    for given in (pair("c1", prompt=frame.format(text)), pair("c1", prompt="", answer=frame.format(text))):
        assert side_of(given, PARTS, quoted).reason == "quotes held-out code"


def test_a_hole_inside_a_quotation_hides_nothing(quoted):
    middle = len(HELD) // 2
    given = pair(
        "n1", prompt=HELD[:middle], answer=HELD[middle : middle + 20], suffix=HELD[middle + 20 :], kind=PairKind.FIM
    )
    assert side_of(given, PARTS, quoted).reason == "quotes held-out code"


def test_prose_of_a_tree_is_looked_through_and_its_code_is_not(quoted):
    assert (
        side_of(pair("learn", prompt=PAGE.format(HELD), language="markdown"), PARTS, quoted).reason == "quotes held-out code"
    )
    assert side_of(pair("learn", prompt=HELD), PARTS, quoted).part is Split.TRAIN  # the split has placed it


@pytest.mark.parametrize(
    "text",
    [
        "def one():\n    return 1\n",  # too short to be anybody's
        HELD[: len(HELD) // 3],
        "def rolling(a):\n" + "\n".join(f"    a{n} = a{n + 1} * {n}" for n in range(40)),
        "",
        "\ud800",
    ],
)
def test_what_quotes_nothing_whole_stays(text, quoted):
    assert side_of(pair("c1", answer=text), PARTS, quoted).part is Split.TRAIN


def test_with_nothing_held_out_nothing_is_quoted():
    assert len(QuotedCode([], SplitRecipe())) == 0 and not QuotedCode([], SplitRecipe()).stands_in(HELD)
