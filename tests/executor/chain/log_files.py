"""Small files of logs, keys, ticks and candles, written the way strangers write them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from executor.venue import CONSTANT_PRODUCT_TOPICS, every_venue

POOL, PAIR, PANCAKE, ERC20 = ("0x" + byte * 20 for byte in ("11", "22", "33", "44"))
WETH, USDC = "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2", "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"
SWAP = every_venue()["uniswap_v3"].topic_of("swap")
PANCAKE_SWAP = every_venue()["pancakeswap_v3"].topic_of("swap")
MINT = every_venue()["uniswap_v3"].topic_of("mint")
SYNC = every_venue()["uniswap_v2"].topic_of("sync")
TRANSFER = next(topic for topic, event in CONSTANT_PRODUCT_TOPICS.items() if event == "transfer")
NOON = datetime(2024, 1, 5, 12, tzinfo=UTC)


def hash_of(number: int) -> str:
    return f"0x{number:064x}"


def log(block: int, index: int, address: str = POOL, topic: str = SWAP, **change: Any) -> dict[str, Any]:
    """One log as the raw-log files write it."""
    row = {
        "chain": "ethereum",
        "address": address,
        "block_number": block,
        "block_timestamp": NOON + timedelta(seconds=12 * block),
        "transaction_hash": hash_of(1000 * block + index),
        "transaction_index": index,
        "log_index": index,
        "topics": [topic, hash_of(7)],
        "data": "0x" + "00" * 160,
    }
    return {**row, **change}


def save(folder: Path, name: str, rows: list[dict[str, Any]] | pl.DataFrame) -> Path:
    file = folder / f"{name}.parquet"
    (rows if isinstance(rows, pl.DataFrame) else pl.DataFrame(rows, infer_schema_length=None)).write_parquet(file)
    return file


def save_key(folder: Path, **change: Any) -> Path:
    """A key file for `POOL` after log 1 of block 1."""
    state = {"sqrt_price_x96": str(2**96), "tick": -3, "liquidity": "700", "block": 1, "log_index": 1}
    key: dict[str, Any] = {
        "pool": POOL,
        "token0": "USDC 6dp",
        "token1": "WETH 18dp",
        "fee_pips": 500,
        "tick_spacing": 10,
        "start_state": state,
    }
    for path, value in change.items():
        where, _, field = path.rpartition("__")
        (key[where] if where else key)[field] = value
    file = folder / "key.json"
    file.write_text(json.dumps(key))
    return file


def save_ticks(folder: Path) -> Path:
    return save(
        folder,
        "ticks",
        [{"tick": -10, "liquidity_net": "700", "kind": "inferred"}, {"tick": 10, "liquidity_net": "-700", "kind": "inferred"}],
    )


def save_candles(folder: Path, start: datetime = NOON, candles: int = 4, **change: Any) -> Path:
    rows = [{"date": start + timedelta(minutes=5 * place), "open": 1.0, "close": 2000.0 + place, **change} for place in range(candles)]
    return save(folder, "eth_5m", rows)
