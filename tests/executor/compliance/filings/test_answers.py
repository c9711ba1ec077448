"""What authorities answer with, and what only looks like it."""

from __future__ import annotations

import pytest

from domain.problems import BadInput, MessageRejected
from domain.regulation.filing import Refusal, Verdict
from executor.compliance.filings.answers import AnswerReader
from executor.compliance.filings.answers.writing import Said, carf_status, status_advice
from tests.executor.compliance.filings.world import MONDAY, SharedSchemas

ISO_031 = "urn:iso:std:iso:20022:tech:xsd:auth.031.001.01"


@pytest.fixture(scope="module")
def reader(schemas: SharedSchemas) -> AnswerReader:
    return AnswerReader(schemas)


def advice(status: str, *records: tuple[str, str], reference: str = "<MsgRptIdr>M1</MsgRptIdr>", rule: str = "") -> bytes:
    """An auth.031 document with a message status and statuses of records."""
    of_message = f"<VldtnRule><Id>{rule}</Id></VldtnRule>" if rule else ""
    told = "".join(
        f"<RcrdSts><OrgnlRcrdId>{name}</OrgnlRcrdId><Sts>{sts}</Sts><VldtnRule><Id>R1</Id><Desc>why</Desc></VldtnRule></RcrdSts>"
        for name, sts in records
    )
    advice = f"<StsAdvc>{reference}<MsgSts><Sts>{status}</Sts>{of_message}</MsgSts>{told}</StsAdvc>"
    return f'<Document xmlns="{ISO_031}"><FinInstrmRptgStsAdvc>{advice}</FinInstrmRptgStsAdvc></Document>'.encode()


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        ("ACPT", Verdict.ACCEPTED),
        ("WARN", Verdict.ACCEPTED),
        ("ACTC", Verdict.PENDING),
        ("RCVD", Verdict.PENDING),
        ("RJCT", Verdict.REJECTED),
        ("INCF", Verdict.REJECTED),
        ("CRPT", Verdict.REJECTED),
        ("RMDR", Verdict.REMINDER),
    ],
)
def test_each_status_of_a_message_means_one_thing(reader: AnswerReader, status, verdict):
    (answer,) = reader.read(advice(status))
    assert (answer.reference, answer.verdict, answer.damaged) == ("M1", verdict, status in ("INCF", "CRPT"))
    assert bool(answer.refusals) == (verdict is Verdict.REJECTED)


@pytest.mark.parametrize(
    ("status", "records", "verdict", "refused"),
    [
        ("PART", [("T1", "ACPT"), ("T2", "RJCT")], Verdict.PARTLY, {"T2"}),
        ("PART", [("T1", "ACPD"), ("T2", "RJPD")], Verdict.PARTLY, {"T2"}),
        ("ACPT", [("T1", "RJCT")], Verdict.PARTLY, {"T1"}),
        ("PART", [("T1", "PDNG"), ("T2", "RJCT")], Verdict.PENDING, {"T2"}),
        ("ACPT", [("T1", "WARN")], Verdict.ACCEPTED, set()),
        ("RJCT", [("T1", "RJCT")], Verdict.REJECTED, {"T1"}),
    ],
)
def test_records_say_more_than_the_message(reader: AnswerReader, status, records, verdict, refused):
    (answer,) = reader.read(advice(status, *records))
    assert (answer.verdict, set(answer.refused)) == (verdict, refused)


def test_rules_name_the_record_they_are_about(reader: AnswerReader):
    (answer,) = reader.read(advice("RJCT", ("T1", "RJCT"), rule="F1"))
    assert answer.refusals == (Refusal(None, "F1"), Refusal("T1", "R1", "why"))
    (answer,) = reader.read(advice("WARN", ("T1", "WARN"), rule="F1"))
    assert answer.warnings == (Refusal("T1", "R1", "why"), Refusal(None, "F1"))


def test_one_document_may_speak_of_many_messages(reader: AnswerReader):
    both = advice("ACPT").replace(b"</StsAdvc>", b"</StsAdvc><StsAdvc><MsgRptIdr>M2</MsgRptIdr><MsgSts><Sts>RJCT</Sts></MsgSts></StsAdvc>")
    assert [(one.reference, one.verdict) for one in reader.read(both)] == [("M1", Verdict.ACCEPTED), ("M2", Verdict.REJECTED)]


