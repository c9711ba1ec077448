"""Paper orders on minute bars: what was known when each had to be decided, and what every action would then have cost.

Real are the prices, the liquidity, the flow behind them and the gaps. Assumed are: one constant gas price; that our swap comes right after
the first swap of its minute; that liquidity is the same at every tick the order reaches; that nobody trades otherwise because of us; and
`refill_percent`, how much of our own impact is gone a minute later. It is 0 unless told otherwise: then a split in time saves no impact.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from statistics import median
from typing import Any

import numpy as np
import polars as pl

from domain.amm.concentrated import ConcentratedPool
from domain.amm.ticks import sqrt_price_at_tick, tick_at_sqrt_price
from domain.features import NAMES, Situation, vector
from domain.market import BPS, EPOCH, MICROSECOND, MarketHistory, Series, microseconds
from domain.problems import BadInput
from models.minute_bars import MINUTE, Bars
from models.training import COSTS, WAIT_RESIDUAL

# How long "wait" waits; a split in time sends its second half then.
WAIT = MINUTE
# Features look back this far, so the first orders come after it.
LOOK_BACK = timedelta(hours=1)
# A bar older, or an execution later, than this is none: the order is left out and counted.
PATIENCE = timedelta(minutes=5)
# The reference is the median of so many settled ticks: one wrong close cannot move it past its neighbours.
ROBUST = 3
# An order that the pool cannot fill whole, or only for more than this, is charged what giving up ten percent would cost.
UNFILLED_BPS = 1_000.0
DOLLAR, COIN = "token0", "token1"
STATE = ("amount_out_now", "amount_out_split", "amount_out_wait")


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperFlow:
    """Which orders are made up, in which pool, and what is assumed. token0 is the dollar."""

    every_minutes: int = 6
    smallest_usd: float = 500.0
    largest_usd: float = 50_000.0
    one_side: bool = False  # a coin picks the side of each order, instead of asking both
    fee_pips: int = 500
    tick_spacing: int = 10
    decimals0: int = 6
    decimals1: int = 18
    gas_usd: float = 0.02  # a swap: about 150,000 gas at 150 gwei and $0.90 a MATIC
    refill_percent: int = 0
    stale_minutes: int = 0  # features this much older than they need be: the question that shows what they are worth

    def __post_init__(self) -> None:
        for name, low, high in (("every_minutes", 1, 1440), ("refill_percent", 0, 100), ("stale_minutes", 0, 60)):
            if not low <= getattr(self, name) <= high:
                raise BadInput(f"{name} is {getattr(self, name)}; give {low} to {high}.", field=name, value=getattr(self, name))
        if not 1 <= self.smallest_usd <= self.largest_usd:
            raise BadInput(
                f"Orders from ${self.smallest_usd:g} to ${self.largest_usd:g}: the smallest must be $1 or more, the largest no less.",
                field="smallest_usd",
            )


@dataclass(frozen=True, slots=True)
class PaperOrders:
    """One row an order with its features, exact amounts and the cost of every action; and those that could not be asked, by reason."""

    frame: pl.DataFrame
    unaskable: Counter[str]


def paper_orders(bars: Bars, flow: PaperFlow, seed: int) -> PaperOrders:
    """Every few minutes a buyer and a seller of the same size, log-uniform and from the seed; one of them by a coin if told so.

    Asked in pairs, what the market did at that moment favours nobody: a rule that always waits saves nothing by luck of its sides.
    Features are made of bars up to and including the minute before; `now` executes in the order's own minute, `wait` in the next.
    The market's drift between decision and execution is in the cost of every action, against the reference at the decision.
    """
    tape = _Tape(bars, flow)
    first, last = bars.frame["timestamp"][0] + LOOK_BACK, bars.frame["timestamp"][-1]
    step = flow.every_minutes * MINUTE // MICROSECOND
    moments = range(-(-microseconds(first) // step) * step, microseconds(last) + 1, step)
    chance = np.random.default_rng(seed)
    coins = chance.integers(0, 2, len(moments)).astype(bool).tolist()
    sizes = np.exp(chance.uniform(np.log(flow.smallest_usd), np.log(flow.largest_usd), len(moments)).round(4))
    rows: list[dict[str, Any]] = []
    unaskable: Counter[str] = Counter()
    for moment, coin, value in zip(moments, coins, sizes.tolist(), strict=True):
        for sells_dollars in (coin,) if flow.one_side else (True, False):
            asked = tape.ask(moment, sells_dollars, value)
            if isinstance(asked, str):
                unaskable[asked] += 1
            else:
                rows.append(asked)
    return PaperOrders(pl.DataFrame(rows, schema=SCHEMA), unaskable)


SCHEMA: dict[str, Any] = {
    "order_id": pl.String(),
    "arrived_at": pl.Datetime("us", "UTC"),
    "known_at": pl.Datetime("us", "UTC"),
    "executed_at": pl.Datetime("us", "UTC"),
    "waited_until": pl.Datetime("us", "UTC"),
    "sells": pl.String(),
    "amount_in": pl.Decimal(38, 0),
    **dict.fromkeys(STATE, pl.Decimal(38, 0)),
    "drift_bps": pl.Float64(),
    **dict.fromkeys((*NAMES, *COSTS, WAIT_RESIDUAL), pl.Float64()),
}


@dataclass(frozen=True, slots=True)
class _Order:
    """One order on its way: `rate` is the reference, base units bought per base unit sold."""

    zero_for_one: bool
    amount_in: int
    value_usd: float
    rate: float
    gas_usd: float

    def cost_bps(self, amount_out: int | None, swaps: int = 1) -> float:
        if amount_out is None:
            return UNFILLED_BPS
        cost = BPS * (1 - amount_out / (self.amount_in * self.rate)) + BPS * swaps * self.gas_usd / self.value_usd
        return min(cost, UNFILLED_BPS)


class _Tape:
    """The bars as arrays, and as the market that was known at any moment."""

    def __init__(self, bars: Bars, flow: PaperFlow) -> None:
        self.flow = flow
        frame = bars.frame
        self.times = frame["timestamp"].dt.epoch("us").to_list()
        self.opens: list[int] = frame["openTick"].to_list()
        self.settled: list[int] = frame["settled_tick"].to_list()
        self.liquidity = [int(value) for value in frame["currentLiquidity"].to_list()]
        self.references = [median(self.settled[max(at - ROBUST + 1, 0) : at + 1]) for at in range(len(self.settled))]
        # A bar is known when its minute is over.
        known = tuple(time + MINUTE // MICROSECOND for time in self.times)
        coin = tuple(10.0 ** (flow.decimals1 - flow.decimals0) / _rate(tick) for tick in self.references)
        self.history = MarketHistory({DOLLAR: Series(known, (1.0,) * len(known)), COIN: Series(known, coin)})
        self.restless = np.concatenate([[0.0], np.cumsum((BPS * np.diff(np.log(coin))) ** 2)])

    def ask(self, moment: int, sells_dollars: bool, value_usd: float) -> dict[str, Any] | str:
        """The order of that moment as a row, or why it cannot be asked."""
        minute, patience = MINUTE // MICROSECOND, PATIENCE // MICROSECOND
        newest = moment - minute * (1 + self.flow.stale_minutes)
        last = bisect_right(self.times, newest) - 1
        if last < 0 or newest - self.times[last] > patience:
            return "no_recent_bar"
        now = bisect_left(self.times, moment)
        later = bisect_left(self.times, moment + WAIT // MICROSECOND)
        if later == len(self.times) or self.times[later] - moment > patience:
            return "no_bar_to_execute_in"
        order = self._order(last, sells_dollars, value_usd)
        situation = self._situation(last, order, moment)
        # The liquidity that stands when a minute opens is the last one told before it.
        at_once = self._pool(self.opens[now], self.liquidity[now - 1])
        afterwards = self._pool(self.opens[later], self.liquidity[later - 1])
        whole_now, split, whole_later = (
            _bought(at_once, order, order.amount_in),
            self._split(at_once, afterwards, order),
            _bought(afterwards, order, order.amount_in),
        )
        costs = order.cost_bps(whole_now), order.cost_bps(split, swaps=2), order.cost_bps(whole_later)
        told = vector(situation)
        quoted_saving = told[NAMES.index("split_saving_bps")]
        ahead = (self.opens[later] - self.opens[now]) * (1 if order.zero_for_one else -1)
        moments = (EPOCH + at * MICROSECOND for at in (moment, self.times[now], self.times[later]))
        arrived, executed, waited = moments
        return {
            "order_id": f"{arrived:%Y%m%dT%H%M}-{'buy' if order.zero_for_one else 'sell'}",
            "arrived_at": arrived,
            "known_at": situation.known_at,
            "executed_at": executed,
            "waited_until": waited,
            "sells": DOLLAR if order.zero_for_one else COIN,
            "amount_in": Decimal(order.amount_in),
            **{name: None if out is None else Decimal(out) for name, out in zip(STATE, (whole_now, split, whole_later), strict=True)},
            "drift_bps": BPS * (1 - _rate(ahead)),
            **dict(zip(NAMES, told, strict=True)),
            **dict(zip(COSTS, costs, strict=True)),
            # The policy promises max(split, 0) + residual for a wait, so the residual is what is left beyond the quotable.
            WAIT_RESIDUAL: costs[0] - costs[2] - max(quoted_saving, 0.0),
        }

    def _order(self, last: int, sells_dollars: bool, value_usd: float) -> _Order:
        upward = _rate(self.references[last])
        rate = upward if sells_dollars else 1 / upward
        dollars = value_usd * 10.0**self.flow.decimals0
        amount = max(round(dollars if sells_dollars else dollars * upward), 2)
        return _Order(sells_dollars, amount, value_usd, rate, self.flow.gas_usd)

    def _situation(self, last: int, order: _Order, moment: int) -> Situation:
        """The facts of the decision, as `executor/planning.py` measures them; what one pool's bars cannot tell is neutral."""
        known_at = self.times[last] + MINUTE // MICROSECOND
        market = self.history.at(EPOCH + known_at * MICROSECOND)
        pool = self._pool(self.settled[last], self.liquidity[last])
        upward = _rate(self.settled[last])
        mid = upward if order.zero_for_one else 1 / upward
        deviation = BPS * (1 - mid / order.rate)
        fee = BPS * self.flow.fee_pips / 1e6 * mid / order.rate
        gas = BPS * order.gas_usd / order.value_usd
        now = order.cost_bps(_bought(pool, order, order.amount_in))
        sold, bought = (DOLLAR, COIN) if order.zero_for_one else (COIN, DOLLAR)
        return Situation(
            decided_at=EPOCH + moment * MICROSECOND,
            known_at=EPOCH + known_at * MICROSECOND,
            value_usd=order.value_usd,
            quoted_now_bps=_apart(now),
            quoted_split_bps=_apart(order.cost_bps(self._split(pool, pool, order), swaps=2)),
            quoted_second_bps=_apart(now),
            fee_bps=_apart(fee),
            gas_bps=_apart(gas),
            impact_bps=_apart(now - deviation - fee - gas),
            deviation_bps=_apart(deviation),
            pair_deviation_bps=_apart(deviation),
            hops=1,
            volatility_bps=_apart(self._volatility(last)),
            move_5m_bps=_apart(market.move_bps(sold, bought, timedelta(minutes=5))),
            move_1h_bps=_apart(market.move_bps(sold, bought, timedelta(hours=1))),
        )

    def _volatility(self, last: int) -> float:
        """`Market.volatility_bps` of the last hour, from sums made once for all orders."""
        before = max(bisect_right(self.times, self.times[last] - LOOK_BACK // MICROSECOND) - 1, 0)
        return float(np.sqrt(max(self.restless[last] - self.restless[before], 0.0)))

    def _split(self, first: ConcentratedPool, second: ConcentratedPool, order: _Order) -> int | None:
        """Half in the first state, half in the second, which still bears what is left of our own impact."""
        half = order.amount_in // 2
        quote = first.quote(order.zero_for_one, half)
        if quote.partial or quote.sqrt_price_x96_after is None:
            return None
        moved = second.sqrt_price_x96 * quote.sqrt_price_x96_after // first.sqrt_price_x96 - second.sqrt_price_x96
        price = second.sqrt_price_x96 + moved * (100 - self.flow.refill_percent) // 100
        rest = _bought(second.standing_at(price, tick_at_sqrt_price(price), second.liquidity), order, order.amount_in - half)
        return None if rest is None else quote.amount_out + rest

    def _pool(self, tick: int, liquidity: int) -> ConcentratedPool:
        return _pool(self.flow.fee_pips, self.flow.tick_spacing, tick, liquidity)


# Buyer and seller of a moment ask the same few pools.
@lru_cache(maxsize=16)
def _pool(fee_pips: int, tick_spacing: int, tick: int, liquidity: int) -> ConcentratedPool:
    return ConcentratedPool(fee_pips, tick_spacing, sqrt_price_at_tick(tick), tick, liquidity)


def _bought(pool: ConcentratedPool, order: _Order, amount: int) -> int | None:
    quote = pool.quote(order.zero_for_one, amount)
    return None if quote.partial else quote.amount_out


def _apart(bps: float) -> float:
    """To a thousandth. Ticks make facts that differ in their last bit only, and no 32-bit threshold of a model fits between those."""
    return round(bps, 3)


def _rate(tick: float) -> float:
    """Base units of token1 per base unit of token0 at a tick."""
    return 1.0001**tick
