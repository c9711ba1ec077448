"""A pair's log is read whole, or refused by the name of the field that is wrong."""

from __future__ import annotations

import pytest

from domain.amm.pair_logs import decode_pair
from domain.events import PairSwap, Sync
from domain.problems import BadInput

POOL, TOPIC = "0x" + "01" * 20, bytes(32)


def data(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(32, "big") for number in numbers)


def test_sync_and_swap_are_read():
    assert decode_pair("sync", [TOPIC], data(5, 7), POOL, block_number=3) == Sync(POOL, 5, 7, block_number=3)
    assert decode_pair("swap", [TOPIC] * 3, data(1, 0, 0, 9), POOL) == PairSwap(POOL, 1, 0, 0, 9)


@pytest.mark.parametrize("name", ["mint", "burn", "transfer", "approval"])
def test_what_sync_says_already_is_passed_over(name):
    assert decode_pair(name, [TOPIC], b"", POOL) is None


@pytest.mark.parametrize(
    ("name", "topics", "told", "field"),
    [
        ("sync", [TOPIC, TOPIC], data(5, 7), "topics"),
        ("swap", [TOPIC, TOPIC, b"short"], data(1, 0, 0, 9), "topics"),
        ("sync", [TOPIC], data(5), "data"),
        ("swap", [TOPIC] * 3, data(1, 0, 0), "data"),
        ("sync", [TOPIC], data(1 << 112, 7), "reserve0"),
    ],
)
def test_a_log_that_is_not_whole_is_refused_by_name(name, topics, told, field):
    with pytest.raises(BadInput) as refused:
        decode_pair(name, topics, told, POOL)
    assert refused.value.facts["field"] == field
