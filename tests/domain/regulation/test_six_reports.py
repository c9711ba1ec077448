"""The six reports, in every form, against the real schemas: valid, empty, corrected and cancelled; and a few values of each."""

from __future__ import annotations

import csv
import io
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema
import polars as pl
import pytest
from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]

from domain.problems import BadInput
from domain.regulation.report import Document, Judged, judge, render, validate
from domain.regulation.rulebook import Format, FormatName, Rulebook
from tests.domain.regulation.conftest import SchemasBeside
from tests.domain.regulation.report_rows import FIRM_LEI, contract, digest, frame, heading, movements, order, trade, transfer, year
from tests.domain.regulation.sample_matrix import KINDS, SAMPLES, rows_of

XML_FIRST: tuple[FormatName, ...] = ("xml", "json", "csv")
JSON_FIRST: tuple[FormatName, ...] = ("json", "xml", "csv")
CSV_FIRST: tuple[FormatName, ...] = ("csv", "xml", "json")
NO_XML: tuple[FormatName, ...] = ("json", "csv")
FORMS: list[tuple[str, FormatName]] = [
    *(("EU.MiCA.transactions", form) for form in XML_FIRST),
    *(("EU.MiCA.orders", form) for form in JSON_FIRST),
    *(("SG.SFRDC.derivatives", form) for form in XML_FIRST),
    *(("SG.PSN02.transfers", form) for form in NO_XML),
    *(("US.CFTC.part45", form) for form in CSV_FIRST),
    *(("OECD.CARF.annual", form) for form in XML_FIRST),
]
# auth.113 has no form for a day without orders; the JSON tells it.
NO_EMPTY_FORM = ("EU.MiCA.orders", "xml")


@lru_cache
def _xsd(path: Path) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(path)))


def faults_of(form: Format, document: Document, schemas: SchemasBeside) -> list[str]:
    """What the schema says of a document, asked here without the engine's own validation."""
    if form.name == "xml":
        assert form.schema is not None
        root = etree.fromstring(document.content)
        schema = _xsd(schemas.path(form.schema))
        schema.validate(root)
        found = [str(error) for error in schema.error_log]
        for one in form.extensions:
            own = _xsd(schemas.path(one.schema))
            tops = root.xpath("//*[namespace-uri()=$of and namespace-uri(..)!=$of]", of=one.namespace)
            assert tops or b"<Cxl>" in document.content
            for top in tops:
                own.validate(etree.fromstring(etree.tostring(top)))
                found += [str(error) for error in own.error_log]
        return found
    if form.schema is None:
        return []
    validator = jsonschema.Draft202012Validator(json.loads(schemas.path(form.schema).read_text()))
    if form.name == "csv":
        told: list[Any] = csv_records(document)
    else:
        whole = json.loads(document.content)
        told = whole.get("transfers", []) if form.records == "each" else [whole]
    return [f"{list(error.path)}: {error.message}" for one in told for error in validator.iter_errors(one)]


def csv_records(document: Document) -> list[dict[str, str]]:
    """The records of a CSV, all as text."""
    lines = document.content.decode().split("\r\n")
    body = "\n".join(line for line in lines if not line.startswith("# "))
    if body.count("\n") < 2:
        return []
    return list(csv.DictReader(io.StringIO(body)))


@pytest.fixture(scope="module")
def judged_samples(rulebook: Rulebook) -> dict[tuple[str, str], Judged]:
    """Every sample but the broken ones, judged once for all its forms."""
    return {
        (report_id, kind): judge(rulebook.reports[report_id], rows_of(report_id, kind), rulebook, SAMPLES[report_id].heading)
        for report_id in SAMPLES
        for kind in KINDS
        if kind != "broken"
    }


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "broken"])
@pytest.mark.parametrize(("report_id", "name"), FORMS)
def test_each_form_is_valid_when_there_is_much_little_or_nothing_to_tell(
    report_id: str, name: FormatName, kind: str, rulebook: Rulebook, schemas: SchemasBeside, judged_samples: dict[tuple[str, str], Judged]
):
    if kind == "empty" and (report_id, name) == NO_EMPTY_FORM:
        with pytest.raises(BadInput, match="no form that says so"):
            render(rulebook.reports[report_id], judged_samples[report_id, kind], "xml", SAMPLES[report_id].heading, schemas)
        return
    report, judged = rulebook.reports[report_id], judged_samples[report_id, kind]
    assert judged.count("blocked") == 0, judged.findings.rows()[:3]
    assert (judged.count("reported") == 0) == (kind == "empty")
    document = render(report, judged, name, SAMPLES[report_id].heading, schemas)
    assert faults_of(report.formats[name], document, schemas) == []
    assert validate(report, document, schemas).rows() == []


