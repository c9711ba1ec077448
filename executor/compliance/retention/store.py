"""A store that locks what it holds: written once, kept until its day or longer, deleted by nobody before.

The semantics are those of S3 Object Lock in compliance mode: a lock is of one version of an object and can be extended, never
shortened; a legal hold is apart from it and has no end; a deletion is refused while either stands. There are two stores: a folder and S3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Protocol

from domain.problems import BadInput
from executor.ports import Clock

SETTING = "GREKKO_RETENTION_STORE"
_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._=-]*(/[A-Za-z0-9_][A-Za-z0-9._=-]*)*")


@dataclass(frozen=True, slots=True)
class Stored:
    """One version of an object. `retain_until` is the last day it is kept (UTC), None without a lock; `held` is the legal hold."""

    key: str
    version: str
    sha256: str
    bytes: int
    retain_until: date | None
    held: bool

    def is_locked(self, today: date) -> bool:
        """Whether a deletion is refused on that day."""
        return self.held or (self.retain_until is not None and today <= self.retain_until)


class LockedStore(Protocol):
    """What both stores can do. Every verb but `put` and `versions` is about one version."""

    def put(self, key: str, content: bytes, *, retain_until: date | None, held: bool = False) -> Stored:
        """Writes a version and locks it in one step; the same content again under the newest version's key is that version, with
        its lock extended and its hold set where they were asked for. Raises BadInput for a key that is not plain."""
        ...

    def get(self, key: str, version: str) -> bytes:
        """The content. Raises BadInput where there is none, Broken where it is not what was written."""
        ...

    def versions(self, prefix: str = "") -> Iterator[Stored]:
        """Every version of every object below the prefix, by key, oldest first."""
        ...

    def extend(self, key: str, version: str, until: date) -> Stored:
        """Locks it until a later day. Raises BadInput for an earlier one: nobody shortens."""
        ...

    def hold(self, key: str, version: str) -> Stored:
        """Sets the legal hold."""
        ...

    def release(self, key: str, version: str) -> Stored:
        """Lifts the legal hold; the lock stays."""
        ...

    def delete(self, key: str, version: str) -> None:
        """Deletes it for good. Raises StillKept while the lock or the hold stands."""
        ...


def newest(store: LockedStore, key: str) -> Stored | None:
    """The newest version of an object, None where there is none."""
    found = [one for one in store.versions(key) if one.key == key]
    return found[-1] if found else None


def day_after(until: date) -> datetime:
    """The first moment at which something kept until that day may go: midnight UTC after it."""
    return datetime.combine(until + timedelta(days=1), time(), tzinfo=UTC)


def checked_key(key: str) -> str:
    """The key, when it is plain: letters, digits, `._=-` and slashes, no part of dots. Raises BadInput."""
    if not _KEY.fullmatch(key):
        raise BadInput(f"{key!r} is not a key of the store: use letters, digits, . _ = - and single slashes.", field="key")
    return key


def open_store(address: str, clock: Clock) -> LockedStore:
    """The store at an address: a folder, or `s3://bucket/prefix?endpoint=…&region=…` with credentials from the environment.

    Raises BadInput for an address that is neither, and for a bucket without object lock.
    """
    if address.startswith("s3://"):
        from executor.compliance.retention.s3_store import S3Store

        return S3Store.at(address, clock)
    if "://" in address:
        raise BadInput(f"{address} is neither a folder nor s3://bucket/prefix.", field=SETTING)
    from executor.compliance.retention.folder_store import FolderStore

    return FolderStore(Path(address), clock)
