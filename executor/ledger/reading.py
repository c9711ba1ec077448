"""From a message of the stream to what the ledger keeps of it: a trade, an event that is none, or a log set aside with its reason.

This runs for every log, fifty thousand times a second, so it reads the few words a trade needs where they lie.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from executor.ledger.rows import PoolFacts
from executor.streams.messages import LOG_HEAD, WORD

MOST = 10**38  # amounts of 38 digits survive every engine that will read them
_TOPICS_OF_A_SWAP = 3  # signature, sender, recipient
_WORDS = {"concentrated": 5, "constant_product": 4}
_NO_ADDRESS, _NO_HALF = bytes(12), bytes(16)  # what stands before an address or uint160, and before a uint128


class Unreadable(Exception):
    """Why a log is set aside."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class KnownPool:
    """A pool as the ledger's tables know it."""

    pool_id: int
    events: Mapping[bytes, str]
    is_concentrated: bool
    data_bytes: int


def known_pool(pool_id: int, facts: PoolFacts) -> KnownPool:
    """The pool with what reading its logs needs at hand."""
    venue = facts.venue
    events = {bytes.fromhex(topic[2:]): event for topic, event in venue.topics.items()}
    words = _WORDS[venue.shape] + venue.trailing_words.get("swap", 0)
    return KnownPool(pool_id, events, venue.shape == "concentrated", words * WORD)


def event_of(message: bytes, topics: int, pool: KnownPool) -> str:
    """The event that a log announces. Raises Unreadable when the pool's venue knows none such."""
    if not topics:
        raise Unreadable("unknown_event", "The log has no topic.")
    topic = message[LOG_HEAD.size : LOG_HEAD.size + WORD]
    event = pool.events.get(topic)
    if event is None:
        raise Unreadable("unknown_event", f"The venue of this pool does not announce 0x{topic.hex()}.")
    return event


def swap_of(message: bytes, topics: int, pool: KnownPool) -> tuple[bytes, bytes, bool, str, str]:
    """Sender, recipient, whether token0 was sold, and both amounts as decimal text. Raises Unreadable."""
    start = LOG_HEAD.size + WORD * _TOPICS_OF_A_SWAP
    if topics != _TOPICS_OF_A_SWAP:
        raise Unreadable("wrong_topics", f"A swap has {_TOPICS_OF_A_SWAP} topics, this one has {topics}.")
    if len(message) != start + pool.data_bytes:
        raise Unreadable("wrong_length", f"The data of this venue's swap has {pool.data_bytes} bytes, this one {len(message) - start}.")
    sender, recipient = LOG_HEAD.size + WORD, LOG_HEAD.size + 2 * WORD
    if message[sender : sender + 12] != _NO_ADDRESS or message[recipient : recipient + 12] != _NO_ADDRESS:
        raise Unreadable("number_out_of_range", "A topic that names an account is no address.")
    amount0, amount1 = (_concentrated if pool.is_concentrated else _constant_product)(message, start)
    # A swap so small that nothing moved is read as selling the first token.
    sells0 = amount0 > 0 or (amount0 == 0 and amount1 <= 0)
    received, given = (amount0, -amount1) if sells0 else (amount1, -amount0)
    received, given = max(received, 0), max(given, 0)
    if received >= MOST or given >= MOST:
        raise Unreadable("number_out_of_range", "An amount has more than 38 digits.")
    return message[sender + 12 : recipient], message[recipient + 12 : start], sells0, str(received), str(given)


def _concentrated(message: bytes, start: int) -> tuple[int, int]:
    amount0 = int.from_bytes(message[start : start + 32], "big", signed=True)
    amount1 = int.from_bytes(message[start + 32 : start + 64], "big", signed=True)
    tick = int.from_bytes(message[start + 128 : start + 160], "big", signed=True)
    wide = message[start + 64 : start + 76] != _NO_ADDRESS or message[start + 96 : start + 112] != _NO_HALF
    if wide or not -(1 << 23) <= tick < 1 << 23:
        raise Unreadable("number_out_of_range", "Price, liquidity or tick do not fit the width the contract gives them.")
    return amount0, amount1


def _constant_product(message: bytes, start: int) -> tuple[int, int]:
    received0, received1, given0, given1 = (int.from_bytes(message[at : at + 32], "big") for at in range(start, start + 128, 32))
    return received0 - given0, received1 - given1
