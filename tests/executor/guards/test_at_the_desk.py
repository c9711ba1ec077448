"""The guards and a real signer at a desk on a simulated chain: what they refuse is in the journal, and was never sent."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from executor.guards import AmountLimits, Guards, KillSwitch, Limits, Newest
from executor.orders import OrderRequest, Routed, State
from executor.routing.pool_book import Token
from executor.signers import LocalSigner, SigningPolicy
from executor.virtual.chain import ROUTER
from tests.executor.desk.floor import Floor, on_a_floor
from tests.executor.desk.stand_ins import BUY, SELL, OneSwap, request
from tests.executor.guards.cases import Prices
from tests.executor.signers.keys import key

LIMITS = Limits(
    amounts={SELL: AmountLimits(max_per_order=1_000, max_per_day=2_500)},
    allowed_tokens=frozenset((SELL, BUY)),
    allowed_pools=frozenset((ROUTER,)),
    allowed_routers=frozenset((ROUTER,)),
    max_rejects=4,
)


@dataclass
class PaysTheAccount(OneSwap):
    """Plans whose call names who receives, as every real router's does."""

    async def plan(self, request: OrderRequest, account: str | None, deadline: int) -> Routed:
        routed = await super().plan(request, account, deadline)
        return replace(routed, call_data=routed.call_data + (account or ROUTER)[2:].rjust(64, "0"))


def guarded(floor: Floor, folder: Path, limits: Limits = LIMITS, **policy: Any) -> dict[str, Any]:
    """What a desk of this floor needs beside its stand-ins."""
    guards = Guards(
        limits=lambda: limits,
        switch=KillSwitch(folder),
        prices=Prices({}),
        tokens={SELL: Token(SELL, "SELL", 18), BUY: Token(BUY, "BUY", 18)},
        newest=lambda: Newest(floor.chain.head.number, floor.clock.now()),
    )
    told: Mapping[str, Any] = {"chain_id": floor.chain.chain_id, "routers": frozenset((ROUTER,)), "max_cost_wei": 10**18, **policy}
    return {"planner": PaysTheAccount(floor.chain), "guards": guards, "signer": LocalSigner(key(), SigningPolicy(**told))}


def test_orders_are_signed_until_the_day_is_full_also_after_a_restart(tmp_path: Path):
    async def story(floor: Floor) -> None:
        desk = await floor.open(**guarded(floor, tmp_path))
        for name in ("a", "b"):
            assert (await desk.submit(request(name))).state is State.BROADCAST
        refused = await desk.submit(request("c"))
        assert refused.refusal is not None
        assert (refused.refusal["rule"], refused.refusal["limit"]) == ("max_notional_per_day", "2500")
        await floor.blocks(8, desk)
        assert desk.order("a").state is State.FINAL
        await floor.journal.close()
        again = await floor.open(**guarded(floor, tmp_path))
        refused = await again.submit(request("d"))
        assert (refused.state, (refused.refusal or {})["rule"]) == (State.REFUSED, "max_notional_per_day")
        assert len(floor.chain.sent) == 2

    on_a_floor(story)


def test_many_orders_at_once_do_not_pass_a_limit_that_one_of_them_fills(tmp_path: Path):
    async def story(floor: Floor) -> None:
        desk = await floor.open(**guarded(floor, tmp_path, replace(LIMITS, max_rejects=None)))
        orders = await asyncio.gather(*(desk.submit(request(f"{number}")) for number in range(8)))
        assert sorted(str(order.state) for order in orders) == ["broadcast"] * 2 + ["refused"] * 6
        assert len(floor.chain.sent) == 2

    on_a_floor(story)


@pytest.mark.parametrize("mode", ["simulate", "paper"])
def test_without_a_key_the_limits_hold_all_the_same(tmp_path: Path, mode: str):
    async def story(floor: Floor) -> None:
        parts = {**guarded(floor, tmp_path), "signer": None}
        desk = await floor.open(**parts)
        states = [str((await desk.submit(request(name))).state) for name in "abc"]
        assert states == ["simulated", "simulated", "refused"]

    on_a_floor(story, mode=mode)


def test_rejects_trip_the_switch_and_it_holds_until_it_is_let_go(tmp_path: Path):
    async def story(floor: Floor) -> None:
        parts = guarded(floor, tmp_path)
        desk, switch = await floor.open(**parts), parts["guards"].switch
        rules = [((await desk.submit(request(f"{n}", 2_000))).refusal or {})["rule"] for n in range(6)]
        assert rules == ["max_notional_per_order"] * 4 + ["kill_switch"] * 2
        await floor.clock.sleep(1)
        switch.release(switch.look(floor.clock.now()).release_code, "a script of ours, mended", floor.clock.now())
        assert (await desk.submit(request("small"))).state is State.BROADCAST

    on_a_floor(story)


def test_the_switch_stops_what_is_new_and_what_was_signed_is_seen_through(tmp_path: Path):
    async def story(floor: Floor) -> None:
        desk = await floor.open(**guarded(floor, tmp_path))
        await desk.submit(request("a"))
        await desk.submit(request("b"))
        (tmp_path / "KILL").touch()
        assert ((await desk.submit(request("c"))).refusal or {})["rule"] == "kill_switch"
        assert (await desk.cancel("b")).attempts[-1].purpose == "cancel"
        await floor.blocks(8, desk)
        assert (desk.order("a").state, desk.order("b").state) == (State.FINAL, State.ABANDONED)

    on_a_floor(story)


def test_what_the_signer_does_not_sign_is_a_refusal_in_the_journal_and_leaves_no_gap(tmp_path: Path):
    async def story(floor: Floor) -> None:
        desk = await floor.open(**guarded(floor, tmp_path, max_cost_wei=1))
        refused = await desk.submit(request("a"))
        assert (refused.state, (refused.refusal or {})["rule"]) == (State.REFUSED, "signer_policy")
        assert floor.kinds("a") == ["intent", "routed", "simulated", "refused"]
        assert floor.chain.sent == {}
        await floor.journal.close()
        again = await floor.open(**guarded(floor, tmp_path))
        assert (await again.submit(request("b"))).nonce == 0

    on_a_floor(story)
