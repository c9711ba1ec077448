"""Validation: each fault of a document names its rule, field, row and article; a missing schema is an error and never a pass."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest

from domain.problems import BadInput
from domain.regulation.report import Document, judge, render, validate, validate_file
from domain.regulation.report.element_order import read_schema
from tests.domain.regulation.report.sample import FILES, HEADING, Folder, movements, trades


def shown(report, rows, book, schemas, name="xml"):
    return render(report, judge(report, rows, book, HEADING), name, HEADING, schemas)


def spoilt(document: Document, old: bytes, new: bytes, count: int = 1) -> Document:
    assert old in document.content
    return replace(document, content=document.content.replace(old, new, count))


@pytest.fixture(scope="module")
def three(trade_report, book, schemas) -> Document:
    return shown(trade_report, trades({"note": "Ahoy"}, {"note": "Ahoy"}, {"note": "Ahoy"}), book, schemas)


@pytest.mark.parametrize(
    ("old", "new", "field_id", "row_key", "words"),
    [
        (b"<Id>t2</Id>", b"<Id>t2</Id><Wrong/>", "", "t2", "Wrong"),
        (b"<Id>t2</Id>", b"", "T1", "t2", "Id"),
        (b"<Id>t3</Id><At>2026", b"<Id>t3</Id><At>26", "T6", "t3", "dateTime"),
        (b"<Qty>1.5<", b"<Qty>1e18<", "T3", "t1", "1e18"),
        (b"<Seller>", b"<Seller>x", "T2S", "t2", "pattern"),
        (b"<Sender>", b"<Sander>x</Sander><Sender>", "", None, "Sander"),
        (b"<ex:Hash>", b"<ex:Hash>XYZ", "T9", "t1", "pattern"),
        (b"<ex:Chain>", b"<ex:Chain><ex:Bad/>", "", "t1", "Bad"),
    ],
)
def test_a_spoilt_document_names_the_field_and_the_row(old, new, field_id, row_key, words, three, trade_report, schemas):
    findings = validate(trade_report, spoilt(three, old, new), schemas)
    first = findings.row(0, named=True)
    assert words in first["message"]
    assert first["row_key"] == row_key
    assert first["field_id"] == field_id or not field_id
    assert first["rule_id"].startswith("xsd:")
    assert first["severity"] == "error"
    assert first["doc_ref"]


def test_an_element_of_an_extension_that_its_schema_does_not_know_is_found_behind_a_lax_wildcard(three, trade_report, schemas):
    spoilt_one = replace(three, content=three.content.replace(b"ex:Chain>", b"ex:Chian>"))
    findings = validate(trade_report, spoilt_one, schemas)
    assert findings["rule_id"].to_list()[:3] == ["xsd:extension"] * 3
    assert findings["row_key"].to_list()[:3] == ["t1", "t2", "t3"]
    local = replace(
        three, content=three.content.replace(b"<ex:Chain><ex:Note>Ahoy</ex:Note><ex:Hash>ab</ex:Hash></ex:Chain>", b"<ex:Hash>Z</ex:Hash>")
    )
    assert set(validate(trade_report, local, schemas)["rule_id"]) == {"xsd:extension"}
    other = replace(
        three, content=three.content.replace(b"<ex:Chain>", b'<y:Zap xmlns:y="urn:extra">').replace(b"</ex:Chain>", b"</y:Zap>")
    )
    assert set(validate(trade_report, other, schemas)["rule_id"]) == {"xsd:extension"}


@pytest.mark.parametrize("content", [b"", b"<Report", b"not xml", b"<!DOCTYPE a [<!ENTITY b 'c'>]><Report xmlns='urn:trades'>&b;</Report>"])
def test_what_is_not_a_document_is_a_finding(content, trade_report, schemas):
    assert validate(trade_report, Document("a.xml", "xml", content), schemas).height >= 1


def test_a_file_is_validated_like_bytes(three, trade_report, schemas):
    assert validate_file(trade_report, "xml", io.BytesIO(three.content), three.keys, schemas).is_empty()
    bad = three.content.replace(b"<Id>t2</Id>", b"")
    assert validate_file(trade_report, "xml", io.BytesIO(bad), three.keys, schemas)["row_key"].to_list() == ["t2"]
    listing = b"# a: b\r\nreference\r\nt1\r\n"
    assert validate_file(trade_report, "csv", io.BytesIO(listing), {}, schemas).is_empty()


def test_the_faults_stop_at_the_limit(three, trade_report, schemas):
    many = replace(three, content=three.content.replace(b"<Qty>1.5<", b"<Qty>x<"))
    assert validate(trade_report, many, schemas).height == 3
    assert validate(trade_report, many, schemas, most=2).height == 2


def test_a_fault_in_a_group_within_a_group_names_the_rows_of_the_inner_group(client_report, book, schemas):
    rows = movements(("anna", "A", "in", 1), ("anna", "B", "in", 2), ("bob", "A", "in", 3), ("bob", "B", "in", 4), ("bob", "B", "in", 4))
    xml = spoilt(shown(client_report, rows, book, schemas), b"<In>0.000000000000000008</In>", b"<In>many</In>")
    found = validate(client_report, xml, schemas).row(0, named=True)
    assert (found["field_id"], found["row_key"]) == ("K2", "m4; m5")
    told = spoilt(shown(client_report, rows, book, schemas, "json"), b'"0.000000000000000008"', b'"0.00000000000000000800000000000000"')
    found = validate(client_report, told, schemas).row(0, named=True)
    assert (found["field_id"], found["row_key"], found["rule_id"]) == ("K2", "m4; m5", "json:maxLength")


@pytest.mark.parametrize(
    ("old", "new", "field_id", "row_key"),
    [
        (b'"reference":"t2",', b"", "T1", "t2"),
        (b'"capacity":"DEAL"', b'"capacity":"NOPE"', "T4", "t1"),
        (b'"2000.5"', b'"2000.50001"', "T5", "t1"),
        (b'"trades":', b'"more":1,"trades":', "", None),
        (b'"seller":', b'"sella":', "T2B", "t2"),
    ],
)
def test_spoilt_json_names_the_field_and_the_row(old, new, field_id, row_key, trade_report, book, schemas):
    document = spoilt(shown(trade_report, trades({}, {}), book, schemas, "json"), old, new)
    first = validate(trade_report, document, schemas).row(0, named=True)
    assert first["row_key"] == row_key
    assert first["field_id"] == field_id or old in (b'"trades":', b'"seller":')


@pytest.mark.parametrize("content", [b"", b"{", b'{"a": NaN}', b"\xff", b"[" * 100_000])
def test_what_is_not_json_is_a_finding(content, trade_report, schemas):
    assert validate(trade_report, Document("a.json", "json", content), schemas)["rule_id"].to_list() == ["json.well_formed"]


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"# a: b\r\nreference\r\nt1,t2\r\n", "csv.width"),
        (b"# a: b\r\nnobody\r\nt1\r\n", "csv.columns"),
        (b'reference\r\n"t1"x\r\n', "csv.well_formed"),
        (b"\xff\xfe", "csv.encoding"),
    ],
)
def test_what_is_not_the_csv_of_the_report_is_a_finding(content, rule, trade_report, schemas):
    assert validate(trade_report, Document("a.csv", "csv", content), schemas)["rule_id"].to_list() == [rule]


@pytest.mark.parametrize("name", ["xml", "json"])
def test_a_missing_schema_is_an_error_and_never_a_pass(name, trade_report, book, schemas, tmp_path):
    document = shown(trade_report, trades({}), book, schemas, name)
    with pytest.raises(BadInput, match="grekko schemas install"):
        validate(trade_report, document, Folder(tmp_path))


def test_a_schema_that_is_none_is_an_error(trade_report, book, schemas, tmp_path):
    (tmp_path / "own").mkdir()
    for name, text in {"trades.xsd": "<a/>", "extra.xsd": "<a/>", "trades.schema.json": '{"type": 7}'}.items():
        (tmp_path / "own" / name).write_text(text)
    for name in ("xml", "json"):
        with pytest.raises(BadInput, match=r"schema|Schema"):
            validate(trade_report, shown(trade_report, trades({}), book, schemas, name), Folder(tmp_path))
    (tmp_path / "own" / "trades.schema.json").write_text('{"$ref": "http://elsewhere/a.json"}')
    with pytest.raises(BadInput, match=r"JSON Schema"):
        validate(trade_report, shown(trade_report, trades({}), book, schemas, "json"), Folder(tmp_path))


def test_a_path_that_the_schema_does_not_know_is_named_with_its_field(trade_report, book, schemas):
    from tests.domain.regulation.report.sample import read_sample, report

    wrong = report(read_sample(lambda text: text.replace("{action}/Qty", "{action}/Quantity")), "trades")
    with pytest.raises(BadInput, match=r"Trade/New/Quantity \(fields T3\)"):
        shown(wrong, trades({}), book, schemas)


def test_no_form_means_no_document(trade_report, book, schemas):
    with pytest.raises(BadInput, match="it has xml, json, csv"):
        shown(trade_report, trades({}), book, schemas, "pdf")


def test_the_order_of_elements_is_what_xmlschema_reads_in_every_schema():
    import xmlschema

    official = FILES.parents[5].parent / "shared" / "schemas"
    files = sorted((FILES / "own").glob("*.xsd"))
    if official.is_dir():
        files += [official / "iso20022" / "auth.016.001.03.xsd", official / "oecd_carf" / "CARFXML_v1.5.xsd"]
    for file in files:
        seen: set[int] = set()
        mine = read_schema(file)

        def compare(theirs, ours, seen=seen):
            if id(theirs.type) in seen:
                return
            seen.add(id(theirs.type))
            inside = (
                theirs.type.content.iter_elements() if theirs.type.is_complex() and hasattr(theirs.type.content, "iter_elements") else ()
            )
            children = {}
            for child in inside:
                if child.name:
                    children.setdefault(child.name, child)
            content = ours.content()
            assert list(content.children) == list(children), theirs.name
            for name, child in children.items():
                compare(child, content.children[name])

        for theirs in xmlschema.XMLSchema(file).elements.values():
            compare(theirs, mine.element(theirs.name))
        assert seen


def test_json_stays_json_whatever_stands_in_a_text(trade_report, book, schemas):
    note = 'a "quoted" \\ back\tslash\u2028 é 𝔘'
    document = shown(trade_report, trades({"note": note}), book, schemas, "json")
    assert json.loads(document.content)["trades"][0]["chain"]["notes"][0]["text"] == note
