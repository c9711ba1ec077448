"""What tokens are worth, as the pools themselves say: for limits in dollars and for what gas costs in another token.

The deepest pool of a pair speaks for it, because moving its price costs most. It is no oracle: a limit that must hold against somebody
who moves pools is one in base units.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection

from domain.amm.concentrated import ConcentratedPool
from domain.problems import Problem
from executor.planner import Floor
from executor.planning import pool_mid
from executor.routing.pool_book import PoolBook, Way

Q96 = 2.0**96


class PoolPrices:
    """Prices on whatever `floor` says the pools are now. `dollars` are the tokens that count as one dollar each.

    `through` (the wrapped native token) is what a token is priced in that has no pool with a dollar.
    """

    def __init__(self, floor: Callable[[], Floor], dollars: Collection[str], through: str | None = None) -> None:
        self._floor = floor
        self._dollars = frozenset(dollars)
        self._through = through

    def usd(self, token: str) -> float | None:
        """Dollars for one whole token at this address; None where no pool says."""
        if token in self._dollars:
            return 1.0
        try:
            book = self._floor().book
        except Problem:
            return None
        direct = _in_dollars(book, token, self._dollars)
        if direct is not None or self._through is None or self._through == token:
            return direct
        one, price = rate(book, token, self._through), _in_dollars(book, self._through, self._dollars)
        return one * price if one is not None and price is not None else None

    def native_usd(self) -> float | None:
        """Dollars for one whole native token."""
        return self.usd(self._through) if self._through else None

    def from_native(self, wei: int, token: str) -> int:
        """So many wei of the native token in base units of `token`; 0 where no pool says."""
        if self._through is None or wei <= 0:
            return 0
        if token == self._through:
            return wei
        try:
            book = self._floor().book
            sold, bought = book.token(self._through), book.token(token)
        except Problem:
            return 0
        direct = rate(book, self._through, token)
        if direct is None:
            native, other = self.usd(self._through), self.usd(token)
            direct = native / other if native and other else None
        return math.ceil(wei / 10**sold.decimals * direct * 10**bought.decimals) if direct else 0


def rate(book: PoolBook, token: str, other: str) -> float | None:
    """Whole `other` for one whole `token` at the margin of the deepest pool of the two; None where there is none."""
    found = _deepest(book, token, {other})
    return found[1] if found else None


def _in_dollars(book: PoolBook, token: str, dollars: Collection[str]) -> float | None:
    found = _deepest(book, token, dollars)
    return found[1] if found else None


def _deepest(book: PoolBook, token: str, others: Collection[str]) -> tuple[float, float] | None:
    """Depth (whole tokens of the other side) and rate of the deepest pool between a token and any of the others."""
    offers = [_offer(book, way) for way in book.ways_out_of(token) if way.to in others]
    return max((offer for offer in offers if offer is not None), default=None)


def _offer(book: PoolBook, way: Way) -> tuple[float, float] | None:
    booked = book.pool(way.pool_id)
    mid = pool_mid(way.pool)
    if not mid > 0 or not math.isfinite(mid):
        return None
    scale = 10.0 ** (booked.token0.decimals - booked.token1.decimals)
    price = mid * scale if way.zero_for_one else 1 / (mid * scale)
    bought = booked.token1 if way.zero_for_one else booked.token0
    reserve0, reserve1 = _reserves(way.pool)
    depth = (reserve1 if way.zero_for_one else reserve0) / 10**bought.decimals
    return (depth, price) if depth > 0 else None


def _reserves(pool: object) -> tuple[float, float]:
    """What both sides hold; of a concentrated pool what its liquidity of the moment is worth if it were everywhere."""
    if isinstance(pool, ConcentratedPool):
        root = pool.sqrt_price_x96 / Q96
        return pool.liquidity / root, pool.liquidity * root
    return float(pool.reserve0), float(pool.reserve1)  # type: ignore[attr-defined]
