"""Agents as processes: killing one in the middle of a negotiation loses nothing, and it comes back."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from executor.agents.process import main
from executor.agents.terms import Question
from executor.agents.transcript import conversations, faults, replay
from executor.agents.transcript_file import SqliteRows, read_rows
from executor.agents.transports.processes import LENGTH, Processes, agent_command
from executor.agents.view import RecordedViews, View
from executor.ports import SystemClock
from tests.executor.agents.parlour import KeptWeights, held

HERE = "tests.executor.agents.slow_agents"


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    import json

    path = tmp_path / "input.json"
    path.write_text(json.dumps(View(0).to_document()))
    return path


def lines(recording: Path, **agents: str) -> Processes:
    return Processes({name: agent_command(at, recording) for name, at in agents.items()}, SystemClock(), restart_seconds=0.05)


def test_an_agent_killed_while_it_thinks_loses_nothing(recording: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """kill -9: the others decide by the deadline, the log says so, and the agent comes back at its cold-start weight."""
    caplog.set_level(logging.INFO)
    path = tmp_path / "negotiations.sqlite"

    async def story():
        transport = lines(recording, buyer=f"{HERE}:BUYER", ponderer=f"{HERE}:PONDERER")
        rows, weights = SqliteRows(path), KeptWeights()
        async with held(SystemClock(), transport=transport, weights=weights, rows=rows, deadline_seconds=20.0) as parts:
            warm = await parts.coordinator.negotiate(Question("quick-0", "WETH", "USDC"))
            before = weights.now
            asked = asyncio.ensure_future(parts.coordinator.negotiate(Question("t-1", "WETH", "USDC")))
            await asyncio.sleep(0.2)  # it thinks
            killed = transport.pid("ponderer")
            os.kill(killed, signal.SIGKILL)
            during = await asked
            without = weights.now
            while transport.pid("ponderer") in (None, killed):
                await asyncio.sleep(0.02)
            back = await parts.coordinator.negotiate(Question("quick-2", "WETH", "USDC"))
        await rows.close()
        return warm, before, during, without, back, weights.now

    warm, before, during, without, back, after = asyncio.run(story())
    assert (warm.action, before.names) == ("SELL", ("buyer", "ponderer"))
    assert (during.action, during.decision.weights_ppm, without.names) == ("BUY", {"buyer": 1_000_000}, ("buyer",))
    assert during.decision.heard.down == during.decision.heard.silent == ("ponderer",)
    assert during.took_ns < 15e9  # the end of its line was noticed; the deadline would have been the latest
    assert [record.message for record in caplog.records].count("Agent down – re-weighting") == 1
    assert (back.action, after.told) == ("SELL", ("+buyer", "+ponderer", "-ponderer", "+ponderer"))
    rows, head = read_rows(path)
    assert list(faults(rows, head)) == []
    assert [replay(told).is_equal for told in conversations(rows).values()] == [True, True, True]


def test_an_agent_that_is_down_is_not_waited_for(recording: Path) -> None:
    async def story():
        transport = Processes({"gone": [sys.executable, "-c", ""]}, SystemClock(), restart_seconds=60)
        async with held(SystemClock(), transport=transport, deadline_seconds=20.0) as parts:
            while transport.pid("gone") is not None:
                await asyncio.sleep(0.02)
            return await parts.coordinator.negotiate(Question("t-1", "WETH", "USDC"))

    held_one = asyncio.run(story())
    assert held_one.took_ns < 15e9
    assert (held_one.action, held_one.decision.heard.down) == ("HOLD", ("gone",))


def test_a_process_ends_with_its_input_and_with_a_frame_that_no_message_can_have(recording: Path) -> None:
    for given in (b"", LENGTH.pack(1 << 30), LENGTH.pack(3) + b"abc", b"\0"):
        told = subprocess.run(agent_command(f"{HERE}:BUYER", recording), input=given, capture_output=True, timeout=60)
        assert (told.returncode, told.stdout) == (0, b"")


def test_what_cannot_be_started_says_why(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == main(["nobody", str(recording)]) == main(["no.module:AGENT", str(recording)]) == 2
    assert main(["news", str(recording / "none")]) == 2
    told = capsys.readouterr().err
    assert "There is no agent nobody; there are macro, news, onchain, technical." in told
    assert "There is no agent at no.module:AGENT" in told and "cannot be read as JSON" in told
    assert RecordedViews.read(recording).whole == View(0)
