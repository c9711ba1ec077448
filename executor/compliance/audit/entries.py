"""An entry of the audit log as text, and its hash, which also covers the entry before it.

    hash = SHA-256(0x00 ‖ hash of the entry before ‖ text)

That is the leaf hash of RFC 9162 over both, so a tree of these hashes is a Merkle tree and a chain at once. The text is JSON with sorted
keys, no spaces and ASCII letters only: a stranger can check it with a few lines of any language.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
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
    try:
        text = canonical({"about": entry.about, "at": _in_utc(entry.at), "facts": dict(entry.facts), "kind": entry.kind})
    except (TypeError, ValueError) as error:
        raise BadInput(
            f"The facts of {entry.kind} cannot be written down ({error}); use text, whole and finite numbers, lists and mappings.",
            field="facts",
        ) from error
    if len(text) > MAX_BYTES:
        raise BadInput(f"{entry.kind} is longer than {MAX_BYTES} bytes; keep its hash here and the document elsewhere.", field="facts")
    return text


@lru_cache(maxsize=1_024)
def _in_utc(at: datetime) -> str:
    """The time as text; the entries of a batch mostly share it."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def canonical(document: Mapping[str, Any]) -> bytes:
    """A document as its one text."""
    return _ENCODER.encode(document).encode()


def hash_of(before: bytes, text: bytes) -> bytes:
    """The hash of an entry after the one with the hash `before`."""
    return leaf_hash(before + text)


def chained(before: bytes, texts: Iterable[bytes]) -> list[bytes]:
    """The hash of each of the entries that follow the one with the hash `before`."""
    hashes: list[bytes] = []
    hashed = hashlib.sha256  # `hash_of` in one loop, for batches of thousands
    for text in texts:
        before = hashed(b"\x00" + before + text).digest()
        hashes.append(before)
    return hashes
