"""The challenger: a model that decides how an order is executed, learned from the first days."""

import dagster as dg
import polars as pl

from assets.learning import training_set, trial
from assets.learning.answers import WAIT
from assets.learning.registry import ModelRegistry
from assets.tables import whole
from assets.warehouse import Warehouse, digest_of
from domain.problems import BundleRejected
from domain.schemas import COUNT, RATIO, TEXT, TIME, Column, Table, columns
from executor.bundle import load_bundle
from models.bundle import Bundle, Origin, write_bundle
from models.policies import quote_offset
from models.registry import CHALLENGER
from models.training import Trained, matrix, train

TABLE = Table(
    "challenger_model",
    row="The challenger's bundle; no row when there was too little to learn from, or when it did not get past the gate.",
    columns=columns(
        Column("policy", TEXT, "Name of the policy."),
        Column("version", COUNT, "Its version in the registry."),
        Column("bundle_sha256", TEXT, "Hash of its bundle."),
        Column("orders", COUNT, "Orders it learned from."),
        Column("first_order_at", TIME, "Arrival of the first of them, UTC."),
        Column("last_order_at", TIME, "Arrival of the last of them, UTC."),
        Column("seed", COUNT, "Seed of the training."),
        Column("margin_bps", RATIO, "What waiting must promise beyond acting, bps; found by walking forward."),
        Column("walk_forward_lift", RATIO, "Cost saved on later training days by models of the days before; a forecast, no evidence."),
        Column("walk_forward_waits", RATIO, "Share of orders that waited there."),
        Column("reward_bps", RATIO, "Reward there: net P&L less risk and turnover, plus the agents' credit, bps per order."),
        Column("ablation_margin_bps", RATIO, "The margin that would have been found had the agents' credit counted nothing, bps."),
        Column("gate_saving_bps", RATIO, "What a log of another policy says it saves, doubly robust, bps per order."),
        Column("gate_low_bps", RATIO, "Lower end of that estimate's interval, bps."),
        Column("data_sha256", TEXT, "Hash of the training set."),
    ),
    key=("policy",),
)


def bundle_of(trained: Trained, lessons: pl.DataFrame, data_sha256: str, registry: ModelRegistry) -> Bundle:
    """The trained challenger as a bundle among the registry's; the same lessons and seed give the same hash."""
    rows = matrix(lessons.sort("arrived_at", "order_id"))
    origin = Origin(
        policy=quote_offset.NAME,
        seed=trial.SEED,
        first_order=lessons["arrived_at"].min().isoformat(),  # type: ignore[union-attr]
        last_order=lessons["arrived_at"].max().isoformat(),  # type: ignore[union-attr]
        orders=lessons.height,
        data_sha256=data_sha256,
        policy_sha256=trial.policy().sha256,
    )
    return write_bundle(
        registry.open().bundles, trained.model.export(), rows, trained.model.savings(rows), int(WAIT.total_seconds()), origin
    )


@whole(TABLE, deps=[training_set.training_set], kinds=("scikitlearn", "onnx", "mlflow"))
def challenger_model(context: dg.AssetExecutionContext, warehouse: Warehouse, registry: ModelRegistry) -> dg.MaterializeResult:
    """Learns when to split and when to wait.

    What can be quoted it takes from the quote; gradient-boosted trees learn what a quote cannot tell. The same lessons and seed give
    the same bundle, byte for byte. Before it is shadowed, a log of what another policy did on days it had not seen must say that it
    saves; a challenger that does not get past this gate is registered and goes no further.
    """
    lessons = warehouse.read(training_set.TABLE)
    trained = train(lessons, WAIT, trial.SEED)
    if trained is None:
        return warehouse.write(TABLE, TABLE.empty(), context, reason=f"{lessons.height} orders are too few to learn from")
    data_sha256 = digest_of(lessons)
    bundle = bundle_of(trained, lessons, data_sha256, registry)
    models, metrics = registry.open(), trained.facts()
    version = models.register(bundle, metrics, {"dagster_run_id": context.run.run_id, "gate": trained.gate.reason})
    if not trained.gate.passes:
        return warehouse.write(TABLE, TABLE.empty(), context, reason=f"stopped at the gate: {trained.gate.reason}", **metrics)
    models.point(CHALLENGER, version)
    row = {
        "policy": quote_offset.NAME,
        "version": version.version,
        "bundle_sha256": bundle.sha256,
        "orders": lessons.height,
        "first_order_at": lessons["arrived_at"].min(),
        "last_order_at": lessons["arrived_at"].max(),
        "seed": trial.SEED,
        "data_sha256": data_sha256,
        **metrics,
    }
    row = {name: row[name] for name in TABLE.names}
    return warehouse.write(
        TABLE,
        pl.DataFrame([row], schema=TABLE.schema),
        context,
        policy=quote_offset.DESCRIPTION,
        bundle_sha256=bundle.sha256,
        gate=trained.gate.reason,
        **metrics,
    )


@dg.asset_check(asset=challenger_model, blocking=True)
def golden_rows_reproduce(warehouse: Warehouse, registry: ModelRegistry) -> dg.AssetCheckResult:
    """The executor's own verification takes the challenger's bundle: hashes, features, and the same answers to the golden rows."""
    found = warehouse.read(TABLE)
    if found.is_empty():
        return dg.AssetCheckResult(passed=True, metadata={"bundle": "none was trained"})
    digest = found["bundle_sha256"].item()
    try:
        loaded = load_bundle(registry.open().bundles / digest, digest)
    except BundleRejected as problem:
        return dg.AssetCheckResult(passed=False, metadata={"reason": problem.message})
    return dg.AssetCheckResult(passed=True, metadata={"golden_rows": len(loaded.manifest["golden"]["inputs"])})
