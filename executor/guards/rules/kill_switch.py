"""Nothing new goes on while the kill switch is tripped: by a file, by a person, or by the automatic brakes."""

from __future__ import annotations

from domain.problems import GuardRefused
from executor.guards.rule import Case, Rule


def check(case: Case) -> None:
    """Raises GuardRefused with what tripped the switch."""
    state = case.switch
    if state.tripped:
        raise GuardRefused(
            "kill_switch",
            f"the switch was tripped by {state.rule}: {state.reason}. Nothing is signed until an admin lets go.",
            tripped_by=state.rule,
            reason=state.reason,
            since=state.since.isoformat() if state.since else None,
        )


RULE = Rule(
    "kill_switch",
    ("intent", "routed", "simulated", "sign"),
    "Somebody, or a brake, saw that something is wrong; until it is understood the next order would make it worse.",
    check,
)
