"""Work that need not be counted: a tracer makes it two or three times as slow, and its lines are counted where it is done a first time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import coverage


@contextmanager
def untraced() -> Iterator[None]:
    """Measuring of coverage, if there is any, pauses for this block."""
    measuring = coverage.Coverage.current()
    if measuring is None:
        yield
        return
    measuring.stop()
    try:
        yield
    finally:
        measuring.start()
