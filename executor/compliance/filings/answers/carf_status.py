"""The OECD's CARF status message 1.1: a file is Accepted or Rejected, with errors of the file and of records by their DocRefId.

A record that an accepted file's errors name is taken as not held, so that it is told again; an accepted file's errors that name no
record are warnings.
"""

from __future__ import annotations

from domain.problems import MessageRejected
from domain.regulation.filing import Answer, Refusal, Verdict
from executor.compliance.filings.answers.foreign_xml import Element, text_at

MESSAGE = "CARFStatusMessage_1.1"
NAMESPACE = "urn:oecd:ties:csm:v2"
SCHEMA = "oecd_carf/CARFStatusMessageXML_v1.1.xsd"
_NS = {"c": NAMESPACE}


def read_carf_status(root: Element) -> tuple[Answer, ...]:
    """The answer of a valid document. Raises MessageRejected when it does not say of which message."""
    message = root.find("c:CARFStatusMessage", _NS)
    assert message is not None  # the schema asks for it
    reference = text_at(message, "c:OriginalMessage/c:OriginalMessageRefID", _NS)
    if reference is None:
        raise MessageRejected("no_reference", "The status message does not say of which message it speaks; ask the authority.")
    of_file = [_refusal(error, None) for error in message.iterfind("c:ValidationErrors/c:FileError", _NS)]
    of_records: list[Refusal] = []
    for error in message.iterfind("c:ValidationErrors/c:RecordError", _NS):
        names = [(name.text or "").strip() for name in error.iterfind("c:DocRefIDInError", _NS)]
        of_records += [_refusal(error, name) for name in names]
        of_file += [] if names else [_refusal(error, None)]
    refused = frozenset(one.record for one in of_records if one.record)
    if text_at(message, "c:ValidationResult/c:Status", _NS) == "Rejected":
        refusals = (*of_file, *of_records) or (Refusal(None, "none named"),)
        return (Answer(reference, Verdict.REJECTED, MESSAGE, tuple(refusals), refused),)
    verdict = Verdict.PARTLY if refused else Verdict.ACCEPTED
    return (Answer(reference, verdict, MESSAGE, tuple(of_records), refused, tuple(of_file)),)


def _refusal(error: Element, record: str | None) -> Refusal:
    fields = [text_at(one, "c:FieldPath", _NS) or "" for one in error.iterfind("c:FieldsInError", _NS)]
    text = " ".join(part for part in (text_at(error, "c:Details", _NS), ", ".join(fields)) if part)
    return Refusal(record, text_at(error, "c:Code", _NS) or "", text)
