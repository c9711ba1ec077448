"""Every pool of a plan is one that the desk trades in."""

from __future__ import annotations

from domain.problems import GuardRefused
from executor.guards.rule import Case, Rule


def check(case: Case) -> None:
    """Raises GuardRefused for a plan with a pool that is not on the list."""
    allowed, routed = case.limits.allowed_pools, case.order.routed
    if allowed is None or routed is None:
        return
    for leg in routed.legs:
        if leg.pool.lower() not in allowed:
            raise GuardRefused(
                "restricted_pool",
                f"the plan goes through {leg.pool} of {leg.venue}, which is not a pool of this desk; add it to limits.allowed_pools.",
                value=leg.pool,
                limit=len(allowed),
                unit="allowed pools",
            )


RULE = Rule("restricted_pool", ("routed", "sign"), "Anybody can make a pool, and only look like a venue's.", check)
