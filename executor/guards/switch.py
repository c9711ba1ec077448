"""The kill switch: while it is tripped nothing new is signed, in this process and after every restart, until a person lets go.

It is two files in the desk's folder. `KILL` is anybody's: whoever creates it trips the switch at the next order. `kill.json` is ours:
it says since when and why. A file that cannot be read counts as tripped.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from domain.problems import BadInput, Unavailable

LOG = logging.getLogger(__name__)
BY_HAND, STATE = "KILL", "kill.json"
LONGEST_REASON = 500
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
MAX_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class SwitchState:
    """The switch as it is. `rule` is what tripped it (`file`, `person`, or a rule's name), `facts` its numbers.

    What was lost or refused before `counts_from` was looked at by whoever let go last, and trips nothing again.
    """

    tripped: bool = False
    rule: str | None = None
    reason: str | None = None
    since: datetime | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    counts_from: datetime = LONG_AGO

    @property
    def release_code(self) -> str | None:
        """What must be said to let go: it names this very trip, so nobody lets go of one that they have not seen."""
        if not self.tripped:
            return None
        return hashlib.sha256(json.dumps([self.rule, self.reason, str(self.since)]).encode()).hexdigest()[:8]

    def to_json(self) -> dict[str, Any]:
        """The state as the API tells it."""
        since = self.since.isoformat() if self.since else None
        told = {"tripped": self.tripped, "rule": self.rule, "reason": self.reason, "since": since}
        return {**told, "facts": dict(self.facts), "release_code": self.release_code}


class _Stamp(NamedTuple):
    """What changes when a file is written anew."""

    changed_ns: int
    inode: int
    size: int


class KillSwitch:
    """The switch of the desk in this folder. `heard` is told each time that it trips or is let go: the state, and which of the two."""

    def __init__(self, folder: Path, heard: Callable[[SwitchState, str], None] = lambda state, what: None) -> None:
        self.folder = folder
        self._heard = heard
        self._stamp: _Stamp | None = None
        self._state = SwitchState()
        self._unwritten = False

    @property
    def file(self) -> Path:
        """The file that trips the switch by being there."""
        return self.folder / BY_HAND

    def look(self, now: datetime) -> SwitchState:
        """The switch as it is this moment. Two looks at the file system; never raises."""
        self._refresh(now)
        if self._state.tripped:
            if self._unwritten:
                self._write(self._state)
        elif os.path.lexists(self.file):
            self.trip("file", f"{self.file.name} lies in the desk's folder", now)
        return self._state

    def trip(self, rule: str, reason: str, now: datetime, **facts: Any) -> SwitchState:
        """Stop. It holds from this moment on even when the disk does not take it. A switch that is tripped keeps its first reason."""
        self._refresh(now)
        if not self._state.tripped:
            reason = reason[:LONGEST_REASON]
            self._state = SwitchState(True, rule, reason, now, facts, self._state.counts_from)
            LOG.error("the kill switch tripped by %s: %s", rule, reason)
            self._write(self._state)
            self._heard(self._state, "tripped")
        return self._state

    def release(self, code: str, reason: str, now: datetime) -> SwitchState:
        """Let go, the second of two steps: `code` is the `release_code` of the trip that was looked at.

        Raises BadInput when it is another trip's, or while the file KILL lies there; Unavailable when the disk does not take it.
        """
        state = self.look(now)
        if not state.tripped:
            return state
        if os.path.lexists(self.file):
            raise BadInput(f"{self.file} still lies there; remove it, then let go.", field="file", path=str(self.file))
        if code != state.release_code:
            raise BadInput(
                f"The switch was tripped by {state.rule}: {state.reason}. Look at that, then let go with the code {state.release_code}.",
                field="code",
                release_code=state.release_code,
            )
        released = SwitchState(counts_from=now)
        if not self._write(released):
            raise Unavailable(f"{self.folder / STATE} could not be written, so the switch stays tripped; mend the disk, then let go.")
        self._state = released
        LOG.warning("the kill switch was let go: %s", reason)
        self._heard(state, "released")
        return released

    def _refresh(self, now: datetime) -> None:
        """Take in what another process, or an earlier one, left in the file."""
        path = self.folder / STATE
        try:
            told = path.stat()
            stamp = _Stamp(told.st_mtime_ns, told.st_ino, told.st_size)
            if stamp == self._stamp:
                return
            with path.open("rb") as file:
                content = file.read(MAX_BYTES + 1)
            found = _state_of(content)
        except FileNotFoundError:
            if self._stamp is not None and self._state.tripped and not self._unwritten:
                self._unwritten = True  # taken away behind our back: that is not letting go
            self._stamp = None
            return
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            if not self._state.tripped:
                why = f"{path.name} cannot be read ({type(error).__name__}), so nobody knows whether it was tripped"
                self._state = SwitchState(True, "file", why, now, counts_from=self._state.counts_from)
                LOG.error("the kill switch is taken to be tripped: %s", why)
                self._heard(self._state, "tripped")
            return
        if self._unwritten and not found.tripped:
            return  # ours is newer, and waits for the disk
        self._stamp, before, self._state = stamp, self._state, found
        if before.tripped != found.tripped:
            LOG.warning("the kill switch is %s, says %s", "tripped" if found.tripped else "let go", path.name)

    def _write(self, state: SwitchState) -> bool:
        """All or nothing, and on the disk. False when the disk did not take it; then it is tried again at each look."""
        path = self.folder / STATE
        document = {**state.to_json(), "counts_from": state.counts_from.isoformat()}
        temporary = path.with_name(f".{path.name}.new")
        try:
            with temporary.open("w") as file:
                json.dump(document, file, default=str)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
            told = path.stat()
        except OSError as error:
            LOG.error("%s could not be written (%s); the switch holds in this process only", path, error.strerror)
            self._unwritten = state.tripped
            return False
        self._unwritten = False
        self._stamp = _Stamp(told.st_mtime_ns, told.st_ino, told.st_size)
        with suppress(OSError):  # some file systems cannot sync a folder
            directory = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
        return True


def _state_of(content: bytes) -> SwitchState:
    if len(content) > MAX_BYTES:
        raise ValueError("too long")
    document = json.loads(content)
    tripped, since, counts_from = document["tripped"], document["since"], datetime.fromisoformat(document["counts_from"])
    if not isinstance(tripped, bool) or counts_from.tzinfo is None:
        raise ValueError("not a state")
    reason, rule, facts = document["reason"], document["rule"], document["facts"]
    if not all(one is None or isinstance(one, str) for one in (reason, rule)) or not isinstance(facts, dict):
        raise ValueError("not a state")
    began = datetime.fromisoformat(since) if since is not None else None
    return SwitchState(tripped, rule, reason, began, facts, counts_from)
