"""Nobody's name, day of birth or number is in the tables: a promise beside each table that tells for whom something was done."""

import re
from collections.abc import Iterable

import dagster as dg
import polars as pl

from assets.compliance import (
    client_screenings,
    derivative_contracts,
    reportable_orders,
    reportable_trades,
    tax_movements,
    token_identifiers,
    value_transfers,
)
from assets.partitions import Span
from assets.warehouse import Warehouse
from domain.schemas import Table
from executor.compliance.parties import Parties, load_parties


def personal_words(parties: Parties) -> list[str]:
    """What names a natural person of the file: surname, full name, day of birth as it is written, and the numbers of states."""
    people = [(party, party.birth) for party in parties if party.birth is not None]
    told = (
        (party.surname, party.full_name, party.tin, party.national_id, party.identified_by()[0], birth.day.isoformat(),
         birth.day.strftime("%Y%m%d"))
        for party, birth in people
    )  # fmt: skip
    return sorted({word for words in told for word in words if word and len(word) > 3})


def columns_that_name(rows: pl.LazyFrame, words: Iterable[str]) -> list[str]:
    """The text columns in which one of the words stands by itself."""
    sought = list(words)
    texts = [name for name, dtype in rows.collect_schema().items() if dtype == pl.String]
    if not texts or not sought:
        return []
    # A letter or digit on either side makes it another word: hashes and addresses are full of years.
    shape = "|".join(rf"(?:^|[^\pL\pN]){re.escape(word)}(?:$|[^\pL\pN])" for word in sought)
    # Few values hold one of the words at all, and looking for plain words is quick.
    hold = [pl.col(name).filter(pl.col(name).str.contains_any(sought)).unique().implode() for name in texts]
    found = rows.select(hold).collect()
    return [name for name in texts if found[name].item().str.contains(shape).any()]


def _nobody_is_named(table: Table) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=table.name, name="nobody_is_named", blocking=True)
    def nobody_is_named(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
        """No name, day of birth or number of a natural person of the file of parties is in any text of the table."""
        named = columns_that_name(warehouse.scan(table, Span.of(context)), personal_words(load_parties()))
        return dg.AssetCheckResult(passed=not named, metadata={"columns": ", ".join(named)})

    return nobody_is_named


screenings = _nobody_is_named(client_screenings.TABLE)
trades = _nobody_is_named(reportable_trades.TABLE)
orders = _nobody_is_named(reportable_orders.TABLE)
movements = _nobody_is_named(tax_movements.TABLE)
transfers = _nobody_is_named(value_transfers.TABLE)
contracts = _nobody_is_named(derivative_contracts.TABLE)
set_aside = _nobody_is_named(derivative_contracts.SET_ASIDE)
identifiers = _nobody_is_named(token_identifiers.TABLE)
