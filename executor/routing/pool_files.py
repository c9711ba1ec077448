"""Pools from files: one row a pool, one row a tick, as `../shared/data/router_pools_19` has them.

Constant-product pools carry reserves, concentrated pools carry a price, a liquidity and ticks. A file that is not whole is
refused with the field and the fix, because a pool with a missing tick quotes wrong prices without a word. Only ticks that
say themselves that they were inferred (`is_inferred`, from a stretch of logs) are taken as they are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from domain.amm.concentrated import ConcentratedPool, Tick
from domain.amm.constant_product import ConstantProductPool
from domain.problems import BadInput, Refused
from executor.routing.pool_book import BookedPool, PoolBook, Token

POOL_COLUMNS = (
    "pool_id", "protocol", "token0", "token0_symbol", "token0_decimals", "token1", "token1_symbol", "token1_decimals", "fee_pips",
)  # fmt: skip
CONCENTRATED_COLUMNS = ("tick_spacing", "sqrt_price_x96", "tick", "liquidity")
CONSTANT_PRODUCT_COLUMNS = ("reserve0", "reserve1")
TICK_COLUMNS = ("pool_id", "tick", "liquidity_net")
LONGEST_NUMBER = 80  # characters; 2^256 has 78 digits


def load_pool_book(pools_path: Path | str, ticks_path: Path | str) -> PoolBook:
    """All pools of a pair of files. Raises BadInput naming the file, the field and the fix."""
    pools_path, ticks_path = Path(pools_path), Path(ticks_path)
    pools = read_parquet(pools_path, "pools")
    need_columns(pools, (*POOL_COLUMNS, *CONCENTRATED_COLUMNS, *CONSTANT_PRODUCT_COLUMNS), pools_path)
    ticks = _ticks_by_pool(ticks_path)
    booked: dict[int, BookedPool] = {}
    for row in pools.iter_rows(named=True):
        pool_id = whole_number(row["pool_id"], "pool_id", pools_path)
        if pool_id in booked:
            raise BadInput(f"{pools_path} tells pool {pool_id} twice; keep one row a pool.", file=str(pools_path), field="pool_id")
        booked[pool_id] = _booked(row, pool_id, ticks.pop(pool_id, _Ticks({}, False)), pools_path)
    if ticks:
        raise BadInput(
            f"{ticks_path} has ticks of pools {sorted(ticks)}, which {pools_path} does not tell; give two files of the same moment.",
            file=str(ticks_path),
            field="pool_id",
        )
    if not booked:
        raise BadInput(f"{pools_path} holds no pool; give at least one row.", file=str(pools_path), field="pool_id")
    return PoolBook(booked.values())


def family_of(protocol: Any) -> str | None:
    """The shape of mathematics behind a protocol's name, or None when the name does not tell: UniswapV3State, pancakeswap_v3 …"""
    name = str(protocol).lower()
    if "v3" in name or name == "concentrated":
        return "concentrated"
    if "v2" in name or name in ("constant_product", "sushiswap"):
        return "constant_product"
    return None


def _booked(row: dict[str, Any], pool_id: int, told: _Ticks, path: Path) -> BookedPool:
    where = f"{path}, pool {pool_id}"
    facts = {"file": str(path), "pool_id": pool_id}
    family = family_of(row["protocol"])
    if family is None:
        raise BadInput(
            f"{where}: protocol {row['protocol']!r} is of no known family; name one with V2 or V3 in it.", field="protocol", **facts
        )
    sides = [_token(row, side, where, facts) for side in ("token0", "token1")]
    if sides[0].address >= sides[1].address:
        raise BadInput(f"{where}: token0 must be the lower of two different addresses; swap the two sides.", field="token0", **facts)
    needed = CONCENTRATED_COLUMNS if family == "concentrated" else CONSTANT_PRODUCT_COLUMNS
    numbers: dict[str, Any] = {name: whole_number(row[name], name, path, pool_id) for name in ("fee_pips", *needed)}
    try:
        if family == "constant_product":
            pool: ConcentratedPool | ConstantProductPool = ConstantProductPool(**numbers)
            if told.ticks:
                raise BadInput("a constant-product pool has no ticks; take them out of the ticks file.", field="tick")
        else:
            gross_unknown = any(one.liquidity_gross is None for one in told.ticks.values())
            pool = ConcentratedPool(**numbers, ticks=told.ticks, ticks_are_inferred=gross_unknown)
            pool.check_ticks(whole=not told.are_inferred)
    except Refused as problem:
        raise BadInput(f"{where}: {problem.message}", **{**problem.facts, **facts}) from problem
    return BookedPool(pool_id, pool, sides[0], sides[1], str(row["protocol"]), row.get("pool"), row.get("venue"))


