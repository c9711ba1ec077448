"""Reportable orders: what was asked for, and how it ended, to the unit."""

from __future__ import annotations

import dagster as dg
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.chain import reference_prices
from assets.compliance import reportable_orders, reportable_trades
from assets.compliance.reportable_orders import code_of, order_events
from assets.compliance.reportable_trades import reportable
from assets.ledger import orders
from assets.ledger.fills import observed_fills
from assets.ledger.orders import observed_orders
from assets.ledger.profit_centers import ProfitCenters
from assets.warehouse import Warehouse
from tests.assets.compliance.parties_of_tests import PARTIES
from tests.assets.compliance.test_reportable_trades import USDC, WETH, identifiers
from tests.assets.ledger.test_trade_ledger import ledger_of
from tests.assets.ledger.trades import AB, AC, ALICE, BC, A, B, sent, swap, swaps_of, the_pools, transactions_of

TX = "0x" + "ab" * 32
KNOWN = identifiers(A=USDC, B=WETH)


def told(*seen: dict, reverted: tuple[str, ...] = ()) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Events, orders and trades of what was seen, all of ALICE."""
    transactions = [sent(tx, ALICE) for tx in sorted({one["tx_hash"] for one in seen})]
    transactions += [sent(tx, ALICE, succeeded=False) for tx in reverted]
    found = swaps_of(*seen)
    asked = observed_orders(observed_fills(found, the_pools()), found, transactions_of(*transactions), ProfitCenters({}))
    trades = reportable(ledger_of(list(seen), transactions), found, KNOWN, reference_prices.TABLE.empty(), PARTIES)
    return reportable_orders.TABLE.conform(order_events(asked, trades, KNOWN, PARTIES)), asked, trades


def test_a_filled_order_is_new_and_then_filled_with_nothing_left():
    new, filled = told(swap(AB, 320_000, -100, tx=TX))[0].rows(named=True)
    assert (new["event_seq"], new["event"], new["status"], new["initial_quantity"], new["remaining_quantity"]) == (
        1,
        "NEWO",
        "ACTI",
        100,
        100,
    )
    assert (new["traded_quantity"], new["price"], new["limit_price"]) == (None, None, None)
    assert (filled["event_seq"], filled["event"], filled["status"], filled["initial_quantity"]) == (2, "FILL", "INAC", 100)
    assert (filled["remaining_quantity"], filled["traded_quantity"], filled["price"]) == (0, 100, "3200.000000000000000000")
    for one in (new, filled):
        assert (one["side"], one["base_dti"], one["quote_dti"], one["pool"]) == ("BUY", WETH, USDC, AB)
        assert (one["client_id"], one["capacity"], one["ledger_order_id"]) == ("C1", "AOTC", TX)


def test_an_order_over_several_pools_is_told_as_what_it_traded_on_balance():
    events = told(swap(BC, -50, 70, tx=TX), swap(AB, -300, 50, tx=TX, log=1))[0]
    assert events["event"].to_list() == ["NEWO", "FILL"]
    one = events.row(1, named=True)
    assert (one["token_out"], one["amount_in"], one["amount_out"], one["pool"], one["leg"]) == (A, 70, 300, BC, None)


def test_a_round_trip_is_told_leg_by_leg():
    events = told(swap(AB, 300, -50, tx=TX), swap(BC, 50, -70, tx=TX, log=1), swap(AC, -310, 70, tx=TX, log=2))[0]
    assert events["event"].to_list() == ["NEWO", "FILL"] * 3
    assert events["event_seq"].to_list() == [1, 2, 3, 4, 5, 6]
    assert events["leg"].to_list() == [0, 0, 1, 1, 2, 2]
    assert events.row(0, named=True)["base_token"] == B
    assert events["is_round_trip"].all() and events["order_id"].n_unique() == 1


def test_a_rejected_order_says_that_and_what_is_not_known_stays_empty():
    new, rejected = told(swap(AB, 1, -1, tx=TX), reverted=("0x" + "cd" * 32,))[0].rows(named=True)[2:]
    assert (new["event"], rejected["event"], rejected["status"]) == ("NEWO", "REMO", "INAC")
    assert (rejected["initial_quantity"], rejected["traded_quantity"], rejected["remaining_quantity"], rejected["side"]) == (None,) * 4


@given(st.integers(0, 2**256 - 1))
def test_for_any_hash_the_code_has_50_characters_at_most_and_reads_back(number):
    code = code_of(f"0x{number:064x}")
    assert len(code) <= 50 and int(code or "0", 36) == number


def test_a_short_id_is_its_own_code_and_a_long_one_that_is_no_hash_has_one_too():
    assert code_of("O-1") == "O-1"
    assert len(code_of("x" * 51)) <= 50 and code_of("x" * 51) != code_of("x" * 52)


@pytest.mark.parametrize(
    ("spoil", "kept"),
    [
        (lambda rows: rows, True),
        (lambda rows: rows.tail(-1), False),
        (lambda rows: rows.filter(pl.col("event") == "NEWO"), False),
        (lambda rows: rows.with_columns(amount_out=pl.col("amount_out") + 1), False),
    ],
)
def test_an_order_that_is_lost_or_a_unit_off_is_noticed(tmp_path, spoil, kept):
    def whole(one: dict, tx: str) -> dict:
        return {**one, "tx_hash": tx, "block_hash": "0x" + "3" * 64}

    round_trip = [whole(one, "0x" + "1" * 64) for one in (swap(AB, 300, -50), swap(AB, -290, 50, log=1))]
    events, asked, trades = told(*round_trip, whole(swap(AC, 1, -1, log=2), TX), reverted=("0x" + "2" * 64,))
    warehouse = Warehouse(lake=str(tmp_path))
    asked = asked.with_columns(tx_hash=pl.col("order_id"))
    for table, rows in ((orders.TABLE, asked), (reportable_trades.TABLE, trades), (reportable_orders.TABLE, spoil(events))):
        warehouse.replace(table, rows)
    check = reportable_orders.every_order_is_told_from_new_to_its_end
    assert check(dg.build_asset_check_context(), warehouse=warehouse).passed is kept
