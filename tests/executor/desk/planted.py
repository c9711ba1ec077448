"""Bugs to plant: each is one that real trading systems had, and each must be caught by the seeds and by the crash matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from executor.desk.dispatch import Dispatch, Offer
from executor.orders import Entry, Order
from executor.witnesses import Consumed, Testimony, Witnesses


def a_fresh_nonce_on_retry(patch: pytest.MonkeyPatch) -> None:
    """What was signed in another life of the process is not sent again but signed again, with the next nonce."""
    honest_tell, honest_first, signed_here = Dispatch.tell, Dispatch.sign_first, set[tuple[int, str]]()

    async def sign_first(self: Dispatch, order: Order, entries: Sequence[Entry]) -> Order:
        signed_here.add((id(self), order.order_id))
        return await honest_first(self, order, entries)

    async def tell(self: Dispatch, order: Order) -> Order:
        if (id(self), order.order_id) in signed_here or order.attempts[-1].purpose == "cancel":
            return await honest_tell(self, order)
        signed_here.add((id(self), order.order_id))
        await self.nonces.ask()
        routed, last = order.routed, order.attempts[-1]
        assert routed is not None
        entry = self._signed(order.order_id, "swap", self.nonces.take(), routed.to, routed.call_data, last.gas_limit, Offer.of(last))
        await self._send(entry.facts["raw"], entry.facts["tx_hash"])
        return order

    patch.setattr(Dispatch, "sign_first", sign_first)
    patch.setattr(Dispatch, "tell", tell)


def sent_before_it_is_durable(patch: pytest.MonkeyPatch) -> None:
    """The transaction goes out first and is written down then."""
    honest = Dispatch._signed
    unwritten: list[tuple[str, str]] = []

    def signed(self: Dispatch, *args: Any) -> Entry:
        entry = honest(self, *args)
        unwritten.append((entry.facts["raw"], entry.facts["tx_hash"]))
        return entry

    honest_first = Dispatch.sign_first

    async def sign_first(self: Dispatch, order: Order, entries: Sequence[Entry]) -> Order:
        write = self._pen.write

        async def send_and_write(*entries: Entry) -> None:
            await self._send(*unwritten.pop())
            await write(*entries)

        self._pen.write = send_and_write  # type: ignore[method-assign]
        try:
            return await honest_first(self, order, entries)
        finally:
            self._pen.write = write  # type: ignore[method-assign]

    patch.setattr(Dispatch, "_signed", signed)
    patch.setattr(Dispatch, "sign_first", sign_first)


def a_receipt_is_the_end(patch: pytest.MonkeyPatch) -> None:
    """Whatever consumed the nonce in any block ends the order, final or not."""

    async def is_final(self: Witnesses, order: Order, consumed: Consumed, testimony: Testimony) -> bool:
        return True

    patch.setattr(Witnesses, "is_final", is_final)


BUGS = (a_fresh_nonce_on_retry, sent_before_it_is_durable, a_receipt_is_the_end)
