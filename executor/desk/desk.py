"""The desk: orders come in here, and none is lost, doubled or wrongly ended, whatever crashes, forgets or lies.

It rests on three rules. Nothing is done before it is in the journal. A nonce belongs to one order for good. A signed order ends only
on a final transaction with its nonce. Everything else here is about not waiting longer than needed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from domain.problems import BadInput, Broken, JournalHeld, OrderConflict, Problem, Unavailable, UnknownOrder
from executor.chain.node import Node
from executor.desk.collaborators import DeskSettings, Gas, Guarding, Planner, Rehearsal, Signing
from executor.desk.dispatch import Dispatch
from executor.desk.intake import Intake, given_up
from executor.desk.keeping import Keeper
from executor.desk.pen import Listener, Pen
from executor.desk.preparation import Preparation
from executor.journal import Journal
from executor.nonces import NonceOwner
from executor.orders import CANCEL_ASKED, Entry, Mode, Order, OrderRequest, entry_of, intent_entry
from executor.ports import Chance, Clock

LOG = logging.getLogger(__name__)
# How long a start waits for the node before orders are taken all the same.
RESUME_PATIENCE_SECONDS = 1.5


class Desk:
    """Takes orders and sees them through. Open the journal first, then `resume`, then keep `run` running.

    `symbol_of` names what is traded, for the gas budgets; `heard` is told every entry once it is durable.
    """

    def __init__(
        self,
        *,
        mode: Mode,
        chain_id: int,
        clock: Clock,
        chance: Chance,
        node: Node,
        journal: Journal,
        planner: Planner,
        rehearsal: Rehearsal,
        gas: Gas,
        guards: Guarding,
        signer: Signing | None = None,
        settings: DeskSettings | None = None,
        symbol_of: Callable[[OrderRequest], str] = lambda request: f"{request.sell}/{request.buy}",
        heard: Listener | None = None,
    ) -> None:
        if (mode == "live") != (signer is not None):
            raise BadInput("A key is needed in live mode and in no other; give one or change the mode.", field="mode", mode=mode)
        self.mode: Mode = mode
        self.chain_id = chain_id
        self.settings = settings or DeskSettings()
        self._node = node
        self._gas = gas
        self._chance = chance
        self._symbol_of = symbol_of
        self._pen = Pen(journal, clock, heard)
        self._dispatch: Dispatch | None = None
        if signer is not None:
            owner = NonceOwner(chain_id, signer.address.lower(), node, journal, clock)
            self._dispatch = Dispatch(chain_id, node, self._pen, signer, owner)
        preparation = Preparation(self._pen, planner, rehearsal, gas, guards)
        self._intake = Intake(chain_id, node, self._pen, preparation, self._dispatch, self.settings, symbol_of, self._newest_block)
        self._keepers: dict[str, Keeper] = {}
        self._submitting: dict[str, tuple[OrderRequest, asyncio.Task[None]]] = {}
        self._telling: set[asyncio.Task[Order]] = set()
        self._cancelled: set[str] = set()
        self._looking = asyncio.Lock()
        self._news = asyncio.Event()

    @property
    def account(self) -> str | None:
        """Whose key signs; None where nothing is signed."""
        return self._dispatch.account if self._dispatch else None

    def order(self, order_id: str) -> Order:
        """The order as far as it is durable. Raises UnknownOrder."""
        found = self._pen.orders.get(order_id)
        if found is None:
            raise UnknownOrder(f"There is no order {order_id}; look at the list of orders.", client_order_id=order_id)
        return found

    async def submit(self, request: OrderRequest) -> Order:
        """Accept the order and take it as far as it goes at once: refused, simulated, or signed and on its way.

        The same request again gives the same order, in whatever state it is, also after a restart; nothing is done twice. When this
        raises Unavailable the order may have been accepted all the same: submit the same request again to see.
        Raises BadInput, OrderConflict when the id belongs to another request, Unavailable when the journal takes nothing.
        """
        request = replace(request, sell=request.sell.lower(), buy=request.buy.lower())
        order_id = request.client_order_id
        known = self._pen.orders.get(order_id)
        if known is not None:
            return _same(known.request, request, known)
        if order_id not in self._submitting:
            intent = intent_entry(request, self.mode, self.account, self._pen.now())
            task = asyncio.create_task(self._take_in(intent))
            self._submitting[order_id] = (request, task)
            task.add_done_callback(lambda done: self._submitted(order_id, done))
        begun, task = self._submitting[order_id]
        _same(begun, request, None)
        # Whoever asked may go away; the order does not.
        await asyncio.shield(task)
        return self.order(order_id)

    async def cancel(self, order_id: str) -> Order:
        """Give the order up if it can still be: at once while nothing is signed, else by a transaction that competes for its nonce.

        The chain decides then which of the two it takes. An order that has ended stays as it is. Raises UnknownOrder, Unavailable.
        """
        if order_id in self._submitting:
            self._cancelled.add(order_id)  # seen right before the order would be signed
        else:
            self.order(order_id)
        async with self._pen.holding(order_id):
            order = self.order(order_id)
            if order.is_terminal:
                return order
            asked = [] if order.cancel_asked else [entry_of(CANCEL_ASKED, order_id, self._pen.now(), {"by": "request"})]
            if not order.attempts:
                await self._pen.write(*asked, given_up(order_id, self._pen.now(), "cancelled before anything was signed"))
                return self.order(order_id)
            can_sign = self._dispatch is not None and order.account == self.account
            if order.seen is not None or order.attempts[-1].purpose == "cancel" or not can_sign:
                if asked:
                    await self._pen.write(*asked)
                return self.order(order_id)
            assert self._dispatch is not None, "checked just above"
            try:
                market = await self._gas.fees()
            except Unavailable:
                # What was asked is kept, and the next look signs the cancellation.
                await self._pen.write(*asked)
                return self.order(order_id)
            order = await self._dispatch.sign_again(order, "cancel", market, *asked)
        await self._tell(order)
        return self.order(order_id)

    async def resume(self) -> None:
        """After a start: give the node again what was signed, and learn what happened meanwhile.

        It takes 1.5 seconds at most; a node that has not answered by then stops nothing, for `run` goes on asking.
        Raises BadInput when the node is of another chain.
        """
        if self.mode != "live":
            return
        asking = asyncio.ensure_future(self._first_look())
        asking.add_done_callback(_asked)
        done, _ = await asyncio.wait([asking], timeout=RESUME_PATIENCE_SECONDS)
        if done and isinstance(problem := asking.exception(), BadInput | JournalHeld | Broken):
            raise problem

    async def run(self) -> None:
        """Look after the orders until cancelled: at each `wake`, and at least every `look_every_seconds`.

        Raises JournalHeld when another executor took the journal over: this one must stop.
        """
        while True:
            try:
                await self.look()
            except JournalHeld:
                raise
            except Unavailable as problem:
                LOG.warning("orders wait: %s", problem.message)
            except Exception:
                LOG.exception("the orders could not be looked after; trying again")
            self._news.clear()
            # Not in step: many desks that begin together must not ask their node together for ever. (`wait_for` of Python 3.11 loses
            # a cancellation that arrives together with the news.)
            with suppress(TimeoutError):
                async with asyncio.timeout(self.settings.look_every_seconds * self._chance.uniform(0.8, 1.0)):
                    await self._news.wait()

    def wake(self) -> None:
        """There is a new block: look now."""
        self._news.set()

    async def look(self) -> None:
        """One round over all open orders. Raises Unavailable when the node or the journal did not answer; look again then."""
        async with self._looking:
            problems: list[Exception] = []
            for work in (self._look_at_signed, self._take_up):
                try:
                    await work()
                except JournalHeld:
                    raise
                except Problem as problem:
                    problems.append(problem)
            if problems:
                raise problems[0]

    async def close(self) -> None:
        """Wait for what is on its way to the journal and stop sending. Open orders are taken up at the next start."""
        for _, task in list(self._submitting.values()):
            with suppress(Problem):
                await asyncio.shield(task)
        for telling in list(self._telling):
            telling.cancel()
        await asyncio.gather(*self._telling, return_exceptions=True)

    # --- what is on its way

    async def _take_in(self, intent: Entry) -> None:
        order_id = str(intent.order_id)
        async with self._pen.holding(order_id):
            signed = await self._intake.take_in(intent, lambda: order_id in self._cancelled)
        if signed is not None:
            await self._tell(signed)

    def _submitted(self, order_id: str, task: asyncio.Task[None]) -> None:
        self._submitting.pop(order_id, None)
        self._cancelled.discard(order_id)
        self._pen.expect_no_more(order_id)
        if not task.cancelled() and task.exception() is not None:
            _say(f"order {order_id} goes no further for now", task.exception())

    async def _first_look(self) -> None:
        async with self._looking:
            await self._intake.make_sure_of_the_chain()
            await self._look_at_signed()

    def _newest_block(self) -> int:
        """The newest block that was looked at for our key, 0 when none was."""
        keeper = self._keepers.get(self.account or "")
        return (keeper.head_number if keeper else None) or 0

    async def _take_up(self) -> None:
        """Orders that were accepted and not signed when a process ended or a disk was full: go on, or give up what is too late."""
        for order in self._open():
            if order.attempts or order.mode != self.mode or order.order_id in self._submitting or self._pen.is_held(order.order_id):
                continue
            async with self._pen.holding(order.order_id):
                order = self.order(order.order_id)
                if order.is_terminal or order.attempts:
                    continue
                try:
                    signed = await self._intake.go_on(order)
                finally:
                    self._pen.expect_no_more(order.order_id)
            if signed is not None:
                await self._tell(signed)

    async def _look_at_signed(self) -> None:
        """One look at the chain for each account that has signed orders open."""
        if self.mode != "live":
            return
        by_account: dict[str, list[Order]] = {}
        for order in self._open():
            if order.attempts and order.account is not None:
                by_account.setdefault(order.account, []).append(order)
        if by_account:
            await self._intake.make_sure_of_the_chain()
        for account, orders in by_account.items():
            await self._keeper(account).look(orders)

    def _keeper(self, account: str) -> Keeper:
        if account not in self._keepers:
            dispatch = self._dispatch if account == self.account else None
            if dispatch is None:
                LOG.warning("orders of %s are open and its key is not here; they can only be watched", account)
            self._keepers[account] = Keeper(
                account, self._node, self._pen, self._gas, self.settings, lambda order: self._symbol_of(order.request), dispatch
            )
        return self._keepers[account]

    def _open(self) -> list[Order]:
        return self._pen.journal.orders.unfinished()

    async def _tell(self, order: Order) -> None:
        """Send, and wait for the node no longer than is polite to whoever asked."""
        assert self._dispatch is not None, "only what was signed is sent"
        telling = asyncio.ensure_future(self._dispatch.tell(order))
        self._telling.add(telling)
        telling.add_done_callback(self._told)
        await asyncio.wait([telling], timeout=self.settings.send_patience_seconds)

    def _told(self, telling: asyncio.Task[Any]) -> None:
        self._telling.discard(telling)
        if not telling.cancelled() and (problem := telling.exception()) is not None:
            _say("a transaction was sent and that could not be written down", problem)


def _asked(asking: asyncio.Task[None]) -> None:
    if not asking.cancelled() and (problem := asking.exception()) is not None:
        _say("resumed without having seen what became of the signed orders", problem)


def _say(what: str, problem: BaseException | None) -> None:
    """A problem of the outside is a warning, anything else is ours."""
    if isinstance(problem, Unavailable):
        LOG.warning("%s: %s", what, problem)
    else:
        LOG.error("%s", what, exc_info=problem)


def _same(before: OrderRequest, now: OrderRequest, order: Any) -> Any:
    """`order`, when the two requests are one. Raises OrderConflict."""
    if before != now:
        raise OrderConflict(
            f"Order {now.client_order_id} was another one; use a new client_order_id for a new order.", client_order_id=now.client_order_id
        )
    return order
