"""Orders over HTTP become swaps on the chain: on each venue's own router, and across venues through ours; exact to the base unit."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.executor.live.trading import FINALITY, trading, usd, write_desk
from tests.executor.local_market import Market

ONE_VENUE = {"uniswap_v3": 1, "pancakeswap_v3": 3, "sushiswap": 4}


@pytest.mark.parametrize(("venue", "pool_id"), ONE_VENUE.items())
def test_a_swap_on_one_venue_is_sent_seen_final_and_in_the_ledger(market: Market, tmp_path: Path, venue: str, pool_id: int) -> None:
    amount = usd(market, "WETH", 9_000)
    before = {symbol: market.balance(symbol) for symbol in ("WETH", "USDC")}

    async def story() -> None:
        async with trading(market, write_desk(market, tmp_path, [pool_id])) as desk:
            answer = await desk.order("WETH", "USDC", amount, "one")
            assert answer.status_code == 201, answer.text
            sent = answer.json()
            assert sent["state"] == "broadcast"
            assert sent["routed"]["to"] == market.world.deployments[venue].router
            desk.mine()
            seen = await desk.until("one", "seen")
            (trade,) = await desk.trades("one", 1)
            desk.mine(FINALITY)
            order = await desk.until("one", "final")
            receipt = market.world.node.receipt(order["outcome"]["tx_hash"])
            outcome, planned = order["outcome"], order["routed"]
            assert (outcome["status"], int(receipt["status"], 16)) == (1, 1)
            assert seen["seen"]["block_hash"] == outcome["block_hash"] == receipt["blockHash"] == trade.block_hash
            assert outcome["amount_in"] == planned["amount_in"] == str(amount) == str(trade.amount_in)
            assert outcome["amount_out"] == planned["amount_out"] == str(trade.amount_out)
            assert market.balance("WETH") == before["WETH"] - amount
            assert market.balance("USDC") == before["USDC"] + int(outcome["amount_out"])
            assert (trade.venue, trade.protocol, trade.pool, trade.tx_hash) == (
                "DEX", venue, market.pools[pool_id].address, outcome["tx_hash"],
            )  # fmt: skip
            logged = [log for log in receipt["logs"] if int(log["logIndex"], 16) == trade.log_index]
            assert [log["address"] for log in logged] == [trade.pool]
            assert len(await desk.trades("one", 1, "finalised")) == 1
            metrics = await desk.metrics()
            assert "grekko_order_to_fill_seconds_count 1.0" in metrics
            assert "grekko_intent_to_signed_seconds_count 1.0" in metrics
            for stage in ("route", "guards", "simulate", "sign", "journal"):
                assert f'grekko_stage_seconds_count{{stage="{stage}"}}' in metrics
            assert 'grekko_orders_total{mode="live",state="final"} 1.0' in metrics
            assert "grekko_mirror_lag_blocks 0.0" in metrics

    asyncio.run(story())


def test_a_swap_over_two_venues_is_one_transaction_through_our_router(market: Market, tmp_path: Path) -> None:
    amount = usd(market, "WBTC", 6_000)
    before = market.balance("USDC")

    async def story() -> None:
        async with trading(market, write_desk(market, tmp_path, [7, 1])) as desk:
            answer = await desk.order("WBTC", "USDC", amount, "two")
            assert answer.status_code == 201, answer.text
            assert answer.json()["routed"]["to"] == market.world.addresses["SplitRouter"]
            desk.mine()
            trades = await desk.trades("two", 2)
            desk.mine(FINALITY)
            outcome = (await desk.until("two", "final"))["outcome"]
            assert [trade.protocol for trade in trades] == ["pancakeswap_v3", "uniswap_v3"]
            assert {trade.tx_hash for trade in trades} == {outcome["tx_hash"]}
            assert trades[0].amount_out == trades[1].amount_in
            assert outcome["amount_out"] == str(trades[1].amount_out) == answer.json()["routed"]["amount_out"]
            assert market.balance("USDC") == before + int(outcome["amount_out"])
            assert market.balance("WETH", market.world.addresses["SplitRouter"]) == 0

    asyncio.run(story())
