"""ISO 20022 auth.031.001.01, FinancialInstrumentReportingStatusAdvice: a status for the message, and one for records by themselves.

    ACPT accepted        ACTC technically accepted (the rules are still to be checked)    RCVD received        PART partly accepted
    RJCT rejected        WARN accepted with warnings        RMDR reminder        INCF incomplete        CRPT corrupted

A record is ACPT, ACPD or WARN (held), RJCT or RJPD (refused), PDNG or RCVD (not decided). Records that are not named go with the message.
"""

from __future__ import annotations

from domain.problems import MessageRejected
from domain.regulation.filing import Answer, Refusal, Verdict
from executor.compliance.filings.answers.foreign_xml import Element, text_at

MESSAGE = "auth.031.001.01"
NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:auth.031.001.01"
SCHEMA = "iso20022/auth.031.001.01.xsd"
_NS = {"a": NAMESPACE}
_VERDICTS = {
    "ACPT": Verdict.ACCEPTED,
    "WARN": Verdict.ACCEPTED,
    "ACTC": Verdict.PENDING,
    "RCVD": Verdict.PENDING,
    "PART": Verdict.PARTLY,
    "RJCT": Verdict.REJECTED,
    "INCF": Verdict.REJECTED,
    "CRPT": Verdict.REJECTED,
    "RMDR": Verdict.REMINDER,
}
_REFUSED, _PENDING = frozenset({"RJCT", "RJPD"}), frozenset({"PDNG", "RCVD"})


def read_status_advice(root: Element) -> tuple[Answer, ...]:
    """The answers of a valid document, one for each message it speaks of. Raises MessageRejected when it does not say of which."""
    return tuple(_answer(node) for node in root.iterfind("a:FinInstrmRptgStsAdvc/a:StsAdvc", _NS))


def _answer(node: Element) -> Answer:
    reference, status = text_at(node, "a:MsgRptIdr", _NS), text_at(node, "a:MsgSts/a:Sts", _NS)
    if reference is None or status is None:
        raise MessageRejected("no_reference", "The status advice does not say of which message, or which status; ask the authority.")
    refused, undecided, refusals, warnings = set(), False, [], []
    of_message = list(_rules(node, "a:MsgSts/a:VldtnRule", None))
    for record in node.iterfind("a:RcrdSts", _NS):
        name, told = text_at(record, "a:OrgnlRcrdId", _NS), text_at(record, "a:Sts", _NS)
        rules = list(_rules(record, "a:VldtnRule", name))
        if told in _REFUSED:
            refused.add(name)
            refusals += rules or [Refusal(name, "none named")]
        elif told in _PENDING:
            undecided = True
        elif told == "WARN":
            warnings += rules
    verdict = _VERDICTS[status]
    if verdict is Verdict.REJECTED:
        refusals = [*(of_message or [Refusal(None, status)]), *refusals]
    elif verdict in (Verdict.ACCEPTED, Verdict.PARTLY):
        verdict = Verdict.PENDING if undecided else Verdict.PARTLY if refused else verdict
        warnings += of_message
        if verdict is Verdict.PARTLY and not refused:
            raise MessageRejected(
                "no_record", f"Message {reference} is partly accepted, and no record is named as refused; ask the authority."
            )
    damaged = status in ("INCF", "CRPT")
    return Answer(reference, verdict, MESSAGE, tuple(refusals), frozenset(refused), tuple(warnings), damaged)


def _rules(node: Element, path: str, record: str | None):
    for rule in node.iterfind(path, _NS):
        yield Refusal(record, text_at(rule, "a:Id", _NS) or "", text_at(rule, "a:Desc", _NS) or "")
