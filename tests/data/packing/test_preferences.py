"""What belongs together stands in one row, after the same context; every preference has a place in the counts."""

import pytest

from yunque.core.errors import TrainingError
from yunque.core.nouns import PairKind, Preference
from yunque.data.packing.preferences import pack_preferences
from yunque.data.packing.rows import MISMATCHED, UNWANTED, WANTED, PackRecipe, best_fit
from yunque.models.tokenizer import find_fim


def preference(number, answer="return width * height", rejected="return width + height", suffix="\n\nprint(area(2, 3))\n"):
    prompt = f"def area_{number}(width, height):\n    "
    return Preference(
        id=str(number), kind=PairKind.FIM, prompt=prompt, suffix=suffix, answer=answer, rejected=rejected, because="edited",
        span_bytes=None, language="python", natural_language="und", origin_ids=(str(number),),
    )  # fmt: skip


@pytest.fixture
def packed(fim_tokenizer):
    def pack(preferences, *, paired=True, tokens=10**6, **settings):
        recipe = PackRecipe(**{"length_tokens": 160, "prompt_tokens": 48, "suffix_tokens": 16} | settings)
        fim = find_fim(fim_tokenizer)
        return pack_preferences(preferences, fim_tokenizer, fim, recipe, tokens, 1, paired=paired)

    return pack


def segments(rows, tokenizer):
    """(row, context, answer, role) of every segment, as text."""
    for row in range(len(rows)):
        for number in range(1, rows.segments[row].max() + 1):
            here = rows.segments[row] == number
            ids, answers = rows.ids[row][here], rows.answers[row][here]
            yield row, tokenizer.decode(ids[~answers]), tokenizer.decode(ids[answers]), int(rows.roles[row][number - 1])


def test_a_wanted_answer_is_followed_by_the_other_after_the_same_context(packed, fim_tokenizer):
    rows, counts = packed([preference(number) for number in range(9)])
    every = list(segments(rows, fim_tokenizer))
    assert len(every) == 18 and counts["used"] == counts["wanted"] == counts["unwanted"] == 9
    end = fim_tokenizer.eos_token
    for (row, context, answer, role), (next_row, next_context, other, next_role) in zip(
        every[::2], every[1::2], strict=True
    ):
        assert (row, context, role, next_role) == (next_row, next_context, WANTED, UNWANTED)
        assert answer == f"\n    return width * height{end}" and other == f"\n    return width + height{end}"
        assert "def area_" in context and "print(area" in context
    assert (rows.roles != 0).sum() == 18 and counts["rows"] == len(rows) < 9


def test_reactions_alone_stand_beside_an_answer_to_another_prompt(packed, fim_tokenizer):
    reactions = [
        preference(0, rejected=""),
        preference(1, answer="", rejected="pass"),
        preference(2, "return 0", "return 1"),
    ]
    rows, counts = packed(reactions, paired=False)
    every = list(segments(rows, fim_tokenizer))
    assert [role for *_, role in every[1::2]] == [MISMATCHED] * 4 and counts["wanted"] == counts["unwanted"] == 2
    for (row, context, answer, role), (next_row, next_context, other, _) in zip(every[::2], every[1::2], strict=True):
        assert role in (WANTED, UNWANTED) and (row, context) == (next_row, next_context) and answer != other


def test_what_stands_beside_is_never_an_answer_to_the_same_prompt(packed, fim_tokenizer):
    both = [preference(number, f"return {number}", f"pass  # {number}") for number in range(7)]
    again = [Preference(**vars(both[0]) | {"id": "again", "answer": "return -1"})]
    rows, counts = packed([*both, *again], paired=False)
    every = list(segments(rows, fim_tokenizer))
    pairs = list(zip(every[::2], every[1::2], strict=True))
    assert len(pairs) == 16 and counts["wanted"] == counts["unwanted"] == 8
    for (_, context, _, _), (_, _, other, role) in pairs:
        number = next(number for number in range(7) if f"area_{number}(" in context)
        own = {f"return {number}", f"pass  # {number}", *(["return -1"] if not number else [])}
        assert role == MISMATCHED and other.strip().removesuffix(fim_tokenizer.eos_token) not in own


def test_an_only_preference_has_nothing_beside_it(packed, fim_tokenizer):
    rows, _ = packed([preference(0)], paired=False)
    assert [role for *_, role in segments(rows, fim_tokenizer)] == [WANTED, UNWANTED]


def test_the_counts_add_up(packed):
    some = [
        preference(0),
        preference(1, rejected=""),
        preference(2, "pass", "pass"),
        preference(3, answer="x = 1\n" * 80),
        *[preference(number) for number in range(4, 12)],
    ]
    for tokens in (10**6, 300):
        _, counts = packed(some, tokens=tokens)
        names = ("used", "too_long", "half", "same", "over_budget")
        assert sum(counts[name] for name in names) == counts["preferences"] == len(some)
        assert counts["used"] and bool(counts["over_budget"]) == (tokens == 300)
        if not counts["over_budget"]:
            assert counts["half"] == counts["same"] == counts["too_long"] == 1


def test_long_context_is_cut_alike_for_both(packed, fim_tokenizer):
    long = preference(0, suffix="")
    long = Preference(**vars(long) | {"prompt": "# words and words\n" * 60 + long.prompt})
    rows, counts = packed([long], prompt_tokens=160)
    (_, context, _, _), (_, other, _, _) = segments(rows, fim_tokenizer)
    assert context == other and context.endswith("def area_0(width, height):") and counts["cut"] == 1
    assert (rows.segments > 0).sum() <= 160


@pytest.mark.parametrize(("some", "settings"), [([], {}), ([preference(0, rejected="")], {})])
def test_nothing_to_learn_from_is_refused(packed, some, settings):
    with pytest.raises(TrainingError, match="no usable preferences"):
        packed(some, **settings)


def test_rows_of_one_sample_are_refused(packed):
    with pytest.raises(TrainingError, match=r"pack.packed: preferences stand in rows together"):
        packed([preference(0)], packed=False)


def test_the_best_fit_is_whole_and_close():
    sizes = [50, 30, 30, 20, 70, 10, 90, 1]
    rows = best_fit(sizes, 100)
    assert sorted(index for row in rows for index in row) == list(range(len(sizes)))
    assert all(sum(sizes[index] for index in row) <= 100 for row in rows)
    assert len(rows) == 4
