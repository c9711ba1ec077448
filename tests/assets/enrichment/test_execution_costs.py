"""Execution costs: signs and sizes that can be checked in the head."""

from __future__ import annotations

import polars as pl
import pytest

from assets.enrichment.execution_costs import execution_costs
from assets.enrichment.requotes import REQUOTES
from tests.assets.enrichment.market import DAY, POOLS, USDC, WETH, prices, proof, proofs, trade, trades

NO_REQUOTES = pl.DataFrame(schema=REQUOTES)
LAST_BLOCK = pl.DataFrame({"day": [DAY], "last_block": [99]})
FLAT = prices({0: 3000.0, 3600: 3000.0})


def costs_of(ledger: pl.DataFrame, events: pl.DataFrame, market: pl.DataFrame = FLAT, requotes: pl.DataFrame = NO_REQUOTES) -> dict:
    (row,) = execution_costs(ledger, events, POOLS, LAST_BLOCK, requotes, market).iter_rows(named=True)
    return row


def test_selling_below_the_arrival_price_is_a_cost():
    # The pool's price was 3,000 when the block began; the sale of one WETH brought 2,997: ten basis points less.
    row = costs_of(trades(trade(5, WETH, 1, USDC, 2997)), proofs(proof(5, 3000.0, 2995.0)))

    assert row["arrival_slippage_bps"] == pytest.approx(10)
    assert row["reference_slippage_bps"] == pytest.approx(10)
    assert row["price_impact_bps"] == pytest.approx(10_000 * 5 / 3000)
    assert row["quote_slippage_bps"] == 0
    assert row["fill_rate"] == 1 and row["stopped_at_limit"] is False


def test_buying_above_the_arrival_price_is_a_cost_too():
    row = costs_of(trades(trade(5, USDC, 3003, WETH, 1)), proofs(proof(5, 3000.0, 3005.0)))

    assert row["arrival_slippage_bps"] == pytest.approx(10_000 * 3 / 3003)
    assert row["reference_slippage_bps"] == pytest.approx(10_000 * 3 / 3003)
    assert row["price_impact_bps"] == pytest.approx(10_000 * 5 / 3005)


def test_arrival_is_the_price_before_the_first_event_of_the_block():
    events = proofs(proof(5, 3000.0, 2990.0), proof(5, 2990.0, 2980.0, log=7))

    row = costs_of(trades(trade(5, WETH, 1, USDC, 2985, log=7)), events)

    assert row["arrival_slippage_bps"] == pytest.approx(10_000 * 15 / 3000)
    assert row["quote_slippage_bps"] is None  # not the first: its quote must be computed


def test_a_trade_that_others_came_before_takes_its_computed_quote():
    events = proofs(proof(5, 3000.0, 2990.0), proof(5, 2990.0, 2980.0, log=7))
    requotes = pl.DataFrame([(5, 7, 33.0)], schema=REQUOTES, orient="row")

    assert costs_of(trades(trade(5, WETH, 1, USDC, 2985, log=7)), events, requotes=requotes)["quote_slippage_bps"] == 33.0


def test_a_trader_who_took_less_than_offered_is_not_its_own_quote():
    row = costs_of(trades(trade(5, WETH, 1, USDC, 2990)), proofs(proof(5, 3000.0, 2999.0, how="within_invariant")))

    assert row["quote_slippage_bps"] is None
    assert row["fill_rate"] == 1


def test_what_a_stopped_trade_had_asked_for_is_unknown():
    row = costs_of(trades(trade(5, WETH, 1, USDC, 2990)), proofs(proof(5, 3000.0, 2999.0, how="price_limit")))

    assert row["stopped_at_limit"] is True
    assert row["fill_rate"] is None


def test_markouts_tell_what_the_bought_token_was_worth_later():
    # One WETH bought for 3,000; ten seconds later still 3,000, after a minute 3,003, after five 2,997, after an hour 3,030.
    market = prices({0: 3000.0, 60: 3003.0, 300: 2997.0, 3600: 3030.0})

    row = costs_of(trades(trade(5, USDC, 3000, WETH, 1)), proofs(proof(5, 3000.0, 3001.0)), market)

    found = [row[f"markout_{name}_bps"] for name in ("10s", "1m", "5m", "1h")]
    assert found == pytest.approx([0, 10, -10, 100])


