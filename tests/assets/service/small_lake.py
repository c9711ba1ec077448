"""A lake small enough to check by hand: three days, two pools, two wallets, every table of the lake.

Tables named here have the rows written below; every other table of the lake is there with no rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from assets.chain import event_proofs, gas_prices, pool_states, pools, quarantine, reference_prices, swaps, tokens, transactions
from assets.enrichment import execution_quality, market_conditions
from assets.learning import ab_evaluation, agent_decisions, features, shadow_trials
from assets.ledger import orders, trade_ledger
from assets.profit import profit_center_daily, profit_center_summary
from assets.service.catalog import lake_tables
from assets.warehouse import Warehouse
from domain.schemas import AMOUNT, Table

DAYS = [date(2026, 1, 5), date(2026, 1, 6), date(2026, 1, 7)]
WETH, USDC = "0x" + "e" * 40, "0x" + "c" * 40
DEEP, OLD = "0x" + "1" * 40, "0x" + "2" * 40
ARBITRAGEUR, STRANGER = "0x" + "a" * 40, "0x" + "b" * 40
ETH = 10**18
VENUES = {DEEP: ("uniswap_v3", "concentrated"), OLD: ("sushiswap", "constant_product")}
LABELS = {DEEP: "uniswap_v3 WETH/USDC 0.05%", OLD: "sushiswap WETH/USDC 0.30%"}
CENTERS = {ARBITRAGEUR: "Arbitrage", STRANGER: "Unassigned"}
PRICE_USD = 2000

# day, pool, wallet, WETH sold (base units), slippage against the reference (bps)
TRADES: list[tuple[int, str, str, int, float]] = [
    (0, DEEP, ARBITRAGEUR, 1 * ETH, 4.0),
    (0, DEEP, STRANGER, 3 * ETH, 8.0),
    (0, OLD, STRANGER, 1 * ETH, 40.0),
    (1, DEEP, ARBITRAGEUR, 2 * ETH + 1, -2.0),
    (1, OLD, ARBITRAGEUR, 2 * ETH, 32.0),
    (2, DEEP, STRANGER, 5 * ETH, 6.0),
]
# day, challenger's action, what it cost and what the champion's cost (bps)
ANSWERS = [(1, "now", 10.0, 10.0), (1, "split", 6.0, 10.0), (2, "wait", 4.0, 10.0), (2, "wait", 14.0, 10.0)]
GAS_USED, GAS_PRICE_WEI = 150_000, 20 * 10**9


def write_small_lake(folder: Path) -> Warehouse:
    """Writes every table of the lake under the folder."""
    warehouse = Warehouse(lake=str(folder))
    filled = rows_by_table()
    for table in lake_tables():
        warehouse.replace(table, frame_of(table, filled.get(table.name, [])))
    return warehouse


def rows_by_table() -> dict[str, list[dict[str, Any]]]:
    """The rows that were written by hand, by table."""
    return {
        tokens.TABLE.name: [
            dict(token=WETH, symbol="WETH", name="Wrapped Ether", decimals=18),
            dict(token=USDC, symbol="USDC", name="USD Coin", decimals=6),
        ],
        pools.TABLE.name: [_pool(DEEP, 500, 10), _pool(OLD, 3000, None)],
        reference_prices.TABLE.name: [
            dict(token=WETH, symbol="WETH", price_time=noon(day), price_usd=float(PRICE_USD), source="recording", day=day) for day in DAYS
        ],
        gas_prices.TABLE.name: [
            dict(block_number=100 * n + 7, block_time=noon(day), base_fee_per_gas=GAS_PRICE_WEI, base_fee_gwei=20.0, day=day)
            for n, day in enumerate(DAYS)
        ],
        transactions.TABLE.name: [_transaction(n, trade) for n, trade in enumerate(TRADES)],
        swaps.TABLE.name: [_swap(n, trade) for n, trade in enumerate(TRADES)],
        event_proofs.TABLE.name: [_proof(n, trade) for n, trade in enumerate(TRADES)],
        pool_states.TABLE.name: [_state(day) for day in DAYS],
        orders.TABLE.name: [*(_order(n, trade) for n, trade in enumerate(TRADES)), _reverted_order()],
        trade_ledger.TABLE.name: [_trade(n, trade) for n, trade in enumerate(TRADES)],
        execution_quality.TABLE.name: [_quality(n, trade) for n, trade in enumerate(TRADES)],
        market_conditions.TABLE.name: [_hour(day, pool, hour) for day in DAYS for pool in VENUES for hour in (0, 12)],
        profit_center_daily.TABLE.name: [_profit(day, center, n) for n, day in enumerate(DAYS) for center in CENTERS.values()],
        profit_center_summary.TABLE.name: [
            dict(
                center=center,
                first_day=DAYS[0],
                last_day=DAYS[-1],
                days=3,
                trades=3,
                sharpe_365=1.5,
                sharpe_365_low=-9.0,
                sharpe_365_high=12.0,
            )
            for center in CENTERS.values()
        ],
        features.TABLE.name: [_asked(n, answer) for n, answer in enumerate(ANSWERS)],
        shadow_trials.TABLE.name: [_answered(n, answer) for n, answer in enumerate(ANSWERS)],
        agent_decisions.TABLE.name: [
            dict(
                conversation_id="n-1", trade_id="t-1", called_at=noon(DAYS[1]), decided_at=noon(DAYS[1]), action="BUY", score_micro=400_000
            )
        ],
        ab_evaluation.TABLE.name: [
            dict(
                block=1,
                first_order_at=noon(DAYS[1]),
                block_hours=24,
                orders=4,
                champion_cost_bps=10.0,
                saving_bps=1.0,
                lift=0.1,
                e_value=1.5,
                bar=50.0,
                verdict="HOLD",
                reason="1 block of 24 h, 7 are needed.",
            ),
        ],
        quarantine.TABLE.name: [
            dict(
                source="swaps", reason="truncated_data", detail="32 bytes, expected 160", row_key="31337:0x01:4", row_json="{}", day=DAYS[0]
            ),
            dict(
                source="swaps", reason="truncated_data", detail="64 bytes, expected 160", row_key="31337:0x02:5", row_json="{}", day=DAYS[0]
            ),
            dict(source="transactions", reason="impossible_gas", detail="gas used 2^64-1", row_key="0x03", row_json="{}", day=DAYS[1]),
        ],
    }


def frame_of(table: Table, rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """Rows as a frame of the table; what a row does not say is empty where that is allowed, else a plain zero."""
    whole = [
        {column.name: row.get(column.name, None if column.nullable else _blank(column.dtype)) for column in table.columns} for row in rows
    ]
    return pl.DataFrame(whole, schema=table.schema, orient="row") if whole else table.empty()


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def hash_of(n: int) -> str:
    return f"0x{n:064x}"


def _blank(dtype: Any) -> Any:
    if dtype == AMOUNT:
        return Decimal(0)
    if dtype.is_integer():
        return 0
    if dtype.is_float():
        return 0.0
    return {pl.String: "", pl.Boolean: False, pl.Binary: bytes(32), pl.Date: DAYS[0], pl.Datetime: noon(DAYS[0])}[dtype.base_type()]


def _usdc_for(sold: int) -> int:
    return sold * PRICE_USD * 10**6 // ETH


def _place(n: int, day: date) -> dict[str, Any]:
    block = 100 * DAYS.index(day) + 7 + n
    return dict(
        chain_id=31337,
        block_number=block,
        block_hash=hash_of(block),
        block_time=noon(day) + timedelta(seconds=n),
        log_index=n,
        tx_hash=hash_of(10**6 + n),
        day=day,
    )


def _at(pool: str) -> dict[str, Any]:
    venue, protocol = VENUES[pool]
    return dict(pool=pool, venue=venue, protocol=protocol)


def _pool(pool: str, fee_pips: int, spacing: int | None) -> dict[str, Any]:
    return dict(
        **_at(pool), chain_id=31337, token0=WETH, symbol0="WETH", decimals0=18, token1=USDC, symbol1="USDC", decimals1=6,
        fee_pips=fee_pips, tick_spacing=spacing, has_snapshot=True, label=LABELS[pool],
    )  # fmt: skip


def _transaction(n: int, trade: tuple[int, str, str, int, float]) -> dict[str, Any]:
    day, _, wallet, _, _ = trade
    return dict(_place(n, DAYS[day]), from_address=wallet, gas_used=GAS_USED, effective_gas_price=GAS_PRICE_WEI, succeeded=True)


def _swap(n: int, trade: tuple[int, str, str, int, float]) -> dict[str, Any]:
    day, pool, wallet, sold, _ = trade
    return dict(
        _place(n, DAYS[day]), **_at(pool), sender=wallet, recipient=wallet, amount0=sold, amount1=-_usdc_for(sold), price=float(PRICE_USD)
    )


def _proof(n: int, trade: tuple[int, str, str, int, float]) -> dict[str, Any]:
    day, pool, _, _, _ = trade
    return dict(_place(n, DAYS[day]), **_at(pool), kind="swap", verdict="exact", how="exact_in", ticks_crossed=n % 2)


def _state(day: date) -> dict[str, Any]:
    # The largest liquidity a column can hold: 38 digits.
    ticks = [dict(tick=-10, liquidity_gross=Decimal(10**38 - 1), liquidity_net=Decimal(10**38 - 1), is_inferred=False)]
    return dict(
        **_at(DEEP),
        chain_id=31337,
        hour=noon(day) + timedelta(hours=11),
        is_day_close=True,
        block_number=7,
        log_index=1,
        sqrt_price_x96=(2**160 - 1).to_bytes(32, "big"),
        tick=-5,
        liquidity=10**38 - 1,
        price=float(PRICE_USD),
        ticks=ticks,
        accruals="{}",
        day=day,
    )


def _order(n: int, trade: tuple[int, str, str, int, float]) -> dict[str, Any]:
    day, _, wallet, sold, _ = trade
    place = _place(n, DAYS[day])
    return dict(
        place, order_id=place["tx_hash"], origin="observed", wallet=wallet, center=CENTERS[wallet], token_in=WETH, token_out=USDC,
        amount_in=sold, amount_out=_usdc_for(sold), legs=1, status="filled", is_round_trip=False,
    )  # fmt: skip


def _reverted_order() -> dict[str, Any]:
    place = _place(99, DAYS[2])
    return dict(
        place,
        order_id=place["tx_hash"],
        origin="observed",
        wallet=STRANGER,
        center="Unassigned",
        legs=0,
        status="reverted",
        is_round_trip=False,
    )


def _trade(n: int, trade: tuple[int, str, str, int, float]) -> dict[str, Any]:
    day, pool, wallet, sold, _ = trade
    place = _place(n, DAYS[day])
    gas_wei = GAS_USED * GAS_PRICE_WEI
    return dict(
        place,
        pool=pool,
        venue="DEX",
        protocol=VENUES[pool][0],
        trade_id=_trade_id(n, day),
        order_id=place["tx_hash"],
        leg=0,
        origin="observed",
        wallet=wallet,
        center=CENTERS[wallet],
        pool_label=LABELS[pool],
        token_in=WETH,
        symbol_in="WETH",
        decimals_in=18,
        token_out=USDC,
        symbol_out="USDC",
        decimals_out=6,
        amount_in=sold,
        amount_out=_usdc_for(sold),
        gas_used=GAS_USED,
        gas_cost_wei=gas_wei,
        gas_cost_usd=gas_wei * PRICE_USD / ETH,
        notional_usd=sold / ETH * PRICE_USD,
    )


def _quality(n: int, trade: tuple[int, str, str, int, float]) -> dict[str, Any]:
    day, pool, wallet, sold, slippage = trade
    notional = sold / ETH * PRICE_USD
    return dict(
        _place(n, DAYS[day]), **_at(pool), trade_id=_trade_id(n, day), center=CENTERS[wallet], notional_usd=notional,
        arrival_slippage_bps=slippage - 1, quote_slippage_bps=0.0, reference_slippage_bps=slippage, price_impact_bps=1.0,
        markout_10s_bps=-1.0, markout_1m_bps=-1.5, markout_5m_bps=2.0, markout_1h_bps=5.0, gas_bps=6.0 / notional * 1e4, fill_rate=1.0,
    )  # fmt: skip


def _trade_id(n: int, day: int) -> str:
    place = _place(n, DAYS[day])
    return f"31337:{place['block_hash']}:{n}"


def _hour(day: date, pool: str, hour: int) -> dict[str, Any]:
    traded = [trade for trade in TRADES if DAYS[trade[0]] == day and trade[1] == pool and hour == 12]
    return dict(
        **_at(pool),
        chain_id=31337,
        hour=datetime(day.year, day.month, day.day, hour, tzinfo=UTC),
        swaps=len(traded),
        volume_usd=float(sum(trade[3] for trade in traded) / ETH * PRICE_USD),
        close_price=float(PRICE_USD + hour),
        realised_volatility=0.003,
        depth_buy_50bps_usd=100_000.0,
        depth_sell_50bps_usd=90_000.0,
        reference_price=2000.0,
        spread_to_reference_bps=-3.0,
        day=day,
    )


def _asked(n: int, answer: tuple[int, str, float, float]) -> dict[str, Any]:
    day = DAYS[answer[0]]
    return dict(
        order_id=f"{day}-{n:03}",
        arrived_at=noon(day),
        known_at=noon(day),
        token_in=WETH,
        symbol_in="WETH",
        token_out=USDC,
        symbol_out="USDC",
        amount_in=ETH,
        amount_out_now=_usdc_for(ETH),
        reference_rate=2000.0,
        day=day,
    )


def _answered(n: int, answer: tuple[int, str, float, float]) -> dict[str, Any]:
    day, action, challenger, champion = DAYS[answer[0]], *answer[1:]
    return dict(
        order_id=f"{day}-{n:03}", arrived_at=noon(day), champion_action="now", champion_cost_bps=champion, challenger_action=action,
        challenger_cost_bps=challenger, saving_bps=champion - challenger, promised_bps=3.0, bundle_sha256="b" * 64, day=day,
    )  # fmt: skip


def _profit(day: date, center: str, n: int) -> dict[str, Any]:
    realised, unrealised, gas = (n - 1) * 1_000_001, 500_000, 250_000
    net = realised + unrealised - gas
    micro = dict(
        realised_pnl=realised, unrealised_pnl=unrealised, edge=200_000, gas=gas, pool_fees=1_000, net_pnl=net, turnover=4_000_000_000
    )
    return dict(
        day=day, center=center, trades=1, inventory_usd=0.0,
        **{f"{name}_micro_usd": value for name, value in micro.items()}, **{f"{name}_usd": value / 1e6 for name, value in micro.items()},
    )  # fmt: skip
