"""The International Securities Identification Number (ISO 6166): country or agency, nine characters, a check digit by Luhn's formula."""

from __future__ import annotations

import re

SHAPE = re.compile(r"[A-Z]{2}[A-Z0-9]{9}[0-9]")


def check_isin(value: str) -> str | None:
    """None when the code's shape and check digit are right, else what is wrong. It does not ask whether the code was issued."""
    if not SHAPE.fullmatch(value):
        return f"{value!r} is no ISIN: it has two capital letters, nine letters or digits and one digit (ISO 6166)"
    if value[11] != check_digit(value[:11]):
        return f"{value!r} is no ISIN: after {value[:11]} the check digit is {check_digit(value[:11])}, not {value[11]}"
    return None


def check_digit(first: str) -> str:
    """The digit that completes the first eleven characters of an ISIN; letters count as two digits, A as 10."""
    digits = [int(digit) for character in first for digit in str(int(character, 36))]
    doubled = [digit if place % 2 else sum(divmod(2 * digit, 10)) for place, digit in enumerate(reversed(digits))]
    return str(-sum(doubled) % 10)
