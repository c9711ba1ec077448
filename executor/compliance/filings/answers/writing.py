"""Answers written as an authority writes them; the simulated one speaks through this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from executor.compliance.filings.answers import carf_status as carf
from executor.compliance.filings.answers import status_advice as advice
from executor.compliance.filings.answers.foreign_xml import Element, element, serialised


@dataclass(frozen=True, slots=True)
class Said:
    """What is said of a message: rules as (id, text), of the whole message or of records by name. Without any, it is accepted."""

    reference: str
    refused_whole: tuple[tuple[str, str], ...] = ()
    refused: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    received: bool = False
    damaged: bool = False


def status_advice(said: Said) -> bytes:
    """An auth.031.001.01 document."""
    if said.received:
        status = "RCVD"
    elif said.refused_whole:
        status = "CRPT" if said.damaged else "RJCT"
    else:
        status = "PART" if said.refused else "ACPT"
    root = element(None, advice.NAMESPACE, "Document")
    node = element(element(root, advice.NAMESPACE, "FinInstrmRptgStsAdvc"), advice.NAMESPACE, "StsAdvc")
    element(node, advice.NAMESPACE, "MsgRptIdr", said.reference)
    of_message = element(node, advice.NAMESPACE, "MsgSts")
    element(of_message, advice.NAMESPACE, "Sts", status)
    for rule in said.refused_whole:
        _advice_rule(of_message, rule)
    for name, rule in said.refused.items():
        record = element(node, advice.NAMESPACE, "RcrdSts")
        element(record, advice.NAMESPACE, "OrgnlRcrdId", name)
        element(record, advice.NAMESPACE, "Sts", "RJCT")
        _advice_rule(record, rule)
    return serialised(root)


def carf_status(said: Said, reference: str, at: datetime) -> bytes:
    """A CARF status message 1.1 with a reference of its own."""

    def put(parent: Element | None, name: str, text: str | None = None) -> Any:
        return element(parent, carf.NAMESPACE, name, text)

    root = put(None, "CARFStatusMessage_OECD")
    root.set("version", "1.1")
    spec = put(root, "MessageSpec")
    for name, text in (("TransmittingCountry", "LU"), ("ReceivingCountry", "LU"), ("MessageType", "CARFMessageStatus")):
        put(spec, name, text)
    put(spec, "MessageRefId", reference)
    put(spec, "Timestamp", at.strftime("%Y-%m-%dT%H:%M:%S"))
    message = put(root, "CARFStatusMessage")
    put(put(message, "OriginalMessage"), "OriginalMessageRefID", said.reference)
    errors = put(message, "ValidationErrors")
    for rule, text in said.refused_whole:
        error = put(errors, "FileError")
        put(error, "Code", rule[:10])
        put(error, "Details", text)
    for name, (rule, text) in said.refused.items():
        error = put(errors, "RecordError")
        put(error, "Code", rule[:10])
        put(error, "Details", text)
        put(error, "DocRefIDInError", name)
    result = put(message, "ValidationResult")
    put(result, "Status", "Rejected" if said.refused_whole else "Accepted")
    put(result, "ValidatedBy", "simulated authority")
    return serialised(root)


def _advice_rule(parent: Element, rule: tuple[str, str]) -> None:
    node = element(parent, advice.NAMESPACE, "VldtnRule")
    element(node, advice.NAMESPACE, "Id", rule[0][:35])
    element(node, advice.NAMESPACE, "Desc", rule[1][:350] or "-")
