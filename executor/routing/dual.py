"""The prices that make a trade worth least: the dual of splitting an amount over many pools.

Give every token a price in units of the token bought. Then no route can be worth more than the amount at its price, plus what each
pool would earn an arbitrageur at these prices, less the gas of using it. The least such sum over all prices is the best upper
bound of this kind, and at those prices the arbitrageur's trades are the split. The sum is convex in the prices, and on tick
segments its second derivative is a graph's Laplacian, so Newton's method needs a dozen steps.

Everything here is a search in floats: what it finds is checked elsewhere, routes in whole numbers and bounds with a margin.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from executor.routing.chains import Floats
from executor.routing.graph import DENSE, Integers, RoutingGraph

KEY_SPAN = 1000.0  # keys of one arc lie within this span; no square root of a price has a logarithm past ±499
KEY_END = 499.0
LONGEST_STEP = 0.7  # in logarithms of prices
SHORTEST_STEP = 1e-12
WORTHLESS = 1e-120  # a price is never nothing: a token of which there is too much tends to it
HARDLY = 1e-9  # a gain that small, relative to what the trade is worth, ends the search
MOST_STEPS = 60
LOOK = 400  # arcs that could be looked at in the time that a look takes before its first arc


class Trades(NamedTuple):
    """What an arbitrageur would do at some prices, for the arcs where that pays: amounts, profit, and how fast both change."""

    arcs: Integers  # positions in the working set
    taken: Floats
    given: Floats
    profit: Floats
    stiffness: Floats


class WorkingSet:
    """Some arcs of the graph with their chains laid end to end, so that all are asked in one pass."""

    def __init__(self, graph: RoutingGraph, arcs: Integers, ends_of_trade: tuple[int, ...] = ()) -> None:
        """At least one arc; the two ends of the trade are among the tokens whether or not an arc touches them."""
        self.arcs = arcs
        self.work = 0  # arcs looked at so far, and a share for each look: what time goes by
        chains = [graph.chain(arc) for arc in arcs.tolist()]
        ends = np.concatenate([chain.ends for chain in chains])
        self.starts = np.concatenate([chain.starts for chain in chains])
        self.liquidity = np.concatenate([chain.liquidity for chain in chains])
        self.total_in = np.concatenate([chain.total_in for chain in chains])
        self.total_out = np.concatenate([chain.total_out for chain in chains])
        lengths = np.array([len(chain.ends) for chain in chains], dtype=np.int64)
        self.longest = int(lengths.max(initial=1))
        self.most_liquidity = np.maximum.reduceat(self.liquidity, np.cumsum(lengths) - lengths)
        owner = np.repeat(np.arange(len(arcs)), lengths)
        with np.errstate(divide="ignore"):
            self._keys = owner * KEY_SPAN + np.minimum(-np.log(ends), KEY_END)
        tokens = np.concatenate((graph.source[arcs], graph.target[arcs], np.array(ends_of_trade, dtype=np.int64)))
        self.tokens, places = np.unique(tokens, return_inverse=True)
        self.source, self.target = places[: len(arcs)], places[len(arcs) : 2 * len(arcs)]
        self.pool, self.kept, self.rate = graph.pool[arcs], graph.kept[arcs], graph.rate[arcs]

    def local(self, token: int) -> int:
        """The place of a token (its number in the graph) among this set's tokens."""
        return int(np.searchsorted(self.tokens, token))

    def segment(self, arcs: Integers, stop: Floats) -> Integers:
        """The segment of each arc in which a trade stops whose last unit has this square root of a price."""
        with np.errstate(divide="ignore"):
            return np.searchsorted(self._keys, arcs * KEY_SPAN + np.minimum(-np.log(stop), KEY_END - 1), side="right")

    def trades(self, price: Floats, usable: NDArray[np.bool_] | None = None) -> Trades:
        """The trades that pay at these prices (of this set's tokens, in units of the token bought)."""
        price = np.maximum(price, WORTHLESS)
        in_price, out_price = price[self.source], price[self.target]
        pays = out_price * self.rate > in_price
        if usable is not None:
            pays &= usable
        arcs = np.flatnonzero(pays)
        self.work += LOOK + len(pays) + 2 * len(arcs)
        in_price, out_price, kept = in_price[arcs], out_price[arcs], self.kept[arcs]
        stop = np.sqrt(in_price / (kept * out_price))
        at = self.segment(arcs, stop)
        starts, liquidity = self.starts[at], self.liquidity[at]
        given = self.total_out[at] + liquidity * np.maximum(starts - stop, 0.0)
        taken = self.total_in[at] + liquidity * np.maximum(1 / stop - 1 / starts, 0.0) / kept
        profit = out_price * given - in_price * taken
        return Trades(arcs, taken, given, profit, liquidity * np.sqrt(in_price) * np.sqrt(out_price / kept) / 2)


class Question(NamedTuple):
    """What is asked of the dual: which token (place in the working set) is sold, which is bought, how much, at what gas.

    `gas` is per arc, in units of the token bought; `usable` leaves arcs out; `softness` rounds the kink where an arc starts to
    pay for its gas; a gain of `enough` or less, relative to what the trade is worth, ends the search.
    """

    start: int
    goal: int
    amount: float
    gas: Floats | None = None
    usable: NDArray[np.bool_] | None = None
    softness: float = 0.0
    enough: float = HARDLY


class _Point(NamedTuple):
    worth: float
    slope: Floats
    trades: Trades
    use: Floats
    bend: Floats


