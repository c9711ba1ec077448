"""Enrichment of 10 M swaps: our function beside a bare Polars script of the same joins, with the peak memory of each.

Synthetic swaps of twenty tokens in forty pools over a month, a million minute prices. Each side runs in a process of its own and reads
the same files; both must come to the same numbers.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

AIM = 1.3
DAYS, TOKENS, POOLS, PRICE_MINUTES = 30, 20, 40, 50_000
FIRST_DAY = date(2026, 1, 5)
START_US = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp()) * 1_000_000
SIDES = ("ours", "bare")
HORIZONS = {"reference": 0, "markout_10s": 10, "markout_1m": 60, "markout_5m": 300, "markout_1h": 3600}
COSTS = ["arrival_slippage_bps", "price_impact_bps", "markout_1_block_bps", "gas_bps", "reference_slippage_bps"] + [
    f"{name}_bps" for name in HORIZONS if name != "reference"
]


def main() -> int:
    """Prints both times, their ratio and both peaks; 1 when the two disagree."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--repeat", type=int, default=1, help="take the best of so many runs")
    parser.add_argument("--side", choices=(*SIDES, "make"), help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.side == "make":
        _make(told.data, told.rows)
        return 0
    if told.side:
        print(json.dumps(_measured(told.side, told.data)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        # Elsewhere too: a process starts with the peak of the one that started it.
        _in_own_process("make", data, told.rows)
        runs = {side: [json.loads(_in_own_process(side, data)) for _ in range(told.repeat)] for side in SIDES}
    best = {side: min(each, key=lambda run: run["seconds"]) for side, each in runs.items()}
    ours, bare = best["ours"], best["bare"]
    ratio = ours["seconds"] / bare["seconds"]
    for side, run in best.items():
        rate = told.rows / run["seconds"]
        print(f"{side:>5}: {told.rows:,} swaps in {run['seconds']:.1f} s, {rate:,.0f} a second, peak {run['peak_gb']:.2f} GB")
    agree = all(abs(ours["means"][name] - bare["means"][name]) <= 1e-9 * (1 + abs(bare["means"][name])) for name in COSTS)
    print(f"ratio ours / bare: {ratio:.2f} (aim: at most {AIM}); same numbers: {'yes' if agree else 'NO'}")
    return 0 if agree else 1


def _in_own_process(side: str, data: Path, rows: int = 0) -> str:
    """What the process said last."""
    command = [sys.executable, "-m", "bench.enrichment", "--side", side, "--data", str(data), "--rows", str(rows)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip().rpartition("\n")[2]


def _measured(side: str, data: Path) -> dict:
    started = time.perf_counter()
    enriched = (_ours if side == "ours" else _bare)({name: pl.read_parquet(data / f"{name}.parquet") for name in INPUTS})
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return {"seconds": seconds, "peak_gb": peak, "means": {name: enriched[name].mean() for name in COSTS}}


def _ours(tables: dict[str, pl.DataFrame]) -> pl.DataFrame:
    from assets.enrichment.execution_costs import execution_costs
    from assets.enrichment.requotes import REQUOTES

    return execution_costs(
        tables["trades"], tables["proofs"], tables["pools"], tables["last_blocks"], pl.DataFrame(schema=REQUOTES), tables["prices"]
    )


def _bare(tables: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """What one would type: the same joins and the same arithmetic, nothing else."""
    proofs = tables["proofs"].sort("block_number", "log_index")
    blocks = proofs.group_by("pool", "block_number").agg(arrival=pl.col("price_before").first(), close=pl.col("price_after").last())
    later = blocks.select("pool", block_number=pl.col("block_number") - 1, next_close="close")
    swaps = (
        tables["trades"]
        .join(tables["pools"], on="pool", how="left")
        .join(proofs.drop("pool", "kind"), on=["block_number", "log_index"], how="left")
        .join(blocks, on=["pool", "block_number"], how="left")
        .join(later, on=["pool", "block_number"], how="left")
        .join(tables["last_blocks"], on="day", how="left")
    )
    prices = tables["prices"].sort("price_time")
    for name, seconds in HORIZONS.items():
        for side in ("in", "out"):
            swaps = swaps.with_columns(at=pl.col("block_time") + timedelta(seconds=seconds)).join_asof(
                prices.rename({"price_usd": f"{name}_{side}", "token": "priced"}),
                left_on="at",
                right_on="price_time",
                by_left=f"token_{side}",
                by_right="priced",
                tolerance="10m",
                check_sortedness=False,
            )
            swaps = swaps.drop("at", "price_time")
    fill = (
        pl.col("amount_out").cast(float)
        / 10.0 ** pl.col("decimals_out")
        / (pl.col("amount_in").cast(float) / 10.0 ** pl.col("decimals_in"))
    )
    swaps = swaps.with_columns(fill=fill, first=pl.col("token_in") == pl.col("token0"))

    def mid(price: pl.Expr) -> pl.Expr:
        return pl.when("first").then(price).otherwise(1 / price)

    next_mid = pl.when(pl.col("block_number") < pl.col("last_block")).then(pl.coalesce("next_close", "close"))
    gains = {name: pl.col("fill") * pl.col(f"{name}_out") / pl.col(f"{name}_in") - 1 for name in HORIZONS}
    return swaps.with_columns(
        arrival_slippage_bps=1e4 * (1 - pl.col("fill") / mid(pl.col("arrival"))),
        price_impact_bps=1e4 * (1 - mid(pl.col("price_after")) / mid(pl.col("price_before"))),
        markout_1_block_bps=1e4 * (pl.col("fill") / mid(next_mid) - 1),
        gas_bps=1e4 * pl.col("gas_cost_usd") / pl.col("notional_usd"),
        reference_slippage_bps=-1e4 * gains["reference"],
        **{f"{name}_bps": 1e4 * gains[name] for name in HORIZONS if name != "reference"},
    )


INPUTS = ("trades", "proofs", "pools", "last_blocks", "prices")


def _make(data: Path, rows: int) -> None:
    """Writes the inputs: blocks of twelve seconds, each pool's price a random walk around the reference."""
    draw = np.random.default_rng(11)
    tokens = [f"0x{7919 * (n + 1):040x}" for n in range(TOKENS)]
    pools = [f"0x{104729 * (n + 1):040x}" for n in range(POOLS)]
    first, second = draw.integers(0, TOKENS // 2, POOLS), draw.integers(TOKENS // 2, TOKENS, POOLS)
    walks = 100 * np.exp(np.cumsum(draw.normal(0, 3e-4, (TOKENS, PRICE_MINUTES)), axis=1))
    minutes = np.tile(START_US + np.arange(PRICE_MINUTES) * 60_000_000, TOKENS)
    _save(data, "prices", token=np.repeat(tokens, PRICE_MINUTES), price_time=minutes, price_usd=walks.ravel())
    pl.DataFrame({"pool": pools, "token0": [tokens[n] for n in first]}).write_parquet(data / "pools.parquet")

    seconds = np.sort(draw.integers(0, DAYS * 86_400 // 12, rows)) * 12
    block = seconds // 12
    log = np.arange(rows) - np.searchsorted(block, block)
    pool, sells_first = draw.integers(0, POOLS, rows), draw.random(rows) < 0.5
    price = walks[first[pool], seconds // 60] / walks[second[pool], seconds // 60]
    before = price * (1 + draw.normal(0, 5e-4, rows))
    after = before * (1 + np.where(sells_first, -1, 1) * np.abs(draw.normal(0, 3e-4, rows)))
    spent = draw.lognormal(0, 1, rows)
    got = spent * np.where(sells_first, before, 1 / before) * (1 - 5e-4)
    names_in, names_out = (np.array(tokens)[np.where(way, first[pool], second[pool])] for way in (sells_first, ~sells_first))
    whole = pl.Decimal(38, 0)
    trades = {"pool": np.array(pools)[pool], "token_in": names_in, "token_out": names_out, "block_number": block, "log_index": log}
    trades |= {"amount_in": (spent * 1e9).astype("int64"), "amount_out": (got * 1e9).astype("int64")}
    trades |= {
        "decimals_in": np.full(rows, 9),
        "decimals_out": np.full(rows, 9),
        "notional_usd": spent * 100,
        "gas_cost_usd": np.full(rows, 1.5),
    }
    frame = _timed(pl.DataFrame(trades).with_columns(block_time=pl.Series(START_US + seconds * 1_000_000)), "block_time")
    frame.with_columns(pl.col("amount_in", "amount_out").cast(whole), day=pl.col("block_time").dt.date()).write_parquet(
        data / "trades.parquet"
    )
    proofs = pl.DataFrame({"pool": trades["pool"], "block_number": block, "log_index": log, "price_before": before, "price_after": after})
    proofs.with_columns(kind=pl.lit("swap"), verdict=pl.lit("exact"), how=pl.lit("exact_in")).write_parquet(data / "proofs.parquet")
    days = [FIRST_DAY + timedelta(days=n) for n in range(DAYS)]
    pl.DataFrame({"day": days, "last_block": [(n + 1) * 7200 - 1 for n in range(DAYS)]}).write_parquet(data / "last_blocks.parquet")


def _save(data: Path, name: str, **columns: np.ndarray) -> None:
    _timed(pl.DataFrame(columns), "price_time").write_parquet(data / f"{name}.parquet")


def _timed(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    return frame.with_columns(pl.col(column).cast(pl.Datetime("us")).dt.replace_time_zone("UTC"))


if __name__ == "__main__":
    sys.exit(main())
