"""The kill switch: it trips at once, holds through restarts and full disks, and is let go only by who has seen the trip."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.problems import BadInput, GuardRefused, Unavailable
from executor.guards import KillSwitch, SwitchState
from tests.executor.guards.cases import NOON, Floor, by_id, order, rehearsed


@pytest.fixture
def switch(tmp_path: Path) -> KillSwitch:
    return KillSwitch(tmp_path)


def test_touching_the_file_stops_the_very_next_check(tmp_path: Path):
    floor, one = Floor(tmp_path), rehearsed(order())
    floor.guards.check("sign", one, by_id(one), NOON)
    (tmp_path / "KILL").touch()
    with pytest.raises(GuardRefused, match="KILL lies in the desk's folder"):
        floor.guards.check("sign", one, by_id(one), NOON)


def test_taking_the_file_away_does_not_let_go(switch: KillSwitch):
    switch.file.touch()
    assert switch.look(NOON).tripped
    switch.file.unlink()
    assert switch.look(NOON).tripped
    assert KillSwitch(switch.folder).look(NOON).tripped


def test_letting_go_takes_the_code_of_the_trip_that_was_seen(switch: KillSwitch):
    seen = switch.trip("person", "prices look wrong", NOON)
    code = seen.release_code or ""
    with pytest.raises(BadInput, match="prices look wrong"):
        switch.release("00000000", "fine again", NOON)
    assert not switch.release(code, "fine again", NOON).tripped
    again = switch.trip("max_rejects", "too many", NOON + timedelta(minutes=1))
    with pytest.raises(BadInput):
        switch.release(code, "fine again", NOON)
    assert again.release_code != code
    assert switch.release(again.release_code or "", "understood", NOON).counts_from == NOON
    assert switch.release("anything", "twice", NOON) == switch.look(NOON)


def test_it_is_not_let_go_while_the_file_lies_there(switch: KillSwitch):
    switch.file.touch()
    state = switch.look(NOON)
    with pytest.raises(BadInput, match="remove it"):
        switch.release(state.release_code or "", "fine", NOON)
    assert switch.look(NOON).tripped


def test_a_trip_and_a_release_hold_through_a_restart_and_in_other_processes(switch: KillSwitch):
    other = KillSwitch(switch.folder)
    assert not other.look(NOON).tripped
    tripped = switch.trip("max_loss_per_day", "lost", NOON, value="12.00", limit="10")
    assert other.look(NOON) == tripped == KillSwitch(switch.folder).look(NOON)
    other.release(tripped.release_code or "", "looked", NOON + timedelta(hours=1))
    assert switch.look(NOON) == SwitchState(counts_from=NOON + timedelta(hours=1))


def test_the_first_reason_is_kept_and_told(tmp_path: Path):
    heard: list[tuple[str | None, str]] = []
    switch = KillSwitch(tmp_path, lambda state, what: heard.append((state.reason, what)))
    switch.trip("person", "first", NOON)
    assert switch.trip("person", "second", NOON).reason == "first"
    switch.release(switch.look(NOON).release_code or "", "ok", NOON)
    assert heard == [("first", "tripped"), ("first", "released")]


@settings(deadline=None)
@given(st.binary(max_size=80) | st.sampled_from([b"[]", b"{}", b"[" * 5000, b'{"tripped": 1}', b"x" * 70_000]))
def test_for_any_bytes_in_its_file_that_are_no_state_it_counts_as_tripped(tmp_path_factory: pytest.TempPathFactory, content: bytes):
    folder = tmp_path_factory.mktemp("desk")
    (folder / "kill.json").write_bytes(content)
    switch = KillSwitch(folder)
    state = switch.look(NOON)
    assert state.tripped and "cannot be read" in (state.reason or "")
    assert not switch.release(state.release_code or "", "looked at it", NOON).tripped
    assert not KillSwitch(folder).look(NOON).tripped


def test_a_state_with_odd_values_counts_as_tripped(switch: KillSwitch):
    switch.trip("person", "x", NOON)
    path = switch.folder / "kill.json"
    whole = json.loads(path.read_text())
    for name, value in (("tripped", "no"), ("reason", 3), ("facts", []), ("counts_from", "2026-01-01T00:00:00"), ("since", "never")):
        path.write_text(json.dumps({**whole, "tripped": False, name: value}))
        assert KillSwitch(switch.folder).look(NOON).tripped


def test_a_full_disk_stops_no_trip_and_no_release_goes_unwritten(switch: KillSwitch, monkeypatch: pytest.MonkeyPatch):
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", full)
        assert switch.trip("person", "stop", NOON).tripped
        assert switch.look(NOON).tripped
    assert not (switch.folder / "kill.json").exists()
    assert switch.look(NOON).tripped  # and now it is written
    assert KillSwitch(switch.folder).look(NOON).tripped
    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", full)
        with pytest.raises(Unavailable):
            switch.release(switch.look(NOON).release_code or "", "fine", NOON)
    assert switch.look(NOON).tripped


def test_its_file_taken_away_while_tripped_comes_back(switch: KillSwitch):
    switch.trip("person", "stop", NOON)
    (switch.folder / "kill.json").unlink()
    assert switch.look(NOON).tripped
    assert KillSwitch(switch.folder).look(NOON).tripped


def test_the_api_is_told_the_code_only_while_it_is_tripped(switch: KillSwitch):
    assert switch.look(NOON).to_json()["release_code"] is None
    told = switch.trip("person", "stop", NOON).to_json()
    assert (told["tripped"], told["reason"], told["since"]) == (True, "stop", NOON.isoformat())
    assert len(told["release_code"]) == 8
