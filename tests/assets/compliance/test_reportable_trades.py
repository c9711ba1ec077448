"""Reportable trades: for whom, which side of which pair, at which exact price; and the promises that stand beside the table."""

from __future__ import annotations

import dagster as dg
import polars as pl
import pytest

from assets.chain import reference_prices
from assets.compliance import reportable_trades, token_identifiers
from assets.compliance.reportable_trades import reportable
from assets.ledger import trade_ledger
from assets.warehouse import Warehouse
from tests.assets.compliance.parties_of_tests import CLIENT_LEI, FIRM_LEI, FIRM_WALLET, PARTIES
from tests.assets.ledger.test_trade_ledger import ledger_of, price
from tests.assets.ledger.trades import AB, AC, ALICE, BC, BOB, A, B, C, rows, sent, swap, swaps_of

USDC, WETH = "CK9PW1MFH", "V2N9ZRBHG"
CROWD = "0x" + "9" * 40


def identifiers(**dtis: str | None) -> pl.DataFrame:
    """Codes of A, B and C; the tokens have two decimals."""
    ranks = {USDC: 0, WETH: 3}
    told = (
        {"chain_id": 1, "token": token, "symbol": name, "decimals": 2} | _code(dtis.get(name), ranks)
        for name, token in (("A", A), ("B", B), ("C", C))
    )
    return rows(token_identifiers.TABLE, *told)


def _code(dti: str | None, ranks: dict[str, int]) -> dict:
    if dti is None:
        return {"dti_reason": "No DTI is known."}
    return {"dti": dti, "dti_basis": "registry", "quote_rank": ranks.get(dti)}


def trades_of(
    *seen: dict, wallet: str = ALICE, known: pl.DataFrame | None = None, prices: tuple = (), origin: str = "observed"
) -> pl.DataFrame:
    transactions = [sent(tx, wallet) for tx in {one["tx_hash"] for one in seen}]
    ledger = ledger_of(list(seen), transactions, prices=prices, origin=origin)
    codes = identifiers(A=USDC, B=WETH) if known is None else known
    found = reportable(ledger, swaps_of(*seen), codes, rows(reference_prices.TABLE, *prices), PARTIES)
    return reportable_trades.TABLE.conform(found)


def test_the_dollar_is_the_quote_whichever_way_the_trade_goes():
    sells, buys = trades_of(swap(AB, -320_000, 100), swap(AB, 320_000, -100, log=1)).rows(named=True)
    for one, side in ((sells, "SELL"), (buys, "BUY")):
        assert (one["side"], one["base_token"], one["quote_token"]) == (side, B, A)
        assert (one["base_amount"], one["quote_amount"], one["price"]) == (100, 320_000, "3200.000000000000000000")
        assert (one["base_dti"], one["quote_dti"], one["dti_basis"], one["dti_reason"]) == (WETH, USDC, "registry", None)
    assert (sells["dti_in"], sells["dti_out"]) == (WETH, USDC)


def test_without_a_known_quote_the_lower_address_is_the_base():
    one = trades_of(swap(AC, 200, -100), known=identifiers()).row(0, named=True)
    assert (one["side"], one["base_token"], one["price"]) == ("SELL", A, "0.500000000000000000")
    assert (one["base_dti"], one["quote_dti"], one["dti_basis"], one["dti_reason"]) == (None, None, None, "No DTI is known.")


def test_one_token_without_a_code_leaves_the_other_ones_and_the_reason():
    one = trades_of(swap(BC, 100, -200)).row(0, named=True)
    assert (one["base_token"], one["base_dti"], one["quote_dti"]) == (C, None, WETH)
    assert (one["side"], one["dti_basis"], one["dti_reason"]) == ("BUY", None, "No DTI is known.")


def test_a_trade_of_a_stand_in_says_so():
    known = identifiers(A=USDC, B=WETH).with_columns(
        dti_basis=pl.when(pl.col("token") == B).then(pl.lit("stand_in")).otherwise("dti_basis")
    )
    assert trades_of(swap(AB, 1, -1), known=known)["dti_basis"].to_list() == ["stand_in"]


