"""A world small enough to follow: three pairs, a quiet reference, and trades that knock a price away until arbitrage brings it back.

Every quarter of an hour somebody trades in one of the pairs, and 36 seconds later arbitrage puts the price about right. So waiting a
minute pays where the trade went against the order, and costs where it went its way: that is what a challenger can learn here.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import polars as pl

from assets.chain import gas_prices, liquidity_events, pool_states, pools, reference_prices, swaps, tokens
from assets.warehouse import Warehouse
from domain.schemas import Table

FIRST = date(2026, 1, 5)
MIDNIGHT = datetime(2026, 1, 5, tzinfo=UTC)
CHAIN = 31337
DAI, USDC, WETH = ("0x" + digit * 40 for digit in "123")
DECIMALS = {DAI: 18, USDC: 6, WETH: 18}
SYMBOLS = {DAI: "DAI", USDC: "USDC", WETH: "WETH"}
# Address, first token, second token, dollars on each side.
PAIRS = (("0x" + "a" * 40, USDC, WETH, 8e6), ("0x" + "b" * 40, USDC, WETH, 5e6), ("0x" + "c" * 40, DAI, WETH, 4e6))
TRADE_EVERY, PUT_RIGHT_AFTER = timedelta(minutes=15), timedelta(seconds=36)
KNOCK_BPS, LEFT_BPS = 60.0, 35.0


def build(warehouse: Warehouse, days: int, seed: int = 7) -> None:
    """Writes the chain's tables for so many days from the first."""
    rng = np.random.default_rng(seed)
    minutes = days * 24 * 60
    weth = 3000 * np.exp(np.cumsum(rng.normal(0, 0.0002, minutes)))
    _replace(warehouse, tokens.TABLE, _told(tokens.TABLE, [_token(token) for token in (DAI, USDC, WETH)]))
    _replace(warehouse, pools.TABLE, _told(pools.TABLE, [_pool(*pair) for pair in PAIRS]))
    _replace(warehouse, reference_prices.TABLE, _prices(weth))
    events = _events(weth, days, rng)
    _replace(warehouse, swaps.TABLE, _told(swaps.TABLE, [row for row in events if row["kind"] == "swap"]))
    _replace(warehouse, liquidity_events.TABLE, _told(liquidity_events.TABLE, [row for row in events if row["kind"] == "sync"]))
    _replace(warehouse, gas_prices.TABLE, _gas(events))
    _replace(warehouse, pool_states.TABLE, _states(events, days))


def _replace(warehouse: Warehouse, table: Table, frame: pl.DataFrame) -> None:
    warehouse.replace(table, frame)


def _told(table: Table, rows: list[dict]) -> pl.DataFrame:
    """Rows with whatever the table asks beside what they tell left empty."""
    blank = {"chain_id": CHAIN, "block_hash": "", "tx_hash": "0x" + "0" * 64, "transaction_index": 0, "sender": "", "recipient": ""}
    whole = [{name: row.get(name, blank.get(name)) for name in table.names} for row in rows]
    return pl.DataFrame(whole, schema=table.schema, orient="row")


def _token(token: str) -> dict:
    return {"token": token, "symbol": SYMBOLS[token], "name": SYMBOLS[token], "decimals": DECIMALS[token]}


def _pool(pool: str, token0: str, token1: str, _: float) -> dict:
    sides = {"token0": token0, "symbol0": SYMBOLS[token0], "decimals0": DECIMALS[token0]}
    sides |= {"token1": token1, "symbol1": SYMBOLS[token1], "decimals1": DECIMALS[token1]}
    return {
        "pool": pool,
        "venue": "sushiswap",
        "protocol": "constant_product",
        **sides,
        "fee_pips": 3000,
        "has_snapshot": True,
        "label": pool[:4],
    }


def _prices(weth: np.ndarray) -> pl.DataFrame:
    rows = []
    for minute, price in enumerate(weth):
        at = MIDNIGHT + timedelta(minutes=minute)
        for token, dollars in ((WETH, float(price)), (USDC, 1.0), (DAI, 1.0)):
            rows.append(
                {"token": token, "symbol": SYMBOLS[token], "price_time": at, "price_usd": dollars, "source": "made up", "day": at.date()}
            )
    return _told(reference_prices.TABLE, rows)


def _events(weth: np.ndarray, days: int, rng: np.random.Generator) -> list[dict]:
    """A trade that knocks a pair's price off, and the one that puts it right; each with the Sync before it."""
    rows: list[dict] = []
    for number in range(days * 96):
        pair = PAIRS[int(rng.integers(len(PAIRS)))]
        knock, left = float(rng.normal(0, KNOCK_BPS)) / 1e4, float(rng.normal(0, LEFT_BPS)) / 1e4
        at = MIDNIGHT + number * TRADE_EVERY + timedelta(seconds=12)
        for step, (moment, off) in enumerate(((at, knock), (at + PUT_RIGHT_AFTER, left))):
            minute = min((moment - MIDNIGHT) // timedelta(minutes=1), len(weth) - 1)
            rows += _trade(pair, moment, 100 + 2 * number + step, float(weth[minute]) * (1 + off))
    return rows


def _trade(pair: tuple[str, str, str, float], moment: datetime, block: int, dollars_per_weth: float) -> list[dict]:
    pool, token0, _, deep = pair
    at_3000 = deep * deep / 3000
    dollars = (at_3000 * dollars_per_weth) ** 0.5
    reserve0, reserve1 = int(dollars * 10 ** DECIMALS[token0]), int(dollars / dollars_per_weth * 10**18)
    where = {
        "pool": pool,
        "venue": "sushiswap",
        "protocol": "constant_product",
        "block_number": block,
        "block_time": moment,
        "day": moment.date(),
    }
    sync = {**where, "kind": "sync", "log_index": 0, "amount0": Decimal(reserve0), "amount1": Decimal(reserve1)}
    amounts = {"amount0": Decimal(1000), "amount1": Decimal(-1000), "amount0_out": Decimal(0), "amount1_out": Decimal(1000)}
    return [sync, {**where, "kind": "swap", "log_index": 1, **amounts, "price": dollars_per_weth}]


def _gas(events: list[dict]) -> pl.DataFrame:
    blocks = {row["block_number"]: row for row in events}
    return _told(
        gas_prices.TABLE,
        [
            {
                "block_number": block,
                "block_time": row["block_time"],
                "base_fee_per_gas": Decimal(5 * 10**9),
                "base_fee_gwei": 5.0,
                "native_price_usd": 3000.0,
                "day": row["day"],
            }
            for block, row in blocks.items()
        ],
    )


def _states(events: list[dict], days: int) -> pl.DataFrame:
    """The first hour of the first day, from which the pools are known, and every day's close."""
    rows = []
    syncs = [row for row in events if row["kind"] == "sync"]
    for hour in [0, *(24 * day + 23 for day in range(days))]:
        start = MIDNIGHT + timedelta(hours=hour)
        for pool, _, _, _ in PAIRS:
            before = [row for row in syncs if row["pool"] == pool and row["block_time"] < start + timedelta(hours=1)]
            if before:
                rows.append(_state(before[-1], start, is_day_close=hour % 24 == 23))
    return _told(pool_states.TABLE, rows)


def _state(sync: dict, hour: datetime, is_day_close: bool) -> dict:
    where = {name: sync[name] for name in ("pool", "venue", "protocol", "block_number")}
    state = {"log_index": 1, "fee_pips": 3000, "reserve0": sync["amount0"], "reserve1": sync["amount1"], "price": 1.0}
    return {**where, **state, "hour": hour, "is_day_close": is_day_close, "day": hour.date()}
