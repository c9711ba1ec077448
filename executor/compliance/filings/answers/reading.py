"""Bytes that came in to answers: parsed as the foreign files they are, and held to the official schema of their message."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from domain.problems import MessageRejected
from domain.regulation.filing import Answer
from executor.compliance.filings.answers import carf_status, status_advice
from executor.compliance.filings.answers.foreign_xml import Schema, first_error, parsed, schema_at

MOST_BYTES = 8 * 1024 * 1024

_ROOTS = {
    f"{{{status_advice.NAMESPACE}}}Document": (status_advice.SCHEMA, status_advice.read_status_advice),
    f"{{{carf_status.NAMESPACE}}}CARFStatusMessage_OECD": (carf_status.SCHEMA, carf_status.read_carf_status),
}


class Schemas(Protocol):
    """Where the official schemas lie."""

    def path(self, name: str) -> Path:
        """The file of a schema, such as iso20022/auth.031.001.01.xsd. Raises BadInput when it is missing."""
        ...


class AnswerReader:
    """Reads answers against the schemas of `schemas`; each is compiled once."""

    def __init__(self, schemas: Schemas, most_bytes: int = MOST_BYTES) -> None:
        self._schemas = schemas
        self._most_bytes = most_bytes
        self._compiled: dict[str, Schema] = {}

    def read(self, content: bytes) -> tuple[Answer, ...]:
        """What the authority says. Raises MessageRejected, with the fault, for what is no answer; BadInput when a schema is missing."""
        root = parsed(content, self._most_bytes)
        known = _ROOTS.get(str(root.tag))
        if known is None:
            raise MessageRejected(
                "unknown_message", f"{str(root.tag)[:200]} is no answer that Grekko reads: auth.031.001.01 or CARF status 1.1."
            )
        schema, read = known
        if schema not in self._compiled:
            self._compiled[schema] = schema_at(self._schemas.path(schema))
        if (error := first_error(self._compiled[schema], root)) is not None:
            raise MessageRejected("not_valid", f"The answer breaks {schema}: {error}.")
        return read(root)