@pytest.mark.parametrize("report_id", list(SAMPLES))
def test_a_broken_row_is_blocked_by_its_rule_and_stays_out(report_id: str, rulebook: Rulebook):
    report, sample = rulebook.reports[report_id], SAMPLES[report_id]
    judged = judge(report, rows_of(report_id, "broken"), rulebook, sample.heading)
    assert judged.count("reported") == 0
    found = judged.findings.filter(pl.col("rule_id") == sample.finds).row(0, named=True)
    assert found["row_key"]
    assert found["field_id"]
    assert found["doc_ref"]


def test_the_six_reports_and_no_other_are_shipped(rulebook: Rulebook):
    assert set(rulebook.reports) == set(SAMPLES) == {report_id for report_id, _ in FORMS}
    assert set(rulebook.jurisdictions) == {"EU", "SG", "US", "OECD", "UK", "FATF"}


@pytest.mark.parametrize(("report_id", "name"), FORMS)
def test_every_document_says_what_it_is_and_how_much_of_it_nobody_has_read(
    report_id: str, name: FormatName, rulebook: Rulebook, schemas: SchemasBeside, judged_samples: dict[tuple[str, str], Judged]
):
    report = rulebook.reports[report_id]
    document = render(report, judged_samples[report_id, "valid"], name, SAMPLES[report_id].heading, schemas)
    head = document.content.decode()[:4_000]
    form = report.formats[name]
    assert form.schema_status in head
    assert form.claim in head
    assert str(report.unverified) in head
    assert report.unverified > 0


def _elements(document: Document) -> Any:
    root = etree.fromstring(document.content)
    for element in root.iter():
        if isinstance(element.tag, str):
            element.tag = etree.QName(element).localname
    return root


def _told(report_id: str, name: FormatName, rows: pl.DataFrame, rulebook: Rulebook, schemas: SchemasBeside) -> Document:
    report, head = rulebook.reports[report_id], SAMPLES[report_id].heading
    return render(report, judge(report, rows, rulebook, head), name, head, schemas)


def test_a_buyer_is_the_client_and_the_seller_is_no_market_that_has_a_name(rulebook: Rulebook, schemas: SchemasBeside):
    document = _told("EU.MiCA.transactions", "xml", frame([trade(0, "C0001"), trade(1, "C0001")]), rulebook, schemas)
    bought, sold = _elements(document).iter("New")
    assert bought.findtext("Buyr/AcctOwnr/Id/LEI") == sold.findtext("Sellr/AcctOwnr/Id/LEI") == "FICT00NORDLICHT00184"
    assert bought.findtext("Sellr/AcctOwnr/Id/MIC") == sold.findtext("Buyr/AcctOwnr/Id/MIC") == "XXXX"
    assert bought.findtext("Tx/DgtlTknQty/Unit") == "1.234567890123456789"
    assert bought.findtext("Tx/Qty/Unit") == "1.23456789012345679"
    assert bought.findtext("Tx/TradDt") == "2026-03-04T00:00:01.000000Z"
    assert bought.findtext("SplmtryData/Envlp/OnChain/BaseAmount") == "1234567890123456789"
    assert bought.findtext("SplmtryData/Envlp/OnChain/TransactionHash") == digest("transaction 0")


def test_the_firm_is_the_buyer_when_it_deals_for_itself(rulebook: Rulebook, schemas: SchemasBeside):
    [bought] = _elements(_told("EU.MiCA.transactions", "xml", frame([trade(0, "FIRM")]), rulebook, schemas)).iter("New")
    assert bought.findtext("Buyr/AcctOwnr/Id/LEI") == bought.findtext("ExctgPty") == FIRM_LEI
    assert bought.findtext("Tx/TradgCpcty") == "DEAL"


def test_a_person_is_told_with_name_birth_and_number(rulebook: Rulebook, schemas: SchemasBeside):
    document = _told("EU.MiCA.transactions", "xml", frame([trade(0, "C0003"), trade(2, "C0006")]), rulebook, schemas)
    amelie, mei_lin = (new.find("Buyr/AcctOwnr/Id/Prsn") for new in _elements(document).iter("New"))
    assert (amelie.findtext("FrstNm"), amelie.findtext("Nm"), amelie.findtext("BirthDt")) == ("Amélie", "Exemplaire", "1984-02-29")
    assert amelie.findtext("Othr/SchmeNm/Prtry") == "CONCAT"
    assert (mei_lin.findtext("Othr/Id"), mei_lin.findtext("Othr/SchmeNm/Cd")) == ("S0000001A", "NIDN")


