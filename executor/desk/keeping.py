"""Keeping signed orders alive until the chain has ended them: one look at the witnesses, then for each order what follows from it.

An order ends only here once it was signed, and only on a final transaction with its nonce. Time alone never ends one: at its deadline
it is cancelled, and then the chain decides between the swap and the cancellation.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC

from domain.problems import JournalHeld, Refused
from executor.branch import Branch
from executor.chain.node import Node
from executor.desk.collaborators import DeskSettings, Gas
from executor.desk.dispatch import Dispatch, Offer
from executor.desk.pen import Pen
from executor.orders import (
    CANCEL_ASKED,
    FOREIGN_NONCE,
    UNSEEN,
    Attempt,
    Entry,
    Fees,
    Order,
    Outcome,
    Seen,
    State,
    entry_of,
)
from executor.witnesses import Consumed, Testimony, Witnesses

LOG = logging.getLogger(__name__)


class Keeper:
    """Looks after the signed orders of one account; without a dispatch of that account it can only watch."""

    def __init__(
        self,
        account: str,
        node: Node,
        pen: Pen,
        gas: Gas,
        settings: DeskSettings,
        symbol_of: Callable[[Order], str],
        dispatch: Dispatch | None,
    ) -> None:
        self.account = account
        self._pen = pen
        self._gas = gas
        self._settings = settings
        self._symbol_of = symbol_of
        self._dispatch = dispatch
        self._branch = Branch(node, settings.finality_depth)
        self._witnesses = Witnesses(node, account, self._branch)
        self._gap_since: tuple[int, float] | None = None
        self._filled: dict[int, Offer] = {}

    @property
    def head_number(self) -> int | None:
        """The newest block that was looked at."""
        return self._branch.head.number if self._branch.head else None

    async def look(self, orders: Sequence[Order]) -> None:
        """One round over these open, signed orders. Raises Unavailable when the node or the journal did not answer; look again then."""
        testimony = await self._witnesses.hear(orders)
        if self._dispatch is not None:
            self._dispatch.nonces.take_note(testimony.counts)
            if entry := self._dispatch.nonces.foreign_use(testimony.counts):
                await self._pen.write(entry)
        # Reading blocks and following the chain back is done for one order at a time; writing and sending for all at once.
        consumed = {order.order_id: await self._witnesses.consumer_of(order, testimony) for order in orders}
        done = await asyncio.gather(
            *(self._judge(order.order_id, consumed[order.order_id], testimony) for order in orders), return_exceptions=True
        )
        problems = [one for one in done if isinstance(one, BaseException)]
        if problems:
            # Somebody who holds the journal instead of us matters more than anything else.
            raise next((one for one in problems if isinstance(one, JournalHeld)), problems[0])
        if self._dispatch is not None:
            await self._close_gaps(self._dispatch, orders, testimony)

    async def _judge(self, order_id: str, consumed: Consumed | None, testimony: Testimony) -> None:
        async with self._pen.holding(order_id):
            order = self._pen.orders[order_id]
            if order.is_terminal:
                return
            if consumed is not None and await self._witnesses.is_final(order, consumed, testimony) and await self._end(order, consumed):
                return
            tell = await self._tend(order, consumed, testimony)
        if tell is not None and self._dispatch is not None:
            await self._dispatch.tell(tell)

    async def _end(self, order: Order, consumed: Consumed) -> bool:
        """Write down how it ended. False when the facts are not all known yet."""
        now, entries = self._pen.now(), []
        ours = next((one for one in order.attempts if one.tx_hash == consumed.tx_hash), None)
        where = (consumed.tx_hash, consumed.block_number, consumed.block_hash)
        if ours is None:
            facts = {"account": self.account, "from": order.nonce, "until": (order.nonce or 0) + 1, "where": "final"}
            entries.append(Entry(FOREIGN_NONCE, None, now, {**facts, "tx_hash": consumed.tx_hash, "instead_of": order.order_id}))
            entries.append(entry_of(State.REPLACED, order.order_id, now, Outcome(*where, None)))
        elif ours.purpose == "cancel":
            outcome = Outcome(*where, consumed.status, reason="our cancellation consumed the nonce")
            entries.append(entry_of(State.ABANDONED, order.order_id, now, outcome))
        elif (outcome := await self._witnesses.outcome(order, consumed)) is not None:
            entries.append(entry_of(State.FINAL, order.order_id, now, outcome))
        else:
            return False
        await self._pen.write(*entries)
        if self._dispatch is not None:
            self._dispatch.forget_telling(order)
        return True

    async def _tend(self, order: Order, consumed: Consumed | None, testimony: Testimony) -> Order | None:
        """Note what changed on the chain and do what the order needs; the order comes back when its transaction must be sent."""
        attempts = {one.tx_hash for one in order.attempts}
        seen = Seen(consumed.tx_hash, consumed.block_number, consumed.block_hash, consumed.status) if consumed else None
        if seen is not None and seen.tx_hash in attempts:
            if order.seen is None or (order.seen.tx_hash, order.seen.block_hash) != (seen.tx_hash, seen.block_hash):
                await self._pen.write(entry_of(State.SEEN, order.order_id, self._pen.now(), seen))
            return None
        if order.seen is not None:
            if not self._witnesses.was_taken_back(order.seen):
                return None  # the block still stands: the node forgot the receipt, or its count lags
            await self._pen.write(entry_of(UNSEEN, order.order_id, self._pen.now(), order.seen))
            order = self._pen.orders[order.order_id]
            if self._dispatch is not None:
                self._dispatch.forget_telling(order)
        if consumed is not None or order.nonce is None or order.nonce < testimony.counts.latest:
            return None  # somebody else's transaction has the nonce at the moment, or a node forgot ours: finality will tell
        return await self._push(order, testimony) if self._dispatch is not None else None

    async def _push(self, order: Order, testimony: Testimony) -> Order | None:
        """What helps an order that no block has: a cancellation when its time is over, higher fees, or the same bytes again."""
        dispatch, last = self._dispatch, order.attempts[-1]
        assert dispatch is not None, "only what we can sign is pushed"
        is_late = self._pen.now() >= order.deadline
        if (is_late or order.cancel_asked) and last.purpose == "swap":
            before = [] if order.cancel_asked else [entry_of(CANCEL_ASKED, order.order_id, self._pen.now(), {"by": "deadline"})]
            return await dispatch.sign_again(order, "cancel", await self._gas.fees(), *before)
        told = dispatch.told_seconds_ago(last)
        if told is None:
            return order
        is_stuck = self._age_seconds(last) >= self._settings.stuck_after_seconds and order.nonce == testimony.counts.latest
        if is_stuck and (market := await self._worth_more(order, last)) is not None:
            return await dispatch.sign_again(order, last.purpose, market)
        return order if told >= self._settings.resend_after_seconds else None

    def _age_seconds(self, attempt: Attempt) -> float:
        return (self._pen.now() - attempt.signed_at.astimezone(UTC)).total_seconds()

    async def _worth_more(self, order: Order, last: Attempt) -> Fees | None:
        """The market's fees when they, or another transaction in our place, ask for more than we offer and the budget allows it."""
        market = await self._gas.fees()
        offer = Offer.of(last)
        if not offer.is_less_than(Offer.of(market)) and not (self._dispatch and self._dispatch.was_underpriced(last)):
            return None
        if last.purpose == "cancel":
            return market
        raised = offer.raised(Offer.of(market))
        try:
            offered = replace(market, max_fee_per_gas=raised.max_fee_per_gas, max_priority_fee_per_gas=raised.max_priority_fee_per_gas)
            self._gas.check_budget(self._symbol_of(order), last.gas_limit, offered)
        except Refused as refused:
            LOG.info("order %s keeps its fees: %s", order.order_id, refused.message)
            return None
        return market

    async def _close_gaps(self, dispatch: Dispatch, orders: Sequence[Order], testimony: Testimony) -> None:
        """Fill a nonce that nobody uses and that ours wait behind: a foreign transaction that a reorg lost, or one that never came."""
        highest = max((order.nonce for order in orders if order.nonce is not None), default=-1)
        gap = dispatch.nonces.missing(testimony.counts, highest)
        if gap is None:
            self._gap_since = None
            return
        now = self._pen.clock.monotonic()
        if self._gap_since is None or self._gap_since[0] != gap:
            self._gap_since = (gap, now)
        elif now - self._gap_since[1] >= self._settings.gap_after_seconds:
            offer = await dispatch.fill(gap, await self._gas.fees(), self._filled.get(gap))
            if offer is not None:
                self._filled[gap] = offer
            self._gap_since = (gap, now)
