"""What a block uses is added up, with its method and its error; a country that nobody knows is refused."""

import time

import pytest

from yunque.core.errors import RecipeError
from yunque.training import energy
from yunque.training.energy import Energy, measured, read, refuse_unknown


def busy(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def test_blocks_add_up_and_say_how_they_were_measured(tmp_path):
    assert read(tmp_path) is None
    with measured(tmp_path, ""):
        busy(1.5)
    first = read(tmp_path)
    assert first.kwh > 0 and first.grid == "world average" and 1 < first.seconds < 60
    assert first.co2_kg == pytest.approx(0.47 * first.kwh, rel=1e-3)
    assert "which may be off" in first.method
    with pytest.raises(KeyboardInterrupt), measured(tmp_path, "FRA"):
        busy(1.5)
        raise KeyboardInterrupt
    both = read(tmp_path)
    assert both.kwh > first.kwh and both.seconds > first.seconds + 1 and both.grid == "FRA"
    assert both.co2_kg - first.co2_kg < 0.3 * (both.kwh - first.kwh)  # nuclear power


def test_a_line_for_a_card():
    used = Energy(kwh=0.012345, co2_kg=0.0058, seconds=60, grid="ESP", method="counters, which may be off a few per cent")
    assert used.line() == "12.3 Wh, 5.8 g CO2 (ESP); by counters, which may be off a few per cent"


def test_a_country_without_electricity_is_refused():
    with pytest.raises(RecipeError, match=r"training.country: codecarbon knows no electricity of 'XXX'; .*such as ESP"):
        refuse_unknown("XXX")
    refuse_unknown("ESP")
    refuse_unknown("")


def test_without_codecarbon_nothing_is_measured_and_nothing_breaks(tmp_path, monkeypatch):
    monkeypatch.setattr(energy.importlib.util, "find_spec", lambda name: None)
    with measured(tmp_path, "ESP"):
        pass
    refuse_unknown("XXX")
    assert read(tmp_path) is None
