"""The rollout: how far the challenger is let in, step by step, and the state from which any process can go on."""

import hashlib
from datetime import datetime
from itertools import pairwise
from typing import Any

import dagster as dg
import polars as pl

from assets import pictures
from assets.learning import ab_evaluation, challenger_model, champion_model, shadow_trials, trial
from assets.tables import whole
from assets.warehouse import Warehouse
from domain.schemas import COUNT, RATIO, TEXT, TIME, Column, Table, columns
from models.experiments.rollout import RolloutPolicy, read_rollout
from models.experiments.stages import Experiment, advance, begin

TABLE = Table(
    "rollout_stage",
    row="One step of the experiment's course.",
    columns=columns(
        Column("step", COUNT, "Number of the step, from 0."),
        Column("experiment", TEXT, "Which challenger against which champion."),
        Column("status", TEXT, "running, frozen, champion, rolled_back or futile."),
        Column("stage", TEXT, "Stage it was in: shadow, then a canary's."),
        Column("share_percent", RATIO, "The challenger's share of live orders, percent."),
        Column("since", TIME, "When the step was taken, UTC."),
        Column("verdict", TEXT, "The verdict that led to it; empty for the beginning.", nullable=True),
        Column("reason", TEXT, "Why it was taken."),
        Column("waits_for", TEXT, "What the next step waits for; of the newest step only.", nullable=True),
        Column("policy_sha256", TEXT, "Hash of the promotion policy it goes by."),
        Column("salt", TEXT, "Salt of the experiment: a new try has a new one."),
        Column("state", TEXT, "The whole state as JSON, to go on from."),
    ),
    key=("step",),
)
BEGINNING = "The challenger answers every order and decides none."
AFTER_A_STEP = {"running": "Live orders of this stage.", "frozen": "A person, who finds the cause and resumes it."}


def course_of(experiment: Experiment, looks: list[dict[str, Any]], policy: RolloutPolicy) -> pl.DataFrame:
    """The steps that these looks (`verdict`, `orders` so far, `at`) lead to, from the beginning on.

    They are the shadow trial's: a live canary's orders are not among them, so it stays in its first stage until they are.
    """
    state, waits_for = experiment, BEGINNING
    rows = [_row(state, None, BEGINNING)]
    for look in looks:
        in_stage = look["orders"] if state.share_bp == 0 else 0
        after, reason = advance(state, look["verdict"], (), None, orders=in_stage, now=look["at"], policy=policy)
        if after != state:
            rows.append(_row(after, look["verdict"], reason))
            waits_for = AFTER_A_STEP.get(after.status, "Nothing: the experiment is over.")
        else:
            waits_for = reason
        state = after
    rows[-1]["waits_for"] = waits_for
    return pl.DataFrame(rows, schema=TABLE.schema)


def looks_at(blocks: pl.DataFrame, last_order_at: datetime | None) -> list[dict[str, Any]]:
    """One look at the end of each block of `ab_evaluation`: its verdict, and the orders answered until then."""
    rows = blocks.sort("block").with_columns(pl.col("orders").cum_sum(), at=pl.col("first_order_at").shift(-1).fill_null(last_order_at))
    return rows.select("verdict", "orders", "at").to_dicts()


def _row(state: Experiment, verdict: str | None, reason: str) -> dict[str, Any]:
    return {
        "step": state.steps,
        "experiment": state.experiment,
        "status": state.status,
        "stage": state.stage,
        "share_percent": state.share_bp / 100,
        "since": state.entered_at,
        "verdict": verdict,
        "reason": reason,
        "waits_for": None,
        "policy_sha256": state.policy_sha256,
        "salt": state.salt,
        "state": state.to_json(),
    }


@whole(TABLE, deps=[ab_evaluation.ab_evaluation, champion_model.champion_model, challenger_model.challenger_model])
def rollout_stage(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
    """How far the challenger is let in: shadow, then 1, 5, 10, 50 and 100 % of live orders, then champion.

    Every step up needs the verdict PROMOTE, its least time and its least orders; every step down happens at once and is final. This is
    the course as the shadow trial's evidence carries it: the steps of the canary need live orders, which a recording has none of.
    """
    challenger = warehouse.read(challenger_model.TABLE)
    if challenger.is_empty():
        return warehouse.write(TABLE, TABLE.empty(), context, reason="there is no challenger")
    policy = read_rollout()
    last = warehouse.scan(shadow_trials.TABLE).select(pl.col("arrived_at").max()).collect().item()
    steps = course_of(
        begin(*_named(warehouse.read(champion_model.TABLE), challenger), policy, trial.trial_begins()),
        looks_at(warehouse.read(ab_evaluation.TABLE), last),
        policy,
    )
    now = steps.row(-1, named=True)
    return warehouse.write(
        TABLE,
        steps,
        context,
        status=now["status"],
        stage=now["stage"],
        share_percent=now["share_percent"],
        waits_for=now["waits_for"],
        shares=pictures.bars({row["stage"]: row["share_percent"] for row in steps.to_dicts()}, "share of live orders by stage, percent"),
        policy_sha256=now["policy_sha256"],
    )


def _named(champion: pl.DataFrame, challenger: pl.DataFrame) -> tuple[str, str]:
    """The experiment's name and its salt: the same two bundles are the same experiment."""
    (first, second) = (models.row(0, named=True) for models in (champion, challenger))
    name = f"{second['policy']} v{second['version']} against {first['policy']} v{first['version']}"
    return name, hashlib.sha256(f"{first['bundle_sha256']}:{second['bundle_sha256']}".encode()).hexdigest()[:16]


@dg.asset_check(asset=rollout_stage, blocking=True)
def no_stage_is_left_out(warehouse: Warehouse) -> dg.AssetCheckResult:
    """The share grows by one stage of the policy at a time, each time on the verdict PROMOTE, and ends at none or all."""
    policy = read_rollout()
    shares = [stage.share_bp / 100 for stage in policy.stages]
    steps = warehouse.read(TABLE).to_dicts()
    wrong = [
        after["step"]
        for before, after in pairwise(steps)
        if after["share_percent"] > before["share_percent"]
        and (after["verdict"] != "PROMOTE" or shares.index(after["share_percent"]) != shares.index(before["share_percent"]) + 1)
    ]
    return dg.AssetCheckResult(passed=not wrong, metadata={"steps": len(steps), "wrong": wrong, "policy_sha256": policy.sha256})
