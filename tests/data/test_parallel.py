"""The same results with any number of workers, in order; what kills or hangs is lost alone."""

import os
import signal
import subprocess
import sys
import time

import pytest

from yunque.data.parallel import batched, ordered_map


def double(batch):
    return [2 * item for item in batch]


def deadly(batch):
    for item in batch:
        if item == 7:
            os.kill(os.getpid(), signal.SIGKILL)
        if item == 11:
            time.sleep(60)
    return double(batch)


def broken(batch):
    raise ValueError(f"cannot do {batch[0]}")


def lost(item, why):
    return why


def results(work, workers, numbers=range(20), limit_s=600.0):
    batches = batched(numbers, lambda item: 1, 3)
    return [one for _, found in ordered_map(work, batches, workers=workers, lost=lost, limit_s=limit_s) for one in found]


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_results_come_in_the_order_of_the_items(workers):
    assert results(double, workers) == [2 * item for item in range(20)]


def test_what_kills_its_process_is_lost_alone():
    results(double, 2)  # the first process takes longer to start than the limit below
    found = results(deadly, 2, limit_s=0.6)
    assert found[7] == "killed the process that worked on it" and found[11] == "took over 0.6 s"
    assert [one for at, one in enumerate(found) if at not in (7, 11)] == [2 * n for n in range(20) if n not in (7, 11)]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_exception_passes_through(workers):
    with pytest.raises(ValueError, match="cannot do 0"):
        results(broken, workers)


def test_who_stops_early_leaves_nothing_behind():
    found = ordered_map(double, batched(range(1000), lambda item: 1, 1), workers=2, lost=lost)
    assert next(found) == ([0], [0])
    found.close()


def test_batches_have_a_size_and_lose_nothing():
    assert list(batched([1, 2, 3, 9, 1], lambda item: item, 4)) == [[1, 2, 3], [9], [1]]
    assert list(batched(range(5), lambda item: 0, 4, most_items=2)) == [[0, 1], [2, 3], [4]]
    assert list(batched([], lambda item: 1, 4)) == []


def test_a_deep_temporary_folder_is_no_hindrance(tmp_path):
    """The path of a socket may have 107 bytes."""
    deep = tmp_path.joinpath(*["deep" * 10] * 3)
    deep.mkdir(parents=True)
    code = (
        "from yunque.data.parallel import ordered_map\n"
        "if __name__ == '__main__':\n"
        "    print([out for _, out in ordered_map(sorted, [['b', 'a']], workers=2, lost=None)])\n"
    )
    (tmp_path / "run.py").write_text(code)
    environment = {**os.environ, "TMPDIR": str(deep)}
    done = subprocess.run([sys.executable, "run.py"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[['a', 'b']]\n", "")
