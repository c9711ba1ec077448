"""An entry sealed: its place in the journal, its canonical JSON, and a hash that also covers every entry before it.

    hash = sha256(f"{seq}\\n{previous hash}\\n{text}") as hexadecimal text

The text is JSON with sorted keys, no spaces and ASCII letters only, so the same entry has one text, and a stranger can check the chain
with a few lines of any language. The entry with seq 0 begins the journal and carries its name (which chain it is about).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from domain.problems import BadInput, Broken
from executor.orders import Entry

BEGUN = "journal_begun"
BEFORE_THE_FIRST = "0" * 64
FORMAT = 1


class Sealed(NamedTuple):
    """A row of the journal. `previous` and `hash` are hexadecimal text, `text` is the entry as canonical JSON."""

    seq: int
    previous: str
    hash: str
    text: str

    @property
    def entry(self) -> Entry:
        """The entry, read from the text, so that it is the same before and after a restart."""
        return decoded(self.text)

    @property
    def about(self) -> tuple[str, str | None]:
        """Kind and order id, without reading the facts: they are the last two keys, and a quote inside a text is always escaped."""
        tail = self.text[self.text.rfind('"kind":"') + 8 :]
        kind, _, order_id = tail.partition('","order_id":')
        if order_id == "null}":
            return kind, None
        return kind, json.loads(order_id[:-1]) if "\\" in order_id else order_id[1:-2]

    @property
    def is_intact(self) -> bool:
        """Whether the hash is that of the row."""
        return self.hash == _hash(self.seq, self.previous, self.text)


def canonical(entry: Entry) -> str:
    """The entry as text. Raises BadInput when its time has no zone or its facts are not JSON values."""
    if entry.at.tzinfo is None:
        raise BadInput(f"The time of {entry.kind} has no zone; give it in UTC.", field="at", order_id=entry.order_id)
    at = entry.at.astimezone(UTC).isoformat(timespec="microseconds")
    document = {"at": at, "facts": dict(entry.facts), "kind": str(entry.kind), "order_id": entry.order_id}
    try:
        return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise BadInput(
            f"The facts of {entry.kind} cannot be written down ({error}); use text, whole and finite numbers, lists and mappings.",
            field="facts",
            order_id=entry.order_id,
        ) from error


def decoded(text: str) -> Entry:
    """The entry that the text tells. Raises Broken when it tells none."""
    try:
        document = json.loads(text)
        entry = Entry(document["kind"], document["order_id"], datetime.fromisoformat(document["at"]), document["facts"])
    except (KeyError, TypeError, ValueError) as error:
        raise Broken(f"A row of the journal holds no entry ({error}); verify the journal.") from error
    if not (isinstance(entry.kind, str) and isinstance(entry.order_id, str | None) and isinstance(entry.facts, dict)):
        raise Broken("A row of the journal holds no entry: kind, order_id or facts is of another type; verify the journal.")
    return entry


def sealed(text: str, after: Sealed | None) -> Sealed:
    """The text as the row after `after`, or as the first."""
    seq, previous = (after.seq + 1, after.hash) if after else (0, BEFORE_THE_FIRST)
    return Sealed(seq, previous, _hash(seq, previous, text), text)


def first_row(name: str, at: datetime) -> Sealed:
    """The row that begins a journal. The name binds it: say which chain it is about."""
    return sealed(canonical(Entry(BEGUN, None, at, {"format": FORMAT, "name": name})), None)


def name_of(first: Sealed) -> str:
    """The name a journal was begun with. Raises Broken when the row begins none."""
    entry = first.entry
    if entry.kind != BEGUN or entry.facts.get("format") != FORMAT or not isinstance(entry.facts.get("name"), str):
        raise Broken("The first row does not begin a journal of this format; restore the journal from a copy.", seq=first.seq)
    return entry.facts["name"]


def faults(rows: Iterable[Sealed], after: Sealed | None = None) -> Iterator[tuple[int, str]]:
    """Where the chain of hashes breaks: the seq and a sentence. Nothing when it holds."""
    for row in rows:
        seq, previous = (after.seq + 1, after.hash) if after else (0, BEFORE_THE_FIRST)
        if row.seq != seq:
            yield row.seq, f"entry {row.seq} stands where {seq} should"
        if row.previous != previous:
            yield row.seq, f"entry {row.seq} does not name the hash of the entry before it"
        if not row.is_intact:
            yield row.seq, f"the hash of entry {row.seq} is not that of its text"
        after = row


def document_of(row: Sealed, *, with_raw: bool) -> dict[str, Any]:
    """The row as a flat document. Without `with_raw` the signed bytes are left out: whoever holds them can send them."""
    entry = row.entry
    facts = dict(entry.facts)
    if not with_raw:
        facts.pop("raw", None)
    at = entry.at.isoformat(timespec="microseconds")
    return {
        "seq": row.seq,
        "at": at,
        "kind": entry.kind,
        "order_id": entry.order_id,
        "facts": facts,
        "hash": row.hash,
        "previous": row.previous,
    }


def _hash(seq: int, previous: str, text: str) -> str:
    return hashlib.sha256(f"{seq}\n{previous}\n{text}".encode()).hexdigest()
