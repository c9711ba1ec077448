"""What an alert says: which limits were violated and where the record is. Nobody's name, id or wallet is in it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from executor.journal import Sealed

# Facts of a violation that may leave the machine. Values of addresses are not among them: a wallet is personal data.
TOLD = ("limit_id", "jurisdiction", "basis", "rule", "doc_ref")
MOST_LINES = 20
LONGEST = 200


@dataclass(frozen=True, slots=True)
class Message:
    """One alert about one violation or several. `key` is the same each time that it is sent about the same ones."""

    key: str
    subject: str
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """Subject and lines."""
        return "\n".join((self.subject, *self.lines))


def message_about(rows: Sequence[Sealed], journal: str) -> Message:
    """The alert about these violations of a journal of that name, at least one; the first ones are listed."""
    lines = [_line(row) for row in rows[:MOST_LINES]]
    if len(rows) > MOST_LINES:
        lines.append(f"and {len(rows) - MOST_LINES} more, up to entry {rows[-1].seq}")
    count = "1 order was" if len(rows) == 1 else f"{len(rows)} orders were"
    subject = _plain(f"Grekko: {count} refused by a limit of a jurisdiction or a list ({journal})")
    key = hashlib.sha256("\n".join(row.hash for row in rows).encode()).hexdigest()[:32]
    return Message(key, subject, tuple(lines))


def _line(row: Sealed) -> str:
    facts = row.entry.facts
    where = facts.get("jurisdiction") or "a list"
    basis = "law" if facts.get("basis") == "law" else "internal policy"
    compared = f", {_amount(facts)}" if facts.get("unit") == "USD" else ""
    verified = "" if facts.get("verified") else ", reference not verified"
    at = row.entry.at.isoformat(timespec="seconds")
    return _plain(
        f"{at} {facts.get('limit_id')} of {where} ({basis}; {facts.get('doc_ref')}{verified}){compared}: entry {row.seq}, {row.hash[:16]}"
    )


def _amount(facts: Any) -> str:
    return f"{facts.get('value')} USD where {facts.get('maximum')} is the most"


def _plain(text: str) -> str:
    """One printable line: what is told may end up in a header."""
    told = "".join(letter if letter.isprintable() else " " for letter in text)
    return told if len(told) <= LONGEST * 2 else told[: LONGEST * 2] + "…"
