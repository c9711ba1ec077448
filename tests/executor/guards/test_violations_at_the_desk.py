"""A violation at a desk: refused before anything is signed, once in the journal beside its refusal, whatever crashes on the way."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from domain.problems import Broken, OrderConflict
from executor.guards import Guards, Jurisdictions, KillSwitch, Limits, Newest, every_rule
from executor.journal.verification import verify
from executor.orders import VIOLATION, Entry, Order, OrderRequest, State, entry_of, fold, intent_entry
from executor.routing.pool_book import Token
from tests.executor.compliance.rulebooks import Known, ListedHere, limit, rulebook
from tests.executor.desk.floor import Floor, on_a_floor
from tests.executor.desk.stand_ins import ACCOUNT, BUY, SELL, request
from tests.executor.guards.cases import NOON, Prices

LIMITS = Limits(max_slippage_bps=9_999, max_open_orders=100)
FACTS = {"limit_id": "EU-POL-1", "value": "6000.00", "maximum": "5000"}


def ruled(floor: Floor, folder: Path, **parts: Any) -> dict[str, Any]:
    """Guards of a desk that sells a token of 2 dollars, and holds Germans to 1000 dollars an order."""
    rules = parts.pop("rules", None) or Jurisdictions(rulebook(limit(most="1000")), Known(), **parts)
    guards = Guards(
        limits=lambda: LIMITS,
        switch=KillSwitch(folder),
        prices=Prices({SELL: 2.0, BUY: 1.0}),
        tokens={SELL: Token(SELL, "SELL", 0), BUY: Token(BUY, "BUY", 0)},
        newest=lambda: Newest(floor.chain.head.number, floor.clock.now()),
        jurisdictions=rules,
        rules=[rule for rule in every_rule() if rule.name != "min_output"],
    )
    return {"guards": guards}


def of(client_id: str | None, name: str = "one", amount: int = 501) -> OrderRequest:
    return replace(request(name, amount), client_id=client_id)


@pytest.mark.parametrize("mode", ["simulate", "paper", "live"])
def test_a_german_over_the_eus_limit_is_refused_and_a_singaporean_is_not(tmp_path: Path, mode: str):
    async def story(floor: Floor) -> None:
        desk = await floor.open(**ruled(floor, tmp_path))
        refused = await desk.submit(of("german"))
        assert (refused.state, (refused.refusal or {})["rule"]) == (State.REFUSED, "jurisdiction_order_limit")
        assert floor.kinds("one") == ["intent", VIOLATION, "refused"]
        (row,) = [row for row in floor.journal.entries("one") if row.entry.kind == VIOLATION]
        assert row.entry.facts == {
            "limit_id": "EU-POL-1",
            "rule": "jurisdiction_order_limit",
            "jurisdiction": "EU",
            "basis": "internal_policy",
            "client_id": "german",
            "value": "1002.00",
            "maximum": "1000",
            "unit": "USD",
            "doc_ref": "Grekko policy-2026 section 4",
            "verified": False,
            "on_breach": ["alert:slack", "alert:email"],
        }
        assert refused.violation == row.entry.facts
        went = [await desk.submit(of(whose, f"for {whose}")) for whose in ("singaporean", None)]
        assert {one.state for one in went} == {State.BROADCAST if mode == "live" else State.SIMULATED}
        assert len(floor.chain.sent) == (2 if mode == "live" else 0)
        assert verify(floor.journal.entries()).holds

    on_a_floor(story, mode=mode)


def test_the_same_order_again_also_after_a_restart_is_the_same_refusal_and_one_violation(tmp_path: Path):
    async def story(floor: Floor) -> None:
        desk = await floor.open(**ruled(floor, tmp_path))
        first, *others = await asyncio.gather(*(desk.submit(of("german")) for _ in range(4)))
        assert others == [first] * 3
        await floor.journal.close()
        again = await floor.open(**ruled(floor, tmp_path))
        assert await again.submit(of("german")) == first
        await again.look()
        assert floor.kinds("one").count(VIOLATION) == 1
        with pytest.raises(OrderConflict):
            await again.submit(of("singaporean"))

    on_a_floor(story)


def test_a_crash_before_the_refusal_is_written_leads_to_one_violation(tmp_path: Path):
    async def story(floor: Floor) -> None:
        journal_of = await floor.open(**ruled(floor, tmp_path))
        del journal_of
        # What is on the disk when the process dies between the intent and its preparation.
        await floor.journal.append(intent_entry(of("german"), "live", floor.signer.address.lower(), floor.clock.now()))
        await floor.journal.close()
        desk = await floor.open(**ruled(floor, tmp_path))
        await desk.look()
        assert floor.kinds("one") == ["intent", VIOLATION, "refused"]
        await desk.look()
        assert floor.kinds("one") == ["intent", VIOLATION, "refused"]

    on_a_floor(story)


@pytest.mark.parametrize("mode", ["simulate", "live"])
def test_a_pool_or_receiver_on_a_list_is_refused_for_the_firm_too(tmp_path: Path, mode: str):
    async def story(floor: Floor) -> None:
        from executor.virtual.chain import ROUTER

        listed = [ROUTER.lower()] + ([ACCOUNT.lower()] if mode == "live" else [])
        for number, address in enumerate(listed):
            desk = await floor.open(**ruled(floor, tmp_path, listed=ListedHere({address: "ofac 1"})))
            refused = await desk.submit(of(None, f"{number}"))
            assert (refused.refusal or {})["rule"] == "sanctioned_address"
            assert (refused.violation or {})["value"] == address
            await floor.journal.close()
        assert floor.chain.sent == {}

    on_a_floor(story, mode=mode)


def test_what_violates_after_its_rehearsal_is_refused_in_a_mode_without_a_key_too(tmp_path: Path):
    async def story(floor: Floor) -> None:
        rules = Jurisdictions(rulebook(limit("EU-POL-3", "position_usd", "1001")), Known())
        desk = await floor.open(**ruled(floor, tmp_path, rules=rules))
        first, second = await asyncio.gather(desk.submit(of("german", "a", 500)), desk.submit(of("german", "b", 500)))
        assert [one.state for one in (first, second)] == [State.SIMULATED, State.REFUSED]
        assert (second.refusal or {})["rule"] == "jurisdiction_position_limit"
        assert verify(floor.journal.entries()).holds

    on_a_floor(story, mode="paper")


def told(*entries: Entry) -> Order:
    orders: dict[str, Order] = {}
    for entry in (intent_entry(of("german"), "live", ACCOUNT, NOON), *entries):
        orders = fold(orders, entry)
    return orders["one"]


def test_nothing_but_its_refusal_follows_a_violation():
    violated = entry_of(VIOLATION, "one", NOON, FACTS)
    assert told(violated).violation == FACTS
    assert told(violated, entry_of(State.REFUSED, "one", NOON, {"rule": "jurisdiction_order_limit"})).state is State.REFUSED
    for further in (violated, entry_of("cancel_asked", "one", NOON, {})):
        with pytest.raises(Broken, match="cannot follow"):
            told(violated, further)


def test_an_older_journal_whose_orders_name_no_client_is_the_firms():
    entry = intent_entry(of(None), "live", ACCOUNT, NOON)
    older = {name: value for name, value in entry.facts["request"].items() if name != "client_id"}
    assert Order.begun(replace(entry, facts={**entry.facts, "request": older})).request.client_id is None
