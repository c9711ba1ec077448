"""Defects seeded into valid documents, as a careless hand or another program could make them after the report was written.

Each document is told once and broken in many copies; what the schema, or our own check, says of each copy is what was found.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]

from domain.regulation.report import judge, render, validate
from domain.regulation.rulebook import FormatName, Rulebook
from tests.domain.regulation.conftest import SchemasBeside
from tests.domain.regulation.sample_matrix import SAMPLES, rows_of
from tests.domain.regulation.seeded_defects import Defect, Found

CHECKED: tuple[tuple[str, FormatName], ...] = (
    ("EU.MiCA.transactions", "xml"),
    ("EU.MiCA.transactions", "json"),
    ("EU.MiCA.orders", "json"),
    ("SG.SFRDC.derivatives", "xml"),
    ("SG.PSN02.transfers", "json"),
    ("US.CFTC.part45", "csv"),
    ("OECD.CARF.annual", "xml"),
)
# Text to the schema, though a code stands in it; the row's own checks know better.
FREE = ("Prtry", "IN", "TIN", "CryptoAsset", "Id", "PostCode")


def found_in_documents(rulebook: Rulebook, schemas: SchemasBeside, each: int, seed: int = 1) -> list[Found]:
    """What is found in so many broken copies of each checked document."""
    found: list[Found] = []
    for report_id, name in CHECKED:
        report, head = rulebook.reports[report_id], SAMPLES[report_id].heading
        document = render(report, judge(report, rows_of(report_id), rulebook, head), name, head, schemas)
        random = Random(f"{report_id} {name} {seed}")
        for number in range(each):
            content, told = _BREAKERS[name](document.content, number, random)
            findings = validate(report, replace(document, content=content), schemas)
            errors = tuple(
                (row["rule_id"], row["field_id"], row["doc_ref"]) for row in findings.filter(severity="error").iter_rows(named=True)
            )
            found.append(Found(Defect(report_id, "", f"{name} document", told, told), errors))
    return found


def _xml(content: bytes, number: int, random: Random) -> tuple[bytes, str]:
    root = etree.fromstring(content)
    leaves = [one for one in root.iter() if isinstance(one.tag, str) and not len(one) and one.getparent() is not None]
    coded = [one for one in leaves if _is_code(one.text or "") and etree.QName(one).localname not in FREE]
    one = random.choice(coded if number % 3 == 1 else leaves)
    name = etree.QName(one).localname
    if number % 3 == 0:
        one.tag = f"{{{etree.QName(one).namespace}}}{name}s"
        return etree.tostring(root), "element of another name"
    if number % 3 == 1:
        one.text = f"{one.text}_Q"
        return etree.tostring(root), "code of no list"
    one.getparent().append(etree.fromstring(etree.tostring(one)))
    one.getparent().insert(0, etree.Element(f"{{{etree.QName(one).namespace}}}Unknown"))
    return etree.tostring(root), "element that does not belong"


def _is_code(text: str) -> bool:
    return text.isalnum() and text.isupper() and len(text) in (2, 3, 4, 9, 20)


def _json(content: bytes, number: int, random: Random) -> tuple[bytes, str]:
    told = json.loads(content)
    places: list[tuple[Any, Any]] = []
    _collect({key: value for key, value in told.items() if key not in ("header", "report")}, places)
    holder, key = random.choice([place for place in places if isinstance(place[0][place[1]], str)])
    if number % 3 == 0:
        holder[f"{key}s" if isinstance(key, str) else key] = holder[key] if isinstance(key, str) else 7
        return json.dumps(told).encode(), "key that does not belong"
    holder[key] = {"way": holder[key]} if number % 3 == 1 else None
    return json.dumps(told).encode(), "value of another kind"


def _collect(told: Any, places: list[tuple[Any, Any]]) -> None:
    entries = told.items() if isinstance(told, dict) else enumerate(told) if isinstance(told, list) else ()
    for key, value in entries:
        if not isinstance(value, dict | list):
            places.append((told, key))
        _collect(value, places)


def _csv(content: bytes, number: int, random: Random) -> tuple[bytes, str]:
    lines = content.decode().split("\r\n")
    first = next(place for place, line in enumerate(lines) if not line.startswith("# ")) + 1
    place = random.randrange(first, len(lines) - 1)
    parts = lines[place].split(",")
    column = random.randrange(len(parts) - 1)
    if number % 3 == 0:
        del parts[column]
        told = "line without a field"
    else:
        names = lines[first - 1].split(",")
        may = {
            "settlement_currency",
            "counterparty_2",
            "buyer_identifier",
            "seller_identifier",
            "unique_product_identifier",
            "expiration_date",
        }
        column = random.choice([place for place, name in enumerate(names) if name not in may])
        parts[column] = "" if number % 3 == 1 else f"?{parts[column]}"
        told = "empty field" if number % 3 == 1 else "field with another sign"
    lines[place] = ",".join(parts)
    return "\r\n".join(lines).encode(), told


_BREAKERS: dict[FormatName, Callable[[bytes, int, Random], tuple[bytes, str]]] = {"xml": _xml, "json": _json, "csv": _csv}
