"""The accounts: a centre's day adds up, to the millionth of a dollar."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from assets.chain import gas_prices, transactions
from assets.partitions import Span
from assets.profit import closed_lots, open_lots, profit_center_daily
from assets.profit.accounts import GAS, daily_accounts, gas_of_trades, gas_without_trades, summary_of, unbalanced_days
from assets.profit.holdings import unexplained_holdings, wallet_flows
from tests.assets.enrichment.market import DAY, POOL, POOLS, USDC, WETH, frame_of, trade, trades
from tests.assets.profit.entries import liquidity, moved, valued

DOLLAR, ETH = 10**6, 10**18
TUESDAY = DAY + timedelta(days=1)
EVE = DAY - timedelta(days=1)
NO_GAS = pl.DataFrame(schema=GAS)
NAMES = ["Arbitrage", "Unassigned"]


def lot(value: int, cost: int, day: date = DAY, center: str = "Arbitrage", token: str = WETH, amount: int = 1) -> dict[str, Any]:
    money = {"amount": Decimal(amount), "cost_micro_usd": Decimal(cost), "value_micro_usd": Decimal(value)}
    return {"center": center, "token": token, "day": day, **money}


def gain(micro_usd: int, day: date = DAY, center: str = "Arbitrage") -> dict[str, Any]:
    return {"center": center, "token": WETH, "day": day, "gain_micro_usd": Decimal(micro_usd)}


def accounts(
    trades_: list[dict], gains: list[dict], lots: list[dict], gas: pl.DataFrame = NO_GAS, days: list[date] | None = None
) -> list[dict]:
    closed, held = frame_of(closed_lots.TABLE, *gains), frame_of(open_lots.TABLE, *lots)
    return list(daily_accounts(days or [DAY], NAMES, valued(*trades_), POOLS, closed, held, gas).iter_rows(named=True))


def test_net_is_gains_taken_plus_the_change_of_open_gains_minus_gas():
    gas = pl.DataFrame([(DAY, "Arbitrage", Decimal(7))], schema=GAS, orient="row")

    row, _ = accounts([], [gain(100), gain(-30)], [lot(500, 400, EVE), lot(900, 650)], gas)

    assert int(row["realised_pnl_micro_usd"]) == 70
    assert int(row["unrealised_pnl_micro_usd"]) == (900 - 650) - (500 - 400)
    assert int(row["net_pnl_micro_usd"]) == 70 + 150 - 7
    assert row["inventory_usd"] == 900 / DOLLAR


def test_an_idle_center_has_a_row_of_zeros_on_every_day():
    rows = accounts([], [], [], days=[DAY, TUESDAY])

    assert [(row["day"], row["center"]) for row in rows] == [(day, name) for day in (DAY, TUESDAY) for name in NAMES]
    assert all(row["net_pnl_micro_usd"] == 0 and row["trades"] == 0 and row["net_pnl_usd"] == 0.0 for row in rows)


def test_a_center_that_sold_out_gives_back_what_it_had_gained_on_paper():
    row, _ = accounts([], [gain(90)], [lot(500, 400, EVE)])

    assert int(row["unrealised_pnl_micro_usd"]) == -100
    assert int(row["net_pnl_micro_usd"]) == -10


def test_turnover_pool_fees_and_edge_are_those_of_the_trades():
    bought_well = trade(5, WETH, 1, USDC, 3010, notional_usd=3000.0)

    row, _ = accounts([bought_well, trade(6, WETH, 2, USDC, 5990, notional_usd=6000.0)], [], [])

    assert row["trades"] == 2
    assert row["turnover_usd"] == 9000.0
    assert row["pool_fees_usd"] == 4.5  # five basis points
    assert row["edge_usd"] == 0.0  # ten dollars won, ten lost


def test_a_center_the_file_does_not_name_is_counted_where_it_traded():
    rows = accounts([trade(5, WETH, 1, USDC, 3000, notional_usd=3000.0, center="Paper")], [], [])

    assert [(row["center"], row["trades"]) for row in rows] == [("Arbitrage", 0), ("Paper", 1), ("Unassigned", 0)]


def test_gas_of_trades_and_of_everything_else_a_center_sent():
    ledger = trades(trade(5, WETH, 1, USDC, 1, gas_cost_usd=2.5), trade(6, WETH, 1, USDC, 1, gas_cost_usd=None))
    sent = [
        {"tx_hash": hash_, "block_number": block, "gas_used": 100_000, "effective_gas_price": Decimal(10**10), "day": DAY}
        for hash_, block in (("0x5", 5), ("0xmint", 7), ("0xlost", 8))
    ]
    signed = frame_of(transactions.TABLE, *sent).with_columns(center=pl.lit("Arbitrage"))
    blocks = frame_of(gas_prices.TABLE, {"block_number": 7, "native_price_usd": 3000.0}, {"block_number": 8, "native_price_usd": None})

    of_trades, others = gas_of_trades(ledger), gas_without_trades(signed, ledger, blocks)

    assert [int(value) for value in of_trades["gas_micro_usd"]] == [2_500_000, 0]
    assert sorted(int(value) for value in others["gas_micro_usd"]) == [0, 3 * DOLLAR]  # 0.001 ETH; the other has no price


def test_the_summary_adds_the_days_up():
    days = [DAY + timedelta(days=n) for n in range(6)]
    rows = [
        {"day": day, "center": "Arbitrage", "trades": 1, "net_pnl_micro_usd": Decimal(n * 100 - 150), "gas_micro_usd": Decimal(1)}
        for n, day in enumerate(days)
    ]

    (summary,) = summary_of(frame_of(profit_center_daily.TABLE, *rows)).iter_rows(named=True)

    assert (summary["first_day"], summary["last_day"], summary["days"], summary["trades"]) == (days[0], days[-1], 6, 6)
    assert summary["net_pnl_usd"] == 600 / DOLLAR and summary["gas_usd"] == 6 / DOLLAR
    assert summary["max_drawdown_usd"] == 200 / DOLLAR  # -150 and -50 before the first gain
    assert summary["hit_rate"] == 4 / 6
    assert summary["sharpe_365_low"] < summary["sharpe_365"] < summary["sharpe_365_high"]


def test_a_short_record_has_no_ratio():
    (summary,) = summary_of(frame_of(profit_center_daily.TABLE, {"day": DAY, "center": "Arbitrage"})).iter_rows(named=True)

    assert summary["sharpe_365"] is None and summary["sharpe_365_low"] is None


def test_a_millionth_of_a_dollar_that_is_not_explained_is_found():
    held = frame_of(open_lots.TABLE, lot(500, 400, EVE), lot(900, 650))
    booked = {"day": DAY, "center": "Arbitrage", "realised_pnl_micro_usd": Decimal(250), "unrealised_pnl_micro_usd": Decimal(150)}
    wrong = {**booked, "realised_pnl_micro_usd": Decimal(251)}

    assert unbalanced_days(frame_of(profit_center_daily.TABLE, booked), held).is_empty()
    assert unbalanced_days(frame_of(profit_center_daily.TABLE, wrong), held).height == 1


def test_lots_that_no_trade_explains_are_found():
    flows = wallet_flows(valued(trade(5, USDC, 3000, WETH, 1, notional_usd=3000.0)), liquidity())
    bought = [lot(0, 0, amount=ETH), lot(0, 0, token=USDC, amount=-3000 * DOLLAR)]
    span = Span(DAY, DAY)

    assert unexplained_holdings(frame_of(open_lots.TABLE, *bought), flows, span).is_empty()
    more = unexplained_holdings(frame_of(open_lots.TABLE, lot(0, 0, amount=ETH + 1), bought[1]), flows, span)
    assert more["token"].to_list() == [WETH]
    assert unexplained_holdings(frame_of(open_lots.TABLE), flows, span).height == 2


def test_what_a_withdrawal_owes_is_held_before_it_is_collected():
    flows = wallet_flows(valued(), liquidity(moved("mint", 5, 1, 3000, 9), moved("burn", 6, 1, 3000, 9), moved("collect", 7, 0.25, 0)))
    owed = f"owed:{POOL}:-600:600:"
    held = [
        lot(0, 0, token=f"{owed}{WETH}", amount=3 * ETH // 4, center="DeFi-Yield"),
        lot(0, 0, token=f"{owed}{USDC}", amount=3000 * DOLLAR, center="DeFi-Yield"),
        lot(0, 0, token="position:elsewhere", amount=5, center="DeFi-Yield"),
    ]

    assert unexplained_holdings(frame_of(open_lots.TABLE, *held), flows, Span(DAY, DAY)).is_empty()


def test_a_redeemed_share_of_a_pair_pays_at_once():
    pair = {"protocol": "constant_product", "tick_lower": None, "tick_upper": None}

    flows = wallet_flows(valued(), liquidity(moved("burn", 6, 1, 3000, **pair)))

    assert {token: int(flow) for token, flow in flows.select("token", "flow").iter_rows()} == {WETH: ETH, USDC: 3000 * DOLLAR}
