"""Signed tree heads: at this time the log had so many entries and this root. Whoever keeps one can tell that the log was changed since.

A head is written to the anchor folder first and into the log then, so a crash in between leaves no head without an anchor. The folder
is what shows that the log's end was cut off: keep it where the log's writer cannot delete, such as a store with object lock.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from domain.foreign_json import read_foreign
from domain.problems import BadInput
from executor.compliance.audit.entries import canonical
from executor.compliance.audit.keys import AuditKey, is_signed

if TYPE_CHECKING:
    from executor.compliance.audit.log import AuditLog

# What is signed begins with its purpose, so that no other signature of the key can stand for a head.
_PURPOSE = b"grekko audit head 1\n"
MOST_BYTES = 4_096


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A head: `size` entries, their `root` (hexadecimal), the time, and by which public key it was signed."""

    size: int
    root: str
    at: str
    key: str
    signature: str

    @classmethod
    def read(cls, told: bytes | str) -> SignedHead:
        """A head from its JSON. Raises BadInput when it is none; whether the signature holds is `is_valid`."""
        try:
            document = read_foreign(told)
            head = cls(**document)
            datetime.fromisoformat(head.at)
            parts = (bytes.fromhex(head.root), bytes.fromhex(head.key), bytes.fromhex(head.signature))
        except (ValueError, TypeError, RecursionError) as error:
            raise BadInput("This is no signed head; it has size, root, at, key and signature.", field="head") from error
        if type(head.size) is not int or head.size < 0 or [len(part) for part in parts] != [32, 32, 64] or head.to_json() != document:
            raise BadInput("This is no signed head: its size, root, key or signature is of another kind.", field="head")
        return head

    @property
    def is_valid(self) -> bool:
        """Whether its key signed it."""
        return is_signed(_message(self.size, self.root, self.at), bytes.fromhex(self.signature), self.key)

    @property
    def name(self) -> str:
        """Its name in the anchor folder; sorted, they are in the order of the log."""
        return f"{self.size:012d}-{self.at.replace(':', '').replace('+', '_')}.json"

    def to_json(self) -> dict[str, Any]:
        """As a document."""
        return {"size": self.size, "root": self.root, "at": self.at, "key": self.key, "signature": self.signature}

    def to_text(self) -> str:
        """As its one text."""
        return canonical(self.to_json()).decode()


def sign_head(log: AuditLog, key: AuditKey, at: datetime) -> SignedHead:
    """Signs how the log stands, writes the head to the log's anchor folder and then into the log. Call it on a schedule.

    Raises BadInput when the time has no zone or is before the last head's.
    """
    if at.tzinfo is None:
        raise BadInput("The time of a head has no zone; give it in UTC.", field="at")
    told = at.astimezone(UTC).isoformat(timespec="microseconds")
    last = log.last_head()
    if last is not None and told <= last.at:
        raise BadInput(f"The last head is of {last.at}; a later one cannot be of {told}. Look at the clock.", field="at")
    size, root = log.size, log.root().hex()
    head = SignedHead(size, root, told, key.public, key.sign(_message(size, root, told)).hex())
    write_anchor(log.anchors, head)
    log.add_head(head)
    return head


def write_anchor(folder: Path, head: SignedHead) -> Path:
    """Writes the head as a file of its own, durably; one that is there is never written over with another."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / head.name
    beside = folder / f".{head.name}.{os.getpid()}"
    with beside.open("wb") as file:
        file.write(head.to_text().encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    beside.chmod(0o444)
    try:
        os.link(beside, path)
    except FileExistsError:
        if path.read_bytes().strip() != head.to_text().encode():
            raise BadInput(f"Another head is anchored in {path}; look who wrote it.", field="heads") from None
    finally:
        with suppress(FileNotFoundError):
            beside.unlink()
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
    return path


def anchored(folder: Path) -> Iterator[tuple[str, SignedHead | None]]:
    """The heads of an anchor folder by file name, in order; None where a file holds none."""
    for path in sorted(folder.glob("[0-9]*.json")):
        try:
            with path.open("rb") as file:
                yield path.name, SignedHead.read(file.read(MOST_BYTES))
        except (BadInput, OSError):
            yield path.name, None


def _message(size: int, root: str, at: str) -> bytes:
    return _PURPOSE + canonical({"at": at, "root": root, "size": size})
