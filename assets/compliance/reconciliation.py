"""Three ways to the same sum: what a document tells, what the ledger booked, and what the chain settled.

The document is read back from the shelf, as its reader would; the ledger's amounts are those of `trade_ledger`; the chain's are the
amounts of the decoded logs in `swaps`. All three are compared as exact fractions, so one base unit is seen.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

import polars as pl
from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]

from assets import partitions
from assets.chain import pools, swaps
from assets.compliance.source_rows import source_of
from assets.ledger import trade_ledger
from assets.warehouse import Warehouse
from domain.regulation.expressions import compile_expression
from domain.regulation.rulebook import Action, Field, Node, Report, Rulebook

UNITS = re.compile(r"units\((\d+),\s*(\d+),\s*(\w+)\)")
# A form with less room may round, and is not what sums are made of.
EXACT_TOTAL, EXACT_FRACTION = 30, 18


@dataclass(frozen=True, slots=True)
class Compared:
    """One field of a document in the three places, in whole tokens."""

    field_id: str
    document: Fraction
    rows: Fraction
    ledger: Fraction
    chain: Fraction

    @property
    def agrees(self) -> bool:
        """Whether all are one number."""
        return self.document == self.rows == self.ledger == self.chain

    def with_more(self, other: Compared) -> Compared:
        """The sum of two fields that the document tells in one place."""
        names = f"{self.field_id}+{other.field_id}"
        return Compared(names, self.document, self.rows + other.rows, self.ledger + other.ledger, self.chain + other.chain)

    def __str__(self) -> str:
        told = (("document", self.document), ("rows", self.rows), ("ledger", self.ledger), ("chain", self.chain))
        return f"{self.field_id}: " + ", ".join(f"{name} {amount}" for name, amount in told)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A field that tells base units as whole tokens: the column it comes from, its decimals, and where the document has it."""

    field: Field
    column: str
    decimals: str
    on: tuple[Action, ...]
    path: str | None

    @property
    def place(self) -> str:
        """Where the document has it: its path in XML, else its column in CSV."""
        return self.path or self.field.name


def quantities(report: Report) -> Iterator[Quantity]:
    """The fields of a report whose values are amounts of tokens and have room for every digit."""
    for node in report.tree:
        yield from _quantities(node, "", ())


def _quantities(node: Node, above: str, on: tuple[Action, ...]) -> Iterator[Quantity]:
    place = f"{above}/{node.at}".strip("/")
    for one in node.fields:
        found = UNITS.fullmatch(one.format)
        column = one.source or (one.agg or "").removeprefix("sum:")
        if found and column and int(found[1]) >= EXACT_TOTAL and int(found[2]) >= EXACT_FRACTION:
            yield Quantity(one, column, found[3], node.on or on, f"{place}/{one.path}" if one.path else None)
    for child in node.children:
        yield from _quantities(child, place, node.on or on)


def reconcile(
    report: Report, rulebook: Rulebook, reported: pl.DataFrame, documents: Mapping[str, bytes], settled: pl.DataFrame
) -> list[Compared]:
    """Each quantity of the report in the document, in its rows, in the ledger and on the chain.

    `reported` are the rows of the source that the document tells, `settled` those of `settlements`.
    """
    rows = reported if "action" in reported.columns else reported.with_columns(action=pl.lit("NEW"))
    lists = {**rulebook.codelists, **rulebook.lists}
    proved = source_of(report.source.table, report.id).amounts
    wanted = [one for one in quantities(report) if one.column in proved]
    form = report.formats.get("xml")
    in_xml = [one for one in wanted if one.path and form and not form.checked_only and "xml" in documents]
    sums = xml_sums(documents["xml"], {one.place: _words(report, one.place) for one in in_xml}) if in_xml else {}
    in_csv = [one for one in wanted if one not in in_xml] if "csv" in documents else []
    sums |= csv_sums(documents["csv"], {one.place: one.field.name for one in in_csv}) if in_csv else {}
    # Fields that stand in one place, such as that of a new record and that of a corrected one, are one sum.
    found: dict[str, Compared] = {}
    for one in (*in_xml, *in_csv):
        there = rows.filter(pl.col(one.column).is_not_null())
        if one.on:
            there = there.filter(pl.col("action").is_in(one.on))
        if one.field.when:
            there = there.filter(compile_expression(one.field.when, dict(there.schema), lists).fill_null(False))
        compared = _compared(report, one, there, sums[one.place], settled)
        found[one.place] = found[one.place].with_more(compared) if one.place in found else compared
    return list(found.values())


