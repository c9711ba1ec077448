"""Who makes the documents of a report and period: always from the records of now, so that making one again is no decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from domain.regulation.filing import FilingKey, RecordMessage, Refusal
from domain.regulation.rulebook import Action


class Preparation(Protocol):
    """One report, period and format."""

    @property
    def key(self) -> FilingKey:
        """What is filed."""
        ...

    @property
    def nil(self) -> bool:
        """Whether a period without a record is told, as an empty document."""
        ...

    @property
    def becomes(self) -> Mapping[Action, tuple[Action, ...]]:
        """Actions that this report tells as others."""
        ...

    @property
    def kinds_apart(self) -> bool:
        """Whether a message holds either new records or corrections, as in CARF (CARF701 and CARF702)."""
        ...

    def records(self) -> Mapping[str, str]:
        """The reportable records of now: row key → digest of its values."""
        ...

    def record_reference(self, message: str, key: str, place: int) -> str:
        """How the document names a record of a message."""
        ...

    def document(self, reference: str, records: Sequence[RecordMessage]) -> tuple[str, bytes]:
        """Name and bytes of the document that tells these records under this reference."""
        ...

    def findings(self, content: bytes) -> Sequence[Mapping[str, Any]]:
        """What is wrong with a document; an entry whose `severity` is `error` keeps it from being sent."""
        ...

    def mend(self, refusals: Sequence[Refusal]) -> bool:
        """Whether the next document will be free of these refusals, because their cause is mended by a rule and not by a judgement."""
        ...
