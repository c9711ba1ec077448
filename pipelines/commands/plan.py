"""`grekko plan`: how many days an experiment will take, and whether it is worth starting."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from domain.problems import BadInput
from pipelines.commands.answers import answer


def plan(
    lift: Annotated[float, typer.Option("--lift", help="The saving to be shown, as a part of the champion's cost: 0.05 is 5 %.")],
    base_cost_bps: Annotated[float, typer.Option("--base-cost-bps", help="What an order costs the champion.")],
    orders_per_day: Annotated[float, typer.Option("--orders-per-day", help="Orders that can be compared.")],
    saving_sd_bps: Annotated[float, typer.Option("--saving-sd-bps", help="Standard deviation of one order's saving.")],
    correlation: Annotated[
        float, typer.Option("--correlation", help="Of both arms' costs of one order; what a split loses and pairing keeps.")
    ] = 0.9,
    likeness: Annotated[float, typer.Option("--likeness", help="Correlation of the savings of two orders of one block.")] = 0.0,
    policy: Annotated[Path | None, typer.Option("--policy", help="Promotion policy; the shipped one by default.")] = None,
    design: Annotated[
        str, typer.Option("--design", help="shadow: both arms answer each order. split: each order meets one arm.")
    ] = "shadow",
    share: Annotated[float, typer.Option("--share", help="The challenger's part of the orders in a split.")] = 0.5,
    kpi: Annotated[str, typer.Option("--kpi", help="net_cost_bps; sharpe and pnl are refused with the arithmetic.")] = "net_cost_bps",
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
) -> None:
    """How many days a test needs until it promotes with 80 % power, by a seeded simulation of the policy's own rule.

    Exit code 2 when it needs longer than the policy allows: then the message names the cheapest change that would help.
    """
    from models.experiments.planner import Design, Wish, refuse_profit
    from models.experiments.planner import plan as planned
    from models.experiments.policy import SHIPPED, PromotionPolicy
    from models.experiments.rollout import read_rollout

    policy = policy or SHIPPED
    if not policy.is_file():
        raise BadInput(f"{policy} is no file; give the path of a promotion policy, or leave --policy out.", field="policy")
    promotion = PromotionPolicy.read_stricter(policy)
    designs: dict[str, Design] = {"shadow": "shadow", "split": "split"}
    if design not in designs:
        raise BadInput(f"design must be shadow or split, it is {design!r}.", field="design")
    wish = Wish(lift, base_cost_bps, orders_per_day, saving_sd_bps, correlation, likeness, designs[design], share)
    if kpi in ("sharpe", "pnl"):
        raise refuse_profit(kpi, lift, promotion, correlation=correlation)
    if kpi != promotion.kpi:
        raise BadInput(f"kpi must be {promotion.kpi}, which the policy names, it is {kpi!r}.", field="kpi")
    found = planned(wish, promotion, read_rollout(policy))
    rows = [
        ("days until the evidence suffices", f"{found.days}"),
        ("of at most", f"{found.max_days}"),
        ("blocks", f"{found.blocks} of {found.block_hours} h"),
        ("saving of a block", f"{found.signal:.2f} standard deviations"),
        ("power", f"{found.power:.0%} ({found.method})"),
        ("then in the canary at least", f"{found.canary_days} days"),
    ]
    answer(asdict(found), as_json, rows)
