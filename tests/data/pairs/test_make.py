import importlib.util
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from yunque.code.functions import functions
from yunque.core.nouns import Origin, PairKind, Record, content_id
from yunque.data.pairs.context import text_after, text_before
from yunque.data.pairs.fim_spans import FimSpanKind, fim_spans
from yunque.data.pairs.make import PairsRecipe, make_pairs, reassemble
from yunque.data.pairs.natural_language import natural_language

MODULES = ["textwrap", "dataclasses", "json.decoder", "rich.table", "pydantic.fields"]
RECIPE = PairsRecipe()
SMALL = PairsRecipe(max_prompt_chars=40, max_suffix_chars=20, max_answer_chars=30, max_chunk_chars=25, fim_per_function=6)

EXAMPLE = '''\
"""A module."""

import os  # a comment


def greet(name: str) -> str:
    """Return the greeting for a name."""
    # say it
    text = "hello " + name
    if os.environ:
        text += "!"
    return text


def undocumented(x):
    return x * 2 + 1


def test_greet():
    """Check that the greeting is right."""
    assert greet("a") == "hello a!"
'''


def record(text: str, path: str = "pkg/m.py", language: str = "python") -> Record:
    origin = Origin(source="repo", path=path, revision="1", licence="MIT", collected_at="2026-01-01T00:00:00")
    return Record(id=content_id(text, path), text=text, language=language, origin=origin)


def real(module: str) -> Record:
    return record(Path(importlib.util.find_spec(module).origin).read_bytes().decode(), path=f"{module}.py")


def pairs(one: Record, recipe: PairsRecipe = RECIPE, seed: int = 1, kind: PairKind | None = None) -> list:
    return [pair for pair in make_pairs(one, recipe, seed) if kind in (None, pair.kind)]


def assert_exact(one: Record, recipe: PairsRecipe) -> None:
    """What must hold for every pair of every text."""
    data, made = one.text.encode(), pairs(one, recipe)
    for pair in made:
        start, end = pair.span_bytes
        assert pair.answer and pair.answer.encode() == data[start:end]
        assert data[:start].endswith(pair.prompt.encode()) and data[end:].startswith(pair.suffix.encode())
        assert reassemble(one.text, pair) == one.text
        assert len(pair.prompt) <= recipe.max_prompt_chars and len(pair.suffix) <= recipe.max_suffix_chars
        for edge in (start, end):
            assert data[edge - 1 : edge + 1] != b"\r\n" or edge == 0
        if pair.kind is PairKind.CONTINUATION:
            assert len(pair.answer) <= recipe.max_chunk_chars + 1
        else:
            assert len(pair.answer) <= recipe.max_answer_chars
            assert re.search(r"\w", pair.answer)
        assert (pair.origin_ids, pair.language) == ((one.id,), one.language)
    chunks = [pair for pair in made if pair.kind is PairKind.CONTINUATION]
    assert "".join(pair.answer for pair in chunks) == one.text
    assert all(pair.prompt == pair.suffix == "" for pair in chunks)
    assert len({pair.id for pair in made}) == len(made)


# ------------------------------------------------------------------------------------------------------------- exact spans
lines = st.sampled_from(
    [
        *(
            "def f(a):",
            "    return 'ñ🙂'",
            "    '''doc 日本'''",
            "\tx = 1  # c",
            "# only a comment",
            "",
            "   ",
            "x = (",
            "1)",
            "class A:",
        ),
        *("é" * 70, "    if x: y()", "\x0c", "async def g(): pass", "    ", "@dec", "»", "x\\", "'''"),
    ]
)
texts = st.builds(
    lambda parts, ends: "".join(part + end for part, end in zip(parts, ends, strict=False)),
    st.lists(lines, min_size=1, max_size=25),
    st.lists(st.sampled_from(["\n", "\r\n", "\r\n", "\n\n", ""]), min_size=25, max_size=25),
)


@given(
    texts | st.text(st.characters(exclude_categories=["Cs"]), max_size=200),
    st.sampled_from(["python", "unknown", "javascript"]),
)
def test_every_pair_of_any_text_reassembles(text, language):
    assert_exact(record(text, language=language), SMALL)


@pytest.mark.parametrize(
    "recipe", [RECIPE, SMALL, PairsRecipe(max_chunk_chars=1)], ids=["default", "small", "one character"]
)
def test_every_pair_of_a_file_with_windows_line_breaks_reassembles(recipe):
    assert_exact(record(EXAMPLE.replace("\n", "\r\n")), recipe)


@pytest.mark.parametrize("module", MODULES)
def test_every_pair_of_a_real_file_reassembles(module):
    assert_exact(real(module), RECIPE)


