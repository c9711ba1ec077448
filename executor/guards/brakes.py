"""The automatic brakes: too much lost within a day, or too many orders refused at once, and the kill switch trips by itself.

A desk that loses more than planned, or whose orders bounce, is wrong about the world; the next order would be wrong too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from executor.guards.exposure import DAY, Ledger, Loss
from executor.guards.limits import Limits
from executor.guards.rule import Case, dollars
from executor.orders import Mode


@dataclass(frozen=True, slots=True)
class Brake:
    """Why the switch must trip: the rule, a sentence, and the numbers."""

    rule: str
    reason: str
    facts: Mapping[str, Any]


def brake_for(case: Case, ledger: Ledger, wrapped_native: str | None) -> Brake | None:
    """Why the desk must stop now; None when it need not. What was before the last release is not counted.

    Raises GuardRefused (`unpriced`) when there were losses and nothing prices them at the moment.
    """
    since = max(case.switch.counts_from, case.now - DAY)
    losses = ledger.losses(case.mode, since)
    return (
        _too_many_rejects(case.limits, ledger, case.mode, case.now, case.switch.counts_from)
        or _lost_amounts(case, losses)
        or _lost_dollars(case, losses, wrapped_native)
    )


def _too_many_rejects(limits: Limits, ledger: Ledger, mode: Mode, now: datetime, counts_from: datetime) -> Brake | None:
    if limits.max_rejects is None:
        return None
    minutes = limits.reject_window_minutes
    found = ledger.rejects(mode, max(counts_from, now - timedelta(minutes=minutes)))
    if found < limits.max_rejects:
        return None
    reason = f"{found} orders were refused or reverted within {minutes} minutes, the limit is {limits.max_rejects}"
    return Brake("max_rejects", reason, {"value": found, "limit": limits.max_rejects, "unit": f"orders within {minutes} minutes"})


def _lost_amounts(case: Case, losses: list[Loss]) -> Brake | None:
    for token, amounts in case.limits.amounts.items():
        lost = sum(loss.shortfall for loss in losses if loss.token == token)
        if amounts.max_loss_per_day is not None and lost > amounts.max_loss_per_day:
            name = case.name_of(token)
            reason = f"orders got {lost} base units of {name} less than planned within 24 hours, the limit is {amounts.max_loss_per_day}"
            facts = {"value": str(lost), "limit": str(amounts.max_loss_per_day), "unit": f"{name} base units", "token": token}
            return Brake("max_loss_per_day", reason, facts)
    return None


def _lost_dollars(case: Case, losses: list[Loss], wrapped_native: str | None) -> Brake | None:
    limit = case.limits.max_loss_per_day_usd
    if limit is None or not losses:
        return None
    lost: defaultdict[str, int] = defaultdict(int)
    for loss in losses:
        lost[loss.token] += loss.shortfall
        if wrapped_native is not None:
            lost[wrapped_native] += loss.wasted_wei
    worth = case.usd_of(lost)
    if worth <= limit:
        return None
    reason = f"{dollars(worth)} USD were lost against the plans within 24 hours, the limit is {limit}"
    return Brake("max_loss_per_day", reason, {"value": dollars(worth), "limit": str(limit), "unit": "USD"})
