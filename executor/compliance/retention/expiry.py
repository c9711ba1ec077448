"""Deletes cold batches that are past every term, and writes down first what goes, why and by which rule.

The record of a deletion is held for good; the manifest stays too, so that what was there can still be told without its content.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from executor.compliance.retention.archive import Archive, Manifest, Terms
from executor.ports import Clock


@dataclass(frozen=True, slots=True)
class Expired:
    """A batch past its terms: why it may go, and whether it went (not in a dry run)."""

    manifest: Manifest
    why: str
    deleted: bool


def expire(
    archive: Archive, terms: Terms, clock: Clock, *, dry_run: bool = True, at: Callable[[str], None] = lambda step: None
) -> list[Expired]:
    """Every cold batch that may go today by all terms, with no hold on it; deleted unless it is a dry run.

    One that the store itself locks longer, because its term was once longer, stays: no lock is shortened.
    """
    today = clock.now().date()
    found = []
    for manifest in archive.cold():
        kept = terms.kept(manifest.batch)
        stored = archive.object_of(manifest)
        if not kept.may_go(today) or stored is None or stored.is_locked(today):
            continue
        why = kept.why(today)
        if not dry_run:
            record = {
                "object": manifest.object_key,
                "object_sha256": manifest.object_sha256,
                "rows": manifest.rows.rows,
                "rows_sha256": manifest.rows.sha256,
                "record_classes": manifest.batch.classes,
                "why": why,
                "rules": [{"id": term.applied.rule_id, "doc_ref": str(term.doc_ref), "until": str(term.until)} for term in kept.terms],
                "decided_on": today.isoformat(),
            }
            _write_down(archive, manifest, record)
            at("written down")
            archive.store.delete(manifest.object_key, manifest.object_version)
            at("deleted")
        found.append(Expired(manifest, why, not dry_run))
    return found


def _write_down(archive: Archive, manifest: Manifest, record: dict[str, object]) -> None:
    already = [one for one in archive.store.versions(manifest.deletion_key) if one.key == manifest.deletion_key]
    if not already:
        archive.store.put(manifest.deletion_key, json.dumps(record, indent=1, sort_keys=True).encode(), retain_until=None, held=True)
