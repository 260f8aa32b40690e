"""What a language server asks of a gateway, and in plain words why nothing comes."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import httpx2

from yunque.core.errors import ServingError
from yunque.feedback.events import Event
from yunque.serving.running import EDITOR

COMPLETION_S, TASK_S = 20.0, 600.0


class State(StrEnum):
    """What a status line shows."""

    READY = "ready"
    """A completion came."""
    NOTHING = "nothing"
    """The model had nothing to add, or there is nothing to ask."""
    HELD = "held"
    """A check kept the completion back."""
    BUSY = "busy"
    """The gateway is loading, or answers others."""
    REFUSED = "refused"
    """No token, one that is not known, or a setting that cannot be."""
    OFFLINE = "offline"
    """No gateway answers."""


@dataclass(frozen=True, kw_only=True)
class Status:
    """Why something came, or nothing."""

    state: State
    reason: str = ""


READY = Status(state=State.READY)
NO_ANSWER = Status(state=State.NOTHING, reason="the model has nothing to add")


class UnavailableError(ServingError):
    """The gateway gave no answer; ``status`` says why."""

    def __init__(self, status: Status, code: int = 0) -> None:
        """``code``: of HTTP; 0 where nobody answered."""
        super().__init__(status.reason)
        self.status, self.code = status, code


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where in a file something is asked for."""

    before: str
    after: str
    path: str
    is_whole_file: bool


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """What to show at a place."""

    text: str
    id: str
    status: Status
    model: str = ""
    engine: str = ""
    language: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    verdicts: list[dict[str, Any]] = field(default_factory=list)
    """As the gateway gives them."""

    @property
    def outcomes(self) -> dict[str, str]:
        """Check -> outcome."""
        return {verdict["check"]: verdict["outcome"] for verdict in self.verdicts}


@dataclass(kw_only=True)
class Gateway:
    """A client of one gateway; of one event loop."""

    url: str
    token: str = ""
    _client: httpx2.AsyncClient | None = field(default=None, init=False)

    async def complete(self, place: Place, *, max_tokens: int, editor: str, hold: bool) -> Suggestion:
        """The completion at a place, to the end of its line where code stands on it; with ``max_tokens`` 0 nothing, but what
        stands there is read ahead. UnavailableError where none comes; asyncio.CancelledError where nobody wants it any more,
        and the gateway is told so.
        """
        line = place.before[place.before.rfind("\n") + 1 :] + place.after.partition("\n")[0]
        body: dict[str, Any] = {
            "prompt": place.before, "suffix": place.after or "\n", "max_tokens": max_tokens, "temperature": 0,
            "yunque": {"path": place.path, "whole_file": place.is_whole_file, "hold": hold},
        }  # fmt: skip
        if line.strip():
            body["stop"] = ["\n"]
        answer = await self._post("/v1/completions", body, COMPLETION_S, {EDITOR: editor})
        text, about = answer["choices"][0]["text"], answer.get("yunque", {})
        if about.get("held"):
            status = Status(state=State.HELD, reason=f"held back by the check {about['failed']}")
        else:
            status = READY if text else NO_ANSWER
        known = {name: about[name] for name in ("engine", "language", "settings", "verdicts") if name in about}
        return Suggestion(text=text, id=answer["id"], status=status, model=answer.get("model", ""), **known)

    async def verified(self, body: dict[str, Any]) -> dict[str, Any]:
        """The answer to a task with its verdicts, as ``/v1/verified`` gives it. Errors as of `complete`."""
        return await self._post("/v1/verified", body, TASK_S, {})

    async def agree(self, level: str) -> None:
        """Say what the person agrees to. Errors as of `complete`."""
        agreed = await self._ask("GET", "/v1/feedback", None, COMPLETION_S, {})
        if agreed["agreed"] != level and (level == "off" or agreed["most"] != "off"):
            await self._ask("PUT", "/v1/feedback", {"level": level}, COMPLETION_S, {})

    async def report(self, events: Sequence[Event]) -> None:
        """Report events, which are safe when this returns. Errors as of `complete`."""
        body = {"events": [event.model_dump(mode="json", exclude_defaults=True) for event in events]}
        await self._post("/v1/events", body, COMPLETION_S, {})

    async def close(self) -> None:
        """Let go of connections."""
        if self._client is not None:
            await self._client.aclose()

    async def _post(self, route: str, body: dict[str, Any], seconds: float, headers: dict[str, str]) -> dict[str, Any]:
        return await self._ask("POST", route, body, seconds, headers)

    async def _ask(
        self, method: str, route: str, body: dict[str, Any] | None, seconds: float, headers: dict[str, str]
    ) -> dict[str, Any]:
        if self._client is None:
            self._client = httpx2.AsyncClient(base_url=self.url)
        if self.token:
            headers = {**headers, "Authorization": f"Bearer {self.token}"}
        try:
            answer = await self._client.request(method, route, json=body, headers=headers, timeout=seconds)
        except httpx2.TimeoutException:
            raise UnavailableError(Status(state=State.BUSY, reason=f"no answer within {seconds:g} s")) from None
        except (httpx2.HTTPError, OSError):
            raise UnavailableError(Status(state=State.OFFLINE, reason=f"no gateway at {self.url}")) from None
        if answer.status_code == 200:
            with contextlib.suppress(ValueError):
                return answer.json()
            raise UnavailableError(Status(state=State.OFFLINE, reason=f"{self.url} is no gateway of yunque"))
        raise UnavailableError(_refused(answer), answer.status_code)


def _refused(answer: httpx2.Response) -> Status:
    """Why a gateway gave no answer."""
    try:
        message = str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        message = f"status {answer.status_code}"
    if answer.status_code in (401, 403):
        return Status(state=State.REFUSED, reason=f"the gateway wants a token: {message}")
    if answer.status_code == 404:
        return Status(state=State.OFFLINE, reason="the gateway has no such route: is it of another version?")
    if answer.status_code == 409:
        return Status(state=State.NOTHING, reason=message)
    return Status(state=State.BUSY, reason=message)
