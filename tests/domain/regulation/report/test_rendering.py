"""Documents: valid against their schemas whatever the order of the YAML, exact to the unit, and honest in their headers."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from lxml import etree

from domain.problems import BadInput
from domain.regulation.report import judge, render, validate
from tests.domain.regulation.report.sample import HEADING, LEI, movements, read_sample, report, trades

NS = {"t": "urn:trades", "c": "urn:clients", "ex": "urn:extra"}


def shown(report, rows, book, schemas, name="xml"):
    judged = judge(report, rows, book, HEADING)
    document = render(report, judged, name, HEADING, schemas)
    assert validate(report, document, schemas).to_dicts() == []
    return document


def xml(report, rows, book, schemas):
    return etree.fromstring(shown(report, rows, book, schemas).content)


def test_elements_stand_in_the_order_of_the_schema_not_of_the_yaml(trade_report, book, schemas):
    root = xml(trade_report, trades({"note": "Ahoy"}), book, schemas)
    trade = root.find("t:Trade/t:New", NS)
    assert [etree.QName(child).localname for child in trade] == ["Id", "At", "Side", "Qty", "Price", "Capacity", "Any"]
    assert [etree.QName(child).localname for child in trade.find("t:Any/ex:Chain", NS)] == ["Note", "Hash"]


def test_amounts_are_exact_and_written_without_an_exponent(trade_report, book, schemas):
    root = xml(trade_report, trades({"amount": 10**18}, {"amount": 1}, {"amount": 123_456_789_012_345_678_901_234_567_890}), book, schemas)
    assert root.xpath("//t:Qty/text()", namespaces=NS) == ["1", "0.000000000000000001", "123456789012.34567890123456789"]


def test_a_price_with_too_many_places_is_rounded_half_to_even(trade_report, book, schemas):
    root = xml(trade_report, trades({"price": "1.00005"}, {"price": "1.00015"}, {"price": "0.99995"}), book, schemas)
    assert root.xpath("//t:Price/text()", namespaces=NS) == ["1", "1.0002", "1"]


def test_the_sum_in_the_head_is_of_the_rows_that_are_told(trade_report, book, schemas):
    rows = trades({"paid": "0.1"}, {"paid": "0.2"}, {"paid": "5", "capacity": "NOPE"}, {"paid": "7", "ours": False})
    root = xml(trade_report, rows, book, schemas)
    assert root.findtext("t:Head/t:Paid", namespaces=NS) == "0.3"
    assert root.findtext("t:Head/t:Count", namespaces=NS) == "2"


def test_text_that_looks_like_markup_is_text(trade_report, book, schemas):
    hostile = """<Id>&amp;"']]>\r\n"""
    root = xml(trade_report, trades({"trade_id": hostile[:12], "note": hostile, "currency": 'U"<\n&'}), book, schemas)
    assert root.findtext(".//ex:Note", namespaces=NS) == hostile
    assert root.find(".//t:Price", NS).get("Ccy") == 'U"<\n&'
    assert json.loads(shown(trade_report, trades({"note": hostile}), book, schemas, "json").content)["trades"][0]["chain"]["notes"] == [
        {"text": hostile}
    ]


def test_elements_without_a_value_are_left_out_with_their_parents(trade_report, book, schemas):
    root = xml(trade_report, trades({"hash": None, "currency": None}, {}), book, schemas)
    first, second = root.iterfind("t:Trade/t:New", NS)
    assert first.find("t:Any", NS) is None
    assert second.find("t:Any", NS) is not None
    assert first.find("t:Price", NS).attrib == {}


def test_a_correction_is_told_as_a_cancellation_and_a_new_record(trade_report, book, schemas):
    root = xml(trade_report, trades({}, {"action": "CORRECT", "corrects": "t0"}, {"action": "AMEND"}), book, schemas)
    told = [(etree.QName(trade[0]).localname, trade[0].findtext("t:Id", namespaces=NS)) for trade in root.iterfind("t:Trade", NS)]
    assert sorted(told) == [("Cxl", "t2"), ("Mod", "t3"), ("New", "t1"), ("New", "t2")]
    assert root.findtext("t:Trade/t:Cxl/t:Replaces", namespaces=NS) == "t0"


def test_an_empty_period_is_told_as_such_where_the_regime_wants_it(trade_report, client_report, book, schemas):
    root = xml(trade_report, trades({"settled": False}), book, schemas)
    assert [etree.QName(child).localname for child in root] == ["Nothing"]
    with pytest.raises(BadInput, match=r"Nothing of XX\.TRY\.clients"):
        shown(client_report, movements(), book, schemas)


