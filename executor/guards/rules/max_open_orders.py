"""Only so many orders are under way at once."""

from __future__ import annotations

from domain.problems import GuardRefused
from executor.guards.rule import Case, Rule


def check(case: Case) -> None:
    """Raises GuardRefused when as many orders are open as may be."""
    limit, found = case.limits.max_open_orders, case.exposure.open_orders
    if found >= limit:
        raise GuardRefused(
            "max_open_orders",
            f"{found} orders are open and the limit is {limit}; wait for one to end, or cancel one.",
            value=found,
            limit=limit,
            unit="orders",
        )


RULE = Rule(
    "max_open_orders",
    ("intent", "sign"),
    "Orders of one key run in the order of their nonces: each waits for all before it, and one that is stuck holds up the rest.",
    check,
)
