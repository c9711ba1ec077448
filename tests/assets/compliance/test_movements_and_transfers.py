"""What a client's trades moved and where it went: values, owners, and the promises beside both tables."""

from __future__ import annotations

import dagster as dg
import polars as pl
import pytest

from assets.chain import reference_prices
from assets.compliance import reportable_trades, tax_movements, value_transfers
from assets.compliance.tax_movements import movements
from assets.compliance.value_transfers import declared_rate, transfers
from assets.warehouse import Warehouse
from tests.assets.compliance.parties_of_tests import BOBS_OTHER, FIRM_WALLET, PARTIES
from tests.assets.compliance.test_reportable_trades import CROWD, USDC, trades_of
from tests.assets.ledger.test_trade_ledger import price
from tests.assets.ledger.trades import AB, ALICE, BC, BOB, A, B, C, rows, swap, swaps_of

TX = "0x" + "ab" * 32
ROUTER = "0x" + "8" * 40
PRICES = (price(A, 1.0, 0), price(B, 3000.5, 0))


def moved(*seen: dict, wallet: str = BOB, prices: tuple = PRICES, origin: str = "observed") -> pl.DataFrame:
    found = movements(trades_of(*seen, wallet=wallet, prices=prices, origin=origin), rows(reference_prices.TABLE, *prices))
    return tax_movements.TABLE.conform(found)


def sent(*seen: dict, wallet: str = BOB, prices: tuple = PRICES, rate: str | None = "1.35") -> pl.DataFrame:
    seen_trades = trades_of(*seen, wallet=wallet, prices=prices)
    return value_transfers.TABLE.conform(transfers(seen_trades, swaps_of(*seen), rows(reference_prices.TABLE, *prices), PARTIES, rate))


def test_what_is_sold_goes_out_and_what_is_bought_comes_in_each_at_its_own_value():
    came, went = moved(swap(AB, 300_000, -101)).sort("direction").rows(named=True)
    assert (went["token"], went["amount"], went["direction"], went["value_usd"], went["dti"]) == (A, 300_000, "out", "3000.00", USDC)
    assert (came["token"], came["amount"], came["direction"], came["value_usd"]) == (B, 101, "in", "3030.50")
    assert (went["client_id"], went["client_tax_residence"], went["movement_id"]) == ("C2", "SG", "1:1:0:out")


def test_a_token_without_a_price_is_worth_what_the_other_one_was():
    assert moved(swap(BC, 100, -7))["value_usd"].to_list() == ["3000.50", "3000.50"]
    assert moved(swap(BC, 100, -7), prices=())["value_usd"].to_list() == [None, None]


@pytest.mark.parametrize(("wallet", "origin"), [(CROWD, "observed"), (FIRM_WALLET, "observed"), (BOB, "simulated")])
def test_trades_of_strangers_of_the_firm_and_of_simulations_move_nothing_of_a_client(wallet, origin):
    assert moved(swap(AB, 1, -1), wallet=wallet, origin=origin).is_empty()


@pytest.mark.parametrize(
    ("recipient", "told"),
    [
        (BOB, (True, "C2", "wallet")),
        (BOBS_OTHER, (True, "C2", "wallet")),
        (ALICE, (False, "C1", "wallet")),
        (CROWD, (False, None, "wallet")),
    ],
)
def test_whose_wallet_received_it_decides_whether_it_is_a_transfer_to_somebody_else(recipient, told):
    one = sent({**swap(AB, 300_000, -100, recipient=recipient), "sender": ROUTER}).row(0, named=True)
    assert (one["beneficiary_is_self"], one["beneficiary_client_id"], one["beneficiary_kind"]) == told
    assert (one["token"], one["amount"], one["originator_client_id"], one["originator_country"]) == (B, 100, "C2", "SG")
    assert (one["amount_usd"], one["amount_sgd"]) == ("3000.50", "4050.68")


def test_without_a_declared_rate_or_a_price_the_amount_in_singapore_dollars_is_empty():
    assert sent(swap(AB, 1, -1), rate=None)["amount_sgd"].to_list() == [None]
    assert sent(swap(AB, 1, -1), prices=())["amount_sgd"].to_list() == [None]


def test_a_leg_in_the_middle_is_no_transfer_and_a_contract_at_the_end_is_nobody_we_know():
    first = {**swap(AB, 300_000, -100, tx=TX, recipient=ROUTER), "sender": ROUTER}
    last = {**swap(BC, 100, -70, tx=TX, log=1, recipient=ROUTER), "sender": ROUTER}
    found = sent(first, last)
    assert found.select("token", "beneficiary_kind", "beneficiary_is_self").rows() == [(C, "contract", False)]


def test_paying_into_a_pool_is_no_transfer():
    assert sent(swap(AB, 300_000, -100, recipient=BOB))["token"].to_list() == [B]


@pytest.mark.parametrize("wallet", [CROWD, FIRM_WALLET])
def test_strangers_and_the_firm_itself_send_nothing_for_a_client(wallet):
    assert sent(swap(AB, 1, -1), wallet=wallet).is_empty()


def test_the_rate_is_the_one_that_the_rulebook_declares(tmp_path, monkeypatch):
    monkeypatch.delenv("GREKKO_REGULATIONS", raising=False)
    assert declared_rate("SGD") == "1.35"
    assert declared_rate("JPY") is None


ONE = {**swap(AB, 300_000, -100, tx=TX), "block_hash": "0x" + "3" * 64}


def checks(tmp_path, spoil_moved, spoil_sent) -> tuple[bool, ...]:
    warehouse, context = Warehouse(lake=str(tmp_path)), dg.build_asset_check_context()
    warehouse.replace(reportable_trades.TABLE, trades_of(ONE, wallet=BOB, prices=PRICES))
    warehouse.replace(tax_movements.TABLE, spoil_moved(moved(ONE)))
    warehouse.replace(value_transfers.TABLE, spoil_sent(sent(ONE)))
    promises = (
        tax_movements.the_movements_of_a_trade_are_its_two_tokens,
        value_transfers.every_transfer_is_what_a_trade_gave_to_its_recipient,
        value_transfers.every_order_of_a_client_ends_in_a_transfer,
    )
    return tuple(promise(context, warehouse=warehouse).passed for promise in promises)


def same(frame: pl.DataFrame) -> pl.DataFrame:
    return frame


def a_unit_more(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(amount=pl.col("amount") + 1)


def lost(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.tail(-1)


@pytest.mark.parametrize(
    ("spoil_moved", "spoil_sent", "kept"),
    [
        (same, same, (True, True, True)),
        (a_unit_more, same, (False, True, True)),
        (lost, same, (False, True, True)),
        (same, a_unit_more, (True, False, True)),
        (same, lost, (True, True, False)),
    ],
)
def test_what_is_lost_or_a_unit_off_is_noticed(tmp_path, spoil_moved, spoil_sent, kept):
    assert checks(tmp_path, spoil_moved, spoil_sent) == kept
