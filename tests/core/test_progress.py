"""The progress that shows nothing."""

from yunque.core.progress import silent
from yunque.core.seams import Progress


def test_it_can_be_moved_on_and_prints_nothing(capfd):
    shown: Progress = silent
    with shown("train", 3, "steps") as advance:
        assert advance(2) is None
    assert capfd.readouterr() == ("", "")
