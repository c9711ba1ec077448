"""What a desk on a chain is made of: pools from its file or discovered, not ready until it stands, not ready when it falls behind."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from domain.problems import BadInput, Unavailable, UnknownPool, UnknownToken
from executor.assembly import on_chain
from executor.chain.node import HttpNode
from executor.desk_file import DeskFile, load_desk_file
from executor.pool_search import pools_of
from tests.executor.live.trading import ChainTime, eventually, trading, usd, write_desk
from tests.executor.local_market import Market


def found(market: Market, desk: DeskFile) -> Any:
    async def story() -> Any:
        async with HttpNode(market.world.node.url) as node:
            return await pools_of(desk, node)

    return asyncio.run(story())


def test_what_the_file_leaves_out_about_a_pool_is_asked_of_the_chain(market: Market, tmp_path: Path) -> None:
    desk = load_desk_file(write_desk(market, tmp_path, [1, 4, 7]))
    told = found(market, desk)
    asked = [market.pools[one] for one in (1, 4, 7)]
    assert [(pool.pool_id, pool.address, pool.fee_pips, pool.tick_spacing) for pool in told] == [
        (at, pool.address, pool.fee_pips, pool.tick_spacing) for at, pool in enumerate(asked, 1)
    ]


def test_all_pools_of_the_venues_can_be_discovered(market: Market, tmp_path: Path) -> None:
    desk = replace(load_desk_file(write_desk(market, tmp_path, [1])), pools=(), discover_from_block=0)
    assert {pool.address for pool in found(market, desk)} == {pool.address for pool in market.pools.values()}
    without = replace(desk, tokens={market.token("WETH"): desk.tokens[market.token("WETH")]})
    with pytest.raises(UnknownToken, match="None of 7 pools"):
        found(market, without)


def test_a_pool_that_is_not_what_the_file_says_is_refused(market: Market, tmp_path: Path) -> None:
    desk = load_desk_file(write_desk(market, tmp_path, [1]))
    with pytest.raises(BadInput, match="the chain says 500"):
        found(market, replace(desk, pools=(replace(desk.pools[0], fee_pips=3000),)))
    with pytest.raises(UnknownPool):
        found(market, replace(desk, pools=(replace(desk.pools[0], address="0x" + "12" * 20),)))


def test_a_discovering_desk_trades(market: Market, tmp_path: Path) -> None:
    async def story() -> None:
        place = write_desk(market, tmp_path, [1], mode="paper")
        text = place.read_text()
        begins, ends = text.index("pools:\n"), text.index("dollars:")
        place.write_text(f"{text[:begins]}pools: {{discover_from_block: 0}}\n{text[ends:]}")
        async with trading(market, place) as desk:
            assert len((await desk.client.get("/pools")).json()["pools"]) == 7
            assert (await desk.order("WETH", "DAI", usd(market, "WETH", 900), "one")).status_code == 201

    asyncio.run(story())


def test_a_desk_whose_node_does_not_answer_takes_no_orders_and_is_ready_again_later(
    market: Market, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest, is_down = HttpNode.batch, False

    async def batch(self: HttpNode, calls: Any) -> list[Any]:
        if is_down:
            raise Unavailable("The node at 127.0.0.1 did not answer; ask again.")
        return await honest(self, calls)

    monkeypatch.setattr(HttpNode, "batch", batch)

    async def story() -> None:
        nonlocal is_down
        async with trading(market, write_desk(market, tmp_path, [1], mode="paper")) as desk:

            async def in_state(status: int) -> bool | None:
                return True if (await desk.client.get("/ready")).status_code == status else None

            is_down = True
            await eventually(lambda: in_state(503), "not ready")
            refused = await desk.order("WETH", "USDC", usd(market, "WETH", 900), "one")
            assert (refused.status_code, refused.json()["error"]) == (503, "Unavailable")
            assert (await desk.client.get("/health")).status_code == 200
            assert "grekko_ready 0.0" in await desk.metrics()
            is_down = False
            await eventually(lambda: in_state(200), "ready again")
            assert (await desk.order("WETH", "USDC", usd(market, "WETH", 900), "one")).status_code == 201

    asyncio.run(story())


def test_prices_of_a_desk_follow_the_chain(market: Market, tmp_path: Path) -> None:
    async def story() -> None:
        async with trading(market, write_desk(market, tmp_path, [1], per_order=900_000)) as desk:
            before = (await desk.client.get("/pools")).json()["pools"][0]["price"]
            route = (await desk.client.post("/route", json={"sell": "WETH", "buy": "USDC", "amount_in": "1000000000000000000"})).json()
            assert route["block_number"] == market.world.node.block_number()
            assert int(route["gas_per_leg"]) > 0
            await desk.order("WETH", "USDC", usd(market, "WETH", 400_000), "large", slippage_bps=100)
            desk.mine()
            await desk.until("large", "seen")
            after = (await desk.client.get("/pools")).json()["pools"][0]["price"]
            assert after != before
            quote = await desk.client.post("/quote", json={"sell": "WETH", "buy": "USDC", "amount_in": "1000000000000000000"})
            assert quote.json()["options"]["now"]["legs"][0]["pool"] == market.pools[1].address
            swap = await desk.client.post("/swap", json={"sell": "WETH", "buy": "USDC", "amount_in": "1000000000000000000"})
            assert swap.status_code == 503  # no model was handed over that could decide

    asyncio.run(story())


def test_a_desk_that_says_simulate_or_lacks_its_key_is_not_assembled(market: Market, tmp_path: Path) -> None:
    desk = load_desk_file(write_desk(market, tmp_path, [1]))
    for wrong in (desk, replace(desk, mode="simulate")):
        with pytest.raises(BadInput, match="cannot be assembled"):
            on_chain(wrong, tmp_path, clock=ChainTime(market))
