"""What can be read of the ledger: trades of a view, its digest, what is set aside, and the changes in order."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

from executor.ledger.rows import Block, Change, SetAside, Trade, View
from executor.ledger.tables import TRADE_COLUMNS

if TYPE_CHECKING:
    import polars as pl

_TABLES = {"instant": "trade_ledger", "finalised": "trade_ledger_final", "retracted": "trade_ledger_retracted"}
_IN_FINAL = "and b.number <= (select cast(value as integer) from facts where name = 'final_number')"


def trades_of(connection: sqlite3.Connection, view: View | Literal["retracted"]) -> Iterator[Trade]:
    """The trades of a view, in the chain's order."""
    for row in connection.execute(f"select {TRADE_COLUMNS} from {_TABLES[view]} order by block_number, log_index, block_hash"):
        yield _trade(row)


def digest_of(connection: sqlite3.Connection, view: View) -> str:
    """SHA-256 of the view: its trades, then what is set aside in its blocks."""
    hashed = hashlib.sha256()
    for trade in trades_of(connection, view):
        hashed.update(repr(trade.facts()).encode())
    aside = connection.execute(
        "select b.number, lower(hex(b.hash)), q.log_index, q.reason from quarantine q join blocks b using (block_id) "
        f"where b.visible = 1 {_IN_FINAL if view == 'finalised' else ''} order by b.number, q.log_index"
    )
    for row in aside:
        hashed.update(repr(row).encode())
    return hashed.hexdigest()


def set_aside(connection: sqlite3.Connection) -> list[SetAside]:
    """Every log in quarantine."""
    rows = connection.execute(
        "select b.hash, q.log_index, q.reason, q.detail, q.message from quarantine q join blocks b using (block_id) "
        "order by b.number, q.log_index"
    )
    return [SetAside("0x" + hash.hex(), index, reason, detail, message) for hash, index, reason, detail, message in rows]


def changes_after(connection: sqlite3.Connection, after: int, at_most: int) -> list[Change]:
    """The next changes, each with the trades of its block."""
    found = connection.execute(
        "select c.seq, c.change, b.block_id, b.number, b.hash, b.parent_hash, b.time from changes c join blocks b using (block_id) "
        "where c.seq > ? order by c.seq limit ?",
        (after, at_most),
    ).fetchall()
    changes = []
    for seq, change, block_id, number, hash, parent, time in found:
        rows = connection.execute(f"select {TRADE_COLUMNS} from trade_rows where block_id = ? order by log_index", (block_id,))
        block = Block(number, "0x" + hash.hex(), "0x" + parent.hex())
        changes.append(Change(seq, change, block, time, tuple(_trade(row) for row in rows)))
    return changes


def frame(trades: list[Trade]) -> pl.DataFrame:
    """Trades as a table for the lake: amounts are Decimal(38,0), the block's time is UTC."""
    import polars as pl

    amount = pl.Decimal(38, 0)
    whole = {"chain_id": pl.Int64, "block_number": pl.Int64, "block_hash": pl.String, "block_time": pl.Int64, "tx_hash": pl.String}
    whole |= {"transaction_index": pl.Int64, "log_index": pl.Int64}
    whole |= dict.fromkeys(("venue", "protocol", "pool", "sender", "recipient", "token_in", "token_out"), pl.String)
    whole |= {"amount_in": amount, "amount_out": amount, "fee_pips": pl.Int64, "order_id": pl.String}
    rows = [[getattr(trade, name) for name in whole] for trade in trades]
    table = pl.DataFrame(rows, schema=whole, orient="row")
    return table.with_columns(pl.from_epoch("block_time", time_unit="s").dt.cast_time_unit("us").dt.replace_time_zone("UTC"))


def _trade(row: tuple[Any, ...]) -> Trade:
    return Trade(*row[:14], *(int(amount) for amount in row[14:16]), *row[16:])
