"""The trade ledger: gas to the wei, dollars of the moment, and orders of every origin."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.chain import gas_prices, reference_prices
from assets.ledger import trade_ledger
from assets.ledger.fills import observed_fills
from assets.ledger.orders import observed_orders
from assets.ledger.profit_centers import ProfitCenters
from assets.ledger.trade_ledger import match_trades
from tests.assets.ledger.trades import AB, ALICE, BC, NOON, A, rows, sent, swap, swaps_of, the_pools, the_tokens, transactions_of

DAY = NOON.date()


def price(token: str, usd: float, minutes: int) -> dict:
    return {
        "chain_id": 1,
        "token": token,
        "symbol": "A",
        "price_time": NOON + timedelta(minutes=minutes),
        "price_usd": usd,
        "source": "x",
        "day": DAY,
    }


def gas(block: int, native_usd: float | None) -> dict:
    return {"chain_id": 1, "block_number": block, "block_time": NOON, "native_price_usd": native_usd, "day": DAY}


def ledger_of(
    swaps: list[dict], transactions: list[dict], *, prices: tuple = (), native: float | None = 2000.0, origin: str = "observed"
) -> pl.DataFrame:
    seen, known = swaps_of(*swaps), transactions_of(*transactions)
    fills = observed_fills(seen, the_pools())
    orders = observed_orders(fills, seen, known, ProfitCenters({})).with_columns(origin=pl.lit(origin))
    blocks = rows(gas_prices.TABLE, *(gas(number, native) for number in {one["block_number"] for one in swaps}))
    found = match_trades(fills, orders, known, the_pools(), the_tokens(), blocks, rows(reference_prices.TABLE, *prices))
    return trade_ledger.TABLE.conform(found)


def test_a_trade_carries_its_order_its_tokens_and_its_key():
    [row] = ledger_of([swap(AB, 10, -4)], [sent("0xt", ALICE)]).to_dicts()
    assert (row["trade_id"], row["wallet"], row["center"], row["origin"]) == ("1:1:0", ALICE, "Unassigned", "observed")
    assert (row["symbol_in"], row["amount_in"], row["symbol_out"], row["amount_out"], row["pool_label"]) == ("A", 10, "B", 4, "0x1")


def test_what_does_not_divide_of_the_gas_goes_to_the_first_legs():
    found = ledger_of([swap(AB, 10, -4), swap(BC, 4, -1, log=1), swap(BC, 1, -1, log=2)], [sent("0xt", ALICE, gas_used=100, price=2)])
    assert found["gas_used"].to_list() == [34, 33, 33]
    assert found["gas_cost_wei"].to_list() == [Decimal(67), Decimal(67), Decimal(66)]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=5), st.integers(0, 30_000_000), st.integers(0, 10**15))
def test_for_any_gas_the_shares_add_up_to_the_wei_and_differ_by_at_most_one(legs: list[int], used: int, price_wei: int):
    log, swaps, transactions = 0, [], []
    for tx, count in enumerate(legs):
        transactions.append(sent(f"0x{tx}", ALICE, gas_used=used, price=price_wei))
        for _ in range(count):
            swaps.append(swap(AB, 10, -4, tx=f"0x{tx}", log=log))
            log += 1
    per_tx = (
        ledger_of(swaps, transactions)
        .group_by("tx_hash")
        .agg(
            gas=pl.col("gas_used").sum(),
            wei=pl.col("gas_cost_wei").sum(),
            low=pl.col("gas_cost_wei").min(),
            high=pl.col("gas_cost_wei").max(),
        )
    )
    assert per_tx["gas"].to_list() == [used] * len(legs)
    assert per_tx["wei"].to_list() == [Decimal(used * price_wei)] * len(legs)
    assert all(high - low <= 1 for low, high in per_tx.select("low", "high").iter_rows())


@pytest.mark.parametrize("transactions", [[], [sent("0xt", ALICE, gas_used=None)], [sent("0xt", ALICE, price=None)]])
def test_gas_that_nobody_told_stays_unknown(transactions: list[dict]):
    [row] = ledger_of([swap(AB, 10, -4)], transactions).to_dicts()
    assert row["gas_cost_wei"] is None and row["gas_cost_usd"] is None


def test_dollars_are_those_of_the_blocks_moment():
    prices = (price(A, 3.0, 0), price(A, 5.0, 1), price(A, 9.0, 2))
    [row] = ledger_of([swap(AB, 250, -4)], [sent("0xt", ALICE, gas_used=10**9, price=10**9)], prices=prices).to_dicts()
    assert row["notional_usd"] == pytest.approx(2.50 * 5.0)  # block 1 lies a minute after noon
    assert row["gas_cost_usd"] == pytest.approx(2000.0)


def test_without_a_price_there_are_no_dollars():
    [row] = ledger_of([swap(AB, 250, -4)], [sent("0xt", ALICE)], native=None).to_dicts()
    assert row["notional_usd"] is None and row["gas_cost_usd"] is None and row["gas_cost_wei"] == Decimal(700)


@pytest.mark.parametrize("origin", ["simulated", "paper", "live"])
def test_orders_of_every_origin_are_booked(origin: str):
    assert ledger_of([swap(AB, 10, -4)], [sent("0xt", ALICE)], origin=origin)["origin"].to_list() == [origin]
