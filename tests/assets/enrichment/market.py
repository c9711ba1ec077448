"""A small market by hand: one WETH/USDC pool, three minutes of prices, a handful of trades."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from assets.chain import event_proofs, pools
from assets.ledger import trade_ledger
from domain.schemas import Table

DAY = date(2026, 1, 5)
MIDNIGHT = datetime(2026, 1, 5, tzinfo=UTC)
POOL, WETH, USDC = "0xpool", "0xweth", "0xusdc"
DECIMALS = {WETH: 18, USDC: 6}

BLANKS: dict[str, Any] = {
    "Int64": 0,
    "Int32": 0,
    "Float64": 0.0,
    "Boolean": False,
    "Binary": b"",
    "Decimal(precision=38, scale=0)": Decimal(0),
    "Datetime(time_unit='us', time_zone='UTC')": MIDNIGHT,
    "Date": DAY,
}


def frame_of(table: Table, *rows: dict[str, Any]) -> pl.DataFrame:
    """Rows of a table; whatever a row does not say is empty or zero."""
    blank = {column.name: None if column.nullable else BLANKS.get(str(column.dtype), "") for column in table.columns}
    return pl.DataFrame([{**blank, **row} for row in rows], schema=table.schema, orient="row")


def pool(address: str = POOL, **said: Any) -> dict[str, Any]:
    known = {"venue": "uniswap_v3", "protocol": "concentrated", "fee_pips": 500, "tick_spacing": 10, "label": "uniswap_v3 WETH/USDC 0.05%"}
    tokens = {"token0": WETH, "symbol0": "WETH", "decimals0": 18, "token1": USDC, "symbol1": "USDC", "decimals1": 6}
    return {"chain_id": 1, "pool": address, "has_snapshot": True, **known, **tokens, **said}


POOLS = frame_of(pools.TABLE, pool())


def trade(block: int, sold: str, spent: float, bought: str, got: float, *, seconds: float = 0, log: int = 0, **said: Any) -> dict[str, Any]:
    """A trade of whole tokens, `seconds` after midnight."""
    amounts = {"amount_in": Decimal(round(spent * 10 ** DECIMALS[sold])), "amount_out": Decimal(round(got * 10 ** DECIMALS[bought]))}
    where = {"chain_id": 1, "block_number": block, "log_index": log, "tx_hash": f"0x{block}", "trade_id": f"1:{block}:{log}", "pool": POOL}
    tokens = {"token_in": sold, "decimals_in": DECIMALS[sold], "token_out": bought, "decimals_out": DECIMALS[bought]}
    symbols = {"symbol_in": sold[2:].upper(), "symbol_out": bought[2:].upper()}
    time = MIDNIGHT + timedelta(seconds=seconds)
    return {**where, **amounts, **tokens, **symbols, "block_time": time, "day": time.date(), "center": "Arbitrage", **said}


def trades(*rows: dict[str, Any]) -> pl.DataFrame:
    return frame_of(trade_ledger.TABLE, *rows)


def proof(
    block: int, before: float, after: float, *, log: int = 0, kind: str = "swap", how: str | None = "exact_in", **said: Any
) -> dict[str, Any]:
    where = {"chain_id": 1, "block_number": block, "log_index": log, "pool": POOL, "day": DAY, "block_time": MIDNIGHT}
    return {**where, "kind": kind, "verdict": "exact", "how": how, "price_before": before, "price_after": after, **said}


def proofs(*rows: dict[str, Any]) -> pl.DataFrame:
    return frame_of(event_proofs.TABLE, *rows)


def prices(weth: dict[float, float], usdc: float = 1.0) -> pl.DataFrame:
    """WETH in dollars by seconds after midnight, and USDC at the same moments."""
    rows = [
        {"token": token, "price_time": MIDNIGHT + timedelta(seconds=at), "price_usd": value}
        for at, weth_usd in weth.items()
        for token, value in ((WETH, weth_usd), (USDC, usdc))
    ]
    return pl.DataFrame(rows, schema={"token": pl.String, "price_time": pl.Datetime("us", "UTC"), "price_usd": pl.Float64})
