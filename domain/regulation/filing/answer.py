"""The answer of an authority, the same value whatever message it came in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What the authority says of a message."""

    PENDING = "pending"  # it has it and has not decided
    ACCEPTED = "accepted"
    PARTLY = "partly"  # accepted, except for the records it names
    REJECTED = "rejected"  # nothing of it is held
    REMINDER = "reminder"  # it waits for a message


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a record, or the whole message when `record` is None, was refused: the authority's rule and its words."""

    record: str | None
    rule: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an authority said of the message with this reference.

    `refusals` name the rules that failed, `refused` the records that are not held, `warnings` what it noticed and took all the same.
    `damaged` says that the message arrived incomplete or corrupted: the same content may be sent again.
    """

    reference: str
    verdict: Verdict
    message: str
    refusals: tuple[Refusal, ...] = ()
    refused: frozenset[str] = frozenset()
    warnings: tuple[Refusal, ...] = ()
    damaged: bool = False
