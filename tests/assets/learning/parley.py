"""An executor's folder after a few negotiations: a real coordinator in virtual time, kept as the executor keeps it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from executor.agents.terms import Question
from executor.agents.transcript import Row
from executor.agents.transcript_file import FILE, SqliteRows
from executor.virtual.loop import VirtualClock, run_virtually
from tests.executor.agents.parlour import Says, held


def negotiated() -> list[Row]:
    """Three trades: news wants to buy, technical to sell, macro abstains, noise names an action nobody asked about, onchain is too late.

    The first was carried out, and the last was called off.
    """

    async def story(clock: VirtualClock) -> list[Row]:
        agents = [
            Says("news", {"BUY": 800_000, "SELL": -200_000}),
            Says("technical", {"SELL": 300_000, "HOLD": 100_000}),
            Says("macro", "no other asset is known"),
            Says("noise", {"BURN": 1}),
            Says("onchain", {"BUY": 5}, 1.5, clock),
        ]
        async with held(clock, *agents) as parts:
            done = await parts.coordinator.negotiate(Question("t-0", "WETH", "USDC", 10**18))
            await parts.coordinator.inform(done, "bought 1 WETH")
            await parts.coordinator.negotiate(Question("t-1", "WETH", "USDC", 10**18))
            asked = asyncio.ensure_future(parts.coordinator.negotiate(Question("t-2", "WETH", "USDC", 10**18)))
            await clock.sleep(0.01)
            await parts.coordinator.cancel("t-2", "the pool is gone")
            await asyncio.wait([asked])
            assert asked.exception() is not None
        return parts.rows.rows

    return run_virtually(story)


def kept(folder: Path, rows: Sequence[Row]) -> Path:
    """The record's file with these rows."""

    async def write() -> None:
        file = SqliteRows(folder / FILE)
        await file.commit(rows)
        await file.close()

    asyncio.run(write())
    return folder / FILE
