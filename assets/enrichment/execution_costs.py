"""What trades cost: each against the price it met, the price outside and what the market did afterwards, all in basis points.

A trade gives `amount_in` of one token for `amount_out` of another; its price is what it got per token given. Costs are positive when
it got less than the yardstick, markouts positive when what it got is worth more than what it gave.
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from assets.enrichment.price_lookup import with_prices
from assets.enrichment.requotes import TOOK_LESS

BPS = 10_000.0
AT_ONCE = timedelta()
MARKOUTS = {
    "markout_10s_bps": timedelta(seconds=10),
    "markout_1m_bps": timedelta(minutes=1),
    "markout_5m_bps": timedelta(minutes=5),
    "markout_1h_bps": timedelta(hours=1),
}
STOPPED = "price_limit"
COSTS = (
    "arrival_slippage_bps",
    "quote_slippage_bps",
    "reference_slippage_bps",
    "price_impact_bps",
    "markout_1_block_bps",
    *MARKOUTS,
    "gas_bps",
    "stopped_at_limit",
    "fill_rate",
)
SLICE = 1_000_000
PLACE = ("block_number", "log_index")
EVENT = ("kind", "verdict", "how", "price_before", "price_after")


def execution_costs(
    trades: pl.DataFrame, events: pl.DataFrame, pools: pl.DataFrame, last_blocks: pl.DataFrame, requotes: pl.DataFrame, prices: pl.DataFrame
) -> pl.DataFrame:
    """The trades with every cost of execution_quality beside them; a cost whose yardstick is unknown is null.

    `events` are rows of event_proofs, `last_blocks` tells day and the number of its last block, `requotes` what
    pool_requotes found for trades whose proof is not their quote, `prices` are reference prices that reach an hour
    past the last trade.
    """
    in_order, in_blocks = (_by_block(frame) for frame in (trades, events.select("pool", *PLACE, *EVENT)))
    in_time = prices.sort("price_time")
    # A slice at a time: what a million trades need beside them is gone before the next million comes.
    slices = [_costs_of(part, _around(part, in_blocks), pools, last_blocks, requotes, in_time) for part in in_order.iter_slices(SLICE)] or [
        _costs_of(in_order, in_blocks, pools, last_blocks, requotes, in_time)
    ]
    return pl.concat(slices)


def _by_block(frame: pl.DataFrame) -> pl.DataFrame:
    return frame if frame["block_number"].is_sorted() else frame.sort("block_number", maintain_order=True)


def _around(trades: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    """The events of the trades' blocks and of the block after; both are ordered by block."""
    numbers = events["block_number"]
    first, after = numbers.search_sorted(trades["block_number"][0], "left"), numbers.search_sorted(trades["block_number"][-1] + 1, "right")
    return events.slice(first, after - first)


def _costs_of(
    trades: pl.DataFrame, events: pl.DataFrame, pools: pl.DataFrame, last_blocks: pl.DataFrame, requotes: pl.DataFrame, prices: pl.DataFrame
) -> pl.DataFrame:
    costs = (
        trades.join(pools.select("pool", "token0"), on="pool", how="left")
        .with_columns(
            sells_first=pl.col("token_in") == pl.col("token0"),
            fill=_whole("amount_out", "decimals_out") / _whole("amount_in", "decimals_in"),
        )
        .pipe(_against_the_pool, _events_in_their_blocks(events), last_blocks)
        .join(requotes, on=list(PLACE), how="left")
        .with_columns(quote_slippage_bps=pl.when("is_its_own_quote").then(0.0).otherwise(pl.col("requote_slippage_bps")))
    )
    return (
        _against_the_market(costs, prices)
        .with_columns(
            gas_bps=_known(BPS * pl.col("gas_cost_usd") / pl.col("notional_usd")),
            stopped_at_limit=pl.col("how") == STOPPED,
            # A log does not tell how much was asked for: of a trade stopped by its price limit only the filled part is known.
            fill_rate=pl.when(pl.col("how") != STOPPED).then(1.0),
        )
        .select(*trades.columns, *COSTS)
    )


