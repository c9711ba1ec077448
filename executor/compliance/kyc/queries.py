"""Many to be screened, from a file: CSV with a header, or one JSON object a line. A bad line is told with its reason, the rest goes on.

Columns or keys are `name` and `address` (one of them at least), and where known `id`, `country` (residence), `nationality` and
`tax_residence`. A record is one line, so a quote that is never closed harms its own line only.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.foreign_json import read_foreign
from domain.problems import BadInput

FIELDS = ("id", "name", "address", "country", "nationality", "tax_residence")
LONGEST_LINE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Query:
    """One question. `line` is where it stands, 0 where it came from the command line."""

    name: str = ""
    address: str = ""
    country: str = ""
    nationality: str = ""
    tax_residence: str = ""
    id: str = ""
    line: int = 0

    def to_json(self) -> dict[str, Any]:
        """What was asked, without what was left empty."""
        told = {name: getattr(self, name) for name in FIELDS if getattr(self, name)}
        return {**told, "line": self.line} if self.line else told


@dataclass(frozen=True, slots=True)
class BadRow:
    """A line that asks nothing that can be answered."""

    line: int
    reason: str


def read_queries(path: Path) -> Iterator[Query | BadRow]:
    """The questions of a file in their order. Raises BadInput when it is missing, is neither CSV nor JSONL by name, or has no header."""
    if path.suffix.lower() not in (".csv", ".jsonl", ".ndjson"):
        raise BadInput(f"{path} is neither .csv nor .jsonl.", field="file", path=str(path))
    if not path.is_file():
        raise BadInput(f"There is no file {path}.", field="file", path=str(path))
    return _from_csv(path) if path.suffix.lower() == ".csv" else _from_jsonl(path)


def _lines(path: Path) -> Iterator[tuple[int, str | BadRow]]:
    with path.open("rb") as file:
        number = 0
        while raw := file.readline(LONGEST_LINE):
            number += 1
            if len(raw) == LONGEST_LINE and not raw.endswith(b"\n"):
                while (more := file.readline(LONGEST_LINE)) and not more.endswith(b"\n"):
                    pass
                yield number, BadRow(number, f"it is longer than {LONGEST_LINE} bytes")
                continue
            try:
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8").strip("\r\n")
            except UnicodeDecodeError:
                yield number, BadRow(number, "it is not UTF-8 text")
                continue
            if line.strip():
                yield number, line


def _from_csv(path: Path) -> Iterator[Query | BadRow]:
    header: list[str] | None = None
    for number, line in _lines(path):
        if isinstance(line, BadRow):
            yield line
            continue
        try:
            (row,) = csv.reader([line], strict=True)
        except csv.Error as error:
            yield BadRow(number, f"it is not a line of CSV ({error})")
            continue
        if header is None:
            header = [one.strip().lower() for one in row]
            if not {"name", "address"} & set(header):
                raise BadInput(
                    f"The first line of {path} names neither `name` nor `address`: it has {', '.join(header)[:200]}.", field="file"
                )
        elif len(row) != len(header):
            yield BadRow(number, f"it has {len(row)} columns and the header {len(header)}")
        else:
            yield _query(dict(zip(header, row, strict=True)), number)


def _from_jsonl(path: Path) -> Iterator[Query | BadRow]:
    for number, line in _lines(path):
        if isinstance(line, BadRow):
            yield line
            continue
        try:
            told = read_foreign(line)
        except (ValueError, RecursionError) as error:
            yield BadRow(number, f"it is not JSON ({type(error).__name__})")
            continue
        yield _query(told, number) if isinstance(told, dict) else BadRow(number, "it is no JSON object")


def _query(told: Mapping[str, Any], line: int) -> Query | BadRow:
    wrong = [name for name in FIELDS if told.get(name) is not None and not isinstance(told[name], str)]
    if wrong:
        return BadRow(line, f"{wrong[0]} is no text")
    values = {name: (told.get(name) or "").strip() for name in FIELDS}
    if not values["name"] and not values["address"]:
        return BadRow(line, "it has neither a name nor an address")
    return Query(**values, line=line)
