"""The real day as reports need it: its busiest wallets given to fictional clients, and every unit reconciled with the published logs."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import polars as pl
import pytest

USDC, WETH, OSQTH = (
    "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48",
    "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2",
    "0xf1b99e3e573a1a9c5e6b2ce818b617f0e664e86b",
)
OF_POOL = {
    "0x82c427adfdf2d245ec51d8046b41c4ee87f0d29c": (WETH, OSQTH),
    "0x88e6a0c2ddd26feeb64f039a2c41296fcb3f5640": (USDC, WETH),
    "0x8ad599c3a0ff1de082011efddc58f1908eb6e6d8": (USDC, WETH),
}


@pytest.fixture(scope="module")
def lake(reportable_day: Path) -> Path:
    return reportable_day / "lake"


def test_reportable_trades_ledger_and_the_published_logs_agree_to_the_unit(lake, published):
    told = pl.read_delta(str(lake / "reportable_trades"))
    booked = pl.read_delta(str(lake / "trade_ledger"))
    assert told.height == booked.height == len(published) == 6_354
    by_log = {(one["block_number"], one["log_index"]): one for one in published}
    for table in (told, booked):
        for row in table.select("block_number", "log_index", "pool", "token_in", "token_out", "amount_in", "amount_out").iter_rows(
            named=True
        ):
            one = by_log[row["block_number"], row["log_index"]]
            tokens = OF_POOL[one["pool"]]
            moved = {row["token_in"]: int(row["amount_in"]), row["token_out"]: -int(row["amount_out"])}
            assert (row["pool"], tuple(moved[token] for token in tokens)) == (one["pool"], one["moved"])


def test_every_price_is_the_ratio_of_its_amounts_to_the_last_place(lake):
    told = pl.read_delta(str(lake / "reportable_trades"))
    scale = {"USDC": 10**6, "WETH": 10**18, "oSQTH": 10**18}
    for row in told.iter_rows(named=True):
        exact = Fraction(int(row["quote_amount"]), scale[row["quote_symbol"]]) / Fraction(
            int(row["base_amount"]), scale[row["base_symbol"]]
        )
        assert abs(Fraction(row["price"]) - exact) <= Fraction(1, 2 * 10**18)


def test_tokens_have_the_registrys_codes_and_one_that_is_in_no_registry_says_so(lake):
    told = pl.read_delta(str(lake / "reportable_trades"))
    pairs = {row[:3]: row[3] for row in told.group_by("base_symbol", "base_dti", "quote_dti").len().iter_rows()}
    assert pairs == {("WETH", "V2N9ZRBHG", "CK9PW1MFH"): 6_354 - 41, ("oSQTH", None, "V2N9ZRBHG"): 41}
    without = told.filter(pl.col("base_dti").is_null())
    assert without["dti_reason"].str.contains(OSQTH).all()
    assert told.filter(pl.col("base_dti").is_not_null())["dti_basis"].unique().to_list() == ["registry"]


def test_the_busiest_wallets_are_clients_and_what_they_moved_adds_up(lake, busiest, published):
    told = pl.read_delta(str(lake / "reportable_trades"))
    ours = told.filter("executed_by_firm")
    assert set(ours["wallet"]) == set(busiest) and set(ours["client_id"]) == {"T1", "T2"}
    assert ours.filter(pl.col("client_id") == "T1")["wallet"].unique().to_list() == busiest[:1]
    moved = pl.read_delta(str(lake / "tax_movements"))
    assert moved.height == 2 * ours.height
    for direction, end in (("out", "in"), ("in", "out")):
        sums = ours.group_by(token=f"token_{end}").agg(amount=pl.col(f"amount_{end}").sum()).sort("token")
        assert moved.filter(pl.col("direction") == direction).group_by("token").agg(pl.col("amount").sum()).sort("token").equals(sums)
    sent = pl.read_delta(str(lake / "value_transfers"))
    assert sent.filter(pl.col("beneficiary_is_self"))["beneficiary_client_id"].null_count() == 0
    assert set(sent["transfer_id"]) <= set(ours["trade_id"])
