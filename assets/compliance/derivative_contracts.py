"""Derivative contracts: what the firm's file says was agreed, changed and ended off the chain, and the lines that could not be used."""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from assets.compliance.derivatives_file import derivatives_path, read_derivatives
from assets.compliance.owners import OWNER
from assets.tables import column_schema
from assets.warehouse import Warehouse
from domain.schemas import COUNT, DAY, FLAG, TEXT, TIME, Column, Table, columns
from executor.compliance.parties import load_parties

TABLE = Table(
    "derivative_contracts",
    row="One thing that happened to a contract.",
    columns=columns(
        Column("contract_id", TEXT, "The firm's id of the contract."),
        Column("action", TEXT, "NEW, AMEND, CORRECT or CANCEL."),
        Column("event_time", TIME, "When it happened, UTC; the execution where the file does not say."),
        Column("event_day", DAY, "Its UTC day."),
        Column("corrects", TEXT, "Reference of the report that it corrects.", nullable=True),
        Column("uti", TEXT, "Unique Transaction Identifier (ISO 23897).", nullable=True),
        OWNER[:5],
        OWNER[6],
        Column("side", TEXT, "BUY or SELL, seen from the firm."),
        Column("contract_type", TEXT, "Type of contract by the rulebook's list, such as OPTN."),
        Column("asset_class", TEXT, "Class of what it is about, such as CURR."),
        Column("upi", TEXT, "Unique Product Identifier.", nullable=True),
        Column("notional", TEXT, "Notional amount, decimal."),
        Column("notional_currency", TEXT, "Its currency (ISO 4217)."),
        Column("price", TEXT, "Price, decimal.", nullable=True),
        Column("price_currency", TEXT, "Its currency (ISO 4217).", nullable=True),
        Column("settlement_currency", TEXT, "Currency it is settled in.", nullable=True),
        Column("delivery", TEXT, "CASH, PHYS or OPTL.", nullable=True),
        Column("execution_time", TIME, "When it was agreed, UTC."),
        Column("effective_date", DAY, "First day it holds."),
        Column("expiry_date", DAY, "Last day it holds.", nullable=True),
        Column("event_type", TEXT, "What happened, by the rulebook's list, such as TRAD.", nullable=True),
        Column("platform", TEXT, "MIC of the venue, XXXX for none.", nullable=True),
        Column("cleared", FLAG, "True when a clearing house stands between.", nullable=True),
        Column("booked_in", TEXT, "Country it is booked in.", nullable=True),
        Column("traded_in", TEXT, "Country it was traded in.", nullable=True),
        Column("is_derivative", FLAG, "True."),
        Column("line", COUNT, "Line of the file."),
    ),
    key=("contract_id", "event_time", "action"),
)

SET_ASIDE = Table(
    "derivatives_set_aside",
    row="One line of the firm's file that could not be used.",
    columns=columns(
        Column("line", COUNT, "Line of the file."),
        Column("contract_id", TEXT, "What the line says is the contract's id."),
        Column("field", TEXT, "Field that is wrong."),
        Column("reason", TEXT, "What is wrong with it, and what to write."),
        Column("row_json", TEXT, "The line's values as JSON."),
    ),
    key=("line",),
)


def _spec(table: Table, description: str) -> dg.AssetSpec:
    metadata = {"dagster/column_schema": column_schema(table), "dagster/table_name": table.name, "one_row_is": table.row}
    return dg.AssetSpec(table.name, description=description, kinds={"polars", "deltalake"}, code_version="1", metadata=metadata)


@dg.multi_asset(
    specs=[
        _spec(
            TABLE,
            "What was agreed off the chain, read from the file that GREKKO_DERIVATIVES names.\n\nWithout one there are no contracts. "
            "Whoever the other party is must be a client in the file of parties.",
        ),
        _spec(
            SET_ASIDE, "Lines of the firm's file of contracts that could not be used, with the reason.\n\nMend the file and run this again."
        ),
    ]
)
def derivatives(context: dg.AssetExecutionContext, warehouse: Warehouse) -> Iterator[dg.MaterializeResult]:
    """Reads the firm's file: every line is a contract or is set aside."""
    intake = read_derivatives(derivatives_path(), load_parties())
    yield warehouse.write(TABLE, pl.DataFrame(intake.contracts, schema=TABLE.schema), context)
    yield warehouse.write(SET_ASIDE, pl.DataFrame(intake.refused, schema=SET_ASIDE.schema), context)


@dg.asset_check(asset=TABLE.name, blocking=True)
def every_line_is_a_contract_or_set_aside(warehouse: Warehouse) -> dg.AssetCheckResult:
    """The lines of the firm's file are exactly the contracts and the lines set aside, together."""
    intake = read_derivatives(derivatives_path(), load_parties())
    wanted = sorted(row["line"] for row in (*intake.contracts, *intake.refused))
    found = sorted([*warehouse.read(TABLE)["line"], *warehouse.read(SET_ASIDE)["line"]])
    return dg.AssetCheckResult(passed=wanted == found, metadata={"lines": len(wanted), "found": len(found)})


@dg.asset_check(asset=SET_ASIDE.name)
def nothing_was_set_aside(warehouse: Warehouse) -> dg.AssetCheckResult:
    """Every line of the firm's file could be used."""
    aside = warehouse.count(SET_ASIDE, "true")
    return dg.AssetCheckResult(passed=aside == 0, severity=dg.AssetCheckSeverity.WARN, metadata={"set_aside": aside})
