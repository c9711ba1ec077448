"""What the pool would have quoted at the end of the previous block, for trades that other events of their block came before.

The first trade of a block meets the very state its quote was made on, so its proof is its quote. For the others the pools are replayed
and asked again, exactly, in the trade's own way: the same amount in, or the same amount out where that was what was asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import polars as pl

from assets.chain.market_replay import Pool, Snapshot, at_initialize
from domain.amm.concentrated import ConcentratedPool
from domain.events import Collect, CollectProtocol, Event, Flash, Initialize, SetFeeProtocol, Swap
from domain.problems import Problem, Refused
from domain.schemas import COUNT, RATIO

TOOK_LESS = "within_invariant"  # a constant-product trader may ask for less than the pool would give
# Who owns the fees, and how they are shared, is in no quote either.
UNSEEN_BY_QUOTES = (Collect, CollectProtocol, Flash, SetFeeProtocol)
PlacedEvent = tuple[int, int, str, Event, datetime]  # block number, log index, pool, event, block time
REQUOTES = pl.Schema({"block_number": COUNT, "log_index": COUNT, "requote_slippage_bps": RATIO})


def pool_requotes(
    wanted: pl.DataFrame, proofs: pl.DataFrame, pools: pl.DataFrame, opening: Mapping[str, Snapshot], events: Iterable[PlacedEvent]
) -> pl.DataFrame:
    """For each wanted trade, how much worse it did than its pool's quote at the end of the previous block, bps.

    `opening` tells the pools as they stand before the first event. A pool whose state is unknown, or that cannot fill the amount, has
    no quote.
    """
    orders = _orders(wanted, proofs, pools)
    known = {row["pool"]: row for row in pools.iter_rows(named=True)}
    now: dict[str, Pool] = {address: snapshot.pool for address, snapshot in opening.items()}
    at_block_start: dict[str, tuple[int, Pool | None]] = {}
    answers: list[tuple[int, int, float | None]] = []
    for block_number, log_index, address, event, _ in events:
        if address in opening and (block_number, log_index) <= opening[address].position:
            continue
        pool = now.get(address)
        if at_block_start.get(address, (None,))[0] != block_number:
            at_block_start[address] = block_number, pool
        order = orders.get((block_number, log_index))
        if order is not None:
            answers.append((block_number, log_index, _slippage_bps(at_block_start[address][1], order)))
        after = _after(pool, event, known[address])
        if after is None:
            now.pop(address, None)
        else:
            now[address] = after
    return pl.DataFrame(answers, schema=REQUOTES, orient="row").sort("block_number", "log_index")


def _after(pool: Pool | None, event: Event, known: Mapping[str, Any]) -> Pool | None:
    """The pool after the event; None from there on when its state is not known any more."""
    if isinstance(event, Initialize):
        return at_initialize(event, known["venue"], known["fee_pips"], known["tick_spacing"])
    if pool is None or isinstance(event, UNSEEN_BY_QUOTES):
        return pool
    try:
        if isinstance(pool, ConcentratedPool) and isinstance(event, Swap) and event.sqrt_price_x96 is not None:
            # The log says where the pool stands afterwards; what the fees grew to, which it does not say, is in no quote.
            return pool.standing_at(event.sqrt_price_x96, event.tick, event.liquidity)  # type: ignore[arg-type]
        return pool.apply(event)  # type: ignore[arg-type]
    except Problem:
        return None  # the proof of this event says why


def without_a_quote(trades: pl.DataFrame, proofs: pl.DataFrame) -> pl.DataFrame:
    """The trades whose proof is not their quote: another event of their pool came before in the block, or they took less than offered."""
    firsts = proofs.group_by("pool", "block_number").agg(first_log=pl.col("log_index").min())
    how = proofs.filter(pl.col("kind") == "swap").select("block_number", "log_index", "how")
    placed = trades.join(firsts, on=["pool", "block_number"]).join(how, on=["block_number", "log_index"], how="left")
    needed = (pl.col("log_index") > pl.col("first_log")) | (pl.col("how") == TOOK_LESS)
    return placed.filter(needed).drop("first_log", "how").sort("block_number", "log_index")


def _orders(wanted: pl.DataFrame, proofs: pl.DataFrame, pools: pl.DataFrame) -> dict[tuple[int, int], dict[str, Any]]:
    rows = (
        wanted.join(
            proofs.filter(pl.col("kind") == "swap").select("block_number", "log_index", "how"), on=["block_number", "log_index"], how="left"
        )
        .join(pools.select("pool", "token0"), on="pool")
        .select("block_number", "log_index", "amount_in", "amount_out", "how", zero_for_one=pl.col("token_in") == pl.col("token0"))
    )
    return {(row["block_number"], row["log_index"]): row for row in rows.iter_rows(named=True)}


def _slippage_bps(pool: Pool | None, order: dict[str, Any]) -> float | None:
    if pool is None:
        return None
    spent, got = int(order["amount_in"]), int(order["amount_out"])
    exact_out = order["how"] == "exact_out"
    try:
        quote = pool.quote(order["zero_for_one"], got if exact_out else spent, exact_out=exact_out)
    except Refused:
        return None
    if quote.partial or not quote.amount_in or not quote.amount_out:
        return None
    return 10_000 * (spent - quote.amount_in) / quote.amount_in if exact_out else 10_000 * (quote.amount_out - got) / quote.amount_out
