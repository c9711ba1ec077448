"""The firm's file of derivative contracts: a line for each thing that happened to one, and a reason for each that cannot be used."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from domain.problems import BadInput
from domain.regulation.identifiers import check
from domain.regulation.rulebook import ACTIONS
from executor.compliance.parties import FIRM, Parties

SETTING = "GREKKO_DERIVATIVES"
MOST_BYTES, LONGEST_VALUE = 64 << 20, 200
DECIMAL = re.compile(r"[0-9]{1,20}(\.[0-9]{1,18})?")
CONTRACT_ID = re.compile(r"[A-Za-z0-9._:-]{1,52}")


@dataclass(frozen=True, slots=True)
class Intake:
    """What a file gave: contracts, and lines that are set aside with field and reason. Together they are all its lines."""

    contracts: list[dict[str, Any]]
    refused: list[dict[str, Any]]


class _Wrong(Exception):
    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field, self.reason = field, reason


def _text(value: str) -> str:
    return value


def _one_of(*words: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value not in words:
            raise ValueError(f"{value!r} is none of {', '.join(words)}")
        return value

    return read


def _matching(shape: re.Pattern[str], asks: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if not shape.fullmatch(value):
            raise ValueError(f"{value!r} is not {asks}")
        return value

    return read


def _code(kind: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        wrong = check(kind, value)
        if wrong:
            raise ValueError(wrong)
        return value

    return read


def _time(value: str) -> datetime:
    try:
        told = datetime.fromisoformat(value)
    except ValueError:
        told = datetime.min
    if told.tzinfo is None:
        raise ValueError(f"{value!r} is no moment; write it with its zone, as 2026-01-05T12:00:00Z")
    return told.astimezone(UTC)


def _day(value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{value!r} is no day; write it as 2026-01-05") from None


_DECIMAL = _matching(DECIMAL, "a decimal with 20 digits and 18 places at most")
# Column of the file: how a value is read, and whether it must be given. Code lists are the rulebook's; its rules hold the values to them.
FIELDS: Mapping[str, tuple[Callable[[str], Any], bool]] = {
    "contract_id": (_matching(CONTRACT_ID, "an id of 52 letters, digits and . _ : - at most"), True),
    "action": (_one_of(*ACTIONS), True),
    "event_time": (_time, False),
    "corrects": (_text, False),
    "uti": (_code("uti"), False),
    "client_id": (_text, True),
    "side": (_one_of("BUY", "SELL"), True),
    "contract_type": (_text, True),
    "asset_class": (_text, True),
    "upi": (_text, False),
    "notional": (_DECIMAL, True),
    "notional_currency": (_code("currency"), True),
    "price": (_DECIMAL, False),
    "price_currency": (_code("currency"), False),
    "settlement_currency": (_code("currency"), False),
    "delivery": (_text, False),
    "execution_time": (_time, True),
    "effective_date": (_day, True),
    "expiry_date": (_day, False),
    "event_type": (_text, False),
    "platform": (_code("mic"), False),
    "cleared": (_one_of("true", "false"), False),
    "booked_in": (_code("country"), False),
    "traded_in": (_code("country"), False),
}


def derivatives_path() -> Path | None:
    """The file that GREKKO_DERIVATIVES names, None without one."""
    told = os.environ.get(SETTING)
    return Path(told) if told else None


def read_derivatives(path: Path | None, parties: Parties) -> Intake:
    """What the file holds, nothing without one; raises BadInput when it is no such file at all."""
    if path is None:
        return Intake([], [])
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        text = data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read ({error}); set {SETTING} to the firm's file of contracts.", field=SETTING) from error
    if len(data) > MOST_BYTES:
        raise BadInput(f"{path} has more than {MOST_BYTES} bytes; split it by period.", field=SETTING)
    return parse_derivatives(text, parties, str(path))


def parse_derivatives(text: str, parties: Parties, name: str = "the file") -> Intake:
    """The lines of the text; raises BadInput when the header is another one or the text is no CSV: nothing is taken then."""
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(lines, [])
        if sorted(header) != sorted(FIELDS):
            missing, unknown = sorted(set(FIELDS) - set(header)), sorted(set(header) - set(FIELDS))
            raise BadInput(
                f"{name}, line 1: missing columns {missing}, unknown columns {unknown}; each of {', '.join(FIELDS)} must stand there once.",
                field="header",
                line=1,
            )
        rows = [(lines.line_num, row) for row in lines if row]
    except csv.Error as error:
        raise BadInput(f"{name}, line {lines.line_num}: this is not CSV ({error}).", field="file", line=lines.line_num) from error
    intake, seen = Intake([], []), dict[tuple[Any, ...], int]()
    for line, row in rows:
        given = dict(zip(header, row, strict=False))
        try:
            contract = _contract(row, header, given, parties)
            key = (contract["contract_id"], contract["event_time"], contract["action"])
            if key in seen:
                raise _Wrong("contract_id", f"line {seen[key]} says the same thing happened to it at the same moment")
            seen[key] = line
            intake.contracts.append({"line": line, **contract})
        except _Wrong as wrong:
            refused = {"contract_id": given.get("contract_id", "")[:LONGEST_VALUE], "field": wrong.field, "reason": wrong.reason}
            intake.refused.append({"line": line, **refused, "row_json": json.dumps([value[:LONGEST_VALUE] for value in row])})
    return intake


def _contract(row: list[str], header: list[str], given: dict[str, str], parties: Parties) -> dict[str, Any]:
    if len(row) != len(header):
        raise _Wrong("row", f"there are {len(row)} values for {len(header)} columns")
    contract: dict[str, Any] = {}
    for field, (read, needed) in FIELDS.items():
        value = given[field].strip()
        if len(value) > LONGEST_VALUE:
            raise _Wrong(field, f"the value has {len(value)} characters; {LONGEST_VALUE} is the most")
        if not value and needed:
            raise _Wrong(field, "a value must be given")
        try:
            contract[field] = read(value) if value else None
        except ValueError as error:
            raise _Wrong(field, str(error)) from error
    client = parties.client(contract["client_id"])
    if client is None or client.id == FIRM:
        raise _Wrong("client_id", f"{contract['client_id']!r} is no client in the file of parties")
    happened = contract["event_time"] or contract["execution_time"]
    return contract | {
        "event_time": happened,
        "event_day": happened.date(),
        "cleared": None if contract["cleared"] is None else contract["cleared"] == "true",
        "client_kind": client.kind,
        "client_country": client.residence,
        "client_tax_residence": client.tax_residence,
        "client_lei": client.lei,
        "firm_lei": parties.firm.lei,
        "is_derivative": True,
    }
