"""Folders are where the environment says."""

import pytest

from yunque.core.paths import benchmarks_folder, cache_folder


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch):
    for name in ("YUNQUE_CACHE", "XDG_CACHE_HOME", "YUNQUE_BENCHMARKS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/h")


@pytest.mark.parametrize(
    ("place", "cache", "benchmarks"),
    [
        ({}, "/h/.cache/yunque", "/h/.cache/yunque/benchmarks"),
        ({"XDG_CACHE_HOME": "/b"}, "/b/yunque", "/b/yunque/benchmarks"),
        ({"YUNQUE_CACHE": "/a", "XDG_CACHE_HOME": "/b"}, "/a", "/a/benchmarks"),
        ({"YUNQUE_CACHE": "/a", "YUNQUE_BENCHMARKS": "/c"}, "/a", "/c"),
        ({"YUNQUE_CACHE": "", "YUNQUE_BENCHMARKS": ""}, "/h/.cache/yunque", "/h/.cache/yunque/benchmarks"),
    ],
)
def test_the_environment_decides(monkeypatch, place, cache, benchmarks):
    for name, value in place.items():
        monkeypatch.setenv(name, value)
    assert (str(cache_folder()), str(benchmarks_folder())) == (cache, benchmarks)
