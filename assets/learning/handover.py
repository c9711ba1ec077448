"""Hands over to the executor: the pools at the last close, the market as known then, and the bundle that decides.

Files go in under temporary names and `active.json`, which names them all by hash, last: an executor that looks meanwhile sees the old
hand-over or the new one, never a mixture.
"""

import io
import json
import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from assets.chain.market_replay import pools_at
from assets.learning.replay import is_quotable, tradable
from domain.bundles import MANIFEST, sha256
from domain.market import MarketHistory
from executor.handover import ACTIVE, BUNDLES, FORMAT, MARKET, POOLS, TICKS, TOKENS

# What the features look back on, and an hour to spare.
REACH = timedelta(hours=2)


class HandoverFolder(dg.ConfigurableResource):
    """The folder the executor reads."""

    folder: str

    @property
    def path(self) -> Path:
        return Path(self.folder)


def write_handover(
    folder: Path,
    *,
    pools: pl.DataFrame,
    ticks: pl.DataFrame,
    tokens: pl.DataFrame,
    history: MarketHistory,
    bundle: Path,
    version: str,
    chain_id: int,
    as_of: datetime,
) -> tuple[int, bool]:
    """Puts a hand-over into the folder; returns its generation and whether anything changed.

    The same content again changes nothing, not even the generation.
    """
    contents = {
        POOLS: parquet_bytes(pools),
        TICKS: parquet_bytes(ticks),
        TOKENS: parquet_bytes(tokens),
        MARKET: json.dumps(history.tail(as_of, REACH).to_document(), separators=(",", ":")).encode(),
    }
    told: dict[str, Any] = {
        "format": FORMAT,
        "version": version,
        "bundle": bundle.name,
        "chain_id": chain_id,
        "as_of": as_of.isoformat(),
        "files": {name: sha256(content) for name, content in contents.items()},
    }
    before = _before(folder)
    generation = int(before.get("generation", 0))
    if {**told, "generation": generation} == before and _is_whole(folder, told["files"], bundle):
        return generation, False
    _copy_bundle(bundle, folder / BUNDLES / bundle.name)
    for name, content in contents.items():
        write_durably(folder / name, content)
    told["generation"] = generation + 1
    write_durably(folder / ACTIVE, json.dumps(told, indent=1, sort_keys=True).encode() + b"\n")
    return generation + 1, True


def pool_files(states: pl.DataFrame, pools: pl.DataFrame, known_ids: Mapping[str, int]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of `pool_states` (one a pool) and of `pools` as the two files a route is asked of.

    A pool keeps the id it was once given; new ones follow in the order of their addresses. Left out are pools whose tokens are not
    known, as nobody could ask for one or say what its units mean, and pools whose ticks are not all known, as they would quote anything.
    """
    quotable = [pool for pool, state in pools_at(states).items() if is_quotable(state)]
    sides = ("token0", "symbol0", "decimals0", "token1", "symbol1", "decimals1")
    joined = states.filter(pl.col("pool").is_in(quotable)).join(tradable(pools).select("pool", *sides), on="pool").sort("pool")
    ids = dict(known_ids)
    for pool in joined["pool"]:
        ids.setdefault(pool, max(ids.values(), default=-1) + 1)
    numbered = (
        joined.with_columns(pool_id=pl.col("pool").replace_strict(ids, return_dtype=pl.Int64))
        if joined.height
        else joined.with_columns(pool_id=pl.lit(0, pl.Int64))
    )
    prices = [None if word is None else str(int.from_bytes(word, "big")) for word in numbered["sqrt_price_x96"]]
    files = numbered.with_columns(sqrt_price_x96=pl.Series(prices, dtype=pl.String)).select(
        "pool_id",
        "protocol",
        "token0",
        pl.col("symbol0").alias("token0_symbol"),
        pl.col("decimals0").alias("token0_decimals"),
        "token1",
        pl.col("symbol1").alias("token1_symbol"),
        pl.col("decimals1").alias("token1_decimals"),
        "fee_pips",
        "tick_spacing",
        "sqrt_price_x96",
        pl.col("tick").cast(pl.Int64),
        pl.col("liquidity", "reserve0", "reserve1").cast(pl.String),
        "pool",
        "venue",
    )
    ticks = (
        numbered.filter(pl.col("ticks").list.len() > 0)
        .select("pool_id", "ticks")
        .explode("ticks")
        .unnest("ticks")
        .select("pool_id", pl.col("tick").cast(pl.Int64), pl.col("liquidity_net", "liquidity_gross").cast(pl.String))
    )
    return files.sort("pool_id"), ticks.sort("pool_id", "tick")


def ids_in(folder: Path) -> dict[str, int]:
    """The pool ids of the hand-over that lies in the folder; none when there is none yet."""
    file = folder / POOLS
    if not file.is_file():
        return {}
    return dict(pl.read_parquet(file, columns=["pool", "pool_id"]).iter_rows())


def model_in(folder: Path) -> tuple[Path, str] | None:
    """The bundle's folder and the version that the hand-over in the folder names; None when there is none, or it is not whole."""
    told = _before(folder)
    bundle, version = told.get("bundle"), told.get("version")
    if not isinstance(bundle, str) or not isinstance(version, str):
        return None
    place = folder / BUNDLES / bundle
    return (place, version) if (place / MANIFEST).is_file() else None


def parquet_bytes(frame: pl.DataFrame) -> bytes:
    """The frame as a Parquet file; the same rows give the same bytes."""
    sink = io.BytesIO()
    frame.rechunk().write_parquet(sink, compression="zstd", statistics=False)
    return sink.getvalue()


def _before(folder: Path) -> dict[str, Any]:
    try:
        told = json.loads((folder / ACTIVE).read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _is_whole(folder: Path, files: Mapping[str, str], bundle: Path) -> bool:
    parts = [(folder / name, digest) for name, digest in files.items()]
    parts += [(folder / BUNDLES / bundle.name / part.name, sha256(part.read_bytes())) for part in bundle.iterdir()]
    return all(file.is_file() and sha256(file.read_bytes()) == digest for file, digest in parts)


def _copy_bundle(bundle: Path, folder: Path) -> None:
    for part in sorted(bundle.iterdir()):
        write_durably(folder / part.name, part.read_bytes())


def write_durably(file: Path, content: bytes) -> None:
    """The file with this content, whole or not at all, on the disk when this returns: its bytes, and its name in the folder."""
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.writing")
    with temporary.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(file)
    entry = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(entry)
    os.close(entry)
