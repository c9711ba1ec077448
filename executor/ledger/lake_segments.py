"""The ledger's way into the lake: every change of the instant view, appended to the Delta table `live_trades` within a second.

Nothing there is rewritten. A block that came in appends its trades with `change` +1, a reorg appends them again with −1; what stands is
the sum. Each append carries the seq of its last change in the same atomic commit, so after a crash the next one begins right behind it.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from domain.problems import Unavailable
from executor.ledger.rows import Change
from executor.ledger.views import frame
from executor.ports import Clock

if TYPE_CHECKING:
    import polars as pl
    from deltalake import DeltaTable

TABLE = "live_trades"
MOST_CHANGES = 1_000
AGAIN_AFTER_AT_MOST_SECONDS = 30.0


class Ledger(Protocol):
    """What is read of the ledger."""

    @property
    def identity(self) -> str:
        """What tells this ledger from one that was built anew."""
        ...

    def changes(self, after: int, at_most: int = ...) -> list[Change]:
        """How the instant view changed after `after`."""
        ...


@dataclass(frozen=True, slots=True)
class Flushed:
    """One append: rows and changes (blocks in or out) in it, up to which seq and block, how old that block was, the table's version."""

    rows: int
    retractions: int
    changes: int
    last_seq: int
    last_block: int
    lag_seconds: float
    version: int


class LakeSegments:
    """Run it as a task beside the ledger. `lake` is a folder or an object store's address; `told` is called after each append.

    `flushes`, `rows` and `failures` count; `last_lag_seconds` is the age of the newest block when it was in the lake.
    """

    def __init__(
        self,
        lake: str,
        ledger: Ledger,
        clock: Clock,
        *,
        every_seconds: float = 0.5,
        in_thread: bool = True,
        told: Callable[[Flushed], None] | None = None,
    ) -> None:
        self.uri = f"{lake.rstrip('/')}/{TABLE}"
        self.flushes = 0
        self.rows = 0
        self.failures = 0
        self.last_lag_seconds: float | None = None
        self._ledger = ledger
        self._clock = clock
        self._every = every_seconds
        self._in_thread = in_thread
        self._told = told
        self._lock = threading.Lock()  # a cancelled flush still runs to its end in its thread
        self._table: DeltaTable | None = None
        self._seq: int | None = None

    async def run(self) -> None:
        """Until it is cancelled. A lake that does not answer is tried again, ever more slowly; the ledger never waits for it."""
        wait = self._every
        while True:
            try:
                flushed = await self.flush()
                wait = self._every
            except Unavailable as reason:
                self.failures += 1
                wait = min(2 * wait, AGAIN_AFTER_AT_MOST_SECONDS)
                logging.getLogger(__name__).warning("%s", reason.message)
                flushed = None
            if flushed is None or flushed.changes < MOST_CHANGES:
                await self._clock.sleep(wait)

    async def flush(self) -> Flushed | None:
        """Append what changed since the last time; None when nothing did. Raises Unavailable when the lake did not take it."""
        flushed = await asyncio.to_thread(self._flush) if self._in_thread else self._flush()
        if flushed is not None:
            self.flushes += 1
            self.rows += flushed.rows
            self.last_lag_seconds = flushed.lag_seconds
            if self._told is not None:
                self._told(flushed)
        return flushed

    def _flush(self) -> Flushed | None:
        from deltalake.exceptions import DeltaError

        with self._lock:
            try:
                return self._append_changes()
            except (DeltaError, OSError) as error:
                # Whether it was written is for the table to say.
                self._table, self._seq = None, None
                raise Unavailable(f"The lake did not take the ledger's changes ({error}); they are kept and tried again.") from error

    def _append_changes(self) -> Flushed | None:
        if self._seq is None:
            self._seq = self._last_in_the_lake()
        changes = self._ledger.changes(self._seq, MOST_CHANGES)
        trading = [change for change in changes if change.trades]
        if not trading:
            self._seq = changes[-1].seq if changes else self._seq
            return None
        now = self._clock.now()
        rows = segment(self._ledger.identity, trading, now)
        version = self._append(rows, changes[-1].seq)
        self._seq = changes[-1].seq
        last = changes[-1]
        lag = now.timestamp() - max(change.block_time for change in changes)
        return Flushed(rows.height, rows.filter(rows["change"] < 0).height, len(changes), last.seq, last.block.number, lag, version)

    def _append(self, rows: pl.DataFrame, seq: int) -> int:
        """One atomic commit with the rows and how far they reach; the table's version after it."""
        from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake

        # Decided again for every commit: a second writer of the same ledger makes Delta refuse one of them.
        properties = CommitProperties(app_transactions=[Transaction(self._application, seq)])
        target = self._table or self.uri
        write_deltalake(target, rows.to_arrow(), mode="append", partition_by=["day"], commit_properties=properties)
        if self._table is None:
            self._table = DeltaTable(self.uri)
        return self._table.version()

    def _last_in_the_lake(self) -> int:
        from deltalake import DeltaTable

        if not DeltaTable.is_deltatable(self.uri):
            return 0
        self._table = DeltaTable(self.uri)
        return self._table.transaction_version(self._application) or 0

    @property
    def _application(self) -> str:
        """Under which name the table remembers how far this ledger is in it."""
        return f"grekko-ledger-{self._ledger.identity}"


def segment(identity: str, changes: Sequence[Change], written_at: datetime) -> pl.DataFrame:
    """The changes as rows of the lake's table, one for each trade of each block that came in or was taken back."""
    import polars as pl

    trades = frame([trade for change in changes for trade in change.trades])
    seqs = [(change.seq, change.change) for change in changes for _ in change.trades]
    before = pl.DataFrame(seqs, schema={"seq": pl.Int64, "change": pl.Int64}, orient="row")
    return (
        before.with_columns(ledger=pl.lit(identity))
        .select("ledger", "seq", "change")
        .hstack(trades)
        .with_columns(written_at=pl.lit(written_at.astimezone(UTC)).cast(pl.Datetime("us", "UTC")), day=pl.col("block_time").dt.date())
    )
