"""The marts give the figures that a person computes by hand from the small lake."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.service.dbt_project import DbtProject
from tests.assets.service.small_lake import ARBITRAGEUR, DAYS, DEEP, ETH, GAS_PRICE_WEI, GAS_USED, STRANGER

GAS_WEI = GAS_USED * GAS_PRICE_WEI


@pytest.fixture
def ask(small_home: Path):
    with duckdb.connect(str(small_home / "analyst.duckdb"), read_only=True) as connection:
        yield lambda sql, *values: connection.execute(sql, values).fetchall()


def one(rows: list[tuple[Any, ...]]) -> tuple[Any, ...]:
    assert len(rows) == 1
    return rows[0]


@pytest.mark.parametrize("mart", DbtProject().marts, ids=lambda mart: mart.name)
def test_a_mart_has_the_columns_it_is_described_with(mart, ask):
    built = ask("select column_name from information_schema.columns where table_name = ? order by ordinal_position", mart.name)
    assert [name for (name,) in built] == [column.name for column in mart.columns]


def test_profit_adds_up_over_the_days_to_the_last_millionth(ask):
    rows = ask(
        "select net_pnl_usd, cumulative_net_pnl_usd, drawdown_usd from mart_profit_center_daily where center = 'Arbitrage' order by day"
    )
    assert rows == [
        (Decimal("-0.750001"), Decimal("-0.750001"), Decimal("0.750001")),
        (Decimal("0.250000"), Decimal("-0.500001"), Decimal("0.500001")),
        (Decimal("1.250001"), Decimal("0.750000"), Decimal("0.000000")),
    ]


def test_large_trades_weigh_more_in_the_mean_slippage_than_small_ones(ask):
    # 2,000 dollars at 4 bps and 6,000 dollars at 8 bps.
    row = one(
        ask(
            "select trades, notional_usd, reference_slippage_bps from mart_execution_quality_by_venue where venue = ? and day = ?",
            "uniswap_v3",
            DAYS[0],
        )
    )
    assert row == (2, Decimal(8000), 7.0)


def test_a_centers_turnover_is_split_over_its_venues(ask):
    rows = ask(
        "select venue, trades, share_of_center_turnover, gas_usd from mart_center_by_venue where center = 'Arbitrage' order by venue"
    )
    assert rows == [("sushiswap", 1, 0.4, Decimal(6)), ("uniswap_v3", 2, 0.6, Decimal(12))]


def test_gas_is_exact_in_wei_and_told_in_basis_points(ask):
    row = one(
        ask(
            "select transactions, gas_used, gas_cost_wei, gas_cost_usd, gas_bps from mart_gas_and_cost where center = ? and day = ?",
            "Arbitrage",
            DAYS[1],
        )
    )
    assert row == (2, 2 * GAS_USED, Decimal(2 * GAS_WEI), Decimal(12), 15.0)


def test_a_pools_day_counts_swaps_traders_and_fees(ask):
    row = one(ask("select swaps, traders, volume_usd, fees_usd, close_price from mart_pool_day where pool = ? and day = ?", DEEP, DAYS[0]))
    # 8,000 dollars at 0.05 %.
    assert row == (2, 2, Decimal(8000), Decimal(4), 2012.0)


def test_a_pool_without_swaps_that_day_is_there_with_none(ask):
    assert one(ask("select swaps, traders, fees_usd from mart_pool_day where venue = 'sushiswap' and day = ?", DAYS[2])) == (
        0,
        0,
        Decimal(0),
    )


def test_a_wallet_shows_what_failed_beside_what_was_filled(ask):
    rows = ask("select wallet, orders, filled_orders, reverted_orders, turnover_usd from mart_wallets order by wallet")
    assert rows == [(ARBITRAGEUR, 3, 3, 0, Decimal(10000)), (STRANGER, 4, 3, 1, Decimal(18000))]


def test_proofs_are_counted_by_verdict(ask):
    assert one(ask("select events, exact, inexact, crossing_a_tick, exact_share from mart_proofs_by_pool where pool = ?", DEEP)) == (
        4,
        4,
        0,
        3,
        1.0,
    )


def test_the_quarantine_is_counted_by_reason_with_an_example(ask):
    rows = ask(
        "select day, source_table, reason, quarantined_rows, example_row_key, example_detail from mart_quarantine_by_reason order by day"
    )
    assert rows == [
        (date(2026, 1, 5), "swaps", "truncated_data", 2, "31337:0x01:4", "32 bytes, expected 160"),
        (date(2026, 1, 6), "transactions", "impossible_gas", 1, "0x03", "gas used 2^64-1"),
    ]


def test_a_challengers_decisions_are_weighed_against_the_champions(ask):
    rows = ask(
        "select challenger_action, orders, share_of_orders, saving_bps, cheaper_orders, dearer_orders from mart_model_decisions order by 1"
    )
    assert rows == [("now", 1, 0.5, 0.0, 0, 0), ("split", 1, 0.5, 4.0, 1, 0), ("wait", 2, 1.0, 1.0, 1, 1)]


def test_amounts_stay_whole_base_units(ask):
    assert one(ask("select sum(amount_in), typeof(max(amount_in)) from trade_ledger")) == (14 * ETH + 1, "DECIMAL(38,0)")