def _against_the_pool(trades: pl.DataFrame, placed: pl.DataFrame, last_blocks: pl.DataFrame) -> pl.DataFrame:
    """Arrival, impact and the one-block markout, at the pool's own mid prices."""
    joined = trades.join(placed, on=list(PLACE), how="left").join(last_blocks.select("day", "last_block"), on="day", how="left")
    # The pool says nothing in a block that does not touch it: its price is then still that of the trade's own block.
    next_price = pl.when(pl.col("block_number") < pl.col("last_block")).then(pl.coalesce("next_close_price", "close_price"))
    return joined.with_columns(
        # The proof of a block's first event starts from the state the quote would have been made on.
        is_its_own_quote=(pl.col("log_index") == pl.col("first_log")) & (pl.col("verdict") == "exact") & (pl.col("how") != TOOK_LESS),
        arrival_slippage_bps=_known(BPS * (1 - pl.col("fill") / _sold_in_bought("arrival_price"))),
        price_impact_bps=_known(BPS * (1 - _sold_in_bought("price_after") / _sold_in_bought("price_before"))),
        markout_1_block_bps=_known(BPS * (pl.col("fill") / _sold_in_bought(next_price) - 1)),
    )


def _events_in_their_blocks(events: pl.DataFrame) -> pl.DataFrame:
    """Each swap with its pool's price before its block, after it, and after the next block if the pool was touched there."""
    row = pl.int_range(pl.len())
    opens_block = ((pl.col("pool") != pl.col("pool").shift()) | (pl.col("block_number") != pl.col("block_number").shift())).fill_null(True)
    placed = events.sort("pool", *PLACE).with_columns(
        first=pl.when(opens_block).then(row).forward_fill(), next=pl.when(opens_block).then(row).shift(-1).backward_fill()
    )
    # `first` is the row that opened the block, `next` the row that opens the pool's next one: everything else is looked up by row.
    last = pl.col("next").fill_null(pl.len()) - 1
    closed = placed.with_columns(
        arrival_price=pl.col("price_before").gather("first"),
        first_log=pl.col("log_index").gather("first"),
        close_price=pl.col("price_after").gather(last),
    )
    follows = (pl.col("pool").gather("next") == pl.col("pool")) & (pl.col("block_number").gather("next") == pl.col("block_number") + 1)
    return (
        closed.with_columns(next_close_price=pl.when(follows).then(pl.col("close_price").gather("next")))
        .filter(pl.col("kind") == "swap")
        .drop("pool", "kind", "first", "next")
    )


def _against_the_market(trades: pl.DataFrame, prices: pl.DataFrame) -> pl.DataFrame:
    """Slippage and markouts at the reference price."""
    moments = {"reference_slippage_bps": AT_ONCE, **MARKOUTS}
    wanted = {f"{name}:{side}": (f"token_{side}", later) for name, later in moments.items() for side in ("in", "out")}
    priced = with_prices(trades, prices, wanted)
    gains = {name: BPS * (pl.col("fill") * pl.col(f"{name}:out") / pl.col(f"{name}:in") - 1) for name in moments}
    return priced.with_columns(
        reference_slippage_bps=_known(-gains["reference_slippage_bps"]), **{name: _known(gains[name]) for name in MARKOUTS}
    ).drop(wanted)


def _sold_in_bought(price: str | pl.Expr) -> pl.Expr:
    """The pool's price of the sold token in the bought one; pools tell that of their first token in their second."""
    told = pl.col(price) if isinstance(price, str) else price
    return pl.when("sells_first").then(told).otherwise(1 / told)


def _whole(amount: str, decimals: str) -> pl.Expr:
    return pl.col(amount).cast(pl.Float64) / pl.lit(10.0).pow(pl.col(decimals))


def _known(cost: pl.Expr) -> pl.Expr:
    """The cost, or null where dividing by nothing left no number."""
    return pl.when(cost.is_finite()).then(cost)
