"""What a list holds once it is read: entries with their names, what could not be read, and which version of the list it was."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from domain.problems import BadInput

Kind = Literal["individual", "entity", "vessel", "aircraft"]
Quality = Literal["primary", "alias", "weak"]

MAX_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ListedName:
    """One name of an entry. A `weak` one is what its list calls a weak or low quality alias, such as a nickname of one word."""

    text: str
    quality: Quality


@dataclass(frozen=True, slots=True)
class Entry:
    """One person, organisation or vehicle of a list. `uid` is the list's own number for it; the first name is the primary one."""

    list_name: str
    uid: str
    kind: Kind
    names: tuple[ListedName, ...]
    programs: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SetAside:
    """A line that could not be read. It screens nobody, so a person has to see it."""

    file: str
    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class ListVersion:
    """Which list was asked. `version` is the date the list tells of itself, or else the start of the hash of its files."""

    name: str
    version: str
    sha256: str
    entries: int
    set_aside: int

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True, slots=True)
class ReadList:
    """A list as it was read."""

    version: ListVersion
    entries: tuple[Entry, ...]
    set_aside: tuple[SetAside, ...] = ()


def bytes_of(path: Path) -> bytes:
    """The file's bytes. Raises BadInput when it is missing or larger than any list of this kind is."""
    if not path.is_file():
        raise BadInput(f"{path} is missing; `grekko screen --help` says where lists come from.", field="lists", path=str(path))
    if path.stat().st_size > MAX_BYTES:
        raise BadInput(f"{path} has more than {MAX_BYTES // 2**20} MiB, which no list of this kind has.", field="lists", path=str(path))
    return path.read_bytes()


def sha256_of(*contents: bytes) -> str:
    """One hash over the files of a list, in order."""
    return hashlib.sha256(b"".join(hashlib.sha256(one).digest() for one in contents)).hexdigest()


def refuse_what_is_no_list(path: Path, entries: int, set_aside: list[SetAside]) -> None:
    """Raises BadInput when nothing, or less than half, of a file could be read: an empty list would clear everybody."""
    if entries == 0 or len(set_aside) > entries:
        first = f" The first: line {set_aside[0].line}, {set_aside[0].reason}." if set_aside else ""
        raise BadInput(
            f"{path} does not read as the list its name says: {entries} entries, {len(set_aside)} lines that could not be read.{first} "
            "Fetch it again.",
            field="lists",
            path=str(path),
        )
