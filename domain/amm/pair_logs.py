"""One raw log of a constant-product pair, as the event it is. A log that is not whole is refused, with the field that is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from domain.amm.constant_product import UINT112_MAX
from domain.amm.logs import WORD
from domain.events import ConstantProductEvent, PairSwap, Sync
from domain.problems import BadInput

# Number of topics (the signature included), number of data words.
_LAYOUTS = {"sync": (1, 2), "swap": (3, 4)}


def decode_pair(name: str, topics: Sequence[bytes], data: bytes, pool: str, **position: Any) -> ConstantProductEvent | None:
    """The event called `name` (as the venue's topics name it), or None when it says nothing that Sync does not say.

    `position` are the fields of LogPosition. Raises BadInput naming the field when topics or data are not those of the event.
    """
    if name not in _LAYOUTS:
        return None
    topic_count, words = _LAYOUTS[name]
    if len(topics) != topic_count or any(len(topic) != WORD for topic in topics):
        raise BadInput(f"A {name} log of a pair has {topic_count} topics of {WORD} bytes; fetch the log again.", field="topics")
    if len(data) != words * WORD:
        raise BadInput(
            f"The data of a pair's {name} log is {words * WORD} bytes long, this one is {len(data)}; it was cut, fetch the log again.",
            field="data",
            length=len(data),
        )
    numbers = [int.from_bytes(data[at : at + WORD], "big") for at in range(0, len(data), WORD)]
    if name == "swap":
        return PairSwap(pool, *numbers, **position)
    if max(numbers) > UINT112_MAX:
        raise BadInput("A reserve has more than 112 bits; the log is corrupt, fetch it again.", field="reserve0")
    return Sync(pool, *numbers, **position)
