"""The Legal Entity Identifier (ISO 17442): 18 letters and digits and two check digits, by ISO/IEC 7064 MOD 97-10.

A letter counts as two digits (A is 10, Z is 35); the number that all 20 characters make leaves 1 when divided by 97.
"""

from __future__ import annotations

import re

LENGTH = 20
SHAPE = re.compile(r"[A-Z0-9]{18}[0-9]{2}")


def check_lei(value: str) -> str | None:
    """None when the code's shape and check digits are right, else what is wrong. It does not ask whether the code was issued."""
    if not SHAPE.fullmatch(value):
        return f"{value!r} is no LEI: it has 18 capital letters or digits and then two digits (ISO 17442)"
    if _number(value) % 97 != 1:
        return f"{value!r} is no LEI: after {value[:18]} the check digits are {check_digits(value[:18])}, not {value[18:]} (MOD 97-10)"
    return None


def check_digits(first: str) -> str:
    """The two digits that complete the first 18 characters of an LEI."""
    return f"{98 - _number(first + '00') % 97:02d}"


def _number(code: str) -> int:
    return int("".join(str(int(character, 36)) for character in code))
