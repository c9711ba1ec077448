"""JSON with alternatives: the fault of the alternative that fits best is told, and many of them take no longer than their number."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from domain.problems import BadInput
from domain.regulation.report import Document, validate
from domain.regulation.report import json_validation as checking

HEAVY = {"type": "object", "required": ["weight"], "properties": {"weight": {"type": "integer"}, "unit": {"const": "kg"}}}
LIGHT = {"type": "object", "required": ["count"], "properties": {"count": {"type": "integer"}}}
SCHEMA = {
    "type": "object",
    "properties": {"head": {}, "trades": {"type": "array", "items": {"$ref": "#/$defs/trade"}}},
    "$defs": {"trade": {"oneOf": [{"$ref": "#/$defs/heavy"}, LIGHT]}, "heavy": HEAVY},
}


class One:
    """A folder with one schema in it, whatever is asked for."""

    def __init__(self, folder: Path, schema: object) -> None:
        self.file = folder / "only.schema.json"
        self.file.write_text(json.dumps(schema))

    def path(self, name: str) -> Path:
        return self.file


def told(trades, keys=()):
    return Document("d.json", "json", json.dumps({"trades": trades}).encode(), {"trades": list(keys)})


def test_the_fault_is_told_in_the_alternative_that_fits_best_also_behind_a_reference(trade_report, tmp_path):
    findings = validate(trade_report, told([{"count": 1}, {"weight": 5, "unit": "lb"}], ["t1", "t2"]), One(tmp_path, SCHEMA))
    assert findings.select("rule_id", "row_key", "value").rows() == [("json:oneOf", "t2", "lb")]
    assert "kg" in findings["message"][0]


def test_after_so_many_alternatives_the_rest_is_told_as_it_stands(trade_report, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(checking, "MOST_EXPLAINED", 3)
    monkeypatch.setattr(checking, "best_match", lambda errors: asked.append(1))
    findings = validate(trade_report, told([{"weight": "much"}] * 10, [f"t{n}" for n in range(10)]), One(tmp_path, SCHEMA))
    assert (findings.height, len(asked)) == (10, 3)
    assert findings["row_key"].to_list() == [f"t{n}" for n in range(10)]


def test_alternatives_that_stand_in_another_resource_of_the_schema_are_told_as_they_stand(trade_report, tmp_path):
    inner = {"$id": "urn:inner", "anyOf": [{"type": "string"}, {"type": "null"}]}
    schema = {"properties": {"trades": {"items": {"$ref": "urn:inner"}}}, "$defs": {"inner": inner}}
    findings = validate(trade_report, told([5], ["t1"]), One(tmp_path, schema))
    assert findings.select("rule_id", "row_key", "value").rows() == [("json:anyOf", "t1", "5")]


def test_a_line_of_csv_is_checked_as_an_object_whose_empty_values_are_not_given(trade_report, tmp_path):
    form = trade_report.formats["csv"]
    asked = replace(trade_report, formats={"csv": replace(form, schema="any")})
    schemas = One(tmp_path, {"required": ["reference"], "properties": {"price": {"pattern": "^[0-9.]+$"}}})
    lines = b"# a: b\r\nreference,price\r\nt1,2.5\r\n,2\r\nt3,much\r\n"
    findings = validate(asked, Document("d.csv", "csv", lines), schemas)
    assert findings.select("rule_id", "field_id", "value").rows() == [("csv:required", "T1", ""), ("csv:pattern", "T5", "much")]
    assert findings["message"].str.starts_with("line ").all()


def test_a_json_schema_that_cannot_be_used_is_an_error(trade_report, tmp_path):
    for schema in ({"type": "nothing"}, {"$ref": "https://example.org/other.json"}):
        with pytest.raises(BadInput, match="not a JSON Schema that can be used"):
            validate(trade_report, told([]), One(tmp_path, schema))
