"""The orders of the trial: they arrive where others trade, either side as likely, from small to large enough to move a pool.

Nobody sent them. They are asked of the recorded pools, whose history they leave as it was, so two policies can answer the very same order.
The day alone is the seed: the same day has the same orders in every run.
"""

import hashlib
import math
import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import polars as pl

from domain.amm.concentrated import ConcentratedPool
from domain.amm.quote import INT256_MAX
from domain.amm.ticks import MAX_SQRT_PRICE_X96, MIN_SQRT_PRICE_X96
from domain.market import Market
from domain.problems import Refused
from executor.planning import Intent
from executor.routing.pool_book import PoolBook, Token, Way

SALT = "orders-1"
EVERY = timedelta(minutes=6)
# The largest order moves the pair's deepest pool by about one percent. The smallest is a thousandth of that, but worth its gas.
LARGEST_MOVE = 0.01
SMALLEST_PART = 1e-3
SMALLEST_USD = 5_000.0


@dataclass(frozen=True, slots=True)
class Arrival:
    """An order before its size is known in tokens: it arrives at the end of a block; `size` is where it stands between small and large."""

    order_id: str
    block_number: int
    arrived_at: datetime
    token_in: str
    token_out: str
    size: float


def arrivals(day: date, swaps: pl.DataFrame, pools: pl.DataFrame, leave: timedelta) -> list[Arrival]:
    """The day's orders: in each stretch of six minutes one, at the end of the first block with a trade, in the pair of one of its trades.

    The last `leave` of the day takes no orders, so that whatever an order may wait for lies on the day itself.
    """
    draw = random.Random(int.from_bytes(hashlib.sha256(f"{SALT}:{day.isoformat()}".encode()).digest()[:8], "big"))
    traded = swaps.filter(pl.col("day") == day).join(pools.select("pool", "token0", "token1"), on="pool").sort("block_number", "log_index")
    blocks = traded.group_by("block_number", "block_time", maintain_order=True).agg("token0", "token1")
    midnight = datetime.combine(day, time(), UTC)
    found: list[Arrival] = []
    taken = -1
    for number, arrived_at, tokens0, tokens1 in blocks.iter_rows():
        stretch = (arrived_at - midnight) // EVERY
        if stretch == taken or arrived_at - midnight >= timedelta(days=1) - leave:
            continue
        taken = stretch
        pair = draw.randrange(len(tokens0))
        sides = (tokens0[pair], tokens1[pair])
        sold, bought = sides if draw.random() < 0.5 else sides[::-1]
        found.append(Arrival(f"{day.isoformat()}-{stretch:03d}", number, arrived_at, sold, bought, draw.random()))
    return found


def sized(arrival: Arrival, book: PoolBook, market: Market) -> Intent | None:
    """The order with its amount: log-uniform between small and large for the pools as they stand; None when they hold too little to ask."""
    tokens = {token.address: token for token in book.tokens}
    if arrival.token_in not in tokens or arrival.token_out not in tokens:
        return None
    sold = tokens[arrival.token_in]
    largest = max((deep(way) for way in book.ways_out_of(sold.address) if way.to == arrival.token_out), default=0)
    smallest = max(largest * SMALLEST_PART, _least(sold, market))
    smallest = min(smallest, largest / 10)
    if smallest < 1:
        return None
    amount = int(math.exp(math.log(smallest) + arrival.size * math.log(largest / smallest)))
    return Intent(sold, tokens[arrival.token_out], max(amount, 1))


def deep(way: Way) -> int:
    """What can be sold to a pool before its price has moved by the largest move; 0 when it takes nothing."""
    move = math.sqrt(1 - LARGEST_MOVE if way.zero_for_one else 1 / (1 - LARGEST_MOVE))
    pool = way.pool
    if isinstance(pool, ConcentratedPool):
        limit = min(max(int(pool.sqrt_price_x96 * move), MIN_SQRT_PRICE_X96 + 1), MAX_SQRT_PRICE_X96 - 1)
        try:
            return pool.quote(way.zero_for_one, INT256_MAX, sqrt_price_limit_x96=limit).amount_in
        except Refused:
            return 0  # the price already stands at its end
    held = pool.reserve0 if way.zero_for_one else pool.reserve1
    return int(held * abs(1 / move - 1 if way.zero_for_one else move - 1))


def _least(sold: Token, market: Market) -> float:
    price = market.price_usd(sold.address)
    return SMALLEST_USD / price * 10**sold.decimals if price else 0.0
