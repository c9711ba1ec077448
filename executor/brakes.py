"""The brakes as the API works them: the kill switch, and the limits file read again. What they do is written into the journal."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from domain.problems import Problem
from executor.guards import Change, KillSwitch, LimitsWatch, SwitchState, limits_entry, switch_entry
from executor.journal import Journal
from executor.orders import Entry
from executor.ports import Clock
from executor.telemetry import Telemetry

LOG = logging.getLogger(__name__)


class Notes:
    """Entries that are about no order, written by a task: whoever notes one never waits for the disk."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[Entry] = asyncio.Queue()
        self.journal: Journal | None = None

    def note(self, entry: Entry) -> None:
        """To be written down soon."""
        self._waiting.put_nowait(entry)

    async def run(self) -> None:
        """Writes until cancelled. An entry that the journal does not take stays in the log alone."""
        while True:
            entry = await self._waiting.get()
            if self.journal is None:
                continue
            try:
                await self.journal.append(entry)
            except Problem as problem:
                LOG.warning("not in the journal (%s): %s %s", problem.message, entry.kind, dict(entry.facts))


class SwitchAndLimits:
    """The brakes of one desk; without a `watch` (no desk file) there are no limits to load."""

    def __init__(self, switch: KillSwitch, watch: LimitsWatch | None, clock: Clock) -> None:
        self._switch, self._watch, self._clock = switch, watch, clock

    def killed(self) -> dict[str, Any]:
        """The switch as it is."""
        return self._switch.look(self._clock.now()).to_json()

    def trip(self, reason: str) -> dict[str, Any]:
        """Stop, by a person's hand."""
        return self._switch.trip("person", reason, self._clock.now()).to_json()

    def release(self, code: str, reason: str) -> dict[str, Any]:
        """Let go of the stop of this code. Raises BadInput when it is another one's."""
        return self._switch.release(code, reason, self._clock.now()).to_json()

    def reload_limits(self) -> dict[str, Any]:
        """The limits after the file was read again. Raises BadInput when it does not pass; those in force stay then."""
        if self._watch is None:
            return {"changed": [], "waiting": [], "why": "There is no desk file: start with `grekko serve --desk FILE`.", "limits": {}}
        return self._watch.reload().to_json()


def told_of_switch(notes: Notes, telemetry: Telemetry, clock: Clock) -> Any:
    """What hears the switch: an alert, and a line of the journal."""

    def heard(state: SwitchState, what: str) -> None:
        telemetry.alerts.labels(f"kill_switch_{what}").inc()
        notes.note(switch_entry(state, what, clock.now()))

    return heard


def told_of_limits(notes: Notes, telemetry: Telemetry, clock: Clock) -> Any:
    """What hears changed limits: a line of the journal."""

    def heard(change: Change) -> None:
        telemetry.alerts.labels("limits_changed").inc()
        notes.note(limits_entry(change.changed, change.limits, clock.now(), change.why or "the desk file changed"))

    return heard
