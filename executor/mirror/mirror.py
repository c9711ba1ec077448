"""The mirror itself: pool states that go forward with each block's logs and back with each reorg.

It tells on itself. A swap that does not follow from the state before it, an event that cannot be applied, a state that differs from
the chain's: each takes the whole venue out of routing, with the reason, until the pools were read again and a later comparison
found them equal.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from domain.amm.concentrated import ConcentratedPool
from domain.amm.replay import rederive
from domain.events import ConcentratedEvent, ConstantProductEvent, Event, Initialize, Swap
from domain.problems import BadInput, NotEnoughLiquidity, Refused, Unavailable
from executor.chain.blocks import Back, Block, Final, Forward, Log, Step
from executor.mirror.watched import Head, Notice, WatchedPool, difference
from executor.routing.pool_book import PoolBook
from executor.venue import PoolValue, Venue, every_venue

if TYPE_CHECKING:
    from executor.chain.node import Node

log = logging.getLogger(__name__)

KEPT_BLOCKS = 256
RECONCILE_EVERY = 50
READ_AT_ONCE = 16
FOLLOW_AT_MOST = 5  # how often a moving head is run after before the next comparison tries again


class MirrorLost(Unavailable):
    """The mirror cannot follow from where it stands: start it again from the chain."""


class _Kept(NamedTuple):
    """How to go back over one block: where the mirror stood before it, and the states that it changed."""

    block_hash: str
    before: Head
    states: Mapping[int, PoolValue | None]


class Mirror:
    """Mirrors the pools it is started with. `book` is what may be routed through now, `suspended` says which venues may not, and why."""

    def __init__(
        self,
        venues: Mapping[str, Venue] | None = None,
        *,
        keep: int = KEPT_BLOCKS,
        reconcile_every: int = RECONCILE_EVERY,
        on_notice: Callable[[Notice], None] = lambda notice: None,
    ) -> None:
        self._venues = venues if venues is not None else every_venue()
        self._keep, self._every, self._on_notice = keep, reconcile_every, on_notice
        self._pools: dict[int, WatchedPool] = {}
        self._forget()

    def _forget(self) -> None:
        self._ids: dict[str, int] = {}
        self._states: dict[int, PoolValue | None] = {}  # None: created, and without a price so far
        self._history: deque[_Kept] = deque(maxlen=self._keep)
        self._corrected: dict[int, int] = {}  # the block at which a pool was last read again
        self._book = self._routed = PoolBook([])
        self._suspended: dict[str, str] = {}
        self._head: Head | None = None
        self._has_met = False  # whether the steps have reached the block we started at
        self._reconciled: int | None = None
        self._mismatches = 0
        self._turn = 0

    # --- what it knows ----------------------------------------------------------------------------------------------

    @property
    def book(self) -> PoolBook:
        """The pools of all venues that are not suspended, as they stand at `head`."""
        return self._routed

    @property
    def whole_book(self) -> PoolBook:
        """All mirrored pools, those of suspended venues too."""
        return self._book

    @property
    def head(self) -> Head:
        """The block it stands at. Raises MirrorLost when it stands nowhere."""
        if self._head is None:
            raise MirrorLost("The mirror is not started; start it from the chain.")
        return self._head

    @property
    def suspended(self) -> Mapping[str, str]:
        """Venues that are out of routing, with the reason."""
        return dict(self._suspended)

    @property
    def watched(self) -> Sequence[WatchedPool]:
        """The pools it mirrors."""
        return list(self._pools.values())

    @property
    def is_reconcile_due(self) -> bool:
        """Whether it is time to compare with the chain: every so many blocks, and at each block while a venue is suspended."""
        if self._head is None:
            return False
        last = self._reconciled
        return last is None or self._head.number - last >= self._every or (bool(self._suspended) and self._head.number > last)

    def facts(self, now: datetime) -> dict[str, Any]:
        """What a health page or a metric shows; `lag_seconds` is how old the mirrored block is."""
        head = self._head
        return {
            "block_number": head.number if head else None,
            "block_hash": head.hash if head else None,
            "lag_seconds": max(now.timestamp() - head.timestamp, 0.0) if head else None,
            "pools": len(self._book),
            "pools_routed": len(self._routed),
            "suspended": self.suspended,
            "reconciled_block": self._reconciled,
            "mismatches": self._mismatches,
        }

    # --- starting ---------------------------------------------------------------------------------------------------

    async def start(self, node: Node, pools: Iterable[WatchedPool] | None = None) -> Head:
        """Read every pool at the node's newest block and stand there. Without `pools`, those of before are read again.

        Raises UnknownPool for an address that is none, BadInput for a venue nobody knows, Unavailable when the node cannot tell.
        """
        watched = list(self._pools.values()) if pools is None else list(pools)
        for pool in watched:
            if pool.venue not in self._venues:
                raise BadInput(f"{pool.address} is of {pool.venue!r}, which is no venue; name another.", field="venue", pool=pool.address)
        head = await _newest(node)
        states = await self._read(node, watched, head.hash)
        self._forget()
        self._pools = {pool.pool_id: pool for pool in watched}
        self._ids = {pool.address: pool.pool_id for pool in watched}
        self._states, self._head = states, head
        self._rebuild()
        return head

    # --- following --------------------------------------------------------------------------------------------------

    def apply(self, step: Step) -> frozenset[int]:
        """Go one step with the chain; the ids of the pools whose state changed.

        Steps up to the block it was started at change nothing. Raises MirrorLost when the step does not follow from where it stands,
        or goes back further than it remembers.
        """
        head = self.head
        match step:
            case Forward(block):
                if not self._has_met and block.number <= head.number:
                    if block.number == head.number and block.hash != head.hash:
                        raise self._lost(f"The chain's block {block.number} is {block.hash}, the mirror was started at {head.hash}.")
                    return frozenset()
                return self._forward(head, block)
            case Back(block):
                if not self._has_met and block.number < head.number:
                    return frozenset()
                return self._back(head, block)
            case Final():
                return frozenset()

    def _forward(self, head: Head, block: Block) -> frozenset[int]:
        if block.parent_hash != head.hash or block.number != head.number + 1:
            raise self._lost(f"Block {block.number} does not follow block {head.number}, where the mirror stands.")
        self._has_met = True
        before: dict[int, PoolValue | None] = {}
        for one in block.logs:
            pool_id = self._ids.get(one.address)
            if pool_id is None:
                continue
            state = self._states[pool_id]
            after = self._after(self._pools[pool_id], state, one)
            if after is not state:
                before.setdefault(pool_id, state)
                self._states[pool_id] = after
        self._history.append(_Kept(block.hash, head, before))
        self._head = Head(block.number, block.hash, block.timestamp)
        self._renew(before)
        return frozenset(before)

    def _back(self, head: Head, block: Block) -> frozenset[int]:
        if block.hash != head.hash:
            raise self._lost(f"Block {block.number} was taken back, and the mirror stands at block {head.number} instead.")
        if not self._history:
            raise self._lost(f"Block {block.number} was taken back, and the mirror remembers nothing before it.")
        kept = self._history.pop()
        self._states.update(kept.states)
        self._head = kept.before
        self._renew(kept.states)
        for pool_id, corrected in list(self._corrected.items()):
            if corrected > kept.before.number:  # what it is put back to is from before the correction
                del self._corrected[pool_id]
                self._suspend(self._pools[pool_id], "a reorg went back past the block where this pool was read again")
        return frozenset(kept.states)

    def _after(self, pool: WatchedPool, state: PoolValue | None, one: Log) -> PoolValue | None:
        """The pool's state after one log; a log that does not fit suspends the venue and leaves the state as near as can be."""
        venue = self._venues[pool.venue]
        try:
            event = venue.decode(one)
            return state if event is None else self._applied(venue, pool, state, event)
        except Refused as problem:
            self._suspend(pool, f"a log could not be applied: {problem.message}")
            return state

    def _applied(self, venue: Venue, pool: WatchedPool, state: PoolValue | None, event: Event) -> PoolValue | None:
        if isinstance(event, Initialize) and state is None:
            return venue.opened(event, pool.fee_pips, pool.tick_spacing or 0)
        if isinstance(state, ConcentratedPool):
            if isinstance(event, Swap):
                derived = rederive(state, event)
                if not derived.exact:
                    self._suspend(pool, f"a swap does not follow from the state before it: {derived.reason}")
                return derived.pool_after
            return state.apply(_of(ConcentratedEvent, event))
        if state is None:
            return None
        return state.apply(_of(ConstantProductEvent, event))

    # --- comparing --------------------------------------------------------------------------------------------------

    async def reconcile(self, node: Node, at_most: int | None = None) -> dict[str, str]:
        """Compare pools with the chain at the very block the mirror stands at; what differs, by address.

        With `at_most` the pools take turns, but those of suspended venues are always compared. A venue with a difference is suspended
        and its pools are read again; a suspended one whose pools are all equal is put back. Raises Unavailable when the node cannot
        tell about that block; nothing has changed then.
        """
        head, states = self.head, dict(self._states)
        chosen = self._chosen(at_most)
        found = await self._read(node, chosen, head.hash)
        wrong = {pool.pool_id: told for pool in chosen if (told := difference(states[pool.pool_id], found[pool.pool_id]))}
        waiting = dict(self._suspended)
        for pool_id, told in wrong.items():
            self._mismatches += 1
            self._suspend(self._pools[pool_id], f"its state differs from the chain's: {told}")
        if wrong:
            await self._read_again(node, [self._pools[pool_id] for pool_id in wrong])
        broken = {self._pools[pool_id].venue for pool_id in wrong}
        for venue in waiting:
            if venue not in broken and self._suspended.get(venue) == waiting[venue]:
                self._restore(venue)
        self._reconciled = head.number
        return {self._pools[pool_id].address: told for pool_id, told in wrong.items()}

    async def keep_equal(self, node: Node, at_most: int | None = None) -> None:
        """Compare when it is due; a node that cannot tell is asked again at the next block."""
        if not self.is_reconcile_due:
            return
        try:
            await self.reconcile(node, at_most)
        except Unavailable as silent:
            log.warning("The mirror could not be compared with the chain: %s", silent.message)

    def _chosen(self, at_most: int | None) -> list[WatchedPool]:
        everything = list(self._pools.values())
        if at_most is None or at_most >= len(everything):
            return everything
        turn = [everything[(self._turn + step) % len(everything)] for step in range(at_most)]
        self._turn = (self._turn + at_most) % len(everything)
        suspended = [pool for pool in everything if pool.venue in self._suspended]
        return list({pool.pool_id: pool for pool in (*turn, *suspended)}.values())

    async def _read_again(self, node: Node, pools: Sequence[WatchedPool]) -> None:
        """Set pools to the chain's state at the mirror's block, which may move on while the node answers."""
        for _ in range(FOLLOW_AT_MOST):
            head = self.head
            found = await self._read(node, pools, head.hash)
            if self._head == head:
                self._states.update(found)
                self._corrected.update(dict.fromkeys(found, head.number))
                self._renew(found)
                return

    async def _read(self, node: Node, pools: Sequence[WatchedPool], block_hash: str) -> dict[int, PoolValue | None]:
        at_once = asyncio.Semaphore(READ_AT_ONCE)

        async def one(pool: WatchedPool) -> PoolValue | None:
            async with at_once:
                try:
                    return await self._venues[pool.venue].get_pool_state(node, pool.address, block_hash)
                except NotEnoughLiquidity:
                    return None  # created, and without a price so far

        states = await asyncio.gather(*(one(pool) for pool in pools))
        return {pool.pool_id: state for pool, state in zip(pools, states, strict=True)}

    # --- the book ---------------------------------------------------------------------------------------------------

    def _renew(self, changed: Iterable[int]) -> None:
        """Bring the books up to the states; cheap unless a pool got its first price or lost it."""
        ids = list(changed)
        if not ids:
            return
        if any(self._states[one] is None or one not in self._book for one in ids):
            self._rebuild()
            return
        states = {one: state for one in ids if (state := self._states[one]) is not None}
        whole, routed = self._book, self._routed
        self._book = whole.with_pools(states)
        open_states = {one: state for one, state in states.items() if self._pools[one].venue not in self._suspended}
        self._routed = self._book if routed is whole else routed.with_pools(open_states)

    def _rebuild(self) -> None:
        shapes = {name: venue.shape for name, venue in self._venues.items()}
        pools = [(pool, self._states[pool.pool_id]) for pool in self._pools.values()]
        self._book = PoolBook(pool.booked(state, shapes[pool.venue]) for pool, state in pools if state is not None)
        self._reroute()

    def _reroute(self) -> None:
        shut = self._suspended
        self._routed = PoolBook(booked for booked in self._book if booked.venue not in shut) if shut else self._book

    # --- telling ----------------------------------------------------------------------------------------------------

    def _suspend(self, pool: WatchedPool, reason: str) -> None:
        self._say(Notice(pool.venue, True, reason, self.head.number, pool.address))

    def _restore(self, venue: str) -> None:
        self._say(Notice(venue, False, "its pools equal the chain's again", self.head.number))

    def _say(self, notice: Notice) -> None:
        if notice.suspended:
            self._suspended[notice.venue] = f"{notice.pool}: {notice.reason}"
            log.warning("%s is taken out of routing at block %s, %s: %s", notice.venue, notice.block_number, notice.pool, notice.reason)
        else:
            del self._suspended[notice.venue]
            log.info("%s is routed through again from block %s: %s", notice.venue, notice.block_number, notice.reason)
        self._reroute()
        self._on_notice(notice)

    def _lost(self, why: str) -> MirrorLost:
        """The mirror stands nowhere any more, and nothing may be routed through it."""
        self._book = self._routed = PoolBook([])
        self._head = None
        log.warning("The mirror is lost: %s", why)
        return MirrorLost(f"{why} Start the mirror again from the chain.")


async def _newest(node: Node) -> Head:
    told = await node.call("eth_getBlockByNumber", "latest", False)
    try:
        return Head(int(told["number"], 16), told["hash"].lower(), int(told["timestamp"], 16))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unavailable(f"The node told a newest block that is not whole ({error!r}); ask again.") from error


def _of(kind: Any, event: Event) -> Any:
    """The event, refused unless it is of the pool's own kind."""
    if not isinstance(event, kind):
        raise BadInput(f"{type(event).__name__} is no event of this kind of pool; its venue is named wrongly.", field="venue")
    return event
