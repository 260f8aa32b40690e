"""A progress bar on which something happens when a step has been made."""

from contextlib import contextmanager


def at_step(step, do):
    """A ``Progress`` that does something, to this process or to others, after so many steps."""

    @contextmanager
    def progress(label, total, unit=""):
        done = 0

        def advance(amount, note=""):
            nonlocal done
            done += amount
            if amount and done == step:
                do()

        yield advance

    return progress


def press_ctrl_c():
    """What Ctrl-C does."""
    raise KeyboardInterrupt
