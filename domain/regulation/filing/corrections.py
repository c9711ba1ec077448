"""What must be told about a period: the records that the authority holds against the records of now.

    not held, there now        NEW       (also a row that came late)
    held, other values now     CORRECT   names the reference that it corrects
    held, gone now             CANCEL    names it too
    held, the same values      nothing

A report may tell an action as others (`Lifecycle.becomes`): ISO 20022 auth.016 has no correction, it cancels and reports anew, while
CARF corrects a record by naming its DocRefId in CorrDocRefId.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from domain.regulation.filing.references import record_reference
from domain.regulation.rulebook import Action


@dataclass(frozen=True, slots=True)
class HeldRecord:
    """A record as the authority holds it: under which references it was accepted, and the digest of its values."""

    key: str
    reference: str
    message: str
    digest: str


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be told about a record. `corrects` and `corrects_message` are the references of what it corrects or cancels."""

    action: Action
    key: str
    digest: str
    corrects: str | None = None
    corrects_message: str | None = None


@dataclass(frozen=True, slots=True)
class RecordMessage:
    """A record of a message: a change, and the reference under which the document and the authority's answer name it.

    Records of a message that share a reference (auth.016 names a transaction by its TxId, cancelled or new) stand or fall together.
    """

    action: Action
    key: str
    digest: str
    reference: str
    corrects: str | None = None
    corrects_message: str | None = None


def digest_of(values: Mapping[str, Any]) -> str:
    """The sha256 of a record's values. Values that are not JSON (dates, decimals) are taken as their text."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, separators=(",", ":"), default=str).encode()).hexdigest()


def decide(held: Mapping[str, HeldRecord], now: Mapping[str, str]) -> tuple[Change, ...]:
    """What must be told so that the authority holds the records of now (row key → digest of its values), in the order of the keys."""
    changes = []
    for key in sorted(held.keys() | now.keys()):
        known, digest = held.get(key), now.get(key)
        if known is None and digest is not None:
            changes.append(Change("NEW", key, digest))
        elif known is not None and digest is None:
            changes.append(Change("CANCEL", key, known.digest, known.reference, known.message))
        elif known is not None and digest is not None and digest != known.digest:
            changes.append(Change("CORRECT", key, digest, known.reference, known.message))
    return tuple(changes)


def told_as(
    changes: Iterable[Change],
    becomes: Mapping[Action, tuple[Action, ...]],
    message: str,
    name: Callable[[str, str, int], str] | None = None,
) -> tuple[RecordMessage, ...]:
    """The changes in the report's own actions. `name` gives a record's reference from the message's, its key and its place from 1."""
    named = name or (lambda message, _, place: record_reference(message, place))
    told: list[RecordMessage] = []
    for change in changes:
        for action in becomes.get(change.action, (change.action,)):
            earlier = (None, None) if action == "NEW" else (change.corrects, change.corrects_message)
            told.append(RecordMessage(action, change.key, change.digest, named(message, change.key, len(told) + 1), *earlier))
    return tuple(told)


def held_after(
    held: Mapping[str, HeldRecord], told: Iterable[RecordMessage], message: str, refused: Collection[str] = ()
) -> dict[str, HeldRecord]:
    """What the authority holds after it took a message, except for the records it refused (by reference)."""
    after = dict(held)
    for record in told:
        if record.reference in refused:
            continue
        if record.action == "CANCEL":
            after.pop(record.key, None)
        else:
            after[record.key] = HeldRecord(record.key, record.reference, message, record.digest)
    return after
