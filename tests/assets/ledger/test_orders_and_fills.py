"""Orders and fills: what a transaction sold and bought, read off its swaps."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.ledger import fills, orders
from assets.ledger.fills import observed_fills
from assets.ledger.orders import intents, observed_orders
from assets.ledger.profit_centers import UNASSIGNED, ProfitCenters
from tests.assets.ledger.trades import AB, AC, ALICE, BC, BOB, A, B, C, sent, swap, swaps_of, the_pools, transactions_of

CENTERS = ProfitCenters({"Arbitrage": ""}, {ALICE: "Arbitrage"})


def order_of(*swaps: dict) -> dict:
    """The one order of some swaps of one transaction."""
    [row] = intents(observed_fills(swaps_of(*swaps), the_pools())).to_dicts()
    return {name: row[name] for name in ("token_in", "token_out", "amount_in", "amount_out", "legs", "is_round_trip")}


def test_a_fill_names_what_the_pool_received_and_gave():
    [sold, bought] = fills.TABLE.conform(observed_fills(swaps_of(swap(AB, 10, -4), swap(BC, -3, 9, log=1)), the_pools())).to_dicts()
    assert (sold["token_in"], sold["amount_in"], sold["token_out"], sold["amount_out"], sold["leg"]) == (A, 10, B, 4, 0)
    assert (bought["token_in"], bought["amount_in"], bought["token_out"], bought["amount_out"], bought["leg"]) == (C, 9, B, 3, 1)


@pytest.mark.parametrize(
    ("amounts", "filled"),
    [((1, 0), (A, 1, B, 0)), ((0, 1), (B, 1, A, 0)), ((0, 0), (A, 0, B, 0)), ((0, -1), (A, 0, B, 1)), ((5, 3), (A, 5, B, 0))],
)
def test_the_smallest_swaps_still_have_a_side(amounts: tuple[int, int], filled: tuple):
    [row] = observed_fills(swaps_of(swap(AB, *amounts)), the_pools()).to_dicts()
    assert (row["token_in"], row["amount_in"], row["token_out"], row["amount_out"]) == filled


def test_a_swap_of_an_unknown_token_is_no_fill():
    pools = the_pools().with_columns(decimals0=pl.when(pl.col("pool") == AB).then(None).otherwise("decimals0"))
    assert observed_fills(swaps_of(swap(AB, 1, -1), swap(BC, 1, -1, log=1)), pools)["pool"].to_list() == [BC]


def test_one_leg_is_what_it_is():
    assert order_of(swap(AB, 10, -4)) == {
        "token_in": A,
        "token_out": B,
        "amount_in": 10,
        "amount_out": 4,
        "legs": 1,
        "is_round_trip": False,
    }


def test_hops_cancel_in_the_middle():
    found = order_of(swap(AB, 10, -4), swap(BC, 4, -7, log=1))
    assert found == {"token_in": A, "token_out": C, "amount_in": 10, "amount_out": 7, "legs": 2, "is_round_trip": False}


def test_a_split_adds_up():
    found = order_of(swap(AC, 6, -3), swap(AB, 10, -4, log=1), swap(BC, 4, -7, log=2))
    assert (found["token_in"], found["amount_in"], found["token_out"], found["amount_out"], found["is_round_trip"]) == (A, 16, C, 10, False)


def test_a_hop_that_left_some_behind_is_still_the_same_order():
    found = order_of(swap(AB, 10, -4), swap(BC, 3, -7, log=1))
    assert (found["token_in"], found["token_out"], found["amount_in"], found["amount_out"]) == (A, C, 10, 7)


def test_a_way_there_and_back_is_a_round_trip_of_its_token():
    found = order_of(swap(AB, 10, -4), swap(BC, 4, -7, log=1), swap(AC, -12, 7, log=2))
    assert found == {"token_in": A, "token_out": A, "amount_in": 10, "amount_out": 12, "legs": 3, "is_round_trip": True}


def test_a_flash_round_trip_is_counted_in_the_token_it_gains():
    # The inner leg is logged first: B is sold before it seems to be bought.
    found = order_of(swap(BC, 4, -7, log=0), swap(AC, -12, 7, log=1), swap(AB, 10, -4, log=2))
    assert (found["token_in"], found["amount_in"], found["amount_out"], found["is_round_trip"]) == (A, 10, 12, True)


def test_a_round_trip_that_comes_out_even_is_one_of_its_first_token():
    found = order_of(swap(AB, 10, -4), swap(AB, -10, 4, log=1))
    assert (found["token_in"], found["amount_in"], found["amount_out"], found["is_round_trip"]) == (A, 10, 10, True)


def test_a_round_trip_may_keep_some_of_the_token_between():
    found = order_of(swap(AB, 10, -5), swap(AB, -11, 4, log=1))
    assert (found["token_in"], found["token_out"], found["amount_in"], found["amount_out"], found["is_round_trip"]) == (A, A, 10, 11, True)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([AB, BC, AC]), st.integers(1, 10**30), st.integers(1, 10**30), st.booleans(), st.integers(0, 3)),
        min_size=1,
        max_size=12,
    )
)
def test_for_any_transactions_each_has_one_order_and_no_amount_is_negative(moves: list[tuple]):
    swaps = [
        swap(pool, paid if up else -got, -got if up else paid, tx=f"0x{tx}", log=n) for n, (pool, paid, got, up, tx) in enumerate(moves)
    ]
    filled = observed_fills(swaps_of(*swaps), the_pools())
    found = observed_orders(filled, swaps_of(*swaps), transactions_of(), CENTERS)
    rows = orders.TABLE.conform(found)
    assert rows.height == len({one["tx_hash"] for one in swaps})
    assert rows["legs"].sum() == len(swaps)
    assert rows.filter((pl.col("amount_in") < 0) | (pl.col("amount_out") < 0)).is_empty()
    assert (rows["is_round_trip"] == (rows["token_in"] == rows["token_out"])).all()


def test_the_sender_ordered_and_where_it_is_unknown_the_recipient():
    swaps = swaps_of(swap(AB, 10, -4, tx="0x1"), swap(AB, 10, -4, tx="0x2", log=1, recipient=BOB))
    found = observed_orders(observed_fills(swaps, the_pools()), swaps, transactions_of(sent("0x1", ALICE)), CENTERS).sort("order_id")
    assert found.select("wallet", "center", "origin").rows() == [(ALICE, "Arbitrage", "observed"), (BOB, UNASSIGNED, "observed")]


def test_a_reverted_transaction_is_an_order_that_got_nothing():
    swaps = swaps_of(swap(AB, 10, -4, tx="0x1"))
    gone = sent("0x2", ALICE, succeeded=False)
    unknown = sent("0x3", ALICE, succeeded=None)
    found = observed_orders(observed_fills(swaps, the_pools()), swaps, transactions_of(sent("0x1", ALICE), gone, unknown), CENTERS)
    [row] = orders.TABLE.conform(found).filter(pl.col("status") == "reverted").to_dicts()
    assert (row["order_id"], row["legs"], row["amount_in"], row["amount_out"], row["token_in"], row["center"]) == (
        "0x2",
        0,
        0,
        0,
        None,
        "Arbitrage",
    )
    assert found.height == 2


def test_no_fills_are_no_orders():
    nothing = swaps_of()
    assert orders.TABLE.conform(observed_orders(observed_fills(nothing, the_pools()), nothing, transactions_of(), CENTERS)).is_empty()
