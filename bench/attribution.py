"""The book of what agents earned over a million random fills: what is left over, by each method of choosing lots. It must be nothing.

Trades between four tokens of different decimals at wandering prices, fees in the token sold or bought or in a third, gas in ETH, rebates,
and blocks that the chain takes back and replaces. Equity is counted beside the book, from amounts and closing prices alone.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context

from assets.profit.attribution import AttributedBook, Cost, Fill, Leg
from assets.profit.lots import Method

START = datetime(2026, 1, 5, tzinfo=UTC)
AGENTS = ("macro", "news", "onchain", "technical")
# Decimals, and the price of a whole token in millionths of a dollar at the start.
TOKENS = {"usdc": (6, 10**6), "weth": (18, 3_000 * 10**6), "wbtc": (8, 90_000 * 10**6), "dai": (18, 10**6)}
REORGS = 1_000  # one fill in so many is followed by a reorg of up to eight


def main() -> int:
    """Prints what each method booked and left over; 1 when anything was, or when the methods differ in the total."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fills", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=4)
    told = parser.parse_args()
    print(f"{told.fills:,} fills; millionths of a dollar")
    columns = f"{'method':>8} {'realised':>21} {'unrealised':>21} {'fees, rebates':>18} {'gas':>16} {'equity':>22}"
    print(f"{columns} left over  taken back  seconds", flush=True)
    with ProcessPoolExecutor(max_workers=min(3, os.cpu_count() or 1), mp_context=get_context("spawn")) as each:
        runs = list(each.map(_booked, Method, [told.fills] * 3, [told.seed] * 3))
    for run in runs:
        print(run.line)
        print(f"{'':>8} by agent: {', '.join(f'{name} {credit:,}' for name, credit in run.credits.items())}")
    same = len({(run.equity, sum(run.credits.values())) for run in runs}) == 1
    print(f"all methods earn the same in total: {'yes' if same else 'NO'}")
    return int(not same or any(run.left_over for run in runs))


@dataclass(frozen=True, slots=True)
class _Run:
    line: str
    credits: dict[str, int]
    equity: int
    left_over: int


def _booked(method: Method, fills: int, seed: int) -> _Run:
    """A market's fills in a book, some of them taken back and booked again."""
    started = time.perf_counter()
    book, market, paid, taken_back = AttributedBook(method), _Market(seed), 0, 0
    reorg, last = random.Random(seed + 1), deque[Fill](maxlen=8)
    for fill in market.fills(fills):
        book.book(fill)
        paid += sum(cost.value_micro_usd for cost in fill.costs)
        last.append(fill)
        if reorg.randrange(REORGS) == 0:
            gone = list(last)[-reorg.randint(1, len(last)) :]
            for one in reversed(gone):
                book.take_back(one.proof)
            for one in gone:  # the same trades, in other blocks
                book.book(one)
            taken_back += len(gone)
    statement = book.statement(market.worth)
    realised, unrealised = sum(statement.realised.values()), sum(statement.unrealised.values())
    costs = {kind: sum(parts.values()) for kind, parts in statement.costs.items()}
    equity = sum(market.worth(token, amount) for token, amount in market.held.items())
    differences = (equity - statement.equity, equity - realised - unrealised + paid, paid - sum(costs.values()), statement.left_over)
    left_over = sum(map(abs, differences))
    numbers = f"{realised:>21,} {unrealised:>21,} {costs['fee']:>18,} {costs['gas']:>16,} {equity:>22,}"
    line = f"{method:>8} {numbers} {left_over:>9} {taken_back:>11,} {time.perf_counter() - started:>8.0f}"
    return _Run(line, statement.credits, equity, left_over)


class _Market:
    """Prices that wander, and fills at them; `held` is what they leave, counted without a book."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self._prices = {token: price for token, (_, price) in TOKENS.items()}
        self.held = dict.fromkeys(TOKENS, 0)

    def worth(self, token: str, amount: int) -> int:
        return amount * self._prices[token] // 10 ** TOKENS[token][0]

    def fills(self, count: int) -> Iterator[Fill]:
        draw, names = self.draw, list(TOKENS)
        for number in range(count):
            self._prices["weth"] += draw.randint(-3_000_000, 3_000_000)
            self._prices["wbtc"] += draw.randint(-90_000_000, 90_000_000)
            for token, (_, start) in TOKENS.items():
                self._prices[token] = max(self._prices[token], start // 100)
            sold, bought = draw.sample(names, 2)
            value = draw.randint(0, 10**10)
            legs = (Leg(sold, -self._amount(sold, value), -value), Leg(bought, self._amount(bought, value), value))
            costs = [self._cost("gas", "weth", draw.randint(10**4, 10**6))]
            if draw.random() < 0.7:
                costs.append(self._cost("fee", draw.choice((sold, bought, "dai")), draw.randint(-(10**6), 3 * 10**6)))
            shares = {name: draw.randint(-3, 24) for name in draw.sample(AGENTS, draw.randint(1, 4))}
            shares["macro"] = shares.get("macro", 0) + max(1 - sum(shares.values()), 0)
            for token, amount in [(leg.token, leg.amount) for leg in legs] + [(cost.token, -cost.amount) for cost in costs]:
                self.held[token] += amount
            yield Fill(f"0x{number:x}", START + timedelta(seconds=12 * number), legs, tuple(costs), shares)

    def _cost(self, kind: str, token: str, value: int) -> Cost:
        return Cost(kind, token, self._amount(token, value), value)

    def _amount(self, token: str, value: int) -> int:
        """So much of the token as is worth the value, with what a pool's price adds or takes."""
        return value * 10 ** TOKENS[token][0] * self.draw.randint(990, 1_010) // (1_000 * self._prices[token])


if __name__ == "__main__":
    sys.exit(main())
