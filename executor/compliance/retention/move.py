"""Hot to cold, in an order in which a kill at any step loses nothing and doubles nothing.

Copy, read back, compare, write the manifest, and only then drop the hot rows. Each step looks first at what is already there, so a move
that was cut off is taken up by moving again; a batch whose copy is proved but whose rows are still hot is in both tiers for a while.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from domain.problems import Broken, Unavailable
from domain.regulation.retention import Kept
from executor.compliance.retention.archive import DATA, MANIFEST, Archive, Batch, HotTier, Manifest, Terms
from executor.compliance.retention.canonical import Fingerprint, fingerprint
from executor.compliance.retention.store import Stored, newest
from executor.ports import Clock

Step = Callable[[str], None]
STEPS = ("read", "copied", "read back", "manifest written", "dropped")


@dataclass(frozen=True, slots=True)
class Moved:
    """A batch that went cold: its manifest, and whether the copy was there already from a move that was cut off."""

    manifest: Manifest
    resumed: bool


def due(hot: HotTier, terms: Terms, today: date) -> list[Batch]:
    """The batches that no longer need to be hot on that day."""
    return [batch for batch in hot.batches() if not terms.access(batch).is_hot(today)]


def move(
    batch: Batch,
    hot: HotTier,
    archive: Archive,
    terms: Terms,
    clock: Clock,
    *,
    tree_head: Mapping[str, Any] | None = None,
    at: Step = lambda step: None,
) -> Moved | None:
    """Moves one batch and returns its manifest; None when it has no hot rows. `at` hears each step's name when it is done.

    Raises Broken, with the hot rows where they were, when the copy does not read back as it was written, and Unavailable when the hot
    rows changed meanwhile: move again.
    """
    rows = hot.read(batch)
    if rows.is_empty():
        return None
    print_ = fingerprint(rows, batch.key)
    kept = terms.kept(batch)
    at("read")
    manifest = _proved(archive, batch, print_)
    resumed = manifest is not None
    if manifest is None:
        copy, resumed = _copy(archive, batch, rows, print_, kept)
        at("copied")
        _read_back(archive, copy, batch, print_)
        at("read back")
        manifest = Manifest(
            batch=batch,
            rows=print_,
            columns={name: str(dtype) for name, dtype in rows.schema.items()},
            object_version=copy.version,
            object_sha256=copy.sha256,
            object_bytes=copy.bytes,
            moved_at=clock.now().isoformat(),
            retain_until=kept.until,
            rule_ids=kept.rule_ids,
            tree_head=tree_head,
        )
        archive.store.put(batch.name + MANIFEST, manifest.to_json(), retain_until=kept.until, held=must_hold(kept))
        at("manifest written")
    if fingerprint(hot.read(batch), batch.key) != print_:
        raise Unavailable(f"The rows of {batch.table} {batch.period} changed while they were copied; they stay hot, move again.")
    hot.drop(batch)
    at("dropped")
    return Moved(manifest, resumed)


def settle(archive: Archive, terms: Terms) -> int:
    """Brings every cold batch's lock to what is asked of it now: longer terms, holds, releases. Returns how many locks changed."""
    changed = 0
    wanted = {manifest.batch.name: terms.kept(manifest.batch) for manifest in archive.manifests()}
    for one in list(archive.store.versions("cold/")):
        kept = wanted.get(one.key.removesuffix(MANIFEST).removesuffix(DATA))
        if kept is not None:
            changed += _settle_one(archive, one, kept)
    return changed


def must_hold(kept: Kept) -> bool:
    """Whether the store's legal hold is on: somebody holds it, or its end is not known yet."""
    return bool(kept.holds) or kept.until is None


def _settle_one(archive: Archive, one: Stored, kept: Kept) -> bool:
    changed = False
    if kept.until is not None and (one.retain_until is None or kept.until > one.retain_until):
        archive.store.extend(one.key, one.version, kept.until)
        changed = True
    if must_hold(kept) != one.held:
        (archive.store.hold if must_hold(kept) else archive.store.release)(one.key, one.version)
        changed = True
    return changed


def _proved(archive: Archive, batch: Batch, print_: Fingerprint) -> Manifest | None:
    """The manifest of a copy of the very same rows that is still there, read again."""
    for manifest in archive.manifests_of(batch):
        if manifest.rows == print_ and archive.object_of(manifest) is not None:
            archive.read(manifest)
            return manifest
    return None


def _copy(archive: Archive, batch: Batch, rows: pl.DataFrame, print_: Fingerprint, kept: Kept) -> tuple[Stored, bool]:
    key = batch.name + DATA
    left = newest(archive.store, key)
    if left is not None and _holds(archive.store.get(key, left.version), batch, print_):
        content, resumed = archive.store.get(key, left.version), True
    else:
        sink = io.BytesIO()
        rows.sort(batch.key).write_parquet(sink, compression="zstd")
        content, resumed = sink.getvalue(), False
    return archive.store.put(key, content, retain_until=kept.until, held=must_hold(kept)), resumed


def _read_back(archive: Archive, copy: Stored, batch: Batch, print_: Fingerprint) -> None:
    if not _holds(archive.store.get(copy.key, copy.version), batch, print_):
        raise Broken(f"{copy.key} does not read back as it was written; the rows stay hot.", key=copy.key)


def _holds(content: bytes, batch: Batch, print_: Fingerprint) -> bool:
    try:
        return fingerprint(pl.read_parquet(io.BytesIO(content)), batch.key) == print_
    except (pl.exceptions.PolarsError, OSError):
        return False
