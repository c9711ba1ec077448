"""The audit log of a home, as the assets write to it: <home>/compliance/audit, or where GREKKO_AUDIT_LOG says."""

from __future__ import annotations

import os
import time
from functools import cache

from assets.compliance.cabinet import Cabinet
from domain.regulation.calendar import Span
from domain.regulation.rulebook import Report
from executor.compliance.audit.record import Recorder
from executor.compliance.report_shelf import Document
from executor.compliance.rulebook_file import rulebook_sha256
from executor.ports import SystemClock


def recorder_of(cabinet: Cabinet) -> Recorder:
    """Who writes to the log of this cabinet, after whoever writes to it now."""
    return Recorder.of(cabinet.path, SystemClock(), os.environ, pause=time.sleep)


def log_report(cabinet: Cabinet, report: Report, span: Span, before: Document | None) -> None:
    """Writes down the report that was just laid on the shelf; `before` is what lay there, which a crash may have kept out of the log."""
    laid = cabinet.find(report, span)
    if laid is not None:
        recorder_of(cabinet).report(laid.card, _rulebook_in_use(), before and before.card)


@cache
def _rulebook_in_use() -> str:
    """The hash of the rulebook's files, once a process, as the rulebook itself is read."""
    return rulebook_sha256()