def test_a_carf_status_names_the_records_in_error(reader: AnswerReader):
    (partly,) = reader.read(carf_status(Said("M1", refused={"M1-2": ("80001", "wrong TIN")}), "S1", MONDAY))
    assert (partly.verdict, partly.refused, partly.refusals) == (Verdict.PARTLY, {"M1-2"}, (Refusal("M1-2", "80001", "wrong TIN"),))
    (rejected,) = reader.read(carf_status(Said("M1", refused_whole=(("50007", "not valid"),)), "S2", MONDAY))
    assert (rejected.verdict, rejected.refusals) == (Verdict.REJECTED, (Refusal(None, "50007", "not valid"),))
    (accepted,) = reader.read(carf_status(Said("M1"), "S3", MONDAY))
    assert (accepted.verdict, accepted.refusals) == (Verdict.ACCEPTED, ())


def test_a_carf_rejection_without_a_reason_is_still_one_and_fields_are_told(reader: AnswerReader):
    told = carf_status(Said("M1", refused={"M1-2": ("80001", "wrong TIN")}), "S1", MONDAY)
    told = told.replace(b"</DocRefIDInError>", b"</DocRefIDInError><FieldsInError><FieldPath>TIN</FieldPath></FieldsInError>")
    (answer,) = reader.read(told)
    assert answer.refusals[0].text == "wrong TIN TIN"
    (answer,) = reader.read(told.replace(b"<DocRefIDInError>M1-2</DocRefIDInError>", b""))
    assert (answer.verdict, answer.warnings[0].rule) == (Verdict.ACCEPTED, "80001")
    (answer,) = reader.read(carf_status(Said("M1"), "S3", MONDAY).replace(b">Accepted<", b">Rejected<"))
    assert answer.refusals == (Refusal(None, "none named"),)


BOMB = b'<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;">]><Document xmlns="%s">&y;</Document>' % ISO_031.encode()
OUTSIDE = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>'
MISSING_ID = carf_status(Said("M1"), "S1", MONDAY).replace(b"<OriginalMessageRefID>M1</OriginalMessageRefID>", b"")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "not_xml"),
        (b"503 Service Unavailable", "not_xml"),
        (advice("ACPT")[:-20], "not_xml"),
        (b"<a>" * 1000 + b"</a>" * 1000, "not_xml"),
        (BOMB, "has_dtd"),
        (OUTSIDE, "has_dtd"),
        (b"<a/>", "unknown_message"),
        (advice("ACPT").replace(b"auth.031.001.01", b"auth.031.001.99"), "unknown_message"),
        (advice("MAYBE"), "not_valid"),
        (advice("ACPT").replace(b"<MsgSts>", b"<MsgSts><Odd/>"), "not_valid"),
        (advice("ACPT", reference=""), "no_reference"),
        (MISSING_ID, "no_reference"),
        (advice("PART"), "no_record"),
        (b" " * 3_000_000, "too_large"),
    ],
)
def test_what_is_no_answer_is_refused_with_its_fault(schemas, content, fault):
    with pytest.raises(MessageRejected) as refused:
        AnswerReader(schemas, most_bytes=2_000_000).read(content)
    assert refused.value.facts["fault"] == fault


def test_a_missing_or_broken_schema_is_an_error_and_no_silent_pass(tmp_path):
    with pytest.raises(BadInput, match="schemas install"):
        AnswerReader(SharedSchemas(tmp_path)).read(advice("ACPT"))
    (tmp_path / "iso20022").mkdir()
    (tmp_path / "iso20022" / "auth.031.001.01.xsd").write_text("<no/>")
    with pytest.raises(BadInput, match="no XML schema"):
        AnswerReader(SharedSchemas(tmp_path)).read(advice("ACPT"))


def test_what_the_simulated_authority_says_is_what_the_schema_allows(reader: AnswerReader):
    (answer,) = reader.read(status_advice(Said("M1", damaged=True, refused_whole=(("DMGD", ""),))))
    assert answer.damaged
    (answer,) = reader.read(status_advice(Said("M1", received=True)))
    assert answer.verdict is Verdict.PENDING
