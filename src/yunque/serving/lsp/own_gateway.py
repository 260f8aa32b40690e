"""A gateway that is started for one editor, where none is named, and ends with it."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from dataclasses import dataclass, field
from pathlib import Path

from yunque.serving.lsp.gateway import State, Status, UnavailableError

FORGED = ("yunque-out/model.gguf", "yunque-out/model")
"""Where the newest forged model is, below a workspace."""


@dataclass(kw_only=True)
class OwnGateway:
    """``yunque serve`` on a free port of loopback."""

    model: str
    """Model folder or GGUF file; empty: the newest forged one."""
    root: str
    _process: Process | None = field(default=None, init=False)

    @property
    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> str:
        """Its URL, when it answers. UnavailableError where it does not start."""
        model = self.model or next((name for name in FORGED if (Path(self.root) / name).exists()), "")
        if not model:
            reason = f"no model in {self.root}: run `yunque forge` there, or set yunque.url or yunque.model"
            raise UnavailableError(Status(state=State.OFFLINE, reason=reason))
        command = [sys.executable, "-m", "yunque", "serve", "--model", model, "--port", "0"]
        with tempfile.TemporaryFile() as errors:
            start = asyncio.create_subprocess_exec(*command, cwd=self.root, stdin=DEVNULL, stdout=PIPE, stderr=errors)
            self._process = await start
            assert self._process.stdout is not None
            if url := (await self._process.stdout.readline()).decode().strip():
                return url
            await self._process.wait()
            errors.seek(0)
            last = errors.read().decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise UnavailableError(Status(state=State.OFFLINE, reason=f"a gateway does not start: {last}"))

    async def stop(self) -> None:
        """End it."""
        if self.is_alive:
            assert self._process is not None
            self._process.terminate()
            await self._process.wait()
