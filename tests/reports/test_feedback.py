"""What people did, in numbers that a hand can check."""

from yunque.feedback.events import Reaction
from yunque.feedback.ledger import Shown
from yunque.reports.feedback import figures, render_feedback

DAY = 86400.0


def shown(number, person="ada", *, taken=False, chars=10, kept=0, survived=None, **values):
    reactions = {Reaction.SHOWN} | ({Reaction.ACCEPTED} if taken else {Reaction.DISMISSED})
    about = {"group": "", "model": "m", "language": "python", "at_s": 20_000 * DAY + number, "latency_ms": 0.0}
    return Shown(**{"completion_id": f"c{number}", "person": person, "reactions": frozenset(reactions), "chars": chars,
                    "kept_chars": kept, "survived": survived or {}, **about, **values})  # fmt: skip


def test_nothing_is_nothing():
    result = figures([])
    assert result.whole.num_shown == 0 and result.whole.taken.value is None and result.days == []
    assert "Nothing was reported" in render_feedback(result, code_version="0")


def test_shares_are_those_of_a_hand():
    items = [
        shown(1, taken=True, kept=10, survived={30: 10, 90: 4}),
        shown(2, taken=True, kept=6, survived={30: 3}),
        shown(3),
        shown(4, chars=0),  # of somebody who agreed to counts alone
    ]
    whole = figures(items).whole
    assert whole.taken.value == 0.5 and whole.taken.n == 4
    assert whole.retained.value == (4 + 3) / 30 and whole.retained.n == 3
    assert whole.survival[30].value == 13 / 16 and whole.survival[90].value == 4 / 10
    assert whole.survival[360].value is None
    assert whole.reactions["shown"] == 4 and whole.reactions["accepted"] == 2 and whole.reactions["dismissed"] == 2


def test_what_grew_after_it_was_taken_is_not_more_than_all():
    assert figures([shown(1, taken=True, kept=10, survived={30: 14})]).whole.survival[30].value == 1.0


def test_people_are_resampled_where_there_are_enough():
    """Two people who take all and eight who take nothing: one completion is not one opinion."""
    items = [shown(p * 100 + n, f"p{p}", taken=p < 2, kept=10) for p in range(10) for n in range(20)]
    taken = figures(items).whole.taken
    assert taken.value == 0.2 and taken.high - taken.low > 0.3
    few = [shown(n, "ada", taken=n % 5 == 0, at_s=(20_000 + n % 7) * DAY) for n in range(70)]
    assert figures(sorted(few, key=lambda item: item.at_s)).whole.taken.low is not None


def test_slices_add_up_and_are_ordered_by_size():
    items = [shown(n, language="python" if n % 3 else "go", group="backend" if n < 5 else "") for n in range(9)]
    result = figures(items)
    assert [(item.name, item.num_shown) for item in result.slices["language"]] == [("python", 6), ("go", 3)]
    assert [(item.name, item.num_shown) for item in result.slices["group"]] == [("backend", 5), ("not said", 4)]


def test_quantiles_hold_the_values_and_their_interval():
    items = [shown(n, latency_ms=float(n + 1)) for n in range(1000)]
    median, p95 = figures(items).whole.latency_ms
    assert 500 <= median.value <= 501 and median.low < 500 < median.high and median.high - median.low < 70
    assert 949 <= p95.value <= 952 and p95.low < p95.value < p95.high
    assert figures(items[:3]).whole.latency_ms[1].low is None


def test_days_without_events_are_days():
    result = figures([shown(1, taken=True), shown(2, at_s=20_002 * DAY)])
    assert [row[1:] for row in result.days] == [(1, 1), (0, 0), (1, 0)]


def test_a_page_escapes_what_clients_say():
    items = [shown(n, model="<script>alert(1)</script>", at_s=(20_000 + n) * DAY, latency_ms=5.0) for n in range(3)]
    page = render_feedback(figures(items), code_version="0")
    assert "<script" not in page and "&lt;script&gt;" in page
