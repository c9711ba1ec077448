"""Where the audit log lies: in a home's compliance folder, unless GREKKO_AUDIT_LOG (file) and GREKKO_AUDIT_HEADS (folder) say otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from executor.compliance.audit.log import anchors_beside

LOG_VARIABLE, HEADS_VARIABLE = "GREKKO_AUDIT_LOG", "GREKKO_AUDIT_HEADS"


def log_of(compliance: Path, environment: Mapping[str, str]) -> Path:
    """The file of the log of that compliance folder."""
    named = environment.get(LOG_VARIABLE)
    return Path(named) if named else compliance / "audit" / "audit.sqlite"


def heads_of(log: Path, environment: Mapping[str, str]) -> Path:
    """The folder in which its signed heads are kept."""
    named = environment.get(HEADS_VARIABLE)
    return Path(named) if named else anchors_beside(log)
