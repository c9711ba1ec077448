"""A document checked against its schema in a thread of its own while it is still being made, so that both take the time of one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Queue
from typing import BinaryIO

import polars as pl

from domain.regulation.report.documents import FINDINGS, Schemas
from domain.regulation.report.header import form_of
from domain.regulation.report.validation import validate_file
from domain.regulation.rulebook import FormatName, Report

_WAITING = 4


class Watch:
    """Takes the parts of a document as they pass by. Few parts wait to be checked: a fast writer waits for the check."""

    def __init__(self, report: Report, name: FormatName, schemas: Schemas) -> None:
        self._report, self._schemas = report, schemas
        self._name: FormatName = name
        self._parts: Queue[bytes | None] = Queue(_WAITING)
        self._holds: Future[bool] | None = None

    def passing(self, parts: Iterable[bytes]) -> Iterator[bytes]:
        """The parts as they are; those of XML are also checked. Raises BadInput when the schema is missing or cannot be used."""
        if self._name != "xml":
            yield from parts
            return
        from domain.regulation.report.xml_validation import Stream

        stream = Stream(form_of(self._report, "xml"), self._schemas)

        def checked() -> bool:
            waiting = iter(self._parts.get, None)
            try:
                for part in waiting:
                    stream.feed(part)
                return stream.holds()
            finally:
                for _ in waiting:  # after an error the maker of the parts must not wait for ever
                    pass

        with ThreadPoolExecutor(1, "report-watch") as thread:
            self._holds = thread.submit(checked)
            try:
                for part in parts:
                    self._parts.put(part)
                    yield part
            finally:
                self._parts.put(None)

    def findings(self, source: BinaryIO, keys: Mapping[str, Sequence[str]]) -> pl.DataFrame:
        """What `validate_file` says of the document, which now stands in a file; it is only read again where it did not surely hold."""
        if self._holds is not None and self._holds.result():
            return FINDINGS.to_frame()
        return validate_file(self._report, self._name, source, keys, self._schemas)
