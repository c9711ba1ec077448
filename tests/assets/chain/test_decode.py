"""Decoding: what a log says becomes typed columns, and no log is lost on the way."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assets.chain import decode, event_layouts, swaps
from assets.chain.decode import decode_event, rows_of
from executor.venue import every_venue
from tests.assets.chain.frames import blocks_table, decoded, events, pools_table, raw_of
from tests.assets.chain.small_chain import CAKE, CHAIN_ID, ONE_WETH, PAIR, ROUTER, TRADER, V3, SmallChain, topic, word

SWAP = every_venue()["uniswap_v3"].topic_of("swap")


def broken(chain: SmallChain, row: int, **values: object) -> pl.DataFrame:
    """The chain's raw logs with one row changed."""
    raw = raw_of(chain)
    changes = [
        pl.when(pl.col("source_row") == row).then(pl.lit(value, raw.schema[name])).otherwise(name).alias(name)
        for name, value in values.items()
    ]
    return raw.with_columns(changes)


def reasons(chain: SmallChain, raw: pl.DataFrame) -> dict[str, int]:
    """Reasons of what is set aside, counted, after every row was accounted for."""
    found = decoded(chain, raw)
    assert raw.height == found.swaps.height + found.liquidity_events.height + found.others + found.set_aside.height
    return dict(found.set_aside["reason"].value_counts().iter_rows())


def test_a_swap_says_what_moved_and_where_the_price_stands(chain: SmallChain):
    rows, _ = events(chain)
    first = rows.row(0, named=True)
    assert (first["pool"], first["venue"], first["protocol"]) == (V3, "uniswap_v3", "concentrated")
    assert (first["sender"], first["recipient"]) == (ROUTER, TRADER)
    assert first["amount0"] == ONE_WETH and first["amount1"] < 0
    assert first["price"] == pytest.approx(1866, rel=0.01)


def test_all_three_venues_are_decoded_with_their_own_words(chain: SmallChain):
    rows, others = events(chain)
    assert rows["venue"].unique().sort().to_list() == ["pancakeswap_v3", "sushiswap", "uniswap_v3"]
    cake = rows.filter(pl.col("pool") == CAKE).row(0, named=True)
    assert cake["protocol_fees0"] > 0 and cake["protocol_fees1"] == 0
    pair = rows.filter(pl.col("pool") == PAIR).sort("block_number").row(-1, named=True)
    assert pair["amount0"] == ONE_WETH // 2 and pair["amount1_out"] == -pair["amount1"] and pair["tick"] is None
    assert pair["price"] == pytest.approx(1865, rel=0.01)
    assert set(others["kind"]) == {"initialize", "mint", "burn", "collect", "flash", "set_fee_protocol", "collect_protocol", "sync"}


def test_liquidity_events_keep_their_bounds_and_settings(chain: SmallChain):
    _, rows = events(chain)
    mint = rows.filter((pl.col("pool") == V3) & (pl.col("kind") == "mint")).row(0, named=True)
    assert mint["tick_lower"] < mint["tick_upper"] < 0 and mint["liquidity"] == Decimal(10**17)
    fees = rows.filter(pl.col("kind") == "set_fee_protocol").row(0, named=True)
    assert (fees["fee_protocol0"], fees["fee_protocol1"]) == (4, 5)
    flash = rows.filter(pl.col("kind") == "flash").row(0, named=True)
    assert (flash["paid0"], flash["paid1"]) == (10**15, 0)


def test_events_that_move_nothing_are_counted_not_kept(chain: SmallChain):
    found = decoded(chain)
    assert found.others == 2  # a transfer of pool shares, and more observations
    assert found.set_aside.is_empty()


@pytest.mark.parametrize(
    ("values", "reason", "says"),
    [
        ({"data": word(1) * 5 + b"\0" * 31}, "overlong_data", "has 191 bytes, it must have 160"),
        ({"data": word(1) * 4}, "truncated_data", "has 128 bytes, it must have 160"),
        ({"data": b""}, "truncated_data", "has 0 bytes"),
        ({"topic0": "0x" + "99" * 32}, "unknown_topic", "is no event of uniswap_v3"),
        ({"topic0": None}, "unknown_topic", "Topic none"),
        ({"address": "0x" + "99" * 20}, "unknown_pool", "add it to the recording's pools"),
        ({"topic2": None}, "wrong_topics", "2 indexed arguments"),
        ({"topic1": "0x12"}, "wrong_topics", "2 indexed arguments"),
        ({"topic3": topic(1)}, "wrong_topics", "2 indexed arguments"),
        ({"topic1": "0x" + "99" * 32}, "number_out_of_range", "whose sender"),
        ({"chain_id": 1}, "wrong_chain", "says chain 1, the recording is of chain 31337"),
        ({"block_number": 999}, "unknown_block", "No header of block 999"),
        ({"block_hash": "0x" + "99" * 32}, "unknown_block", "No header of block 100"),
        ({"block_time": datetime(2026, 1, 6, tzinfo=UTC)}, "wrong_block_time", "The log says 2026-01-06"),
        ({"data": word(2**200) + word(-1) + word(2**96) + word(1) + word(0)}, "number_out_of_range", "whose amount0"),
        ({"data": word(10**38) + word(-(2**255)) + word(2**96) + word(1) + word(0)}, "number_out_of_range", "whose amount0, amount1"),
        ({"data": word(1) + word(-1) + word(0) + word(1) + word(0)}, "number_out_of_range", "whose sqrt_price_x96"),
        ({"data": word(1) + word(-1) + word(2**96) + word(2**128) + word(0)}, "number_out_of_range", "whose liquidity"),
        ({"data": word(1) + word(-1) + word(2**96) + word(1) + word(887273)}, "number_out_of_range", "whose tick"),
    ],
)
def test_a_log_that_cannot_be_read_is_set_aside_with_the_reason(chain: SmallChain, values: dict, reason: str, says: str):
    raw = broken(chain, 0, **values)
    assert reasons(chain, raw) == {reason: 1}
    row = decoded(chain, raw).set_aside.row(0, named=True)
    assert says in row["detail"]
    assert json.loads(row["row_json"])["source_row"] == 0


