"""`grekko journal`: look at what the executor wrote down, check it, take it elsewhere. Nothing here writes to a journal."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.problems import BadInput
from pipelines.commands.answers import answer

if TYPE_CHECKING:
    from executor.journal import Sealed

journal = typer.Typer(no_args_is_help=True, help="What the executor wrote down: check it, read it, take it elsewhere.")

Where = Annotated[str, typer.Argument(metavar="JOURNAL", help="Its file, sqlite:///path or postgresql://user@host/database.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]
WithRaw = Annotated[
    bool, typer.Option("--with-raw", help="Also the signed transactions. Whoever holds one that was not sent yet can send it.")
]


class Format(StrEnum):
    """What an export is written as."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


@journal.command()
def verify(
    where: Where,
    head: Annotated[str | None, typer.Option(help="SEQ:HASH that was kept elsewhere; proves that the end was not cut off.")] = None,
    json_: AsJson = False,
) -> None:
    """Check the chain of hashes, every order's life and every nonce.

    Exit code 0 when everything holds, 1 when something does not, 2 when there is no journal.
    """
    from executor.journal import read_rows
    from executor.journal.verification import head_of
    from executor.journal.verification import verify as verified

    expect = head_of(head) if head is not None else None
    result = verified(read_rows(where), expect=expect)
    if json_:
        typer.echo(json.dumps(result.to_json()))
    else:
        for finding in result.findings:
            typer.echo(f"{'holds   ' if finding.holds else 'DOES NOT'}  {finding.sentence}")
            for detail in finding.details:
                typer.echo(f"            {detail}")
        typer.echo(f"{result.name or 'a journal without a name'}: {result.entries} entries, {result.orders} orders")
        if result.head:
            typer.echo(f"head {result.head[0]}:{result.head[1]}")
        if not result.holds:
            typer.echo(f"The first broken entry is {result.first_broken_seq}. Do not trade on this journal; restore it from a copy.")
    if not result.holds:
        raise typer.Exit(1)


@journal.command()
def show(
    where: Where,
    order_id: Annotated[str | None, typer.Argument(help="One order's whole life; without it, all orders.")] = None,
    with_raw: WithRaw = False,
    json_: AsJson = False,
) -> None:
    """Read the orders, or one order's life with its times."""
    from executor.journal import read_rows

    rows = read_rows(where)
    if order_id is None:
        _show_orders(rows, json_)
        return
    from executor.journal.sealing import document_of

    life = [document_of(row, with_raw=with_raw) for row in rows if row.about[1] == order_id]
    if not life:
        raise BadInput(f"No order {order_id} is in the journal.", field="order_id")
    began = _seconds(life[0])
    if json_:
        typer.echo(json.dumps({"order_id": order_id, "life": life}))
        return
    for row in life:
        typer.echo(f"{row['at']}  +{_seconds(row) - began:.3f} s  {row['kind']}  (entry {row['seq']})")
        for name, value in _lines(row["facts"]):
            typer.echo(f"    {name:<24} {value}")


@journal.command()
def export(
    where: Where,
    to: Annotated[Path | None, typer.Option("--to", help="The file to write; standard output without it.")] = None,
    format_: Annotated[Format, typer.Option("--format", help="Facts are JSON text in csv and parquet.")] = Format.JSONL,
    with_raw: WithRaw = False,
) -> None:
    """Write all entries to a file, also while the executor is running.

    Only an export with --with-raw holds everything that the hashes cover.
    """
    from executor.journal import read_rows
    from executor.journal.sealing import document_of

    written = _written([document_of(row, with_raw=with_raw) for row in read_rows(where)], format_)
    if to is None:
        sys.stdout.buffer.write(written)
        sys.stdout.buffer.flush()
    else:
        to.touch(0o600)
        to.chmod(0o600)
        to.write_bytes(written)


def _show_orders(rows: Sequence[Sealed], json_: bool) -> None:
    from executor.journal.orders_by_id import OrdersById

    orders = OrdersById()
    for row in rows:
        orders.take(row)
    documents = [
        {
            "order_id": order.order_id,
            "state": str(order.state),
            "mode": order.mode,
            "accepted_at": order.accepted_at.isoformat(timespec="microseconds"),
            "sell": order.request.sell,
            "buy": order.request.buy,
            "amount_in": order.request.amount_in,
            "nonce": order.nonce,
            "is_terminal": order.is_terminal,
            "entries": len(orders.rows_of(order.order_id)),
        }
        for order in orders.values()
    ]
    columns = ("order_id", "state", "mode", "accepted_at", "sell", "buy", "amount_in", "nonce", "entries")
    lines = [tuple("" if document[name] is None else str(document[name]) for name in columns) for document in documents]
    answer({"orders": documents}, json_, lines, columns)


def _written(documents: Sequence[dict[str, Any]], format_: Format) -> bytes:
    """The documents as the bytes of a file."""
    if format_ is Format.JSONL:
        return "".join(json.dumps(document, sort_keys=True) + "\n" for document in documents).encode()
    flat = [{**document, "facts": json.dumps(document["facts"], sort_keys=True)} for document in documents]
    if format_ is Format.CSV:
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, fieldnames=list(flat[0]) if flat else [], lineterminator="\n")
        writer.writeheader()
        writer.writerows(flat)
        return text.getvalue().encode()
    import polars as pl

    told = io.BytesIO()
    schema = {name: pl.Int64 if name == "seq" else pl.String for name in flat[0]} if flat else {}
    pl.DataFrame(flat, schema=schema).with_columns(pl.col("at").str.to_datetime(time_zone="UTC", time_unit="us")).write_parquet(told)
    return told.getvalue()


def _seconds(document: dict[str, Any]) -> float:
    from datetime import datetime

    return datetime.fromisoformat(document["at"]).timestamp()


def _lines(facts: dict[str, Any], within: str = "") -> Iterator[tuple[str, Any]]:
    """The facts as names and values a person can read: mappings unfolded, a plan's legs as pools, call data cut."""
    for name, value in facts.items():
        if isinstance(value, dict):
            yield from _lines(value, f"{within}{name}.")
        elif name == "legs":
            yield name, ", then ".join(f"{leg['venue']} {leg['pool']}" for leg in value)
        elif name == "call_data":
            yield name, f"{value[:10]}… ({(len(value) - 2) // 2} bytes)"
        elif value is not None:
            yield within + name, value
