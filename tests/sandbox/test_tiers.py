"""Which tier is chosen, and what is said when none can be."""

import pytest

from yunque.core.errors import SandboxError
from yunque.core.seams import Sandbox
from yunque.sandbox import TIERS, capabilities, open_sandbox, tiers
from yunque.sandbox.inside import kernel


@pytest.fixture
def reasons(monkeypatch):
    """Why each tier cannot be had, by name; empty: it can."""
    known = dict.fromkeys(TIERS, "")
    monkeypatch.setattr(tiers, "_why_not", known.__getitem__)
    return known


def test_the_strongest_tier_is_chosen(reasons):
    assert open_sandbox().tier == "namespaces"
    assert isinstance(open_sandbox(), Sandbox)


def test_the_next_one_is_chosen_by_name(reasons):
    reasons["namespaces"] = "user namespaces are switched off"
    assert open_sandbox().tier == "bwrap"
    reasons["bwrap"] = "bwrap is not installed"
    assert open_sandbox().tier == "landlock"


def test_a_named_tier_is_never_replaced(reasons):
    reasons["namespaces"] = "user namespaces are switched off"
    with pytest.raises(SandboxError, match="switched off"):
        open_sandbox("namespaces")
    with pytest.raises(SandboxError, match="switched off"):
        open_sandbox("namespaces", unsafe=True)


def test_nothing_safe_is_an_error_that_names_every_reason(reasons):
    reasons.update(namespaces="reason one", bwrap="reason two", landlock="reason three")
    with pytest.raises(
        SandboxError, match=r"namespaces: reason one; bwrap: reason two; landlock: reason three.*doctor"
    ) as caught:
        open_sandbox()
    assert "\n" not in caught.value.line()


def test_rlimits_only_when_unsafe_is_said(reasons):
    with pytest.raises(SandboxError, match="isolates nothing"):
        open_sandbox("rlimits")
    assert open_sandbox("rlimits", unsafe=True).tier == "rlimits"
    assert open_sandbox(unsafe=True).tier == "namespaces"
    reasons.update(namespaces="no", bwrap="no", landlock="no")
    assert open_sandbox(unsafe=True).tier == "rlimits"


def test_unknown_tier():
    with pytest.raises(SandboxError, match="no such tier: 'docker'; choose one of namespaces, bwrap, landlock, rlimits"):
        open_sandbox("docker")


@pytest.mark.parametrize(("name", "least"), [("namespaces", 1), ("bwrap", 1), ("landlock", 3)])
def test_old_landlock(monkeypatch, name, least):
    monkeypatch.setattr(kernel, "machine", lambda: "x86_64")
    monkeypatch.setattr(kernel, "landlock_abi", lambda: least - 1)
    assert f"{least} is needed" in tiers._why_not.__wrapped__(name)


def test_other_machines(monkeypatch):
    monkeypatch.setattr(kernel, "machine", lambda: None)
    assert "no seccomp filter" in tiers._why_not.__wrapped__("namespaces")


def test_capabilities_say_why(reasons):
    reasons["namespaces"] = "barred by policy"
    told = {capability.name: capability for capability in capabilities()}
    assert {
        "landlock",
        "seccomp",
        "user namespaces",
        "cgroup",
        "tier namespaces",
        "tier bwrap",
        "tier landlock",
        "sandbox",
    } == set(told)
    assert (told["tier namespaces"].available, told["tier namespaces"].detail) == (False, "barred by policy")
    assert told["sandbox"].detail == "bwrap"
    assert all(capability.detail for capability in told.values())


def test_capabilities_of_this_machine_agree_with_what_opens():
    chosen = next(capability for capability in capabilities() if capability.name == "sandbox")
    if chosen.available:
        assert open_sandbox().tier == chosen.detail
    else:
        with pytest.raises(SandboxError):
            open_sandbox()
