"""``python -m yunque`` is ``yunque``."""

from yunque.cli.main import run

if __name__ == "__main__":
    run()
