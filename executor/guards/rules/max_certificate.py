"""A plan is proved to be near the best that any route could give."""

from __future__ import annotations

from decimal import Decimal

from domain.problems import GuardRefused
from executor.guards.rule import Case, Rule


def check(case: Case) -> None:
    """Raises GuardRefused for a plan whose certificate is looser than the limit."""
    limit, routed = case.limits.max_certificate_bps, case.order.routed
    if limit is None or routed is None:
        return
    # Not a number is no proof: it is not below any limit.
    if not 0 <= routed.certificate_bps < float("inf") or Decimal(routed.certificate_bps) > limit:
        raise GuardRefused(
            "max_certificate",
            f"the plan may be {routed.certificate_bps:.2f} bps below the best route and the limit is {limit}; sell less.",
            value=str(routed.certificate_bps),
            limit=str(limit),
            unit="bps",
        )


RULE = Rule(
    "max_certificate",
    ("routed", "sign"),
    "Where the bound is loose, the router may have missed a better route, or the state it planned on is odd.",
    check,
)
