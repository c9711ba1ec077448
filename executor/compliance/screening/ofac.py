"""The list of specially designated nationals of the US Treasury (OFAC), as its files sdn.csv, alt.csv and add.csv.

The files have no header; `-0-` stands for no value, and the last line may be a lone end-of-file character. Columns:
sdn: number, name, type, programs, title, call sign, vessel type, tonnage, gross tonnage, flag, owner, remarks.
alt: number, alias number, aka|fka|nka, name, remarks. add: number, address number, street, city, country, remarks.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from executor.compliance.screening.entries import (
    Entry,
    Kind,
    ListedName,
    ListVersion,
    ReadList,
    SetAside,
    bytes_of,
    refuse_what_is_no_list,
    sha256_of,
)

_NOTHING = "-0-"
_KINDS: dict[str, Kind] = {"": "entity", "individual": "individual", "vessel": "vessel", "aircraft": "aircraft"}
# A wallet stands in the remarks: Digital Currency Address - ETH 0x…; a second one is told as "alt. Digital Currency Address".
_WALLET = re.compile(r"Digital Currency Address - \w+ (\w{20,120})")
_WEAK = re.compile(r"a\.k\.a\. '([^']{1,120})'")
_PROGRAM = re.compile(r"[^\[\]]+")


def read_ofac(folder: Path) -> ReadList:
    """Reads the three files. Raises BadInput when sdn.csv is missing or is no such list; alt.csv and add.csv are needed too.

    Without its aliases the list would miss people, so their absence is an error as well.
    """
    paths = [folder / name for name in ("sdn.csv", "alt.csv", "add.csv")]
    contents = [bytes_of(path) for path in paths]
    set_aside: list[SetAside] = []
    aliases: dict[str, list[ListedName]] = {}
    countries: dict[str, list[str]] = {}
    told: dict[str, list[str]] = {}
    for line, row in _rows("sdn.csv", contents[0], 12, set_aside):
        reason = _wrong(row, told)
        if reason:
            set_aside.append(SetAside("sdn.csv", line, reason))
        else:
            told[row[0]] = row
    refuse_what_is_no_list(paths[0], len(told), set_aside)
    for name, content, wanted in (("alt.csv", contents[1], 5), ("add.csv", contents[2], 6)):
        before, read = len(set_aside), 0
        for line, row in _rows(name, content, wanted, set_aside):
            read += 1
            if row[0] not in told:
                set_aside.append(SetAside(name, line, f"it belongs to entry {row[0][:20]!r}, which sdn.csv does not have"))
            elif name == "add.csv":
                countries.setdefault(row[0], []).extend([row[4]] if row[4] else [])
            elif row[3]:
                aliases.setdefault(row[0], []).append(ListedName(row[3], "alias"))
            else:
                set_aside.append(SetAside(name, line, "the alias has no name"))
        refuse_what_is_no_list(folder / name, read, set_aside[before:])
    entries = tuple(_entry(row, aliases.get(uid, []), countries.get(uid, [])) for uid, row in told.items())
    digest = sha256_of(*contents)
    return ReadList(ListVersion("ofac", f"sha256:{digest[:12]}", digest, len(entries), len(set_aside)), entries, tuple(set_aside))


def _rows(name: str, content: bytes, columns: int, set_aside: list[SetAside]) -> Iterator[tuple[int, list[str]]]:
    """The rows with their line. One record is one line, so a quote that is never closed harms its own line only."""
    for number, raw in enumerate(content.split(b"\n"), 1):
        if not raw.strip(b"\r\x1a \t"):
            continue
        try:
            line = raw.decode("utf-8").rstrip("\r")
        except UnicodeDecodeError:
            line = raw.decode("latin-1").rstrip("\r")
        try:
            (row,) = csv.reader([line], strict=True)
        except csv.Error as error:
            set_aside.append(SetAside(name, number, f"it is not a line of CSV ({error})"))
            continue
        if len(row) != columns:
            set_aside.append(SetAside(name, number, f"it has {len(row)} columns and not {columns}"))
            continue
        yield number, ["" if one.strip() == _NOTHING else one.strip() for one in row]


def _wrong(row: list[str], told: dict[str, list[str]]) -> str | None:
    if not row[0].isdigit():
        return f"its number {row[0][:20]!r} is not a whole number"
    if row[0] in told:
        return f"its number {row[0]} is there twice"
    if not row[1]:
        return "it has no name"
    if row[2] not in _KINDS:
        return f"its type {row[2][:20]!r} is none of individual, vessel, aircraft or {_NOTHING}"
    return None


def _entry(row: list[str], aliases: list[ListedName], countries: list[str]) -> Entry:
    remarks = row[11]
    weak = [ListedName(one, "weak") for one in _WEAK.findall(remarks)]
    return Entry(
        "ofac",
        row[0],
        _KINDS[row[2]],
        (ListedName(row[1], "primary"), *aliases, *weak),
        tuple(one.strip() for one in _PROGRAM.findall(row[3]) if one.strip()),
        tuple(dict.fromkeys(countries)),
        tuple(_WALLET.findall(remarks)),
    )
