"""Tells Dagster what reached the lake without it: external materialisations, through its webserver's own door.

Best effort. Nothing waits for Dagster, and what could not be told is told with the next report.
"""

from __future__ import annotations

import logging
from typing import Any

import aiohttp

from executor.ledger.lake_segments import TABLE, Flushed
from executor.ports import Clock

PATIENCE = aiohttp.ClientTimeout(total=5)


class DagsterReport:
    """Run it as a task and give `tell` to `LakeSegments`. `url` is the webserver's address.

    At most one report in `every_seconds`: each becomes an event in Dagster's history. `reports` and `failures` count.
    """

    def __init__(self, url: str, clock: Clock, *, asset: str = TABLE, every_seconds: float = 5.0) -> None:
        self.reports = 0
        self.failures = 0
        self._to = f"{url.rstrip('/')}/report_asset_materialization/{asset}"
        self._clock = clock
        self._every = every_seconds
        self._untold: dict[str, Any] | None = None

    def tell(self, flushed: Flushed) -> None:
        """Remember it for the next report."""
        told = {
            "rows": flushed.rows,
            "retractions": flushed.retractions,
            "appends": 1,
            "last_block": flushed.last_block,
            "last_change": flushed.last_seq,
            "lag_seconds": round(flushed.lag_seconds, 3),
            "table_version": flushed.version,
        }
        self._untold = _together(self._untold, told)

    async def run(self) -> None:
        """Until it is cancelled."""
        async with aiohttp.ClientSession(timeout=PATIENCE) as session:
            while True:
                await self.report(session)
                await self._clock.sleep(self._every)

    async def report(self, session: aiohttp.ClientSession) -> bool:
        """One report of what was not told yet; True when Dagster has it."""
        untold, self._untold = self._untold, None
        if untold is None:
            return False
        try:
            async with session.post(self._to, json={"metadata": untold}) as answer:
                refused = None if answer.status == 200 else f"HTTP {answer.status}"
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            refused = type(error).__name__
        if refused is None:
            self.reports += 1
            return True
        self.failures += 1
        self._untold = _together(untold, self._untold)
        logging.getLogger(__name__).warning("Dagster was not told of %s rows (%s); the next report has them", untold["rows"], refused)
        return False


def _together(earlier: dict[str, Any] | None, later: dict[str, Any] | None) -> dict[str, Any] | None:
    """Two reports as one: what counts is added, the worst lag stays, the rest is as of the later one."""
    if earlier is None or later is None:
        return later or earlier
    counted = {name: earlier[name] + later[name] for name in ("rows", "retractions", "appends")}
    return {**later, **counted, "lag_seconds": max(earlier["lag_seconds"], later["lag_seconds"])}
