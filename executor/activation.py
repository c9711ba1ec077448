"""Which hand-over new decisions are made with. Swapped in one assignment; the one before stays resident for a rollback.

A decision takes the snapshot once and uses it to its end, so no order ever sees half of one model and half of another.
"""

from __future__ import annotations

from pathlib import Path
from threading import Lock

from domain.problems import Problem, Unavailable
from executor.handover import Handover, generation_at, load_handover


class Activation:
    """The hand-over in force, loaded from a folder and replaced when a newer one lies there and passes its verification."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.refusals = 0
        self.last_refusal: Problem | None = None
        self._current: Handover | None = None
        self._previous: Handover | None = None
        self._refused_generation: int | None = None
        self._lock = Lock()

    @property
    def current(self) -> Handover:
        """The snapshot to decide with. Raises Unavailable, with the reason, when none could be loaded."""
        snapshot = self._current
        if snapshot is None:
            why = self.last_refusal.message if self.last_refusal else "No hand-over was loaded yet."
            raise Unavailable(why, folder=str(self.folder))
        return snapshot

    @property
    def previous(self) -> Handover | None:
        """What a rollback would bring back."""
        return self._previous

    def refresh(self) -> bool:
        """Takes over what lies in the folder when it is newer; True when decisions are now made with something else.

        A hand-over that does not pass is counted and kept out: what is in force stays in force.
        """
        with self._lock:
            try:
                generation = generation_at(self.folder)
                if generation == self._refused_generation or (self._current and generation == self._current.generation):
                    return False
                loaded = load_handover(self.folder)
            except Unavailable as problem:
                self.last_refusal = problem  # being written, or not there yet: ask again
                return False
            except Problem as problem:
                self.refusals += 1
                self.last_refusal = problem
                self._refused_generation = _generation_or_none(self.folder)
                return False
            self._previous, self._current = self._current, loaded
            self.last_refusal = self._refused_generation = None
            return True

    def rollback(self) -> Handover:
        """Puts the previous snapshot back in force, until a newer generation is handed over. Raises Unavailable when there is none."""
        with self._lock:
            if self._previous is None or self._current is None:
                raise Unavailable("There is nothing to roll back to: only one hand-over was loaded since the start.")
            # What we roll back from must not come back at the next look.
            self._refused_generation = self._current.generation
            self._current, self._previous = self._previous, self._current
            return self._current


def _generation_or_none(folder: Path) -> int | None:
    try:
        return generation_at(folder)
    except Problem:
        return None
