"""What reached the lake is told to Dagster: once, as an external materialisation, and never at the ledger's expense."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import aiohttp
import dagster as dg
import pytest
from aiohttp import web

from executor.dagster_report import DagsterReport
from executor.ledger.lake_segments import Flushed
from executor.ports import SystemClock


def flushed(seq: int, *, rows: int = 2, lag: float = 0.5) -> Flushed:
    return Flushed(rows=rows, retractions=1, changes=1, last_seq=seq, last_block=100 + seq, lag_seconds=lag, version=seq)


class Door:
    """A webserver that keeps what it is told, and answers as the test wants."""

    def __init__(self) -> None:
        self.told: list[dict] = []
        self.status = 200

    async def open(self) -> str:
        async def report(request: web.Request) -> web.Response:
            if self.status == 200:
                self.told.append({"path": request.path, **(await request.json())["metadata"]})
            return web.json_response({}, status=self.status)

        application = web.Application()
        application.router.add_post("/report_asset_materialization/{asset}", report)
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}/"

    async def close(self) -> None:
        await self._runner.cleanup()


def test_appends_between_two_reports_are_told_as_one():
    async def story():
        door = Door()
        report = DagsterReport(await door.open(), SystemClock())
        async with aiohttp.ClientSession() as session:
            assert not await report.report(session)
            report.tell(flushed(1, lag=0.9))
            report.tell(flushed(2, lag=0.3))
            assert await report.report(session) and not await report.report(session)
        await door.close()
        return door.told

    assert asyncio.run(story()) == [
        {
            "path": "/report_asset_materialization/live_trades",
            "rows": 4,
            "retractions": 2,
            "appends": 2,
            "last_block": 102,
            "last_change": 2,
            "lag_seconds": 0.9,
            "table_version": 2,
        }
    ]


def test_what_dagster_refused_or_did_not_hear_goes_into_the_next_report():
    async def story():
        door = Door()
        url = await door.open()
        report, deaf = DagsterReport(url, SystemClock()), DagsterReport("http://127.0.0.1:1", SystemClock())
        async with aiohttp.ClientSession() as session:
            door.status = 401
            report.tell(flushed(1))
            deaf.tell(flushed(1))
            assert not await report.report(session) and not await deaf.report(session)
            door.status = 200
            report.tell(flushed(2))
            assert await report.report(session)
        await door.close()
        assert (report.failures, report.reports, deaf.failures) == (1, 1, 1)
        return door.told

    assert [told["rows"] for told in asyncio.run(story())] == [4]


def test_the_task_reports_until_it_is_cancelled():
    async def story():
        door = Door()
        report = DagsterReport(await door.open(), SystemClock(), every_seconds=0.01)
        task = asyncio.create_task(report.run())
        for seq in (1, 2, 3):
            report.tell(flushed(seq))
            while report.reports < seq:
                await asyncio.sleep(0.005)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await door.close()
        return door.told

    assert [told["last_change"] for told in asyncio.run(story())] == [1, 2, 3]


@pytest.fixture
def webserver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Dagster's own webserver, with no code loaded."""
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    (tmp_path / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "dagster_webserver", "-h", "127.0.0.1", "-p", str(port), "--empty-workspace"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tmp_path)
    try:
        for _ in range(600):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.1):
                break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def test_dagster_itself_knows_the_materialisation_afterwards(webserver):
    async def story():
        report = DagsterReport(webserver, SystemClock())
        report.tell(flushed(7))
        async with aiohttp.ClientSession() as session:
            assert await report.report(session)

    asyncio.run(story())
    with dg.DagsterInstance.get() as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey("live_trades"))
    assert event is not None and event.asset_materialization is not None
    metadata = event.asset_materialization.metadata
    assert (metadata["rows"].value, metadata["last_block"].value, metadata["lag_seconds"].value) == (2, 107, 0.5)
