"""The rulebook's file: what is read from it, and how each fault is told."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.problems import BadInput
from domain.regulation.reading import read_rulebook
from domain.regulation.reading_shape import SCHEMA
from domain.regulation.rulebook import AccessTier, DocRef
from domain.regulation.schema_claims import claim_fault, status_fault
from domain.regulation.yaml_tree import MAX_BYTES, MAX_DEPTH
from tests.domain.regulation.rulebooks import BASE, changed, zedland


def faults_of(texts: dict[str, str]) -> list[dict[str, Any]]:
    with pytest.raises(BadInput) as refused:
        read_rulebook(texts)
    return refused.value.facts["faults"]


def line_of(passage: str, text: str = BASE) -> int:
    return text[: text.index(passage)].count("\n") + 1


def test_a_rulebook_is_read_as_it_is_written() -> None:
    rulebook = zedland()
    place, report = rulebook.jurisdictions["ZZ"], rulebook.reports["ZZ.ZMR.trades"]
    assert place.countries == ("AA", "NO")
    assert place.kyc is not None and (place.kyc.threshold, place.kyc.travel_rule_minimum) == (0.85, "0")
    assert [limit.members for limit in place.limits] == [(), ("0x" + "a" * 40,), ("IR",)]
    assert place.retention[0].access == (AccessTier(2, "hot"), AccessTier(None, "cold", 3))
    assert report.timing.deadline == "T+1bd" and report.source.key == ("trade_id",)
    assert [field.id for field in report.every_field()] == ["Z1", "Z2", "Z3", "Z4"]
    assert report.lifecycle.becomes == {"CORRECT": ("CANCEL", "NEW")} and report.lifecycle.nil
    assert report.acknowledgement is not None and report.acknowledgement.on_nack == ("ticket",)
    assert report.formats["xml"].extensions[0].prefix == "gx" and report.formats["csv"].columns == ("trade", "price")
    assert rulebook.rates["SGD"]["per_usd"] == "1.35" and rulebook.rates["SGD"]["day"] == "2026-01-02"
    assert rulebook.lists["sides"] == ("BUY", "SELL")


def test_a_field_without_a_reference_of_its_own_has_the_reports() -> None:
    report = zedland().reports["ZZ.ZMR.trades"]
    fields = {field.id: field.doc_ref for field in report.every_field()}
    assert fields["Z1"] == report.doc_ref == report.rules[0].doc_ref == report.eligibility[0].doc_ref
    assert fields["Z3"] == DocRef("Z Act", "Art 5")
    assert report.unverified == 2  # Art 5 and the deadline's Art 4


def test_every_value_knows_its_line() -> None:
    report = zedland().reports["ZZ.ZMR.trades"]
    assert report.line == line_of("          trades:")
    assert [field.line for field in report.every_field()][:2] == [line_of("{id: Z1"), line_of("{id: Z2")]
    assert report.rules[0].line == line_of("{id: ZZ-R1")


@pytest.mark.parametrize(
    ("old", "new", "path", "sentence"),
    [
        ("    authority: ZA", "    authorithy: ZA", "jurisdictions.ZZ.authorithy", "did you mean authority?"),
        ("            title: Trades\n", "", "…reports.trades", "it has no title; add it."),
        ("period: day", "period: dey", "…timing.period", "it is 'dey'; did you mean day?"),
        ("period: day", "period: 7", "…timing.period", "write one of calendar_year, day, month, quarter."),
        ("years: 5", "years: five", "…retention[0].years", "it is 'five'; write a whole number from 0 to 100."),
        ("years: 5", 'years: "5"', "…retention[0].years", "it is '5'; write a whole number"),
        ('most: "250000"', "most: 250000", "…limits[0].most", "so that nothing is rounded."),
        ("nil: true", "nil: yes", "…lifecycle.nil", "it is 'yes'; write true or false."),
        ("codelists:\n  capacity: [DEAL, AOTC]", "codelists:\n  capacity: []", "codelists.capacity", "it is empty; write at least one."),
        ("  SGD:", "  sgd:", "rates.sgd", "three capital letters"),
        ("  ZZ:", "  zed land:", "jurisdictions.zed land", "write a name of letters"),
        ("  ZZ:", "  zz:", "jurisdictions.zz", "is capital letters"),
        ("length: 52", "length: 0", "…fields[0].length", "it is 0; write a whole number from 1"),
        ('format: "decimal(18,5)"', "format: money", "…fields[1].format", "it is 'money'; write text, integer"),
        ('format: "decimal(18,5)"', 'format: "decimal(5,18)"', "…fields[1].format", "18 of 5 digits"),
        ("version: 1", "version: 2", "version", "write 1, the version this release reads."),
        ("key: [trade_id]", "key: trade_id", "…source.key", "write a list"),
        ('json: trade.id', 'json: trade..id', "…fields[0].json", "a dot between them"),
        ("path: gx:Price", "path: g:Price", "…fields[1].path", "there is no prefix g; did you mean gx?"),
        ("path: gx:Price", "path: q:Price", "…fields[1].path", "there is no prefix q; there are: b, gx."),
        ("path: gx:Price", 'path: "gx:Price/@Ccy"', "…fields[1].path", "an attribute goes under attributes of its element's field"),
        ("words: {NEW: New, CANCEL: Cxl}, ", "", "…fields[0].path", "write them under lifecycle.words."),
        ("source: trade_id,", "source: trade_id, const: x,", "…fields[0]", "its value comes from source and const"),
        ("source: trade_id,", "", "…fields[0]", "its value comes from none"),
        ("expr: decimal(price) * 2", "expr: decimal(price", "…fields[1].expr", "position 14: here stands the end"),
        ("when: \"side == 'BUY'\"", "when: \"side = 'BUY'\"", "…fields[1].when", "write ==."),
        ("then: decimal(price) > 0", "then: decimal(price)", "…rules[0].then", "is a value, not a condition"),
        ("side in @sides", "side in @sidez", "…eligibility[0].test", "did you mean sides?"),
        ("field: Z2,", "field: Z22,", "…rules[0].field", "the report has no field Z22; did you mean Z2?"),
        ('validate: "@capacity"', 'validate: "@capacities"', "…fields[1].validate", "did you mean capacity?"),
        ('validate: "@capacity"', "validate: leii", "…fields[1].validate", "did you mean lei?"),
        ("columns: [trade, price]", "columns: [trade, prize]", "…columns[1]", "did you mean price?"),
        ('cron: "0 6 * * 1-5"', 'cron: "0 6 * *"', "…timing.cron", "has 4 fields"),
        ('cron: "0 6 * * 1-5"', 'cron: "0 24 * * *"', "…timing.cron", "'24' is no hour"),
        ('cron: "0 6 * * 1-5"', 'cron: "0 6 * * 5-1"', "…timing.cron", "'5-1' is no weekday"),
        ('cron: "0 6 * * 1-5"', 'cron: "*/0 6 * * *"', "…timing.cron", "is no minute"),
        ("deadline: T+1bd", "deadline: T+1", "…timing.deadline", "'T+1' is no deadline"),
        ("deadline: T+1bd", "deadline: 02-29", "…timing.deadline", "is no deadline"),
        ("holidays: TARGET", "holidays: TARGETS", "…holidays", "write TARGET, or a country"),
        ("timezone: Europe/Paris", "timezone: Europe/Pariss", "…timezone", "is no time zone"),
        ('countries: "@LANDS"', 'countries: "@LAND"', "…countries", "there is no list @LAND; did you mean LANDS?"),
        ('countries: "@LANDS"', 'countries: "@sides"', "…countries", "'BUY' is among them; a country is two capital letters"),
        ('members: ["@restricted"]', 'members: ["0x12"]', "…limits[1].members", "40 hexadecimal digits"),
        ("members: [IR]", "members: [Iran]", "…limits[2].members", "a country is two capital letters"),
        ("members: [IR]", "members: []", "…limits[2]", "client_residence is about members"),
        ("members: [IR]", 'most: "5"', "…limits[2]", "client_residence is about members"),
        ('most: "250000"', "members: [IR]", "…limits[0]", "position_usd is a maximum"),
        ("id: ZZ-L2", "id: ZZ-L1", "…limits[1].id", "ZZ-L1 is an id already, of regulations.yaml, line"),
        ("id: ZZ-R1", "id: ZZ-E1", "…rules[0].id", "ids are told once"),
        ("extend_on_request_to: 7", "extend_on_request_to: 4", "…extend_on_request_to", "shorter than the 5 years"),
        ("review_from: 0.75", "review_from: 0.95", "…kyc.review_from", "above the threshold"),
        ("schema_status: carrier", "schema_status: official", "…xml.schema_status", "claims more than it may; write carrier."),
        ("schema_status: own_from_public_table", "schema_status: official", "…schema_status", "claims more than it may"),
        ("claim: A listing.", "claim: The official listing.", "…csv.claim", "it says official of a schema that is none"),
        ('                namespace: "urn:a"\n', "", "…formats.xml", "a root and a namespace"),
        ("  sides: [BUY, SELL]", "  capacity: [BUY, SELL]\n  sides: [BUY]", "lists.capacity", "a code list is called capacity too"),
        ("          trades:", "          Trades: {}\n          trades:", "…reports.Trades", "it has no"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_line_its_path_and_the_fix(old: str, new: str, path: str, sentence: str) -> None:
    texts = changed(old, new)
    found = faults_of(texts)[0]
    assert found["file"] == "regulations.yaml"
    assert found["path"].endswith(path.removeprefix("…"))
    assert sentence in found["sentence"]


def test_a_fault_names_the_very_line() -> None:
    texts = changed("field: Z2,", "field: Z22,")
    assert faults_of(texts)[0]["line"] == line_of("field: Z2,")
    texts = changed("years: 5", "years: five")
    assert faults_of(texts)[0]["line"] == line_of("years: five", texts["regulations.yaml"])


def test_several_faults_are_told_at_once_and_no_more_than_twenty() -> None:
    text = BASE.replace("period: day", "period: dey").replace("years: 5", "years: five").replace("nil: true", "nil: maybe")
    assert {one["path"].rpartition(".")[2] for one in faults_of({"r.yaml": text})} == {"period", "years", "nil"}
    limits = "".join(f"      - {{id: X{n}, basis: law, metric: x, text: t, doc_ref: {{corpus: c}}}}\n" for n in range(25))
    with pytest.raises(BadInput, match="and 5 more") as refused:
        read_rulebook({"r.yaml": BASE.replace("    limits:\n", "    limits:\n" + limits)})
    assert len(refused.value.facts["faults"]) == 20


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        ("a: &x 1\nb: *x\n", 1, "anchors and aliases are not read"),
        ("a: 1\nb: *x\n", 2, "anchors and aliases are not read"),
        ("a: !!python/object/apply:os.system ['ls']\n", 1, "tags are not read"),
        ("a: 1\nb: 2\na: 3\n", 3, "a is told twice, first on line 1"),
        ("a: 1\n---\nb: 2\n", 2, "a second document begins here"),
        ("a: [1\n", 2, "it is not YAML"),
        ("a: \x01\n", 1, "it is not YAML"),
        ("a: b: c\n", 1, "it is not YAML"),
        ("- a\n", 1, "it holds no settings"),
        ("", 1, "it holds no settings"),
        ("? [a]\n: 1\n", 1, "a setting's name must be short text"),
        (f"{'a' * 101}: 1\n", 1, "a setting's name must be short text"),
        ("a: " + "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1) + "\n", 1, "nested deeper"),
        ("#" * MAX_BYTES + "\n", 1, "it is longer than"),
    ],
)
def test_traps_of_yaml_are_refused(text: str, line: int, sentence: str) -> None:
    found = faults_of({"r.yaml": text})[0]
    assert found["line"] == line
    assert sentence in found["sentence"]


def test_a_country_called_no_is_a_country_and_quoted_digits_are_text() -> None:
    rulebook = read_rulebook(changed('LANDS: [AA, "NO"]', "LANDS: [AA, NO]"))
    assert rulebook.jurisdictions["ZZ"].countries == ("AA", "NO")
    refused = faults_of(changed('const: "0"', "const: 0"))[0]
    assert refused["sentence"] == "it is 0; write text; digits, true and false in quotes."


SECOND = """\
jurisdiction: YY
name: Yland
authority: YA
countries: [YY]
lists: {Y: [a]}
"""


def test_each_jurisdiction_may_have_a_file_of_its_own() -> None:
    rulebook = read_rulebook({"regulations.yaml": BASE, "regulations/YY.yaml": SECOND})
    assert list(rulebook.jurisdictions) == ["ZZ", "YY"]
    assert rulebook.jurisdictions["YY"].holidays is None and rulebook.lists["Y"] == ("a",)
    assert [place.code for place in rulebook.of_country("YY")] == ["YY"]


def test_an_overlay_replaces_what_it_names_and_leaves_the_rest() -> None:
    overlay = """\