def test_a_seller_gains_when_the_price_falls_afterwards():
    row = costs_of(trades(trade(5, WETH, 1, USDC, 3000)), proofs(proof(5, 3000.0, 2999.0)), prices({0: 3000.0, 60: 2900.0}))

    assert row["markout_1m_bps"] == pytest.approx(10_000 * 100 / 2900)


def test_a_markout_past_the_end_of_the_record_is_empty_and_never_the_last_price_seen():
    row = costs_of(trades(trade(5, WETH, 1, USDC, 3000)), proofs(proof(5, 3000.0, 2999.0)), prices({0: 3000.0, 300: 3000.0}))

    assert row["markout_5m_bps"] == 0
    assert row["markout_1h_bps"] is None


def test_the_one_block_markout_is_at_the_next_blocks_closing_price():
    events = proofs(proof(5, 3000.0, 2999.0), proof(6, 2999.0, 3010.0), proof(6, 3010.0, 2970.0, log=3))

    row = costs_of(trades(trade(5, WETH, 1, USDC, 3000)), events)

    assert row["markout_1_block_bps"] == pytest.approx(10_000 * 30 / 2970)


def test_a_pool_that_nobody_touches_in_the_next_block_still_has_the_price_of_this_one():
    events = proofs(proof(5, 3000.0, 2999.0), proof(5, 2999.0, 2900.0, log=4), proof(8, 2900.0, 1.0))

    row = costs_of(trades(trade(5, WETH, 1, USDC, 2900)), events)

    assert row["markout_1_block_bps"] == pytest.approx(0)


def test_the_last_block_of_a_day_has_no_next_block_yet():
    row = costs_of(trades(trade(99, WETH, 1, USDC, 2990)), proofs(proof(99, 3000.0, 2999.0)))

    assert row["markout_1_block_bps"] is None
    assert row["arrival_slippage_bps"] is not None


def test_gas_is_told_in_basis_points_of_what_was_traded():
    row = costs_of(trades(trade(5, WETH, 1, USDC, 2990, gas_cost_usd=6.0, notional_usd=3000.0)), proofs(proof(5, 3000.0, 2999.0)))

    assert row["gas_bps"] == pytest.approx(20)


def test_costs_without_a_yardstick_are_empty_not_zero():
    events = proofs(proof(5, 3000.0, 2999.0, verdict="no_state", how=None, price_before=None, price_after=None))
    nothing = prices({})

    row = costs_of(trades(trade(5, WETH, 1, USDC, 0, notional_usd=0.0, gas_cost_usd=0.0)), events, nothing)

    assert all(row[name] is None for name in row if name.endswith("_bps"))
    assert row["fill_rate"] is None


def test_slicing_the_trades_changes_no_cost(monkeypatch: pytest.MonkeyPatch):
    # Two trades share block 5, the next block follows, and one trade comes out of order.
    events = proofs(proof(5, 3000.0, 2990.0), proof(5, 2990.0, 2980.0, log=7), proof(6, 2980.0, 2970.0), proof(9, 2970.0, 2975.0))
    rows = [trade(block, WETH, 1, USDC, 2985, seconds=block, log=log) for block, log in ((9, 0), (5, 0), (5, 7), (6, 0))]
    ledger = trades(*rows)
    whole = execution_costs(ledger, events, POOLS, LAST_BLOCK, NO_REQUOTES, FLAT).sort("block_number", "log_index")

    monkeypatch.setattr("assets.enrichment.execution_costs.SLICE", 1)
    sliced = execution_costs(ledger, events, POOLS, LAST_BLOCK, NO_REQUOTES, FLAT).sort("block_number", "log_index")

    assert sliced.equals(whole)
    assert whole["markout_1_block_bps"].null_count() == 0


def test_a_price_older_than_ten_minutes_is_no_price():
    late = trades(trade(5, WETH, 1, USDC, 3000, seconds=601))

    assert costs_of(late, proofs(proof(5, 3000.0, 2999.0)), prices({0: 3000.0}))["reference_slippage_bps"] is None
