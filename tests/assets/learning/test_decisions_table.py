"""The table of decisions: what the executor's log says, and arms that anybody can compute again."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from assets.learning import decisions
from domain.problems import JournalUnavailable
from executor.decision_log import FILE
from executor.service import ExecutorService
from tests.assets.learning.executor_home import ExecutorHome
from tests.executor.activation.shelves import activate, decide, fill, opened
from tests.executor.trading_floor import champion, hand_over

ORDERS = [f"o-{number}" for number in range(40)]


def table_of(house: ExecutorHome) -> pl.DataFrame:
    return house.warehouse.read(decisions.TABLE)


def in_the_log(house: ExecutorHome) -> dg.AssetCheckResult:
    return decisions.every_decision_is_in_the_executor_s_log(house.warehouse, house.handover)


def decided(root: Path) -> None:
    """An executor that decided ten orders by the rule alone and thirty with half of them the challenger's."""
    folder = root / "executor"
    hand_over(folder, champion(root / "bundles"))
    fill(folder, root / "models")
    activation = opened(folder)
    decide(activation, *ORDERS[:10])
    activate(activation, 2, share_percent=50)
    decide(activation, *ORDERS[10:])
    activation.log.close()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("home")
    decided(root)
    return root / "executor" / FILE


@pytest.fixture
def house(built: Path, tmp_path: Path) -> ExecutorHome:
    (tmp_path / "executor").mkdir()
    with closing(sqlite3.connect(built)) as whole, closing(sqlite3.connect(tmp_path / "executor" / FILE)) as copy:
        whole.backup(copy)
    return ExecutorHome(tmp_path, [decisions])


def changed(house: ExecutorHome, sql: str) -> None:
    with closing(sqlite3.connect(house.executor / FILE)) as connection, connection:
        connection.execute(sql)


def test_each_decided_order_is_a_row_and_every_promise_holds(house: ExecutorHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decisions, "AT_ONCE", 7)
    assert all(check.passed for check in house.run().get_asset_check_evaluations())
    table = table_of(house).sort("seq")
    assert table["order_id"].to_list() == ORDERS and set(table["kind"]) == {"decided"}
    alone, both = table.head(10), table.tail(30)
    assert set(alone["arm"]) == {"champion"} and alone["shadow_action"].null_count() == 10
    assert set(both.select("arm", "action", "shadow_action").iter_rows()) == {("champion", "now", "wait"), ("challenger", "wait", "now")}
    assert set(both["share_bp"]) == {5_000} and alone["generation"].max() < both["generation"].min()


def test_running_again_changes_nothing(house: ExecutorHome) -> None:
    house.run()
    before = house.warehouse.digest(decisions.TABLE)
    house.run()
    assert house.warehouse.digest(decisions.TABLE) == before


def test_a_simulated_swap_is_a_decision_too(tmp_path: Path) -> None:
    hand_over(tmp_path / "executor", champion(tmp_path / "bundles"))
    service = ExecutorService(tmp_path / "executor")
    service.swap("WETH", "USDC", 10**18, client_order_id="mine")
    place = ExecutorHome(tmp_path, [decisions])
    place.run()
    assert table_of(place).select("order_id", "kind", "model", "action").rows() == [("mine", "swap_decided", "execute_now", "now")]


def test_without_a_log_the_table_is_empty_and_says_why(tmp_path: Path) -> None:
    empty = ExecutorHome(tmp_path, [decisions])
    done = empty.run()
    assert all(check.passed for check in done.get_asset_check_evaluations()) and table_of(empty).is_empty()
    (told,) = done.asset_materializations_for_node("decisions")
    assert f"there is no {FILE}" in str(told.metadata["why_empty"].value)


@pytest.mark.parametrize("column, wrong", [("arm", pl.lit("champion")), ("bucket", pl.lit(10_000, pl.Int64())), ("salt", pl.lit("other"))])
def test_an_order_in_another_arm_than_its_id_says_is_found(house: ExecutorHome, column: str, wrong: pl.Expr) -> None:
    house.run()
    one = table_of(house).filter(pl.col("arm") == "challenger")["order_id"].item(0)
    house.warehouse.replace(
        decisions.TABLE, table_of(house).with_columns(pl.when(pl.col("order_id") == one).then(wrong).otherwise(column).alias(column))
    )
    found = decisions.every_order_is_in_the_arm_its_id_and_salt_say(house.warehouse)
    assert not found.passed and found.metadata["wrong"].value == [one]


@pytest.mark.parametrize(
    "sql",
    [
        "update decision set entry = replace(entry, 'o-20', 'o-99') where order_id = 'o-20'",
        "update decision set entry = 'nothing' where order_id = 'o-20'",
        "delete from decision where order_id = 'o-20'",
    ],
)
def test_what_stands_before_the_damage_is_kept_and_the_rest_is_counted(house: ExecutorHome, sql: str) -> None:
    changed(house, sql)
    found = in_the_log(house)
    assert not found.passed and str(found.metadata["damage"].value).startswith("row ")
    log = decisions.logged(house.executor)
    assert log.decisions.sort("seq")["order_id"].to_list() == ORDERS[:20]
    assert log.left_out == found.metadata["rows_after_the_damage"].value in (19, 20)


@pytest.mark.parametrize(
    "damage",
    [lambda house: changed(house, "drop table decision"), lambda house: changed(house, "update decision set entry = '{}' where seq = 0")],
)
def test_a_log_that_is_none_is_a_broken_promise_and_no_error(house: ExecutorHome, damage: Callable[[ExecutorHome], None]) -> None:
    damage(house)
    log = decisions.logged(house.executor)
    assert log.decisions.is_empty() and "is damaged after 0 rows" in log.damage == log.why_empty
    assert not in_the_log(house).passed


def test_a_row_that_is_not_in_the_log_breaks_the_promise(house: ExecutorHome) -> None:
    house.run()
    house.warehouse.replace(decisions.TABLE, table_of(house).with_columns(hash=pl.lit("0" * 64)))
    found = in_the_log(house)
    assert not found.passed and "o-0" in found.metadata["not_in_the_log"].value


def test_a_log_that_somebody_holds_is_asked_for_again(house: ExecutorHome, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(sqlite3.connect(house.executor / FILE)) as connection:
        connection.execute("pragma journal_mode=delete")
        connection.execute("begin exclusive")
        opened = sqlite3.connect
        monkeypatch.setattr(sqlite3, "connect", lambda *told, **options: opened(*told, **{**options, "timeout": 0}))
        with pytest.raises(JournalUnavailable):
            decisions.logged(house.executor)
