"""The record of negotiations as a table: every row of the executor's file, with what its message says and the bytes that prove it.

The bytes and the hashes are in the table, so whoever has it can check the chain and decide everything again without the executor.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
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
from domain.negotiation import Call, Proposal
from domain.schemas import AMOUNT, COUNT, FLAG, TEXT, TIME, Column, Table, columns
from executor.agents.reading import document_of
from executor.agents.transcript import Kind, Row, conversations, faults, replay
from executor.agents.transcript_file import FILE, read_what_is_left

# So many findings are shown; the first says where to look.
SHOWN = 20

TABLE = Table(
    "negotiations",
    row="One message of a negotiation, or its weights, its decision, its credits, or an agent that was lost.",
    columns=columns(
        Column("seq", COUNT, "Place in the executor's record, from 0."),
        Column("recorded_at", TIME, "When it was recorded, by the coordinator's clock, UTC."),
        Column("conversation_id", TEXT, "The negotiation; `unrouted` for messages that belong to none."),
        Column("trade_id", TEXT, "The trade it is about."),
        Column("row_kind", TEXT, "sent, heard, lost, weights, decided, credited or learnt (weights after the outcome)."),
        Column("sent_at", TIME, "When the sender says it was sent, UTC; empty where there is no readable message.", nullable=True),
        Column("from_agent", TEXT, "Who sent it; empty where there is no readable message."),
        Column("to_agent", TEXT, "To whom; empty where there is no readable message."),
        Column("kind", TEXT, "cfp, propose, refuse, accept, reject, inform, failure or cancel.", nullable=True),
        Column("action", TEXT, "What a proposal gives most for, or what was chosen or carried out.", nullable=True),
        Column("utility_micro", AMOUNT, "The proposal's utility of that action, millionths from -1,000,000.", nullable=True),
        Column("confidence_ppm", COUNT, "How sure the proposal is of it, parts per million.", nullable=True),
        Column(
            "said", TEXT, "All that the message says, or the weights, the decision or the credits, as JSON; empty when it cannot be read."
        ),
        Column("model_version", TEXT, "Model behind a proposal.", nullable=True),
        Column("prompt_version", TEXT, "Prompt behind a proposal, empty when there is none.", nullable=True),
        Column("remark", TEXT, "Which fault a message has that was set aside, or why an agent is lost; empty when it counts."),
        Column("link", TEXT, "On whose line it came or went; empty where there is none."),
        Column("recorded_ns", COUNT, "When it was recorded, nanoseconds since 1970, as the hash covers it."),
        Column("payload", pl.Binary(), "The message, or what else the row tells, byte for byte."),
        Column("previous_hash", TEXT, "Hash of the row before."),
        Column("hash", TEXT, "SHA-256 over this row and the hash before it."),
        Column("is_sealed", FLAG, "Whether the chain of hashes holds up to here."),
    ),
    key=("seq",),
)


@dataclass(frozen=True, slots=True)
class Record:
    """The rows that could be read, the last row as the file keeps it, why there are none, and where the file is damaged; both sentences."""

    rows: Sequence[Row]
    head: tuple[int, str] | None = None
    why_empty: str = ""
    damage: str = ""

    def faults(self) -> list[tuple[int, str]]:
        """Where the chain of hashes breaks, as (seq, sentence)."""
        return list(faults(self.rows, self.head))

    def findings(self) -> Iterator[tuple[str, str]]:
        """What does not hold, as (trade, sentence). Nothing when every negotiation follows from the record."""
        last = self.rows[-1].trade_id if self.rows else ""
        if self.damage:
            yield last, self.damage
        trades = {row.seq: row.trade_id for row in self.rows}
        yield from ((trades.get(seq, last), sentence) for seq, sentence in self.faults())
        for told in conversations(self.rows).values():
            if any(row.kind == Kind.DECIDED for row in told) and not (again := replay(told)).is_equal:
                yield told[0].trade_id, " ".join(again.findings) or "Another decision follows from the record."


def recorded(folder: Path) -> Record:
    """The executor's record. Raises JournalUnavailable when it cannot be read just now."""
    path = folder / FILE
    if not path.is_file():
        return Record((), why_empty=f"no negotiation was recorded: there is no {FILE} in the executor's folder")
    rows, head, damage = read_what_is_left(path)
    return Record(rows, head, "" if rows else damage or "no negotiation was recorded yet", damage)


def frame_of(record: Record) -> pl.DataFrame:
    """The table's rows of a record."""
    if not record.rows:
        return TABLE.empty()
    # An end that was cut off leaves the rows before it as they are.
    places = {row.seq for row in record.rows}
    broken = min((seq for seq, _ in record.faults() if seq in places), default=None)
    rows = []
    for told in conversations(record.rows).values():
        said = {one["seq"]: one["said"] for one in document_of(told)["messages"]}
        call = next((one.body for row in told if row.kind == Kind.SENT and (one := row.message()) and isinstance(one.body, Call)), None)
        rows += [{**_row(row, said.get(row.seq), call), "is_sealed": broken is None or row.seq < broken} for row in told]
    moments = {"recorded_at": pl.Int64(), "sent_at": pl.Int64()}
    times = (pl.from_epoch(name, time_unit="us").dt.replace_time_zone("UTC") for name in moments)
    return pl.DataFrame(rows, schema={**TABLE.schema, **moments}).with_columns(times)


