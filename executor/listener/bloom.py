"""A block header's bloom filter: it says of an address or topic either "surely not in this block" or "maybe"."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

BITS = 2048


@lru_cache(maxsize=65_536)
def mask(text: str) -> int:
    """The three bits of an address or topic, given as 0x text."""
    from eth_hash.auto import keccak

    hashed = keccak(bytes.fromhex(text[2:]))
    bits = 0
    for at in (0, 2, 4):
        bits |= 1 << (int.from_bytes(hashed[at : at + 2], "big") % BITS)
    return bits


def bloom_of(values: Iterable[str]) -> int:
    """The filter of a block whose logs have these addresses and topics."""
    bits = 0
    for value in values:
        bits |= mask(value)
    return bits


def may_hold(bloom: int, addresses: Iterable[str], topics: Iterable[str]) -> bool:
    """Whether a block may have a log of one of the addresses with one of the topics; an empty list stands for any."""
    return _any(bloom, addresses) and _any(bloom, topics)


def _any(bloom: int, values: Iterable[str]) -> bool:
    asked = False
    for value in values:
        asked = True
        bits = mask(value)
        if bloom & bits == bits:
            return True
    return not asked
