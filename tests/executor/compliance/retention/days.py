"""A clock that a test sets: retention is about days."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta


class Calendar:
    """A Clock whose day the test chooses; it stands at noon."""

    def __init__(self, day: date) -> None:
        self.day = day

    def now(self) -> datetime:
        return datetime.combine(self.day, time(12), tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        self.day += timedelta(seconds=seconds)
