"""What happens to an order in one life of a process, as stories that pass every kind of transition between them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from domain.problems import Refused, Unavailable
from executor.chain.node import HttpNode, NodeRefused
from executor.desk import Desk
from tests.executor.crash.keys import foreign_transaction

if TYPE_CHECKING:
    from tests.executor.crash.lives import Job


class Hands:
    """What a story does with the desk and the chain."""

    def __init__(self, job: Job, desk: Desk, node: HttpNode) -> None:
        self.job, self.desk, self.node = job, desk, node

    async def submit(self) -> None:
        with suppress(Unavailable):
            await self.desk.submit(self.job.request)
            self.job.facts.acknowledged = 1.0

    async def cancel(self) -> None:
        with suppress(Unavailable, Refused):
            await self.desk.cancel(self.job.request.client_order_id)

    async def look(self) -> None:
        with suppress(Unavailable):
            await self.desk.look()

    async def blocks(self, count: int = 1) -> None:
        await self.node.call("anvil_mine", hex(count))

    async def reorg(self, depth: int) -> None:
        """A branch one block longer in which nothing of ours is, and nobody remembers it."""
        await self.node.call("anvil_rollback", depth)
        await self.node.call("anvil_dropAllTransactions")
        await self.blocks(depth + 1)

    async def foreign(self, nonce: int) -> None:
        """Somebody else uses the key, and pays well."""
        with suppress(NodeRefused):  # nothing happens to a nonce that is used already
            await self.node.call("eth_sendRawTransaction", foreign_transaction(self.job.key, self.job.world.chain_id, nonce))

    async def lose_the_pool(self) -> None:
        """The node forgets whatever waits."""
        await self.node.call("anvil_dropAllTransactions")

    def wait(self, seconds: float) -> None:
        self.job.facts.seconds += seconds

    async def finish(self) -> None:
        """Look and mine until the order has ended. Raises when it does not."""
        for round_number in range(30):
            await self.submit()
            await self.look()
            order = self.desk._pen.orders.get(self.job.request.client_order_id)
            if order is not None and order.is_terminal:
                return
            await self.blocks(self.job.final_depth + 2 if round_number % 3 == 1 else 1)
            self.wait(15)
        raise AssertionError("the order does not end")


async def lands(hands: Hands) -> None:
    """It is signed, sent, seen and final."""
    await hands.submit()
    await hands.blocks()
    await hands.look()


async def is_stuck_and_cancelled(hands: Hands) -> None:
    """No block takes it: it offers more, then its time is over and it is cancelled."""
    await hands.submit()
    hands.job.facts.market = 2.0
    hands.wait(40)
    await hands.look()
    hands.wait(100)
    await hands.look()
    await hands.blocks()
    await hands.look()


async def is_cancelled_on_request(hands: Hands) -> None:
    """Somebody wants it back while it waits."""
    await hands.submit()
    await hands.cancel()
    await hands.blocks()
    await hands.look()


async def is_taken_back(hands: Hands) -> None:
    """A reorg loses its block and its transaction, and it is sent again."""
    await lands(hands)
    depth = hands.job.reorg_depth
    await hands.blocks(depth - 1) if depth > 1 else None
    await hands.reorg(depth)
    await hands.look()
    await hands.blocks()
    await hands.look()


async def is_replaced(hands: Hands) -> None:
    """Somebody else with the same key offers more for the same nonce."""
    await hands.submit()
    await hands.foreign(0)
    await hands.blocks()
    await hands.look()


async def waits_behind_a_gap(hands: Hands) -> None:
    """It stands in line behind a transaction of somebody else, which is lost."""
    await hands.foreign(0)
    await hands.submit()
    await hands.lose_the_pool()
    for _ in range(3):
        await hands.look()
        hands.wait(35)
    await hands.blocks()
    await hands.look()


async def is_refused(hands: Hands) -> None:
    """A rule says no."""
    await hands.submit()


STORIES: dict[str, Callable[[Hands], Coroutine[Any, Any, None]]] = {
    one.__name__: one
    for one in (lands, is_stuck_and_cancelled, is_cancelled_on_request, is_taken_back, is_replaced, waits_behind_a_gap, is_refused)
}
