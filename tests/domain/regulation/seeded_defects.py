"""Defects seeded into valid rows of every report, and what the judgement makes of them.

A defect changes one row of a frame that is otherwise valid, in one way that a person or a program could slip into. All defects of a
report are judged in one frame: each has a row of its own, so what is found about a row is found about its defect.
"""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

import polars as pl

from domain.regulation.expressions import columns_of
from domain.regulation.report import judge
from domain.regulation.report.field_values import FieldReader
from domain.regulation.rulebook import Report, Rulebook
from tests.domain.regulation.report_rows import contract, frame, movements, order, trade, transfer
from tests.domain.regulation.sample_matrix import SAMPLES

Row = dict[str, Any]
ALPHABET = string.digits + string.ascii_uppercase
KINDS = ("dropped field", "wrong check digit", "wrong enumeration", "swapped sides", "bad precision", "wrong date", "wrong amount")

CHECKED = ("firm_lei", "client_lei", "base_dti", "quote_dti", "dti", "uti", "person_lei")
CODES = (
    "side",
    "capacity",
    "client_kind",
    "event",
    "status",
    "direction",
    "contract_type",
    "asset_class",
    "event_type",
    "delivery",
    "action",
)
TIMES = ("block_time", "event_time", "execution_time", "effective_date", "expiry_date")
AMOUNTS = ("base_amount", "quote_amount", "amount_in", "amount_out", "initial_quantity", "traded_quantity", "amount")
PRICES = ("price", "price_usd", "limit_price", "notional", "value_usd", "amount_sgd")
# Without these nobody can say whether the row is to be reported at all; it is then left out, with that reason, and is no defect here.
DECIDES = ("executed_by_firm", "settled", "is_derivative", "client_id", "originator_client_id", "beneficiary_is_self", "beneficiary_kind")


@dataclass(frozen=True, slots=True)
class Defect:
    """One change of a row: its kind, what was changed, and how."""

    report_id: str
    row_key: str
    kind: str
    column: str
    told: str


@dataclass(frozen=True, slots=True)
class Found:
    """A defect and the errors found about its row, as (rule, field, article)."""

    defect: Defect
    errors: tuple[tuple[str, str, str], ...]


def seeded(report: Report, rulebook: Rulebook, count: int, seed: int) -> tuple[pl.DataFrame, list[Defect]]:
    """A frame of rows with one defect each, and the defects; kinds take turns."""
    random = Random(f"{report.id} {seed}")
    rows = [row for row, _ in zip(_valid(report.id), range(count * 2), strict=False)]
    filled = _filled(report, rulebook, frame(rows))
    changed: list[Row] = []
    defects: list[Defect] = []
    for number, (row, columns) in enumerate(zip(rows, filled, strict=True)):
        if len(defects) == count:
            break
        told = _change(KINDS[number % len(KINDS)], dict(row), columns, random)
        if told is not None:
            after, column, what = told
            changed.append(after)
            defects.append(Defect(report.id, "", KINDS[number % len(KINDS)], column, what))
    return frame(changed), defects


def found_in(report: Report, rulebook: Rulebook, count: int, seed: int = 1) -> list[Found]:
    """What the judgement finds about each of so many defects."""
    rows, defects = seeded(report, rulebook, count, seed)
    judged = judge(report, rows, rulebook, SAMPLES[report.id].heading)
    errors = judged.findings.filter(pl.col("severity") == "error")
    by_key: dict[str, list[tuple[str, str, str]]] = {}
    for key, rule, field, article in errors.select("row_key", "rule_id", "field_id", "doc_ref").iter_rows():
        by_key.setdefault(key, []).append((rule, field, article))
    keys = judged.outcomes["row_key"]
    return [Found(replace(defect, row_key=key), tuple(by_key.get(key, ()))) for defect, key in zip(defects, keys, strict=True)]


