"""Decoding of a million Swap logs: ours beside web3.py and eth_abi, each on one core and in a process of its own.

The logs are synthetic, of realistic sizes, and lie in memory as the table `raw_logs` holds them (data as bytes, topics as text).
The peers take minutes for a million, so they decode a part of the same logs and the figure is per log. All must agree on that part.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from typing import Any

LOGS = 1_000_000
PART = {"web3": 3_000, "eth_abi": 20_000}
AIM = {"web3": 100, "eth_abi": 10}
SIDES = ("ours", "ours_with_quarantine", "web3", "eth_abi")
POOL = "0x" + "11" * 20
TYPES = ["int256", "int256", "uint160", "uint128", "int24"]
SEED = 7


def main() -> int:
    """Prints logs per second and peak memory of each side; returns 1 when the answers differ."""
    parser = argparse.ArgumentParser(prog="python -m bench.decode", description=__doc__)
    parser.add_argument("--logs", type=int, default=LOGS, help="how many logs to decode")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.side:
        print(json.dumps(_measure(asked.side, asked.logs)))
        return 0
    found = {side: _in_own_process(side, asked.logs) for side in SIDES}
    for side, figure in found.items():
        scaled = "" if figure["logs"] == asked.logs else f", measured on {figure['logs']:,} of them and scaled per log"
        print(f"{_TITLES[side]}: {figure['per_second']:,.0f} logs/s of one core, peak memory {figure['peak_mb']:,.0f} MB{scaled}")
    ratios = {peer: found["ours"]["per_second"] / found[peer]["per_second"] for peer in PART}
    for peer, ratio in ratios.items():
        print(f"ours / {_TITLES[peer]}: {ratio:,.0f} × (aim {AIM[peer]} ×)")
    agree = len({found[side]["digest"] for side in SIDES}) == 1
    print("All sides give the same numbers." if agree else "THE SIDES DIFFER.")
    return 0 if agree else 1


_TITLES = {
    "ours": "ours, all typed columns with range checks",
    "ours_with_quarantine": "ours, from raw logs through every quarantine rule",
    "web3": "web3.py process_log",
    "eth_abi": "eth_abi.decode (data only)",
}


def _in_own_process(side: str, logs: int) -> dict[str, Any]:
    # One thread: the figures are per core.
    environment = {**os.environ, "POLARS_MAX_THREADS": "1"}
    command = [sys.executable, "-m", "bench.decode", "--side", side, "--logs", str(logs)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.splitlines()[-1])


def _measure(side: str, logs: int) -> dict[str, Any]:
    import polars as pl

    frame = _logs(logs)
    if side in PART:
        frame = frame.head(PART[side])
    work = {"ours": _ours, "ours_with_quarantine": _ours_with_quarantine, "web3": _web3, "eth_abi": _eth_abi}[side](frame)
    work()  # what is loaded or compiled once is not what we measure
    start = time.process_time()
    rows = work()
    spent = time.process_time() - start
    assert isinstance(rows, pl.DataFrame) or len(rows) == frame.height
    first = [
        tuple(int(value) for value in row) for row in (_first_of(rows) if isinstance(rows, pl.DataFrame) else rows[: min(PART.values())])
    ]
    return {
        "logs": frame.height,
        "per_second": frame.height / spent,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "digest": str(hash(tuple(first))),  # whole numbers hash alike in every process
    }


def _first_of(rows: Any) -> list[tuple[int, ...]]:
    names = ("amount0", "amount1", "sqrt_price_x96", "liquidity", "tick")
    head = rows.sort("source_row").head(min(PART.values())).select(names)
    return [(int(a), int(b), int.from_bytes(price, "big"), int(liquidity), tick) for a, b, price, liquidity, tick in head.iter_rows()]


def _ours(frame: Any) -> Any:
    from assets.chain.decode import decode_event

    return lambda: decode_event(frame, "concentrated", "swap")


def _ours_with_quarantine(frame: Any) -> Any:
    import polars as pl

    from assets.chain.decode import decode_logs

    raw = frame.drop("venue", "protocol", "event", "decimals0", "decimals1", "trailing_words")
    pools = pl.DataFrame({"pool": [POOL], "venue": ["uniswap_v3"], "protocol": ["concentrated"], "decimals0": [18], "decimals1": [6]})
    blocks = raw.select("block_number", "block_hash", "block_time", is_canonical=pl.lit(True)).unique("block_number")
    return lambda: decode_logs(raw, pools, blocks, 1).swaps


def _web3(frame: Any) -> Any:
    from hexbytes import HexBytes
    from web3 import Web3

    inputs = [
        {"name": name, "type": kind, "indexed": indexed}
        for name, kind, indexed in [("sender", "address", True), ("recipient", "address", True)]
        + [(name, kind, False) for name, kind in zip(("amount0", "amount1", "sqrtPriceX96", "liquidity", "tick"), TYPES, strict=True)]
    ]
    address = Web3.to_checksum_address(POOL)
    swap = Web3().eth.contract(address=address, abi=[{"type": "event", "name": "Swap", "anonymous": False, "inputs": inputs}]).events.Swap()
    logs = [
        {
            "address": address,
            "topics": [HexBytes(topic) for topic in topics],
            "data": HexBytes(data),
            "blockHash": HexBytes(b"\1" * 32),
            "blockNumber": 1,
            "transactionHash": HexBytes(b"\2" * 32),
            "transactionIndex": 0,
            "logIndex": 0,
            "removed": False,
        }
        for data, *topics in frame.select("data", "topic0", "topic1", "topic2").iter_rows()
    ]
    names = ("amount0", "amount1", "sqrtPriceX96", "liquidity", "tick")
    return lambda: [tuple(told[name] for name in names) for told in (swap.process_log(log)["args"] for log in logs)]


def _eth_abi(frame: Any) -> Any:
    from eth_abi.abi import decode

    data = frame["data"].to_list()
    return lambda: [decode(TYPES, words) for words in data]


def _logs(count: int) -> Any:
    """Swap logs as rows of `raw_logs`, with what the decoder is told about their pool beside them."""
    import numpy as np
    import polars as pl
    import pyarrow as pa

    from executor.venue import every_venue

    random = np.random.default_rng(SEED)
    words = np.zeros((count, 20), ">u8")  # five words of four eight-byte parts
    sells0 = random.random(count) < 0.5
    _put(words, 0, random.integers(0, 1 << 20, count), random.integers(1, 1 << 62, count), ~sells0)
    _put(words, 1, np.zeros(count, np.int64), random.integers(1, 1 << 50, count), sells0)
    words[:, 9], words[:, 10], words[:, 11] = (
        random.integers(0, 1 << 20, count),
        random.integers(1, 1 << 62, count),
        random.integers(0, 1 << 62, count),
    )
    words[:, 14], words[:, 15] = random.integers(0, 1 << 30, count), random.integers(1, 1 << 62, count)
    ticks = random.integers(-300_000, 300_000, count)
    _put(words, 4, np.zeros(count, np.int64), np.abs(ticks), ticks < 0)
    column = pa.FixedSizeBinaryArray.from_buffers(pa.binary(160), count, [None, pa.py_buffer(words.tobytes())]).cast(pa.large_binary())
    wallets = pl.Series([f"0x{'0' * 24}{n:040x}" for n in random.integers(1, 1 << 60, 4096)])
    number = pl.int_range(count, dtype=pl.Int64)
    return pl.DataFrame({"data": pl.from_arrow(column)}).with_columns(
        chain_id=pl.lit(1, pl.Int64),
        block_number=number // 100,
        block_hash=pl.lit(""),
        block_time=pl.datetime(2026, 1, 5, time_zone="UTC") + pl.duration(seconds=number // 100),
        tx_hash=pl.format("0x{}", number.cast(pl.String).str.zfill(64)),
        transaction_index=number % 100,
        log_index=number % 100,
        address=pl.lit(POOL),
        topic0=pl.lit(every_venue()["uniswap_v3"].topic_of("swap")),
        topic1=pl.Series(wallets.gather(random.integers(0, 4096, count))),
        topic2=pl.Series(wallets.gather(random.integers(0, 4096, count))),
        topic3=pl.lit(None, pl.String),
        source_row=number,
        day=pl.date(2026, 1, 5),
        venue=pl.lit("uniswap_v3"),
        protocol=pl.lit("concentrated"),
        event=pl.lit("swap"),
        decimals0=pl.lit(18, pl.Int64),
        decimals1=pl.lit(6, pl.Int64),
        trailing_words=pl.lit(0, pl.Int64),
    )


def _put(words: Any, word: int, high: Any, low: Any, negative: Any) -> None:
    """Writes high·2^64 + low, or its negative, as a two's-complement word."""
    import numpy as np

    high, low = high.astype(np.uint64), low.astype(np.uint64)
    minus_low = ~low + np.uint64(1)
    minus_high = ~high + (minus_low == 0).astype(np.uint64)
    spread = np.where(negative, np.uint64(2**64 - 1), np.uint64(0))
    words[:, word * 4] = words[:, word * 4 + 1] = spread
    words[:, word * 4 + 2] = np.where(negative, minus_high, high)
    words[:, word * 4 + 3] = np.where(negative, minus_low, low)


if __name__ == "__main__":
    sys.exit(main())
