"""Time of a split with its certificate over 1,000 and 10,000 pools: processor time of a question on a warm book, gas included.

The arrays are built once a book, and a block's new states change only their own pools; both are timed too.
"""

from __future__ import annotations

import random
import statistics
import time

from rich.console import Console
from rich.table import Table

from bench.routers import GAS_USD, seeded_graph
from executor.routing import split_route

GRAPHS = ((150, 1_000, 20.0, 60), (1_500, 10_000, 200.0, 24))  # tokens, pools, aim in ms, questions
SIZES_USD = (10_000, 100_000, 1_000_000)
CHANGED = 5


def main() -> int:
    """Prints the times; returns 1 when an answer is above its own bound."""
    table = Table(title="split routes with certificate, default settings (8 legs), processor time")
    names = (
        "pools",
        "order",
        "questions",
        "median ms",
        "p95 ms",
        "aim ms",
        "median gap, bp",
        "building, ms",
        f"{CHANGED} pools changed, ms",
    )
    for name in names:
        table.add_column(name, justify="right")
    right = True
    for tokens, pools, aim, count in GRAPHS:
        book, price = seeded_graph(tokens, pools, seed=7)
        start = time.process_time()
        book.graph.best_yields(0)
        building = (time.process_time() - start) * 1000
        chance = random.Random(8)
        start = time.process_time()
        for _ in range(20):
            book = book.with_pools({pool_id: book.pool(pool_id).pool for pool_id in chance.sample(range(pools), CHANGED)})
        changing = (time.process_time() - start) * 1000 / 20
        every: list[float] = []
        for size in SIZES_USD:
            times, gaps = [], []
            for _ in range(count // len(SIZES_USD)):
                sell, buy = chance.sample(range(min(tokens, 40)), 2)
                amount, gas = int(size / price[sell] * 1e18), int(GAS_USD / price[buy] * 1e18)
                start = time.process_time()
                found = split_route(book, f"T{sell}", f"T{buy}", amount, gas_per_leg=gas)
                times.append((time.process_time() - start) * 1000)
                gaps.append(found.certificate_bps)
                right = right and found.amount_out_after_gas <= found.upper_bound
            every += times
            median, gap = statistics.median(times), statistics.median(gaps)
            table.add_row(f"{pools:,}", f"${size:,}", f"{len(times)}", f"{median:.1f}", f"{_p95(times):.1f}", "", f"{gap:.2f}", "", "")
        found_in = (f"{statistics.median(every):.1f}", f"{_p95(every):.1f}", f"{aim:.0f}")
        table.add_row(f"{pools:,}", "all", f"{len(every)}", *found_in, "", f"{building:.1f}", f"{changing:.2f}")
    Console(width=150).print(table)
    return 0 if right else 1


def _p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


if __name__ == "__main__":
    raise SystemExit(main())
