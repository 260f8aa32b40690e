import dataclasses
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from yunque.core.nouns import Measure
from yunque.reports.forge.facts import from_json, to_json
from yunque.reports.forge.page import render_page
from yunque.reports.html.markup import VOID, Raw, tag, text

HOSTILE = "</style></pre></title><script>alert(1)</script><img src=x onerror='a()'>\"'`&amp; \u202e\x00\udc80 $x$ | **b**"


class Page(HTMLParser):
    """Checks that tags balance, and collects tags, attributes and text."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.attributes, self.texts = [], [], [], []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        assert len({name for name, _ in attrs}) == len(attrs), f"an attribute of <{tag}> is given twice"
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> does not close what is open"

    def handle_data(self, data):
        self.texts.append(data)

    def values(self, name):
        return [value for _, attribute, value in self.attributes if attribute == name]


def poisoned(value):
    """The same structure with every text in it replaced by a hostile one; verdicts and directions keep their words."""
    if dataclasses.is_dataclass(value):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        kept = ("verdict", "better")
        return type(value)(**{name: item if name in kept else poisoned(item) for name, item in fields.items()})
    if isinstance(value, str):
        return HOSTILE + value
    if isinstance(value, tuple):
        return tuple(poisoned(item) for item in value)
    if isinstance(value, dict):
        return {poisoned(key): poisoned(item) for key, item in value.items()}
    return value


def empty(report):
    """A report of a run in which hardly anything happened."""
    nothing = Measure(name="x", value=None, n=0)
    comparison = dataclasses.replace(
        report.comparisons[0], base=nothing, forged=nothing, difference=nothing, verdict="cannot tell"
    )
    return dataclasses.replace(
        report, comparisons=(comparison,), excluded={}, samples=(), split=(), pairs={}, steps=(), limits=(), sandbox_tier="",
        sources=(
            dataclasses.replace(
                report.sources[0], num_files=0, num_kept=0, bytes_kept=0, dropped={}, dropped_examples=(), licences={},
                languages={},
            ),
        ),
        training=dataclasses.replace(report.training, steps=(), validations=(), best_step=None, recipe={}),
        machine=dataclasses.replace(report.machine, versions={}),
    )  # fmt: skip


def test_tags_balance_and_headings_descend(report):
    page = Page(render_page(report))
    levels = [int(tag[1]) for tag in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_nothing_is_fetched_and_nothing_runs(report):
    for shown in (report, poisoned(report)):
        html = render_page(shown)
        page = Page(html)
        assert not {"script", "link", "iframe", "object", "embed", "base", "img", "form"} & set(page.tags)
        assert all(value.startswith("#") for value in page.values("href"))
        assert not page.values("src") and not page.values("srcset")
        assert not [name for _, name, _ in page.attributes if name.startswith("on")]
        style = html[html.index("<style>") : html.index("</style>")]
        assert "url(" not in style and "@import" not in style and "http" not in style
        assert "default-src 'none'" in page.values("content")[0]


def test_hostile_text_stays_text_everywhere(report):
    html = render_page(poisoned(report))
    page = Page(html)
    plain = Page(render_page(report))
    assert page.tags.count("script") == 0 and page.tags.count("style") == page.tags.count("title") == 1
    assert set(page.tags) == set(plain.tags)
    assert "<script" not in html and "\u202e" not in html and "\x00" not in html
    assert any("<script>alert(1)</script>" in text and "⟨U+202E⟩" in text for text in page.texts)
    html.encode("utf-8")


@pytest.mark.parametrize("field", ["prompt_tail", "suffix_head", "reference", "base_text", "forged_text", "path", "task_id"])
def test_a_script_in_a_sample_is_shown_and_not_run(report, field):
    row = dataclasses.replace(report.samples[0], **{field: "<script>alert(1)</script>"})
    page = Page(render_page(dataclasses.replace(report, samples=(row,))))
    assert "script" not in page.tags and "<script>alert(1)</script>" in "".join(page.texts)


def test_numbers_of_the_page_are_those_of_the_json(report):
    awkward = Measure(name="x", value=0.74512345678, n=12, low=0.7, high=0.8)
    first = dataclasses.replace(report.comparisons[0], forged=awkward)
    report = dataclasses.replace(report, comparisons=(first, *report.comparisons[1:]))
    shown = [float(value) for tag, name, value in Page(render_page(report)).attributes if (tag, name) == ("data", "value")]
    kept = [
        comparison[side]["value"]
        for comparison in json.loads(to_json(report))["comparisons"]
        for side in ("base", "forged", "difference")
        if comparison[side]["value"] is not None
    ]
    assert shown == kept and len(kept) == 12


def test_the_page_of_the_json_is_the_page(report):
    assert render_page(from_json(to_json(report))) == render_page(report)


def test_every_table_has_a_caption_and_scoped_headings(report):
    page = Page(render_page(report))
    assert page.tags.count("caption") == page.tags.count("table") > 4
    assert page.tags.count("th") == len(page.values("scope"))


def test_every_plot_has_words(report):
    page = Page(render_page(report))
    images = page.values("role").count("img")
    assert images > 10 and render_page(report).count('role="img" aria-label="') == images
    assert all(page.values("aria-label"))


def test_the_answers_come_first_and_a_verdict_is_a_word_beside_its_colour(report):
    html = render_page(report)
    assert html.index('class="answers"') < html.index("<table") < html.index('class="sample"') < html.index('id="data"')
    for style, word in (("better", "better"), ("worse", "worse"), ("unclear", "Cannot tell")):
        assert re.search(rf'<li class="{style}">.*?<strong>{word}</strong>', html)


def test_a_report_with_nothing_in_it_is_still_a_page(report):
    html = render_page(empty(report))
    Page(html)
    assert "nan" not in html.lower().replace("unanswered", "") and "None" not in html
    assert "No sample completions were kept." in html and "No training steps were recorded." in html


def test_files_that_no_reason_explains_are_shown(report):
    source = dataclasses.replace(report.sources[0], num_kept=180)
    assert "not accounted for" in render_page(dataclasses.replace(report, sources=(source,)))
    assert "not accounted for" not in render_page(report)


def test_a_verdict_by_another_rule_is_not_explained_by_the_interval(report):
    rule = "does not reach zero."
    assert rule in render_page(report)
    odd = dataclasses.replace(report.comparisons[2], verdict="better")
    assert rule not in render_page(dataclasses.replace(report, comparisons=(odd,)))


def test_elements_escape_unless_told_otherwise():
    assert tag("p", "<b>", Raw("<i></i>"), title='"') == '<p title="&quot;">&lt;b&gt;<i></i></p>'
    assert text(None) == "None" and tag("p", hidden=None) == "<p></p>"


def test_rendering_needs_no_matplotlib():
    imports = "import sys, yunque.reports.forge.page, yunque.reports.forge.cards, yunque.reports.html.plots"
    code = f"{imports}; print('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
