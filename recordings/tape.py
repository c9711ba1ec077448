"""The recorder as the builder uses it: it starts before the first block, takes a look before the reorg, and finishes at the end."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from executor.chain.layout import TABLES
from executor.chain.local.anvil import CHAIN_ID
from executor.chain.local.world import World
from executor.chain.parts import Parts, Plan
from executor.chain.recorder import record
from executor.chain.recording import Recording
from executor.chain.rpc import Rpc
from executor.chain.snapshot import Snapshot, take_snapshot
from recordings import plan


class Tape:
    """Records the world's pools from the block after its newest one."""

    def __init__(self, world: World, out: Path) -> None:
        self.world, self.out = world, out
        self.rpc = Rpc(world.node.url)
        self.first_block = world.node.block_number() + 1
        self.pools = sorted(pool.address for pool in world.pools.values())
        # Also transactions that failed count: they burned gas. They leave no log, so their senders are named.
        self.senders = sorted(world.node.accounts[1:])
        self._begin()

    def _begin(self) -> None:
        """Read the pools now, while the node still knows this state, and note those that will be created later."""
        head = self.first_block - 1
        existing, future = [], []
        for pool in self.world.pools.values():
            (existing if len(self.world.node.rpc("eth_getCode", pool.address, "latest")) > 2 else future).append(pool)
        venues = {pool.address: pool.venue for pool in existing}
        references = {self.world.tokens[token.symbol].address: token.reference_symbol for token in plan.TOKENS}
        addresses = [pool.address for pool in existing]
        snapshot = take_snapshot(self.rpc, addresses, self.first_block, head, venues, references, CHAIN_ID)
        blank = dict.fromkeys(TABLES["pools"].columns)
        rows = [
            blank
            | {
                "pool": pool.address,
                "venue": pool.venue,
                "protocol": pool.protocol,
                "token0": pool.token0.address,
                "token1": pool.token1.address,
                "fee_pips": pool.fee_pips,
                "tick_spacing": pool.tick_spacing,
                "block_number": self.first_block,
                "log_index": -1,
                "has_state": False,
            }
            for pool in future
        ]
        pools = pl.concat([snapshot.pools, pl.DataFrame(rows, schema=TABLES["pools"].schema)])
        state_hash = self.world.node.rpc("eth_getBlockByNumber", hex(head), False)["hash"]
        wanted = Plan(CHAIN_ID, self.pools, self.first_block, state_hash, self.senders)
        parts = Parts(self.out)
        parts.begin(wanted, Snapshot(pools, snapshot.ticks, snapshot.tokens))
        parts.release()

    def checkpoint(self) -> None:
        """Fetch everything up to the newest block, and stay open."""
        self._record(finish=False)

    def finish(self, name: str, description: str, prices: pl.DataFrame) -> Recording | None:
        """Fetch the rest and write the recording."""
        return self._record(finish=True, name=name, description=description, simulated_traders=True, prices=prices)

    def _record(self, **options: object) -> Recording | None:
        last = self.world.node.block_number()
        return record(self.rpc, self.pools, self.first_block, last, self.out, senders=self.senders, **options)  # pyright: ignore[reportArgumentType]
