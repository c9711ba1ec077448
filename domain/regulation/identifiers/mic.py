"""The Market Identifier Code (ISO 10383): four capital letters or digits. Only the shape is checked, the list is not shipped."""

from __future__ import annotations

import re

SHAPE = re.compile(r"[A-Z0-9]{4}")
# Codes with a meaning of their own: traded off any venue, and admitted to a venue but traded off it.
NO_VENUE = "XXXX"
OFF_BOOK = "XOFF"


def check_mic(value: str) -> str | None:
    """None when the code has the shape of a MIC, else what is wrong."""
    if not SHAPE.fullmatch(value):
        return f"{value!r} is no MIC: it has four capital letters or digits (ISO 10383); {NO_VENUE} says that there was no venue"
    return None
