"""A plan says how little it would take, and its call says the same to the chain."""

from __future__ import annotations

from domain.problems import GuardRefused
from executor.guards.rule import Case, Rule


def check(case: Case) -> None:
    """Raises GuardRefused for a plan without a minimum, above what it expects, below the caller's own, or one its call does not carry."""
    routed, floor = case.order.routed, case.order.request.min_amount_out
    if routed is None:
        return
    least = max(floor or 0, 1)
    if not least <= routed.min_amount_out <= routed.amount_out:
        raise GuardRefused(
            "min_output",
            f"the plan would take {routed.min_amount_out} base units, which must be {least} to {routed.amount_out}; plan it again.",
            value=str(routed.min_amount_out),
            limit=str(least),
            unit="base units of the bought token",
        )
    if not routed.call_data:
        return
    told = routed.call_data.lower()
    missing = [what for what, digits in _carried(case).items() if digits not in told]
    if missing:
        raise GuardRefused(
            "min_output",
            f"the call does not carry {' and '.join(missing)} of its plan; do not send it, look at the venue that encodes it.",
            value=", ".join(missing),
            limit=str(routed.min_amount_out),
            unit="base units of the bought token",
        )


def _carried(case: Case) -> dict[str, str]:
    """What must stand in the call, as hexadecimal digits."""
    routed, account = case.order.routed, case.order.account
    assert routed is not None, "only a plan has a call"
    carried = {"the minimum output": f"{routed.min_amount_out:064x}"}
    return {**carried, "the account that receives": account.lower().removeprefix("0x")} if account else carried


RULE = Rule(
    "min_output",
    ("routed", "sign"),
    "A concentrated pool that runs out of liquidity fills a part and succeeds; only a minimum enforced on the chain notices.",
    check,
)
