"""What each agent's word was worth: the P&L of each trade that was settled, divided among those who advised on it."""

import json
from collections.abc import Iterable
from typing import Any

import dagster as dg
import polars as pl

from assets import pictures
from assets.learning import negotiations
from assets.tables import whole
from assets.warehouse import Warehouse
from domain.schemas import AMOUNT, TEXT, TIME, Column, Table, columns
from executor.agents.transcript import Kind, Row

TABLE = Table(
    "agent_credit",
    row="One agent's part in one trade's P&L.",
    columns=columns(
        Column("conversation_id", TEXT, "The negotiation; a trade can have several."),
        Column("trade_id", TEXT, "The trade."),
        Column("settled_at", TIME, "When the outcome was recorded, UTC."),
        Column("agent", TEXT, "An agent that proposed."),
        Column("shapley_units", AMOUNT, "What it changed, on average (Shapley value), base units of the amount."),
        Column("utility_share_units", AMOUNT, "Its share by the utility it saw in the action, base units of the amount."),
        Column("pnl_units", AMOUNT, "What the whole decision earned beyond doing without agents, base units of the amount."),
    ),
    key=("conversation_id", "agent"),
)
# The record's rows that tell credits, as `explained` of domain/credit.py has them.
CREDITED = "credited"


def frame_of(rows: Iterable[Row]) -> pl.DataFrame:
    """The table's rows of the record's rows. A negotiation that was settled anew counts as it was settled last."""
    settled = {row.conversation_id: (row, json.loads(row.payload)) for row in rows if row.kind == CREDITED}
    parts = [
        (about, row.trade_id, row.at_ns // 1_000, agent, int(units), int(told["utility_share"][agent]), int(told["result"]))
        for about, (row, told) in settled.items()
        for agent, units in told["shapley"].items()
    ]
    frame = pl.DataFrame(parts, schema={**TABLE.schema, "settled_at": pl.Int64()}, orient="row")
    return frame.with_columns(pl.from_epoch("settled_at", time_unit="us").dt.replace_time_zone("UTC"))


def total(units: Iterable[Any]) -> int:
    """The exact sum; Python's own of Decimals rounds to 28 digits."""
    return sum(map(int, units))


@whole(TABLE, deps=[negotiations.negotiations])
def agent_credit(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
    """Who earned what: the P&L of each settled trade in two divisions, both exact to the last unit.

    The Shapley value pays what an agent changed, the utility share how much it was for what was done (docs/credit.md). Trades whose
    outcome is not recorded have no rows.
    """
    rows = frame_of(negotiations.rows_of(warehouse.read(negotiations.TABLE)))
    sums = rows.group_by("agent").agg(pl.col("shapley_units", "utility_share_units").cast(pl.Float64).sum()).sort("agent")
    return warehouse.write(
        TABLE,
        rows,
        context,
        trades=rows["conversation_id"].n_unique(),
        shapley=pictures.bars(dict(sums.select("agent", "shapley_units").iter_rows()), "Shapley credit, base units"),
        utility_share=pictures.bars(dict(sums.select("agent", "utility_share_units").iter_rows()), "shares by utility, base units"),
        why_empty="it is not" if rows.height else "no trade's outcome is in the record",
    )


@dg.asset_check(asset=agent_credit, blocking=True)
def both_divisions_add_up_to_the_p_and_l(warehouse: Warehouse) -> dg.AssetCheckResult:
    """The Shapley credits of a trade add up to its P&L, and so do the utility shares, to the last unit."""
    rows = warehouse.read(TABLE)
    wrong = [
        parts["trade_id"].item(0)
        for parts in rows.partition_by("conversation_id", maintain_order=True)
        if any({int(units) for units in parts["pnl_units"]} != {total(parts[name])} for name in ("shapley_units", "utility_share_units"))
    ]
    return dg.AssetCheckResult(passed=not wrong, metadata={"trades": rows["conversation_id"].n_unique(), "wrong": wrong})


@dg.asset_check(asset=agent_credit, blocking=True)
def only_those_who_proposed_are_paid(warehouse: Warehouse) -> dg.AssetCheckResult:
    """Who is credited had proposed, and everybody who proposed is credited."""
    record = warehouse.read(negotiations.TABLE).filter("is_sealed")
    credited = warehouse.read(TABLE).select("conversation_id", "agent")
    weighed = record.filter(pl.col("row_kind") == str(Kind.WEIGHTS)).select("conversation_id", "said")
    heard = {about: set(json.loads(said)["ppm"]) for about, said in weighed.iter_rows()}
    paid: dict[str, set[str]] = {}
    for about, agent in credited.iter_rows():
        paid.setdefault(about, set()).add(agent)
    wrong = sorted(about for about, agents in paid.items() if heard.get(about) != agents)
    return dg.AssetCheckResult(passed=not wrong, metadata={"negotiations": len(paid), "wrong": wrong})
