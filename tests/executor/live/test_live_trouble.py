"""A live desk when things go wrong: a restart in the middle, a reorg, no allowance, a stop, a limit, somebody who changes their mind."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

from executor.api import Role
from tests.executor.api.asking import bearing
from tests.executor.live.trading import FINALITY, eventually, sign, trading, usd, write_desk
from tests.executor.local_market import Market

RESTART_SECONDS = 2.0


def test_a_restart_in_the_middle_resumes_within_two_seconds_and_trades_once(market: Market, tmp_path: Path) -> None:
    amount = usd(market, "WETH", 3_000)
    before = market.balance("WETH")

    async def story() -> None:
        place = write_desk(market, tmp_path, [1])
        async with trading(market, place) as desk:
            sent = (await desk.order("WETH", "USDC", amount, "one")).json()
        market.world.node.rpc("anvil_dropAllTransactions")  # what it was told, the node forgets
        begun = time.monotonic()
        async with trading(market, place) as desk:
            assert time.monotonic() - begun <= RESTART_SECONDS
            again = await desk.order("WETH", "USDC", amount, "one")
            assert again.status_code == 200
            assert [one["tx_hash"] for one in again.json()["attempts"]] == [sent["attempts"][0]["tx_hash"]]
            desk.mine()
            await desk.until("one", "seen")
            desk.mine(FINALITY)
            order = await desk.until("one", "final")
            assert order["outcome"]["tx_hash"] == sent["attempts"][0]["tx_hash"]
            assert market.balance("WETH") == before - amount
            assert [trade.order_id for trade in await desk.trades("one", 1)] == ["one"]

    asyncio.run(story())


def test_a_reorg_takes_a_swap_back_and_the_same_bytes_bring_it_again(market: Market, tmp_path: Path) -> None:
    amount = usd(market, "WETH", 3_000)

    async def story() -> None:
        async with trading(market, write_desk(market, tmp_path, [1])) as desk:
            await desk.order("WETH", "USDC", amount, "one")
            desk.mine()
            first = await desk.until("one", "seen")
            await desk.trades("one", 1)
            market.world.node.roll_back(1)
            market.world.timestamp += 1  # another block in its place
            desk.mine()
            await desk.until("one", "broadcast")
            await desk.trades("one", 0)

            async def is_waiting() -> bool | None:
                return True if int(market.world.node.rpc("txpool_status")["pending"], 16) else None

            await eventually(is_waiting, "the transaction is with the node again")
            desk.mine()
            second = await desk.until("one", "seen")
            assert second["seen"]["tx_hash"] == first["seen"]["tx_hash"]
            assert second["seen"]["block_hash"] != first["seen"]["block_hash"]
            (trade,) = await desk.trades("one", 1)
            assert trade.block_hash == second["seen"]["block_hash"]
            kinds = [entry["kind"] for entry in (await desk.life("one"))["life"]]
            assert kinds.count("signed") == 1
            assert [kind for kind in kinds if kind in ("seen", "unseen")] == ["seen", "unseen", "seen"]
            assert "grekko_reorg_depth_blocks_count 1.0" in await desk.metrics()

    asyncio.run(story())


def test_without_an_allowance_nothing_is_signed_and_the_refusal_says_how_to_give_one(market: Market, tmp_path: Path) -> None:
    router = market.world.deployments["uniswap_v3"].router
    assert router is not None
    data = market.world.contracts["MintableERC20"].call_data("approve", router, 0)
    market.world.send_all([(market.trader, market.token("WETH"), data)])

    async def story() -> None:
        async with trading(market, write_desk(market, tmp_path, [1])) as desk:
            answer = await desk.order("WETH", "USDC", usd(market, "WETH", 100), "one")
            assert (answer.status_code, answer.json()["rule"]) == (422, "insufficient_allowance")
            assert "approve" in answer.json()["message"] and router in answer.text
            assert (await desk.life("one"))["order"]["attempts"] == []

    asyncio.run(story())


def test_a_stop_refuses_new_orders_and_sees_the_signed_one_through(market: Market, tmp_path: Path) -> None:
    async def story() -> None:
        async with trading(market, write_desk(market, tmp_path, [1])) as desk:
            await desk.order("WETH", "USDC", usd(market, "WETH", 100), "one")
            stopped = await desk.client.post("/kill", json={"reason": "prices look wrong"}, headers=bearing(Role.TRADER))
            assert stopped.json()["tripped"] is True
            refused = await desk.order("WETH", "USDC", usd(market, "WETH", 100), "two")
            assert refused.json()["rule"] == "kill_switch"
            desk.mine(1 + FINALITY)
            assert (await desk.until("one", "final"))["outcome"]["status"] == 1
            code = (await desk.client.get("/kill")).json()["release_code"]
            await desk.client.post("/kill/release", json={"code": code, "reason": "they are right"})
            assert (await desk.order("WETH", "USDC", usd(market, "WETH", 100), "three")).status_code == 201
            assert 'grekko_rejects_total{rule="kill_switch"} 1.0' in await desk.metrics()

    asyncio.run(story())


def test_limits_tighten_at_once_and_loosen_only_by_a_signed_file(market: Market, tmp_path: Path) -> None:
    async def story() -> None:
        place = write_desk(market, tmp_path, [1])
        signed = place.read_text()
        async with trading(market, place) as desk:
            place.write_text(signed.replace("max_notional_per_order_usd: 50000", "max_notional_per_order_usd: 50"))
            tighter = (await desk.client.post("/limits/reload")).json()
            assert tighter["limits"]["max_notional_per_order_usd"] == "50"
            refused = await desk.order("WETH", "USDC", usd(market, "WETH", 100), "one")
            assert (refused.status_code, refused.json()["rule"]) == (422, "max_notional_per_order")
            place.write_text(signed.replace("max_notional_per_order_usd: 50000", "max_notional_per_order_usd: 500000"))
            waiting = (await desk.client.post("/limits/reload")).json()
            assert (waiting["waiting"], waiting["limits"]["max_notional_per_order_usd"]) == (["max_notional_per_order_usd"], "50")
            place.write_text("limits: [")
            assert (await desk.client.post("/limits/reload")).status_code == 422
            place.write_text(signed)
            sign(place)
            loaded = (await desk.client.post("/limits/reload")).json()
            assert loaded["limits"]["max_notional_per_order_usd"] == "50000"
            assert (await desk.order("WETH", "USDC", usd(market, "WETH", 100), "two")).status_code == 201

    asyncio.run(story())


def test_an_order_that_is_given_up_is_replaced_by_a_cancellation_of_its_nonce(market: Market, tmp_path: Path) -> None:
    before = market.balance("WETH")

    async def story() -> None:
        async with trading(market, write_desk(market, tmp_path, [1])) as desk:
            await desk.order("WETH", "USDC", usd(market, "WETH", 100), "one")
            given_up = await desk.client.delete("/orders/one")
            assert [one["purpose"] for one in given_up.json()["attempts"]] == ["swap", "cancel"]
            desk.mine(1 + FINALITY)
            order = await desk.until("one", "abandoned")
            assert order["outcome"]["tx_hash"] == order["attempts"][1]["tx_hash"]
            assert market.balance("WETH") == before

    asyncio.run(story())


def test_gas_over_the_budget_is_refused_with_the_numbers_and_an_alert(market: Market, tmp_path: Path) -> None:
    async def story() -> None:
        place = write_desk(market, tmp_path, [1])
        place.write_text(place.read_text().replace("{'*': 0.2 ETH}", "{'*': 10 gwei}"))
        sign(place)
        async with trading(market, place) as desk:
            refused = await desk.order("WETH", "USDC", usd(market, "WETH", 100), "one")
            assert (refused.status_code, refused.json()["rule"]) == (422, "gas_budget")
            metrics = await desk.metrics()
            assert "grekko_gas_budget_refusals_total 1.0" in metrics
            assert 'grekko_alerts_total{name="gas_budget"} 1.0' in metrics

    asyncio.run(story())


def test_signed_bytes_leave_by_the_node_and_never_by_the_api(market: Market, tmp_path: Path) -> None:
    async def story() -> None:
        async with trading(market, write_desk(market, tmp_path, [1])) as desk:
            sent = await desk.order("WETH", "USDC", usd(market, "WETH", 100), "one")
            pending = market.world.node.rpc("eth_getRawTransactionByHash", sent.json()["attempts"][0]["tx_hash"])
            pages = [sent.text, (await desk.client.get("/orders")).text, json.dumps(await desk.life("one")), await desk.metrics()]
            assert pending.startswith("0x02")
            for page in pages:
                assert pending[2:] not in page and '"raw"' not in page

    asyncio.run(story())


def test_on_paper_an_order_ends_where_it_would_be_signed(market: Market, tmp_path: Path) -> None:
    before = market.balance("WETH")

    async def story() -> None:
        async with trading(market, write_desk(market, tmp_path, [1, 3, 4], mode="paper", per_order=900_000)) as desk:
            answer = await desk.order("WETH", "USDC", usd(market, "WETH", 800_000), "one")
            assert answer.status_code == 201, answer.text
            order = answer.json()
            assert (order["state"], order["is_terminal"], order["account"], order["mode"]) == ("simulated", True, None, "paper")
            assert order["rehearsed"]["amount_out"] == order["routed"]["amount_out"]
            assert len({leg["venue"] for leg in order["routed"]["legs"]}) > 1
            told = (await desk.client.get("/venues")).json()
            assert {one["venue"]: one["pools"] for one in told["venues"] if one["pools"]} == {
                "uniswap_v3": 1, "pancakeswap_v3": 1, "sushiswap": 1,
            }  # fmt: skip
            assert told["mirror"]["lag_blocks"] == 0
            assert (await desk.client.get("/pools")).json()["chain_id"] == 31337
            desk.mine(2)
            assert market.balance("WETH") == before

    asyncio.run(story())
