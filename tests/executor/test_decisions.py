"""Decisions: once for an id, on the disk before anybody is told, and never stopped by a model that fails."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from domain.features import NAMES
from domain.problems import BadInput, JournalUnavailable, Unavailable
from executor.activation import Activation
from executor.decision_log import FILE, read_decisions
from executor.decisions import Decisions
from executor.ports import SystemClock
from tests.executor.activation.shelves import FLAT, decide, opened


@pytest.fixture
def activation(folder: Path) -> Activation:
    return opened(folder)


def kept(folder: Path) -> list[str]:
    return [row.entry.order_id for row in read_decisions(folder / FILE) if row.entry.order_id]


def test_a_decision_is_on_the_disk_when_it_is_told(activation: Activation, folder: Path) -> None:
    (entry,) = decide(activation, "a")
    assert [row.entry for row in read_decisions(folder / FILE) if row.entry.order_id] == [entry]


def test_the_same_id_is_decided_once_also_when_it_comes_twice_at_once(activation: Activation, folder: Path) -> None:
    entries = decide(activation, "a", "b", "a", "a")
    assert entries[0] == entries[2] == entries[3] == decide(activation, "a")[0]
    assert sorted(kept(folder)) == ["a", "b"]


def test_those_who_come_together_share_a_commit(activation: Activation, monkeypatch: pytest.MonkeyPatch) -> None:
    commits: list[int] = []
    append = activation.log.append
    monkeypatch.setattr(activation.log, "append", lambda entries: (commits.append(len(entries)), append(entries))[1])
    decide(activation, *map(str, range(50)))
    assert sum(commits) == 50 and len(commits) <= 2


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_features_that_are_no_numbers_are_refused_by_name_and_the_id_stays_free(activation: Activation, folder: Path, value: float) -> None:
    async def ask(features: list[float]) -> Any:
        return await Decisions(activation, SystemClock()).decide("a", features)

    with pytest.raises(BadInput, match=f"Feature {NAMES[2]} is {value}"):
        asyncio.run(ask([*FLAT[:2], value, *FLAT[3:]]))
    with pytest.raises(BadInput, match="1 features were given"):
        asyncio.run(ask([0.0]))
    assert kept(folder) == [] and activation.snapshot.flight.count == 0
    assert asyncio.run(ask(FLAT)).facts["failure"] is None


def test_without_a_model_in_force_nothing_is_decided(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="No hand-over"):
        decide(Activation(tmp_path), "a")


def test_a_full_disk_decides_nothing_and_tells_everybody_who_waits(activation: Activation, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(entries: Any) -> None:
        raise JournalUnavailable("The disk is full.")

    async def together() -> list[Any]:
        decisions = Decisions(activation, SystemClock())
        return await asyncio.gather(*(decisions.decide(name, FLAT) for name in ("a", "b", "a")), return_exceptions=True)

    with monkeypatch.context() as patched:
        patched.setattr(activation.log, "append", full)
        assert [type(one) for one in asyncio.run(together())] == [JournalUnavailable] * 3
    assert activation.snapshot.flight.count == 0
    assert decide(activation, "a")[0].order_id == "a"


def test_a_decision_whose_asker_left_is_in_flight_until_it_is_on_the_disk(
    activation: Activation, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, append = threading.Event(), activation.log.append
    monkeypatch.setattr(activation.log, "append", lambda entries: (disk.wait(30), append(entries))[1])

    async def leave() -> None:
        decisions = Decisions(activation, SystemClock())
        asking = asyncio.create_task(decisions.decide("a", FLAT))
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        assert activation.snapshot.flight.count == 1 and kept(folder) == []
        disk.set()
        await decisions.close()
        await asyncio.sleep(0)
        assert activation.snapshot.flight.count == 0

    asyncio.run(leave())
    assert kept(folder) == ["a"]


def test_a_commit_that_is_cancelled_tells_those_who_wait(activation: Activation) -> None:
    async def stop() -> None:
        decisions = Decisions(activation, SystemClock())
        asking = asyncio.create_task(decisions.decide("a", FLAT))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert decisions._committer is not None
        decisions._committer.cancel()
        with pytest.raises(JournalUnavailable, match="stopped before"):
            await asking

    asyncio.run(stop())


def test_only_possible_actions_are_chosen(activation: Activation) -> None:
    async def ask() -> Any:
        return await Decisions(activation, SystemClock()).decide("a", FLAT, possible=())

    assert asyncio.run(ask()).facts["savings_bps"] == {"now": 0.0}
