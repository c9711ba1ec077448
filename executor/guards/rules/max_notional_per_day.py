"""Within any 24 hours the desk sells no more than it may, in dollars and in base units of each token."""

from __future__ import annotations

from domain.problems import GuardRefused
from executor.guards.rule import Case, Rule, dollars


def check(case: Case) -> None:
    """Raises GuardRefused for an order that would go beyond either limit with all that was sold, and all that is under way."""
    request, limits = case.order.request, case.limits
    amount_limit, limit = limits.amount_limits(request.sell).max_per_day, limits.max_notional_per_day_usd
    before = case.exposure.sold.get(request.sell, 0)
    if amount_limit is not None and before + request.amount_in > amount_limit:
        raise GuardRefused(
            "max_notional_per_day",
            f"{before} base units of {case.name_of(request.sell)} were sold within 24 hours or are under way, this order sells "
            f"{request.amount_in} and the limit is {amount_limit}; sell less, or wait.",
            value=str(before + request.amount_in),
            limit=str(amount_limit),
            unit=f"{case.name_of(request.sell)} base units",
        )
    if limit is None:
        return
    sold, worth = case.usd_of(case.exposure.sold), case.usd(request.sell, request.amount_in)
    if sold + worth > limit:
        raise GuardRefused(
            "max_notional_per_day",
            f"{dollars(sold)} USD were sold within 24 hours or are under way, this order sells {dollars(worth)} USD and the limit is "
            f"{limit} USD; sell less, or wait.",
            value=dollars(sold + worth),
            limit=str(limit),
            unit="USD",
        )


RULE = Rule(
    "max_notional_per_day",
    ("intent", "simulated", "sign"),
    "What repeats itself, a loop or a stolen token of the API, does its damage in many small orders.",
    check,
)