def test_an_exact_repeat_is_kept_once(chain: SmallChain):
    raw = raw_of(chain)
    again = raw.filter(pl.col("source_row") == 3).with_columns(source_row=pl.lit(1000, pl.Int64))
    assert reasons(chain, pl.concat([raw, again])) == {"duplicate_log": 1}


def test_a_repeat_that_says_something_else_is_a_conflict_and_the_first_stays(chain: SmallChain):
    raw = raw_of(chain)
    other = raw.filter(pl.col("source_row") == 0).with_columns(source_row=pl.lit(1000, pl.Int64), topic2=pl.lit(topic(ROUTER)))
    both = pl.concat([raw, other])
    assert reasons(chain, both) == {"conflicting_log": 1}
    assert decoded(chain, both).swaps.filter(pl.col("source_row") == 0).height == 1


def test_a_broken_first_copy_does_not_condemn_the_good_second(chain: SmallChain):
    raw = raw_of(chain)
    good = raw.filter(pl.col("source_row") == 0).with_columns(source_row=pl.lit(1000, pl.Int64))
    for data in (b"\0" * 12, word(2**200) + word(-1) + word(2**96) + word(1) + word(0)):
        both = pl.concat([broken(chain, 0, data=data), good])
        assert decoded(chain, both).swaps.filter(pl.col("source_row") == 1000).height == 1


def test_logs_in_any_order_give_the_same_events(chain: SmallChain):
    raw = raw_of(chain)
    shuffled = raw.sample(fraction=1, shuffle=True, seed=1)
    key = ["block_number", "log_index"]
    assert rows_of(swaps.TABLE, decoded(chain, shuffled).swaps).sort(key).equals(events(chain)[0].sort(key))


def test_logs_of_a_replaced_block_are_set_aside(chain: SmallChain):
    headers = blocks_table(chain)
    orphan = headers.head(1).with_columns(block_hash=pl.lit("0xdead"), is_canonical=pl.lit(False))
    raw = broken(chain, 0, block_hash="0xdead")
    found = decode.decode_logs(raw, pools_table(chain), pl.concat([headers, orphan]), CHAIN_ID)
    assert found.set_aside.select("reason", "detail").rows() == [("orphaned_block", "Block 100 0xdead was replaced by a reorg.")]


def test_a_source_without_hashes_is_matched_by_number(chain: SmallChain):
    raw = raw_of(chain).with_columns(block_hash=pl.lit(""))
    assert reasons(chain, raw) == {}
    headers = blocks_table(chain).with_columns(block_hash=pl.lit(""))
    assert decode.decode_logs(raw_of(chain), pools_table(chain), headers, CHAIN_ID).set_aside.is_empty()


def test_an_event_that_only_a_venue_of_its_own_knows_counts_as_known(chain: SmallChain, monkeypatch: pytest.MonkeyPatch):
    uniswap = every_venue()["uniswap_v3"]
    more = replace(uniswap, topics={**uniswap.topics, "0x" + "77" * 32: "hook_called"})
    monkeypatch.setattr(event_layouts, "every_venue", lambda: {**every_venue(), "uniswap_v3": more})
    raw = broken(chain, 0, topic0="0x" + "77" * 32, data=b"anything")
    assert reasons(chain, raw) == {}
    assert decoded(chain, raw).others == 3


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_for_any_damage_every_log_is_accounted_for(chain: SmallChain, data: st.DataObject):
    raw = raw_of(chain)
    rows = raw.to_dicts()
    for _ in range(data.draw(st.integers(1, 5))):
        row = dict(rows[data.draw(st.integers(0, len(rows) - 1))])
        field = data.draw(
            st.sampled_from(["data", "topic0", "topic1", "topic2", "topic3", "address", "block_number", "log_index", "block_hash"])
        )
        values = {
            "data": st.binary(max_size=200),
            "block_number": st.integers(99, 113),
            "log_index": st.integers(0, 5),
        }.get(field, st.sampled_from([SWAP, topic(1), topic(-1), "0x", V3, PAIR, CAKE, ""]))
        row[field] = data.draw(values)
        rows.append({**row, "source_row": len(rows)})
    reasons(chain, pl.DataFrame(rows, schema=raw.schema))


def test_a_pair_swap_of_nothing_has_no_price():
    logs = pl.DataFrame({"data": [word(0) * 4], "topic1": [topic(1)], "topic2": [topic(2)], "decimals0": [18], "decimals1": [6]})
    assert decode_event(logs, "constant_product", "swap")["price"].to_list() == [None]


def test_no_logs_are_no_events(chain: SmallChain):
    found = decoded(chain, raw_of(chain).clear())
    assert (found.swaps.height, found.liquidity_events.height, found.others, found.set_aside.height) == (0, 0, 0, 0)
    assert rows_of(swaps.TABLE, found.swaps).schema == swaps.TABLE.schema
