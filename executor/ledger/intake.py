"""One batch of messages becomes rows: what was seen before is skipped, what is missing is noticed, what cannot be read is set aside."""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from executor.ledger.chain import Chain
from executor.ledger.reading import KnownPool, Unreadable, event_of, known_pool, swap_of
from executor.ledger.rows import Applied, PoolFacts
from executor.streams.messages import BACK, BLOCK, FINAL, FINAL_BLOCK, FORWARD, HEAD, LOG, LOG_HEAD, VERSION, WORD
from executor.streams.stream import Received

_MOST = 1 << 62  # numbers beyond it are no block's, and no column takes them
_SIZES = {FORWARD: BLOCK.size, BACK: BLOCK.size, FINAL: FINAL_BLOCK.size}


@dataclass(slots=True)
class _Place:
    """How far a partition was read: the session, the number of its last message there, and the offset after it."""

    session: int = 0
    sequence: int = -1
    next_offset: int = 0


@dataclass(slots=True)
class _Rows:
    """What one batch adds."""

    trades: list[tuple[object, ...]] = field(default_factory=list)
    others: list[tuple[object, ...]] = field(default_factory=list)
    quarantine: list[tuple[object, ...]] = field(default_factory=list)
    unreadable: list[tuple[object, ...]] = field(default_factory=list)
    steps: list[tuple[int, int, bytes]] = field(default_factory=list)
    came: dict[int, int] = field(default_factory=dict)
    lost_in: int | None = None


