"""Reads a journal as a stranger would and says what holds of it: the chain of hashes, every order's life, every nonce.

A chain of hashes cannot show that its end was cut off; a head (seq and hash) that was kept elsewhere does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from domain.problems import BadInput, Broken
from executor.journal.orders_by_id import following
from executor.journal.sealing import Sealed, canonical, faults, name_of
from executor.orders import GAP_FILLED, TERMINAL, Entry, Order, State

# More than these would only repeat themselves.
MOST_DETAILS = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """A sentence about a journal: it holds, or not; then `first_seq` is the first entry where it doesn't and `details` say how."""

    sentence: str
    holds: bool
    first_seq: int | None = None
    details: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As a flat document."""
        return {"sentence": self.sentence, "holds": self.holds, "first_seq": self.first_seq, "details": list(self.details)}


@dataclass(frozen=True, slots=True)
class Verification:
    """Everything that was checked; `head` is the last seq and hash, None of an empty journal."""

    name: str | None
    entries: int
    orders: int
    head: tuple[int, str] | None
    findings: tuple[Finding, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong."""
        return all(finding.holds for finding in self.findings)

    @property
    def first_broken_seq(self) -> int | None:
        """The first entry with which something is wrong."""
        return min((finding.first_seq for finding in self.findings if finding.first_seq is not None), default=None)

    def to_json(self) -> dict[str, Any]:
        """As a document."""
        return {
            "name": self.name,
            "holds": self.holds,
            "first_broken_seq": self.first_broken_seq,
            "entries": self.entries,
            "orders": self.orders,
            "head": f"{self.head[0]}:{self.head[1]}" if self.head else None,
            "findings": [finding.to_json() for finding in self.findings],
        }


Fault = tuple[int, str]


def verify(rows: Sequence[Sealed], *, expect: tuple[int, str] | None = None) -> Verification:
    """Checks the rows of a journal; with `expect`, a head that was kept elsewhere, also that this entry is still there."""
    name, begun = _begun(rows)
    entries, readable = _entries(rows)
    lives = _Lives()
    for seq, entry in entries:
        lives.take(seq, entry)
    findings = [
        finding_of("The journal begins with its name.", begun),
        finding_of("Every entry carries the hash of all before it, without a gap.", faults(rows)),
        finding_of("Every entry is one, in its canonical text.", readable),
        finding_of("Every order's life is one that can be lived.", lives.illegal),
        finding_of("A nonce belongs to one order.", lives.shared),
        finding_of("A transaction hash stands for one transaction.", lives.ambiguous),
        finding_of("A life ends on the chain only with a transaction, and what it ends with was known.", lives.unproven),
        finding_of("Only what was signed is broadcast, seen or final.", lives.unsigned),
    ]
    if expect is not None:
        findings.append(finding_of(f"Entry {expect[0]} is the one that was kept.", _missing(rows, expect)))
    head = (rows[-1].seq, rows[-1].hash) if rows else None
    return Verification(name, len(rows), len(lives.orders), head, tuple(findings))


def head_of(told: str) -> tuple[int, str]:
    """A head as SEQ:HASH. Raises BadInput for anything else."""
    seq, _, digest = told.partition(":")
    if not seq.isdecimal() or len(digest) != 64:
        raise BadInput(f"A head is SEQ:HASH as the verifier prints it, not {told!r}.", field="head")
    return int(seq), digest


