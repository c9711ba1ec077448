"""Only tokens that the desk trades are sold, bought, or held on the way."""

from __future__ import annotations

from domain.problems import GuardRefused
from executor.guards.rule import Case, Rule, tokens_of


def check(case: Case) -> None:
    """Raises GuardRefused for a token that is not on the list."""
    allowed = case.limits.allowed_tokens
    if allowed is None:
        return
    for token in tokens_of(case.order):
        if token not in allowed:
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