def slipped(found: list[Found], kinds: Sequence[str] = KINDS) -> dict[str, str]:
    """Per kind, how many were found of how many, and what the others were."""
    told: dict[str, str] = {}
    for kind in kinds:
        mine = [one for one in found if one.defect.kind == kind]
        missed = Counter(f"{one.defect.report_id} {one.defect.told}" for one in mine if not one.errors)
        what = "".join(f"; {count} × {name}" for name, count in missed.most_common())
        told[kind] = f"{sum(bool(one.errors) for one in mine)} of {len(mine)}{what}"
    return told


def _valid(report_id: str) -> Iterator[Row]:
    makers: dict[str, Callable[[int], list[Row]]] = {
        "EU.MiCA.transactions": lambda n: [trade(n)],
        "EU.MiCA.orders": lambda n: [order(n)] if n % 2 else [order(n, "FILL", 2)],
        "SG.SFRDC.derivatives": lambda n: [contract(n)],
        "SG.PSN02.transfers": lambda n: [transfer(n)],
        "US.CFTC.part45": lambda n: [contract(n, ("C0004", "C0007")[n % 2])],
        "OECD.CARF.annual": lambda n: movements(n, ("C0001", "C0003")[n % 2]),
    }
    for number in range(100_000):
        yield from makers[report_id](number)


def _filled(report: Report, rulebook: Rulebook, rows: pl.DataFrame) -> list[set[str]]:
    """For each row, the columns that its record is made of."""
    heads = [pl.lit(value.item(), dtype=value.dtype).alias(name) for name, value in SAMPLES[report.id].heading.columns().items()]
    whole = rows.with_columns(heads)
    missing = [pl.lit("NEW").alias("action"), pl.lit(None, pl.String).alias("corrects")]
    whole = whole.with_columns(one for one in missing if one.meta.output_name() not in whole.columns)
    reader = FieldReader({**rulebook.codelists, **rulebook.lists})
    needed: list[set[str]] = [set() for _ in range(rows.height)]
    for node in report.tree:
        if node.on and "NEW" not in node.on:
            continue
        for one in node.every_field():
            column = one.source or ((one.agg or "")[4:] if (one.agg or "").startswith("sum:") else "")
            for name in columns_of(one.when) if one.when else ():
                for number in range(rows.height):
                    needed[number] |= {name} & set(CODES) & set(rows.columns)
            if one.card != "1..1" or column not in rows.columns or column in (*report.source.key, *DECIDES):
                continue
            there = reader.holds(one.when, whole) if one.when else pl.repeat(True, rows.height, eager=True)
            for number in there.arg_true():
                needed[number].add(column)
    return needed


def _change(kind: str, row: Row, needed: set[str], random: Random) -> tuple[Row, str, str] | None:
    """The row with a defect, the column and the words for it; None where the row has no room for that kind."""
    return _CHANGES[kind](row, needed, random)


def _dropped(row: Row, needed: set[str], random: Random) -> tuple[Row, str, str] | None:
    there = sorted(name for name in needed if row.get(name) is not None and name != "action")
    if not there:
        return None
    name = random.choice(there)
    return row | {name: None}, name, f"without {name}"


def _check_digit(row: Row, needed: set[str], random: Random) -> tuple[Row, str, str] | None:
    there = [name for name in CHECKED if isinstance(row.get(name), str) and name in needed]
    if not there:
        return None
    name = random.choice(there)
    value = row[name]
    # A UTI's check digits are those of the LEI that it begins with.
    place = random.randrange(20 if name == "uti" else len(value))
    letters = [sign for sign in ALPHABET if sign != value[place] and (sign.isdigit() or not value[place].isdigit())]
    return row | {name: value[:place] + random.choice(letters) + value[place + 1 :]}, name, f"another sign in {name}"


def _enumeration(row: Row, needed: set[str], random: Random) -> tuple[Row, str, str] | None:
    there = [name for name in CODES if isinstance(row.get(name), str) and name in needed]
    name = random.choice(there or ["person_kind"])
    value = {"action": "REPLACE"}.get(name, random.choice(["OTHER", "x", str(row.get(name) or "")[:-1] + "Q"]))
    return row | {name: value}, name, f"{name} of no list"


