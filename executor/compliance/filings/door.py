"""The door to an authority: what goes out, what comes in, and what can be asked. A real transport is one more class like these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Submission:
    """A document on its way: under which reference, what it is, and the firm's signature of its bytes."""

    reference: str
    report_id: str
    period_start: date
    period_end: date
    name: str
    content: bytes
    signature: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Delivery:
    """Something that came in, under a name of the transport's own. It is there again until `done` is told its name."""

    name: str
    content: bytes


class RegulatorDoor(Protocol):
    """What every transport promises."""

    def submit(self, submission: Submission) -> None:
        """Hands the document over. The same reference with the same bytes may come again and counts once.

        Raises Unavailable when it is not known whether it arrived: ask, or send the same again.
        """
        ...

    def ask(self, reference: str) -> bool | None:
        """Whether the authority has a message of this reference; None when the transport cannot tell. Its answer may come again."""
        ...

    def deliveries(self) -> Sequence[Delivery]:
        """What came in and is not done."""
        ...

    def done(self, name: str) -> None:
        """The delivery is written down and need not come again."""
        ...