def rows_of(table: pl.DataFrame) -> list[Row]:
    """The record's rows again, from the sealed rows of the table: what was damaged or came after it proves nothing."""
    sealed = table.filter("is_sealed").sort("seq")
    names = ("seq", "recorded_ns", "conversation_id", "trade_id", "row_kind", "link", "remark", "payload", "previous_hash", "hash")
    return [Row(*row) for row in sealed.select(names).iter_rows()]


def _row(row: Row, said: Mapping[str, Any] | None, call: Call | None) -> dict[str, Any]:
    told: dict[str, Any] = dict.fromkeys(TABLE.names)
    told |= {
        "seq": row.seq,
        "recorded_at": row.at_ns // 1_000,
        "conversation_id": row.conversation_id,
        "trade_id": row.trade_id,
        "row_kind": row.kind,
        "from_agent": "",
        "to_agent": "",
        "said": row.payload.decode(errors="replace") if said is None else json.dumps(said) if said else "",
        "remark": row.note,
        "link": row.agent,
        "recorded_ns": row.at_ns,
        "payload": row.payload,
        "previous_hash": row.previous,
        "hash": row.hash,
    }
    if (message := row.message()) is not None:
        told |= {"sent_at": message.sent_ns // 1_000, "from_agent": message.sender, "to_agent": message.receiver, "kind": message.kind}
        told |= _proposed(message.body, call) if isinstance(message.body, Proposal) else {"action": getattr(message.body, "action", None)}
    return told


def _proposed(proposal: Proposal, call: Call | None) -> dict[str, Any]:
    # One that gives for an action that nobody asked about was set aside: `said` has all of it.
    is_asked = call is not None and {one.action for one in proposal.utilities} <= set(call.actions)
    best = proposal.favourite(call) if call and is_asked else None
    given = next((one for one in proposal.utilities if one.action == best), None)
    return {
        "action": best,
        "utility_micro": given.utility_micro if given else None,
        "confidence_ppm": given.confidence_ppm if given else None,
        "model_version": proposal.model_version,
        "prompt_version": proposal.prompt_version,
    }


@whole(TABLE)
def negotiations(context: dg.AssetExecutionContext, warehouse: Warehouse, handover: HandoverFolder) -> dg.MaterializeResult:
    """What the agents said before each trade, message by message, with the weights and the decision.

    Every row of the executor's record is here as it was sealed. Where the record is damaged its rows stay, marked as not sealed from the
    damage on, and nothing is built on those.
    """
    with asking_again(context):
        record = recorded(handover.path)
    rows = frame_of(record)
    by_kind = rows.filter(pl.col("kind").is_not_null()).group_by("kind").len().sort("kind")
    return warehouse.write(
        TABLE,
        rows,
        context,
        why_empty=record.why_empty or "it is not",
        damage=record.damage or "none",
        messages=pictures.bars(dict(by_kind.iter_rows()), "messages by kind"),
        trades=rows.filter(pl.col("row_kind") == str(Kind.DECIDED))["trade_id"].n_unique(),
        set_aside=rows.filter((pl.col("row_kind") == str(Kind.HEARD)) & (pl.col("remark") != "")).height,
    )


@dg.asset_check(asset=negotiations, blocking=True)
def every_negotiation_follows_from_its_record(warehouse: Warehouse, handover: HandoverFolder) -> dg.AssetCheckResult:
    """The record is whole and unchanged, this table is what it says, and each decision follows from it again, byte for byte."""
    record = recorded(handover.path)
    findings = list(record.findings())
    known = {row.seq: row.hash for row in record.rows}
    table = warehouse.scan(TABLE).select("seq", "hash", "trade_id").collect()
    findings += [(trade, f"row {seq} is not the record's") for seq, digest, trade in table.iter_rows() if known.get(seq) != digest]
    return dg.AssetCheckResult(
        passed=not findings,
        metadata={
            "rows": len(record.rows),
            "trades": sorted({trade for trade, _ in findings}),
            "findings": [sentence for _, sentence in findings[:SHOWN]],
        },
    )


@dg.asset_check(asset=negotiations)
def nothing_was_said_that_nobody_could_read(warehouse: Warehouse) -> dg.AssetCheckResult:
    """Every message that was sent or heard can be read."""
    unread = warehouse.count(TABLE, "row_kind in ('sent', 'heard') and kind is null")
    return dg.AssetCheckResult(passed=unread == 0, severity=dg.AssetCheckSeverity.WARN, metadata={"unread": unread})
