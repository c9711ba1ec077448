"""The record of negotiations: every message as its bytes, with the time and the weights, each row sealed to all rows before it.

    hash = sha256(JSON of [seq, at_ns, conversation, trade, kind, agent, note, previous hash] + "\\n" + payload)

The JSON has no spaces and ASCII letters only. The payload of a message is the message itself, of `weights` and `decided` canonical JSON.
From the rows of a negotiation the decision follows again, byte for byte: see `replay`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from domain.negotiation import Call, Decision
from domain.problems import BadInput, Broken, MessageRejected, Problem
from executor.agents.hearing import Hearing
from executor.agents.messages import Message, decode
from executor.agents.settlement import Outcome, settlement

BEFORE_THE_FIRST = "0" * 64


class Kind(StrEnum):
    """What a row tells."""

    SENT = "sent"
    HEARD = "heard"
    LOST = "lost"
    WEIGHTS = "weights"
    DECIDED = "decided"
    CREDITED = "credited"
    LEARNT = "learnt"


class Row(NamedTuple):
    """A row of the record. `note` says which fault a message has, empty when it counts; hashes are hexadecimal text."""

    seq: int
    at_ns: int
    conversation_id: str
    trade_id: str
    kind: str
    agent: str
    note: str
    payload: bytes
    previous: str
    hash: str

    @property
    def is_intact(self) -> bool:
        """Whether the hash is that of the row."""
        return self.hash == _hash(self[:7], self.previous, self.payload)

    def message(self) -> Message | None:
        """The message of a row that was sent or heard; None when it cannot be read."""
        try:
            return decode(self.payload) if self.kind in (Kind.SENT, Kind.HEARD) else None
        except MessageRejected:
            return None


class Rows(Protocol):
    """Where the rows lie."""

    async def head(self) -> Row | None:
        """The last row."""
        ...

    async def commit(self, rows: Sequence[Row]) -> None:
        """Append rows, durably, all or none. Raises JournalHeld when somebody else wrote, JournalUnavailable when nothing was written."""
        ...

    async def of_trade(self, trade_id: str) -> list[Row]:
        """All rows about a trade, in order."""
        ...

    async def close(self) -> None:
        """No more rows."""
        ...


class MemoryRows:
    """Rows that are forgotten with the process."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    async def head(self) -> Row | None:
        return self.rows[-1] if self.rows else None

    async def commit(self, rows: Sequence[Row]) -> None:
        self.rows.extend(rows)

    async def of_trade(self, trade_id: str) -> list[Row]:
        return [row for row in self.rows if row.trade_id == trade_id]

    async def close(self) -> None:
        return None


class Transcript:
    """Writes the record. Rows are sealed at once, in the order they are told, and durable with the next `commit`."""

    def __init__(self, rows: Rows, head: Row | None) -> None:
        self.rows = rows
        self._head = head
        self._waiting: list[Row] = []
        self._writing = asyncio.Lock()

    @classmethod
    async def opened(cls, rows: Rows) -> Transcript:
        """The record behind what the rows hold already."""
        return cls(rows, await rows.head())

    def add(self, at_ns: int, call: tuple[str, str], kind: Kind, agent: str = "", note: str = "", payload: bytes = b"") -> None:
        """A row about a call, (conversation, trade)."""
        seq, previous = (self._head.seq + 1, self._head.hash) if self._head else (0, BEFORE_THE_FIRST)
        told = (seq, at_ns, *call, str(kind), agent, note)
        self._head = Row(*told, payload, previous, _hash(told, previous, payload))
        self._waiting.append(self._head)

    async def commit(self) -> None:
        """Make everything that was told durable. What could not be written is tried again with the next."""
        async with self._writing:  # one after the other, or a failure would leave rows out of order
            waiting, self._waiting = self._waiting, []
            if not waiting:
                return
            try:
                await self.rows.commit(waiting)
            except Problem:
                self._waiting = waiting + self._waiting
                raise


