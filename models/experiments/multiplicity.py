"""Several candidates at once, or one after the other: with enough tries, one looks good by chance, so the bar counts the tries.

E-values need no assumption on how the candidates depend on each other, and candidates judged on the same orders depend a lot.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from domain.problems import BadInput
from models.experiments.decision import Decision
from models.experiments.rollout import RULES


@dataclass(frozen=True, slots=True)
class Family:
    """The verdict on several candidates: who survives, the bar an e-value had to pass, the best survivor (None: nobody), and why."""

    rule: str
    candidates: int
    bar: float
    survivors: tuple[str, ...]
    best: str | None
    reason: str


def e_bh(e_values: Mapping[str, float], bar: float) -> tuple[tuple[str, ...], float]:
    """Who survives when at most a share alpha of the survivors may be false, and the bar that gave.

    With k survivors of K each needs an e-value of bar · K / k: the e-BH procedure (Wang and Ramdas 2022, JRSS-B 84(3)), `bar` being what a
    candidate alone must pass. Raises BadInput for no candidates or what is no e-value.
    """
    ranked = _ranked(e_values, bar)
    kept = max((place for place, (_, e_value) in enumerate(ranked, 1) if place * e_value / len(ranked) >= bar), default=0)
    return tuple(name for name, _ in ranked[:kept]), bar * len(ranked) / max(kept, 1)


def bonferroni(e_values: Mapping[str, float], bar: float) -> tuple[tuple[str, ...], float]:
    """Who survives when the chance of even one false survivor may be alpha: each must pass bar · K. Raises BadInput as `e_bh`."""
    ranked = _ranked(e_values, bar)
    return tuple(name for name, e_value in ranked if e_value >= bar * len(ranked)), bar * len(ranked)


def e_lond(e_values: Iterable[float], bar: float) -> list[bool]:
    """Candidates one after the other, without an end: which are promoted, each decided before the next is known.

    Candidate t must pass bar / (γ_t · (promotions so far + 1)) with γ_t = 6 / (π² t²), which sum to 1: the share of false promotions stays
    below alpha however the candidates depend on each other (e-LOND, Xu and Ramdas 2024, AISTATS). A success buys back what tries cost.
    """
    promoted: list[bool] = []
    for place, e_value in enumerate(e_values, 1):
        _check(f"candidate {place}", e_value, bar)
        gamma = 6 / (math.pi * place) ** 2
        promoted.append(e_value >= bar / (gamma * (sum(promoted) + 1)))
    return promoted


def judge_family(decisions: Mapping[str, Decision], rule: str) -> Family:
    """Which of several candidates, each judged by itself before, may be promoted; the best is the one of the greatest lift.

    A candidate must have earned PROMOTE alone and survive the others. One that is no cheaper counts as a try with no evidence.
    Raises BadInput for no candidates, an unknown rule, or decisions under different policies.
    """
    if rule not in RULES:
        raise BadInput(f"The rule must be {' or '.join(RULES)}, it is {rule!r}.", field="rule")
    if len({decision.policy_sha256 for decision in decisions.values()}) > 1:
        raise BadInput("The candidates were judged under different policies; judge them under one.", field="policy_sha256")
    # An e-value is two-sided: evidence that a candidate is dearer is none that it should be promoted.
    e_values = {name: decision.e_value if decision.saving_bps > 0 else 0.0 for name, decision in decisions.items()}
    passed, bar = (e_bh if rule == "e_bh" else bonferroni)(e_values, next((decision.bar for decision in decisions.values()), 1.0))
    survivors = tuple(name for name in passed if decisions[name].verdict == "PROMOTE")
    best = max(survivors, key=lambda name: decisions[name].lift, default=None)
    told = f"{len(survivors)} of {len(decisions)} candidates survive {rule} at an e-value of {bar:.3g}"
    lost = [name for name, decision in decisions.items() if decision.verdict == "PROMOTE" and name not in survivors]
    reason = told + (f"; promoted alone, but not among {len(decisions)}: {', '.join(lost)}." if lost else ".")
    return Family(rule, len(decisions), bar, survivors, best, reason)


def _ranked(e_values: Mapping[str, float], bar: float) -> list[tuple[str, float]]:
    if not e_values:
        raise BadInput("There is no candidate to judge; give at least one e-value.", field="candidates")
    for name, e_value in e_values.items():
        _check(name, e_value, bar)
    return sorted(e_values.items(), key=lambda named: (-named[1], named[0]))


def _check(name: str, e_value: float, bar: float) -> None:
    if not e_value >= 0:
        raise BadInput(f"The e-value of {name} must be 0 or more, it is {e_value}.", field="e_value")
    if not bar > 0:
        raise BadInput(f"The bar of a single candidate must be above 0, it is {bar}.", field="bar")
