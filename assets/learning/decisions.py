"""What the models in force decided, order by order: the executor's log of decisions as a table."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from assets import pictures
from assets.learning.asking_again import asking_again
from assets.learning.handover import HandoverFolder
from assets.tables import whole
from assets.warehouse import Warehouse
from domain.assignment import bucket_of, is_challengers
from domain.problems import Broken, JournalUnavailable
from domain.schemas import COUNT, TEXT, TIME, Column, Table, columns
from domain.sequential import CHALLENGER, CHAMPION
from executor.decision_log import FILE, read_decisions
from executor.journal.sealing import Sealed

TABLE = Table(
    "decisions",
    row="One decision about one order.",
    columns=columns(
        Column("order_id", TEXT, "The order."),
        Column("kind", TEXT, "decided (it was asked for), order_decided (beside an order) or swap_decided (a simulated swap)."),
        Column("seq", COUNT, "Place in the executor's log."),
        Column("decided_at", TIME, "When it was decided, UTC."),
        Column("generation", COUNT, "Generation of the models in force."),
        Column("model", TEXT, "The model that decided."),
        Column("model_version", TEXT, "Its version."),
        Column("bundle_sha256", TEXT, "Hash of its bundle.", nullable=True),
        Column("salt", TEXT, "What the two models' experiment divides orders by."),
        Column("bucket", COUNT, "The order's bucket, 0 to 9,999."),
        Column("share_bp", COUNT, "The challenger's share of orders, of 10,000."),
        Column("arm", TEXT, "Whose order it was: champion or challenger."),
        Column("action", TEXT, "What was decided."),
        Column("shadow_action", TEXT, "What the other model would have done; empty without one.", nullable=True),
        Column("failure", TEXT, "Why the model could not answer; the rule `now` did.", nullable=True),
        Column("hash", TEXT, "SHA-256 over the log's row and all before it."),
    ),
    key=("order_id", "kind"),
)
# So many decisions are held at once before they become a frame.
AT_ONCE = 50_000
SHOWN = 20
# What SQLite says when somebody holds the file for a moment; anything else is damage.
PASSING = ("SQLITE_BUSY", "SQLITE_LOCKED")


@dataclass(frozen=True, slots=True)
class Log:
    """The decisions before any damage, why there are none, where the log does not hold, and how many of its rows come after that."""

    decisions: pl.DataFrame
    why_empty: str = ""
    damage: str = ""
    left_out: int = 0


def logged(folder: Path) -> Log:
    """The executor's log of decisions. A log that does not hold gives what stands before the damage: nothing after it is proved.

    Raises JournalUnavailable when it cannot be read just now.
    """
    path = folder / FILE
    if not path.is_file():
        return Log(TABLE.empty(), f"no model decided an order: there is no {FILE} in the executor's folder")
    frames: list[pl.DataFrame] = [TABLE.empty()]
    rows: list[dict[str, Any]] = []
    damage, read, left_out = "", 0, 0
    try:
        for row in read_decisions(path):
            if not damage and (row.seq != read or not row.is_intact):
                damage = f"row {row.seq} of {FILE} is not the one that was written after {read} others; restore the log from a copy"
            read, left_out = read + 1, left_out + bool(damage)
            if not damage and row.about[1] is not None:
                rows.append(_row(row))
            if len(rows) == AT_ONCE:
                frames.append(pl.DataFrame(rows, schema=TABLE.schema))
                rows = []
    except (sqlite3.DatabaseError, Broken) as error:
        if getattr(error, "sqlite_errorname", "").startswith(PASSING):
            raise JournalUnavailable(f"{path} cannot be read just now ({error}); ask again.", path=str(path)) from error
        damage = damage or f"{FILE} is damaged after {read} rows ({error}); restore it from a copy"
    found = pl.concat([*frames, pl.DataFrame(rows, schema=TABLE.schema)])
    return Log(found, "" if found.height else damage or "no model has decided an order yet", damage, left_out)


def _row(row: Sealed) -> dict[str, Any]:
    entry = row.entry
    # A simulated swap keeps its decision within the answer.
    told: Mapping[str, Any] = entry.facts["answer"]["decision"] if "answer" in entry.facts else entry.facts
    return {
        "order_id": entry.order_id,
        "kind": entry.kind,
        "seq": row.seq,
        "decided_at": entry.at,
        "generation": told["generation"],
        "model": told["model"],
        "model_version": str(told["model_version"]),
        "bundle_sha256": told["bundle_sha256"],
        "salt": told["experiment"],
        "bucket": told["bucket"],
        "share_bp": told["share_bp"],
        "arm": told["arm"],
        "action": told["action"],
        "shadow_action": told["shadow"]["action"] if told["shadow"] else None,
        "failure": told["failure"],
        "hash": row.hash,
    }


@whole(TABLE)
def decisions(context: dg.AssetExecutionContext, warehouse: Warehouse, handover: HandoverFolder) -> dg.MaterializeResult:
    """What the models in force decided for each order, by which generation, in which arm, and what the other model would have done.

    From the executor's own log. One order id may stand in it once for each kind of decision.
    """
    with asking_again(context):
        log = logged(handover.path)
    rows = log.decisions
    compared = rows.filter(pl.col("shadow_action").is_not_null())
    return warehouse.write(
        TABLE,
        rows,
        context,
        why_empty=log.why_empty or "it is not",
        damage=log.damage or "none",
        by_action=pictures.bars(dict(rows.group_by("action").len().sort("action").iter_rows()), "decisions by action"),
        by_version=pictures.bars(dict(rows.group_by("model_version").len().sort("model_version").iter_rows()), "decisions by version"),
        challengers_orders=rows.filter(pl.col("arm") == CHALLENGER).height,
        failures=rows.filter(pl.col("failure").is_not_null()).height,
        shadow_disagreed=compared.filter(pl.col("shadow_action") != pl.col("action")).height,
    )


@dg.asset_check(asset=decisions, blocking=True)
def every_decision_is_in_the_executor_s_log(warehouse: Warehouse, handover: HandoverFolder) -> dg.AssetCheckResult:
    """The log of decisions is whole and unchanged, and this table is what it says."""
    log = logged(handover.path)
    known = log.decisions.select("seq", "hash")
    strangers = warehouse.scan(TABLE).select("order_id", "seq", "hash").collect().join(known, on=["seq", "hash"], how="anti")
    return dg.AssetCheckResult(
        passed=not log.damage and strangers.is_empty(),
        metadata={
            "damage": log.damage or "none",
            "rows_after_the_damage": log.left_out,
            "not_in_the_log": strangers["order_id"].sort().head(SHOWN).to_list(),
        },
    )


@dg.asset_check(asset=decisions, blocking=True)
def every_order_is_in_the_arm_its_id_and_salt_say(warehouse: Warehouse) -> dg.AssetCheckResult:
    """Bucket and arm of every order follow from its id, the experiment's salt and the share, for whoever computes them again."""
    placed = warehouse.scan(TABLE).select("order_id", "salt", "share_bp", "bucket", "arm").collect()
    wrong = [order for order, salt, share, bucket, arm in placed.iter_rows() if (bucket, arm) != _place(order, salt, share)]
    return dg.AssetCheckResult(passed=not wrong, metadata={"orders": placed.height, "wrong": wrong[:SHOWN]})


def _place(order_id: str, salt: str, share_bp: int) -> tuple[int, str]:
    bucket = bucket_of(order_id, salt)
    return bucket, CHALLENGER if is_challengers(bucket, share_bp) else CHAMPION
