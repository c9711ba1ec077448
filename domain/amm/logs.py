"""One raw log of a concentrated pool, as the event it is. A log that is not whole is refused, with the field that is wrong.

This reads one log at a time, for replays and live states; tables are decoded by the column elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from domain.events import (
    Burn,
    Collect,
    CollectProtocol,
    ConcentratedEvent,
    Flash,
    IncreaseObservationCardinality,
    Initialize,
    Mint,
    SetFeeProtocol,
    Swap,
)
from domain.problems import BadInput

WORD = 32


def decode_concentrated(name: str, topics: Sequence[bytes], data: bytes, pool: str, **position: Any) -> ConcentratedEvent | None:
    """The event called `name` (as the venue's topics name it), or None when it says nothing about the pool's state.

    `position` are the fields of LogPosition. Raises BadInput naming the field when topics or data are not those of the event.
    """
    if name not in _READERS:
        return None
    topic_count, words, build = _READERS[name]
    if len(topics) != topic_count:
        raise BadInput(f"A {name} log has {topic_count} topics, this one has {len(topics)}; fetch the log again.", field="topics")
    if any(len(topic) != WORD for topic in topics):
        raise BadInput(f"A topic of a {name} log is not {WORD} bytes long; fetch the log again.", field="topics")
    if len(data) not in {count * WORD for count in words}:
        raise BadInput(
            f"The data of a {name} log is {' or '.join(str(count * WORD) for count in words)} bytes long, this one is {len(data)};"
            " it was cut or belongs to another event, fetch the log again.",
            field="data",
            length=len(data),
        )
    return build(_Words(topics, data), pool, position)


class _Words:
    """The words of a log as numbers of their own width; one that does not fit its width is refused by name."""

    def __init__(self, topics: Sequence[bytes], data: bytes) -> None:
        self._topics, self._data = topics, data

    def __len__(self) -> int:
        return len(self._data) // WORD

    def unsigned(self, at: int, bits: int, field: str) -> int:
        value = int.from_bytes(self._data[at * WORD : (at + 1) * WORD], "big")
        if value >> bits:
            raise _does_not_fit(field, value, f"uint{bits}")
        return value

    def signed(self, at: int, bits: int, field: str) -> int:
        return _fitting(int.from_bytes(self._data[at * WORD : (at + 1) * WORD], "big", signed=True), bits, field)

    def topic_tick(self, at: int, field: str) -> int:
        return _fitting(int.from_bytes(self._topics[at], "big", signed=True), 24, field)


def _fitting(value: int, bits: int, field: str) -> int:
    if not -(1 << bits - 1) <= value < 1 << bits - 1:
        raise _does_not_fit(field, value, f"int{bits}")
    return value


def _does_not_fit(field: str, value: int, kind: str) -> BadInput:
    return BadInput(f"{field} is {value}, which is no {kind}; the log is corrupt, fetch it again.", field=field, value=str(value))


def _swap(words: _Words, pool: str, position: dict[str, Any]) -> Swap:
    taken = {f"protocol_fees{side}": words.unsigned(5 + side, 128, f"protocol_fees{side}") for side in (0, 1)} if len(words) > 5 else {}
    return Swap(
        pool,
        words.signed(0, 256, "amount0"),
        words.signed(1, 256, "amount1"),
        words.unsigned(2, 160, "sqrt_price_x96"),
        words.unsigned(3, 128, "liquidity"),
        words.signed(4, 24, "tick"),
        **taken,
        **position,
    )


def _mint(words: _Words, pool: str, position: dict[str, Any]) -> Mint:
    lower, upper = words.topic_tick(2, "tick_lower"), words.topic_tick(3, "tick_upper")
    liquidity = words.unsigned(1, 128, "liquidity")
    return Mint(pool, lower, upper, liquidity, words.unsigned(2, 256, "amount0"), words.unsigned(3, 256, "amount1"), **position)


def _burn(words: _Words, pool: str, position: dict[str, Any]) -> Burn:
    lower, upper = words.topic_tick(2, "tick_lower"), words.topic_tick(3, "tick_upper")
    liquidity = words.unsigned(0, 128, "liquidity")
    return Burn(pool, lower, upper, liquidity, words.unsigned(1, 256, "amount0"), words.unsigned(2, 256, "amount1"), **position)


def _collect(words: _Words, pool: str, position: dict[str, Any]) -> Collect:
    lower, upper = words.topic_tick(2, "tick_lower"), words.topic_tick(3, "tick_upper")
    return Collect(pool, lower, upper, words.unsigned(1, 128, "amount0"), words.unsigned(2, 128, "amount1"), **position)


def _initialize(words: _Words, pool: str, position: dict[str, Any]) -> Initialize:
    return Initialize(pool, words.unsigned(0, 160, "sqrt_price_x96"), words.signed(1, 24, "tick"), **position)


def _flash(words: _Words, pool: str, position: dict[str, Any]) -> Flash:
    return Flash(pool, *(words.unsigned(at, 256, field) for at, field in enumerate(("amount0", "amount1", "paid0", "paid1"))), **position)


def _set_fee_protocol(words: _Words, pool: str, position: dict[str, Any]) -> SetFeeProtocol:
    return SetFeeProtocol(pool, words.unsigned(2, 32, "fee_protocol0"), words.unsigned(3, 32, "fee_protocol1"), **position)


def _collect_protocol(words: _Words, pool: str, position: dict[str, Any]) -> CollectProtocol:
    return CollectProtocol(pool, words.unsigned(0, 128, "amount0"), words.unsigned(1, 128, "amount1"), **position)


def _increase(words: _Words, pool: str, position: dict[str, Any]) -> IncreaseObservationCardinality:
    return IncreaseObservationCardinality(pool, words.unsigned(1, 16, "cardinality_after"), **position)


_Reader = Callable[[_Words, str, dict[str, Any]], ConcentratedEvent]

# Number of topics (the signature included), possible numbers of data words, reader. PancakeSwap's swap has two words more.
_READERS: dict[str, tuple[int, tuple[int, ...], _Reader]] = {
    "swap": (3, (5, 7), _swap),
    "mint": (4, (4,), _mint),
    "burn": (4, (3,), _burn),
    "collect": (4, (3,), _collect),
    "initialize": (1, (2,), _initialize),
    "flash": (3, (4,), _flash),
    "set_fee_protocol": (1, (4,), _set_fee_protocol),
    "collect_protocol": (3, (2,), _collect_protocol),
    "increase_observation_cardinality": (1, (2,), _increase),
}