def _swapped(row: Row, needed: set[str], random: Random) -> tuple[Row, str, str] | None:
    if "uti" in row:
        if random.random() < 0.5 and row["client_lei"]:
            return row | {"firm_lei": row["client_lei"], "client_lei": row["firm_lei"]}, "firm_lei", "parties exchanged"
        return row | {"side": "SELL" if row["side"] == "BUY" else "BUY"}, "side", "side turned round"
    if "side" in row:
        if random.random() < 0.5:
            return row | {"side": "SELL" if row["side"] == "BUY" else "BUY"}, "side", "side turned round"
        return row | {"token_in": row["token_out"], "token_out": row["token_in"]}, "token_in", "tokens exchanged"
    if "direction" in row:
        return row | {"direction": "in" if row["direction"] == "out" else "out"}, "direction", "direction turned round"
    swap = {"originator_wallet": row["beneficiary_wallet"], "beneficiary_wallet": row["originator_wallet"]}
    swap |= {"originator_client_id": row["beneficiary_client_id"], "beneficiary_client_id": row["originator_client_id"]}
    swap |= {name: row["beneficiary_" + name] for name in row if name.startswith("person_")}
    swap |= {"beneficiary_" + name: row[name] for name in row if name.startswith("person_")}
    return row | swap, "originator_wallet", "sender and receiver exchanged"


def _precision(row: Row, needed: set[str], random: Random) -> tuple[Row, str, str] | None:
    there = [name for name in PRICES if isinstance(row.get(name), str)]
    if not there:
        return None
    name = random.choice(there)
    value: str = row[name]
    ways = {"an exponent": f"{value[0]}.{value[1:4].replace('.', '')}E+3", "a comma": value.replace(".", ","), "no room": "9" * 39 + value}
    if name == "price" and "base_amount" in row:
        ways |= {"too few places": value[: value.index(".") + 3], "half a place off": value[:-1] + str((int(value[-1]) + 5) % 10)}
    way = random.choice(sorted(ways))
    return row | {name: ways[way]}, name, f"{name} with {way}"


def _date(row: Row, needed: set[str], random: Random) -> tuple[Row, str, str] | None:
    # Of a contract the time of the event is part of its key, and says which day's report it belongs to.
    there = [name for name in TIMES if row.get(name) is not None and not (name == "event_time" and "uti" in row)]
    name = random.choice(there)
    value: date | datetime = row[name]
    days = random.choice([-400, -31, -1, 1, 31, 400]) if isinstance(value, datetime) else random.choice([-400, 400])
    if name == "block_time" and "movement_id" in row:
        days = random.choice([-400, 400])
    if name == "execution_time":
        days = abs(days)
    if name == "effective_date":
        days = 400
    if name == "expiry_date":
        days = -400
    return row | {name: value + timedelta(days=days)}, name, f"{name} by {days} days"


def _amount(row: Row, needed: set[str], random: Random) -> tuple[Row, str, str] | None:
    there = [name for name in (*AMOUNTS, *PRICES) if row.get(name) and name in needed]
    name = random.choice(there)
    value = row[name]
    if name == "price" and "base_amount" in row:
        way, told = random.choice([("another digit", f"1{value}"), ("nothing", "0")])
    elif isinstance(value, str):
        way, told = random.choice([("nothing", "0"), ("less than nothing", f"-{value}")])
    elif name == "amount":
        way, told = random.choice([("nothing", 0), ("less than nothing", -value)])
    else:
        way, told = random.choice([("one unit more", value + 1), ("ten times", value * 10), ("less than nothing", -value)])
    return row | {name: told}, name, f"{name}: {way}"


_CHANGES: dict[str, Callable[[Row, set[str], Random], tuple[Row, str, str] | None]] = {
    "dropped field": _dropped,
    "wrong check digit": _check_digit,
    "wrong enumeration": _enumeration,
    "swapped sides": _swapped,
    "bad precision": _precision,
    "wrong date": _date,
    "wrong amount": _amount,
}
