"""Which recording the tables are built from. Apart from the partitions, because these are made from it at import."""

from __future__ import annotations

import os
from pathlib import Path

SHIPPED_RECORDING = Path(__file__).resolve().parent.parent / "recordings" / "two_weeks"


def recording_path() -> Path:
    """The setting GREKKO_RECORDING, else the recording that is shipped."""
    return Path(os.environ.get("GREKKO_RECORDING") or SHIPPED_RECORDING)
