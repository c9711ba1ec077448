"""An entry of the audit log as text, and its hash, which also covers the entry before it.

    hash = SHA-256(0x00 ‖ hash of the entry before ‖ text)

That is the leaf hash of RFC 9162 over both, so a tree of these hashes is a Merkle tree and a chain at once. The text is JSON with sorted
keys, no spaces and ASCII letters only: a stranger can check it with a few lines of any language.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from domain.problems import BadInput
from domain.regulation.merkle import leaf_hash

BEFORE_THE_FIRST = bytes(32)
MAX_BYTES = 1024 * 1024
# Made once: json.dumps would make one for each entry.
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Something that happened: its `kind`, what it is `about` (a report, a filing, a client's id), and the facts as JSON values.

    Personal data stays out of the facts: an entry is never erased. Money is text or whole numbers.
    """

    kind: str
    at: datetime
    about: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


def text_of(entry: AuditEntry) -> bytes:
    """The entry's canonical text. Raises BadInput when its time has no zone, its facts are no JSON values, or it is too long."""
    if entry.at.tzinfo is None:
        raise BadInput(f"The time of {entry.kind} has no zone; give it in UTC.", field="at")
    at = entry.at.astimezone(UTC).isoformat(timespec="microseconds")
    try:
        text = canonical({"about": entry.about, "at": at, "facts": dict(entry.facts), "kind": entry.kind})
    except (TypeError, ValueError) as error:
        raise BadInput(
            f"The facts of {entry.kind} cannot be written down ({error}); use text, whole and finite numbers, lists and mappings.",
            field="facts",
        ) from error
    if len(text) > MAX_BYTES:
        raise BadInput(f"{entry.kind} is longer than {MAX_BYTES} bytes; keep its hash here and the document elsewhere.", field="facts")
    return text


def canonical(document: Mapping[str, Any]) -> bytes:
    """A document as its one text."""
    return _ENCODER.encode(document).encode()


def hash_of(before: bytes, text: bytes) -> bytes:
    """The hash of an entry after the one with the hash `before`."""
    return leaf_hash(before + text)