def test_a_trade_without_a_dollar_price_is_told_with_a_pending_one(rulebook: Rulebook, schemas: SchemasBeside):
    document = _told("EU.MiCA.transactions", "xml", frame([trade(0, "C0001", price_usd=None)]), rulebook, schemas)
    [new] = _elements(document).iter("New")
    assert new.findtext("Tx/Pric/NoPric/Pdg") == "PNDG"
    assert new.findtext("Tx/Pric/NoPric/DgtlTkn/Unit") == trade(0)["price"].rstrip("0")
    assert faults_of(rulebook.reports["EU.MiCA.transactions"].formats["xml"], document, schemas) == []


def test_a_correction_cancels_what_was_told_and_tells_it_anew(rulebook: Rulebook, schemas: SchemasBeside):
    rows = frame([trade(0, "C0001", action="CORRECT", corrects="x"), trade(1, "C0001", action="CANCEL", corrects="x")])
    told = _elements(_told("EU.MiCA.transactions", "xml", rows, rulebook, schemas))
    assert [cancelled.findtext("TxId") for cancelled in told.iter("Cxl")] == [trade(0)["trade_id"], trade(1)["trade_id"]]
    assert [new.findtext("TxId") for new in told.iter("New")] == [trade(0)["trade_id"]]


def test_nobody_between_wallet_and_pool_is_out_of_scope_by_recital_22(rulebook: Rulebook):
    rows = frame([trade(0, None), trade(1, "C0001", settled=False), trade(2, "C0001")])
    judged = judge(rulebook.reports["EU.MiCA.transactions"], rows, rulebook, heading())
    first, second, third = judged.outcomes.to_dicts()
    assert (first["outcome"], first["rule_id"], first["doc_ref"]) == ("not_reportable", "EU-MICA-E1", "EU 2023/1114 recital 22")
    assert "without any intermediary" in first["reason"]
    assert (second["outcome"], second["rule_id"], third["outcome"]) == ("not_reportable", "EU-MICA-E2", "reported")


def test_an_order_and_its_fill_are_two_events_in_json(rulebook: Rulebook, schemas: SchemasBeside):
    told = json.loads(
        _told("EU.MiCA.orders", "json", frame([order(1, client="C0003"), order(1, "FILL", 2, "C0003")]), rulebook, schemas).content
    )
    placed, filled = told["orders"]
    assert (placed["event"], filled["event"]) == ("NEWO", "FILL")
    assert "traded_quantity" not in placed
    assert filled["traded_quantity"] == "2.000000000000000001"
    assert filled["client"]["national_id_scheme"] == "CONCAT"
    assert told["report"]["records"] == 2


def test_a_spot_swap_is_no_swap_of_part_45_and_the_empty_report_says_why(rulebook: Rulebook, schemas: SchemasBeside):
    for report_id, word in (("US.CFTC.part45", "spot swap of tokens"), ("SG.SFRDC.derivatives", "spot swap of tokens")):
        rows = rows_of(report_id, "empty")
        judged = judge(rulebook.reports[report_id], rows, rulebook, heading(report_id))
        assert judged.outcomes["outcome"].unique().to_list() == ["not_reportable"]
        assert all(word in reason for reason in judged.outcomes["reason"])
        document = render(rulebook.reports[report_id], judged, "xml", heading(report_id), schemas)
        assert _elements(document).findtext("DerivsTradRpt/TradData/DataSetActn") == "NOTX"
        assert word in document.content.decode()


def test_a_contract_is_told_in_both_forms_of_part_45(rulebook: Rulebook, schemas: SchemasBeside):
    rows = frame([contract(0, "C0004"), contract(1, "C0007", action="CANCEL")])
    first, second = csv_records(_told("US.CFTC.part45", "csv", rows, rulebook, schemas))
    assert (first["action_type"], second["action_type"]) == ("NEWT", "EROR")
    assert (first["buyer_identifier"], first["seller_identifier"]) == (FIRM_LEI, "FICT00CEDARPARTN0159")
    assert (second["buyer_identifier"], second["counterparty_2_identifier_source"]) == ("C0007", "NPID")
    told = _elements(_told("US.CFTC.part45", "xml", rows, rulebook, schemas))
    [new], [erased] = told.iter("New"), told.iter("Err")
    assert new.find("CmonTradData/TxData/NtnlAmt/FrstLeg/Amt/Amt").attrib == {"Ccy": "USD"}
    assert erased.findtext("CmonTradData/TxData/TxId/UnqTxIdr") == contract(1)["uti"]


