"""What follows the chain in one executor: the mirror of the pools, and the way of every swap into the ledger and the lake.

Each is a task that may fail by itself. The mirror and the ledger share one reader, which fetches a block once for both.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from domain.problems import Broken, Unavailable
from executor.chain.blocks import Back, Forward
from executor.chain.node import Node, number
from executor.guards import Newest
from executor.listener import BlockReader, Follower, Heads, follow
from executor.mirror import Mirror, MirrorLost, WatchedPool
from executor.planner import Floor
from executor.ports import Clock
from executor.telemetry import Telemetry

# The mirror is told the blocks before the one it starts at too, so that a reorg below it is seen as one.
LOOK_BACK_BLOCKS = 64
# So many blocks behind the node, what is planned is planned on the past.
MOST_BEHIND = 3
ASK_HEAD_EVERY_SECONDS = 2.0
POOLS_COMPARED_AT_ONCE = 32


class MirrorFollower:
    """Keeps a mirror at the newest block. `found` finds the pools, once; `woken` is called for every new block."""

    def __init__(
        self,
        chain_id: int,
        node: Node,
        reader: BlockReader,
        heads: Heads,
        mirror: Mirror,
        found: Callable[[], Awaitable[Sequence[WatchedPool]]],
        clock: Clock,
        telemetry: Telemetry,
        *,
        finality_depth: int | None = None,
        woken: Callable[[], None] = lambda: None,
        learnt: Callable[[Sequence[WatchedPool]], None] = lambda pools: None,
        arrived: Callable[[str], None] = lambda block_hash: None,
    ) -> None:
        self.mirror = mirror
        self._chain_id, self._node, self._reader, self._heads = chain_id, node, reader, heads
        self._found, self._clock, self._telemetry = found, clock, telemetry
        self._finality_depth, self._woken, self._learnt, self._arrived = finality_depth, woken, learnt, arrived
        self._newest_at: datetime | None = None
        self._watched: Sequence[WatchedPool] | None = None
        self._why_not: str | None = "The mirror of the pools is being read from the chain."
        self._node_head: int | None = None
        self._behind_since: float | None = None
        self._silent: str | None = "The node has not answered yet."

    # --- tasks

    async def run(self) -> None:
        """Read the pools, then follow. Raises Unavailable when it must begin again."""
        try:
            await self._follow()
        except Broken as deep:
            # A reorg deeper than the follower remembers: the chain itself still tells where the pools stand.
            self._why_not = deep.message
            raise Unavailable(deep.message) from deep
        except Unavailable as problem:
            self._why_not = problem.message
            raise

    async def compare(self) -> None:
        """Compare the mirror with the chain whenever it is due."""
        while True:
            bell = self._heads.bell()
            if self._why_not is None:
                with suppress(MirrorLost):  # it is being read again
                    await self.mirror.keep_equal(self._node, POOLS_COMPARED_AT_ONCE)
            for venue in {pool.venue for pool in self.mirror.watched}:
                self._telemetry.suspended.labels(venue).set(venue in self.mirror.suspended)
            await self._heads.wait(bell)

    async def ask_head(self) -> None:
        """Ask the node where it is, so that a mirror which follows nothing any more is noticed."""
        while True:
            bell = self._heads.bell()
            try:
                self._node_head = number(await self._node.call("eth_blockNumber"), "block number")
                self._silent = None
            except Unavailable as problem:
                self._silent = problem.message
            lag = self.lag_blocks
            if not lag:
                self._behind_since = None
                if lag == 0 and self._silent is None:
                    self._newest_at = self._clock.now()
            elif self._behind_since is None:
                self._behind_since = self._clock.monotonic()
            await self._heads.wait(bell, ASK_HEAD_EVERY_SECONDS)

    async def _follow(self) -> None:
        watched = self._watched
        if watched is None:
            watched = self._watched = await self._found()
            self._learnt(watched)
        head = await self.mirror.start(self._node, watched)
        follower = Follower(self._reader, start_block=max(head.number - LOOK_BACK_BLOCKS, 0), finality_depth=self._finality_depth)
        self._why_not = None
        self._note()
        depth = 0
        async for step in follow(follower, self._heads):
            self.mirror.apply(step)
            if isinstance(step, Back):
                depth += 1
            elif isinstance(step, Forward):
                if depth:
                    self._telemetry.reorgs.observe(depth)
                    depth = 0
                self._note()
                self._woken()

    def _note(self) -> None:
        head = self.mirror.head
        self._arrived(head.hash)
        self._newest_at = self._clock.now()
        self._telemetry.mirror_block.set(head.number)
        self._node_head = max(self._node_head or 0, head.number)
        self._behind_since = None if not self.lag_blocks else self._behind_since

    # --- what is known

    def floor(self) -> Floor:
        """The pools that may be routed through, at the mirror's block. Raises Unavailable while they are not known."""
        if self._why_not is not None:
            raise Unavailable(self._why_not, rule="stale_state")
        head = self.mirror.head
        return Floor(self._chain_id, self.mirror.book, datetime.fromtimestamp(head.timestamp, UTC), head.number, head.hash)

    @property
    def lag_blocks(self) -> int | None:
        """Blocks that the node has and the mirror has not; None while there is no mirror."""
        if self._why_not is not None or self._node_head is None:
            return None
        return max(self._node_head - self.mirror.head.number, 0)

    @property
    def lag_seconds(self) -> float | None:
        """For how long the mirror has not had the node's newest block; None while there is no mirror."""
        if self.lag_blocks is None:
            return None
        return 0.0 if self._behind_since is None else self._clock.monotonic() - self._behind_since

    def newest(self) -> Newest | None:
        """The mirror's block, and when it was last known to be the chain's newest; None while there is no mirror."""
        if self._why_not is not None or self._newest_at is None:
            return None
        return Newest(self.mirror.head.number, self._newest_at)

    def reasons(self) -> list[str]:
        """Why nothing should be planned on this mirror."""
        told = [reason for reason in (self._silent, self._why_not) if reason]
        lag = self.lag_blocks
        if lag is not None and lag > MOST_BEHIND:
            told.append(f"The mirror is {lag} blocks behind the node.")
        return told

    def measure(self) -> None:
        """Brings the gauges of the mirror up to date."""
        nan = float("nan")
        lag, seconds = self.lag_blocks, self.lag_seconds
        self._telemetry.mirror_lag_blocks.set(nan if lag is None else lag)
        self._telemetry.mirror_lag_seconds.set(nan if seconds is None else seconds)

    def document(self) -> dict[str, Any]:
        """Where the mirror is, for people."""
        standing = self.mirror.head if self._why_not is None else None
        return {
            "block_number": standing.number if standing else None,
            "block_hash": standing.hash if standing else None,
            "lag_blocks": self.lag_blocks,
            "lag_seconds": None if self.lag_seconds is None else round(self.lag_seconds, 3),
        }
