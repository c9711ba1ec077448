"""The promoted model: who decides from here on, why, and the hand-over of it to the executor."""

from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from assets import pictures
from assets.chain import gas_prices, pool_states, pools, reference_prices, tokens
from assets.learning import ab_evaluation, challenger_model, champion_model, trial
from assets.learning.activation import TAKEN_BACK, act, taken_back, verifies
from assets.learning.asking_again import asking_again
from assets.learning.decision_record import DecisionRecord, record_of
from assets.learning.executor_door import NOT_CONNECTED, ExecutorDoor
from assets.learning.handover import HandoverFolder, ids_in, model_in, pool_files, write_handover
from assets.learning.registry import ModelRegistry
from assets.learning.replay import market_history
from assets.partitions import Span
from assets.tables import whole
from assets.warehouse import Warehouse
from domain.problems import Problem
from domain.schemas import COUNT, RATIO, TEXT, TIME, Column, Table, columns
from executor.handover import BUNDLES, load_handover
from models.registry import CHAMPION, Version

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
        Column("data_sha256", TEXT, "Hash of the trials it rests on."),
        Column("decision_sha256", TEXT, "Hash of the whole decision: it is acted on once."),
    ),
    key=("verdict",),
)


NOTHING_TO_HAND_OVER = "there is no pool whose tokens, state and ticks are all known"


def in_charge(record: DecisionRecord, champion: pl.DataFrame, challenger: pl.DataFrame) -> pl.DataFrame:
    """The row of this table: the verdict, and the policy that follows from it."""
    decision = record.decision
    chosen = challenger if decision.verdict == "PROMOTE" else champion
    told = chosen.row(0, named=True)
    row = {name: getattr(decision, name) for name in TABLE.names if hasattr(decision, name)}
    row |= {name: told[name] for name in ("policy", "version", "bundle_sha256")}
    row |= {"challenger_sha256": record.challenger_sha256, "data_sha256": record.data_sha256, "decision_sha256": record.sha256}
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
    code_version="2",
)
def promoted_model(
    context: dg.AssetExecutionContext, warehouse: Warehouse, registry: ModelRegistry, handover: HandoverFolder, executor_door: ExecutorDoor
) -> dg.MaterializeResult:
    """Who decides how orders are executed, and why.

    PROMOTE puts the challenger in charge, ROLLBACK takes it out; any other verdict leaves the rule the recording started with, and says
    what is missing. A running executor is asked first, and the alias champion moves when all its decisions are made with the new model.
    Without one the executor is handed files: the pools, the market and the bundle in charge.
    """
    with asking_again(context):
        executor = executor_door.open()
        decision, path = ab_evaluation.verdict_of(warehouse)
        record = record_of(decision, warehouse)
        champion, challenger = warehouse.read(champion_model.TABLE), warehouse.read(challenger_model.TABLE)
        row = in_charge(record, champion, challenger)
        models = registry.open()
        known = {version.version: version for version in models.versions()}
        version = known[row["version"].item()]
        if executor is None:
            moved = models.point(CHAMPION, version)
            handed = _hand_over(warehouse, handover, models.bundles / version.bundle_sha256, called(version))
            told: dict[str, Any] = {"executor": NOT_CONNECTED}
        else:
            # In this order, so that a crash anywhere leaves what the next run mends: the executor answers the same decision with what it
            # did the first time, and the alias never says more than the executor does. Pools and market go over as files, with the model
            # that they went with before: a model changes through the door alone.
            first = known[champion["version"].item()]
            before = model_in(handover.path) or (models.bundles / first.bundle_sha256, called(first))
            handed = _hand_over(warehouse, handover, *before)
            operation = act(executor, record, models, version, handover.path)
            if operation is not None and operation.state == TAKEN_BACK and decision.verdict == "PROMOTE":
                row, version = taken_back(row, first, operation), first
            told = {"executor": "connected, nothing to change"} if operation is None else operation.metadata()
            moved = models.point(CHAMPION, version)
    context.log.info("%s: %s", row["verdict"].item(), row["reason"].item())
    return warehouse.write(
        TABLE,
        row,
        context,
        verdict=row["verdict"].item(),
        reason=row["reason"].item(),
        evidence=pictures.evidence(path["e_value"].to_list(), decision.bar),
        e_value=decision.e_value,
        lift=decision.lift,
        alias_moved=moved,
        code_sha256=version.tags.get("code_sha256", "unknown"),
        **record.metadata(),
        **told,
        **handed,
    )


def called(version: Version) -> str:
    """How a hand-over names a version."""
    return f"{version.policy} v{version.version}"


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
    digest = row["bundle_sha256"]
    agreed = champion is not None and champion.bundle_sha256 == digest
    # Where an executor runs, the model in charge went through its door and stands on its shelf; the hand-over brought pools and market.
    there = loaded.bundle.sha256 == digest or verifies(handover.path / BUNDLES / digest, digest)
    return dg.AssetCheckResult(passed=agreed and there, metadata={"bundle_sha256": digest, "generation": loaded.generation})


@dg.asset_check(asset=promoted_model, blocking=True)
def nobody_is_promoted_without_evidence(warehouse: Warehouse) -> dg.AssetCheckResult:
    """A promotion has at least the policy's blocks, lift and e-value behind it."""
    row, rule = warehouse.read(TABLE).row(0, named=True), trial.policy()
    enough = row["blocks"] >= rule.min_blocks and row["lift"] >= rule.min_lift and row["e_value"] >= rule.bar and row["saving_bps"] > 0
    return dg.AssetCheckResult(
        passed=enough or row["verdict"] != "PROMOTE", metadata={"verdict": row["verdict"], "policy_sha256": rule.sha256}
    )
