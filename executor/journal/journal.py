"""The journal: entries are appended, durable when `append` returns, and folded into orders. Nothing is done that is not in it.

Appenders share commits: while one is on its way to the disk, all that arrive wait together for the next. An entry that cannot follow is
refused before it is written, by the rules in `executor/orders.py` and by one of the journal's own: a nonce belongs to one order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from domain.problems import BadInput, Broken, JournalHeld, JournalUnavailable, Problem
from executor.journal.orders_by_id import OrdersById, following
from executor.journal.sealing import Sealed, canonical, decoded, faults, first_row, name_of, sealed
from executor.journal.store import Store
from executor.orders import Entry, Order, State
from executor.ports import Clock

# So many entries go into one commit at most: enough to make the disk's delay cheap, few enough that nobody waits long.
MOST_IN_A_COMMIT = 2_000


@dataclass(slots=True)
class _Append:
    """Entries that somebody waits for."""

    texts: list[str]
    done: asyncio.Future[tuple[Sealed, ...]]


@dataclass(slots=True)
class _Batch:
    """What one commit will add: rows, who waits for which of them, and the orders with them."""

    last: Sealed
    rows: list[Sealed] = field(default_factory=list)
    waiting: list[tuple[_Append, tuple[Sealed, ...]]] = field(default_factory=list)
    orders: dict[str, Order] = field(default_factory=dict)
    nonces: dict[tuple[str | None, int], str] = field(default_factory=dict)


class Journal:
    """The journal of one executor; `await Journal.open(store, clock)`.

    `orders` is the fold of everything durable, `entries` the rows themselves, `head` the last seq and hash.
    """

    def __init__(self, store: Store, rows: Sequence[Sealed]) -> None:
        self._store = store
        self._rows: list[Sealed] = []
        self._orders = OrdersById()
        self._waiting: list[_Append] = []
        self._committer: asyncio.Task[None] | None = None
        self._doubtful: Sequence[Sealed] = ()  # rows of a commit that did not answer
        self._closed = False
        self._take(rows)

    @classmethod
    async def open(cls, store: Store, clock: Clock, *, name: str | None = None) -> Self:
        """Takes ownership of the store, checks its chain of hashes and folds it; begins a journal where there is none.

        `name` says which chain the journal is about. Raises BadInput when it was begun under another name, Broken when the chain of
        hashes is, JournalHeld when another executor owns it, JournalUnavailable when it cannot be read or begun.
        """
        try:
            rows = await store.load()
            if not rows:
                rows = [first_row(name or "grekko", clock.now())]
                await store.commit(rows)
            journal = cls(store, rows)
            if name is not None and journal.name != name:
                raise BadInput(f"The journal is of {journal.name}, not of {name}; give each chain a journal of its own.", field="journal")
            return journal
        except Problem:
            await store.close()
            raise

    @property
    def orders(self) -> OrdersById:
        """All orders by id, as far as they are durable; `orders.unfinished()` are those to take up again."""
        return self._orders

    @property
    def head(self) -> tuple[int, str]:
        """Seq and hash of the last durable entry. Kept elsewhere, it proves later that nothing was cut off the end."""
        return self._rows[-1].seq, self._rows[-1].hash

    @property
    def name(self) -> str:
        """What the journal was begun as."""
        return name_of(self._rows[0])

    def entries(self, order_id: str | None = None) -> tuple[Sealed, ...]:
        """The durable rows about one order, or all; what happened is in `row.entry`."""
        return tuple(self._rows if order_id is None else self._orders.rows_of(order_id))

    def since(self, seq: int) -> list[Sealed]:
        """The durable rows with this seq and later."""
        return self._rows[seq:]

    def between(self, seq: int, stop: int) -> list[Sealed]:
        """The durable rows from this seq to before `stop`."""
        return self._rows[seq:stop]

    async def append(self, *entries: Entry) -> tuple[Sealed, ...]:
        """Writes the entries, all or none, and returns once they are durable.

        Raises Broken when one cannot follow and BadInput when one is not JSON (nothing is written), JournalUnavailable when the disk or
        database did not take them (nothing was done; try again when there is space), JournalHeld when somebody else wrote.
        Whoever is cancelled while waiting does not know; the journal does: look at `orders`.
        """
        if self._closed:
            raise JournalUnavailable("The journal is closed; open it again.")
        if not entries:
            return ()
        append = _Append([canonical(entry) for entry in entries], asyncio.get_running_loop().create_future())
        self._waiting.append(append)
        if self._committer is None:
            self._committer = asyncio.create_task(self._commit_waiting())
        return await append.done

    async def close(self) -> None:
        """Finishes what is on its way, then lets go of the store."""
        self._closed = True
        if self._committer is not None:
            await asyncio.wait([self._committer])
        await self._store.close()

    async def _commit_waiting(self) -> None:
        """Commits until nobody waits."""
        taken: list[_Append] = []
        try:
            while self._waiting:
                taken, self._waiting = self._next_taken()
                await self._commit(taken)
        finally:
            self._committer = None
            left, self._waiting = [*taken, *self._waiting], []
            _tell(left, JournalUnavailable("The journal stopped before it wrote this; look at the order before asking again."))

    def _next_taken(self) -> tuple[list[_Append], list[_Append]]:
        entries = 0
        for place, append in enumerate(self._waiting):
            entries += len(append.texts)
            if entries >= MOST_IN_A_COMMIT:
                return self._waiting[: place + 1], self._waiting[place + 1 :]
        return self._waiting, []

    async def _commit(self, appends: list[_Append]) -> None:
        """One commit. Problems go to those who wait."""
        try:
            await self._settle()
            batch = self._batch(appends)
            if not batch.rows:
                return
            self._doubtful = batch.rows  # until there is an answer; a cancelled commit has none either
            try:
                await self._store.commit(batch.rows)
            except JournalUnavailable:
                await self._settle()
                if self._rows[-1].seq < batch.last.seq:
                    raise
            else:
                self._doubtful = ()
                self._take(batch.rows, batch.orders)
        except (JournalUnavailable, JournalHeld, Broken) as problem:
            _tell(appends, problem)
        else:
            for append, rows in batch.waiting:
                if not append.done.done():
                    append.done.set_result(rows)

    async def _settle(self) -> None:
        """Learns from the store whether the rows of a commit without an answer are there after all."""
        if not self._doubtful:
            return
        found = await self._store.load(after=self._rows[-1].seq)
        if found and found != list(self._doubtful):
            raise JournalHeld("Another executor wrote to this journal since; stop this one.", seq=found[0].seq)
        self._doubtful = ()
        self._take(found)

    def _batch(self, appends: Sequence[_Append]) -> _Batch:
        """The rows to write; whose entries cannot follow is told, whoever left is left out."""
        batch = _Batch(self._rows[-1])
        for append in appends:
            if append.done.done():
                continue
            try:
                self._add(batch, append)
            except Broken as problem:
                append.done.set_exception(problem)
        return batch

    def _add(self, batch: _Batch, append: _Append) -> None:
        """Adds all entries of one appender to the batch, or raises Broken and adds none."""
        last, rows, orders, nonces = batch.last, [], {}, {}
        for text in append.texts:
            entry = decoded(text)
            if entry.order_id is not None:
                known = orders.get(entry.order_id) or batch.orders.get(entry.order_id) or self._orders.get(entry.order_id)
                order = orders[entry.order_id] = following(known, entry)
                if entry.kind == State.SIGNED:
                    key = (order.account, order.attempts[-1].nonce)
                    owner = batch.nonces.get(key) or nonces.get(key) or self._orders.owner_of(*key)
                    if owner not in (None, order.order_id):
                        raise Broken(
                            f"Nonce {key[1]} belongs to order {owner}, order {order.order_id} may not be signed for it; do not send it.",
                            order_id=order.order_id,
                            owner=owner,
                            nonce=key[1],
                        )
                    nonces[key] = order.order_id
            last = sealed(text, last)
            rows.append(last)
        batch.last = last
        batch.rows += rows
        batch.waiting.append((append, tuple(rows)))
        batch.orders |= orders
        batch.nonces |= nonces

    def _take(self, rows: Sequence[Sealed], orders: dict[str, Order] | None = None) -> None:
        """Durable rows become what the journal says. Raises Broken when they do not continue it."""
        for seq, sentence in faults(rows, self._rows[-1] if self._rows else None):
            raise Broken(f"The journal is broken: {sentence}. Run grekko journal verify and restore it from a copy.", seq=seq)
        for row in rows:
            self._rows.append(row)
            self._orders.take(row, orders)


def _tell(appends: Sequence[_Append], problem: Problem) -> None:
    for append in appends:
        if not append.done.done():
            append.done.set_exception(problem)
