"""The ledger: what stays, what goes with a reorg, what is noticed when it is missing, and what others read of it."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from domain.problems import BadInput, Broken, Unavailable
from executor.chain.blocks import Back, Final, Forward
from executor.ledger.store import LedgerStore
from executor.ledger.views import frame
from tests.executor.ledger.told import Gathered, block, empty_store, hash_of, swap
from tests.executor.listener.log_chain import CHAIN_ID, POOLS, STRANGER, TOKENS, V2, V3, pool_facts, word


def test_a_swap_becomes_a_row_with_the_log_that_proves_it():
    store = empty_store()
    store.apply("s", Gathered().tell(1, Forward(block(5, swap(5, 3)))))
    (trade,) = store.trades()
    assert (trade.venue, trade.protocol, trade.pool, trade.fee_pips) == ("DEX", "uniswap_v3", V3, 500)
    assert (trade.token_in, trade.amount_in, trade.token_out, trade.amount_out) == (TOKENS[0], 1_000, TOKENS[1], 900)
    assert (trade.chain_id, trade.block_number, trade.block_hash, trade.log_index) == (CHAIN_ID, 5, hash_of(5), 3)
    assert (trade.sender, trade.recipient, trade.order_id) == ("0x" + f"{7:040x}", "0x" + f"{8:040x}", None)
    assert (store.tip_number, store.tip_hash, store.trades_written, store.final_number) == (5, hash_of(5), 1, None)


def test_the_same_batch_twice_changes_nothing():
    store, told = empty_store(), Gathered().tell(1, Forward(block(5, swap(5))), Forward(block(6, swap(6))), Final(5, hash_of(5)))
    store.apply("s", told)
    digest = store.digest()
    again = store.apply("s", told)
    assert (again.trades, store.digest(), store.lost_in) == (0, digest, None)


def test_a_reorg_takes_the_trades_out_of_the_view_and_keeps_them_as_history():
    store = empty_store()
    first, lost, other = block(5, swap(5)), block(6, swap(6)), block(6, swap(6, branch="b"), branch="b", on="a")
    store.apply("s", Gathered().tell(1, Forward(first), Forward(lost), Back(lost), Forward(other)))
    assert [trade.block_hash for trade in store.trades()] == [hash_of(5), hash_of(6, "b")]
    assert [trade.block_hash for trade in store.retracted()] == [hash_of(6)]
    assert [(change.change, change.block.hash) for change in store.changes(0)] == [
        (1, hash_of(5)),
        (1, hash_of(6)),
        (-1, hash_of(6)),
        (1, hash_of(6, "b")),
    ]


def test_a_reorg_needs_no_word_of_what_went():
    store = empty_store()
    store.apply("s", Gathered().tell(1, *(Forward(block(at, swap(at))) for at in (5, 6, 7)), Forward(block(6, branch="b", on="a"))))
    assert [trade.block_number for trade in store.trades()] == [5]
    assert store.tip_hash == hash_of(6, "b")


def test_a_block_that_comes_back_brings_its_trades_back():
    store = empty_store()
    five, six = block(5, swap(5)), block(6, swap(6))
    store.apply("s", Gathered().tell(1, Forward(five), Forward(six), Back(six), Forward(six)))
    assert [trade.block_number for trade in store.trades()] == [5, 6]
    assert store.retracted() == []


def test_a_block_is_seen_whole_or_not_at_all():
    store = empty_store()
    first, second, whole = Gathered().tell(1, Forward(block(5, swap(5, 0), swap(5, 1))))
    store.apply("s", [first])
    assert list(store.trades()) == []
    store.apply("s", [second])
    store.apply("s", [whole])
    assert len(list(store.trades())) == 2


def test_only_finalised_blocks_are_in_the_finalised_view():
    store = empty_store()
    store.apply("s", Gathered().tell(1, Forward(block(5, swap(5))), Forward(block(6, swap(6))), Final(5, hash_of(5))))
    assert [trade.block_number for trade in store.trades("finalised")] == [5]
    assert store.final_number == 5 and store.digest("finalised") != store.digest("instant")


def test_a_block_that_is_not_ours_makes_nothing_final():
    store = empty_store()
    store.apply("s", Gathered().tell(1, Forward(block(5, swap(5))), Final(5, hash_of(5, "b"))))
    assert store.final_number is None


def test_what_was_final_is_not_taken_back():
    store = empty_store()
    told = Gathered()
    store.apply("s", told.tell(1, Forward(block(5, swap(5))), Forward(block(6, swap(6))), Final(6, hash_of(6))))
    with pytest.raises(Broken, match="was final"):
        store.apply("s", told.tell(2, Forward(block(6, branch="b", on="a"))))
    assert [trade.block_number for trade in store.trades()] == [5, 6], "nothing of the batch is kept"


@pytest.mark.parametrize("missing", [0, 1, 2, 3])
def test_a_message_that_is_missing_is_noticed_and_the_next_session_heals_it(missing):
    store, told = empty_store(), Gathered()
    steps = [Forward(block(5, swap(5))), Forward(block(6, swap(6)))]
    batch = told.tell(1, *steps, Forward(block(7, swap(7))))
    for _ in range(2):  # a missing beginning is looked for once before it counts as lost
        store.apply("s", [one for at, one in enumerate(batch) if at != missing])
    assert store.lost_in == 1
    known = store.known_blocks()
    assert (known[-1].number if known else 4) == (4 if missing < 2 else 5)
    store.apply("s", told.tell(2, *(Forward(block(at, swap(at))) for at in range((known[-1].number if known else 4) + 1, 8))))
    assert [trade.block_number for trade in store.trades()] == [5, 6, 7]
    assert [one.number for one in store.known_blocks()] == [5, 6, 7]


def test_an_older_session_is_not_listened_to_any_more():
    store = empty_store()
    old, new = Gathered(), Gathered()
    store.apply("s", new.tell(2, Forward(block(5, swap(5)))))
    store.apply("s", old.tell(1, Forward(block(5, swap(5, branch="b"), branch="b"))))
    assert [trade.block_hash for trade in store.trades()] == [hash_of(5)]


def test_a_topic_that_was_made_anew_is_read_from_its_start_once():
    store, told = empty_store(), Gathered()
    store.apply("s", told.tell(1, *(Forward(block(at)) for at in (5, 6, 7))))
    anew = Gathered().tell(2, *(Forward(block(at, swap(at))) for at in (8, 9, 10)))
    applied = store.apply("s", anew[4:])
    assert applied.rewind == {0} and store.positions("s") == {0: 3}
    store.apply("s", anew)
    assert [trade.block_number for trade in store.trades()] == [8, 9, 10]
    later = store.apply("s", Gathered().tell(3, *(Forward(block(at)) for at in (11, 12)))[1:])
    assert later.rewind == {0}
    assert store.apply("s", Gathered().tell(3, *(Forward(block(at)) for at in (11, 12)))[1:]).rewind == frozenset()
    assert store.lost_in == 3, "the start of that session is nowhere"


def test_partitions_may_come_in_any_order():
    store, told = empty_store(), Gathered(partitions=4)
    steps = [Forward(block(at, swap(at, 0), swap(at, 1, pool=V2, data=b"".join(map(word, (5, 0, 0, 4)))))) for at in (5, 6, 7)]
    batch = told.tell(1, *steps)
    for partition in (2, 0, 3, 1):
        store.apply("s", [one for one in batch if one[0] == partition])
    assert [(trade.block_number, trade.log_index) for trade in store.trades()] == [(at, index) for at in (5, 6, 7) for index in (0, 1)]
    assert store.lost_in is None


def test_logs_that_cannot_be_read_are_set_aside_with_the_reason():
    v3 = swap(5).data
    big = word(10**38) + v3[32:]
    wide = v3[:64] + word(2**160) + v3[96:]
    logs = (
        swap(5, 0, pool=STRANGER),
        swap(5, 1, topics=()),
        swap(5, 2, topics=("0x" + "99" * 32,)),
        swap(5, 3, topics=swap(5).topics[:2]),
        swap(5, 4, data=b""),
        swap(5, 5, topics=(swap(5).topics[0], "0x" + "ff" * 32, swap(5).topics[2])),
        swap(5, 6, data=big),
        swap(5, 7, data=wide),
        swap(5, 8),
    )
    store = empty_store()
    applied = store.apply("s", Gathered().tell(1, Forward(block(5, *logs))))
    reasons = [one.reason for one in store.quarantine()]
    assert reasons == ["unknown_pool", "unknown_event", "unknown_event", "wrong_topics", "wrong_length", *["number_out_of_range"] * 3]
    assert (applied.set_aside, store.set_aside_count) == (8, 8)
    assert [trade.log_index for trade in store.trades()] == [8], "the block is complete all the same"


def test_a_pool_that_becomes_known_frees_its_logs():
    store = empty_store()
    store.apply("s", Gathered().tell(1, Forward(block(5, swap(5, 0, pool=STRANGER), swap(5, 1, pool=STRANGER, data=b"")))))
    assert store.learn([pool_facts(STRANGER, "uniswap_v3", 100)]) == 1
    assert [(trade.pool, trade.fee_pips) for trade in store.trades()] == [(STRANGER, 100)]
    assert [one.reason for one in store.quarantine()] == ["wrong_length"]
    assert [change.change for change in store.changes(0)][-1] == 1


@pytest.mark.parametrize("amounts", [(-900, 1_000), (0, 0), (0, -3), (5, 0), (7, 8)])
def test_what_the_pool_received_is_sold_and_what_it_gave_is_bought(amounts):
    store = empty_store()
    data = b"".join(map(word, (*amounts, 2**96, 1, 1)))
    store.apply("s", Gathered().tell(1, Forward(block(5, swap(5, data=data)))))
    (trade,) = store.trades()
    sells0 = amounts[0] > 0 or amounts in ((0, 0), (0, -3))
    received, given = amounts if sells0 else amounts[::-1]
    assert trade.token_in == TOKENS[0 if sells0 else 1]
    assert (trade.amount_in, trade.amount_out) == (max(0, received), max(0, -given))


def test_messages_that_are_none_of_ours_do_not_stop_the_ledger():
    store, told = empty_store(), Gathered()
    good = told.tell(1, Forward(block(5, swap(5))))
    other_chain = bytearray(good[0][2])
    other_chain[23] ^= 1
    batch = [(0, 0, b"?"), (0, 1, b"\x07" + bytes(400)), *((0, at + 2, message) for at, (_, _, message) in enumerate(good))]
    store.apply("s", batch)
    store.apply("t", [(0, 0, bytes(other_chain))])
    assert len(list(store.trades())) == 1 and store.positions("s") == {0: 4}
    assert [row[0] for row in store._connection.execute("select offset from unreadable order by stream, offset")] == [0, 1, 0]


def test_an_order_of_ours_is_named_whenever_the_desk_tells_it():
    store = empty_store()
    store.attribute(swap(5).tx_hash, "mine-1")
    store.apply("s", Gathered().tell(1, Forward(block(5, swap(5), swap(5, 1)))))
    store.attribute(swap(5, 1).tx_hash, "mine-2")
    digest = store.digest()
    assert [trade.order_id for trade in store.trades()] == ["mine-1", "mine-2"]
    anonymous = empty_store()
    anonymous.apply("s", Gathered().tell(1, Forward(block(5, swap(5), swap(5, 1)))))
    assert anonymous.digest() == digest, "what is only ours is no fact of the chain"


def test_everything_is_there_after_a_restart(tmp_path: Path):
    path, told = tmp_path / "ledger.db", Gathered()
    store = LedgerStore(path, CHAIN_ID, POOLS)
    session = store.begin_session()
    store.apply("s", told.tell(session, Forward(block(5, swap(5))), Forward(block(6, swap(6)))))
    digest, positions = store.digest(), store.positions("s")
    store.close()
    again = LedgerStore(path, CHAIN_ID, POOLS)
    assert (again.digest(), again.positions("s")) == (digest, positions)
    assert again.begin_session() > session
    assert [change.seq for change in again.changes(1)] == [2]
    again.apply("s", told.tell(2, Forward(block(7, swap(7)))))
    assert [trade.block_number for trade in again.trades()] == [5, 6, 7]
    again.close()


def test_a_ledger_belongs_to_one_chain(tmp_path: Path):
    LedgerStore(tmp_path / "ledger.db", 1).close()
    with pytest.raises(BadInput, match="of chain 1"):
        LedgerStore(tmp_path / "ledger.db", 2)


def test_a_disk_that_takes_nothing_leaves_nothing_half_written(tmp_path: Path):
    store, told = LedgerStore(tmp_path / "ledger.db", CHAIN_ID, POOLS), Gathered()
    store.apply("s", told.tell(1, Forward(block(5, swap(5)))))
    store._connection.execute(f"pragma max_page_count={store._connection.execute('pragma page_count').fetchone()[0]}")
    big = told.tell(2, *(Forward(block(at, *(swap(at, index) for index in range(40)))) for at in (6, 7, 8)))
    with pytest.raises(Unavailable, match="full"):
        store.apply("s", big)
    assert [trade.block_number for trade in store.trades()] == [5]
    store._connection.execute("pragma max_page_count=100000")
    store.apply("s", big)
    assert len(list(store.trades())) == 121
    store.close()


def test_the_rows_survive_in_a_frame():
    store = empty_store()
    store.apply("s", Gathered().tell(1, Forward(block(5, swap(5, data=word(10**38 - 1) + word(-(10**37)) + swap(5).data[64:])))))
    table = frame(list(store.trades()))
    assert table["amount_in"].to_list() == [10**38 - 1] and table.schema["amount_in"] == pl.Decimal(38, 0)
    assert str(table["block_time"][0]) == "2026-01-05 00:00:05+00:00"
