"""A mart that breaks its promise is not published: the analysts keep the snapshot they had."""

import shutil
from pathlib import Path

import polars as pl

from assets.profit import profit_center_daily
from tests.assets.service.small_home import run_service, warehouse_of


def test_a_broken_mart_turns_its_check_red_and_leaves_the_old_snapshot(small_home: Path, tmp_path: Path):
    home = tmp_path / "home"
    shutil.copytree(small_home, home)
    published = (home / "analyst.duckdb").read_bytes()
    warehouse = warehouse_of(home)
    off_by_a_millionth = pl.col("net_pnl_micro_usd") + 1
    warehouse.replace(
        profit_center_daily.TABLE, warehouse.read(profit_center_daily.TABLE).with_columns(net_pnl_micro_usd=off_by_a_millionth)
    )

    run = run_service(home)

    assert not run.success
    red = [check for check in run.get_asset_check_evaluations() if not check.passed]
    assert [(check.asset_key.to_user_string(), check.check_name) for check in red] == [("mart_profit_center_daily", "net_pnl_adds_up")]
    assert red[0].metadata["rows"].value == 6
    assert (home / "analyst.duckdb").read_bytes() == published
