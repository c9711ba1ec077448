"""The champion the recording starts with: the rule that executes every order at once on the best quote."""

import dagster as dg
import numpy as np
import polars as pl

from assets.learning import trial
from assets.learning.answers import WAIT
from assets.learning.registry import ModelRegistry
from assets.tables import whole
from assets.warehouse import Warehouse
from domain.bundles import GOLDEN_ROWS
from domain.features import NAMES
from domain.schemas import COUNT, TEXT, Column, Table, columns
from executor.bundle import load_bundle
from models.bundle import Origin, write_bundle
from models.policies import execute_now
from models.registry import CHAMPION

TABLE = Table(
    "champion_model",
    row="The champion's bundle.",
    columns=columns(
        Column("policy", TEXT, "Name of the policy."),
        Column("version", COUNT, "Its version in the registry."),
        Column("bundle_sha256", TEXT, "Hash of its bundle."),
    ),
    key=("policy",),
)
NOTHING = "0" * 64


@whole(TABLE, kinds=("onnx", "mlflow"))
def champion_model(context: dg.AssetExecutionContext, warehouse: Warehouse, registry: ModelRegistry) -> dg.MaterializeResult:
    """The policy to beat: execute now on the best quote.

    A rule, exported as ONNX so that the executor runs it by the same road as a model. It holds the alias champion until another
    one has earned it.
    """
    # A rule answers every order alike: any rows will do as golden ones.
    rows = np.outer(np.arange(GOLDEN_ROWS), np.ones(len(NAMES))).astype(np.float32)
    rule = execute_now.ExecuteNow()
    origin = Origin(execute_now.NAME, 0, None, None, 0, NOTHING, trial.policy().sha256)
    models = registry.open()
    bundle = write_bundle(models.bundles, rule.export(), rows, rule.answers(rows), int(WAIT.total_seconds()), origin)
    version = models.register(bundle, {}, {"dagster_run_id": context.run.run_id})
    if models.at(CHAMPION) is None:
        models.point(CHAMPION, version)
    row = pl.DataFrame({"policy": [execute_now.NAME], "version": [version.version], "bundle_sha256": [bundle.sha256]})
    return warehouse.write(TABLE, row, context, policy=execute_now.DESCRIPTION, bundle_sha256=bundle.sha256)


@dg.asset_check(asset=champion_model, blocking=True)
def the_champion_s_bundle_verifies(warehouse: Warehouse, registry: ModelRegistry) -> dg.AssetCheckResult:
    """The executor's own verification takes the champion's bundle: hashes, features, golden rows."""
    digest = warehouse.read(TABLE)["bundle_sha256"].item()
    loaded = load_bundle(registry.open().bundles / digest, digest)
    return dg.AssetCheckResult(passed=True, metadata={"policy": loaded.policy, "golden_rows": len(loaded.manifest["golden"]["inputs"])})
