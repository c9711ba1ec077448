"""What an alert goes over, and how it may fail."""

from __future__ import annotations

from typing import Protocol

from executor.compliance.alerts.message import Message


class Channel(Protocol):
    """A way to people: `name` is the word of the rulebook's `on_breach` behind `alert:`."""

    @property
    def name(self) -> str:
        """slack or email."""
        ...

    async def send(self, message: Message) -> None:
        """Returns once the other side has taken it. Raises Unavailable when it may be tried again, BadInput when it never will be taken."""
        ...

    async def close(self) -> None:
        """Let go of what is open."""
        ...
