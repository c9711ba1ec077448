"""Calls go to routers that the desk knows, and only these take its tokens."""

from __future__ import annotations

from domain.problems import GuardRefused
from executor.guards.rule import Case, Rule


def check(case: Case) -> None:
    """Raises GuardRefused for a call to, or an allowance of, a contract that is not on the list."""
    allowed, routed = case.limits.allowed_routers, case.order.routed
    if allowed is None or routed is None:
        return
    if case.mode == "simulate" and not routed.to and not routed.spender:
        return  # a plan that is only computed has no call
    for role, address in (("calls", routed.to), ("lets the tokens be taken by", routed.spender)):
        if address.lower() not in allowed:
            raise GuardRefused(
                "restricted_router",
                f"the plan {role} {address or 'nobody'}, which is no router of this desk; name it under venues, split_router "
                "or limits.allowed_routers.",
                value=address,
                limit=len(allowed),
                unit="allowed routers",
            )


RULE = Rule(
    "restricted_router",
    ("routed", "sign"),
    "Whoever is called, or may take tokens by allowance, can take them and give nothing back.",
    check,
)
