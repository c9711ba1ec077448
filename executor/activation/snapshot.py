"""What a decision takes once and keeps to its end: the pools and market handed over, and the models in force."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock

from executor.activation.deployment import Deployment
from executor.handover import Handover


class Flight:
    """How many decisions of one generation are on their way."""

    __slots__ = ("_count", "_lock", "generation")

    def __init__(self, generation: int) -> None:
        self.generation = generation
        self._count = 0
        self._lock = Lock()

    @property
    def count(self) -> int:
        return self._count

    def begins(self) -> None:
        with self._lock:
            self._count += 1

    def ends(self) -> None:
        with self._lock:
            self._count -= 1


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Immutable: whatever changes replaces the whole of it, so no order sees half of one model and half of another."""

    handover: Handover
    deployment: Deployment
    flight: Flight
