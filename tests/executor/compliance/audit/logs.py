"""Audit logs for tests: so many entries, signed now and then by a key that everybody knows."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from executor.compliance.audit import AuditEntry, AuditKey, AuditLog, sign_head
from executor.compliance.audit.log import anchors_beside

KEY = AuditKey.of("11" * 32)
OTHER_KEY = AuditKey.of("22" * 32)
AT = datetime(2026, 1, 2, 9, tzinfo=UTC)


def entries_of(first: int, count: int) -> list[AuditEntry]:
    return [AuditEntry("report_built", AT, f"R{seq}", {"rows": seq, "sha256": "ab" * 32}) for seq in range(first, first + count)]


def signed_log(path: Path, *sizes: int, rest: int = 0) -> Path:
    """A log with a head at each of these sizes, and so many entries after the last."""
    with AuditLog(path) as log:
        for number, size in enumerate(sizes):
            log.append(entries_of(log.size, size - log.size))
            sign_head(log, KEY, AT + timedelta(hours=number))
        log.append(entries_of(log.size, rest))
    return path


def copied(path: Path, to: Path) -> Path:
    """Log and heads once more, to be tampered with."""
    to.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, to / path.name)
    if anchors_beside(path).is_dir():
        shutil.copytree(anchors_beside(path), anchors_beside(to / path.name))
    return to / path.name


@contextmanager
def tampering(path: Path) -> Iterator[sqlite3.Connection]:
    """The file, opened behind the log's back."""
    with closing(sqlite3.connect(path)) as connection:
        yield connection
        connection.commit()
