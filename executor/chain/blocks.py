"""Blocks with their logs as the chain grows and falls back: what the listener yields, and the mirror and the ledger live on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Log:
    """One raw log and where it stands; (chain, block_hash, log_index) is its key. Addresses and hashes are lowercase 0x text."""

    address: str
    topics: tuple[str, ...]
    data: bytes
    block_number: int
    block_hash: str
    tx_hash: str
    transaction_index: int
    log_index: int


@dataclass(frozen=True, slots=True)
class Block:
    """A block, and those of its logs that were asked for, in order. `timestamp` is unix seconds, `base_fee` wei per gas."""

    number: int
    hash: str
    parent_hash: str
    timestamp: int
    base_fee: int
    logs: tuple[Log, ...] = ()


@dataclass(frozen=True, slots=True)
class Forward:
    """The chain grew by this block; its parent is the newest block before it."""

    block: Block


@dataclass(frozen=True, slots=True)
class Back:
    """The newest block was taken back by a reorg; the one before it is the newest again."""

    block: Block


@dataclass(frozen=True, slots=True)
class Final:
    """This block and all before it are final: they will not be taken back."""

    block_number: int
    block_hash: str


Step = Forward | Back | Final