def test_a_small_transfer_names_both_sides_and_a_large_one_says_who_the_sender_is(rulebook: Rulebook, schemas: SchemasBeside):
    rows = frame([transfer(0, "C0006"), transfer(1, "C0006"), transfer(2, "C0002"), transfer(3, "C0002")])
    small, large, _, entity = json.loads(_told("SG.PSN02.transfers", "json", rows, rulebook, schemas).content)["transfers"]
    [person] = small["originator"]["originatorPerson"]
    assert person["naturalPerson"]["name"]["nameIdentifier"][0]["primaryIdentifier"] == "Sampleton"
    assert "geographicAddress" not in person["naturalPerson"]
    [person] = large["originator"]["originatorPerson"]
    assert person["naturalPerson"]["nationalIdentification"] == {"nationalIdentifier": "S0000001A", "nationalIdentifierType": "IDCD"}
    assert person["naturalPerson"]["geographicAddress"][0]["townName"] == "Sampleton"
    assert large["originator"]["accountNumber"] == [transfer(1, "C0006")["originator_wallet"]]
    [company] = entity["originator"]["originatorPerson"]
    assert company["legalPerson"]["nationalIdentification"]["nationalIdentifierType"] == "LEIX"


@pytest.mark.parametrize(("amount", "tells_more"), [("1500.00", False), ("1500.01", True)])
def test_the_sender_is_told_in_full_only_above_fifteen_hundred(amount: str, tells_more: bool, rulebook: Rulebook, schemas: SchemasBeside):
    document = _told("SG.PSN02.transfers", "json", frame([transfer(0, "C0006", amount_sgd=amount)]), rulebook, schemas)
    [told] = json.loads(document.content)["transfers"]
    assert ("geographicAddress" in told["originator"]["originatorPerson"][0]["naturalPerson"]) == tells_more


def test_a_beneficiary_whom_nobody_has_named_blocks_the_transfer(rulebook: Rulebook):
    judged = judge(rulebook.reports["SG.PSN02.transfers"], frame([transfer(0, beneficiary=None)]), rulebook, heading("SG.PSN02.transfers"))
    assert judged.outcomes["outcome"].to_list() == ["blocked"]
    assert judged.outcomes["rule_id"].to_list() == ["SG-PSN02-R06"]


def test_a_years_exchanges_are_summed_per_user_token_and_direction(rulebook: Rulebook, schemas: SchemasBeside):
    rows = frame([row for number in (0, 2, 4) for row in movements(number, "C0001")] + movements(1, "C0003"))
    told = _elements(_told("OECD.CARF.annual", "xml", rows, rulebook, schemas))
    assert told.findtext("MessageSpec/MessageTypeIndic") == "CARF701"
    assert told.findtext("MessageSpec/ReportingPeriod") == "2026-12-31"
    company, person = told.iter("CryptoUsers")
    assert company.findtext("DocSpec/DocRefId") == "FR2026FR-GREKKO-0001-C0001"
    paid, received = company.iter("RelevantTransactions")
    if paid.find("CryptoToCryptoOut") is None:
        paid, received = received, paid
    assert paid.findtext("CryptoAsset") == "D5RG2FHH0"
    assert paid.findtext("CryptoToCryptoOut/NumberofTransactions") == "3"
    assert paid.findtext("CryptoToCryptoOut/NumberofUnits") == "9633.429624"
    assert received.findtext("CryptoToCryptoIn/NumberofUnits") == "3.709703670370370373"
    assert received.findtext("CryptoToCryptoIn/Amount") == "9638.94"
    assert person.findtext("UserID/Individual/BirthInfo/BirthDate") == "1984-02-29"


def test_a_year_without_exchanges_is_told_as_carf703(rulebook: Rulebook, schemas: SchemasBeside):
    told = _elements(_told("OECD.CARF.annual", "xml", frame(movements(0, "C0001")).clear(), rulebook, schemas))
    assert told.findtext("MessageSpec/MessageTypeIndic") == "CARF703"
    assert told.find("CARFBody/CryptoUsers") is None


def test_a_correction_under_carf_names_the_document_it_corrects(rulebook: Rulebook, schemas: SchemasBeside):
    rows = frame(movements(0, "C0001", action="CORRECT", corrects="FR2025FR-GREKKO-0007-C0001"))
    told = _elements(_told("OECD.CARF.annual", "xml", rows, rulebook, schemas))
    assert told.findtext("MessageSpec/MessageTypeIndic") == "CARF702"
    [user] = told.iter("CryptoUsers")
    assert (user.findtext("DocSpec/DocTypeIndic"), user.findtext("DocSpec/CorrDocRefId")) == ("OECD2", "FR2025FR-GREKKO-0007-C0001")
    unnamed = frame(movements(0, "C0001", action="CORRECT"))
    assert judge(rulebook.reports["OECD.CARF.annual"], unnamed, rulebook, year()).count("blocked") == 2


def test_a_client_who_is_taxed_elsewhere_is_left_out_with_the_reason(rulebook: Rulebook):
    judged = judge(rulebook.reports["OECD.CARF.annual"], frame(movements(0, "C0004")), rulebook, year())
    assert judged.outcomes["rule_id"].unique().to_list() == ["OECD-CARF-E2"]
