"""From intent to signature: an order is accepted on the disk, prepared, and signed in one commit with how it was prepared."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from domain.problems import BadInput, GuardRefused, Problem, Unavailable
from executor.chain.node import Node, number
from executor.desk.collaborators import DeskSettings
from executor.desk.dispatch import Dispatch
from executor.desk.pen import Pen
from executor.desk.preparation import Preparation, Prepared
from executor.orders import Entry, Order, OrderRequest, Outcome, State, entry_of

# A plan that is too old is made again so often before the order is refused.
PLANS_AT_MOST = 3


class Intake:
    """Takes orders in; without a dispatch their lives end once they are rehearsed."""

    def __init__(
        self,
        chain_id: int,
        node: Node,
        pen: Pen,
        preparation: Preparation,
        dispatch: Dispatch | None,
        settings: DeskSettings,
        symbol_of: Callable[[OrderRequest], str],
        newest_block: Callable[[], int],
    ) -> None:
        self._chain_id = chain_id
        self._node = node
        self._pen = pen
        self._preparation = preparation
        self._dispatch = dispatch
        self._settings = settings
        self._symbol_of = symbol_of
        self._newest_block = newest_block
        self._is_our_chain = False

    async def take_in(self, intent: Entry, is_cancelled: Callable[[], bool]) -> Order | None:
        """A new order: its intent goes to the disk while it is being planned. The order comes back when it must be sent."""
        order = Order.begun(intent)
        writing = asyncio.ensure_future(self._pen.write(intent))
        preparing = asyncio.ensure_future(self._prepare(order))
        await asyncio.wait([writing, preparing])
        if (problem := writing.exception()) is not None:
            preparing.exception()
            raise problem
        return await self._commit(preparing.result(), is_cancelled)

    async def go_on(self, order: Order) -> Order | None:
        """An order that was accepted and not signed when a process ended or a disk was full: prepare it anew, or give up what is too late.

        Raises Unavailable when it cannot be prepared yet.
        """
        if order.cancel_asked:
            await self._give_up(order, "cancelled before anything was signed")
        elif self._pen.now() >= order.deadline:
            await self._give_up(order, "its time was over before it was signed")
        elif order.account != (self._dispatch.account if self._dispatch else None):
            await self._give_up(order, "it was accepted for another key")
        else:
            return await self._commit(await self._prepare(order, patient=True), lambda: False, patient=True)
        return None

    async def make_sure_of_the_chain(self) -> None:
        """Once: the node is of the chain that is signed for. Raises BadInput when it is not, Unavailable."""
        if self._is_our_chain:
            return
        told = number(await self._node.call("eth_chainId"), "chain id")
        if told != self._chain_id:
            raise BadInput(
                f"The node is of chain {told} and the desk signs for {self._chain_id}; give it a node of its own chain.", field="node.http"
            )
        self._is_our_chain = True

    async def _prepare(self, order: Order, *, patient: bool = False) -> Prepared:
        """Plan and rehearse, and meanwhile ask the node whose turn it is."""
        counts = asyncio.ensure_future(self._counted()) if self._dispatch else None
        try:
            prepared = await self._preparation.prepare(order, self._symbol_of(order.request), patient=patient)
            if counts is not None and not prepared.was_refused:
                await asyncio.wait([counts])
                if (problem := counts.exception()) is not None:
                    if patient or not isinstance(problem, Problem):
                        raise problem
                    prepared.refuse(problem, self._pen.now())
            return prepared
        finally:
            if counts is not None and not counts.done():
                counts.cancel()
            elif counts is not None and not counts.cancelled():
                counts.exception()

    async def _counted(self) -> None:
        assert self._dispatch is not None, "only who signs counts"
        await self.make_sure_of_the_chain()
        counts = await self._dispatch.nonces.ask()
        if entry := self._dispatch.nonces.foreign_use(counts):
            await self._pen.write(entry)

    async def _commit(self, prepared: Prepared, is_cancelled: Callable[[], bool], *, patient: bool = False) -> Order | None:
        """Write down what was prepared; in live mode together with the signature. The order comes back when it must be sent."""
        order_id = prepared.order.order_id
        for _ in range(PLANS_AT_MOST):
            if prepared.was_refused or not self._is_too_old(prepared.order):
                break
            prepared = await self._prepare(self._pen.orders[order_id], patient=patient)
        if self._is_too_old(prepared.order) and not prepared.was_refused:
            problem = Unavailable("The chain moved on faster than the order could be planned; submit it again.", rule="stale_state")
            prepared.refuse(problem, self._pen.now())
        if self._dispatch is None or prepared.was_refused:
            await self._pen.write(*prepared.entries)
            return None
        if is_cancelled():
            await self._give_up(prepared.order, "cancelled before anything was signed")
            return None
        if self._pen.now() >= prepared.order.deadline:
            await self._give_up(prepared.order, "its time was over before it was signed")
            return None
        if not self._preparation.may_be_signed(prepared):
            await self._pen.write(*prepared.entries)
            return None
        try:
            return await self._dispatch.sign_first(prepared.order, prepared.entries)
        except GuardRefused as problem:  # the signer's own policy said no, so nothing was signed
            prepared.refuse(problem, self._pen.now())
            await self._pen.write(*prepared.entries)
            return None

    def _is_too_old(self, order: Order) -> bool:
        """Whether the plan was made too many blocks ago to be signed."""
        if self._dispatch is None or order.routed is None or order.rehearsed is None:
            return False
        newest = max(order.rehearsed.block_number, self._newest_block())
        return newest - order.routed.block_number > self._settings.max_plan_age_blocks

    async def _give_up(self, order: Order, reason: str) -> None:
        await self._pen.write(given_up(order.order_id, self._pen.now(), reason))


def given_up(order_id: str, at: datetime, reason: str) -> Entry:
    """The end of an order for which nothing was signed."""
    return entry_of(State.ABANDONED, order_id, at, Outcome(None, None, None, None, reason=reason))
