"""The next base fee is known to the wei, and later ones are never above what we say."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from domain.base_fee import highest_base_fee, next_base_fee

MAINNET_LIMIT = 30_000_000  # of the two recorded blocks


def test_two_real_blocks_in_a_row_follow_the_formula(real_data: Path):
    transactions = pl.read_parquet(real_data / "eth_two_full_blocks_17173049_17173050_transactions.parquet")
    base_fees = {}
    for (block,), rows in transactions.group_by("block_number"):
        # The base fee is what a transaction with a tip of its own paid beside that tip, when its cap did not bind.
        rows = rows.filter(pl.col("transaction_type") == 2)
        paid = rows.select(pl.col("receipt_effective_gas_price").cast(pl.Int64) - pl.col("max_priority_fee_per_gas").cast(pl.Int64))
        base_fees[block] = paid.to_series().mode().max()
    used = transactions.filter(pl.col("block_number") == 17173049)["receipt_gas_used"].sum()
    assert next_base_fee(base_fees[17173049], used, MAINNET_LIMIT) == base_fees[17173050]


def test_a_full_block_raises_the_base_fee_by_an_eighth_and_an_empty_one_lowers_it_by_one():
    assert next_base_fee(80, 30, 30) == 90
    assert next_base_fee(80, 0, 30) == 70
    assert next_base_fee(80, 15, 30) == 80
    assert next_base_fee(1, 16, 30) == 2


@given(st.integers(0, 10**15), st.lists(st.integers(0, 10**6), max_size=20), st.integers(10**6, 10**9))
def test_for_any_blocks_the_base_fee_stays_below_its_bound(base_fee, fullness, limit):
    bound, now = base_fee, base_fee
    for blocks, share in enumerate(fullness):
        assert now <= (bound := highest_base_fee(base_fee, blocks))
        now = next_base_fee(now, limit * share // 10**6, limit)
    assert bound <= base_fee * 1.126 ** max(len(fullness) - 1, 0) + 20 * 2**20