def _token(row: dict[str, Any], side: str, where: str, facts: dict[str, Any]) -> Token:
    address = row[side]
    if not isinstance(address, str) or not address.startswith("0x"):
        raise BadInput(f"{where}: {side} is {address!r}; give the token's address.", field=side, **facts)
    symbol, decimals = row[f"{side}_symbol"], row[f"{side}_decimals"]
    if not isinstance(decimals, int) or not 0 <= decimals <= 255:
        raise BadInput(f"{where}: {side}_decimals is {decimals!r}; give 0 to 255.", field=f"{side}_decimals", **facts)
    return Token(address.lower(), str(symbol or ""), decimals)


class _Ticks(NamedTuple):
    """The ticks of one pool, and whether they are only those that a stretch of logs showed."""

    ticks: Mapping[int, Tick]
    are_inferred: bool


def _ticks_by_pool(path: Path) -> dict[int, _Ticks]:
    frame = read_parquet(path, "ticks")
    need_columns(frame, TICK_COLUMNS, path)
    found: dict[int, dict[int, Tick]] = defaultdict(dict)
    inferred: set[int] = set()
    for row in frame.iter_rows(named=True):
        pool_id, tick = whole_number(row["pool_id"], "pool_id", path), whole_number(row["tick"], "tick", path)
        if tick in found[pool_id]:
            raise BadInput(f"{path} tells tick {tick} of pool {pool_id} twice; keep one.", file=str(path), field="tick", pool_id=pool_id)
        gross = row.get("liquidity_gross")
        known = None if gross is None else whole_number(gross, "liquidity_gross", path, pool_id)
        found[pool_id][tick] = Tick(known, whole_number(row["liquidity_net"], "liquidity_net", path, pool_id))
        if row.get("is_inferred"):
            inferred.add(pool_id)
    return {pool_id: _Ticks(ticks, pool_id in inferred) for pool_id, ticks in found.items()}


# --- reading --------------------------------------------------------------------------------------------------------


def read_parquet(path: Path, field: str) -> pl.DataFrame:
    """A Parquet file as a frame. Raises BadInput when it is absent or cannot be read."""
    if not path.is_file():
        raise BadInput(f"{path} does not exist; give a Parquet file.", file=str(path), field=field)
    try:
        return pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as broken:
        raise BadInput(
            f"{path} cannot be read as Parquet ({broken}); it is cut or of another format, write it again.", file=str(path), field=field
        ) from broken


def need_columns(frame: pl.DataFrame, names: tuple[str, ...], path: Path) -> None:
    """Raises BadInput naming every column that is missing."""
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise BadInput(f"{path} has no column {', '.join(missing)}; add it.", file=str(path), field=missing[0], missing=missing)


def whole_number(value: Any, field: str, path: Path, pool_id: int | None = None) -> int:
    """A whole number, given as one or as decimal text. Raises BadInput naming the field."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and len(value) <= LONGEST_NUMBER and value.isascii() and value.removeprefix("-").isdecimal():
        return int(value)
    which = "" if pool_id is None else f", pool {pool_id}"
    facts = {"file": str(path), "field": field} | ({} if pool_id is None else {"pool_id": pool_id})
    raise BadInput(f"{path}{which}: {field} is {value!r}; give a whole number in decimal digits.", **facts)
