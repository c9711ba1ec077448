"""Nonces: each is one order's for good, what was never sent is used again, and others with the key are noticed."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

import pytest

from domain.problems import Broken, Unavailable
from executor.chain.node import NodeRefused
from executor.journal import Journal, MemoryStore
from executor.nonces import Counts, NonceOwner
from executor.orders import FOREIGN_NONCE, GAP_FILLED, Attempt, Entry, OrderRequest, State, entry_of, intent_entry
from executor.virtual.chain import SimulatedChain
from executor.virtual.loop import VirtualClock, run_virtually
from tests.executor.desk.stand_ins import ACCOUNT
from tests.executor.test_orders import NOW as AT
from tests.executor.test_orders import REHEARSED, ROUTED


def with_an_owner(story: Callable[[NonceOwner, Journal, SimulatedChain], Coroutine[Any, Any, None]]) -> None:
    """Run a story with an owner over an empty journal and chain."""

    async def told(clock: VirtualClock) -> None:
        journal = await Journal.open(MemoryStore(), clock)
        chain = SimulatedChain(Random(1), lambda: 0)
        await story(NonceOwner(chain.chain_id, ACCOUNT, chain, journal, clock), journal, chain)

    run_virtually(told)


async def signed(journal: Journal, order_id: str, nonce: int, account: str = ACCOUNT) -> None:
    """An order signed for this nonce stands in the journal."""
    attempt = Attempt("swap", nonce, f"0x{order_id}", "0x", 1, 1, 1, AT)
    await journal.append(
        intent_entry(OrderRequest(order_id, "0xa", "0xb", 1), "live", account, AT),
        entry_of(State.ROUTED, order_id, AT, ROUTED),
        entry_of(State.SIMULATED, order_id, AT, REHEARSED),
        entry_of(State.SIGNED, order_id, AT, attempt),
    )


def test_nonces_are_handed_out_in_order_and_never_twice():
    async def story(owner: NonceOwner, journal: Journal, chain: SimulatedChain) -> None:
        with pytest.raises(Broken, match="before the node was asked"):
            owner.take()
        await owner.ask()
        assert [owner.take() for _ in range(3)] == [0, 1, 2]

    with_an_owner(story)


def test_a_nonce_that_the_journal_did_not_take_is_the_next_orders():
    async def story(owner: NonceOwner, journal: Journal, chain: SimulatedChain) -> None:
        await owner.ask()
        assert [owner.take(), owner.take()] == [0, 1]
        owner.give_back(0)
        assert [owner.take(), owner.take()] == [0, 2]
        owner.give_back(2)
        owner.keep_from_orders(2)
        await signed(journal, "one", 2)
        owner.settle(1)
        assert owner.take() == 3

    with_an_owner(story)


def test_a_nonce_that_was_given_back_too_early_is_not_handed_out_again():
    async def story(owner: NonceOwner, journal: Journal, chain: SimulatedChain) -> None:
        await owner.ask()
        owner.give_back(owner.take())
        await signed(journal, "one", 0)
        assert owner.take() == 1

    with_an_owner(story)


def test_a_node_that_lags_does_not_lead_back_to_a_used_nonce():
    async def story(owner: NonceOwner, journal: Journal, chain: SimulatedChain) -> None:
        await signed(journal, "one", 8)
        await signed(journal, "other", 99, account="0xother")
        owner.take_note(Counts(3, 3))
        assert owner.take() == 9
        owner.take_note(Counts(20, 21))
        owner.take_note(Counts(2, 2))
        assert owner.take() == 21

    with_an_owner(story)


def test_a_node_that_does_not_count_is_asked_again():
    async def story(owner: NonceOwner, journal: Journal, chain: SimulatedChain) -> None:
        async def refuse(calls: Any) -> list[Any]:
            return [NodeRefused("busy"), NodeRefused("busy")]

        chain.batch = refuse  # type: ignore[method-assign]
        with pytest.raises(Unavailable, match="busy"):
            await owner.ask()

    with_an_owner(story)


def test_foreign_use_is_reported_once_for_each_count_also_after_a_start():
    async def story(owner: NonceOwner, journal: Journal, chain: SimulatedChain) -> None:
        assert owner.foreign_use(Counts(5, 5)) is None  # what came before our first order is history
        await signed(journal, "one", 5)
        assert owner.foreign_use(Counts(6, 6)) is None
        entry = owner.foreign_use(Counts(6, 8))
        assert entry is not None and (entry.kind, entry.order_id) == (FOREIGN_NONCE, None)
        assert (entry.facts["from"], entry.facts["until"], entry.facts["where"]) == (6, 8, "line")
        await journal.append(entry)
        assert owner.foreign_use(Counts(8, 8)) is None
        begun_again = NonceOwner(1, ACCOUNT, chain, journal, owner._clock)
        assert begun_again.foreign_use(Counts(8, 8)) is None
        later = begun_again.foreign_use(Counts(9, 9))
        assert later is not None and (later.facts["from"], later.facts["where"]) == (8, "blocks")

    with_an_owner(story)


def test_a_gap_is_a_nonce_of_nobody_that_ours_wait_behind():
    async def story(owner: NonceOwner, journal: Journal, chain: SimulatedChain) -> None:
        await owner.ask()
        await signed(journal, "one", 2)
        assert owner.missing(Counts(1, 1), 2) == 1
        assert owner.missing(Counts(1, 2), 2) is None  # somebody's transaction waits there
        assert owner.missing(Counts(2, 2), 2) is None
        await signed(journal, "two", 4)
        assert owner.missing(Counts(2, 2), 4) is None  # ours
        assert owner.missing(Counts(3, 3), 4) == 3

    with_an_owner(story)


def test_a_filled_nonce_is_no_orders_any_more():
    async def story(owner: NonceOwner, journal: Journal, chain: SimulatedChain) -> None:
        await owner.ask()
        for _ in range(2):
            owner.take()
        owner.give_back(0)
        await journal.append(Entry(GAP_FILLED, None, AT, {"account": ACCOUNT, "nonce": 0}))
        assert owner.take() == 2

    with_an_owner(story)
