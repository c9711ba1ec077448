"""How much each agent counts, from decision to decision."""

import json
from collections.abc import Iterable

import dagster as dg
import polars as pl

from assets import pictures
from assets.learning import negotiations
from assets.tables import whole
from assets.warehouse import Warehouse
from domain.negotiation import WHOLE
from domain.schemas import COUNT, TEXT, TIME, Column, Table, columns
from executor.agents.transcript import Row

# The record's rows that tell weights, and when they were in force.
MOMENTS = {"weights": "decided", "learnt": "learnt"}

TABLE = Table(
    "agent_weights",
    row="One agent's weight in one decision, or after its outcome was learnt from.",
    columns=columns(
        Column("seq", COUNT, "Place in the executor's record."),
        Column("recorded_at", TIME, "When it was recorded, UTC."),
        Column("conversation_id", TEXT, "The negotiation; a trade can have several."),
        Column("trade_id", TEXT, "The trade it was about."),
        Column("moment", TEXT, "decided (the weights of those who proposed) or learnt (everybody's after the outcome)."),
        Column("agent", TEXT, "The agent."),
        Column("weight_ppm", COUNT, "How much it counts, parts per million; those of a row of the record add up to a million."),
    ),
    key=("seq", "agent"),
)
# So many agents get a picture of their own, those that took part most often first.
PICTURED = 8


def frame_of(rows: Iterable[Row]) -> pl.DataFrame:
    """The table's rows of the record's rows."""
    told = [
        (row.seq, row.at_ns // 1_000, row.conversation_id, row.trade_id, MOMENTS[row.kind], agent, ppm)
        for row in rows
        if row.kind in MOMENTS
        for agent, ppm in json.loads(row.payload)["ppm"].items()
    ]
    frame = pl.DataFrame(told, schema={**TABLE.schema, "recorded_at": pl.Int64()}, orient="row")
    return frame.with_columns(pl.from_epoch("recorded_at", time_unit="us").dt.replace_time_zone("UTC"))


@whole(TABLE, deps=[negotiations.negotiations])
def agent_weights(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
    """How much each agent's word counts: in each decision it proposed in, and after each outcome.

    Weights are learnt from what each agent's own proposals would have earned (docs/credit.md). An agent that did not
    propose has no weight in that decision: the others shared it.
    """
    rows = frame_of(negotiations.rows_of(warehouse.read(negotiations.TABLE)))
    # In a decision the others share the weight of whoever is absent; what was learnt is everybody's.
    ordered = rows.filter((pl.col("moment") == "learnt") | (pl.col("moment") != "learnt").all()).sort("seq")
    often = ordered.group_by("agent").len().sort("len", "agent", descending=[True, False]).head(PICTURED)["agent"].to_list()
    lines = {
        f"weight_of_{agent}": pictures.sparkline(ordered.filter(pl.col("agent") == agent)["weight_ppm"].to_list(), f"{agent}, ppm")
        for agent in often
    }
    last = ordered.group_by("agent").last().sort("agent").select("agent", "weight_ppm")
    return warehouse.write(
        TABLE, rows, context, agents=last.height, latest=pictures.bars(dict(last.iter_rows()), "latest weights, parts per million"), **lines
    )


@dg.asset_check(asset=agent_weights, blocking=True)
def the_weights_add_up_to_a_million(warehouse: Warehouse) -> dg.AssetCheckResult:
    """All weights of a moment add up to a million, and none is below zero."""
    sums = warehouse.read(TABLE).group_by("seq", "trade_id").agg(pl.col("weight_ppm").sum(), least=pl.col("weight_ppm").min())
    wrong = sums.filter((pl.col("weight_ppm") != WHOLE) | (pl.col("least") < 0)).sort("seq")
    return dg.AssetCheckResult(passed=wrong.is_empty(), metadata={"moments": sums.height, "trades": wrong["trade_id"].to_list()})