def test_prices_are_exact_where_a_float_would_not_be():
    one = trades_of(swap(AB, 10**37 + 1, -(10**37))).row(0, named=True)
    assert one["price"] == "1.000000000000000000"
    assert one["quote_amount"] - one["base_amount"] == 1


def test_a_trade_that_moved_nothing_has_no_price():
    assert trades_of(swap(AB, 100, 0))["price"].to_list() == [None]


@pytest.mark.parametrize(
    ("wallet", "told"),
    [
        (ALICE, ("C1", "legal", "DE", CLIENT_LEI, "AOTC", True, "grekko")),
        (BOB, ("C2", "natural", "SG", None, "AOTC", True, "grekko")),
        (FIRM_WALLET, ("FIRM", "legal", "FR", FIRM_LEI, "DEAL", True, "grekko")),
        (CROWD, (None, None, None, None, None, False, None)),
    ],
)
def test_a_trade_is_for_whom_the_wallet_belongs_to(wallet, told):
    one = trades_of(swap(AB, 1, -1), wallet=wallet).row(0, named=True)
    asked = ("client_id", "client_kind", "client_country", "client_lei", "capacity", "executed_by_firm", "executor_id")
    assert tuple(one[name] for name in asked) == told
    assert one["firm_lei"] == FIRM_LEI
    assert one["decentralised_without_intermediary"] is not one["executed_by_firm"]
    assert one["client_national_id"] is None


def test_no_name_and_no_day_of_birth_is_in_any_column():
    told = trades_of(swap(AB, 1, -1), wallet=BOB).row(0)
    assert not any("Robin" in str(value) or "Sampleton" in str(value) or "1980" in str(value) for value in told)


def test_dollars_are_those_of_the_reference_price_rounded_as_said():
    one = trades_of(swap(AB, -300_000, 105), prices=(price(A, 1.0, 0), price(B, 3000.123456789, 0))).row(0, named=True)
    assert one["price_usd"] == "3000.12345679"
    assert one["notional_usd"] == "3150.13"
    unknown = trades_of(swap(AB, -300_000, 105)).row(0, named=True)
    assert (unknown["price_usd"], unknown["notional_usd"]) == (None, None)


def test_where_the_bought_token_went_is_told_and_what_was_only_simulated_is_not_settled():
    one = trades_of(swap(AB, 1, -1, recipient=CROWD), origin="simulated").row(0, named=True)
    assert (one["from_address"], one["to_address"], one["settled"]) == (ALICE, CROWD, False)
    assert trades_of(swap(AB, 1, -1))["settled"].to_list() == [True]


def lake(tmp_path, told: pl.DataFrame, booked: pl.DataFrame) -> Warehouse:
    warehouse = Warehouse(lake=str(tmp_path / "lake"))
    warehouse.replace(trade_ledger.TABLE, booked)
    warehouse.replace(reportable_trades.TABLE, told)
    return warehouse


@pytest.mark.parametrize(
    ("spoil", "once", "two"),
    [
        (lambda rows: rows, True, True),
        (lambda rows: rows.tail(1), False, True),
        (lambda rows: rows.with_columns(amount_in=pl.col("amount_in") + 1), False, False),
        (lambda rows: rows.with_columns(side=pl.lit("SELL")), True, False),
        (lambda rows: rows.with_columns(base_amount=pl.col("base_amount") + 1), True, False),
    ],
)
def test_a_lost_trade_or_a_unit_too_many_is_noticed(tmp_path, spoil, once, two):
    seen = [swap(AB, -320_000, 100, tx="0x" + "1" * 64), swap(AB, 320_000, -100, tx="0x" + "2" * 64, log=1)]
    seen = [{**one, "block_hash": "0x" + "3" * 64} for one in seen]
    booked = ledger_of(seen, [sent(one["tx_hash"], ALICE) for one in seen])
    told = reportable(booked, swaps_of(*seen), identifiers(A=USDC, B=WETH), reference_prices.TABLE.empty(), PARTIES)
    warehouse, context = lake(tmp_path, spoil(told), booked), dg.build_asset_check_context()
    checks = (
        reportable_trades.every_trade_of_the_ledger_is_reportable_once,
        reportable_trades.base_and_quote_are_the_two_tokens_of_the_trade,
    )
    assert tuple(check(context, warehouse=warehouse).passed for check in checks) == (once, two)
