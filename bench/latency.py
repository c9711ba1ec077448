"""How long a live desk takes on the local chain: from the intent to the durable signature, and from a block to its row in the ledger.

The whole executor runs: mirror, guards, safety simulation, signer, journal with flushes to the disk, listener, ledger and lake. A block
is timed from before it is mined until another connection to the ledger reads its row. Every order must trade exactly what was planned.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sqlite3
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from domain.problems import Unavailable
from executor.chain.local.anvil import ROOT
from executor.orders import Entry, Order, State
from tests.executor.live.trading import FINALITY, Trading, trading, usd, write_desk
from tests.executor.local_market import Market, open_market

AIM_SIGNED_MS, AIM_ROW_MS = 50.0, 250.0
STAGES = ("route", "guards", "simulate", "sign", "journal")
PAIRS = (("WETH", "USDC", 3_000), ("USDC", "WETH", 3_000), ("WBTC", "USDC", 6_000), ("USDC", "DAI", 900))
PATIENCE_SECONDS = 30.0


class Watch:
    """Listens to the telemetry of a service: when an order was asked for and signed, and how long each stage of it took."""

    def __init__(self, desk: Trading) -> None:
        self.signed: dict[str, float] = {}
        self.stages: dict[str, list[float]] = defaultdict(list)
        telemetry = desk.service.telemetry
        heard, timing = telemetry.heard, telemetry.timing

        def hear(entry: Entry) -> None:
            if entry.kind == State.SIGNED and entry.order_id is not None:
                self.signed.setdefault(entry.order_id, time.perf_counter())
            heard(entry)

        @contextmanager
        def timed(stage: str) -> Iterator[None]:
            begun = time.perf_counter()
            with timing(stage):
                yield
            self.stages[stage].append(time.perf_counter() - begun)

        telemetry.heard, telemetry.timing = hear, timed  # type: ignore[method-assign]


def main() -> int:
    """Prints both latencies; returns 1 when an order did not trade what was planned."""
    parser = argparse.ArgumentParser(prog="python -m bench.latency", description=__doc__)
    parser.add_argument("--orders", type=int, default=240, help="how many orders, each with a block of its own")
    chosen = parser.parse_args()
    logging.disable(logging.WARNING)
    try:
        with open_market(ROOT / "node_modules") as market, tempfile.TemporaryDirectory() as folder:
            return asyncio.run(_measured(market, Path(folder), chosen.orders))
    except Unavailable as absent:
        Console().print(f"Left out: {absent.message}")
        return 0


async def _measured(market: Market, folder: Path, orders: int) -> int:
    place = write_desk(market, folder, list(market.pools))
    signed, answered, rows, wrong = [], [], [], 0
    async with trading(market, place) as desk:
        watch = Watch(desk)
        for at in range(-5, orders):  # the first ones warm up and are not counted
            if at == 0:
                watch.stages.clear()
            sell, buy, dollars = PAIRS[at % len(PAIRS)]
            order_id, begun = f"order{at}", time.perf_counter()
            placed, _ = await desk.service.submit(
                market.token(sell), market.token(buy), usd(market, sell, dollars), slippage_bps=50, client_order_id=order_id
            )
            done = time.perf_counter()
            if order_id not in watch.signed:
                Console().print(f"{order_id} was not signed: {placed.refusal}")
                return 1
            mining = time.perf_counter()
            desk.mine()
            seen = await _row(desk, order_id)
            if at >= 0:
                signed.append(watch.signed[order_id] - begun)
                answered.append(done - begun)
                rows.append(seen - mining)
        desk.mine(FINALITY + 1)
        for at in range(orders):
            wrong += await _is_wrong(desk, f"order{at}")
    _print(signed, answered, rows, watch.stages, orders)
    Console().print("Every order traded what was planned." if not wrong else f"{wrong} ORDERS DID NOT TRADE WHAT WAS PLANNED.")
    return 1 if wrong else 0


async def _row(desk: Trading, order_id: str) -> float:
    """When another connection sees the order's row."""
    until = time.perf_counter() + PATIENCE_SECONDS
    query = "select count(*) from trade_ledger where order_id = ?"
    with closing(sqlite3.connect(f"{desk.ledger_file.as_uri()}?mode=ro", uri=True, timeout=10)) as ledger:
        while time.perf_counter() < until:
            if ledger.execute(query, (order_id,)).fetchone()[0]:
                return time.perf_counter()
            await asyncio.sleep(0.001)
    raise Unavailable(f"The row of {order_id} did not come within {PATIENCE_SECONDS:.0f} s.")


async def _is_wrong(desk: Trading, order_id: str) -> bool:
    await desk.until(order_id, State.FINAL)
    order: Order = desk.service.life(order_id)[0]
    trades = await desk.trades(order_id, len(order.routed.legs) if order.routed else 0)
    assert order.routed is not None and order.outcome is not None, "it is final"
    bought = sum(trade.amount_out for trade in trades if trade.token_out == order.request.buy)
    outcome = order.outcome
    return (outcome.status, outcome.amount_in, outcome.amount_out) != (1, order.routed.amount_in, order.routed.amount_out) or (
        bought != outcome.amount_out
    )


def _print(signed: Sequence[float], answered: Sequence[float], rows: Sequence[float], stages: dict[str, list[float]], orders: int) -> None:
    table = Table(title=f"{orders} orders over seven pools of three venues, each in a block of its own; milliseconds")
    for name in ("from → to", "p50", "p95", "most", "aim for p95"):
        table.add_column(name, justify="left" if name == "from → to" else "right")
    for title, found, aim in (
        ("intent → signed, durable", signed, AIM_SIGNED_MS),
        ("intent → answer, with the node told", answered, None),
        ("block → row in the ledger", rows, AIM_ROW_MS),
    ):
        p95 = 1e3 * _quantile(found, 0.95)
        told = "" if aim is None else f"{aim:.0f} {'reached' if p95 <= aim else 'MISSED'}"
        table.add_row(title, f"{1e3 * _quantile(found, 0.5):.1f}", f"{p95:.1f}", f"{1e3 * max(found):.1f}", told)
    for stage in STAGES:
        found = stages[stage]
        table.add_row(f"  {stage}, {len(found)} times", *(f"{1e3 * value:.2f}" for value in _three(found)), "")
    Console().print(table)


def _three(found: Sequence[float]) -> tuple[float, float, float]:
    return _quantile(found, 0.5), _quantile(found, 0.95), max(found)


def _quantile(found: Sequence[float], part: float) -> float:
    return sorted(found)[min(int(part * len(found)), len(found) - 1)]


if __name__ == "__main__":
    raise SystemExit(main())
