"""What every transport does. It promises little: messages may be lost, late or doubled, and the coordinator copes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Arrival:
    """Bytes that came in. `link` names the agent whose line they came by, where each has its own."""

    raw: bytes
    link: str = ""


@dataclass(frozen=True, slots=True)
class Lost:
    """The agent's process or line has ended; it may come back."""

    agent: str


class Transport(Protocol):
    """Lines to agents."""

    @property
    def agents(self) -> Sequence[str]:
        """Whom it reaches."""
        ...

    async def start(self) -> None:
        """Open the lines. Raises Unavailable."""
        ...

    async def send(self, agent: str, raw: bytes) -> None:
        """Hand a message over. Raises Unavailable when the line is down."""
        ...

    async def receive(self) -> Arrival | Lost:
        """What comes next, from any agent."""
        ...

    async def close(self) -> None:
        """End the lines and whatever was started."""
        ...
