"""The examples of how to add one thing work as they are printed."""

import sys
from pathlib import Path
from types import ModuleType

import dagster as dg
import pytest

from executor.venue import Venue
from tests.assets.service.small_home import warehouse_of
from tests.assets.service.small_lake import DAYS, TRADES
from tests.docs.pages import ROOT, Page

VENUE, TABLE = Page(ROOT / "docs" / "add-one-thing.md").blocks("python")


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch):
    """Runs a printed module and gives it back."""

    def load(code: str) -> ModuleType:
        module = ModuleType("printed_example")
        monkeypatch.setitem(sys.modules, module.__name__, module)
        exec(compile(code, "add-one-thing.md", "exec"), vars(module))
        return module

    return load


def test_the_printed_venue_is_a_venue(printed):
    venue = printed(VENUE).VENUE
    assert isinstance(venue, Venue)
    assert (venue.name, venue.shape, venue.fee_pips) == ("camelswap", "constant_product", 2500)


def test_the_printed_table_is_built_and_keeps_its_promise(printed, small_home: Path):
    module = printed(TABLE)
    result = dg.materialize(
        [module.swaps_hourly, module.every_swap_is_counted],
        resources={"warehouse": warehouse_of(small_home)},
        tags={"dagster/asset_partition_range_start": DAYS[0].isoformat(), "dagster/asset_partition_range_end": DAYS[-1].isoformat()},
        instance=dg.DagsterInstance.ephemeral(),
    )
    assert [check.passed for check in result.get_asset_check_evaluations()] == [True]
    assert warehouse_of(small_home).read(module.TABLE)["swaps"].sum() == len(TRADES)
