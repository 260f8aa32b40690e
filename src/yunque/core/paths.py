"""Where yunque keeps what can be made or fetched again: base models, compiled programs, benchmarks."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """``$YUNQUE_CACHE``, else ``$XDG_CACHE_HOME/yunque``, else ``~/.cache/yunque``."""
    if os.environ.get("YUNQUE_CACHE"):
        return Path(os.environ["YUNQUE_CACHE"])
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "yunque"


def benchmarks_folder() -> Path:
    """Where benchmark files are looked for: ``$YUNQUE_BENCHMARKS``, else ``benchmarks`` in the cache."""
    return Path(os.environ.get("YUNQUE_BENCHMARKS") or cache_folder() / "benchmarks")


def config_folder() -> Path:
    """Where settings of this user are kept: ``$YUNQUE_CONFIG``, else ``yunque`` in the user's folder of settings."""
    home = os.environ.get("XDG_CONFIG_HOME") or Path("~/.config").expanduser()
    return Path(os.environ.get("YUNQUE_CONFIG") or Path(home) / "yunque")


def data_folder() -> Path:
    """Where what cannot be made again is kept: ``$YUNQUE_DATA``, else ``yunque`` in the user's folder of data."""
    home = os.environ.get("XDG_DATA_HOME") or Path("~/.local/share").expanduser()
    return Path(os.environ.get("YUNQUE_DATA") or Path(home) / "yunque")


def events_file() -> Path:
    """Where events of people are kept unless somebody names another database."""
    return data_folder() / "events.sqlite"
