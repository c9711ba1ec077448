"""The promoted model: who decides from here on, why, and the hand-over of it to the executor."""

from datetime import datetime
from pathlib import Path

import dagster as dg
import polars as pl

from assets.chain import gas_prices, pool_states, pools, reference_prices, tokens
from assets.learning import ab_evaluation, challenger_model, champion_model, trial
from assets.learning.handover import HandoverFolder, ids_in, pool_files, write_handover
from assets.learning.registry import ModelRegistry
from assets.learning.replay import market_history
from assets.partitions import Span
from assets.tables import whole
from assets.warehouse import Warehouse
from domain.problems import Problem
from domain.schemas import COUNT, RATIO, TEXT, TIME, Column, Table, columns
from executor.handover import load_handover
from models.experiments.decision import Decision
from models.registry import CHAMPION

TABLE = Table(
    "promoted_model",
    row="The verdict, and the model it puts in charge.",
    columns=columns(
        Column("verdict", TEXT, "PROMOTE, ROLLBACK, HOLD, FUTILE or INVALID."),
        Column("reason", TEXT, "Why, in a sentence."),
        Column("policy", TEXT, "Policy that decides from here on: the challenger's when promoted, else the champion's."),
        Column("version", COUNT, "Its version in the registry."),
        Column("bundle_sha256", TEXT, "Hash of its bundle."),
        Column("challenger_sha256", TEXT, "Hash of the challenger's bundle, whatever the verdict.", nullable=True),
        Column("e_value", RATIO, "Evidence: how much likelier the trial is if there is a difference than if there is none."),
        Column("bar", RATIO, "The e-value that promotes."),
        Column("p_bound", RATIO, "A challenger no better would show such evidence at most this often, however often one looks."),
        Column("lift", RATIO, "Cost saved, as a share of the champion's."),
        Column("saving_bps", RATIO, "Cost saved per order, bps."),
        Column("champion_cost_bps", RATIO, "What the champion paid per order, bps."),
        Column("blocks", COUNT, "Blocks the verdict rests on."),
        Column("block_hours", COUNT, "Length of a block, hours."),
        Column("orders", COUNT, "Orders the verdict rests on."),
        Column("clipped_orders", COUNT, "Orders whose saving counted only up to the policy's limit."),
        Column("more_days", COUNT, "Days of orders the planner expects are still needed; empty when it sees no end.", nullable=True),
        Column("decided_at", TIME, "Arrival of the last order the verdict rests on, UTC.", nullable=True),
        Column("policy_sha256", TEXT, "Hash of the promotion policy it was judged by."),
    ),
    key=("verdict",),
)


NOTHING_TO_HAND_OVER = "there is no pool whose tokens, state and ticks are all known"


def in_charge(decision: Decision, champion: pl.DataFrame, challenger: pl.DataFrame) -> pl.DataFrame:
    """The row of this table: the verdict, and the policy that follows from it."""
    chosen = challenger if decision.verdict == "PROMOTE" else champion
    told = chosen.row(0, named=True)
    row = {name: getattr(decision, name) for name in TABLE.names if hasattr(decision, name)}
    row |= {name: told[name] for name in ("policy", "version", "bundle_sha256")}
    row["challenger_sha256"] = None if challenger.is_empty() else challenger["bundle_sha256"].item()
    return pl.DataFrame([row], schema=TABLE.schema)


def last_close(warehouse: Warehouse) -> tuple[pl.DataFrame, datetime | None]:
    """The pools at the last close there is, one row each, and the time of the last block before it."""
    closes = warehouse.scan(pool_states.TABLE).filter(pl.col("is_day_close"))
    last_day = closes.select(pl.col("day").max()).collect().item()
    if last_day is None:
        return pool_states.TABLE.empty(), None
    gas = warehouse.scan(gas_prices.TABLE).filter(pl.col("day") <= last_day).select(pl.col("block_time").max()).collect().item()
    return closes.filter(pl.col("day") == last_day).collect().sort("pool"), gas


