"""The ledger's own view of the chain: which blocks count, and which of them are complete.

It takes nobody's word for the order of blocks: a block goes on top of the one its parent hash names, and whatever stood above that one
is taken back. So a step that comes twice, late or never does no harm, and a block whose parent is not here shows that something is lost.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from domain.problems import Broken
from executor.ledger.rows import Block

KEPT_IN_SIGHT = 257  # blocks a follower is told of: one more than the deepest reorg it heals

_RECEIVED = tuple(f"select count(*) from {table} where block_id = ?" for table in ("trades", "other_events", "quarantine"))


class Chain:
    """The marks on the table of blocks; used inside the ledger's transactions."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._do = connection.execute
        self._ids: dict[bytes, int] = {}
        self._at_most: dict[int, int] = {}  # logs a block can have by now: all that came, were none of them a duplicate

    def forget(self) -> None:
        """What is remembered may not be written: read it again."""
        self._ids.clear()
        self._at_most.clear()

    def block_id(self, hash: bytes, number: int, time: int) -> int:
        """The row of a block, made when it is first heard of."""
        known = self._ids.get(hash)
        if known is None:
            found = self._do("select block_id from blocks where hash = ?", (hash,)).fetchone()
            if found is None:
                self._do("insert into blocks (hash, number, time) values (?, ?, ?)", (hash, number, time))
                found = self._do("select last_insert_rowid()").fetchone()
            if len(self._ids) > 10_000:
                self._ids.clear()
            known = self._ids[hash] = int(found[0])
        return known

    def forward(self, hash: bytes, parent: bytes, number: int, time: int, logs: int, *, may_begin: bool = True) -> int | None:
        """The chain grew by this block. None when its parent is not here: what lies between was lost.

        `may_begin` says whether an empty chain may begin with it. Raises Broken when a final block would have to go.
        """
        block_id = self.block_id(hash, number, time)
        self._do("update blocks set parent_hash = ?, expected = ?, time = ? where block_id = ?", (parent, logs, time, block_id))
        if self._do("select on_chain from blocks where block_id = ?", (block_id,)).fetchone()[0]:
            return block_id
        lowest, highest = self._do("select min(number), max(number) from blocks where on_chain = 1").fetchone()
        on_parent = self._do("select 1 from blocks where hash = ? and number = ? and on_chain = 1", (parent, number - 1)).fetchone()
        if not on_parent and (not may_begin if highest is None else number > lowest):
            return None
        self.back_to(number - 1)
        self._do("update blocks set on_chain = 1 where block_id = ?", (block_id,))
        return block_id

    def back(self, hash: bytes) -> None:
        """This block was taken back, with all that stood on it."""
        found = self._do("select number from blocks where hash = ? and on_chain = 1", (hash,)).fetchone()
        if found is not None:
            self.back_to(found[0] - 1)

    def back_to(self, number: int) -> None:
        """Nothing above this block counts. Raises Broken when a final block would have to go."""
        gone = self._do("select block_id, number, visible from blocks where on_chain = 1 and number > ? order by number desc", (number,))
        final = self.final_number()
        for block_id, taken, visible in gone.fetchall():
            if final is not None and taken <= final:
                raise Broken(
                    f"Block {taken} was final and the chain took it back; stop, compare the node with others, and rebuild the ledger.",
                    block_number=taken,
                    final_number=final,
                )
            self._do("update blocks set on_chain = 0, visible = 0 where block_id = ?", (block_id,))
            if visible:
                self._changed(block_id, -1)

    def finalise(self, number: int, hash: bytes) -> None:
        """Everything up to this block is final, when it is on our chain."""
        ours = self._do("select 1 from blocks where hash = ? and number = ? and on_chain = 1", (hash, number)).fetchone()
        if ours and number > (self.final_number() or -1):
            self._do("insert or replace into facts values ('final_number', ?)", (str(number),))

    def count(self, came: Mapping[int, int]) -> None:
        """Blocks to which so many logs came, or that were told: those that are complete and on the chain become visible."""
        ready: list[tuple[int, int]] = []
        for block_id, logs in came.items():
            at_most = self._at_most.get(block_id)
            if at_most is not None:
                self._at_most[block_id] = at_most = at_most + logs
            waiting = "select number, expected from blocks where block_id = ? and on_chain = 1 and visible = 0"
            told = self._do(waiting, (block_id,)).fetchone()
            if at_most is not None and (told is None or at_most < told[1]):
                continue  # to count the rows is dear, and would only say that some are missing
            received = self._received(block_id)
            if told is not None and received >= told[1]:
                ready.append((told[0], block_id))
        for _, block_id in sorted(ready):
            self._do("update blocks set visible = 1 where block_id = ?", (block_id,))
            self._changed(block_id, +1)

    def _received(self, block_id: int) -> int:
        """How many logs of the block are here."""
        received = sum(self._do(query, (block_id,)).fetchone()[0] for query in _RECEIVED)
        if len(self._at_most) > 10_000:
            self._at_most.clear()
        self._at_most[block_id] = received
        return received

    def changed_within(self, block_id: int) -> None:
        """A visible block has other trades than before: it leaves the view and comes back."""
        if self._do("select visible from blocks where block_id = ?", (block_id,)).fetchone()[0]:
            self._changed(block_id, -1)
            self._changed(block_id, +1)

    def final_number(self) -> int | None:
        """The newest final block."""
        found = self._do("select value from facts where name = 'final_number'").fetchone()
        return None if found is None else int(found[0])

    def tip(self) -> tuple[int, bytes, int] | None:
        """Number, hash and time of the newest block up to which everything is here."""
        return self._do(
            "select number, hash, time from blocks where on_chain = 1 and number < ? order by number desc limit 1", (self._first_hole(),)
        ).fetchone()

    def known(self) -> list[Block]:
        """The newest blocks up to which everything is here, oldest first: where to go on telling."""
        rows = self._do(
            "select number, hash, parent_hash from blocks where on_chain = 1 and number < ? order by number desc limit ?",
            (self._first_hole(), KEPT_IN_SIGHT),
        ).fetchall()
        return [Block(number, "0x" + hash.hex(), "0x" + parent.hex()) for number, hash, parent in reversed(rows)]

    def _first_hole(self) -> int:
        """The lowest block that is told and not complete, or a height that no block has."""
        hole = self._do("select min(number) from blocks where on_chain = 1 and visible = 0").fetchone()[0]
        return 1 << 62 if hole is None else hole

    def _changed(self, block_id: int, change: int) -> None:
        if self._do("select 1 from trades where block_id = ? limit 1", (block_id,)).fetchone():
            self._do("insert into changes (block_id, change) values (?, ?)", (block_id, change))
