"""The ledger in an SQLite file: rows, the chain they stand on and the position in the stream, always written together.

A batch of messages is one transaction, on the disk when `apply` returns. The file can be read by others meanwhile.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Literal

from domain.problems import BadInput, Broken, Unavailable
from executor.ledger.chain import Chain
from executor.ledger.intake import Intake
from executor.ledger.rows import Applied, Block, Change, PoolFacts, SetAside, Trade, View
from executor.ledger.tables import SCHEMA
from executor.ledger.views import changes_after, digest_of, set_aside, trades_of
from executor.streams.stream import Received

Durability = Literal["full", "normal"]
# The log is folded into the file at 32 MiB: at full load that is once in a few seconds instead of several times a second.
_PAGES_BEFORE_CHECKPOINT = 8_000


class LedgerStore:
    """The ledger of one chain in the file at `path` (":memory:" keeps it in the process).

    `durability` "full" flushes every commit to the disk; "normal" may lose the last ones with the machine's power, never the order.
    `tip_number`, `tip_time`, `final_number`, `progress`, `trades_written`, `set_aside_count` and `lost_in` are there for metrics and for
    whoever publishes; the tip is the newest block up to which everything is here.
    """

    def __init__(
        self, path: Path | str, chain_id: int, pools: Mapping[str, PoolFacts] | None = None, *, durability: Durability = "full"
    ) -> None:
        self.path = str(path)
        self.chain_id = chain_id
        self.trades_written = 0
        self.set_aside_count = 0
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=10)
        self._connection.execute("pragma journal_mode=wal")
        self._connection.execute(f"pragma synchronous={durability}")
        self._connection.execute(f"pragma wal_autocheckpoint={_PAGES_BEFORE_CHECKPOINT}")
        self._connection.executescript(SCHEMA)
        self._check_chain()
        self._chain = Chain(self._connection)
        self._intake = Intake(self._connection, self._chain, chain_id, pools or {})
        self._look()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def apply(self, stream: str, batch: Sequence[Received]) -> Applied:
        """Take a batch of messages in one transaction.

        Raises Unavailable when the disk did not take it (nothing of it is kept), Broken when a final block was taken back.
        """
        with self._writing():
            applied = self._intake.take(stream, batch)
        self.trades_written += applied.trades
        self.set_aside_count += applied.set_aside
        return applied

    def learn(self, pools: Iterable[PoolFacts]) -> int:
        """Know these pools from now on, and read again what was set aside because they were unknown; returns how many logs that frees."""
        with self._writing():
            freed = self._intake.learn(pools)
        self.set_aside_count -= freed
        return freed

    def attribute(self, tx_hash: str, order_id: str) -> None:
        """Trades of this transaction belong to an order of ours, whether they are here already or come later."""
        with self._writing():
            row = (bytes.fromhex(tx_hash[2:]), order_id)
            self._connection.execute("insert or replace into our_transactions values (?, ?)", row)

    def begin_session(self) -> int:
        """The number of a new session of telling a stream; greater than all before."""
        with self._writing():
            found = self._connection.execute("select value from facts where name = 'session'").fetchone()
            session = int(found[0]) + 1 if found else 1
            self._connection.execute("insert or replace into facts values ('session', ?)", (str(session),))
        return session

    def positions(self, stream: str) -> dict[int, int]:
        """By partition, the offset of the first message of the stream that is not here."""
        with self._lock:
            rows = self._connection.execute("select partition, next_offset from positions where stream = ?", (stream,))
            return {partition: offset for partition, offset in rows}

    def known_blocks(self) -> list[Block]:
        """The newest blocks up to which nothing is missing, oldest first."""
        with self._lock:
            return self._chain.known()

    def refresh(self) -> None:
        """Look again at what another process may have written; not while we write, which ends with a look anyway."""
        if self._lock.acquire(blocking=False):
            try:
                self._look()
            finally:
                self._lock.release()

    def trades(self, view: View = "instant") -> Iterator[Trade]:
        """The trades of a view, in the chain's order."""
        with self._reading() as connection:
            yield from trades_of(connection, view)

    def retracted(self) -> list[Trade]:
        """The trades that were in the instant view and were taken back."""
        with self._reading() as connection:
            return list(trades_of(connection, "retracted"))

    def digest(self, view: View = "instant") -> str:
        """SHA-256 over the view's trades and what is set aside in its blocks, in the chain's order: equal for equal ledgers."""
        with self._reading() as connection:
            return digest_of(connection, view)

    def quarantine(self) -> list[SetAside]:
        """The logs that are no trade for a stated reason."""
        with self._reading() as connection:
            return set_aside(connection)

    def changes(self, after: int, at_most: int = 1_000) -> list[Change]:
        """How the instant view changed after `after` (0: from the beginning), block by block."""
        with self._reading() as connection:
            return changes_after(connection, after, at_most)

    @property
    def identity(self) -> str:
        """What tells this ledger from one that was built anew: whoever copies its changes elsewhere starts again with a new one."""
        with self._lock:
            return str(self._connection.execute("select value from facts where name = 'identity'").fetchone()[0])

    def _look(self) -> None:
        tip = self._chain.tip()
        self.tip_number, self.tip_hash, self.tip_time = (tip[0], "0x" + tip[1].hex(), tip[2]) if tip else (None, None, None)
        self.final_number = self._chain.final_number()
        self.progress = int(self._connection.execute("select total(next_offset) from positions").fetchone()[0])
        lost = self._connection.execute("select value from facts where name = 'lost_in'").fetchone()
        self.lost_in: int | None = int(lost[0]) if lost else None

    def _check_chain(self) -> None:
        self._connection.execute("insert or ignore into facts values ('chain_id', ?)", (str(self.chain_id),))
        self._connection.execute("insert or ignore into facts values ('identity', lower(hex(randomblob(8))))")
        found = int(self._connection.execute("select value from facts where name = 'chain_id'").fetchone()[0])
        if found != self.chain_id:
            self._connection.close()
            raise BadInput(
                f"The ledger {self.path} is of chain {found}, not of {self.chain_id}; give each chain a ledger of its own.", field="ledger"
            )

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction; on any error nothing of it is kept."""
        with self._lock:
            try:
                self._connection.execute("begin immediate")
                yield
                self._connection.execute("commit")
            except (sqlite3.DatabaseError, Broken) as error:
                if self._connection.in_transaction:  # a full disk may have rolled it back already
                    self._connection.execute("rollback")
                self._chain.forget()
                self._intake.forget()
                if isinstance(error, sqlite3.DatabaseError):
                    raise Unavailable(
                        f"Nothing was written to the ledger {self.path} ({error}); look at the disk.", path=self.path
                    ) from error
                raise
            self._look()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """A connection to read with, so that a long look does not hold up a writer."""
        if self.path == ":memory:":
            with self._lock:
                yield self._connection
            return
        with closing(sqlite3.connect(f"{Path(self.path).resolve().as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
            yield connection
