"""What this machine can do."""

import importlib.util

import pytest

from yunque.cli.views import machine
from yunque.cli.views.machine import PACKAGES, examine, print_examination


@pytest.fixture
def without(monkeypatch):
    """A machine without one package."""
    real = importlib.util.find_spec

    def hide(name):
        monkeypatch.setattr(importlib.util, "find_spec", lambda asked, *rest: None if asked == name else real(asked, *rest))

    return hide


@pytest.mark.usefixtures("toolchain")  # each is asked for its version
def test_everything_has_a_reason():
    found = {one.name: one for one in examine()}
    assert {"python", "cores", "memory", "disk", "gpu", "base model", "sandbox: sandbox", *PACKAGES} <= set(found)
    assert all(one.detail for one in found.values())
    assert found["python"].available


def test_a_missing_package_says_how_to_get_it(without):
    without("peft")
    found = {one.name: one for one in examine()}
    assert not found["peft"].available and found["peft"].needed
    assert "pip install 'yunque[forge]'" in found["peft"].detail


def test_without_torch_it_still_answers(without):
    without("torch")
    found = {one.name: one for one in examine()}
    assert (found["gpu"].available, found["torch"].available) == (False, False)


def test_a_small_disk_is_said_and_not_fatal(monkeypatch):
    monkeypatch.setitem(machine.NEEDED_BYTES, "disk", 1 << 60)
    found = {one.name: one for one in examine()}
    assert not found["disk"].available and not found["disk"].needed


def test_what_is_missing_and_needed_stands_out(capsys):
    finding = machine.Finding
    print_examination(
        [
            finding(name="a", available=True, detail="fine", needed=True),
            finding(name="b", available=False, detail="gone", needed=True),
            finding(name="c", available=False, detail="gone", needed=False),
        ]
    )
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["NO", "no", "yes"] and len({line.index(" ", 5) for line in lines}) == 1


def test_an_empty_cache_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("YUNQUE_CACHE", str(tmp_path))
    found = {one.name: one for one in examine()}
    assert not found["base model"].available and "yunque models pull" in found["base model"].detail


def test_every_check_says_whether_it_can_be_believed(monkeypatch):
    class Two:
        names = ("syntax", "vendored")

    monkeypatch.setattr(machine, "entry_points", lambda group: Two)
    found = machine.prove_checks()
    assert [(one.name, one.available, one.needed) for one in found] == [
        ("check: syntax", True, False),
        ("check: vendored", True, False),
    ]


def test_a_scanner_that_is_missing_says_how_to_get_it(without):
    without("yara_x")
    found = {one.name: one for one in examine()}
    assert not found["yara-x"].available and "pip install 'yunque[data]'" in found["yara-x"].detail
