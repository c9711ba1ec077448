"""The audit log's cost: appends until durable, a whole verification, and a proof over all entries.

Beside it, in the same run: the same texts into a plain SQLite table with the same flushes. That keeps no chain, no tree and no heads, and
shows what the disk itself costs. Both are timed by the clock and by the processor time that they used: on a machine that others share,
the second is what the code costs.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import statistics
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from executor.compliance.audit import AuditEntry, AuditKey, AuditLog, sign_head, verify_log
from executor.compliance.audit.entries import text_of
from executor.compliance.audit.log import anchors_beside
from executor.compliance.audit.proofs import check_proof, prove_entry, prove_growth
from executor.compliance.audit.reading import reading

AT = datetime(2026, 1, 2, 9, tzinfo=UTC)
KEY = AuditKey.of("11" * 32)
APPENDS_AIM, BYTES_AIM, CHECK_MS_AIM = 50_000, 2_048, 5.0


def main() -> int:
    """Prints the figures; 1 when the log does not verify or a proof does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000, help="entries of the log")
    parser.add_argument("--batch", type=int, default=5_000, help="entries that become durable at once")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:  # /tmp may be memory, which flushes nothing
        path = Path(folder) / "audit.sqlite"
        ours, plain = _appends(path, Path(folder) / "plain.sqlite", told.entries, told.batch)
        verified = _Spent()
        with verified:
            result = verify_log(path, anchors_beside(path), KEY.public)
        good, sizes, makes, checks, growth = _proofs(path, told.entries)
    Console().print(f"load of the machine over the last minute: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    table = Table(title=f"an audit log of {told.entries:,} entries, {told.batch:,} durable at once")
    for name in ("what", "figure", "aim"):
        table.add_column(name, justify="left" if name == "what" else "right")
    for name, aim, each in (("appends", f"{APPENDS_AIM:,}", ours), ("peer: rows of a plain SQLite table", "", plain)):
        table.add_row(f"{name}, a second", f"{told.entries / each.seconds:,.0f}", aim)
        table.add_row(f"{name}, a second of processor time", f"{told.entries / each.used:,.0f}", "")
    table.add_row("entries verified a second", f"{told.entries / verified.seconds:,.0f}", "")
    table.add_row("entries verified a second of processor time", f"{told.entries / verified.used:,.0f}", "")
    table.add_row("proof that an entry is there: largest, bytes", f"{max(sizes):,}", f"{BYTES_AIM:,}")
    table.add_row("proof that the log only grew: bytes", f"{growth:,}", f"{BYTES_AIM:,}")
    table.add_row("making one: p50, p95 ms", _percentiles(makes), "")
    table.add_row("checking one: p50, p95 ms", _percentiles(checks), f"{CHECK_MS_AIM:.0f}")
    Console().print(table)
    good &= result.holds
    Console().print("The log verifies and every proof holds." if good else "THE LOG DOES NOT VERIFY, OR A PROOF DOES NOT HOLD.")
    return 0 if good else 1


class _Spent:
    """Seconds by the clock and of processor time, added up over its `with` blocks."""

    def __init__(self) -> None:
        self.seconds = self.used = 0.0

    def __enter__(self) -> None:
        self._began = time.perf_counter(), time.process_time()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self._began[0]
        self.used += time.process_time() - self._began[1]


def _appends(path: Path, beside: Path, count: int, batch: int) -> tuple[_Spent, _Spent]:
    """What our appends took and what the plain table's did; batch by batch in turns, so that both meet the same machine."""
    ours, plain = _Spent(), _Spent()
    with AuditLog(path) as log, closing(sqlite3.connect(beside, isolation_level=None)) as connection:
        connection.execute("pragma journal_mode=wal")
        connection.execute("pragma synchronous=full")
        connection.execute("create table entries (seq integer primary key, body text not null) strict")
        for first in range(0, count, batch):
            entries = [_entry(seq) for seq in range(first, min(first + batch, count))]
            with ours:
                log.append(entries)
            with plain:
                connection.execute("begin immediate")
                rows = ((seq, text_of(entry).decode()) for seq, entry in enumerate(entries, start=first))
                connection.executemany("insert into entries values (?, ?)", rows)
                connection.execute("commit")
            if first == count // batch // 2 * batch:
                sign_head(log, KEY, AT)
        sign_head(log, KEY, AT.replace(hour=10))
    return ours, plain


def _proofs(path: Path, count: int) -> tuple[bool, list[int], list[float], list[float], int]:
    good, sizes, makes, checks = True, [], [], []
    with reading(path) as log:
        for seq in range(0, count, max(count // 200, 1)):
            began = time.perf_counter()
            proof = prove_entry(log, seq)
            makes.append(time.perf_counter() - began)
            began = time.perf_counter()
            good &= check_proof(proof, KEY.public).holds
            checks.append(time.perf_counter() - began)
            sizes.append(len(proof))
        first = next(iter(log.heads()))
        growth = prove_growth(log, first.size)
        good &= check_proof(growth, KEY.public).holds
    return good, sizes, makes, checks, len(growth)


def _entry(seq: int) -> AuditEntry:
    return AuditEntry("record_reported", AT, "EU.MiCA.transactions", {"row": f"1-{seq}", "sha256": f"{seq:064x}", "outcome": "reported"})


def _percentiles(seconds: list[float]) -> str:
    cuts = statistics.quantiles(seconds, n=20)
    return f"{statistics.median(seconds) * 1e3:.2f}, {cuts[-1] * 1e3:.2f}"


if __name__ == "__main__":
    raise SystemExit(main())
