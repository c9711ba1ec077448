"""The Unique Transaction Identifier (ISO 23897): the LEI of who made it, and up to 32 capital letters or digits that are its own."""

from __future__ import annotations

import hashlib
import re
import string

from domain.problems import BadInput
from domain.regulation.identifiers.lei import LENGTH, check_lei

OWN_LENGTH = 32
OWN = re.compile(rf"[A-Z0-9]{{1,{OWN_LENGTH}}}")

_DIGITS = string.digits + string.ascii_uppercase


def check_uti(value: str) -> str | None:
    """None when it is an LEI and 1 to 32 capital letters or digits, else what is wrong."""
    wrong = check_lei(value[:LENGTH])
    if wrong:
        return f"{value!r} is no UTI: its first 20 characters are the LEI of who made it, and {wrong}"
    if not OWN.fullmatch(value[LENGTH:]):
        return f"{value!r} is no UTI: after the LEI come 1 to {OWN_LENGTH} capital letters or digits (ISO 23897)"
    return None


def make_uti(lei: str, tx_hash: str, log_index: int) -> str:
    """The UTI of the log of a chain: the same log gives the same one, whoever makes it again.

    A transaction's hash has 64 digits and does not fit; its own part is the SHA-256 of hash and position, written to base 36 and cut to
    32 characters (165 bits). Raises BadInput when the LEI or the hash is not one.
    """
    wrong = check_lei(lei)
    if wrong:
        raise BadInput(f"No UTI can be made: {wrong}.", field="lei")
    if not re.fullmatch(r"0x[0-9a-f]{64}", tx_hash) or log_index < 0:
        raise BadInput(f"No UTI can be made of log {log_index} in {tx_hash!r}; give 0x, 64 digits, and a position from 0.", field="tx_hash")
    number = int.from_bytes(hashlib.sha256(f"{tx_hash}:{log_index}".encode()).digest(), "big")
    own = ""
    for _ in range(OWN_LENGTH):
        number, place = divmod(number, len(_DIGITS))
        own += _DIGITS[place]
    return lei + own
