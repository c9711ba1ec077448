"""The forecasts: markout, misses and the base fee, each learned from the first days and registered as a bundle."""

import math
from collections.abc import Mapping
from datetime import timedelta

import dagster as dg
import polars as pl

from assets.chain import gas_prices
from assets.learning import aftermath, features, trial
from assets.learning.registry import ModelRegistry
from assets.partitions import Span
from assets.tables import whole
from assets.warehouse import Warehouse, digest_of
from domain.block_features import FEE_FEATURES, LOOK_BACK, FeeSituation
from domain.features import NAMES, vector
from domain.market import BPS
from domain.problems import BundleRejected
from domain.schemas import COUNT, RATIO, TEXT, Column, Table, columns
from executor.bundle import load_bundle
from models.bundle import Origin, write_bundle
from models.features import off_by_one, too_good
from models.forecasting import Forecast, train_forecast
from models.policies import base_fee, markout, miss
from models.policy import Policy, matrix_of
from models.registry import CHAMPION

TABLE = Table(
    "forecast_models",
    row="One forecast's bundle; no row for one that had too little to learn from.",
    columns=columns(
        Column("policy", TEXT, "Name of the policy, and of its model in the registry."),
        Column("version", COUNT, "Its version there."),
        Column("bundle_sha256", TEXT, "Hash of its bundle."),
        Column("learned_from", COUNT, "Rows it learned from."),
        Column("judged_on", COUNT, "Rows of later days that models of the days before were judged on."),
        Column("error", RATIO, "Mean error of its first output there: absolute, in bps; for a probability squared (Brier)."),
        Column("baseline_error", RATIO, "The same of a baseline that says no move, or for a probability how often it happened so far."),
        Column("data_sha256", TEXT, "Hash of what it learned from."),
    ),
    key=("policy",),
)
POLICIES = (markout.POLICY, miss.POLICY, base_fee.POLICY)
# Blocks that teach the base fee: the last so many before the training ends.
MOST_BLOCKS = 20_000


def fee_frame(gas: pl.DataFrame) -> pl.DataFrame:
    """One row per block whose two successors are known: the features as they were at its end, and the move from one to the other."""
    known = gas.filter(pl.col("base_fee_per_gas").is_not_null()).sort("block_number").tail(MOST_BLOCKS)
    numbers, times = known["block_number"].to_list(), known["block_time"].to_list()
    fees = [int(fee) for fee in known["base_fee_per_gas"]]
    names = [feature.name for feature in FEE_FEATURES]
    rows = []
    for last in range(LOOK_BACK, len(fees)):
        if numbers[last] - numbers[last - LOOK_BACK] != LOOK_BACK or min(fees[last - LOOK_BACK : last + 1]) <= 0:
            continue
        # The fee of a block follows from its parent, so the next block's is known at the end of this one.
        moment = times[last - 2]
        situation = FeeSituation(moment, moment, fees[last - LOOK_BACK : last])
        told = dict(zip(names, vector(situation, FEE_FEATURES), strict=True))
        rows.append({"arrived_at": moment, **told, base_fee.LABEL: move_bps(fees[last - 1], fees[last])})
    schema = {"arrived_at": gas.schema["block_time"], **dict.fromkeys([*names, base_fee.LABEL], pl.Float64)}
    return pl.DataFrame(rows, schema=schema)


def move_bps(before: int, after: int) -> float:
    """The log change between two base fees, bps."""
    return BPS * math.log(after / before)


def frames(warehouse: Warehouse) -> Mapping[str, pl.DataFrame]:
    """What each forecast learns from: rows of the training days whose outcomes were known before their end."""
    span = Span(trial.first_day(), trial.training_ends().date() - timedelta(days=1))
    orders = warehouse.read(features.TABLE, span).select("order_id", "arrived_at", *NAMES)
    later = warehouse.read(aftermath.TABLE, span).drop("arrived_at", "day").filter(pl.col("known_at") < trial.training_ends())
    joined = orders.join(later, on="order_id").sort("arrived_at", "order_id")
    return {
        markout.NAME: joined.select(markout.POLICY.columns),
        miss.NAME: joined.with_columns(pl.col("missed").cast(pl.Float64)).select(miss.POLICY.columns),
        base_fee.NAME: fee_frame(warehouse.read(gas_prices.TABLE, span)),
    }