def test_groups_within_groups_add_up_exactly(client_report, book, schemas):
    rows = movements(("anna", "ETH", "in", 10**37), ("bob", "ETH", "in", 1), ("anna", "USDC", "out", 5), ("anna", "ETH", "in", 10**37 + 1))
    root = xml(client_report, rows, book, schemas)
    assert root.xpath("//c:Client/c:Name/text()", namespaces=NS) == ["anna", "bob"]
    assert root.xpath("//c:Client/c:Movements/text()", namespaces=NS) == ["3", "1"]
    assert root.xpath("//c:Client[1]/c:Token/c:In/text()", namespaces=NS) == ["20000000000000000000.000000000000000001"]
    assert root.xpath("//c:Client[1]/c:Token[2]/c:Out/text()", namespaces=NS) == ["0.000000000000000005"]
    assert root.get("version") == "1"


def test_json_tells_the_same_as_xml(client_report, book, schemas):
    rows = movements(("anna", "ETH", "in", 10**18), ("anna", "USDC", "out", 5), ("bob", "ETH", "out", 2 * 10**18))
    told = json.loads(shown(client_report, rows, book, schemas, "json").content)
    assert told["clients"] == [
        {"movements": 2, "name": "anna", "tokens": [{"symbol": "ETH", "in": "1"}, {"symbol": "USDC", "out": "0.000000000000000005"}]},
        {"movements": 1, "name": "bob", "tokens": [{"symbol": "ETH", "out": "2"}]},
    ]


def test_a_csv_has_a_line_for_each_record_and_keeps_formulas_from_running(client_report, trade_report, book, schemas):
    rows = movements(("=cmd()", "ETH", "in", 10**18), ("anna, b", "USDC", "out", 5))
    lines = shown(client_report, rows, book, schemas, "csv").content.decode().split("\r\n")
    assert [line for line in lines if not line.startswith("#")] == [
        "client,token,units_in,units_out",
        '"\'=cmd()",ETH,1,',
        '"anna, b",USDC,,0.000000000000000005',
        "",
    ]
    assert "-2000.5," in shown(trade_report, trades({"price": "-2000.5"}), book, schemas, "csv").content.decode()


@pytest.mark.parametrize("name", ["xml", "json", "csv"])
def test_every_header_says_what_the_document_is_and_what_it_leaves_out(name, trade_report, book, schemas):
    rows = trades({}, {"ours": False}, {"ours": False}, {"capacity": "NOPE"})
    head = shown(trade_report, rows, book, schemas, name).content.decode()[:3000]
    for told in ("schema_status", "claim", "unverified_references", "nobody of ours was in between", "it is not in the list @capacity"):
        assert told in head
    counts = {"reported": 1, "not_reportable": 2, "blocked": 1, "unverified_references": trade_report.unverified}
    for word, count in counts.items():
        assert any(form in head for form in (f'{word}="{count}"', f'"{word}": {count}', f"# {word}: {count}\r\n")), word


def test_a_value_of_the_heading_that_is_wrong_stops_the_document(trade_report, book, schemas):
    judged = judge(trade_report, trades({}), book, HEADING)
    wrong = type(HEADING)(HEADING.report_id, HEADING.period_start, HEADING.period_end, HEADING.created_at, "R", {"lei": LEI[:-1] + "0"})
    with pytest.raises(BadInput, match=r"H1 .*heading.firm_lei"):
        render(trade_report, judged, "xml", wrong, schemas)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("Any/ex:Chain/ex:Hash", "Any/ex:Chein/ex:Hash", "has no element"),
        ("root: Report", "root: Raport", "no element Raport in the namespace 'urn:trades'"),
    ],
)
def test_a_place_that_no_schema_has_is_refused_with_its_name(old, new, words, schemas):
    book = read_sample(lambda text: text.replace(old, new))
    asked = report(book, "trades")
    judged = judge(asked, trades({}), book, HEADING)
    with pytest.raises(BadInput, match=words):
        render(asked, judged, "xml", HEADING, schemas)


def test_a_prefix_that_names_no_namespace_is_refused(trade_report, book, schemas):
    asked = replace(trade_report, formats={"xml": replace(trade_report.formats["xml"], extensions=())})
    with pytest.raises(BadInput, match="has the prefix 'ex', which names no namespace"):
        render(asked, judge(asked, trades({}), book, HEADING), "xml", HEADING, schemas)


def test_without_a_schema_elements_stand_in_the_order_of_the_rulebook(trade_report, book, schemas):
    asked = replace(trade_report, formats={"xml": replace(trade_report.formats["xml"], schema=None)})
    content = render(asked, judge(asked, trades({}), book, HEADING), "xml", HEADING, schemas).content
    assert content.index(b"<ex:Hash>") < content.index(b"<Id>") < content.index(b"<Capacity>") < content.index(b"<Qty>")