def _look(working: WorkingSet, question: Question, price: Floats) -> _Point:
    trades = working.trades(price, question.usable)
    if question.gas is None:
        use, bend = np.ones(len(trades.arcs)), np.zeros(len(trades.arcs))
        total = float(trades.profit.sum())
    else:
        over = trades.profit - question.gas[trades.arcs]
        half = question.softness
        if half > 0:
            use = np.clip((over + half) / (2 * half), 0.0, 1.0)
            # A gas of nothing has no kink: a used pool whose gas is paid anyway must not be rounded.
            use[question.gas[trades.arcs] <= 0] = 1.0
            gain = np.where(use >= 1, over, half * use * use)
            bend = np.where((use > 0) & (use < 1), 1 / (2 * half), 0.0)
        else:
            use = (over > 0).astype(np.float64)
            gain, bend = over * use, np.zeros(len(over))
        total = float(gain.sum())
        used = use > 0
        trades, use, bend = Trades(trades.arcs[used], *(field[used] for field in trades[1:])), use[used], bend[used]
    count = len(price)
    source, target = working.source[trades.arcs], working.target[trades.arcs]
    slope = np.zeros(count)  # bincount of nothing counts in integers
    slope += np.bincount(target, use * trades.given, count)
    slope -= np.bincount(source, use * trades.taken, count)
    slope[question.start] += question.amount
    slope *= price
    slope[question.goal] = 0.0
    return _Point(question.amount * price[question.start] + total, slope, trades, use, bend)


class _Curvature:
    """The second derivative in relative prices among the tokens that trades touch: a Laplacian, and one rank per kink."""

    def __init__(self, working: WorkingSet, point: _Point, price: Floats, goal: int) -> None:
        arcs = point.trades.arcs
        touched = point.slope != 0
        touched[working.source[arcs]] = True
        touched[working.target[arcs]] = True
        touched[goal] = False
        self.free = np.flatnonzero(touched)
        self._count = count = len(self.free)
        row = np.full(len(price), count)  # the goal's price is fixed: its row and column are the last, and are cut off
        row[self.free] = np.arange(count)
        self._source, self._target = row[working.source[arcs]], row[working.target[arcs]]
        self._stiff, self._bend = point.use * point.trades.stiffness, point.bend
        self._got = price[working.target[arcs]] * point.trades.given
        self._paid = price[working.source[arcs]] * point.trades.taken
        diagonal = np.zeros(count + 1)
        diagonal += np.bincount(self._source, self._stiff + self._bend * self._paid**2, count + 1)
        diagonal += np.bincount(self._target, self._stiff + self._bend * self._got**2, count + 1)
        self.diagonal = diagonal[:count]

    def step(self, slope: Floats, added: Floats) -> Floats:
        """Solves for the Newton step, with something added to the diagonal: densely for few tokens, sparsely for many."""
        return self._dense(slope, added) if self._count <= DENSE else self._sparse(slope, added)

    def _dense(self, slope: Floats, added: Floats) -> Floats:
        count, wide = self._count, self._count + 1
        cross = -self._stiff - self._bend * self._got * self._paid
        flat = np.concatenate((self._source * wide + self._target, self._target * wide + self._source))
        matrix = np.zeros(wide * wide)
        matrix += np.bincount(flat, np.concatenate((cross, cross)), wide * wide)
        matrix = matrix.reshape(wide, wide)[:count, :count]
        matrix[np.arange(count), np.arange(count)] += self.diagonal + added
        return np.asarray(np.linalg.solve(matrix, -slope), dtype=np.float64)

    def _sparse(self, slope: Floats, added: Floats) -> Floats:
        from scipy.sparse import csc_array
        from scipy.sparse.linalg import splu

        count = self._count
        cross = -self._stiff - self._bend * self._got * self._paid
        inside = (self._source < count) & (self._target < count)
        source, target, cross = self._source[inside], self._target[inside], cross[inside]
        every = np.arange(count)
        rows, columns = np.concatenate((source, target, every)), np.concatenate((target, source, every))
        matrix = csc_array((np.concatenate((cross, cross, self.diagonal + added)), (rows, columns)), shape=(count, count))
        factors = splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
        return -factors.solve(slope)


def cheapest_prices(working: WorkingSet, question: Question, price: Floats, most_steps: int = MOST_STEPS) -> tuple[Floats, float]:
    """Prices at which the trade is worth least, from a first guess; and how much that is (a float, for searching only)."""
    price = np.maximum(price, WORTHLESS)
    point = _look(working, question, price)
    damping, reach = 1e-7, LONGEST_STEP
    for _ in range(most_steps):
        curvature = _Curvature(working, point, price, question.goal)
        free, diagonal = curvature.free, curvature.diagonal
        if not len(free):
            break
        slope = point.slope[free]
        scale = max(float(diagonal.max()), abs(question.amount * float(price[question.start])))
        better, tried = None, price
        while better is None and reach > SHORTEST_STEP:
            step = curvature.step(slope, damping * (diagonal + 1e-9 * scale) + 1e-13 * scale)
            longest = float(np.abs(step).max())
            if longest > reach:
                step *= reach / longest
            tried = price.copy()
            tried[free] = np.maximum(tried[free] * np.exp(step), WORTHLESS)
            new = _look(working, question, tried)
            hoped = -float(slope @ step)
            if new.worth < point.worth - 1e-4 * max(hoped, 0.0):
                better = new
                damping, reach = max(damping / 10, 1e-9), min(reach * 4, LONGEST_STEP)
            elif 0 <= hoped <= question.enough * abs(point.worth):
                return price, point.worth
            else:
                damping, reach = damping * 10, min(reach, longest) / 8
        if better is None:
            break
        gained = point.worth - better.worth
        price, point = tried, better
        if gained <= question.enough * abs(point.worth):
            break
    return price, point.worth