@whole(
    TABLE,
    deps=[features.features, aftermath.aftermath, gas_prices.gas_prices],
    kinds=("scikitlearn", "onnx", "mlflow"),
)
def forecast_models(context: dg.AssetExecutionContext, warehouse: Warehouse, registry: ModelRegistry) -> dg.MaterializeResult:
    """What can be foreseen of an order and of the fees, and how far off that is.

    Each forecast learns from the first days; its error is that of models of the days before, on days they had not seen, beside a
    baseline. A version whose error is no better than the baseline's is registered all the same and says so; only a better one gets the
    alias champion.
    """
    rows, facts, found = [], {}, frames(warehouse)
    for policy in POLICIES:
        frame = found[policy.name]
        trained = train_forecast(policy, frame, trial.SEED)
        if trained is None:
            facts[f"{policy.name}_left_out"] = f"{frame.height} rows are too few to learn from"
            continue
        rows.append(_registered(policy, frame, trained, registry, context.run.run_id))
        facts |= {f"{policy.name}_error": trained.error, f"{policy.name}_baseline_error": trained.baseline_error}
    return warehouse.write(TABLE, pl.DataFrame(rows, schema=TABLE.schema) if rows else TABLE.empty(), context, **facts)


def _registered(policy: Policy, frame: pl.DataFrame, trained: Forecast, registry: ModelRegistry, run_id: str) -> dict[str, object]:
    models, ordered, data_sha256 = registry.open(policy.name), frame.sort("arrived_at"), digest_of(frame)
    first, last = ordered["arrived_at"][0].isoformat(), ordered["arrived_at"][-1].isoformat()
    origin = Origin(policy.name, trial.SEED, first, last, frame.height, data_sha256, trial.policy().sha256)
    asked = matrix_of(ordered, policy.kind)
    bundle = write_bundle(models.bundles, trained.model.export(), asked, trained.model.answers(asked), 0, origin, policy.kind)
    errors = {"error": trained.error, "baseline_error": trained.baseline_error}
    version = models.register(bundle, errors, {"dagster_run_id": run_id})
    if trained.judged and trained.error < trained.baseline_error:
        models.point(CHAMPION, version)
    counts = {"learned_from": trained.rows, "judged_on": trained.judged}
    return {
        "policy": policy.name,
        "version": version.version,
        "bundle_sha256": bundle.sha256,
        "data_sha256": data_sha256,
        **errors,
        **counts,
    }


@dg.asset_check(asset=forecast_models, blocking=True)
def the_forecasts_bundles_verify(warehouse: Warehouse, registry: ModelRegistry) -> dg.AssetCheckResult:
    """The executor's own verification takes each forecast's bundle: hashes, features, outputs, golden rows."""
    for policy, digest in warehouse.read(TABLE).select("policy", "bundle_sha256").iter_rows():
        try:
            load_bundle(registry.open(policy).bundles / digest, digest)
        except BundleRejected as problem:
            return dg.AssetCheckResult(passed=False, metadata={"reason": problem.message})
    return dg.AssetCheckResult(passed=True, metadata={"bundles": warehouse.read(TABLE).height})


@dg.asset_check(asset=forecast_models, blocking=True)
def no_forecast_s_feature_gives_the_answer_away(warehouse: Warehouse) -> dg.AssetCheckResult:
    """No single feature tells a forecast's outcome, and none tells it better from the row after: either was made from the outcome."""
    leaks = []
    for policy in POLICIES:
        frame = frames(warehouse)[policy.name]
        for label in policy.labels:
            leaks += [f"{policy.name}: {name}" for name in too_good(frame, label, policy.kind.names)]
            # The fee after the next is what the next row calls its own: there the row after knows the outcome by design.
            if policy is not base_fee.POLICY:
                leaks += [f"{policy.name}: {name}, a row late" for name in off_by_one(frame, label, policy.kind.names)]
    return dg.AssetCheckResult(passed=not leaks, metadata={"features": ", ".join(leaks)})
