"""Servers that run on this machine, for the one who started them: where they are, and the secret by which they obey.

A file a server, which its owner alone can read, in the folder of settings; it goes with the server.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Iterator
from pathlib import Path

from yunque.core.errors import ServingError
from yunque.store.artifacts import write_whole

CONTROL = "x-yunque-control"
"""Header with the secret."""
EDITOR = "x-editor-id"
"""Header by which an editor names itself, so that its newer request supersedes an older one."""
LOAD_S = 600.0
"""How long a model may take to load."""


class RunningServers:
    """The files of one user."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextlib.contextmanager
    def noted(self, url: str, port: int) -> Iterator[str]:
        """The secret of a server that runs as long as the context."""
        secret = secrets.token_urlsafe(32)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self.folder / f"{port}.json"
        write_whole(path, json.dumps({"url": url, "secret": secret}))
        path.chmod(0o600)
        try:
            yield secret
        finally:
            path.unlink(missing_ok=True)

    def tell(self, route: str, body: dict, port: int = 0) -> dict:
        """What a server answers to a command; ``port`` 0: the only one there is.

        ServingError where none runs, several do, it does not answer, or it refuses.
        """
        import httpx2

        files = sorted(self.folder.glob(f"{port or '*'}.json")) if self.folder.is_dir() else []
        if len(files) != 1:
            what = f"{len(files)} servers run here" if files else "no server of yours runs here"
            ports = ", ".join(path.stem for path in files)
            raise ServingError(
                what,
                where=f"port {port}" if port else "",
                do=f"choose a --port of {ports}" if files else "start one with `yunque serve`",
            )
        server = json.loads(files[0].read_text("utf-8"))
        try:
            answer = httpx2.post(server["url"] + route, json=body, headers={CONTROL: server["secret"]}, timeout=LOAD_S)
            reply = answer.json()
        except (httpx2.HTTPError, ValueError) as error:
            raise ServingError(
                f"does not answer ({type(error).__name__})", where=server["url"], do=f"remove {files[0]} if it is gone"
            ) from None
        if answer.status_code != 200:
            raise ServingError(reply.get("error", {}).get("message", f"status {answer.status_code}"), where=server["url"])
        return reply
