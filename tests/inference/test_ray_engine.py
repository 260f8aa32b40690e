"""Replicas on a Ray cluster of this machine: the answers of one engine, in order, whoever dies."""

import os
import signal
import time

import pytest

from yunque.core.errors import ModelError
from yunque.core.nouns import Completion, Request
from yunque.core.seams import Engine
from yunque.inference import ray_engine
from yunque.inference.ray_engine import RayEngine, connect


class Echo:
    """Says the prompt back, with the number of requests that came together."""

    name = "echo"

    def complete(self, requests):
        for request in requests:
            if request.prompt == "die once" and not os.path.exists(request.suffix):
                open(request.suffix, "w").close()
                os.kill(os.getpid(), signal.SIGKILL)
            if request.prompt == "break":
                raise ValueError("no such prompt")
            time.sleep(0.001)
            yield Completion(
                text=f"{request.prompt} of {len(requests)}", stop="eos", tokens=1, took_ms=1.0, engine=self.name
            )

    def score(self, texts):
        return ([-1.0] * len(text) for text in texts)


@pytest.mark.parametrize("num_replicas", [1, 2])
def test_any_number_of_replicas_gives_the_same_answers(cluster, num_replicas):
    engine = RayEngine(Echo, num_replicas=num_replicas)
    assert isinstance(engine, Engine) and engine.name == "ray:echo"
    found = [one.text for one in engine.complete([Request(prompt=str(n)) for n in range(70)])]
    sizes = [ray_engine.SHARE] * 64 + [6] * 6
    assert found == [f"{n} of {size}" for n, size in enumerate(sizes)]
    assert list(engine.score(["ab", ""])) == [[-1.0, -1.0], []]
    assert list(engine.complete([])) == []


def test_a_replica_that_is_killed_loses_nothing(cluster, tmp_path):
    engine = RayEngine(Echo, num_replicas=2)
    requests = [Request(prompt="die once" if n == 40 else str(n), suffix=str(tmp_path / "died")) for n in range(70)]
    found = [one.text for one in engine.complete(requests)]
    assert (tmp_path / "died").exists() and len(found) == 70 and found[41] == "41 of 32"


def test_an_engine_that_fails_is_one_line(cluster):
    engine = RayEngine(Echo, num_replicas=1)
    with pytest.raises(ModelError, match=r"a replica failed .*no such prompt"):
        list(engine.complete([Request(prompt="break")]))

    def broken():
        raise OSError("no such folder")

    with pytest.raises(ModelError, match=r"a replica does not start .*no such folder"):
        RayEngine(broken, num_replicas=1)


def test_a_cluster_that_is_not_there_is_one_line(cluster, monkeypatch):
    ended = []
    monkeypatch.setattr(cluster, "is_initialized", lambda: False)
    monkeypatch.setattr(cluster, "shutdown", lambda: ended.append(True))  # the session's own stays
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(ModelError, match="no Ray cluster"):
        connect("127.0.0.1:1")
    assert ended and signal.getsignal(signal.SIGTERM) is before
