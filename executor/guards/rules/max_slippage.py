"""An order accepts no worse a price than the desk does, whatever its request says."""

from __future__ import annotations

from domain.problems import GuardRefused
from executor.guards.rule import Case, Rule

BPS = 10_000


def check(case: Case) -> None:
    """Raises GuardRefused for a request that tolerates more, and for a plan whose minimum output does."""
    limit, request, routed = case.limits.max_slippage_bps, case.order.request, case.order.routed
    if request.slippage_bps > limit:
        raise GuardRefused(
            "max_slippage",
            f"the order tolerates {request.slippage_bps} bps and the desk {limit}; ask for {limit} or less.",
            value=request.slippage_bps,
            limit=limit,
            unit="bps",
        )
    if routed is None:
        return
    # Rounded down as the planner rounds, so that a plan at the limit passes.
    least = routed.amount_out * (BPS - limit) // BPS
    if routed.min_amount_out < least:
        tolerated = -(-(routed.amount_out - routed.min_amount_out) * BPS // routed.amount_out)
        raise GuardRefused(
            "max_slippage",
            f"the plan expects {routed.amount_out} base units and would take {routed.min_amount_out}, {tolerated} bps less; "
            f"the desk takes {limit} bps less at most. Plan it again.",
            value=tolerated,
            limit=limit,
            unit="bps",
        )


RULE = Rule(
    "max_slippage",
    ("intent", "routed", "sign"),
    "What an order tolerates is what somebody who trades right before and after it can take.",
    check,
)
