import dataclasses
import re

import pytest
from markdown_it import MarkdownIt

from yunque.core.nouns import Measure
from yunque.reports.forge.cards import dataset_card, model_card
from yunque.reports.forge.facts import UNSCREENED

yaml = pytest.importorskip("yaml")
HOSTILE = 'x"\n---\nlicense: mit\n# <script>a()</script> | `` ` [a](b) \u202e'


def front_matter(card):
    _, head, body = card.split("---\n", 2)
    return yaml.safe_load(head), body


def test_front_matter_of_the_model_card(report):
    fields, body = front_matter(model_card(report))
    assert fields == {
        "license": "other",
        "license_name": "Apache-2.0, MIT, unknown",
        "base_model": "HuggingFaceTB/SmolLM2-135M-Instruct",
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["code", "python", "javascript", "lora", "yunque"],
    }
    assert body.lstrip().startswith("# SmolLM2-135M, forged on inventory")


def test_front_matter_of_the_dataset_card(report):
    fields, _ = front_matter(dataset_card(report))
    assert fields["license"] == "other" and fields["license_name"] == "Apache-2.0, MIT, unknown"
    assert fields["size_categories"] == ["1K<n<10K"] and fields["task_categories"] == ["text-generation"]


def test_results_carry_n_intervals_verdicts_and_what_failed(report):
    card = model_card(report)
    row = next(line for line in card.splitlines() if line.startswith("| held-out bits per byte"))
    assert "12 files" in row and r"−0.067 bits/byte \[−0.080, −0.050\]" in row and "**better**" in row
    assert "2 skipped, 1 error" in card and "does not mean equal" in card


def test_the_loading_example_compiles(report):
    code = re.search(r"```python\n(.*?)```", model_card(report), re.DOTALL)[1]
    compile(code, "card", "exec")


def test_fill_in_the_middle_is_described_only_where_it_was_taught(report):
    assert "<fim_prefix>{prefix}" in model_card(report)
    assert "was not taught to fill a hole" in model_card(dataclasses.replace(report, fim_template=""))


def test_the_dataset_card_says_what_was_not_looked_for(report):
    card = dataset_card(report)
    assert "Secrets and personal data were looked for" in card and UNSCREENED not in card
    assert "| Dropped: generated | −22 |" in card and "| **Kept** | **189** |" in card


def test_what_was_not_screened_is_said_in_both_cards(report):
    bare = dataclasses.replace(report, screened=False)
    assert UNSCREENED in dataset_card(bare) and f"**{UNSCREENED}**" in model_card(bare)
    assert UNSCREENED not in model_card(report)


def test_the_licence_of_a_model_is_never_that_of_its_base_alone(report):
    assert 'license: "other"' in model_card(report) and "Apache-2.0, MIT, unknown" in model_card(report)
    mit = dataclasses.replace(report.sources[0], licences={"Apache-2.0": 3})
    assert 'license: "apache-2.0"' in model_card(dataclasses.replace(report, sources=(mit,)))


def test_several_sources_are_added_up(report):
    other = dataclasses.replace(report.sources[0], name="stock", dropped={"generated": 79}, licences={"MIT": 189})
    two = dataclasses.replace(report, sources=(report.sources[0], other))
    card = dataset_card(two)
    assert "| Dropped: generated | −101 |" in card and "| **Kept** | **378** |" in card and "from inventory, stock" in card
    assert "`inventory` at revision `3f9c2ab81d04`, `stock` at" in model_card(two)


def test_hostile_texts_stay_on_their_line_and_out_of_the_front_matter(report):
    source = dataclasses.replace(
        report.sources[0], name=HOSTILE, spec=HOSTILE, revision=HOSTILE, licences={HOSTILE: 3}, languages={HOSTILE: 1},
        dropped={HOSTILE: 79},
    )  # fmt: skip
    base = dataclasses.replace(report.base, name=HOSTILE, licence=HOSTILE)
    comparison = dataclasses.replace(report.comparisons[0], name=HOSTILE, n_of=HOSTILE)
    hostile = dataclasses.replace(
        report, title=HOSTILE, command=f"yunque\n```\n<script>{HOSTILE}", sources=(source,), base=base,
        comparisons=(comparison,), limits=(HOSTILE,), pairs={HOSTILE: {HOSTILE: 1}}, fim_template="```\n# out",
    )  # fmt: skip
    for card, plain in ((model_card(hostile), model_card(report)), (dataset_card(hostile), dataset_card(report))):
        fields, body = front_matter(card)
        assert fields["license"] == "other" and "\n" not in fields["license_name"] and "\u202e" not in card
        found, expected = parsed(body), parsed(front_matter(plain)[1])
        assert not {"html_block", "html_inline", "link_open", "image"} & set(found)
        assert found.count("heading_open") == expected.count("heading_open")
        assert found.count("table_open") == expected.count("table_open")
        assert found.count("fence") == expected.count("fence")


def parsed(body):
    """Names of all Markdown tokens, block and inline."""
    tokens = MarkdownIt("commonmark").enable("table").parse(body)
    return [token.type for block in tokens for token in (block, *(block.children or ()))]


def test_a_single_unknown_licence_is_written_as_other(report):
    base = dataclasses.replace(report.base, licence="Llama-3")
    source = dataclasses.replace(report.sources[0], licences={"Llama-3": 2})
    fields, _ = front_matter(model_card(dataclasses.replace(report, base=base, sources=(source,))))
    assert (fields["license"], fields["license_name"]) == ("other", "Llama-3")


def test_cards_of_nothing(report):
    nothing = Measure(name="x", value=None, n=0)
    comparison = dataclasses.replace(report.comparisons[0], base=nothing, forged=nothing, difference=nothing)
    source = dataclasses.replace(report.sources[0], licences={}, languages={}, dropped={}, num_files=0, num_kept=0)
    for comparisons in ((), (comparison,)):
        shown = dataclasses.replace(report, comparisons=comparisons, sources=(source,), pairs={}, split=())
        assert "None" not in model_card(shown) and "None" not in dataset_card(shown)
