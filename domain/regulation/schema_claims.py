"""What may be said of a document: a status never claims more than the schema is.

Official are only schemas whose own authority takes documents checked with them: the OECD's for CARF, and the data standard of the travel
rule. ISO 20022 messages are official as messages, and for these records a carrier: no authority here published them as its form.
"""

from __future__ import annotations

import re

from domain.regulation.rulebook import SchemaStatus

OFFICIAL = ("oecd_carf/", "ivms101_", "ivms101/")
CARRIERS = ("iso20022/",)
OWN = "own/"


def status_fault(schema: str | None, status: SchemaStatus) -> str | None:
    """None when the status may be said of the schema, else the reason and the status that may."""
    if schema is None:
        return None if status == "none" else f"{status} is said of a schema and there is none; write none."
    if ".." in schema.split("/"):
        return f"{schema} leaves the schema folder; write a path below it."
    allowed = _status_of(schema)
    if status == allowed:
        return None
    if allowed is None:
        return f"nothing is known of {schema}; schemas lie in own/, {', '.join((*OFFICIAL, *CARRIERS))}."
    if status == "official":
        return f"{schema} is no official schema of these records, so official claims more than it may; write {allowed}."
    return f"{schema} is not {status}; write {allowed}."


def claim_fault(claim: str, status: SchemaStatus) -> str | None:
    """None when the claim may be made, else the reason: the word official belongs to official schemas."""
    if status == "official" or not re.search(r"\bofficial", claim, re.IGNORECASE):
        return None
    return f"it says official of a schema that is {status}; say what the document is valid against, and no more."


def _status_of(schema: str) -> SchemaStatus | None:
    if schema.startswith(OWN):
        return "own_from_public_table"
    if schema.startswith(CARRIERS):
        return "carrier"
    return "official" if schema.startswith(OFFICIAL) else None