@dataclass(frozen=True, slots=True)
class Replay:
    """What a negotiation's rows lead to, beside what was decided then. `findings` are sentences about what does not fit."""

    conversation_id: str
    call: Call | None
    recorded: bytes | None
    derived: bytes | None
    findings: tuple[str, ...] = field(default=())
    hearing: Hearing | None = field(default=None, compare=False, repr=False)

    @property
    def is_equal(self) -> bool:
        """Whether the decision was taken and follows again, to the byte."""
        return self.recorded is not None and self.recorded == self.derived and not self.findings


def conversations(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """The rows by conversation, in the order they began."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.conversation_id, []).append(row)
    return found


def replay(rows: Sequence[Row]) -> Replay:
    """Hears one conversation's rows again and decides by the weights they tell; never raises for what they hold."""
    conversation_id = rows[0].conversation_id if rows else ""
    asked = [message for row in rows if row.kind == Kind.SENT and (message := row.message()) and isinstance(message.body, Call)]
    calls = {message.body for message in asked if isinstance(message.body, Call)}
    if len(calls) != 1:
        return Replay(conversation_id, None, None, None, (f"{len(calls)} different calls were sent; there must be one.",))
    (call,) = calls
    hearing, findings = Hearing(conversation_id, call, [message.receiver for message in asked]), []
    recorded, derived = None, None
    weights: dict[str, int] = {}
    for row in rows:
        if row.kind == Kind.HEARD:
            remark = hearing.hear(row.payload, row.at_ns, row.agent)
            if (str(remark) if remark else "") != row.note:
                findings.append(f"Row {row.seq} is noted {row.note or 'as counting'!r} and is now {remark or 'one that counts'}.")
        elif row.kind == Kind.LOST:
            hearing.lost(row.agent)
        elif row.kind == Kind.WEIGHTS:
            weights = _weights(row, findings)
        elif row.kind == Kind.DECIDED:
            recorded = row.payload
            try:
                derived = hearing.decide(lambda _, told=weights: told).canonical()
            except Broken as problem:
                findings.append(problem.message)
        elif row.kind == Kind.CREDITED and not _follows(row.payload, call, hearing.decision):
            findings.append(f"The scores and credits of row {row.seq} do not follow from the proposals and the outcome.")
    return Replay(conversation_id, call, recorded, derived, tuple(findings), hearing)


def _follows(payload: bytes, call: Call, decision: Decision | None) -> bool:
    """Whether the credits of a row are those of its outcome."""
    try:
        outcome = Outcome.from_json(json.loads(payload)["outcome"])
        return decision is not None and settlement(call, decision, outcome).payload() == payload
    except (BadInput, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return False


def faults(rows: Iterable[Row], head: tuple[int, str] | None = None) -> Iterator[tuple[int, str]]:
    """Where the chain of hashes breaks, as (seq, sentence). `head` is the last row as it is kept elsewhere: it proves the end."""
    last: tuple[int, str] | None = None
    for row in rows:
        seq, previous = (last[0] + 1, last[1]) if last else (0, BEFORE_THE_FIRST)
        if row.seq != seq:
            yield row.seq, f"row {row.seq} stands where {seq} should"
        if row.previous != previous:
            yield row.seq, f"row {row.seq} does not name the hash of the row before it"
        if not row.is_intact:
            yield row.seq, f"the hash of row {row.seq} is not that of what it tells"
        last = (row.seq, row.hash)
    if head is not None and head != last:
        yield head[0], f"the record ends with row {last[0] if last else 'none'} and should end with row {head[0]}, hash {head[1][:12]}…"


def weights_payload(ppm: Mapping[str, int], state: Any) -> bytes:
    """The weights of a decision: those used, in ppm, and the state of the learner they came from."""
    return json.dumps({"ppm": dict(ppm), "state": state}, sort_keys=True, separators=(",", ":")).encode()


def _weights(row: Row, findings: list[str]) -> dict[str, int]:
    try:
        told = json.loads(row.payload)["ppm"]
        return {str(name): int(value) for name, value in told.items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        findings.append(f"Row {row.seq} tells no weights.")
        return {}


def _hash(told: Sequence[Any], previous: str, payload: bytes) -> str:
    header = json.dumps([*told, previous], separators=(",", ":"), ensure_ascii=True).encode()
    return hashlib.sha256(header + b"\n" + payload).hexdigest()
