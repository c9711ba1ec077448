"""No single order is bigger than the desk allows, in dollars and in base units."""

from __future__ import annotations

from domain.problems import GuardRefused
from executor.guards.rule import Case, Rule, dollars


def check(case: Case) -> None:
    """Raises GuardRefused for an order above either limit, or one that nothing prices where a limit is in dollars."""
    request, limits = case.order.request, case.limits
    amount_limit, limit = limits.amount_limits(request.sell).max_per_order, limits.max_notional_per_order_usd
    if amount_limit is not None and request.amount_in > amount_limit:
        raise GuardRefused(
            "max_notional_per_order",
            f"the order sells {request.amount_in} base units of {case.name_of(request.sell)} and the limit is {amount_limit}; sell less.",
            value=str(request.amount_in),
            limit=str(amount_limit),
            unit=f"{case.name_of(request.sell)} base units",
        )
    if limit is not None and (worth := case.usd(request.sell, request.amount_in)) > limit:
        raise GuardRefused(
            "max_notional_per_order",
            f"the order sells {dollars(worth)} USD and the limit is {limit} USD; sell less, or split it over days.",
            value=dollars(worth),
            limit=str(limit),
            unit="USD",
        )


RULE = Rule("max_notional_per_order", ("intent", "sign"), "A slip of a digit in one order must not be able to empty the account.", check)
