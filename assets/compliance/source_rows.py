"""The rows a report is made from: its table for the period, and those beside it that get their reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from assets import partitions
from assets.compliance import derivative_contracts, reportable_orders, reportable_trades, tax_movements, value_transfers
from assets.warehouse import Warehouse
from domain.problems import BadInput
from domain.regulation.calendar import Span
from domain.regulation.rulebook import Report
from domain.schemas import Table


@dataclass(frozen=True, slots=True)
class SourceTable:
    """A table reports may be made from. `id` names its rows in a report; `moment` is the day of a row of a table that is
    not kept by day.

    `amounts` are its columns of base units with the column of their token, `proof` what finds the trades that prove a row: its
    trade_id, or its order_id and leg.
    """

    table: Table
    id: str
    moment: str | None = None
    amounts: Mapping[str, str] = field(default_factory=dict)
    proof: Mapping[str, str] = field(default_factory=dict)


_SOLD_AND_BOUGHT = {"amount_in": "token_in", "amount_out": "token_out"}
_BY_TRADE = {"trade_id": "trade_id"}


SOURCES: Mapping[str, SourceTable] = {
    one.table.name: one
    for one in (
        SourceTable(
            reportable_trades.TABLE,
            "trade_id",
            amounts={**_SOLD_AND_BOUGHT, "base_amount": "base_token", "quote_amount": "quote_token"},
            proof=_BY_TRADE,
        ),
        SourceTable(
            reportable_orders.TABLE,
            "order_id",
            amounts={
                **_SOLD_AND_BOUGHT,
                "initial_quantity": "base_token",
                "traded_quantity": "base_token",
            },
            proof={"order_id": "ledger_order_id", "leg": "leg"},
        ),
        SourceTable(value_transfers.TABLE, "transfer_id", amounts={"amount": "token"}, proof={"trade_id": "transfer_id"}),
        SourceTable(tax_movements.TABLE, "movement_id", amounts={"amount": "token"}, proof=_BY_TRADE),
        SourceTable(derivative_contracts.TABLE, "contract_id", moment="event_day"),
    )
}


def source_of(name: str, report_id: str = "") -> SourceTable:
    """The table of that name. Raises BadInput that names those there are."""
    if name not in SOURCES:
        raise BadInput(f"{report_id}: no report can be made from {name!r}; use one of {', '.join(SOURCES)}.", field="source.table")
    return SOURCES[name]


def rows_of(warehouse: Warehouse, report: Report, span: Span) -> pl.DataFrame:
    """The rows of a period: the report's own table first, then the tables beside it, whose rows keep their own id under its key."""
    own = _read(warehouse, source_of(report.source.table, report.id), span)
    beside = []
    for name in report.source.beside:
        other = source_of(name, report.id)
        beside.append(_read(warehouse, other, span).with_columns(pl.col(other.id).alias(report.source.key[0])))
    return pl.concat([own, *beside], how="diagonal_relaxed") if beside else own


def _read(warehouse: Warehouse, source: SourceTable, span: Span) -> pl.DataFrame:
    rows = warehouse.scan(source.table, partitions.Span(span.first, span.last))
    if source.moment is not None:
        rows = rows.filter(pl.col(source.moment).is_between(span.first, span.last))
    return rows.collect().sort(source.table.key)
