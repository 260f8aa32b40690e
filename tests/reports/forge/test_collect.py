"""What a report claims of its recipe."""

import pytest

from yunque.pipelines.recipes import forge_recipe
from yunque.pipelines.steps import plain
from yunque.reports.forge.collect import _is_screened


@pytest.mark.parametrize(
    ("settings", "screened"),
    [
        ([], True),
        (["screen.rules=[{check='syntax'}]"], False),
        (["screen.rules=[{check='malware'}]"], True),
        (["redact.secrets=false"], False),
        (["redact.personal=[]"], False),
    ],
)
def test_screened_is_what_was_looked_through_for_malware_secrets_and_personal_data(settings, screened):
    assert _is_screened(plain(forge_recipe(["a"], None, settings))) is screened
