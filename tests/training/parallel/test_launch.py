"""How processes are started and listened to."""

import subprocess
import sys
import time
from collections import deque
from pathlib import Path

import pytest

from yunque.core.errors import TrainingError
from yunque.training.parallel import launch
from yunque.training.parallel.launch import MARK, PARENT, command_of, processes_of, refuse_uneven, takes_launching
from yunque.training.recipe import TrainingRecipe


@pytest.fixture
def gpus(monkeypatch):
    return lambda number: monkeypatch.setattr(launch, "_gpus", lambda: number)


@pytest.mark.parametrize(
    ("number", "rows", "wanted"), [(1, 4, 1), (2, 4, 2), (3, 4, 2), (8, 4, 4), (8, 16, 8), (8, 7, 7), (6, 1, 1)]
)
def test_as_many_gpus_as_can_share_the_rows(gpus, number, rows, wanted):
    gpus(number)
    recipe = TrainingRecipe(rows_per_step=rows)
    assert processes_of(recipe) == wanted
    refuse_uneven(recipe, processes_of(recipe))
    assert takes_launching(recipe) == (wanted > 1)


def test_one_process_is_launched_where_only_a_group_can_do_it(gpus):
    gpus(1)
    assert takes_launching(TrainingRecipe(sharding="zero2")) and takes_launching(TrainingRecipe(machines=2))
    assert not takes_launching(TrainingRecipe())


def test_the_forging_machine_is_number_0():
    recipe = TrainingRecipe(processes=2, machines=3, rendezvous="node0:29500", rows_per_step=6)
    command = command_of("some.worker", Path("here"), recipe)
    assert command[1:] == [
        "-m", "torch.distributed.run", "--nproc-per-node=2", "--nnodes=3", "--node-rank=0", "--master-addr=node0",
        "--master-port=29500", "-m", "some.worker", str(Path("here").resolve()),
    ]  # fmt: skip
    with pytest.raises(TrainingError, match="cannot be shared evenly by 4"):
        refuse_uneven(recipe, 4)


PRINTS = f"""
print("noise" + {MARK!r} + '{{"say": "after noise"}}')
print({MARK!r} + 'no json')
print({MARK!r} + '{{"say": "alone"}}')
print("Traceback")
print({MARK!r} + '{{"crash": "first"}}')
print({MARK!r} + '{{"crash": "second"}}')
"""


def test_what_is_printed_in_between_spoils_no_message():
    said, last = [], deque()
    listener = launch._Listener(None, said.append, None)
    with subprocess.Popen([sys.executable, "-c", PRINTS], stdout=subprocess.PIPE, text=True) as process:
        launch._follow(process, last, listener)
    assert said == ["after noise", "alone"] and listener.ending == {"crash": "first"}
    assert len(last) == 3 and "Traceback" in last


def test_a_process_ends_when_whoever_launched_it_is_gone():
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    code = f"""
import os, time
os.environ[{PARENT!r}] = "{gone.pid}"
from yunque.training.parallel.launch import end_with_parent
end_with_parent()
time.sleep(60)
"""
    started = time.monotonic()
    assert subprocess.run([sys.executable, "-c", code], timeout=50).returncode == 1
    assert time.monotonic() - started < 45
