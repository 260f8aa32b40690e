"""How threads wait is decided by what others do, before torch is loaded."""

import multiprocessing
import os
import sys
import time

import pytest

from yunque.core import threads


def count():
    while True:
        pass


@pytest.fixture
def clean(monkeypatch):
    for name in threads._CHOSEN:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    return monkeypatch


@pytest.mark.parametrize(("share", "policy"), [(0.0, None), (0.29, None), (0.3, "passive"), (1.0, "passive")])
def test_threads_sleep_beside_busy_programs_alone(clean, share, policy):
    clean.setattr(threads, "others_share", lambda: share)
    threads.yield_to_others()
    assert os.environ.get("OMP_WAIT_POLICY") == policy


def test_what_the_environment_says_goes_before(clean):
    clean.setattr(threads, "others_share", lambda: 1.0)
    clean.setenv("GOMP_SPINCOUNT", "7")
    threads.yield_to_others()
    assert "OMP_WAIT_POLICY" not in os.environ


def test_after_torch_is_loaded_nobody_looks(clean):
    clean.setitem(sys.modules, "torch", object())
    clean.setattr(threads, "others_share", lambda: pytest.fail("looked"))
    threads.yield_to_others()


def test_busy_programs_are_seen():
    others = [multiprocessing.get_context("fork").Process(target=count, daemon=True) for _ in range(os.cpu_count() or 1)]
    for process in others:
        process.start()
    time.sleep(0.3)
    try:
        assert max(threads.others_share() for _ in range(5)) > 0.8
    finally:
        for process in others:
            process.kill()
            process.join()


def test_where_nobody_counts_nobody_is_busy(monkeypatch):
    monkeypatch.setattr(threads, "_times", lambda: [][0])
    assert threads.others_share() == 0.0