def _words(report: Report, path: str) -> frozenset[str]:
    """The paths that a path stands for: one for each word an action has. Names without their prefixes."""
    plain = "/".join(part.rpartition(":")[2] for part in path.split("/"))
    return frozenset(plain.replace("{action}", word) for word in report.lifecycle.words.values()) or frozenset((plain,))


def _compared(report: Report, one: Quantity, rows: pl.DataFrame, document: Fraction, settled: pl.DataFrame) -> Compared:
    source = source_of(report.source.table, report.id)
    amounts = rows.select(
        amount=pl.col(one.column).cast(pl.String), decimals=pl.col(one.decimals), **{"token": source.amounts[one.column], **source.proof}
    )
    by = [name for name in ("trade_id", "order_id", "leg") if name in source.proof]
    proofs = settled if "leg" not in by else pl.concat([settled, settled.with_columns(leg=pl.lit(None, pl.Int64))])
    sums = proofs.group_by(*by, "token").agg(pl.col("ledger").sum(), pl.col("chain").sum())
    joined = amounts.join(sums, on=[*by, "token"], how="left", nulls_equal=True)
    return Compared(
        one.field.id,
        document,
        _total(joined, "amount"),
        _total(joined, "ledger"),
        _total(joined, "chain"),
    )


def _total(rows: pl.DataFrame, column: str) -> Fraction:
    """The absolute amounts in whole tokens, exactly. What is not there counts nothing, and so is missed in the comparison."""
    by_decimals: dict[int, int] = {}
    for amount, decimals in rows.select(pl.col(column).cast(pl.String), "decimals").iter_rows():
        by_decimals[decimals] = by_decimals.get(decimals, 0) + abs(int(amount or 0))
    return sum((Fraction(amount, 10**decimals) for decimals, amount in by_decimals.items()), Fraction(0))


def settlements(warehouse: Warehouse, span: partitions.Span) -> pl.DataFrame:
    """What each trade moved, by trade and token, as the ledger booked it and as the log on the chain says: bought is positive."""
    log = ["block_number", "log_index", "block_hash"]
    booked = warehouse.read(trade_ledger.TABLE, span)
    logs = warehouse.read(swaps.TABLE, span).join(warehouse.read(pools.TABLE).select("pool", "token0", "token1"), on="pool")
    number, nothing = pl.Int128, pl.lit(0, pl.Int128)
    named = [pl.col(name) for name in (*log, "trade_id", "order_id", "leg")]
    sold = booked.select(*named, token="token_in", ledger=nothing - pl.col("amount_in").cast(number))
    bought = booked.select(*named, token="token_out", ledger=pl.col("amount_out").cast(number))
    ledger = pl.concat([sold, bought])
    # The pool's side of a swap is the other way round.
    chain = pl.concat([logs.select(*log, token=f"token{side}", chain=nothing - pl.col(f"amount{side}").cast(number)) for side in "01"])
    return ledger.join(chain, on=[*log, "token"], how="full", coalesce=True).select(
        "trade_id", "order_id", "leg", "token", pl.col("ledger", "chain").fill_null(0)
    )


def xml_sums(content: bytes, paths: Mapping[str, frozenset[str]]) -> dict[str, Fraction]:
    """The sum of the numbers at each of these paths from the root, by field."""
    by_path = {path: name for name, several in paths.items() for path in several}
    sums = dict.fromkeys(paths, Fraction(0))
    place: list[str] = []
    events = etree.iterparse(
        io.BytesIO(content), events=("start", "end"), resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    for event, element in events:
        if not isinstance(element.tag, str):
            continue
        if event == "start":
            place.append(etree.QName(element).localname)
            continue
        name = by_path.get("/".join(place[1:]))
        if name is not None:
            sums[name] += Fraction(element.text or "0")
        place.pop()
        element.clear(keep_tail=False)
    return sums


def csv_sums(content: bytes, columns: Mapping[str, str]) -> dict[str, Fraction]:
    """The sum of the numbers in each of these columns, by field."""
    lines = (line for line in io.StringIO(content.decode(), newline="") if not line.startswith("# "))
    sums = dict.fromkeys(columns, Fraction(0))
    for row in csv.DictReader(lines):
        for name, column in columns.items():
            sums[name] += Fraction(row[column] or "0")
    return sums
