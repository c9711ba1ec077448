"""How much the travel rule asks for, by jurisdiction and amount, as data; nothing here is verified against the text of the law.

FATF recommendation 16 asks for more from 1,000 dollars or euros on and leaves the rest to countries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Literal

from domain.problems import BadInput
from domain.regulation.rulebook import DocRef

Level = Literal["none", "basic", "full"]


@dataclass(frozen=True, slots=True)
class TravelRule:
    """What a jurisdiction asks, in its currency.

    From `basic_from` on names and accounts travel; None where there is no such level. Above `full_above` (also at it, where
    `full_includes`) the originator is described as well. Above `ownership_above` the owner of a self-hosted wallet has to be shown; None
    where that is not asked.
    """

    currency: str
    basic_from: Decimal | None
    full_above: Decimal
    full_includes: bool
    ownership_above: Decimal | None
    doc_ref: DocRef


RULES: Mapping[str, TravelRule] = {
    # Between providers there is no threshold, so every transfer is described.
    "EU": TravelRule("EUR", None, Decimal(0), True, Decimal(1_000), DocRef("2023/1113", "Art 14, 16", "EU", note="from memory")),
    "SG": TravelRule(
        "SGD", Decimal(0), Decimal(1_500), False, None, DocRef("Notice PSN02", "value transfers", "MAS", note="secondary source")
    ),
    "US": TravelRule("USD", None, Decimal(3_000), True, None, DocRef("31 CFR 1010.410(f)", "", "FinCEN", note="from memory")),
    "DEFAULT": TravelRule("USD", Decimal(0), Decimal(1_000), True, None, DocRef("Recommendation 16", "", "FATF", note="from memory")),
}


def rule_of(jurisdiction: str) -> TravelRule:
    """The jurisdiction's rule, or the default one."""
    return RULES.get(jurisdiction, RULES["DEFAULT"])


def level_of(jurisdiction: str, amount: str) -> Level:
    """What has to travel with so much, told as text in the jurisdiction's currency. Raises BadInput for what is no amount."""
    value, rule = _exact(amount), rule_of(jurisdiction)
    if value > rule.full_above or (rule.full_includes and value == rule.full_above):
        return "full"
    return "basic" if rule.basic_from is not None and value >= rule.basic_from else "none"


def ownership_to_show(jurisdiction: str, amount: str) -> bool:
    """Whether it has to be shown who owns a self-hosted wallet that sends or receives so much."""
    above = rule_of(jurisdiction).ownership_above
    return above is not None and _exact(amount) > above


def _exact(amount: str) -> Decimal:
    try:
        value = Decimal(amount)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value < 0:
        raise BadInput(f"{amount[:40]!r} is no amount: write digits with at most one point.", field="amount")
    return value
