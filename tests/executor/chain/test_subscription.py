"""The bell over a real WebSocket."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from domain.problems import BadInput, Unavailable
from executor.chain.local.anvil import Anvil, free_port
from executor.chain.subscription import WebSocketSubscription


async def rung(said: list[Any], *, at_most: int = 99) -> list[str | None]:
    """What a subscription makes of a server that says these things and closes."""
    from websockets.asyncio.server import serve

    async def talk(socket: Any) -> None:
        asked = json.loads(await socket.recv())
        assert (asked["method"], asked["params"]) == ("eth_subscribe", ["newHeads"])
        for message in said:
            await socket.send(message if isinstance(message, str) else json.dumps(message))

    heard: list[str | None] = []
    async with serve(talk, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(Unavailable) as ended:
            async for hash in WebSocketSubscription(f"ws://127.0.0.1:{port}").heads():
                heard.append(hash)
    assert "127.0.0.1" in ended.value.message
    return heard


def test_it_rings_when_it_is_connected_and_for_every_head():
    head = {"method": "eth_subscription", "params": {"result": {"hash": "0xAB"}}}
    assert asyncio.run(rung([{"id": 1, "result": "0x1"}, head])) == [None, "0xab"]


def test_a_message_that_it_cannot_read_rings_without_a_hint():
    said = [{"id": 1, "result": "0x1"}, "no json", [1], {"params": {"result": None}}, {"params": {"result": {"hash": 7}}}, {"id": 9}]
    assert asyncio.run(rung(said)) == [None, None, None, None, None]


def test_a_node_that_takes_no_subscription_says_so():
    async def story():
        return await rung([{"id": 1, "error": {"message": "notifications not supported"}}])

    assert asyncio.run(story()) == []


def test_nobody_there_is_unavailable():
    async def story():
        async for _ in WebSocketSubscription(f"ws://127.0.0.1:{free_port()}").heads():
            pass

    with pytest.raises(Unavailable, match="broke off"):
        asyncio.run(story())


def test_only_a_websocket_address_will_do():
    for wrong in ("http://127.0.0.1:1", "ws://", "nonsense"):
        with pytest.raises(BadInput, match="ws://"):
            WebSocketSubscription(wrong)


def test_a_real_node_rings(node_modules):
    async def story():
        with Anvil(start_timestamp=1_767_571_200) as node:
            heads = WebSocketSubscription(node.url.replace("http", "ws")).heads()
            assert await anext(heads) is None
            node.mine(timestamp=1_767_571_300, base_fee=10**9)
            hash = await asyncio.wait_for(anext(heads), 10)
            assert hash == node.rpc("eth_getBlockByNumber", "latest", False)["hash"]
            node.close()
            with pytest.raises(Unavailable):
                await anext(heads)

    asyncio.run(story())
