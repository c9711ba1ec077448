"""The catalog knows every table of the lake."""

from assets.chain import swaps
from assets.compliance.reports import report_tables
from assets.learning import shadow_trials
from assets.ledger import trade_ledger
from assets.profit import profit_center_summary
from assets.service.analyst_snapshot import tables_to_show
from assets.service.catalog import lake_tables
from assets.warehouse import Warehouse
from executor.compliance.rulebook_file import load_rulebook


def test_every_table_defined_in_an_asset_group_is_found():
    names = [table.name for table in lake_tables()]
    assert {swaps.TABLE.name, shadow_trials.TABLE.name, profit_center_summary.TABLE.name} <= set(names)
    assert names == sorted(set(names))


def test_every_report_of_the_rulebook_has_its_table():
    slugs = {report.slug for report in load_rulebook().reports.values()}
    assert slugs and slugs <= {table.name for table in lake_tables()}


def test_a_report_is_shown_to_analysts_once_it_was_written(tmp_path):
    warehouse = Warehouse(lake=str(tmp_path))
    one = report_tables()[0]
    before = {table.name for table in tables_to_show(warehouse)}
    warehouse.replace(one, one.empty())
    assert {table.name for table in tables_to_show(warehouse)} - before == {one.name}
    assert trade_ledger.TABLE.name in before
