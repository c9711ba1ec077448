"""An event of a filing as text, sealed by the hashes of all events before it.

The chain of hashes is the journal's (executor/journal/sealing.py): a changed, deleted or reordered event is found, as Delegated
Regulation (EU) 2025/1140 Art 2 asks: records must not be such that they can be manipulated or altered.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime

from domain.foreign_json import read_foreign
from domain.problems import BadInput, Broken
from domain.regulation.filing.lifecycle import Event
from executor.journal.sealing import Sealed, faults


def text_of(event: Event) -> str:
    """The event as canonical JSON. Raises BadInput when its time has no zone or its facts are not JSON values."""
    if event.at.tzinfo is None:
        raise BadInput(f"The time of {event.kind} has no zone; give it in UTC.", field="at")
    document = {
        "at": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "by": event.by,
        "facts": dict(event.facts),
        "filing": event.filing_id,
        "kind": str(event.kind),
        "why": event.why,
    }
    try:
        return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise BadInput(f"The facts of {event.kind} cannot be written down ({error}); use JSON values.", field="facts") from error


def event_of(text: str) -> Event:
    """The event that the text tells. Raises Broken when it tells none."""
    try:
        told = read_foreign(text)
        return Event(told["kind"], told["filing"], datetime.fromisoformat(told["at"]), told["by"], told["why"], told["facts"])
    except (KeyError, TypeError, ValueError) as error:
        raise Broken(f"A row of the filings holds no event ({error}); restore them from a copy.") from error


def checked(rows: Iterable[Sealed]) -> list[Sealed]:
    """The rows, when their chain of hashes holds. Raises Broken with the first place where it does not."""
    rows = list(rows)
    for seq, sentence in faults(rows):
        raise Broken(f"The filings are broken: {sentence.replace('entry', 'event')}. Restore them from a copy.", seq=seq)
    return rows
