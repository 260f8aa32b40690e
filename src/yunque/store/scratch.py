"""A temporary folder that is there for as long as somebody holds on to it."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from pathlib import Path


def place_for(folder: Path | None, prefix: str) -> tuple[Path, ScratchFolder | None]:
    """The folder, or where there is none a new one, with what holds it."""
    if folder is not None:
        return Path(folder), None
    held = ScratchFolder(prefix)
    return held.path, held


class ScratchFolder:
    """A new folder, removed with this object: what needs it keeps the object beside the path."""

    def __init__(self, prefix: str) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=prefix))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)
