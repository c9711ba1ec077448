"""Re-reads the cold store: every batch is there as its manifest says, locked as long as it must be, or was deleted with a record."""

from __future__ import annotations

from dataclasses import dataclass

from domain.problems import Problem
from executor.compliance.retention.archive import COLD, DATA, Archive, Manifest, Terms
from executor.compliance.retention.store import newest


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `holds` is false where a person must look."""

    key: str
    holds: bool
    sentence: str


def verify(archive: Archive, terms: Terms) -> list[Finding]:
    """One finding for each batch that was ever moved, and for each copy that no manifest names."""
    manifests = archive.manifests()
    named = {(one.object_key, one.object_version) for one in manifests}
    found = [_of(archive, manifest, terms) for manifest in manifests]
    for one in archive.store.versions(COLD):
        if one.key.endswith(DATA) and (one.key, one.version) not in named:
            found.append(Finding(one.key, True, "a copy without a manifest, left by a move that was cut off; it counts for nothing"))
    return found


def _of(archive: Archive, manifest: Manifest, terms: Terms) -> Finding:
    key = manifest.object_key
    stored = archive.object_of(manifest)
    deleted = newest(archive.store, manifest.deletion_key) is not None
    if stored is None:
        told = "deleted at its end, as the record of its deletion says" if deleted else "GONE without a record of its deletion"
        return Finding(key, deleted, told)
    try:
        archive.read(manifest)
    except Problem as problem:
        if deleted:
            return Finding(key, True, "its deletion was begun and cut off; expire again")
        return Finding(key, False, problem.message)
    kept = terms.kept(manifest.batch)
    if kept.holds and not stored.held:
        return Finding(key, False, f"under {kept.why(manifest.batch.last)} and not held in the store; move again to settle it")
    if kept.until is not None and not stored.held and (stored.retain_until is None or stored.retain_until < kept.until):
        return Finding(key, False, f"must be kept until {kept.until} and is locked until {stored.retain_until}; move again to settle it")
    if deleted:
        return Finding(key, True, "its deletion was begun and cut off; expire again")
    return Finding(key, True, f"{manifest.rows.rows} rows as the manifest says, {_lock(stored.held, kept.until)}")


def _lock(held: bool, until: object) -> str:
    return "held" if held else f"locked until {until}"
