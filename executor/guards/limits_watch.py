"""The limits in force, read again whenever the desk file changes: a bad file keeps those in force, and says so.

In live mode a changed file is taken whole only when it is signed. One that is not signed can tighten: each limit in force becomes the
tighter of both, and what it would loosen waits for the signature. So whatever is written to the file, and whoever wrote it, the limits
never become looser than they were by anything but a valid file, and in live mode a signed one.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.problems import BadInput, Problem
from executor.guards.limits import Limits
from executor.ports import Clock
from executor.strict_yaml import MAX_BYTES

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Change:
    """What a look at the file led to. `waiting` are limits that the file would loosen, once it is signed; `why` says why they wait."""

    limits: Limits
    changed: Sequence[str] = ()
    waiting: Sequence[str] = ()
    why: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As the API tells it."""
        return {"changed": list(self.changed), "waiting": list(self.waiting), "why": self.why, "limits": self.limits.to_json()}


class LimitsWatch:
    """Watches the limits of one file.

    `read` makes limits of the file's bytes and raises BadInput for a bad one. `approve` (live mode) raises BadInput for bytes that
    are not signed. `heard` is told every change, `alert` every file that is refused or waits for a signature, once each.
    """

    def __init__(
        self,
        path: Path,
        in_force: Limits,
        read: Callable[[bytes], Limits],
        *,
        approve: Callable[[bytes], None] | None = None,
        heard: Callable[[Change], None] = lambda change: None,
        alert: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        self.path = path
        self.limits = in_force
        self.trouble: str | None = None
        self._read, self._approve, self._heard, self._alert = read, approve, heard, alert
        self._seen: str | None = None

    async def run(self, clock: Clock, every_seconds: float = 1.0) -> None:
        """Look again and again until cancelled."""
        while True:
            self.look()
            await clock.sleep(every_seconds)

    def look(self) -> None:
        """Take a changed file; one that is refused keeps the limits in force and becomes `trouble`. Never raises."""
        try:
            content, signature = self._content()
            mark = hashlib.sha256(content + b"\0" + signature).hexdigest()
            if mark == self._seen:
                return
            self._seen = mark
            change = self._take(content)
        except Problem as problem:
            self._refuse(problem)
            return
        self._tell(change)

    def reload(self) -> Change:
        """Take the file now, changed or not. Raises BadInput when it does not pass; the limits in force stay then."""
        try:
            change = self._take(self._content()[0])
        except Problem as problem:
            self._refuse(problem)
            raise
        self._tell(change)
        return change

    def _content(self) -> tuple[bytes, bytes]:
        """The file, and what lies beside it as its signature, which may arrive later."""
        try:
            with self.path.open("rb") as file:
                content = file.read(MAX_BYTES + 1)
        except OSError as error:
            self._seen = None
            raise BadInput(f"{self.path} cannot be read ({error.strerror}); put it back.", field="file", path=str(self.path)) from error
        try:
            with signature_path(self.path).open("rb") as file:
                return content, file.read(MAX_BYTES)
        except OSError:
            return content, b""

    def _take(self, content: bytes) -> Change:
        told, before = self._read(content), self.limits
        if dropped := sorted(before.said - told.said):
            # A file that is only half there says less, and less said is looser.
            raise BadInput(
                f"{self.path.name} leaves out limits that are in force: {', '.join(dropped)}; write `none` for one that shall not hold.",
                field=f"limits.{dropped[0]}",
            )
        why = None
        if self._approve is not None:
            try:
                self._approve(content)
            except BadInput as problem:
                why = problem.message
        self.limits = told if why is None else before.tightest(told)
        waiting = told.looser_than(self.limits) if why is not None else []
        return Change(self.limits, self.limits.changed_from(before), waiting, why if waiting else None)

    def _tell(self, change: Change) -> None:
        trouble = None
        if change.waiting:
            trouble = f"{', '.join(change.waiting)} would be looser and the file is not signed, so they stay. {change.why}"
        if trouble is not None and trouble != self.trouble:
            LOG.warning("the limits in force stay tighter than the file's: %s", trouble)
            self._alert(trouble)
        self.trouble = trouble
        if change.changed:
            LOG.warning("limits changed: %s", ", ".join(change.changed))
            self._heard(change)

    def _refuse(self, problem: Problem) -> None:
        if problem.message != self.trouble:
            LOG.error("the limits in force stay: %s", problem.message)
            self._alert(problem.message)
        self.trouble = problem.message


def signature_path(path: Path) -> Path:
    """Where the signature of a desk file lies: beside it."""
    return path.with_name(path.name + ".sig")
