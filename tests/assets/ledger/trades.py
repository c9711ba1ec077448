"""Rows of the chain's tables for the ledger's tests, made from a few words each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from assets.chain import pools, swaps, tokens, transactions
from domain.schemas import Table

A, B, C = ("0x" + digit * 40 for digit in "abc")
AB, BC, AC = ("0x" + digit * 40 for digit in "123")
ALICE, BOB = ("0x" + digit * 40 for digit in "45")
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def rows(table: Table, *values: dict[str, Any]) -> pl.DataFrame:
    """Rows of a table; what is not given is null."""
    return pl.DataFrame([{name: value.get(name) for name in table.names} for value in values], schema=table.schema, strict=False)


def swap(pool: str, amount0: int, amount1: int, *, tx: str = "0xt", log: int = 0, recipient: str = BOB, block: int = 1) -> dict[str, Any]:
    """A swap of a pool, from the pool's side."""
    place = {
        "chain_id": 1,
        "block_number": block,
        "block_hash": f"0x{block}",
        "block_time": NOON + timedelta(minutes=block),
        "day": NOON.date(),
    }
    return {
        **place,
        "tx_hash": tx,
        "transaction_index": 0,
        "log_index": log,
        "pool": pool,
        "venue": "uniswap_v3",
        "protocol": "concentrated",
        "sender": ALICE,
        "recipient": recipient,
        "amount0": Decimal(amount0),
        "amount1": Decimal(amount1),
    }


def swaps_of(*values: dict[str, Any]) -> pl.DataFrame:
    """Rows of `swaps`."""
    return rows(swaps.TABLE, *values)


def sent(
    tx: str, wallet: str, *, gas_used: int | None = 100, price: int | None = 7, succeeded: bool | None = True, block: int = 1
) -> dict[str, Any]:
    """A transaction."""
    place = {
        "chain_id": 1,
        "block_number": block,
        "block_hash": f"0x{block}",
        "block_time": NOON + timedelta(minutes=block),
        "day": NOON.date(),
    }
    gas = {"gas_used": gas_used, "effective_gas_price": None if price is None else Decimal(price)}
    return {**place, "tx_hash": tx, "transaction_index": 0, "from_address": wallet, "value": Decimal(0), "succeeded": succeeded, **gas}


def transactions_of(*values: dict[str, Any]) -> pl.DataFrame:
    """Rows of `transactions`."""
    return rows(transactions.TABLE, *values)


def the_pools() -> pl.DataFrame:
    """Three pools over three tokens: A/B, B/C and A/C."""
    return rows(
        pools.TABLE,
        *(
            {
                "chain_id": 1,
                "pool": pool,
                "venue": "uniswap_v3",
                "protocol": "concentrated",
                "token0": token0,
                "symbol0": "X",
                "decimals0": 18,
            }
            | {"token1": token1, "symbol1": "Y", "decimals1": 6, "fee_pips": 500, "has_snapshot": True, "label": pool[:3]}
            for pool, token0, token1 in ((AB, A, B), (BC, B, C), (AC, A, C))
        ),
    )


def the_tokens() -> pl.DataFrame:
    """A, B and C."""
    return rows(
        tokens.TABLE,
        *(
            {"chain_id": 1, "token": token, "symbol": symbol, "name": symbol, "decimals": 2}
            for token, symbol in ((A, "A"), (B, "B"), (C, "C"))
        ),
    )
