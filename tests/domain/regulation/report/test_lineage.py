"""Lineage: every value of a document can be walked back to its row, and no value is told that cannot."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from lxml import etree

from domain.regulation.report import judge, lineage, render
from tests.domain.regulation.report.sample import HEADING, movements, trades

ROWS = trades({"note": "Ahoy"}, {"action": "CORRECT", "corrects": "t0"}, {"currency": None}, {"capacity": "NOPE"}, {"action": "CANCEL"})
MOVES = movements(
    ("anna", "ETH", "in", 10), ("bob", "ETH", "in", 1), ("anna", "USDC", "out", 5), ("anna", "ETH", "in", 1), ("bob", "X", "out", 1)
)


def values_of_xml(element, at=""):
    """Each text and attribute with its place, numbering what the lineage numbers: the elements that are records."""
    name = etree.QName(element).localname if not element.prefix else f"{element.prefix}:{etree.QName(element).localname}"
    same = [one for one in element.itersiblings(preceding=True) if one.tag == element.tag]
    place = f"{at}/{name}" + (f"[{len(same) + 1}]" if name in ("Trade", "Client", "Token") else "")
    found = [(f"{place}/@{key}", value) for key, value in element.attrib.items()]
    if len(element) == 0:
        return [*found, (place, element.text)]
    return found + [pair for child in element for pair in values_of_xml(child, place)]


def values_of_json(told: Any, at="$"):
    if isinstance(told, dict):
        return [pair for key, value in told.items() if (at, key) != ("$", "header") for pair in values_of_json(value, f"{at}.{key}")]
    if isinstance(told, list):
        return [pair for number, value in enumerate(told) for pair in values_of_json(value, f"{at}[{number}]")]
    return [(at, str(told))]


def values_of_csv(content: bytes):
    lines = [line for line in content.decode().split("\r\n") if not line.startswith("#")]
    table = list(csv.DictReader(io.StringIO("\n".join(lines))))
    return [(f"{number}:{name}", value) for number, line in enumerate(table, 1) for name, value in line.items() if value]


@pytest.mark.parametrize("name", ["xml", "json", "csv"])
@pytest.mark.parametrize(("which", "rows"), [("trade_report", ROWS), ("client_report", MOVES), ("trade_report", ROWS.head(0))])
def test_every_value_of_a_document_has_its_line_of_lineage(name, which, rows, book, schemas, request):
    report = request.getfixturevalue(which)
    judged = judge(report, rows, book, HEADING)
    content = render(report, judged, name, HEADING, schemas).content
    if name == "xml":
        told = values_of_xml(etree.fromstring(content))
    else:
        told = values_of_json(json.loads(content)) if name == "json" else values_of_csv(content)
    traced = lineage(report, judged, name, HEADING)
    assert sorted(traced.select("place", "value").rows()) == sorted(told)
    assert traced["doc_ref"].null_count() == 0


def test_a_value_names_its_table_columns_row_rules_and_article(trade_report, book):
    traced = lineage(trade_report, judge(trade_report, trades({}), book, HEADING), "xml", HEADING)
    rows = {row["place"]: row for row in traced.to_dicts()}
    quantity = rows["/Report/Trade[1]/New/Qty"]
    assert quantity == {
        "place": "/Report/Trade[1]/New/Qty",
        "field_id": "T3",
        "value": "1.5",
        "table": "reportable_trades",
        "column": "amount, decimals",
        "row_key": "t1",
        "rule_id": "R1",
        "doc_ref": "act Art 1",
        "verified": True,
    }
    assert rows["/Report/Head/Sender"]["table"] == "heading"
    assert rows["/Report/Head/Sender"]["row_key"] is None
    assert rows["/Report/Head/Paid/@Ccy"]["table"] is None
    assert rows["/Report/Trade[1]/New/Capacity"]["doc_ref"] == "act Art 4"


def test_a_sum_names_all_rows_behind_it(client_report, book):
    traced = lineage(client_report, judge(client_report, MOVES, book), "xml")
    rows = {row["place"]: row for row in traced.to_dicts()}
    assert rows["/Clients/Client[1]/Token[1]/In"]["row_key"] == "m1; m4"
    assert rows["/Clients/Client[1]/Movements"]["row_key"] == "m1; m3; m4"
    assert rows["/Clients/Client[2]/Token[2]/Out"]["row_key"] == "m5"


def test_without_a_heading_its_values_are_left_out(trade_report, book):
    traced = lineage(trade_report, judge(trade_report, trades({}), book), "xml")
    assert "heading" not in traced["table"].to_list()
    assert traced.height > 8
