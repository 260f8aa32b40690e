"""The licence check: classes, expressions, policies, opt-outs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from yunque.checks.canaries import canary, doubt
from yunque.checks.licensing.licence import (
    CLASSES,
    Licence,
    OptOuts,
    Policy,
    class_of,
    ids_of,
    normalised,
    permission,
    read_opt_outs,
)
from yunque.core.errors import RecipeError
from yunque.core.nouns import Outcome


def record(licence: str, **place: str):
    made = canary("x = 1\n", "python").record
    return replace(made, origin=replace(made.origin, licence=licence, **place))


@pytest.mark.parametrize(
    ("expression", "outcome", "rules"),
    [
        ("MIT", Outcome.PASS, []),
        ("MIT OR GPL-3.0-only", Outcome.PASS, ["strong-copyleft"]),
        ("MIT AND GPL-3.0-only", Outcome.FAIL, ["strong-copyleft"]),
        ("(MIT OR GPL-3.0-only) AND MPL-2.0", Outcome.FAIL, ["strong-copyleft", "weak-copyleft"]),
        ("GPL-2.0-only WITH Classpath-exception-2.0", Outcome.FAIL, ["weak-copyleft"]),
        ("CC-BY-NC-4.0", Outcome.FAIL, ["non-commercial"]),
        ("unknown", Outcome.FAIL, ["unknown"]),
        ("", Outcome.FAIL, ["unknown"]),
        ("Apache-2.0 AND LicenseRef-unread", Outcome.FAIL, ["unknown"]),
        ("MIT OR LicenseRef-unread", Outcome.PASS, ["unknown"]),
        ("See the wiki", Outcome.FAIL, ["unknown"]),
        ("(" * 3000, Outcome.FAIL, ["unknown"]),
    ],
)
def test_permissive_unless_told_otherwise(expression, outcome, rules):
    verdict = Licence().judge(record(expression))
    assert (verdict.outcome, [finding.rule for finding in verdict.findings]) == (outcome, rules)
    assert all(finding.severity == ("note" if outcome is Outcome.PASS else "error") for finding in verdict.findings)


def test_the_third_answer():
    answers = {"MIT": "permissive", "GPL-3.0-only": "not permissive", "unknown": "unknown", "MIT OR unheard-of": "unknown"}
    answers |= {"MIT AND LicenseRef-unread": "unknown", "MIT OR LicenseRef-unread": "permissive"}
    assert {one: permission(one) for one in answers} == answers
    assert Licence().judge(record("unknown")).values["permissive"] == 0.5


def test_lists_of_ids_and_classes():
    teams = Licence(allow=("permissive", "MPL-2.0"), deny=("BSD-4-Clause",))
    outcomes = {one: teams.judge(record(one)).outcome for one in ("MIT", "MPL-2.0", "EPL-2.0", "BSD-4-Clause")}
    assert outcomes == {"MIT": Outcome.PASS, "MPL-2.0": Outcome.PASS, "EPL-2.0": Outcome.FAIL, "BSD-4-Clause": Outcome.FAIL}
    assert Policy(allow=("GPL-2.0",)).passes("GPL-2.0-or-later")
    assert Policy(allow=(), deny=("strong-copyleft",)).passes("unknown")
    with pytest.raises(RecipeError, match="permisive") as error:
        Licence(allow=("permisive",))
    assert "permissive" in str(error.value.do)


@pytest.mark.parametrize(
    ("place", "covered"),
    [
        ({"source": "https://host.test/Acme/tool"}, "owner 'acme'"),
        ({"source": "git@host.test:acme/tool.git"}, "owner 'acme'"),
        ({"source": "acme/tool"}, "owner 'acme'"),
        ({"source": "https://host.test/other/acme"}, ""),
        ({"source": "folder", "path": "private/a.py"}, "path 'private/*'"),
        ({"source": "pypi:secretive"}, "source 'pypi:secret*'"),
    ],
)
def test_whoever_opted_out_stays_out_under_any_licence(tmp_path, place, covered):
    listed = tmp_path / "out.toml"
    listed.write_text('sources = ["pypi:secret*"]\nowners = ["acme"]\npaths = ["private/*"]\n')
    verdict = Licence(opt_outs=listed).judge(record("MIT", **place))
    assert (verdict.outcome is Outcome.FAIL) == bool(covered)
    assert covered in verdict.detail or not covered


@pytest.mark.parametrize("content", ["owner = ['a']", "owners = 'a'", "owners = [1]", "owners = ["])
def test_a_list_of_opt_outs_with_a_mistake_is_refused(tmp_path, content):
    listed = tmp_path / "out.toml"
    listed.write_text(content)
    with pytest.raises(RecipeError):
        read_opt_outs(listed)


def test_every_id_is_in_one_class_and_on_the_list():
    ids = [one for found in CLASSES.values() for one in found]
    assert len(ids) == len(set(ids))
    unlisted = [one for one in ids if not one.startswith("LicenseRef-") and not normalised(one)]
    assert unlisted == []
    assert class_of("GPL-3.0-only") == "strong-copyleft" and class_of("no-such-thing") == "unknown"


def test_expressions():
    assert normalised("mit or (apache-2.0 AND isc)") == "MIT OR (Apache-2.0 AND ISC)"
    assert ids_of("MIT OR MIT AND ISC") == ("MIT", "ISC")
    assert normalised("Classpath-exception-2.0") == "" and normalised("MIT AND") == ""


@pytest.mark.parametrize("check", [Licence(), Licence(allow=("permissive",)), Licence(opt_outs=OptOuts(owners=("a",)))])
def test_it_sees_through_its_canaries(check):
    assert doubt(check) == ""
