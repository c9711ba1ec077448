"""Blocks and transactions: contradictions are set aside, as few rows as possible."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.chain.blocks import sift_blocks
from assets.chain.judging import Sifted
from assets.chain.transactions import sift_transactions
from tests.assets.chain.frames import FIRST, LAST
from tests.assets.chain.small_chain import CHAIN_ID, FIRST_DAY, SmallChain, hash_of


def blocks_of(chain: SmallChain, row: int | None = None, **values: Any) -> pl.DataFrame:
    """The recorded headers, one of them changed."""
    blocks = chain.tables()["blocks"]
    return _changed(blocks, row, values)


def sifted(blocks: pl.DataFrame) -> Sifted:
    found = sift_blocks(blocks, CHAIN_ID, FIRST, LAST)
    assert found.rows.height + found.set_aside.height == blocks.height
    return found


def transactions(chain: SmallChain, row: int | None = None, blocks: pl.DataFrame | None = None, **values: Any) -> Sifted:
    sent = _changed(chain.tables()["transactions"], row, values)
    found = sift_transactions(sent, sifted(blocks_of(chain) if blocks is None else blocks).rows, CHAIN_ID, FIRST, LAST)
    assert found.rows.height + found.set_aside.height == sent.height
    return found


def _changed(frame: pl.DataFrame, row: int | None, values: dict[str, Any]) -> pl.DataFrame:
    place = pl.int_range(pl.len()) == (-1 if row is None else row)
    return frame.with_columns(
        pl.when(place).then(pl.lit(value, frame.schema[name])).otherwise(name).alias(name) for name, value in values.items()
    )


def reasons(found: Sifted) -> list[str]:
    return sorted(found.set_aside["reason"])


def test_whole_headers_and_transactions_all_pass(chain: SmallChain):
    assert reasons(sifted(blocks_of(chain))) == []
    found = transactions(chain)
    assert reasons(found) == []
    assert found.rows.filter(~pl.col("succeeded")).height == 3


def test_a_header_told_twice_is_kept_once(chain: SmallChain):
    blocks = blocks_of(chain)
    assert reasons(sifted(pl.concat([blocks, blocks.head(1)]))) == ["duplicate_block"]


def test_two_canonical_headers_of_one_number_conflict(chain: SmallChain):
    blocks = blocks_of(chain)
    rival = blocks.head(1).with_columns(hash=pl.lit("0x" + "de" * 32))
    assert reasons(sifted(pl.concat([blocks, rival]))) == ["conflicting_block"]
    assert reasons(sifted(pl.concat([blocks, rival.with_columns(is_canonical=pl.lit(False))]))) == []


@pytest.mark.parametrize("used", [30_000_001, -1, 2**63 - 1])
def test_a_block_with_impossible_gas_is_set_aside(chain: SmallChain, used: int):
    found = sifted(blocks_of(chain, 3, gas_used=used))
    assert reasons(found) == ["impossible_gas"]
    assert str(used) in found.set_aside["detail"][0]


def test_a_header_whose_hash_is_none_is_malformed_and_its_good_copy_stays(chain: SmallChain):
    blocks = blocks_of(chain)
    for bad in (blocks.head(1).with_columns(hash=pl.lit("0x12")), blocks.head(1).with_columns(gas_used=pl.lit(10**9, pl.Int64))):
        found = sifted(pl.concat([bad, blocks]))
        assert found.set_aside.height == 1 and found.rows.height == blocks.height


def test_a_header_outside_the_days_lies_with_the_nearest_day(chain: SmallChain):
    found = sifted(blocks_of(chain, 11, timestamp=FIRST_DAY + timedelta(days=30)))
    assert found.set_aside.select("reason", "day").rows() == [("outside_days", LAST)]


def test_one_clock_that_runs_ahead_condemns_one_block(chain: SmallChain):
    found = sifted(blocks_of(chain, 4, timestamp=FIRST_DAY + timedelta(hours=71)))
    assert reasons(found) == ["block_time_goes_back"]
    assert json.loads(found.set_aside["row_json"][0])["block_number"] == 104


@given(st.lists(st.integers(0, 71), min_size=1, max_size=30))
def test_for_any_clocks_the_kept_times_never_go_back(hours: list[int]):
    rows = [(n, hash_of(n), "", FIRST_DAY + timedelta(hours=hour), True) for n, hour in enumerate(hours)]
    schema = {
        "number": pl.Int64,
        "hash": pl.String,
        "parent_hash": pl.String,
        "timestamp": pl.Datetime("us", "UTC"),
        "is_canonical": pl.Boolean,
    }
    blocks = pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        base_fee_per_gas=pl.lit(None, pl.Decimal(38, 0)), gas_used=pl.lit(None, pl.Int64), gas_limit=pl.lit(None, pl.Int64)
    )
    found = sifted(blocks)
    assert found.rows.sort("block_number")["block_time"].is_sorted()
    assert found.rows.height >= 1


@pytest.mark.parametrize(
    "values",
    [
        {"gas_used": 2**63 - 1},
        {"gas_used": -5},
        {"gas_used": 500_001},
        {"gas_limit": 40_000_000, "gas_used": 31_000_000},
        {"effective_gas_price": 2**64 - 1},
        {"effective_gas_price": -1},
        {"gas_limit": -1},
    ],
)
def test_a_transaction_with_impossible_gas_is_set_aside(chain: SmallChain, values: dict[str, Any]):
    found = transactions(chain, 2, **values)
    assert reasons(found) == ["impossible_gas"]
    assert "no chain allows that" in found.set_aside["detail"][0]


def test_a_transaction_of_an_unknown_block_lies_with_the_first_day(chain: SmallChain):
    found = transactions(chain, 2, block_number=999)
    assert found.set_aside.select("reason", "day").rows() == [("unknown_block", FIRST)]


def test_a_transaction_of_a_replaced_block_is_set_aside_and_its_second_inclusion_stays(chain: SmallChain):
    orphan = blocks_of(chain).head(1).with_columns(hash=pl.lit("0x" + "de" * 32), is_canonical=pl.lit(False))
    blocks = pl.concat([blocks_of(chain), orphan])
    sent = chain.tables()["transactions"]
    both = pl.concat([sent, sent.head(1).with_columns(block_hash=pl.lit("0x" + "de" * 32))])
    found = sift_transactions(both, sifted(blocks).rows, CHAIN_ID, FIRST, LAST)
    assert reasons(found) == ["orphaned_block"]
    assert found.rows.height == sent.height


def test_a_transaction_from_no_address_is_malformed(chain: SmallChain):
    found = transactions(chain, 1, from_address="me")
    assert reasons(found) == ["malformed_transaction"]
    assert "from_address must be 0x and 40" in found.set_aside["detail"][0]


def test_a_broken_first_copy_does_not_condemn_the_good_second(chain: SmallChain):
    sent = chain.tables()["transactions"]
    both = pl.concat([sent.head(1).with_columns(gas_used=pl.lit(10**9, pl.Int64)), sent])
    found = sift_transactions(both, sifted(blocks_of(chain)).rows, CHAIN_ID, FIRST, LAST)
    assert reasons(found) == ["impossible_gas"]


def test_a_transaction_told_twice_is_kept_once(chain: SmallChain):
    sent = chain.tables()["transactions"]
    found = sift_transactions(pl.concat([sent, sent.head(1)]), sifted(blocks_of(chain)).rows, CHAIN_ID, FIRST, LAST)
    assert reasons(found) == ["duplicate_transaction"]


def test_without_hashes_a_transaction_is_matched_by_number(chain: SmallChain):
    assert reasons(transactions(chain, 0, block_hash=None)) == []
    assert reasons(transactions(chain, 0, block_hash="0x" + "de" * 32)) == ["unknown_block"]
    unhashed = blocks_of(chain).with_columns(hash=pl.lit(None, pl.String), parent_hash=pl.lit(None, pl.String))
    assert reasons(transactions(chain, blocks=unhashed)) == []