def test_a_hole_never_ends_inside_a_windows_line_break():
    """In a text that does not parse, the grammar takes the carriage return for a part of the comment."""
    one = record("def f(a):\ndef f(a):\n\tx = 1  # c\r\n\ty = 2  # d\r\n")
    for seed in range(40):
        for fim_span in fim_spans(one, seed=seed, count=8):
            assert not one.text[fim_span.start_byte : fim_span.end_byte].endswith("\r")


def test_reassemble_refuses_a_pair_of_another_text():
    pair = pairs(record(EXAMPLE), kind=PairKind.BODY)[0]
    with pytest.raises(ValueError, match="does not fit"):
        reassemble("# shifted\n" + EXAMPLE, pair)


# --------------------------------------------------------------------------------------------------------------------- body
def test_body_pairs():
    first, second, third = pairs(record(EXAMPLE), kind=PairKind.BODY)
    assert first.prompt.endswith('    """Return the greeting for a name."""\n')
    assert first.prompt.startswith('"""A module."""')
    assert first.answer.startswith('    # say it\n    text = "hello "') and first.answer.endswith("    return text")
    assert (first.suffix, first.natural_language) == ("", "en")
    assert (second.answer, second.natural_language) == ("    return x * 2 + 1", "und")
    assert third.answer == '    assert greet("a") == "hello a!"'


def test_recipe_leaves_out_tests_and_undocumented_functions():
    answers = [
        pair.answer for pair in pairs(record(EXAMPLE), PairsRecipe(tests=False, undocumented=False), kind=PairKind.BODY)
    ]
    assert len(answers) == 1 and answers[0].endswith("return text")
    assert pairs(record(EXAMPLE, path="tests/test_m.py"), PairsRecipe(tests=False)) == []
    for seed in range(10):
        fim = pairs(record(EXAMPLE), PairsRecipe(tests=False, fim_per_function=5), seed, PairKind.FIM)
        assert all(pair.span_bytes[0] < EXAMPLE.index("def test_greet") for pair in fim)


OF_ONE_FILE = {PairKind.BODY, PairKind.FIM, PairKind.CONTINUATION}


@pytest.mark.parametrize("kind", sorted(OF_ONE_FILE))
def test_each_kind_can_be_switched_off_and_no_other_is_on(kind):
    made = {pair.kind for pair in pairs(record(EXAMPLE), PairsRecipe(**{kind.value: False}))}
    assert made == OF_ONE_FILE - {kind}


# ------------------------------------------------------------------------------------------------- kinds that are asked for
def only(*kinds: str, **options) -> PairsRecipe:
    return PairsRecipe(**{"body": False, "fim": False, "continuation": False, **dict.fromkeys(kinds, True), **options})


EVERY_KIND = PairsRecipe(signature=True, comment=True, explain=True, test=True)


def test_signature_takes_the_undocumented_functions_from_body():
    made = pairs(record(EXAMPLE), only("body", "signature"))
    assert [(pair.kind, pair.answer.split("\n")[0].strip()) for pair in made] == [
        (PairKind.BODY, "# say it"),
        (PairKind.SIGNATURE, "return x * 2 + 1"),
        (PairKind.BODY, 'assert greet("a") == "hello a!"'),
    ]
    assert made[1].prompt.endswith("def undocumented(x):\n")
    assert len(pairs(record(EXAMPLE), only("signature"))) == 1
    assert pairs(record(EXAMPLE), only("signature", undocumented=False)) == pairs(record(EXAMPLE), only("signature"))


def test_explain_asks_with_the_function_and_answers_with_its_prose():
    first, second = pairs(record(EXAMPLE), only("explain"))
    assert first.prompt == (
        'def greet(name: str) -> str:\n    # say it\n    text = "hello " + name\n    if os.environ:\n        text += "!"\n'
        "    return text\n\n# What greet does:\n"
    )
    assert (first.answer, first.span_bytes, first.natural_language) == ("Return the greeting for a name.", None, "en")
    assert second.answer == "Check that the greeting is right."
    assert len({first.id, second.id, *(pair.id for pair in pairs(record(EXAMPLE)))}) == 2 + len(pairs(record(EXAMPLE)))


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_explain_of_methods_comments_and_one_liners(newline):
    java = "class A {\n  /** Adds one to it. */\n  @Test\n  int add(int a) {\n    return a + 1;\n  }\n}\n".replace(
        "\n", newline
    )
    (pair,) = pairs(record(java, language="java"), only("explain"))
    assert pair.prompt == "@Test\nint add(int a) {\n  return a + 1;\n}\n\n// What add does:\n"
    assert pair.answer == "Adds one to it."
    python = "class A:\n    def f(self):\n        'Adds one to it.'; x = 1\n        return x\n".replace("\n", newline)
    assert pairs(record(python), only("explain")) == []  # nothing of its own line is left to stand below it
    short = 'def f():\n    """:nodoc:"""\n    return 1\n'.replace("\n", newline)
    assert pairs(record(short), only("explain")) == []


