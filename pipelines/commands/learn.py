"""`grekko learn`: the whole loop on a file of minute bars, from the first order to the verdict."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines.commands.answers import answer


def learn(
    bars: Annotated[Path, typer.Option("--bars", help="Parquet file of one pool's minute bars; token0 is the dollar.")],
    training_days: Annotated[int, typer.Option(min=1, max=10_000, help="The first days, which teach; the later ones judge.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Fixes the orders, the training and the null's coins.")] = 7,
    every: Annotated[int, typer.Option(min=1, max=1440, help="Minutes from one paper order to the next.")] = 6,
    one_side: Annotated[bool, typer.Option("--one-side", help="Let a coin pick each order's side, instead of asking both.")] = False,
    fee_pips: Annotated[int, typer.Option(help="The pool's fee; 500 is 0.05 %.")] = 500,
    decimals: Annotated[tuple[int, int], typer.Option(help="Decimals of token0 and token1.")] = (6, 18),
    gas_usd: Annotated[float, typer.Option(min=0, help="What a swap's gas is assumed to cost, dollars.")] = 0.02,
    refill: Annotated[int, typer.Option(min=0, max=100, help="Percent of our own impact assumed gone after a minute.")] = 0,
    stale: Annotated[int, typer.Option(min=0, max=60, help="Make the features so many minutes older: what are they worth?")] = 0,
    null: Annotated[bool, typer.Option("--null", help="Take all direction out of the bars first; nothing may be promoted then.")] = False,
    swap_arms: Annotated[
        bool, typer.Option("--swap-arms", help="Let a coin a block decide which arm bears whose costs: a true null.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for the paired experiment (Parquet), the picture and the bundles.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Train on the first days of a pool's minutes, shadow on the others, and show the verdict with its evidence.

    Paper orders at a fixed pace; the champion executes now, the challenger may split in time or wait a minute. Exit code 2 when the
    file is refused, else 0: a HOLD is an answer too.
    """
    from executor.routing.pool_files import read_parquet
    from models.experiments.policy import PromotionPolicy
    from models.minute_bars import sift
    from models.minute_orders import PaperFlow
    from pipelines import evidence_picture, minute_learning

    flow = PaperFlow(
        every_minutes=every,
        one_side=one_side,
        fee_pips=fee_pips,
        decimals0=decimals[0],
        decimals1=decimals[1],
        gas_usd=gas_usd,
        refill_percent=refill,
        stale_minutes=stale,
    )
    course = minute_learning.Course(training_days=training_days, seed=seed, flow=flow, null=null, swap_arms=swap_arms)
    usable = sift(read_parquet(bars, "bars"))
    with tempfile.TemporaryDirectory() as passing:
        bundles = (out or Path(passing)) / "bundles"
        outcome = minute_learning.run(usable, course, PromotionPolicy.read(), bundles)
    told = document(outcome, course)
    picture = evidence_picture.lines(outcome.by_block, outcome.decision.bar)
    if out is not None:
        told["files"] = _keep(out, outcome, evidence_picture.svg(outcome.by_block, outcome.decision.bar, _title(told)))
    below = ["", "block, saving, and the evidence on its way to the bar:", *picture, "", told["reason"], *map(str, told.get("files", []))]
    answer(told, as_json, _rows(told), below=below)


def document(outcome: Any, course: Any) -> dict[str, Any]:
    """The outcome as one document; costs in bps of an order's value."""
    from pipelines.minute_learning import actions_of, yardsticks

    decision, trained = outcome.decision, outcome.trained
    return {
        "verdict": decision.verdict,
        "reason": decision.reason,
        "e_value": decision.e_value,
        "bar": decision.bar,
        "lift": decision.lift,
        "saving_bps": decision.saving_bps,
        "champion_cost_bps": decision.champion_cost_bps,
        "blocks": decision.blocks,
        "block_hours": decision.block_hours,
        "decided_at": decision.decided_at and decision.decided_at.isoformat(),
        "crossed_at": outcome.crossed_at and outcome.crossed_at.isoformat(),
        "orders": outcome.trials.height,
        "lessons": outcome.lessons,
        "actions": actions_of(outcome),
        "yardsticks": yardsticks(outcome),
        "walk_forward_lift": trained and trained.walk_forward_lift,
        "walk_forward_waits": trained and trained.walk_forward_waits,
        "margin_bps": trained and trained.model.margin_bps,
        "bars": outcome.bars.frame.height,
        "quarantined_rows": outcome.bars.set_aside.height,
        "quarantined": outcome.bars.reasons(),
        "closes_outside_their_minute": outcome.bars.strays,
        "gaps": [str(gap) for gap in outcome.bars.gaps],
        "unaskable_orders": dict(outcome.orders.unaskable),
        "null": {"direction_removed": course.null, "arms_swapped": course.arms_are_swapped},
        "seed": course.seed,
        "training_days": course.training_days,
        "assumed": asdict(course.flow),
        "champion_sha256": outcome.champion.sha256,
        "bundle_sha256": outcome.challenger and outcome.challenger.sha256,
        "policy_sha256": decision.policy_sha256,
        "by_block": outcome.by_block,
    }


def _keep(out: Path, outcome: Any, picture: str) -> list[str]:
    from pipelines.minute_learning import experiment

    experiment(outcome.trials).write_parquet(out / "experiment.parquet")
    (out / "evidence.svg").write_text(picture, encoding="utf-8")
    return [str(out / name) for name in ("experiment.parquet", "evidence.svg", "bundles")]


def _title(told: dict[str, Any]) -> str:
    return f"{told['verdict']}: e-value {told['e_value']:.3g}, lift {told['lift']:+.1%} after {told['blocks']} blocks"


def _rows(told: dict[str, Any]) -> list[tuple[str, str]]:
    actions = ", ".join(f"{action} {count:,}" for action, count in told["actions"].items())
    simple = ", ".join(f"{name.removesuffix('_bps').replace('_', ' ')} {saved:+.2f}" for name, saved in told["yardsticks"].items())
    aside = ", ".join(f"{reason} {count}" for reason, count in told["quarantined"].items())
    lost = ", ".join(f"{reason} {count}" for reason, count in told["unaskable_orders"].items())
    null = [name.replace("_", " ") for name, on in told["null"].items() if on]
    forecast = "none" if told["walk_forward_lift"] is None else f"{told['walk_forward_lift']:+.1%}, margin {told['margin_bps']:g} bps"
    return [
        ("verdict", told["verdict"]),
        ("e-value", f"{told['e_value']:.3g} (promotes at {told['bar']:g})"),
        ("lift", f"{told['lift']:+.2%}: {told['saving_bps']:.3f} of {told['champion_cost_bps']:.3f} bps"),
        ("crossed at", told["crossed_at"] or "never"),
        ("orders judged", f"{told['orders']:,} in {told['blocks']} blocks of {told['block_hours']} h"),
        ("orders learned from", f"{told['lessons']:,}; walking forward through them: {forecast}"),
        ("challenger's actions", actions),
        ("simple rules, bps saved", simple or "no orders"),
        ("bars", f"{told['bars']:,}; closes outside of their minute {told['closes_outside_their_minute']:,}"),
        ("rows set aside", f"{told['quarantined_rows']} {aside}".strip()),
        ("missing minutes", "; ".join(told["gaps"]) or "none"),
        ("orders not askable", lost or "none"),
        ("null data", ", ".join(null) or "no"),
        ("challenger's bundle", told["bundle_sha256"] or "none"),
        ("policy", told["policy_sha256"]),
    ]
