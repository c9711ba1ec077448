"""What goes into the audit log: reports laid on the shelf, heads of the filings, screening decisions, records moved and deleted.

Each function compares what there is with what the log has and appends what is missing, so calling one twice adds nothing, and what a
crash kept out of the log is in it after the next call. Only hashes, counts and pseudonyms go in: an entry is never erased.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.problems import JournalHeld
from executor.compliance.audit.entries import AuditEntry
from executor.compliance.audit.heads import SignedHead, sign_head
from executor.compliance.audit.keys import AuditKey
from executor.compliance.audit.log import AuditLog
from executor.compliance.audit.place import heads_of, log_of
from executor.compliance.audit.reading import reading
from executor.compliance.kyc.store import DecisionStore
from executor.compliance.retention.archive import COLD, MANIFEST
from executor.compliance.retention.archive import DELETED as DELETED_BELOW
from executor.compliance.retention.store import LockedStore, Stored
from executor.ports import Clock

REPORT, FILINGS, SCREENING = "report_laid_on_the_shelf", "filings_head", "screening_decision"
MOVED, DELETED = "records_moved", "deletion_written_down"
_TRIES, _PAUSE = 100, 0.1


@dataclass(frozen=True)
class Recorder:
    """Writes to the log of one home. `pause` waits so many seconds for another process that writes; without it nobody waits."""

    log: Path
    heads: Path
    clock: Clock
    pause: Callable[[float], None] | None = None

    @classmethod
    def of(cls, compliance: Path, clock: Clock, environment: Mapping[str, str], pause: Callable[[float], None] | None = None) -> Recorder:
        """The recorder of a compliance folder."""
        log = log_of(compliance, environment)
        return cls(log, heads_of(log, environment), clock, pause)

    def report(self, card: Mapping[str, Any], rulebook_sha256: str, before: Mapping[str, Any] | None = None) -> int:
        """The report that a card of the shelf describes, and first the one that it replaced, where the log has not got that.

        Returns how many entries were added. The rulebook of the one before is not known any more and is told as null.
        """
        about = f"{card['report_id']}/{card['period']}"
        with self._opened() as log:
            last = next(log.of_kind(REPORT, about), None)
            new: list[AuditEntry] = []
            if before is not None and _hashes(before) not in (_hashes(card), last and last["documents"]):
                new.append(self._entry(REPORT, about, _facts_of(before, None)))
            facts = _facts_of(card, rulebook_sha256)
            if new or last != facts:
                new.append(self._entry(REPORT, about, facts))
            return _appended(log, new)

    def filings(self, head: tuple[int, str] | None) -> int:
        """The seq and hash of the newest event of the filings (`FilingStore.head`): it seals every event before it."""
        if head is None:
            return 0
        facts = {"seq": head[0], "hash": head[1]}
        with self._opened() as log:
            known = next(log.of_kind(FILINGS, "filings"), None)
            return _appended(log, [] if known == facts else [self._entry(FILINGS, "filings", facts)])

    def screenings(self, decisions: DecisionStore) -> int:
        """Every decision that was kept since the last one in the log, by the hash of its record."""
        with self._opened() as log:
            last = next(log.of_kind(SCREENING), None)
            new = [
                self._entry(SCREENING, kept.client_id, {"decision": kept.seq, "record_sha256": sha256, "verdict": kept.verdict})
                for kept, sha256 in decisions.records(after=last["decision"] if last else 0)
            ]
            return _appended(log, new)

    def records(self, kind: str, found: Iterable[Stored]) -> int:
        """The manifests of moves (`MOVED`) or the records of deletions (`DELETED`) that the log has not got, by their sha256."""
        with self._opened() as log:
            known = {(facts["key"], facts["version"]) for facts in log.of_kind(kind)}
            new = [
                self._entry(kind, one.key, {"key": one.key, "version": one.version, "sha256": one.sha256})
                for one in found
                if (one.key, one.version) not in known
            ]
            return _appended(log, new)

    def cold(self, store: LockedStore) -> int:
        """What was moved to this cold store, and what was written down to be deleted from it."""
        moved = [one for one in store.versions(COLD) if one.key.endswith(MANIFEST)]
        deleted = list(store.versions(DELETED_BELOW))
        return (self.records(MOVED, moved) if moved else 0) + (self.records(DELETED, deleted) if deleted else 0)

    def sign(self, key: AuditKey) -> SignedHead | None:
        """Signs how the log stands, into the log and the folder of heads; None while it has no entry. Raises as `sign_head`."""
        if self.tree_head() is None:
            return None
        with self._opened() as log:
            return sign_head(log, key, self.clock.now())

    def tree_head(self) -> dict[str, Any] | None:
        """How the log stands: `size` and `root`. None while it has no entry. Needs no lock."""
        if not self.log.is_file():
            return None
        with reading(self.log) as log:
            size = log.size()
            return {"size": size, "root": log.subtree(0, size).hex()} if size else None

    def _opened(self) -> AuditLog:
        """The log, once no other process writes to it. Raises JournalHeld when one does for ten seconds."""
        for _ in range(_TRIES if self.pause else 0):
            try:
                return AuditLog(self.log, self.heads)
            except JournalHeld:
                assert self.pause is not None
                self.pause(_PAUSE)
        return AuditLog(self.log, self.heads)

    def _entry(self, kind: str, about: str, facts: Mapping[str, Any]) -> AuditEntry:
        return AuditEntry(kind, self.clock.now(), about, facts)


def _appended(log: AuditLog, new: list[AuditEntry]) -> int:
    return len(log.append(new)) if new else 0


def _hashes(card: Mapping[str, Any]) -> dict[str, str]:
    return {name: told["sha256"] for name, told in card["formats"].items()}


def _facts_of(card: Mapping[str, Any], rulebook_sha256: str | None) -> dict[str, Any]:
    told = {name: card[name] for name in ("report_id", "period", "reference", "unverified")}
    return {**told, "counts": dict(card["counts"]), "documents": _hashes(card), "rulebook_sha256": rulebook_sha256}
