import dataclasses

import pytest

from domain.events import Event, LogPosition, PairSwap, Swap, Sync

POOL = "0x" + "aa" * 20


def test_a_fact_cannot_be_changed():
    swap = Swap(POOL, 5, -4)
    with pytest.raises(dataclasses.FrozenInstanceError):
        swap.amount0 = 6  # type: ignore[misc]


def test_a_fact_from_the_chain_says_where_it_stands_and_a_made_up_one_does_not():
    told = Swap(POOL, 5, -4, 1 << 96, 7, 0, chain_id=1, block_number=9, block_hash="0x02", tx_hash="0x01", transaction_index=3, log_index=4)
    assert (told.chain_id, told.block_hash, told.log_index) == (1, "0x02", 4)
    assert Swap(POOL, 5, -4).block_hash is None


def test_the_same_trade_at_another_place_is_another_fact():
    assert Sync(POOL, 1, 2) == Sync(POOL, 1, 2)
    assert Sync(POOL, 1, 2, log_index=1) != Sync(POOL, 1, 2, log_index=2)
    assert len({PairSwap(POOL, 1, 0, 0, 1), PairSwap(POOL, 1, 0, 0, 1)}) == 1


@pytest.mark.parametrize("kind", Event.__args__)
def test_every_event_knows_its_pool_and_its_place(kind):
    names = {field.name for field in dataclasses.fields(kind)}
    assert {"pool"} | {field.name for field in dataclasses.fields(LogPosition)} <= names
