"""What the ledger holds, as values: the pools it knows, its trades, the blocks they stand in, and how the view of them changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from executor.venue import Venue

View = Literal["instant", "finalised"]
VENUE = "DEX"


@dataclass(frozen=True, slots=True)
class PoolFacts:
    """What the ledger must know of a pool to read its swaps. Addresses are lowercase 0x text; `fee_pips` None: not known."""

    address: str
    venue: Venue
    token0: str
    token1: str
    fee_pips: int | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """A block by its number and hashes, 0x text."""

    number: int
    hash: str
    parent_hash: str


@dataclass(frozen=True, slots=True)
class Trade:
    """One swap. (chain_id, block_hash, log_index) is its key; amounts are base units, received and given by the pool.

    `venue` is the kind of market, `protocol` the exchange; `order_id` is set where the transaction is one of ours.
    """

    chain_id: int
    block_number: int
    block_hash: str
    block_time: int
    tx_hash: str
    transaction_index: int
    log_index: int
    venue: str
    protocol: str
    pool: str
    sender: str
    recipient: str
    token_in: str
    token_out: str
    amount_in: int
    amount_out: int
    fee_pips: int | None
    order_id: str | None

    def facts(self) -> tuple[Any, ...]:
        """What the chain says of it, without what is only ours: the same in every ledger of the same chain."""
        return (
            *(self.chain_id, self.block_number, self.block_hash, self.block_time, self.tx_hash, self.transaction_index, self.log_index),
            *(self.venue, self.protocol, self.pool, self.sender, self.recipient, self.token_in, self.token_out),
            *(self.amount_in, self.amount_out),
        )


@dataclass(frozen=True, slots=True)
class Change:
    """All trades of a block came into the instant view (+1) or left it (−1). `seq` orders the changes and has no holes for a reader."""

    seq: int
    change: int
    block: Block
    block_time: int
    trades: tuple[Trade, ...]


@dataclass(frozen=True, slots=True)
class SetAside:
    """A log that is no trade for a stated reason, as the stream carried it."""

    block_hash: str
    log_index: int
    reason: str
    detail: str
    message: bytes


@dataclass(frozen=True, slots=True)
class Applied:
    """What one batch did: new trades, and the partitions that must be read again from their start."""

    trades: int = 0
    set_aside: int = 0
    rewind: frozenset[int] = frozenset()
    positions: Mapping[int, int] | None = None
