"""The chain as the executor asks it: one JSON-RPC door, opened over HTTP here and played by a simulated chain in virtual time.

A question is asked once: whoever asks knows best whether it may be asked again. The address of a node often holds a key, so
messages name its host only.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import count
from typing import Any, Protocol, Self
from urllib.parse import urlsplit

import aiohttp

from domain.problems import BadInput, Refused, Unavailable

Call = tuple[str, Sequence[Any]]


class NodeRefused(Refused):
    """The node understood the question and answered with an error; `code` and `data` are the node's own."""

    @property
    def code(self) -> int | None:
        """JSON-RPC error code."""
        return self.facts.get("code")

    @property
    def data(self) -> Any:
        """What came with the error: of a reverted call, the revert data as 0x text."""
        return self.facts.get("data")


class Node(Protocol):
    """One node of one chain."""

    async def call(self, method: str, *params: Any) -> Any:
        """One answer. Raises NodeRefused with the node's error, Unavailable when it does not answer."""
        ...

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        """The answers in the order of the calls; a NodeRefused stands (is not raised) where the node answered with an error.

        Raises Unavailable when an answer is missing.
        """
        ...


class HttpNode:
    """A node over HTTP; use it as an async context manager."""

    def __init__(self, url: str, *, timeout_seconds: float = 10.0) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadInput("The node's address must start with http:// or https:// and name a host.", field="node.http")
        self.host = parts.hostname
        self._url = url
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._session: aiohttp.ClientSession | None = None
        self._ids = count(1)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the connections; a later question opens them again."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def call(self, method: str, *params: Any) -> Any:
        answer = (await self.batch([(method, params)]))[0]
        if isinstance(answer, NodeRefused):
            raise answer
        return answer

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        if not calls:
            return []
        questions = [{"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": list(params)} for method, params in calls]
        document = await self._post(questions if len(questions) > 1 else questions[0])
        items = document if isinstance(document, list) else [document]
        by_id = {item.get("id"): item for item in items if isinstance(item, dict)}
        return [self._answer(question, by_id) for question in questions]

    def _answer(self, question: dict[str, Any], by_id: dict[Any, dict[str, Any]]) -> Any:
        method = question["method"]
        item = by_id.get(question["id"])
        if item is None or ("result" not in item and "error" not in item):
            raise Unavailable(f"The node at {self.host} left {method} without an answer; ask again.", method=method)
        error = item.get("error")
        if error is None:
            return item["result"]
        told = error if isinstance(error, dict) else {"message": str(error)}
        return NodeRefused(f"{method}: {told.get('message')}", method=method, code=told.get("code"), data=told.get("data"))

    async def _post(self, body: Any) -> Any:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout)
        try:
            async with self._session.post(self._url, json=body) as response:
                text = await response.read()
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise Unavailable(f"The node at {self.host} did not answer ({type(error).__name__}); ask again.", host=self.host) from error
        try:
            return json.loads(text)
        except ValueError as error:
            raise Unavailable(
                f"The node at {self.host} answered HTTP {response.status} and no JSON; ask again.", host=self.host, status=response.status
            ) from error


def quantity(number: int) -> str:
    """A number as JSON-RPC writes it."""
    return hex(number)


def number(told: Any, field: str) -> int:
    """A JSON-RPC quantity as a number; raises Unavailable naming the field when the node told something else."""
    if isinstance(told, str) and told.startswith("0x"):
        try:
            return int(told, 16)
        except ValueError:
            pass
    raise Unavailable(f"The node answered {field} = {told!r:.80}, which is not a quantity like 0x2a; ask again.", field=field)
