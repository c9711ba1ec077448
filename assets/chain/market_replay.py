"""The market as values again: pools from their stored states, and the events that move them, in the chain's order."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from domain.amm.concentrated import ConcentratedPool
from domain.amm.constant_product import ConstantProductPool
from domain.amm.liquidity import Tick
from domain.amm.protocol_fee import pancakeswap_at_initialize, unpack_pancakeswap, unpack_uniswap
from domain.events import Burn, Collect, CollectProtocol, Event, Flash, Initialize, Mint, PairSwap, SetFeeProtocol, Swap, Sync
from executor.venue import every_venue

Pool = ConcentratedPool | ConstantProductPool

ACCRUALS = (
    "fee_growth_global0_x128",
    "fee_growth_global1_x128",
    "fee_protocol0",
    "fee_protocol1",
    "protocol_fees0",
    "protocol_fees1",
    "protocol_fee_denominator",
    "ticks_are_inferred",
)


@dataclass(frozen=True, slots=True)
class PairLiquidity:
    """Reserves added to (positive) or taken from a constant-product pool; its Sync came just before."""

    pool: str
    kind: str
    amount0: int
    amount1: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A pool as the recording found it, right after the log at `position` (block number, log index)."""

    pool: Pool
    position: tuple[int, int]


def pools_at(states: pl.DataFrame) -> dict[str, Pool]:
    """The pools of some rows of `pool_states`, one row per pool, by address.

    What each position earned is not stored there: quotes and swaps are exact, `fee_growth_inside` is not.
    """
    return {row["pool"]: _pool_of(row) for row in states.sort("pool").iter_rows(named=True)}


def snapshots(pools: pl.DataFrame, ticks: pl.DataFrame) -> dict[str, Snapshot]:
    """The starting states a recording tells, by address; `pools` and `ticks` are tables of the recording."""
    ticks_of: dict[str, list[tuple[int, str | None, str, bool]]] = {}
    for pool, *rest in ticks.sort("pool", "tick").iter_rows():
        ticks_of.setdefault(pool, []).append(tuple(rest))
    found = {}
    for row in pools.filter(pl.col("has_state")).sort("pool").iter_rows(named=True):
        value = _concentrated(row, ticks_of.get(row["pool"], [])) if row["protocol"] == "concentrated" else _constant_product(row)
        found[row["pool"]] = Snapshot(value, (row["block_number"], row["log_index"]))
    return found


def accruals_of(pool: ConcentratedPool) -> str:
    """What a pool has beside price, tick, liquidity and ticks, as JSON of decimal strings."""
    values = {name: getattr(pool, name) for name in ACCRUALS}
    return json.dumps({name: None if value is None else str(int(value)) for name, value in values.items()})


def at_initialize(event: Initialize, venue: str, fee_pips: int, tick_spacing: int) -> ConcentratedPool:
    """A concentrated pool at its first price: no liquidity yet."""
    denominator = every_venue()[venue].protocol_fee_denominator
    fee_protocol = pancakeswap_at_initialize(fee_pips) if denominator else (0, 0)
    return ConcentratedPool(
        fee_pips,
        tick_spacing,
        event.sqrt_price_x96,
        event.tick,
        0,
        fee_protocol0=fee_protocol[0],
        fee_protocol1=fee_protocol[1],
        protocol_fee_denominator=denominator,
    )


def events_in_order(swaps: pl.DataFrame, liquidity_events: pl.DataFrame) -> Iterator[tuple[int, int, str, Event, datetime]]:
    """Block number, log index, pool, event and block time of everything that moves a price or a quote, in the chain's order.

    Left out: mints and burns of constant-product pools, because the Sync before each says it all, and collections, which pay out
    what a pool already owed.
    """
    for row in rows_in_order(swaps, liquidity_events):
        event = event_of(row)
        if not isinstance(event, PairLiquidity | Collect | CollectProtocol):
            yield row["block_number"], row["log_index"], row["pool"], event, row["block_time"]


def rows_in_order(swaps: pl.DataFrame, liquidity_events: pl.DataFrame) -> Iterator[dict[str, Any]]:
    """Rows of both tables, in the chain's order; a swap's `kind` is swap."""
    both = pl.concat([swaps.with_columns(kind=pl.lit("swap")), liquidity_events], how="diagonal")
    words = both.with_columns(sqrt_price_x96=pl.col("sqrt_price_x96").bin.encode("hex"))
    yield from words.sort("block_number", "log_index", "block_hash").iter_rows(named=True)


