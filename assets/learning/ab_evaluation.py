"""A/B evaluation: the evidence for the challenger, block by block, and the verdict it adds up to."""

from dataclasses import replace

import dagster as dg
import polars as pl

from assets import pictures
from assets.learning import challenger_model, shadow_trials, training_set, trial
from assets.learning.decision_record import record_of
from assets.tables import whole
from assets.warehouse import Warehouse
from domain.schemas import COUNT, RATIO, TEXT, TIME, Column, Table, columns
from models.experiments.decision import Decision, decide
from models.training import LEAST_ORDERS

TABLE = Table(
    "ab_evaluation",
    row="One block of the trial, and the evidence once it was in.",
    columns=columns(
        Column("block", COUNT, "Number of the block, from 1."),
        Column("first_order_at", TIME, "Arrival of its first order, UTC."),
        Column("block_hours", COUNT, "Length of a block, hours."),
        Column("orders", COUNT, "Orders in the block."),
        Column("champion_cost_bps", RATIO, "What the champion paid per order, bps."),
        Column("saving_bps", RATIO, "What the challenger saved per order, bps."),
        Column("lift", RATIO, "Saving over the champion's cost, all blocks so far."),
        Column("e_value", RATIO, "How much likelier the blocks so far are if there is a difference than if there is none."),
        Column("bar", RATIO, "The e-value that promotes."),
        Column("verdict", TEXT, "What would have been decided after this block."),
        Column("reason", TEXT, "Why."),
    ),
    key=("block",),
)


def verdict_of(warehouse: Warehouse) -> tuple[Decision, pl.DataFrame]:
    """The verdict on all trials, and the rows of this table."""
    trials = warehouse.read(shadow_trials.TABLE)
    if warehouse.read(challenger_model.TABLE).is_empty():
        found = warehouse.read(training_set.TABLE).height
        taught = f"the first {trial.policy().training_days} days hold {found} orders to learn from, {LEAST_ORDERS} are needed"
        if found >= LEAST_ORDERS:
            taught = "the one that was trained did not get past the gate before the shadow"
        reason = f"There is no challenger: {taught}."
        return replace(decide(trials, trial.policy())[0], verdict="HOLD", reason=reason), TABLE.empty()
    decision, blocks, evidence = decide(trials, trial.policy())
    rows = []
    for at in range(blocks.count):
        paid, saved = float(blocks.champion_cost_bps[: at + 1].mean()), float(blocks.saving_bps[: at + 1].mean())
        ends = blocks.starts[at + 1] if at + 1 < blocks.count else None
        until = trials.filter(pl.col("arrived_at") < ends) if ends else trials
        then = decide(until, trial.policy())[0]
        rows.append(
            {
                "block": at + 1,
                "first_order_at": blocks.starts[at],
                "block_hours": blocks.hours,
                "orders": int(blocks.orders[at]),
                "champion_cost_bps": float(blocks.champion_cost_bps[at]),
                "saving_bps": float(blocks.saving_bps[at]),
                "lift": saved / paid if paid > 0 else 0.0,
                "e_value": float(evidence.e_values[at]),
                "bar": trial.policy().bar,
                "verdict": then.verdict,
                "reason": then.reason,
            }
        )
    return decision, pl.DataFrame(rows, schema=TABLE.schema) if rows else TABLE.empty()


@whole(TABLE, deps=[shadow_trials.shadow_trials])
def ab_evaluation(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
    """Is the challenger better, and how sure are we?

    An anytime-valid test on block means (`models/experiments`): it may be read after every block without promoting noise. The rule it is
    read by is `promotion.yaml`; its hash stands in the metadata, beside the hash of the whole decision that `promoted_model` acts on once.
    """
    decision, rows = verdict_of(warehouse)
    return warehouse.write(
        TABLE,
        rows,
        context,
        verdict=decision.verdict,
        reason=decision.reason,
        evidence=pictures.evidence(rows["e_value"].to_list(), decision.bar),
        saving_by_block=pictures.bars(
            {str(block): saving for block, saving in rows.select("block", "saving_bps").iter_rows()}, "saving by block, bps"
        ),
        e_value=decision.e_value,
        lift=decision.lift,
        p_bound=decision.p_bound,
        **record_of(decision, warehouse).metadata(),
    )


@dg.asset_check(asset=ab_evaluation, blocking=True)
def nothing_is_judged_on_what_it_learned_from(warehouse: Warehouse) -> dg.AssetCheckResult:
    """Every judged order arrived after the training days and the embargo."""
    early = warehouse.scan(shadow_trials.TABLE).filter(pl.col("arrived_at") < trial.trial_begins()).select(pl.len()).collect().item()
    return dg.AssetCheckResult(passed=early == 0, metadata={"early": early, "trial_begins": trial.trial_begins().isoformat()})
