"""Ways to execute an order on the pools as they stand: one path, or split over two that share no pool; exact to the base unit.

The same plans are compared offline, on recorded states, and made online, so a model is judged on what the executor would really do.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from statistics import median

from domain.amm.concentrated import ConcentratedPool
from domain.amm.constant_product import ConstantProductPool
from domain.features import Situation
from domain.market import BPS, EPOCH, MICROSECOND, Market
from domain.problems import BadInput, NoRoute
from executor.routing.pool_book import PoolBook, Token
from executor.routing.single_path import Leg, Route, all_paths

MAX_HOPS = 2
# One order is one transaction through our router. Medians of 12,520 swaps on the production bytecode (recordings/two_weeks): 177,104
# through one concentrated pool, 318,201 and 451,047 through two and three; 99,092 and 164,330 through one and two pairs.
GAS_BASE, GAS_PER_CONCENTRATED_POOL, GAS_PER_PAIR = 36_000, 140_000, 64_000
# How finely a split is searched: the share is right to a millionth of the order, far below a hundredth of a bps of its cost.
SPLIT_STEPS = 28
GOLDEN = 0.6180339887498949
FIVE_MINUTES, ONE_HOUR = timedelta(minutes=5), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Intent:
    """What somebody wants: sell so many base units of one token for another."""

    token_in: Token
    token_out: Token
    amount_in: int

    def __post_init__(self) -> None:
        if self.token_in.address == self.token_out.address:
            raise BadInput(f"{self.token_in.symbol} is both sold and bought; name two different tokens.", field="buy")
        if self.amount_in <= 0:
            raise BadInput(f"The amount is {self.amount_in}; sell at least one base unit.", field="amount")


@dataclass(frozen=True, slots=True)
class Plan:
    """One path, or two that share no pool; together they take the order's whole amount."""

    routes: tuple[Route, ...]
    gas_units: int

    @classmethod
    def of(cls, book: PoolBook, *routes: Route) -> Plan:
        """The routes as one transaction, with the gas it is expected to burn."""
        legs = [leg for route in routes for leg in route.legs]
        through = [isinstance(book.pool(leg.pool_id).pool, ConcentratedPool) for leg in legs]
        return cls(routes, GAS_BASE + sum(GAS_PER_CONCENTRATED_POOL if concentrated else GAS_PER_PAIR for concentrated in through))

    @property
    def legs(self) -> tuple[Leg, ...]:
        return tuple(leg for route in self.routes for leg in route.legs)

    @property
    def amount_in(self) -> int:
        return sum(route.amount_in for route in self.routes)

    @property
    def amount_out(self) -> int:
        return sum(route.amount_out for route in self.routes)


@dataclass(frozen=True, slots=True)
class Options:
    """How an order can be executed on one state of the pools. `second` and `split` are None when no other path is left."""

    now: Plan
    second: Plan | None
    split: Plan | None


def options_for(book: PoolBook, intent: Intent, market: Market) -> Options:
    """The single path that gives most after gas, the best that shares no pool with it, and the best split over the two.

    Raises NoRoute when no path takes the whole amount.
    """
    ranked = _ranked(book, intent, market)
    now = ranked[0]
    used = {leg.pool_id for leg in now.legs}
    second = next((plan for plan in ranked[1:] if not used & {leg.pool_id for leg in plan.legs}), None)
    other = second.routes[0] if second else _smaller_path(book, intent, used)
    split = _split(book, now.routes[0], other, intent.amount_in) if other else None
    return Options(now, second, split)


def best_path(book: PoolBook, intent: Intent, market: Market) -> Plan:
    """The single path that gives most after gas, without the search for a split. Raises NoRoute when none takes the whole amount."""
    return _ranked(book, intent, market)[0]


def _ranked(book: PoolBook, intent: Intent, market: Market) -> list[Plan]:
    sold, bought = intent.token_in.address, intent.token_out.address
    found = [Plan.of(book, route) for route in all_paths(book, sold, bought, intent.amount_in, MAX_HOPS)]
    if not found:
        raise NoRoute(
            f"No path of up to {MAX_HOPS} pools takes {intent.amount_in} base units of {intent.token_in.symbol} for "
            f"{intent.token_out.symbol}; sell less, or add pools to the book.",
            sell=sold,
            buy=bought,
            amount=str(intent.amount_in),
        )
    return sorted(found, key=lambda plan: -received(plan, intent, market))


def _smaller_path(book: PoolBook, intent: Intent, used: set[int]) -> Route | None:
    """A path beside the best one that can take at least half of the order, when none takes all of it."""
    half = intent.amount_in // 2
    if not half:
        return None
    rest = all_paths(book, intent.token_in.address, intent.token_out.address, half, MAX_HOPS)
    return next((route for route in rest if not used & {leg.pool_id for leg in route.legs}), None)


def _split(book: PoolBook, best: Route, other: Route, amount: int) -> Plan | None:
    """The amount shared between two paths so that they give the most; None when no share passes through both.

    What two paths give together is concave in the share, so a golden-section search finds the top.
    """

    def shared(to_best: int) -> Plan | None:
        one, two = along(book, best, to_best), along(book, other, amount - to_best)
        return Plan.of(book, one, two) if one and two else None

    def gain(share: float) -> int:
        one, two = along(book, best, int(amount * share)), along(book, other, amount - int(amount * share))
        return one.amount_out + two.amount_out if one and two else 0

    low, high = 0.0, 1.0
    left, right = high - GOLDEN, GOLDEN
    at_left, at_right = gain(left), gain(right)
    for _ in range(SPLIT_STEPS):
        if at_left < at_right:
            low, left, at_left = left, right, at_right
            right = low + GOLDEN * (high - low)
            at_right = gain(right)
        else:
            high, right, at_right = right, left, at_left
            left = high - GOLDEN * (high - low)
            at_left = gain(left)
    return shared(int(amount * (left if at_left >= at_right else right)))


