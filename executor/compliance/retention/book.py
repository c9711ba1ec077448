"""The books of retention: of each batch, hot or cold or gone, how long it is kept, where, why and by which rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from domain.foreign_json import read_foreign
from domain.regulation.retention import Access, Kept
from executor.compliance.retention.archive import Archive, Batch, HotTier, Manifest, Terms
from executor.compliance.retention.canonical import fingerprint
from executor.compliance.retention.store import newest


@dataclass(frozen=True, slots=True)
class Deletion:
    """When a batch was deleted, and the last days that its rules gave it then."""

    on: date
    untils: tuple[date, ...]

    @property
    def is_early(self) -> bool:
        """Whether a rule still kept it on that day."""
        return not self.untils or self.on <= max(self.untils)


@dataclass(frozen=True, slots=True)
class Entry:
    """One batch. `is_hot`, `is_cold` and `is_deleted` say where it is: in both tiers while a move is under way.

    `copy_is_current` says of a batch in both tiers whether the cold copy holds the very rows that are hot. `deletion` is what was
    written down when it was deleted: the day, and until when each rule kept it then.
    """

    batch: Batch
    kept: Kept
    access: Access
    rows: int
    rows_sha256: str | None
    is_hot: bool
    is_cold: bool
    copy_is_current: bool
    deletion: Deletion | None

    @property
    def tier(self) -> str:
        """hot, cold, hot+cold, deleted, or lost where it should be and is not."""
        there = "+".join(name for name, yes in (("hot", self.is_hot), ("cold", self.is_cold)) if yes)
        return there or ("deleted" if self.deletion else "lost")

    @property
    def doc_refs(self) -> tuple[str, ...]:
        """The articles that were asked."""
        return tuple(str(term.doc_ref) for term in self.kept.terms)

    @property
    def is_verified(self) -> bool:
        """Whether somebody has read every one of them, and there is one."""
        return bool(self.kept.terms) and all(term.doc_ref.verified for term in self.kept.terms)

    def is_overdue(self, today: date) -> bool:
        """Whether it is past its hot tier and nowhere but hot."""
        return self.is_hot and not self.access.is_hot(today) and not (self.is_cold and self.copy_is_current)


def entries(hot: HotTier, archive: Archive, terms: Terms) -> list[Entry]:
    """Every batch there is or was, by table and period. Hot rows are read only where there is a cold copy to compare them with."""
    hot_now = {batch.name: batch for batch in hot.batches()}
    cold_now = {(one.batch.name, one.object_version) for one in archive.cold()}
    newest_manifest = {one.batch.name: one for one in archive.manifests()}
    found = []
    for name in sorted(hot_now.keys() | newest_manifest.keys()):
        batch, manifest = hot_now.get(name), newest_manifest.get(name)
        about = batch or (manifest.batch if manifest else None)
        assert about is not None
        is_cold = manifest is not None and (name, manifest.object_version) in cold_now
        found.append(
            Entry(
                batch=about,
                kept=terms.kept(about),
                access=terms.access(about),
                rows=manifest.rows.rows if manifest else hot.count(about),
                rows_sha256=manifest.rows.sha256 if manifest else None,
                is_hot=batch is not None,
                is_cold=is_cold,
                copy_is_current=batch is None or _is_copied(hot, batch, manifest),
                deletion=_deletion(archive, manifest) if manifest else None,
            )
        )
    return found


def _is_copied(hot: HotTier, batch: Batch, manifest: Manifest | None) -> bool:
    return manifest is not None and fingerprint(hot.read(batch), batch.key) == manifest.rows


def _deletion(archive: Archive, manifest: Manifest) -> Deletion | None:
    record = newest(archive.store, manifest.deletion_key)
    if record is None:
        return None
    told = read_foreign(archive.store.get(record.key, record.version))
    return Deletion(date.fromisoformat(told["decided_on"]), tuple(date.fromisoformat(rule["until"]) for rule in told["rules"]))
