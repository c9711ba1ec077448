"""Every column that a report reads is one of its tables, of the register of people, or of the heading."""

from datetime import UTC, datetime

import pytest

from assets.compliance import derivative_contracts, reportable_orders, reportable_trades, tax_movements, value_transfers
from assets.compliance.source_rows import row_key
from domain.regulation.expressions import columns_of
from domain.regulation.report import Heading, judge
from domain.regulation.report.field_values import FieldReader
from domain.regulation.rulebook import Report
from domain.schemas import Table
from executor.compliance.parties import load_parties
from executor.compliance.rulebook_file import load_rulebook
from tests.domain.regulation.sample_matrix import SAMPLES, rows_of

TABLES: dict[str, Table] = {
    module.TABLE.name: module.TABLE
    for module in (derivative_contracts, reportable_orders, reportable_trades, tax_movements, value_transfers)
}
RULEBOOK = load_rulebook()
MOMENT = datetime(2026, 3, 4, tzinfo=UTC)
DAY = MOMENT.date()


def columns_read(report: Report) -> set[str]:
    """What fields, conditions and rules ask for."""
    reader = FieldReader({})
    read = {*report.source.key, *(name for one in report.every_field() for name in reader.needs(one))}
    for text in (*(one.test for one in report.eligibility), *(text for rule in report.rules for text in (rule.when, rule.then))):
        read |= columns_of(text) if text else set()
    for node in (*report.tree, *report.nil_tree):
        read |= {name for below in (node, *node.children) for name in below.group_by}
    return read


@pytest.mark.parametrize("report", RULEBOOK.reports.values(), ids=lambda report: report.id)
def test_a_report_reads_only_columns_that_are_there(report: Report):
    parties = load_parties()
    there = {name for table in (report.source.table, *report.source.beside) for name in TABLES[table].names}
    there |= {"action", "corrects", *parties.people().columns, *(f"beneficiary_{name}" for name in parties.people().columns)}
    there |= set(Heading(report.id, DAY, DAY, MOMENT, "R", parties.firm_facts()).columns())
    assert columns_read(report) - there == set()


def test_the_key_of_a_row_is_the_same_in_the_table_and_in_the_judgement():
    for report_id in ("US.CFTC.part45", "EU.MiCA.orders"):
        report, rows = RULEBOOK.reports[report_id], rows_of(report_id)
        judged = judge(report, rows, RULEBOOK, SAMPLES[report_id].heading)
        assert judged.outcomes["row_key"].to_list() == rows.select(row_key(report)).to_series().to_list()
