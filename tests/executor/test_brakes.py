"""The brakes: what they do is written into the journal by a task, and where there is no desk file there is nothing to load."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from domain.problems import JournalUnavailable
from executor.brakes import Notes, SwitchAndLimits
from executor.guards import KillSwitch
from executor.journal import Journal, MemoryStore
from executor.orders import Entry
from executor.ports import SystemClock
from executor.virtual.loop import VirtualClock, run_virtually


def test_notes_reach_the_journal_once_there_is_one_and_a_full_disk_stops_nobody(caplog: pytest.LogCaptureFixture) -> None:
    async def story(clock: VirtualClock) -> list[str]:
        notes = Notes()
        task = asyncio.ensure_future(notes.run())
        notes.note(Entry("limits", None, clock.now(), {"reason": "before there was a journal"}))
        await clock.sleep(1)
        store = MemoryStore()
        notes.journal = journal = await Journal.open(store, clock)
        honest = store.commit

        async def full(rows: object) -> None:
            raise JournalUnavailable("The disk is full; make space.")

        store.commit = full  # type: ignore[method-assign]
        notes.note(Entry("limits", None, clock.now(), {"reason": "while the disk is full"}))
        await clock.sleep(1)
        store.commit = honest  # type: ignore[method-assign]
        notes.note(Entry("limits", None, clock.now(), {"reason": "kept"}))
        await clock.sleep(1)
        task.cancel()
        return [row.entry.facts["reason"] for row in journal.entries() if row.entry.kind == "limits"]

    assert run_virtually(story) == ["kept"]
    assert "while the disk is full" in caplog.text


def test_without_a_desk_file_there_are_no_limits_to_load(tmp_path: Path) -> None:
    told = SwitchAndLimits(KillSwitch(tmp_path), None, SystemClock()).reload_limits()
    assert (told["changed"], told["limits"]) == ([], {})
    assert "--desk" in told["why"]
