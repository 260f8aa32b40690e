"""Rows on disk come back as they were."""

import dataclasses
import json
from dataclasses import dataclass
from enum import StrEnum

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yunque.core import nouns
from yunque.core.nouns import Finding, Outcome, Pair, PairKind, Record, Verdict
from yunque.store.tables import read_lines, read_table, write_lines, write_table

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)  # lone surrogates are no UTF-8, so no record has any
for plain, strategy in {
    str: TEXT,
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False),
    bytes: st.binary(max_size=8),
}.items():
    st.register_type_strategy(plain, strategy)

IN_TABLES = [one for one in vars(nouns).values() if dataclasses.is_dataclass(one) and one.__module__ == nouns.__name__]
IN_TABLES = [one for one in IN_TABLES if "dict" not in [str(field.type) for field in dataclasses.fields(one)]]
IN_TABLES = [one for one in IN_TABLES if one not in (nouns.Job, nouns.Observation)]
SOME = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def test_most_nouns_are_tried():
    names = {one.__name__ for one in IN_TABLES}
    assert names >= {
        "Origin",
        "Record",
        "Pair",
        "Verdict",
        "Finding",
        "Task",
        "Key",
        "Completion",
        "Request",
        "Measure",
    }


@pytest.mark.parametrize("kind", IN_TABLES, ids=lambda kind: kind.__name__)
def test_every_noun_comes_back_from_parquet(kind, tmp_path):
    @SOME
    @given(st.lists(st.from_type(kind), max_size=4))
    def check(rows):
        assert write_table(tmp_path / "rows", rows, kind) == len(rows)
        assert read_table(tmp_path / "rows", kind) == rows

    check()


@pytest.mark.parametrize("kind", IN_TABLES, ids=lambda kind: kind.__name__)
def test_every_noun_comes_back_from_json_lines(kind, tmp_path):
    @SOME
    @given(st.lists(st.from_type(kind), max_size=4))
    def check(rows):
        assert write_lines(tmp_path / "rows", rows) == len(rows)
        assert list(read_lines(tmp_path / "rows", kind)) == rows

    check()


def example_verdict(**changes) -> Verdict:
    return dataclasses.replace(
        Verdict(check="c", outcome=Outcome.FAIL, score=None, findings=(Finding(rule="r", message="m"),)), **changes
    )


def test_declared_types_are_restored(tmp_path):
    verdict = example_verdict()
    write_table(tmp_path / "t", [verdict], Verdict)
    (back,) = read_table(tmp_path / "t", Verdict)
    assert type(back.outcome) is Outcome and type(back.findings) is tuple and type(back.findings[0]) is Finding
    assert back.score is None and back.findings[0].cwe is None


@pytest.mark.parametrize(
    "text", ["", "\0", "\r\n\r", "\u2028\x85\x0b\x0c", "🦀é\u0301\ufeff", '"\\n"', "\U0010ffff", "x" * 100_000], ids=ascii
)
def test_awkward_text_comes_back(text, tmp_path):
    rows = [Finding(rule=text, message=text), Finding(rule="next", message=text)]
    write_table(tmp_path / "t", rows, Finding)
    write_lines(tmp_path / "l", rows)
    assert read_table(tmp_path / "t", Finding) == list(read_lines(tmp_path / "l", Finding)) == rows


def test_no_rows_still_write_the_columns(tmp_path):
    assert write_table(tmp_path / "t", [], Record) == 0
    assert read_table(tmp_path / "t", Record) == []
    assert pq.read_schema(tmp_path / "t").names == ["id", "text", "language", "origin"]
    assert write_lines(tmp_path / "l", iter(())) == 0
    assert list(read_lines(tmp_path / "l", Record)) == []


def test_the_first_row_being_empty_does_not_decide_a_columns_type(tmp_path):
    rows = [example_verdict(findings=()), example_verdict(score=0.5), example_verdict(findings=(), score=None)]
    write_table(tmp_path / "t", rows, Verdict)
    assert read_table(tmp_path / "t", Verdict) == rows


def test_order_is_kept_and_a_generator_is_enough(tmp_path):
    rows = [Finding(rule=str(n), message="") for n in range(5000)]
    assert write_table(tmp_path / "t", iter(rows), Finding) == 5000
    assert read_table(tmp_path / "t", Finding) == rows


def test_nested_dataclasses_are_nested_columns(tmp_path):
    findings = (Finding(rule="a", message="", line=3), Finding(rule="b", message="x", span_bytes=(1, 4)))
    verdict = Verdict(check="c", outcome=Outcome.FAIL, findings=findings)
    write_table(tmp_path / "t", [verdict], Verdict)
    assert read_table(tmp_path / "t", Verdict) == [verdict]
    assert [row["rule"] for row in pq.read_table(tmp_path / "t").to_pylist()[0]["findings"]] == ["a", "b"]


def test_a_pair_keeps_its_span_as_two_numbers(tmp_path):
    pair = Pair(
        id="1", kind=PairKind.FIM, prompt="a", answer="b", span_bytes=(3, 7), language="python", natural_language="und",
        origin_ids=("r",),
    )  # fmt: skip
    write_lines(tmp_path / "l", [pair])
    told = json.loads((tmp_path / "l").read_text())
    assert (told["kind"], told["span_bytes"], told["origin_ids"]) == ("fim", [3, 7], ["r"])
    assert list(read_lines(tmp_path / "l", Pair)) == [pair]


def test_lines_are_for_people_one_row_a_line_plain_letters(tmp_path):
    rows = [{"b": "ñ\n", "a": 1}, {"a": None}]
    write_lines(tmp_path / "l", rows)
    assert (tmp_path / "l").read_text(encoding="utf-8") == '{"a": 1, "b": "ñ\\n"}\n{"a": null}\n'
    assert list(read_lines(tmp_path / "l", dict)) == rows


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, kw_only=True)
class Inner:
    numbers: tuple[int, ...]
    colour: Colour | None = None


@dataclass(frozen=True, kw_only=True)
class Outer:
    inner: Inner | None
    many: tuple[Inner, ...] = ()
    data: bytes = b""
    flag: bool = False


def test_a_plug_ins_own_dataclasses_work_as_well(tmp_path):
    rows = [
        Outer(inner=None),
        Outer(inner=Inner(numbers=(1, 2), colour=Colour.RED), many=(Inner(numbers=()),), data=b"\0\xff", flag=True),
    ]
    write_table(tmp_path / "t", rows, Outer)
    back = read_table(tmp_path / "t", Outer)
    assert back == rows and back[1].inner.colour is Colour.RED


def test_a_row_without_a_field_that_has_a_default_is_read(tmp_path):
    (tmp_path / "l").write_text('{"rule": "r", "message": "m"}\n')
    assert list(read_lines(tmp_path / "l", Finding)) == [Finding(rule="r", message="m")]


def test_a_line_says_even_what_utf8_cannot(tmp_path):
    rows = [Finding(rule="r", message="\ud800 \udc80 ñ \\ud800")]
    write_lines(tmp_path / "l", rows)
    assert list(read_lines(tmp_path / "l", Finding)) == rows