jurisdiction: ZZ
authority: New authority
countries: [AB]
limits:
  - {id: ZZ-L1, most: "100"}
  - {id: ZZ-L9, basis: law, metric: day_usd, most: "5", text: new, doc_ref: {corpus: Z Act}}
kyc: null
"""
    before, after = (
        zedland().jurisdictions["ZZ"],
        read_rulebook({"regulations.yaml": BASE, "regulations/ZZ.yaml": overlay}).jurisdictions["ZZ"],
    )
    assert (after.authority, after.countries, after.name, after.kyc) == ("New authority", ("AB",), before.name, None)
    assert [(limit.id, limit.most) for limit in after.limits] == [("ZZ-L1", "100"), ("ZZ-L2", None), ("ZZ-L3", None), ("ZZ-L9", "5")]
    assert replace(after.limits[0], most="250000", line=0) == replace(before.limits[0], line=0)
    assert after.regimes == before.regimes


def test_a_fault_of_an_overlay_is_told_with_the_overlays_line() -> None:
    overlay = 'jurisdiction: ZZ\nlimits:\n  - {id: ZZ-L1, most: "1e5"}\n'
    found = faults_of({"regulations.yaml": BASE, "regulations/ZZ.yaml": overlay})
    assert [(one["file"], one["line"], one["path"]) for one in found] == [("regulations/ZZ.yaml", 3, "jurisdictions.ZZ.limits[0].most")]
    found = faults_of({"regulations.yaml": BASE, "regulations/ZZ.yaml": "jurisdiction: ZZ\nlimtis: []\n"})
    assert (found[0]["line"], found[0]["sentence"]) == (2, "there is no such setting; did you mean limits?")


def test_an_overlay_without_a_jurisdiction_is_refused_beside_the_faults_of_other_files() -> None:
    found = faults_of({"regulations.yaml": BASE, "a.yaml": "name: x\n", "b.yaml": "x: [", "c.yaml": "jurisdiction: [ZZ]\n"})
    assert [one["file"] for one in found] == ["a.yaml", "b.yaml", "c.yaml"]
    assert "write `jurisdiction: CODE` first" in found[0]["sentence"]


def test_two_reports_may_not_share_a_table() -> None:
    report = BASE[BASE.index("      ZMR:") :]
    other = report.replace("      ZMR:", "      zmr:").replace("ZZ-E1", "ZZ-E2").replace("ZZ-R1", "ZZ-R2")
    assert "its name as a table would be that of ZZ.ZMR.trades" in faults_of({"r.yaml": BASE + other})[0]["sentence"]


def test_no_file_is_no_rulebook() -> None:
    with pytest.raises(BadInput, match="1 to 300 files"):
        read_rulebook({})


@pytest.mark.parametrize(
    ("schema", "status", "may"),
    [
        ("oecd_carf/CARFXML_v1.5.xsd", "official", True),
        ("ivms101_IVMS101_2023Schema.schema.json", "official", True),
        ("iso20022/auth.016.001.03.xsd", "carrier", True),
        ("iso20022/auth.016.001.03.xsd", "official", False),
        ("own/mica.xsd", "official", False),
        ("own/mica.xsd", "carrier", False),
        ("own/../oecd_carf/x.xsd", "own_from_public_table", False),
        ("esma/mica.xsd", "official", False),
        (None, "none", True),
        (None, "official", False),
        ("own/mica.xsd", "none", False),
    ],
)
def test_a_status_never_claims_more_than_the_schema_is(schema: str | None, status: Any, may: bool) -> None:
    assert (status_fault(schema, status) is None) == may


def test_the_word_official_belongs_to_official_schemas() -> None:
    assert claim_fault("Valid against the official XSD.", "official") is None
    assert claim_fault("Valid against the OECD XSD.", "carrier") is None
    assert claim_fault("The Official MiCA XSD", "own_from_public_table") is not None


def test_the_shipped_schema_is_one_and_an_editor_can_use_it() -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    in_yaml_1_1 = BASE.replace("2026-01-02", '"2026-01-02"').replace("on: [NEW]", '"on": [NEW]')
    jsonschema.Draft202012Validator.check_schema(schema)
    assert jsonschema.Draft202012Validator(schema).is_valid(yaml.safe_load(in_yaml_1_1))


def test_the_values_load_without_the_libraries_that_read_them() -> None:
    code = "import sys, domain.regulation.rulebook; print([m for m in ('polars', 'lxml', 'jsonschema', 'yaml') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(BASE) - 1), st.integers(0, 6), st.text(st.characters(codec="utf-8"), max_size=3))
def test_for_any_change_of_the_file_it_is_read_or_refused_with_a_line(place: int, gone: int, put: str) -> None:
    text = BASE[:place] + put + BASE[place + gone :]
    try:
        read_rulebook({"r.yaml": text})
    except BadInput as refused:
        assert all(1 <= one["line"] <= text.count("\n") + 2 for one in refused.facts["faults"])
