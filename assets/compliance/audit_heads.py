"""The heads of the audit log: each says, signed, how many entries the log had and their root. A cut end or a changed entry shows by them.

They are kept in three places: in the log, in the folder of heads, and here. Whoever cuts the log off must reach all three.
"""

import os
from typing import Any

import dagster as dg
import polars as pl

from assets.compliance import client_screenings, retention
from assets.compliance.audit_log import recorder_of
from assets.compliance.cabinet import Cabinet
from assets.tables import whole
from assets.warehouse import Warehouse
from domain.schemas import COUNT, TEXT, TIME, Column, Table, columns
from executor.compliance.audit import key_from, verify_log
from executor.compliance.audit.heads import SignedHead, anchored
from executor.compliance.audit.keys import FILE_VARIABLE, VARIABLE
from executor.compliance.audit.record import Recorder

TABLE = Table(
    "audit_heads",
    row="One signed head of the audit log.",
    columns=columns(
        Column("size", COUNT, "How many entries the log had."),
        Column("root", TEXT, "Root of the Merkle tree over them (RFC 9162), hexadecimal."),
        Column("signed_at", TIME, "When it was signed, UTC."),
        Column("key_id", TEXT, "Public key that signed it (Ed25519), hexadecimal."),
        Column("signature", TEXT, "The signature, hexadecimal."),
    ),
    key=("signed_at", "size"),
)
HOW = f"Set {FILE_VARIABLE} to the file that `grekko audit key --out FILE` makes, and the heads are signed."


def heads_in(recorder: Recorder) -> pl.DataFrame:
    """The heads that are kept in the folder."""
    rows = [_row(head) for _, head in anchored(recorder.heads) if head is not None]
    text = {column.name: TEXT if column.dtype == TIME else column.dtype for column in TABLE.columns}
    return TABLE.conform(pl.DataFrame(rows, schema=text).with_columns(pl.col("signed_at").str.to_datetime(time_unit="us", time_zone="UTC")))


def _row(head: SignedHead) -> dict[str, Any]:
    return {"size": head.size, "root": head.root, "signed_at": head.at, "key_id": head.key, "signature": head.signature}


@whole(TABLE, deps=[client_screenings.client_screenings, retention.retained_records])
def audit_heads(context: dg.AssetExecutionContext, warehouse: Warehouse, cabinet: Cabinet) -> dg.MaterializeResult:
    """How the audit log stood, hour by hour, signed: what shows later that nothing was changed or cut off.

    Making it signs how the log stands now, with the key that the settings name; without a key it says so and signs nothing.
    """
    recorder = recorder_of(cabinet)
    has_key = bool(os.environ.get(VARIABLE) or os.environ.get(FILE_VARIABLE))
    signed = recorder.sign(key_from(os.environ)) if has_key else None
    told = "The log has no entry yet." if recorder.tree_head() is None else HOW
    kept = pl.concat([warehouse.read(TABLE), heads_in(recorder)]).unique(maintain_order=True)
    return warehouse.write(
        TABLE, kept, context, signed=f"{signed.size} entries, root {signed.root}" if signed else f"Nothing was signed. {told}"
    )


@dg.asset_check(asset=audit_heads)
def the_newest_head_is_signed(warehouse: Warehouse, cabinet: Cabinet) -> dg.AssetCheckResult:
    """A signed head covers every entry that the log has."""
    head = recorder_of(cabinet).tree_head()
    size, covered = head["size"] if head else 0, warehouse.read(TABLE)["size"].max() or 0
    return dg.AssetCheckResult(
        passed=covered == size,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"entries": size, "covered": int(str(covered)), "how": "" if covered == size else HOW},
    )


@dg.asset_check(asset=audit_heads, blocking=True)
def the_log_agrees_with_every_head(warehouse: Warehouse, cabinet: Cabinet) -> dg.AssetCheckResult:
    """No entry was changed and no end was cut off: the log is as each head says that was ever signed, and no head is gone."""
    recorder = recorder_of(cabinet)
    missing = warehouse.read(TABLE).join(heads_in(recorder), on=TABLE.names, how="anti").height
    wrong = [f"{missing} heads of this table are not in {recorder.heads}"] if missing else []
    entries = 0
    if recorder.log.is_file():
        is_there = recorder.heads.is_dir()
        found = verify_log(recorder.log, recorder.heads if is_there else None)
        wrong += [f"{one.sentence} {'; '.join(one.details[:3])}" for one in found.findings if not one.holds]
        wrong += [f"the folder of heads {recorder.heads} is gone"] if found.heads and not is_there else []
        entries = found.entries
    elif next(anchored(recorder.heads), None):
        wrong.append(f"the log {recorder.log} is gone, and heads of it are kept")
    return dg.AssetCheckResult(passed=not wrong, metadata={"entries": entries, "wrong": "\n".join(wrong[:20])})