def test_comment_pairs_end_where_the_block_starts():
    (pair,) = pairs(record(EXAMPLE.replace("# say it", "# say it out loud")), only("comment"))
    assert pair.prompt.endswith("    # say it out loud\n")
    assert pair.answer == '    text = "hello " + name\n    if os.environ:\n        text += "!"\n    return text'
    assert (pair.kind, pair.natural_language, pair.suffix) == (PairKind.COMMENT, "en", "")
    assert pairs(record(EXAMPLE.replace("# say it", "# say it out loud")), only("comment", max_answer_chars=20)) == []


def test_test_pairs_of_one_file():
    (pair,) = pairs(record(EXAMPLE), only("test"))
    assert pair.prompt.startswith("def test_greet():") and pair.prompt.endswith("\n\n# What it tests, in pkg/m.py:\n")
    assert pair.answer.startswith("def greet(name: str)") and pair.answer.endswith("return text")
    assert pairs(record(EXAMPLE), only("test", tests=False)) == []


@given(
    texts | st.text(st.characters(exclude_categories=["Cs"]), max_size=200),
    st.sampled_from(["python", "php", "ruby", "shell", "solidity", "rust", "java", "c"]),
)
def test_every_kind_of_any_text_is_exact(text, language):
    one = record(text, language=language)
    data = text.encode()
    for pair in pairs(one, EVERY_KIND):
        if pair.span_bytes:
            assert data[slice(*pair.span_bytes)].decode() == pair.answer
        if pair.kind not in (PairKind.EXPLAIN, PairKind.TEST):
            assert reassemble(text, pair) == text


def test_a_body_that_is_too_long_or_a_signature_that_does_not_fit_makes_no_pair():
    body = PairsRecipe(fim=False, continuation=False, max_answer_chars=20)
    assert [pair.answer for pair in pairs(record(EXAMPLE), body)] == ["    return x * 2 + 1"]
    header = PairsRecipe(fim=False, continuation=False, max_prompt_chars=30)
    assert [pair.prompt.strip() for pair in pairs(record(EXAMPLE), header)] == ["def undocumented(x):"]


def test_unknown_recipe_key_is_refused():
    with pytest.raises(ValidationError):
        PairsRecipe(fim_rate=0.5)


# -------------------------------------------------------------------------------------------------------------------- holes
def test_pairs_depend_on_record_and_seed_alone():
    one = real("textwrap")
    assert pairs(one, seed=1) == pairs(one, seed=1)
    assert pairs(one, seed=1) != pairs(one, seed=2)
    elsewhere = record(one.text, path="other.py")
    spans = [[pair.span_bytes for pair in pairs(of, kind=PairKind.FIM)] for of in (one, elsewhere)]
    assert spans[0] != spans[1]


def test_holes_are_as_many_as_asked_for_different_and_mostly_lines():
    found = fim_spans(real("dataclasses"), seed=1, count=200)
    assert len({(one.start_byte, one.end_byte) for one in found}) == len(found) == 200
    num = {kind: sum(one.kind is kind for one in found) for kind in FimSpanKind}
    assert num[FimSpanKind.LINE] > num[FimSpanKind.STATEMENT] > num[FimSpanKind.BODY] > 0


def test_line_holes_end_where_the_line_ends_and_lie_in_code():
    text = EXAMPLE.replace("\n", "\r\n")
    one, data = record(text), text.encode()
    found = [
        fim_span for seed in range(20) for fim_span in fim_spans(one, seed=seed, count=20, weights={FimSpanKind.LINE: 1})
    ]
    assert {fim_span.kind for fim_span in found} == {FimSpanKind.LINE}
    for fim_span in found:
        assert b"\n" not in data[fim_span.start_byte : fim_span.end_byte]
        assert data[fim_span.end_byte :].startswith(b"\r\n")
        line = data[data.rfind(b"\n", 0, fim_span.start_byte) + 1 : fim_span.end_byte].decode()
        assert '"""' not in line and "#" not in line
        assert fim_span.start_byte - (fim_span.end_byte - len(line)) >= len(line) - len(line.lstrip())
    # the cursor visits the start, the middle and the end of lines, but never the inside of a word
    assert len({fim_span.start_byte for fim_span in found}) > 50
    around = [data[fim_span.start_byte - 1 : fim_span.start_byte + 1].decode() for fim_span in found if fim_span.start_byte]
    assert not [pair for pair in around if re.fullmatch(r"\w\w", pair)]


