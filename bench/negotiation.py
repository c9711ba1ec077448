"""How long a negotiation takes within the process: the call, four answers, the decision, with the record in memory and on the disk.

Beside it, in the same run: the same agents asked one after the other without messages, record or decision. That is what their thinking
alone costs; the difference is what a protocol whose every word can be replayed costs.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from domain.agent_weights import AgentWeights
from domain.negotiation import Call
from executor.agents.agent import every_agent
from executor.agents.coordinator import Coordinator
from executor.agents.one_off import EXAMPLE, NoStore
from executor.agents.terms import Question
from executor.agents.transcript import MemoryRows, Row, Transcript, conversations, faults, replay
from executor.agents.transcript_file import SqliteRows, read_rows
from executor.agents.transports.in_process import InProcess
from executor.agents.view import RecordedViews
from executor.agents.weight_store import LiveWeights
from executor.ports import SystemClock, system_chance


def main() -> int:
    """Prints the table; 1 when a decision does not follow from its record again, or the record does not verify."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=500, help="negotiations of each kind")
    count = parser.parse_args().count
    logging.disable(logging.WARNING)
    table = Table(title=f"one negotiation of {len(every_agent())} agents, {count} times, ms")
    for name in ("what", "p50", "p95", "p99", "replay ms"):
        table.add_column(name, justify="left" if name == "what" else "right")
    views = RecordedViews.read(EXAMPLE)
    _row(table, "the agents alone, one after the other", asyncio.run(_alone(views, count)))
    good = True
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:  # /tmp may be memory, which flushes nothing
        path = Path(folder) / "negotiations.sqlite"
        memory = MemoryRows()
        waits = asyncio.run(_negotiated(views, memory, count))
        good &= _row(table, "negotiated, record in memory", waits, memory.rows)
        waits = asyncio.run(_negotiated(views, SqliteRows(path), count))
        rows, head = read_rows(path)
        good &= _row(table, "negotiated, record flushed twice", waits, rows) and not list(faults(rows, head))
    Console().print(table)
    Console().print("Every decision follows from its record to the byte." if good else "A DECISION DOES NOT FOLLOW FROM ITS RECORD.")
    return 0 if good else 1


async def _alone(views: RecordedViews, count: int) -> list[float]:
    waits = []
    call = Call("trade", "WETH", "USDC", views.whole.time_us * 1_000, 2**62)
    for _ in range(count):
        begun = time.perf_counter()
        for agent in every_agent().values():
            await agent.propose(call, await views.at(views.whole.time_us))
        waits.append(time.perf_counter() - begun)
    return waits


async def _negotiated(views: RecordedViews, rows: MemoryRows | SqliteRows, count: int) -> list[float]:
    clock, waits = SystemClock(), []
    weights = LiveWeights(NoStore(), AgentWeights.equal(every_agent()))
    transport = InProcess(every_agent().values(), views, clock)
    coordinator = Coordinator(transport, weights, await Transcript.opened(rows), clock, system_chance(), deadline_seconds=10.0)
    async with coordinator:
        for number in range(count):
            question = Question(f"trade-{number}", "WETH", "USDC", as_of_ns=views.whole.time_us * 1_000)
            begun = time.perf_counter()
            await coordinator.negotiate(question)
            waits.append(time.perf_counter() - begun)
    await rows.close()
    return waits


def _row(table: Table, what: str, waits: Sequence[float], rows: Sequence[Row] = ()) -> bool:
    held = conversations(rows).values()
    begun = time.perf_counter()
    equal = all(replay(told).is_equal for told in held)
    took = f"{(time.perf_counter() - begun) * 1e3 / len(held):.2f}" if held else ""
    table.add_row(what, *(f"{np.percentile(waits, at) * 1e3:.2f}" for at in (50, 95, 99)), took)
    return equal


if __name__ == "__main__":
    raise SystemExit(main())
