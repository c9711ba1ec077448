"""What an authority finds in a document that was handed in: records by the name the document gives them, and what is said of each.

Known are ISO 20022 auth.016 and auth.030, the OECD's CARF, and JSON with a list of records. Another document is one record.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from domain.regulation.rulebook import Action
from executor.compliance.filings.answers.foreign_xml import Element, canonical_bytes, text_at

ISO = "urn:iso:std:iso:20022:tech:xsd:"
CARF = "urn:oecd:ties:carf:v1"
_STF = "urn:oecd:ties:carfstf:v5"
SCHEMAS = {
    f"{ISO}auth.016.001.03": "iso20022/auth.016.001.03.xsd",
    f"{ISO}auth.030.001.04": "iso20022/auth.030.001.04.xsd",
    f"{ISO}auth.113.001.01": "iso20022/auth.113.001.01.xsd",
    CARF: "oecd_carf/CARFXML_v1.5.xsd",
}
_AUTH_030: dict[str, Action] = {"New": "NEW", "Mod": "CORRECT", "Crrctn": "CORRECT", "Err": "CANCEL"}
_CARF: dict[str, Action] = {"1": "NEW", "2": "CORRECT", "3": "CANCEL"}
_JSON_NAMES = ("reference", "transfer_id", "order_id", "id")


@dataclass(frozen=True, slots=True)
class SubmittedRecord:
    """A record of a document: `corrects` is the name of the record it replaces or cancels, `digest` is of its content."""

    name: str
    action: Action
    corrects: str | None
    digest: str


def message_reference_in(root: Element | None) -> str | None:
    """The reference that the document itself carries (CARF); None where it carries none."""
    return text_at(root, "c:MessageSpec/c:MessageRefId", {"c": CARF}) if root is not None else None


def records_of_xml(root: Element) -> list[SubmittedRecord]:
    """The records of a document of a known namespace, in order; of another one, the whole document as a record."""
    namespace = str(root.tag).partition("}")[0].lstrip("{")
    if namespace.startswith(f"{ISO}auth.016"):
        return list(_auth_016(root, {"a": namespace}))
    if namespace.startswith(f"{ISO}auth.030"):
        return list(_auth_030(root, {"a": namespace}))
    if namespace == CARF:
        return list(_carf(root))
    return [SubmittedRecord("document", "NEW", None, _digest(root))]


def records_of_json(document: Any) -> list[SubmittedRecord]:
    """The records of the first list in a JSON object, or the whole as one."""
    lists = [value for value in document.values() if isinstance(value, list)] if isinstance(document, dict) else []
    records = []
    for place, one in enumerate(lists[0] if lists else [document], start=1):
        told = one if isinstance(one, dict) else {}
        name = next((str(told[name]) for name in _JSON_NAMES if told.get(name)), str(place))
        action = told.get("action", "NEW")
        text = json.dumps({key: value for key, value in told.items() if key not in ("action", "corrects")} or one, sort_keys=True)
        records.append(SubmittedRecord(name, action, told.get("corrects"), hashlib.sha256(text.encode()).hexdigest()))
    return records


def _auth_016(root: Element, ns: dict[str, str]) -> Iterator[SubmittedRecord]:
    for transaction in root.iterfind("a:FinInstrmRptgTxRpt/a:Tx/*", ns):
        name = text_at(transaction, "a:TxId", ns) or ""
        if transaction.tag == f"{{{ns['a']}}}Cxl":
            yield SubmittedRecord(name, "CANCEL", name, "")
        else:
            yield SubmittedRecord(name, "NEW", None, _digest(transaction))


def _auth_030(root: Element, ns: dict[str, str]) -> Iterator[SubmittedRecord]:
    for trade in root.iterfind("a:DerivsTradRpt/a:TradData/a:Rpt/*", ns):
        name = text_at(trade, ".//a:UnqTxIdr", ns) or text_at(trade, ".//a:Prtry/a:Id", ns) or ""
        action = _AUTH_030.get(str(trade.tag).partition("}")[2], "CORRECT")
        yield SubmittedRecord(
            name, action, None if action == "NEW" else name, "" if action == "CANCEL" else _digest(trade, without_name=True)
        )


def _carf(root: Element) -> Iterator[SubmittedRecord]:
    ns = {"c": CARF, "s": _STF}
    for user in root.iterfind("c:CARFBody/c:CryptoUsers", ns):
        spec = user.find("c:DocSpec", ns)
        name = text_at(spec, "s:DocRefId", ns) or ""
        action = _CARF.get((text_at(spec, "s:DocTypeIndic", ns) or "")[-1:], "NEW")
        corrects = text_at(spec, "s:CorrDocRefId", ns)
        user.remove(spec)
        yield SubmittedRecord(name, action, corrects, "" if action == "CANCEL" else _digest(user))


def _digest(node: Element, *, without_name: bool = False) -> str:
    """The sha256 of an element in canonical form (C14N); `without_name` leaves its own tag out, so that New and Mod are the same."""
    if without_name:
        return hashlib.sha256(b"".join(canonical_bytes(child) for child in node)).hexdigest()
    return hashlib.sha256(canonical_bytes(node)).hexdigest()