class _Lives:
    """The orders as their entries tell them, and what is wrong with them."""

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        self.illegal: list[Fault] = []
        self.shared: list[Fault] = []
        self.ambiguous: list[Fault] = []
        self.unproven: list[Fault] = []
        self.unsigned: list[Fault] = []
        self._nonces: dict[tuple[str, str], str] = {}
        self._raw: dict[str, str] = {}
        self._hashes: defaultdict[str, set[str]] = defaultdict(set)

    def take(self, seq: int, entry: Entry) -> None:
        """One more entry."""
        if entry.order_id is None:
            if entry.kind == GAP_FILLED:
                self._nonces.setdefault((str(entry.facts.get("account")), str(entry.facts.get("nonce"))), "nobody: it was filled")
            return
        before = self.orders.get(entry.order_id)
        try:
            after = self.orders[entry.order_id] = following(before, entry)
        except Broken as problem:
            self.illegal.append((seq, f"entry {seq}: {problem.message}"))
            after = before
        if after is not None:
            self._transactions(seq, entry, after)

    def _transactions(self, seq: int, entry: Entry, order: Order) -> None:
        """Nonces and hashes, from the entry's own facts: they are checked also where the life is illegal."""
        order_id, facts = order.order_id, entry.facts
        if entry.kind == State.SIGNED:
            nonce, tx_hash, raw = facts.get("nonce"), facts.get("tx_hash"), facts.get("raw")
            owner = self._nonces.setdefault((str(order.account), str(nonce)), order_id)
            if owner != order_id:
                self.shared.append((seq, f"entry {seq}: nonce {nonce} of {order.account} belongs to {owner} and was signed for {order_id}"))
            if self._raw.setdefault(str(tx_hash), str(raw)) != str(raw):
                self.ambiguous.append((seq, f"entry {seq}: {tx_hash} stands for another transaction already"))
            self._hashes[order_id].add(str(tx_hash))
        elif entry.kind in (State.BROADCAST, State.SEEN, State.FINAL) and facts.get("tx_hash") not in self._hashes[order_id]:
            self.unsigned.append((seq, f"entry {seq}: {order_id} is {entry.kind} with {facts.get('tx_hash')}, which it never signed"))
        if entry.kind in TERMINAL and order.attempts and (fault := self._end(entry, order)):
            self.unproven.append((seq, f"entry {seq}: {order_id} {fault}"))

    def _end(self, entry: Entry, order: Order) -> str | None:
        """What is wrong with how an order that had signed something ended."""
        tx_hash, block = entry.facts.get("tx_hash"), entry.facts.get("block_number")
        own = tx_hash in self._hashes[order.order_id]
        purposes = {attempt.tx_hash: attempt.purpose for attempt in order.attempts}
        match entry.kind:
            case State.FINAL if block is None:
                return "is final without a block"
            case State.ABANDONED if not own or purposes.get(str(tx_hash)) != "cancel" or block is None:
                return "was abandoned, but not by a cancellation of its own in a block"
            case State.REPLACED if own:
                return "was replaced by a transaction of its own"
        return None


def _entries(rows: Sequence[Sealed]) -> tuple[list[tuple[int, Entry]], list[Fault]]:
    """The entries that can be read, and what is wrong with the others."""
    entries: list[tuple[int, Entry]] = []
    wrong: list[Fault] = []
    for row in rows:
        try:
            entry = row.entry
            if canonical(entry) != row.text:
                wrong.append((row.seq, f"entry {row.seq} is not in its canonical text"))
        except (Broken, BadInput) as problem:
            wrong.append((row.seq, f"entry {row.seq}: {problem.message}"))
        else:
            entries.append((row.seq, entry))
    return entries, wrong


def _begun(rows: Sequence[Sealed]) -> tuple[str | None, list[Fault]]:
    if not rows:
        return None, [(0, "there is no entry at all")]
    try:
        return name_of(rows[0]), []
    except Broken as problem:
        return None, [(rows[0].seq, problem.message)]


def _missing(rows: Sequence[Sealed], expect: tuple[int, str]) -> Iterator[Fault]:
    seq, digest = expect
    found = next((row.hash for row in rows if row.seq == seq), None)
    if found is None:
        yield seq, f"entry {seq} is not there: the end was cut off"
    elif found != digest:
        yield seq, f"entry {seq} has another hash"


def finding_of(sentence: str, wrong: Iterator[Fault] | Sequence[Fault]) -> Finding:
    """What to say of a sentence, given what is wrong with it."""
    found = list(wrong)
    if not found:
        return Finding(sentence, True)
    details = [detail for _, detail in found[:MOST_DETAILS]]
    if len(found) > MOST_DETAILS:
        details.append(f"and {len(found) - MOST_DETAILS} more")
    return Finding(sentence, False, min(seq for seq, _ in found), tuple(details))
