"""The chain's own bell: a WebSocket that rings at every new head. It only wakes, the truth is asked of the node."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any, Protocol
from urllib.parse import urlsplit

from domain.problems import BadInput, Unavailable

# A provider closes what is silent for a minute or so, and a peer that is gone would otherwise be waited for forever.
PING_SECONDS = 15.0
OPEN_SECONDS = 10.0
_SUBSCRIBE = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]})


class Subscription(Protocol):
    """Something that rings."""

    def heads(self) -> AsyncIterator[str | None]:
        """None once it is connected, then the hash of each new head. Raises Unavailable when it cannot ring any more; call again."""
        ...


class WebSocketSubscription:
    """`eth_subscribe("newHeads")` over a WebSocket. Raises BadInput when the address is not one of a WebSocket."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("ws", "wss") or not parts.hostname:
            raise BadInput("The node's WebSocket address must start with ws:// or wss:// and name a host.", field="node.ws")
        self.host = parts.hostname
        self._url = url

    async def heads(self) -> AsyncIterator[str | None]:
        """See Subscription."""
        from websockets.asyncio.client import connect
        from websockets.exceptions import WebSocketException

        try:
            async with connect(self._url, open_timeout=OPEN_SECONDS, ping_interval=PING_SECONDS, max_size=1 << 22) as socket:
                await socket.send(_SUBSCRIBE)
                async for told in socket:
                    message = _read(told)
                    if message.get("id") == 1:
                        self._check(message)
                        yield None
                    elif "params" in message:
                        yield _hash(message)
        except (OSError, WebSocketException, TimeoutError) as error:
            raise Unavailable(f"The WebSocket of the node at {self.host} broke off ({type(error).__name__}).", host=self.host) from error
        raise Unavailable(f"The node at {self.host} closed its WebSocket.", host=self.host)

    def _check(self, message: dict[str, Any]) -> None:
        if "error" in message:
            raise Unavailable(f"The node at {self.host} takes no subscription: {message['error']}.", host=self.host)


def _read(told: str | bytes) -> dict[str, Any]:
    """A message; anything that is no JSON object wakes without a hint."""
    try:
        message = json.loads(told)
    except ValueError:
        message = None
    return message if isinstance(message, dict) else {"params": None}


def _hash(message: dict[str, Any]) -> str | None:
    """The hash of the head in a notification, if it tells one."""
    params = message["params"]
    result = params.get("result") if isinstance(params, dict) else None
    hash = result.get("hash") if isinstance(result, dict) else None
    return hash.lower() if isinstance(hash, str) else None
