"""The catalog knows every table of the lake."""

from assets.chain import swaps
from assets.learning import shadow_trials
from assets.profit import profit_center_summary
from assets.service.catalog import lake_tables


def test_every_table_defined_in_an_asset_group_is_found():
    names = [table.name for table in lake_tables()]
    assert {swaps.TABLE.name, shadow_trials.TABLE.name, profit_center_summary.TABLE.name} <= set(names)
    assert names == sorted(set(names))