def event_of(row: Mapping[str, Any]) -> Event | PairLiquidity:
    """The event that a row of `rows_in_order` tells."""
    pool, kind = row["pool"], row["kind"]
    if row["protocol"] == "constant_product":
        return _pair_event(row)
    match kind:
        case "swap":
            fees = (_int(row["protocol_fees0"]), _int(row["protocol_fees1"]))
            price, liquidity = int(row["sqrt_price_x96"], 16), int(row["liquidity"])
            return Swap(pool, int(row["amount0"]), int(row["amount1"]), price, liquidity, row["tick"], *fees, **_where(row))
        case "mint" | "burn":
            amounts = (int(row["liquidity"]), int(row["amount0"]), int(row["amount1"]))
            return (Mint if kind == "mint" else Burn)(pool, row["tick_lower"], row["tick_upper"], *amounts, **_where(row))
        case "initialize":
            return Initialize(pool, int(row["sqrt_price_x96"], 16), row["tick"], **_where(row))
        case "collect":
            return Collect(pool, row["tick_lower"], row["tick_upper"], int(row["amount0"]), int(row["amount1"]), **_where(row))
        case "flash":
            amounts = (int(row["amount0"]), int(row["amount1"]), int(row["paid0"]), int(row["paid1"]))
            return Flash(pool, *amounts, **_where(row))
        case "set_fee_protocol":
            return SetFeeProtocol(pool, row["fee_protocol0"], row["fee_protocol1"], **_where(row))
        case _:
            return CollectProtocol(pool, int(row["amount0"]), int(row["amount1"]), **_where(row))


def _pair_event(row: Mapping[str, Any]) -> Event | PairLiquidity:
    amount0, amount1 = int(row["amount0"]), int(row["amount1"])
    match row["kind"]:
        case "swap":
            out0, out1 = int(row["amount0_out"]), int(row["amount1_out"])
            return PairSwap(row["pool"], amount0 + out0, amount1 + out1, out0, out1, **_where(row))
        case "sync":
            return Sync(row["pool"], amount0, amount1, **_where(row))
        case kind:
            sign = 1 if kind == "mint" else -1
            return PairLiquidity(row["pool"], kind, sign * amount0, sign * amount1)


def _where(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("chain_id", "block_number", "block_hash", "tx_hash", "transaction_index", "log_index")}


def _int(value: Any) -> int | None:
    return None if value is None else int(value)


def _pool_of(row: Mapping[str, Any]) -> Pool:
    if row["protocol"] == "constant_product":
        return ConstantProductPool(row["fee_pips"], int(row["reserve0"]), int(row["reserve1"]))
    ticks = {entry["tick"]: Tick(_int(entry["liquidity_gross"]), int(entry["liquidity_net"])) for entry in row["ticks"] or []}
    accruals = {name: _int(value) for name, value in json.loads(row["accruals"]).items()}
    return ConcentratedPool(
        row["fee_pips"],
        row["tick_spacing"],
        int.from_bytes(row["sqrt_price_x96"], "big"),
        row["tick"],
        int(row["liquidity"]),
        ticks,
        **{**accruals, "ticks_are_inferred": bool(accruals["ticks_are_inferred"])},
    )


def _concentrated(row: Mapping[str, Any], ticks: list[tuple[int, str | None, str, bool]]) -> ConcentratedPool:
    denominator = every_venue()[row["venue"]].protocol_fee_denominator
    unpack = unpack_uniswap if denominator is None else unpack_pancakeswap
    fee_protocol0, fee_protocol1 = unpack(row["fee_protocol"] or 0)
    return ConcentratedPool(
        row["fee_pips"],
        row["tick_spacing"],
        int(row["sqrt_price_x96"]),
        row["tick"],
        int(row["liquidity"]),
        {tick: Tick(None if inferred else _int(gross), int(net)) for tick, gross, net, inferred in ticks},
        int(row["fee_growth_global0_x128"] or 0),
        int(row["fee_growth_global1_x128"] or 0),
        fee_protocol0,
        fee_protocol1,
        protocol_fee_denominator=denominator,
        ticks_are_inferred=any(inferred or gross is None for _, gross, _, inferred in ticks),
    )


def _constant_product(row: Mapping[str, Any]) -> ConstantProductPool:
    return ConstantProductPool(row["fee_pips"], int(row["reserve0"]), int(row["reserve1"]))