class Intake:
    """Reads batches inside the ledger's transactions."""

    def __init__(self, connection: sqlite3.Connection, chain: Chain, chain_id: int, pools: Mapping[str, PoolFacts]) -> None:
        self._connection = connection
        self._chain = chain
        self._chain_id = chain_id
        self._facts: dict[bytes, PoolFacts] = {bytes.fromhex(address[2:]): facts for address, facts in pools.items()}
        self._pools: dict[bytes, KnownPool] = {}
        self._places: dict[str, dict[int, _Place]] = {}
        self._rewound: set[tuple[str, int, int]] = set()

    def forget(self) -> None:
        """What is remembered may not be written: read it again."""
        self._pools.clear()
        self._places.clear()

    def take(self, stream: str, batch: Sequence[Received]) -> Applied:
        """Write what a batch of messages says."""
        places = self._places_in(stream)
        rows, rewind = _Rows(), set[int]()
        for partition, offset, message in batch:
            if partition in rewind:
                continue
            place = places.setdefault(partition, _Place())
            try:
                version, kind, topics, session, sequence = HEAD.unpack_from(message)
            except struct.error:
                version, kind, topics, session, sequence = 0, 0, 0, 0, 0
            if version != VERSION or not _is_whole(kind, topics, len(message)):
                # Its numbers mean nothing. If it was one of ours, the next one shows a hole.
                rows.unreadable.append((stream, partition, offset, "not a message that this version knows", message))
                place.next_offset = offset + 1
                continue
            if session > place.session and sequence > 0 and self._first_look(stream, partition, session) and offset > 0:
                rewind.add(partition)  # the session began before this offset: the broker has made the topic anew
                continue
            if not self._is_next(place, session, sequence, rows):
                place.next_offset = offset + 1
                continue
            place.next_offset = offset + 1
            if kind == LOG:
                self._log(rows, message, topics, stream, partition, offset)
            else:
                rows.steps.append((session, kind, message))
        return self._write(stream, places, rows, rewind)

    def learn(self, pools: Iterable[PoolFacts]) -> int:
        """Know pools, and read again what was set aside for want of them."""
        freed = 0
        for facts in pools:
            address = bytes.fromhex(facts.address[2:])
            self._facts[address] = facts
            waiting = self._connection.execute(
                "select block_id, log_index, message from quarantine where address = ? and reason = 'unknown_pool'", (address,)
            ).fetchall()
            self._connection.execute("delete from quarantine where address = ? and reason = 'unknown_pool'", (address,))
            rows = _Rows()
            for _, _, message in waiting:
                self._log(rows, message, HEAD.unpack_from(message)[2], "", 0, 0)
            self._insert(rows)
            for block_id in sorted({row[0] for row in waiting}):
                self._chain.changed_within(block_id)
            freed += len(waiting) - len(rows.quarantine)
        return freed

    def _is_next(self, place: _Place, session: int, sequence: int, rows: _Rows) -> bool:
        """Whether the message is news; notes when messages before it are missing."""
        if session < place.session or (session == place.session and sequence <= place.sequence):
            return False
        expected = place.sequence + 1 if session == place.session else 0
        if sequence != expected:
            rows.lost_in = max(session, rows.lost_in or 0)
        place.session, place.sequence = session, sequence
        return True

    def _first_look(self, stream: str, partition: int, session: int) -> bool:
        """Whether this session's beginning was not looked for yet: once is enough, it may be gone."""
        look = (stream, partition, session)
        if look in self._rewound:
            return False
        self._rewound.add(look)
        return True

    def _log(self, rows: _Rows, message: bytes, topics: int, stream: str, partition: int, offset: int) -> None:
        """Sort one log where it belongs."""
        _, _, _, _, _, chain, number, time, transaction, index, block_hash, tx_hash, address = LOG_HEAD.unpack_from(message)
        if chain != self._chain_id or number >= _MOST or time >= _MOST:
            rows.unreadable.append((stream, partition, offset, f"of block {number} of chain {chain}", message))
            return
        block_id = self._chain.block_id(block_hash, number, time)
        rows.came[block_id] = rows.came.get(block_id, 0) + 1
        pool = self._pools.get(address) or self._pool(address)
        try:
            if pool is None:
                raise Unreadable("unknown_pool", "Nobody has told the ledger what this contract is.")
            event = event_of(message, topics, pool)
            if event == "swap":
                sender, recipient, sells0, amount_in, amount_out = swap_of(message, topics, pool)
                rows.trades.append((block_id, index, tx_hash, transaction, pool.pool_id, sender, recipient, sells0, amount_in, amount_out))
            else:
                rows.others.append((block_id, index, pool.pool_id, event))
        except Unreadable as why:
            rows.quarantine.append((block_id, index, address, why.reason, why.detail, message))

    def _pool(self, address: bytes) -> KnownPool | None:
        facts = self._facts.get(address)
        if facts is None:
            return None
        row = (address, facts.venue.name, facts.token0, facts.token1, facts.fee_pips)
        insert = "insert or ignore into pools (address, protocol, token0, token1, fee_pips) values (?, ?, ?, ?, ?)"
        self._connection.execute(insert, row)
        pool_id = self._connection.execute("select pool_id from pools where address = ?", (address,)).fetchone()[0]
        self._pools[address] = known_pool(pool_id, facts)
        return self._pools[address]

    def _insert(self, rows: _Rows) -> tuple[int, int]:
        """How many trades and logs set aside are new."""
        many = self._connection.executemany
        trades = many("insert or ignore into trades values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows.trades).rowcount
        many("insert or ignore into other_events values (?, ?, ?, ?)", rows.others)
        aside = many("insert or ignore into quarantine values (?, ?, ?, ?, ?, ?)", rows.quarantine).rowcount
        many("insert or ignore into unreadable values (?, ?, ?, ?, ?)", rows.unreadable)
        return max(trades, 0), max(aside, 0)

    def _write(self, stream: str, places: Mapping[int, _Place], rows: _Rows, rewind: set[int]) -> Applied:
        trades, aside = self._insert(rows)
        self._steps(rows)
        self._chain.count(rows.came)
        if rows.lost_in is not None:
            self._connection.execute("insert or replace into facts values ('lost_in', ?)", (str(rows.lost_in),))
        self._connection.executemany(
            "insert or replace into positions values (?, ?, ?, ?, ?)",
            [(stream, at, place.next_offset, place.session, place.sequence) for at, place in places.items()],
        )
        positions = {at: place.next_offset for at, place in places.items()}
        return Applied(trades, aside, frozenset(rewind), positions)

    def _steps(self, rows: _Rows) -> None:
        """Blocks that came and went, each step once: every partition tells of it."""
        if not rows.steps:
            return
        found = self._connection.execute("select value from facts where name = 'step'").fetchone()
        newest = tuple(int(part) for part in found[0].split(":")) if found else (0, -1)
        for session, kind, message in rows.steps:
            if kind in (FORWARD, BACK):
                _, _, _, _, _, step, chain, number, time, _, logs, hash, parent = BLOCK.unpack(message)
            else:
                _, _, _, _, _, step, chain, number, hash = FINAL_BLOCK.unpack(message)
                time, logs, parent = 0, 0, b""
            if chain != self._chain_id or number >= _MOST or time >= _MOST or (session, step) <= newest:
                continue
            newest = (session, step)
            if kind == FORWARD:
                block_id = self._chain.forward(hash, parent, number, time, logs, may_begin=step == 0)
                if block_id is None:
                    rows.lost_in = max(session, rows.lost_in or 0)
                else:
                    self._chain.count({block_id: 0})
            elif kind == BACK:
                self._chain.back(hash)
            else:
                self._chain.finalise(number, hash)
        self._connection.execute("insert or replace into facts values ('step', ?)", (f"{newest[0]}:{newest[1]}",))

    def _places_in(self, stream: str) -> dict[int, _Place]:
        if stream not in self._places:
            told = self._connection.execute("select partition, session, sequence, next_offset from positions where stream = ?", (stream,))
            self._places[stream] = {partition: _Place(*rest) for partition, *rest in told}
        return self._places[stream]


def _is_whole(kind: int, topics: int, length: int) -> bool:
    """Whether a message of this kind can be that long."""
    return length >= LOG_HEAD.size + WORD * topics if kind == LOG else length == _SIZES.get(kind)
