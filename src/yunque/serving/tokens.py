"""Who may ask: bearer tokens by name, of which only hashes are kept.

A token is 32 random bytes, so its SHA-256 needs no salt and no slow hash to be safe at rest.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from yunque.core.errors import ServingError
from yunque.core.plugins import nearest
from yunque.store.artifacts import write_whole

PREFIX = "yq-"


class Tokens:
    """A file of names and hashes, which its owner alone can read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read_at, self._hashes = self._changed(), self._read()

    def add(self, name: str) -> str:
        """A new token, which is not seen again. ServingError for a name that is taken, or is none."""
        with self._alone() as hashes:
            if not name.strip() or name in hashes:
                what = f"a token named {name!r} is there" if name.strip() else "a token needs a name"
                raise ServingError(what, where=self.path)
            token = PREFIX + secrets.token_urlsafe(32)
            made = {"sha256": _hash(token), "created_at": datetime.now(UTC).isoformat(timespec="seconds")}
            self._write(hashes | {name: made})
        return token

    def revoke(self, name: str) -> None:
        """Forget a token; a server that runs refuses it from then on. ServingError for one that there is not."""
        with self._alone() as hashes:
            if name not in hashes:
                raise ServingError(f"no token named {name!r}", where=self.path, do=nearest(name, list(hashes)))
            self._write({other: made for other, made in hashes.items() if other != name})

    def names(self) -> dict[str, str]:
        """Name -> when it was made."""
        return {name: made["created_at"] for name, made in self._current().items()}

    def owner(self, token: str) -> str | None:
        """Whose token it is, or None; all are compared, so that time tells nothing."""
        given, owner = _hash(token), None
        for name, made in self._current().items():
            if hmac.compare_digest(given, made["sha256"]):
                owner = name
        return owner

    def __bool__(self) -> bool:
        return bool(self._current())

    @contextmanager
    def _alone(self) -> Iterator[dict[str, dict[str, str]]]:
        """What the file holds now, with nobody else writing it meanwhile."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with open(self.path.with_suffix(".lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield self._read()

    def _current(self) -> dict[str, dict[str, str]]:
        """Read anew where the file has changed."""
        if (changed := self._changed()) != self._read_at:
            self._read_at, self._hashes = changed, self._read()
        return self._hashes

    def _changed(self) -> int:
        try:
            return self.path.stat().st_mtime_ns
        except OSError:
            return 0

    def _read(self) -> dict[str, dict[str, str]]:
        try:
            hashes = json.loads(self.path.read_text("utf-8"))
            return {
                str(name): {"sha256": str(made["sha256"]), "created_at": str(made["created_at"])}
                for name, made in hashes.items()
            }
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise ServingError(f"its tokens cannot be read ({error})", where=self.path) from None

    def _write(self, hashes: dict[str, dict[str, str]]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(self.path, json.dumps(hashes, indent=1) + "\n")
        os.chmod(self.path, 0o600)
        self._hashes, self._read_at = hashes, self._changed()


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