def test_body_holes_start_after_the_indentation_and_statements_are_whole():
    one, data = record(EXAMPLE), EXAMPLE.encode()
    (body, *_) = fim_spans(one, seed=1, count=3, weights={FimSpanKind.BODY: 1})
    assert data[: body.start_byte].endswith(b'name."""\n    ') and data[: body.end_byte].endswith(b"return text")
    found = {
        data[fim_span.start_byte : fim_span.end_byte]
        for fim_span in fim_spans(one, seed=1, count=30, weights={FimSpanKind.STATEMENT: 1})
    }
    assert b'if os.environ:\n        text += "!"' in found
    assert b'if os.environ:\n        text += "!"\n    return text' in found
    assert b"if os.environ:" not in found


def test_holes_keep_out_of_what_is_to_be_avoided_and_know_their_function():
    one = record(EXAMPLE)
    greet = next(function for function in functions(EXAMPLE, "python") if function.name == "greet")
    for seed in range(10):
        found = fim_spans(one, seed=seed, count=10, avoid=[(greet.start_byte, greet.end_byte)])
        assert found
        for fim_span in found:
            assert fim_span.end_byte <= greet.start_byte or greet.end_byte <= fim_span.start_byte
            assert fim_span.function is None or fim_span.function.name in ("undocumented", "test_greet")
    after = record("def f():\n    pass\n\n\nX = compute(1, 2)\n")
    assert [fim_span.function for fim_span in fim_spans(after, seed=1, count=1, avoid=[(0, 20)])] == [None]
    assert any(fim_span.function and fim_span.function.name == "greet" for fim_span in fim_spans(one, seed=1, count=10))


def test_a_text_without_code_has_no_holes():
    for text in ("", "\n\n", "# only\n# comments\n", '"""Only a docstring."""\n', "()\n[]\n"):
        assert fim_spans(record(text), seed=1, count=5) == []


# ------------------------------------------------------------------------------------------------ continuation and windows
def test_chunks_are_cut_before_definitions():
    text = "".join(f"def f{number}():\n    a = {number}\n\n    return a\n\n\n" for number in range(40))
    chunks = pairs(record(text), PairsRecipe(max_chunk_chars=200), kind=PairKind.CONTINUATION)
    assert len(chunks) > 5
    assert all(pair.answer.startswith("def f") and 100 <= len(pair.answer) <= 200 for pair in chunks[:-1])


def test_windows_are_cut_at_lines():
    data = "one\ntwo\nthree ñ\nfour".encode()
    end = data.index(b"four")
    assert text_before(data, end, 100) == "one\ntwo\nthree ñ\n"
    assert text_before(data, end, 11) == "three ñ\n"
    assert text_before(data, end, 12) == "two\nthree ñ\n"
    assert text_before(data, end, 3) == " ñ\n"
    assert text_after(data, 0, 100) == data.decode()
    assert text_after(data, 0, 6) == "one\n"
    assert text_after(data, 0, 4) == "one\n"
    assert text_after(data, 0, 2) == "on"
    assert text_after(data, 0, 0) == ""


@given(st.text(st.sampled_from("añ🙂\r\n "), max_size=40), st.integers(0, 40), st.integers(1, 12))
def test_windows_of_any_text_fit_and_are_as_near_as_asked(text, at, size):
    at = min(at, len(text))
    data, byte = text.encode(), len(text[:at].encode())
    before, after = text_before(data, byte, size), text_after(data, byte, size)
    assert text[:at].endswith(before) and len(before) <= size
    assert text[at:].startswith(after) and len(after) <= size
    if at <= size:
        assert before == text[:at]
    if len(text) - at <= size:
        assert after == text[at:]


# -------------------------------------------------------------------------------------------------------- natural language
@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Return the sum of the numbers.", "en"),
        ("Devuelve la suma de los números que se pasan.", "es"),
        ("Retorna a soma dos números que são passados na lista.", "pt"),
        ("Renvoie la somme des nombres dans une liste.", "fr"),
        ("Gibt die Summe der Zahlen zurück, wenn sie nicht leer ist.", "de"),
        ("数値の合計を返します。", "ja"),
        ("返回数字的总和。", "zh"),
        ("Sum.", "und"),
        ("", "und"),
        (":param x: 1\n>>> f(2)", "und"),
    ],
)
def test_natural_language(text, code):
    assert natural_language(text) == code
