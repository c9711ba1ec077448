"""What the agents decided: one row per negotiation, with the score, the reason, and who took which part."""

from collections.abc import Iterable, Sequence
from typing import Any

import dagster as dg
import polars as pl

from assets import pictures
from assets.learning import negotiations
from assets.tables import whole
from assets.warehouse import Warehouse
from domain.schemas import AMOUNT, FLAG, TEXT, TIME, Column, Table, columns
from executor.agents.reading import document_of
from executor.agents.transcript import Kind, Row, conversations

TABLE = Table(
    "agent_decisions",
    row="One negotiation.",
    columns=columns(
        Column("conversation_id", TEXT, "The negotiation; a trade can have several."),
        Column("trade_id", TEXT, "The trade it is about."),
        Column("called_at", TIME, "When the agents were called, UTC."),
        Column("decided_at", TIME, "When it was decided, UTC; empty when it was called off or is under way.", nullable=True),
        Column("action", TEXT, "What was decided.", nullable=True),
        Column("score_micro", AMOUNT, "The action's weighted utility, millionths of the best there can be.", nullable=True),
        Column("is_quorate", FLAG, "Whether enough agents proposed.", nullable=True),
        Column("reason", TEXT, "Why, in a sentence.", nullable=True),
        Column("proposed", TEXT, "Agents that proposed, separated by blanks."),
        Column("refused", TEXT, "Agents that abstained."),
        Column("failed", TEXT, "Agents that broke or whose answer was set aside."),
        Column("late", TEXT, "Agents that answered after the deadline."),
        Column("silent", TEXT, "Agents that said nothing."),
        Column("outcome", TEXT, "What became of it: inform (carried out), failure or cancel.", nullable=True),
        Column("replays_equal", FLAG, "Whether the decision follows from the record again, byte for byte.", nullable=True),
    ),
    key=("conversation_id",),
)


def frame_of(rows: Iterable[Row]) -> pl.DataFrame:
    """The table's rows of the record's rows. What was said outside every negotiation is in none."""
    told = [_row(part) for part in conversations(rows).values() if any(row.kind == Kind.SENT for row in part)]
    times = {"called_at": pl.Int64(), "decided_at": pl.Int64()}
    frame = pl.DataFrame(told, schema={**TABLE.schema, **times})
    return frame.with_columns(pl.from_epoch(name, time_unit="us").dt.replace_time_zone("UTC") for name in times)


def _row(rows: Sequence[Row]) -> dict[str, Any]:
    document = document_of(rows)
    decision, outcome = document["decision"] or {}, document["outcome"]
    scores = {one["action"]: one["score_micro"] for one in decision.get("tallies", ())}
    parts = {name: " ".join(sorted(decision.get(name, ()))) for name in ("proposed", "refused", "failed", "late", "silent")}
    return {
        "conversation_id": document["conversation_id"],
        "trade_id": document["trade_id"],
        "called_at": rows[0].at_ns // 1_000,
        "decided_at": next((row.at_ns // 1_000 for row in rows if row.kind == Kind.DECIDED), None),
        "action": decision.get("action"),
        "score_micro": scores.get(decision.get("action")),
        "is_quorate": decision.get("is_quorate"),
        "reason": decision.get("reason"),
        **parts,
        "outcome": outcome["act"] if outcome else None,
        "replays_equal": document["replay"]["equal"] if decision else None,
    }


@whole(TABLE, deps=[negotiations.negotiations])
def agent_decisions(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
    """What the agents decided before each trade and why, who proposed, and who abstained, broke, was late or said nothing.

    It is advice: orders go their way past the guards.
    """
    rows = frame_of(negotiations.rows_of(warehouse.read(negotiations.TABLE)))
    decided = rows.filter(pl.col("action").is_not_null())
    by_action = decided.group_by("action").len().sort("action")
    return warehouse.write(
        TABLE,
        rows,
        context,
        decisions=pictures.bars(dict(by_action.iter_rows()), "decisions by action"),
        decided=decided.height,
        not_quorate=decided.filter(~pl.col("is_quorate")).height,
        with_a_silent_agent=decided.filter(pl.col("silent") != "").height,
    )


@dg.asset_check(asset=agent_decisions, blocking=True)
def every_decision_follows_again(warehouse: Warehouse) -> dg.AssetCheckResult:
    """From what was heard and the weights of then, each decision follows again, byte for byte."""
    wrong = warehouse.read(TABLE).filter(~pl.col("replays_equal"))
    return dg.AssetCheckResult(passed=wrong.is_empty(), metadata={"trades": wrong["trade_id"].to_list()})


@dg.asset_check(asset=agent_decisions, blocking=True)
def nobody_has_two_parts_in_a_negotiation(warehouse: Warehouse) -> dg.AssetCheckResult:
    """An agent proposed, abstained, failed, was late or said nothing: one of these."""
    parts = pl.concat_str("proposed", "refused", "failed", "late", "silent", separator=" ").str.extract_all(r"\S+")
    wrong = warehouse.read(TABLE).filter(parts.list.n_unique() != parts.list.len())
    return dg.AssetCheckResult(passed=wrong.is_empty(), metadata={"trades": wrong["trade_id"].to_list()})
