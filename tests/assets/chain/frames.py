"""Frames of the small chain as the decoder and the replay take them, without a lake."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from assets.chain import liquidity_events, swaps
from assets.chain.blocks import sift_blocks
from assets.chain.decode import DecodedLogs, decode_logs, rows_of
from assets.chain.market_replay import Snapshot, snapshots
from assets.chain.pool_facts import facts_of
from assets.chain.pools import pools_of
from assets.chain.proving import Replayed, replay
from assets.chain.raw_logs import raw_logs_of
from assets.chain.tokens import TABLE as TOKENS
from assets.chain.tokens import tokens_of
from assets.partitions import Span
from tests.assets.chain.small_chain import CHAIN_ID, DAYS, SmallChain

FIRST, LAST = date.fromisoformat(DAYS[0]), date.fromisoformat(DAYS[-1])
WHOLE = Span(FIRST, LAST)


def raw_of(chain: SmallChain, logs: pl.DataFrame | None = None) -> pl.DataFrame:
    """The chain's logs as rows of `raw_logs`."""
    return raw_logs_of(chain.tables()["logs"] if logs is None else logs, CHAIN_ID, WHOLE)


def pools_table(chain: SmallChain) -> pl.DataFrame:
    """The chain's pools as rows of `pools`."""
    told = tokens_of(chain.tables()["tokens"], CHAIN_ID).select(TOKENS.names)
    return pools_of(chain.tables()["pools"], told, CHAIN_ID).drop("reason", "detail")


def blocks_table(chain: SmallChain) -> pl.DataFrame:
    """The chain's headers as rows of `blocks`."""
    return sift_blocks(chain.tables()["blocks"], CHAIN_ID, FIRST, LAST).rows


def decoded(chain: SmallChain, raw: pl.DataFrame | None = None) -> DecodedLogs:
    """The chain's logs, decoded."""
    return decode_logs(raw_of(chain) if raw is None else raw, pools_table(chain), blocks_table(chain), CHAIN_ID)


def events(chain: SmallChain, raw: pl.DataFrame | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Swaps and liquidity events as their tables hold them."""
    found = decoded(chain, raw)
    return rows_of(swaps.TABLE, found.swaps), rows_of(liquidity_events.TABLE, found.liquidity_events)


def proven(
    chain: SmallChain, raw: pl.DataFrame | None = None, *, start: dict[str, Snapshot] | None = None, span: Span = WHOLE, **tables: Any
) -> Replayed:
    """The chain replayed; `pools` and `ticks` of the recording may be replaced, and so may the snapshots' times."""
    told = {**chain.tables(), **tables}
    found = snapshots(told["pools"], told["ticks"])
    swapped, others = (frame.filter(pl.col("day").is_between(span.first, span.last)) for frame in events(chain, raw))
    return replay(swapped, others, facts_of(pools_table(chain)), start or {}, found, tables.get("times", {}), (span.first, span.last))
