"""Plans are made, rehearsed and signed on the chain as it is now."""

from __future__ import annotations

from domain.problems import GuardRefused
from executor.guards.rule import Case, Rule


def check(case: Case) -> None:
    """Raises GuardRefused when the newest state is too old, unknown, or too many blocks newer than the plan."""
    routed, newest, limits = case.order.routed, case.newest, case.limits
    if case.mode == "simulate" and (routed is None or not routed.block_hash):
        return  # it is computed on pools that were handed over, and sent nowhere
    if newest is None:
        raise _refused("nothing is known of the chain's newest block; wait until the mirror is back.", None, limits.max_state_age_seconds)
    age = (case.now - newest.as_of).total_seconds()
    if age > limits.max_state_age_seconds:
        raise _refused(
            f"the newest state is {age:.0f} seconds old and the limit is {limits.max_state_age_seconds}; look at the node.",
            round(age),
            limits.max_state_age_seconds,
        )
    if routed is None:
        return
    seen = max(newest.block_number, case.order.rehearsed.block_number if case.order.rehearsed else 0)
    behind = seen - routed.block_number
    if behind > limits.max_plan_age_blocks or not routed.block_hash:
        raise _refused(
            f"the plan was made {behind} blocks ago and the limit is {limits.max_plan_age_blocks}; submit the order again.",
            behind,
            limits.max_plan_age_blocks,
            "blocks",
        )


def _refused(sentence: str, value: int | None, limit: int, unit: str = "seconds") -> GuardRefused:
    return GuardRefused("stale_state", sentence, value=value, limit=limit, unit=unit)


RULE = Rule(
    "stale_state",
    ("intent", "routed", "simulated", "sign"),
    "An old state shows a price that nobody offers any more, and the order would buy at it.",
    check,
)
