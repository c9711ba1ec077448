"""Codes that reports are made of, each by the standard that defines it: is it one, and if not, why not."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from domain.problems import BadInput
from domain.regulation.identifiers.country import check_country
from domain.regulation.identifiers.currency import check_currency
from domain.regulation.identifiers.dti import check_dti
from domain.regulation.identifiers.isin import check_isin
from domain.regulation.identifiers.lei import check_lei
from domain.regulation.identifiers.mic import check_mic
from domain.regulation.identifiers.uti import check_uti

CHECKS: Mapping[str, Callable[[str], str | None]] = {
    "lei": check_lei,
    "dti": check_dti,
    "isin": check_isin,
    "uti": check_uti,
    "mic": check_mic,
    "country": check_country,
    "currency": check_currency,
}


def check(kind: str, value: str) -> str | None:
    """None when the value is a right code of that kind, else the reason. Raises BadInput when there is no such kind."""
    if kind not in CHECKS:
        raise BadInput(f"There is no identifier {kind!r}; it is one of {', '.join(CHECKS)}.", field="kind")
    return CHECKS[kind](value)
