"""What lies cold: batches of one table and period, each a Parquet file with a manifest that says what must be in it.

The manifest is written after the copy was read back and compared, so a copy without one is an unfinished move and counts for nothing.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any, Protocol

import polars as pl

from domain.foreign_json import read_foreign
from domain.problems import Broken
from domain.regulation.retention import HOUSE_HOT_YEARS, RELATIONSHIP_END, Access, Kept, Requests, access, kept, rules_for
from domain.regulation.rulebook import Rulebook
from executor.compliance.retention.canonical import Fingerprint, fingerprint
from executor.compliance.retention.store import LockedStore, Stored

COLD, DELETED, DATA, MANIFEST = "cold/", "deleted/", ".parquet", ".manifest.json"


@dataclass(frozen=True, slots=True)
class Batch:
    """The records of one table and period, moved and deleted together. `classes` are their record classes, `key` tells them apart.

    `events` are the days on which the last of them had its events; one that is not there has not happened. `clients` are the pseudonyms
    of whom they are about: the relationship has ended when it has with each of them, and None says that nobody knows who they are.
    """

    table: str
    classes: tuple[str, ...]
    first: date
    last: date
    key: tuple[str, ...]
    events: Mapping[str, date]
    clients: tuple[str, ...] | None = None

    @property
    def period(self) -> str:
        """The period as text: a day, or first and last day."""
        return self.first.isoformat() if self.first == self.last else f"{self.first.isoformat()}_{self.last.isoformat()}"

    @property
    def name(self) -> str:
        """Where it lies in the cold store, without the ending."""
        return f"{COLD}{self.table}/{self.period}"


class HotTier(Protocol):
    """Where records are at hand at once."""

    def batches(self) -> Sequence[Batch]:
        """What there is, batch by batch, oldest first."""
        ...

    def read(self, batch: Batch) -> pl.DataFrame:
        """Its rows; none where it is not there."""
        ...

    def count(self, batch: Batch) -> int:
        """How many rows it has."""
        ...

    def drop(self, batch: Batch) -> None:
        """Takes its rows away, all of them or none."""
        ...


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a cold batch must hold. `tree_head` is the audit log's head at the move, when one was given."""

    batch: Batch
    rows: Fingerprint
    columns: Mapping[str, str]
    object_version: str
    object_sha256: str
    object_bytes: int
    moved_at: str
    retain_until: date | None
    rule_ids: tuple[str, ...]
    tree_head: Mapping[str, Any] | None = None

    @property
    def object_key(self) -> str:
        """The Parquet file's key."""
        return self.batch.name + DATA

    @property
    def deletion_key(self) -> str:
        """Where its deletion is written down."""
        return f"{DELETED}{self.batch.table}/{self.batch.period}.{self.object_sha256[:16]}.json"

    def to_json(self) -> bytes:
        """As the store keeps it."""
        return json.dumps(asdict(self), default=str, indent=1, sort_keys=True).encode()

    @staticmethod
    def from_json(content: bytes) -> Manifest:
        """Reads it back. Raises Broken for what is no manifest."""
        try:
            told = read_foreign(content)
            batch, rows = told.pop("batch"), told.pop("rows")
            days = {name: date.fromisoformat(batch.pop(name)) for name in ("first", "last")}
            events = {name: date.fromisoformat(day) for name, day in batch.pop("events").items()}
            until = told.pop("retain_until")
            clients = None if batch["clients"] is None else tuple(batch["clients"])
            return Manifest(
                batch=Batch(batch["table"], tuple(batch["classes"]), days["first"], days["last"], tuple(batch["key"]), events, clients),
                rows=Fingerprint(rows["rows"], rows["sha256"], tuple(rows["first_key"]), tuple(rows["last_key"])),
                retain_until=date.fromisoformat(until) if until else None,
                rule_ids=tuple(told.pop("rule_ids")),
                **told,
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Broken(f"A manifest of the cold store cannot be read ({error}); restore it from a copy.") from error


@dataclass(frozen=True, slots=True)
class Terms:
    """What is asked of batches: the rulebook's retention rules and what people asked for beyond them.

    `ended` says of each client whose relationship is over on which day it ended.
    """

    rulebook: Rulebook
    requests: Requests = field(default_factory=Requests)
    ended: Mapping[str, date] = field(default_factory=dict)
    house_hot_years: int = HOUSE_HOT_YEARS

    def kept(self, batch: Batch) -> Kept:
        """How long the batch is kept."""
        return kept(batch.classes, self._events(batch), rules_for(self.rulebook, batch.classes), self.requests, first=batch.first)

    def access(self, batch: Batch) -> Access:
        """How long it must be hot."""
        return access(self._events(batch), rules_for(self.rulebook, batch.classes), self.house_hot_years)

    def _events(self, batch: Batch) -> Mapping[str, date]:
        """Its events, with the end of the last relationship; never before the record itself, so no rule counts from an earlier day."""
        if RELATIONSHIP_END in batch.events or batch.clients is None or any(one not in self.ended for one in batch.clients):
            return batch.events
        return {**batch.events, RELATIONSHIP_END: max([batch.last, *(self.ended[one] for one in batch.clients)])}


class Archive:
    """The cold batches of a store."""

    def __init__(self, store: LockedStore) -> None:
        self.store = store

    def manifests(self, prefix: str = COLD) -> list[Manifest]:
        """Every manifest, also those of batches that were deleted since, by table and period, oldest first."""
        found = [one for one in self.store.versions(prefix) if one.key.endswith(MANIFEST)]
        return [Manifest.from_json(self.store.get(one.key, one.version)) for one in found]

    def manifests_of(self, batch: Batch) -> list[Manifest]:
        """The manifests of a batch: more than one when it was moved, came back changed, and was moved again."""
        return self.manifests(batch.name + MANIFEST)

    def read(self, manifest: Manifest) -> pl.DataFrame:
        """The batch's rows. Raises Broken where they are not what the manifest says, BadInput where they were deleted."""
        rows = pl.read_parquet(io.BytesIO(self.store.get(manifest.object_key, manifest.object_version)))
        if fingerprint(rows, manifest.batch.key) != manifest.rows:
            raise Broken(f"{manifest.object_key} does not hold what its manifest says.", key=manifest.object_key)
        return rows

    def object_of(self, manifest: Manifest) -> Stored | None:
        """The Parquet file in the store's books; None where it was deleted."""
        found = self.store.versions(manifest.object_key)
        return next((one for one in found if (one.key, one.version) == (manifest.object_key, manifest.object_version)), None)

    def cold(self) -> list[Manifest]:
        """The manifests whose batch is still there."""
        there = {(one.key, one.version) for one in self.store.versions(COLD)}
        return [one for one in self.manifests() if (one.object_key, one.object_version) in there]