def along(book: PoolBook, path: Route, amount: int) -> Route | None:
    """The same pools with another amount; None when they cannot take it whole or give nothing for it."""
    legs, passing = [], amount
    for leg in path.legs:
        booked = book.pool(leg.pool_id)
        given = booked.pool.output_for(booked.sells(leg.sell), passing) if passing > 0 else None
        if not given:
            return None
        legs.append(Leg(leg.pool_id, leg.sell, leg.buy, passing, given))
        passing = given
    return Route(tuple(legs), amount, passing)


# --- what a plan costs ----------------------------------------------------------------------------------------------


def whole(amount: int, token: Token) -> float:
    """Base units as whole tokens, for reading."""
    return amount / 10**token.decimals


def received(plan: Plan, intent: Intent, market: Market) -> float:
    """Whole tokens bought, the plan's gas taken off; gas counts nothing where the market does not price it."""
    price = market.price_usd(intent.token_out.address)
    gas = market.gas_usd(plan.gas_units) / price if price else 0.0
    return whole(plan.amount_out, intent.token_out) - gas


def cost_bps(plan: Plan, intent: Intent, market: Market, rate: float) -> float:
    """Net cost against `rate`, bps of the order's value: what fee, impact, deviation and gas take; negative is a gain."""
    return BPS * (1 - received(plan, intent, market) / (whole(intent.amount_in, intent.token_in) * rate))


def reference_rate(book: PoolBook, intent: Intent, market: Market) -> float:
    """Whole tokens bought per whole token sold on the external market; where it does not price both, what the pools of the pair say.

    Raises NoRoute when neither knows.
    """
    rate = market.rate(intent.token_in.address, intent.token_out.address)
    if rate:
        return rate
    mids = pair_mids(book, intent)
    if not mids:
        raise NoRoute(
            f"Nothing prices {intent.token_in.symbol} in {intent.token_out.symbol}: no reference, and no pool of the pair.",
            sell=intent.token_in.address,
            buy=intent.token_out.address,
        )
    return median(mids)


def pair_mids(book: PoolBook, intent: Intent) -> list[float]:
    """The mid price of every pool of the pair, whole tokens bought per whole token sold."""
    sold, bought = intent.token_in.address, intent.token_out.address
    mids = [path_mid(book, [(way.pool_id, sold)], intent) for way in book.ways_out_of(sold) if way.to == bought]
    return [mid for mid in mids if mid > 0]


def path_mid(book: PoolBook, hops: Iterable[tuple[int, str]], intent: Intent) -> float:
    """Whole tokens bought per whole token sold along (pool, token sold) hops, at the margin and before fees; 0 through an empty pool."""
    mid = 10.0 ** (intent.token_in.decimals - intent.token_out.decimals)
    for pool_id, sold in hops:
        booked = book.pool(pool_id)
        one = pool_mid(booked.pool)
        mid *= (one if booked.sells(sold) else 1 / one) if one else 0.0
    return mid


def pool_mid(pool: ConcentratedPool | ConstantProductPool) -> float:
    """Base units of token1 per base unit of token0, at the margin and before the fee; 0 in an empty pool."""
    if isinstance(pool, ConcentratedPool):
        return (pool.sqrt_price_x96 / 2**96) ** 2
    return pool.reserve1 / pool.reserve0 if pool.reserve0 else 0.0


def situation_of(book: PoolBook, intent: Intent, market: Market, options: Options, rate: float) -> Situation:
    """The facts a decision rests on, measured against the reference `rate`."""
    sold, bought = intent.token_in.address, intent.token_out.address
    best = [(leg.pool_id, leg.sell) for leg in options.now.legs]
    value = whole(intent.amount_in, intent.token_in)
    mid = path_mid(book, best, intent)
    kept = 1.0
    for pool_id, _ in best:
        kept *= 1 - book.pool(pool_id).pool.fee_pips / 1e6
    now = cost_bps(options.now, intent, market, rate)
    gas = now - BPS * (1 - whole(options.now.amount_out, intent.token_out) / (value * rate))
    deviation, fee = BPS * (1 - mid / rate), BPS * (1 - kept) * mid / rate
    mids = pair_mids(book, intent)
    known = market.known_at(sold, bought)
    return Situation(
        decided_at=market.moment,
        known_at=EPOCH + (market.time if known is None else known) * MICROSECOND,
        value_usd=value * (market.price_usd(sold) or 1.0),
        quoted_now_bps=now,
        quoted_split_bps=cost_bps(options.split, intent, market, rate) if options.split else now,
        quoted_second_bps=cost_bps(options.second, intent, market, rate) if options.second else now,
        fee_bps=fee,
        gas_bps=gas,
        # What remains of the cost once deviation, fee and gas are taken out.
        impact_bps=now - deviation - fee - gas,
        deviation_bps=deviation,
        pair_deviation_bps=BPS * (1 - median(mids) / rate) if mids else deviation,
        hops=len(best),
        volatility_bps=market.volatility_bps(sold, bought),
        move_5m_bps=market.move_bps(sold, bought, FIVE_MINUTES),
        move_1h_bps=market.move_bps(sold, bought, ONE_HOUR),
    )
