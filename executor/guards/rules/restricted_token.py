"""Only tokens that the desk trades are sold, bought, or held on the way."""

from __future__ import annotations

from domain.problems import GuardRefused
from executor.guards.rule import Case, Rule


def check(case: Case) -> None:
    """Raises GuardRefused for a token that is not on the list."""
    allowed = case.limits.allowed_tokens
    if allowed is None:
        return
    request, legs = case.order.request, case.order.routed.legs if case.order.routed else ()
    for token in (request.sell, request.buy, *(side for leg in legs for side in (leg.sell, leg.buy))):
        if token.lower() not in allowed:
            raise GuardRefused(
                "restricted_token",
                f"{case.name_of(token)} is not a token of this desk; trade another, or add it to limits.allowed_tokens.",
                value=token,
                limit=len(allowed),
                unit="allowed tokens",
            )


RULE = Rule(
    "restricted_token",
    ("intent", "routed", "sign"),
    "Anybody can make a token with any symbol, and its contract can do anything with a transfer.",
    check,
)