@whole(
    TABLE,
    deps=[
        ab_evaluation.ab_evaluation,
        champion_model.champion_model,
        challenger_model.challenger_model,
        "pool_states",
        gas_prices.gas_prices,
        reference_prices.reference_prices,
        pools.pools,
        tokens.tokens,
    ],
    kinds=("onnx", "mlflow"),
)
def promoted_model(
    context: dg.AssetExecutionContext, warehouse: Warehouse, registry: ModelRegistry, handover: HandoverFolder
) -> dg.MaterializeResult:
    """Who decides how orders are executed, and why.

    PROMOTE moves the alias champion to the challenger; any other verdict leaves it with the rule the recording started with, and says
    what is missing. Then the executor is handed the pools, the market and the bundle in charge.
    """
    decision, _ = ab_evaluation.verdict_of(warehouse)
    row = in_charge(decision, warehouse.read(champion_model.TABLE), warehouse.read(challenger_model.TABLE))
    models = registry.open()
    version = next(one for one in models.versions() if one.version == row["version"].item())
    moved = models.point(CHAMPION, version)
    facts = {
        "alias_moved": moved,
        **_hand_over(warehouse, handover, models.bundles / version.bundle_sha256, f"{version.policy} v{version.version}"),
    }
    context.log.info("%s: %s", decision.verdict, decision.reason)
    return warehouse.write(
        TABLE, row, context, verdict=decision.verdict, reason=decision.reason, e_value=decision.e_value, lift=decision.lift, **facts
    )


def _hand_over(warehouse: Warehouse, handover: HandoverFolder, bundle: Path, version: str) -> dict[str, object]:
    states, as_of = last_close(warehouse)
    known = warehouse.read(pools.TABLE)
    pool_file, tick_file = pool_files(states, known, ids_in(handover.path))
    if as_of is None or pool_file.is_empty():
        return {"handed_over": False, "nothing_handed_over_because": NOTHING_TO_HAND_OVER}
    last = Span(as_of.date(), as_of.date())
    history = market_history(
        warehouse.read(reference_prices.TABLE, last.widened(before=1)), warehouse.read(gas_prices.TABLE, last.widened(before=1))
    )
    generation, changed = write_handover(
        handover.path,
        pools=pool_file,
        ticks=tick_file,
        tokens=warehouse.read(tokens.TABLE),
        history=history,
        bundle=bundle,
        version=version,
        chain_id=states["chain_id"].item(0),
        as_of=as_of,
    )
    return {
        "handed_over": True,
        "generation": generation,
        "handover_changed": changed,
        "pools": pool_file.height,
        "as_of": as_of.isoformat(),
    }


@dg.asset_check(asset=promoted_model, blocking=True)
def the_executor_takes_what_it_is_handed(warehouse: Warehouse, registry: ModelRegistry, handover: HandoverFolder) -> dg.AssetCheckResult:
    """The executor's own loading accepts the hand-over, and the bundle in it is the one in charge."""
    row = warehouse.read(TABLE).row(0, named=True)
    states, as_of = last_close(warehouse)
    if as_of is None or pool_files(states, warehouse.read(pools.TABLE), {})[0].is_empty():
        return dg.AssetCheckResult(passed=True, metadata={"handover": NOTHING_TO_HAND_OVER})
    try:
        loaded = load_handover(handover.path)
    except Problem as problem:
        return dg.AssetCheckResult(passed=False, metadata={"reason": problem.message})
    champion = registry.open().at(CHAMPION)
    same = loaded.bundle.sha256 == row["bundle_sha256"] and champion is not None and champion.bundle_sha256 == loaded.bundle.sha256
    return dg.AssetCheckResult(passed=same, metadata={"bundle_sha256": loaded.bundle.sha256, "generation": loaded.generation})


@dg.asset_check(asset=promoted_model, blocking=True)
def nobody_is_promoted_without_evidence(warehouse: Warehouse) -> dg.AssetCheckResult:
    """A promotion has at least the policy's blocks, lift and e-value behind it."""
    row, rule = warehouse.read(TABLE).row(0, named=True), trial.policy()
    enough = row["blocks"] >= rule.min_blocks and row["lift"] >= rule.min_lift and row["e_value"] >= rule.bar and row["saving_bps"] > 0
    return dg.AssetCheckResult(
        passed=enough or row["verdict"] != "PROMOTE", metadata={"verdict": row["verdict"], "policy_sha256": rule.sha256}
    )
