"""Batches of messages as a stream would bring them, from steps that a test tells."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from executor.chain.blocks import Block, Log, Step
from executor.ledger.store import LedgerStore
from executor.streams.publication import Publication
from executor.streams.stream import Received, Sent
from tests.executor.listener.log_chain import CHAIN_ID, POOLS, SWAP, V3, account, v3_words


class Gathered:
    """A writer that keeps what it is given, by partition, with offsets that go on from session to session."""

    def __init__(self, partitions: int = 1) -> None:
        self.partitions = partitions
        self.received: list[Received] = []
        self.lengths = [0] * partitions

    async def write(self, messages: Sequence[Sent]) -> None:
        for partition, _, message in messages:
            self.received.append((partition, self.lengths[partition], message))
            self.lengths[partition] += 1

    async def flush(self, seconds: float) -> None: ...

    async def close(self) -> None: ...

    def tell(self, session: int, *steps: Step) -> list[Received]:
        """The messages of a session that tells these steps."""
        start = len(self.received)

        async def telling() -> None:
            publication = Publication(self, session, CHAIN_ID)
            for step in steps:
                await publication.tell(step)

        asyncio.run(telling())
        return self.received[start:]


def hash_of(number: int, branch: str = "a") -> str:
    return "0x" + f"{branch}{number:x}".rjust(64, "0")


def swap(number: int, index: int = 0, branch: str = "a", pool: str = V3, data: bytes | None = None, **more: object) -> Log:
    """A swap that sold 1,000 of token0 for 900 of token1."""
    topics = (SWAP.get(pool, SWAP[V3]), account(7), account(8))
    tx_hash = "0x" + f"{branch}{number:x}{index:x}".rjust(64, "e")
    told = {"topics": topics, "data": v3_words(1_000, -900) if data is None else data, **more}
    return Log(pool, block_number=number, block_hash=hash_of(number, branch), tx_hash=tx_hash, transaction_index=0, log_index=index, **told)  # pyright: ignore[reportArgumentType]


def block(number: int, *logs: Log, branch: str = "a", on: str | None = None) -> Block:
    return Block(number, hash_of(number, branch), hash_of(number - 1, on or branch), 1_767_571_200 + number, 10**9, logs)


def empty_store(**more: object) -> LedgerStore:
    return LedgerStore(":memory:", CHAIN_ID, POOLS, **more)  # pyright: ignore[reportArgumentType]
