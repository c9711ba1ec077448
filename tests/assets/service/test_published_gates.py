"""Each gate holds on good rows, closes for each promise that is broken, and an exception is never a broken promise."""

from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from assets.ledger import trade_ledger
from assets.service.gate_runs import Judgement, judge
from assets.service.published_gates import SUITES, facts_of, gates
from assets.service.suites import Expectation, Suite
from assets.warehouse import Warehouse
from domain.problems import Broken
from tests.assets.service.small_lake import DAYS, frame_of, rows_by_table

BY_TABLE = {suite.table.name: suite for suite in SUITES}
ROWS = rows_by_table()

# table, promise, and a change to its rows that breaks just this one
BREAKS: list[tuple[str, str, dict[str, Any]]] = [
    ("trade_ledger", "no_trade_is_listed_twice", {"trade_id": pl.lit("31337:0x1:1")}),
    ("trade_ledger", "every_trade_has_the_hash_that_proves_it", {"tx_hash": pl.lit("")}),
    ("trade_ledger", "every_trade_has_a_wallet", {"wallet": pl.lit("")}),
    ("trade_ledger", "every_origin_is_known", {"origin": pl.lit("guessed")}),
    ("trade_ledger", "every_venue_is_known", {"venue": pl.lit("OTC")}),
    ("trade_ledger", "no_token_is_traded_for_itself", {"token_out": pl.col("token_in")}),
    ("trade_ledger", "nothing_negative_is_sold", {"amount_in": -pl.col("amount_in")}),
    ("trade_ledger", "nothing_negative_is_bought", {"amount_out": -pl.col("amount_out")}),
    ("trade_ledger", "gas_is_not_negative", {"gas_cost_wei": -pl.col("gas_cost_wei")}),
    ("execution_quality", "no_trade_is_measured_twice", {"trade_id": pl.lit("31337:0x1:1")}),
    ("execution_quality", "arrival_slippage_is_possible", {"arrival_slippage_bps": pl.lit(10_000.1)}),
    ("execution_quality", "reference_slippage_is_possible", {"reference_slippage_bps": pl.lit(10_000.1)}),
    ("execution_quality", "markouts_are_possible", {"markout_1h_bps": pl.lit(-10_000.1)}),
    ("execution_quality", "gas_is_not_negative", {"gas_bps": pl.lit(-0.1)}),
    ("execution_quality", "fill_rate_is_a_share", {"fill_rate": pl.lit(1.01)}),
    ("profit_center_daily", "one_row_per_center_and_day", {"center": pl.lit("Arbitrage")}),
    ("profit_center_daily", "trades_are_not_negative", {"trades": pl.lit(-1)}),
    (
        "profit_center_daily",
        "gas_is_not_negative",
        {"gas_micro_usd": pl.lit(-1), "net_pnl_micro_usd": pl.col("net_pnl_micro_usd") + 250_001},
    ),
    ("profit_center_daily", "turnover_is_not_negative", {"turnover_micro_usd": pl.lit(-1)}),
    ("profit_center_daily", "net_pnl_adds_up", {"net_pnl_micro_usd": pl.col("net_pnl_micro_usd") + 1}),
    ("shadow_trials", "no_order_is_answered_twice", {"order_id": pl.lit("2026-01-06-001")}),
    ("shadow_trials", "the_champion_acts_at_once", {"champion_action": pl.lit("wait")}),
    ("shadow_trials", "every_action_is_known", {"challenger_action": pl.lit("pray")}),
    ("shadow_trials", "the_saving_adds_up", {"saving_bps": pl.col("saving_bps") + 0.01}),
    ("shadow_trials", "every_answer_names_its_bundle", {"bundle_sha256": pl.lit("latest")}),
    ("ab_evaluation", "no_block_counts_twice", {"block": pl.lit(1)}),
    ("ab_evaluation", "evidence_is_not_negative", {"e_value": pl.lit(-0.1)}),
    ("ab_evaluation", "every_verdict_is_known", {"verdict": pl.lit("MAYBE")}),
]


def rows_of(name: str) -> pl.DataFrame:
    table = BY_TABLE[name].table
    rows = [*ROWS[name], {**ROWS[name][0], "block": 2}] if name == "ab_evaluation" else ROWS[name]
    return frame_of(table, rows)


@pytest.mark.parametrize("name", list(BY_TABLE))
def test_good_rows_pass_every_gate(name: str):
    assert {promise: judged.holds for promise, judged in judge(BY_TABLE[name], rows_of(name)).items()} == dict.fromkeys(
        (one.name for one in BY_TABLE[name].expectations), True
    )


@pytest.mark.parametrize("name", list(BY_TABLE))
def test_a_table_without_rows_breaks_no_promise(name: str):
    assert all(judged.holds and judged.rows == 0 for judged in judge(BY_TABLE[name], BY_TABLE[name].table.empty()).values())


@pytest.mark.parametrize(("name", "promise", "change"), BREAKS, ids=[f"{name}-{promise}" for name, promise, _ in BREAKS])
def test_a_gate_closes_for_the_promise_that_is_broken_and_for_no_other(name: str, promise: str, change: dict[str, Any]):
    judged = judge(BY_TABLE[name], rows_of(name).with_columns(**change))
    assert [found for found, one in judged.items() if not one.holds] == [promise]
    assert judged[promise].unexpected > 0


def test_every_promise_is_shown_to_be_breakable():
    assert {(name, promise) for name, promise, _ in BREAKS} == {
        (suite.table.name, one.name) for suite in SUITES for one in suite.expectations
    }


def test_a_few_of_the_rows_that_break_a_promise_are_shown_exactly():
    judged = judge(BY_TABLE["trade_ledger"], rows_of("trade_ledger").with_columns(amount_in=-pl.col("amount_in")))
    assert "-2000000000000000001" in judged["nothing_negative_is_sold"].examples
    assert str(facts_of(judged["nothing_negative_is_sold"])["examples"].value).startswith("-1000000000000000000, ")


def test_a_promise_that_holds_shows_how_many_rows_were_judged():
    facts = facts_of(Judgement(True, 6, 0, []))
    assert {name: value.value for name, value in facts.items()} == {"rows": 6, "unexpected": 0}


@pytest.mark.parametrize(
    "expectation",
    [
        Expectation("compares_words_with_numbers", "", "ExpectColumnValuesToBeBetween", {"column": "origin", "min_value": 0}),
        Expectation("speaks_of_no_column", "", "ExpectColumnMaxToBeBetween", {"column": "nowhere", "min_value": 0}),
    ],
)
def test_a_promise_that_cannot_be_computed_is_broken_machinery_not_a_broken_promise(expectation: Expectation):
    with pytest.raises(Broken, match=f"could not judge {expectation.name} on trade_ledger"):
        judge(Suite(trade_ledger.TABLE, (expectation,)), rows_of("trade_ledger"))


@dg.asset(name="trade_ledger", partitions_def=dg.DailyPartitionsDefinition("2026-01-05"), backfill_policy=dg.BackfillPolicy.single_run())
def ledger() -> dg.MaterializeResult:
    return dg.MaterializeResult()


@dg.asset(deps=["trade_ledger"])
def what_uses_the_ledger() -> dg.MaterializeResult:
    return dg.MaterializeResult()


def run_with(tmp_path: Path, change: dict[str, Any], first: str, last: str) -> dg.ExecuteInProcessResult:
    warehouse = Warehouse(lake=str(tmp_path))
    warehouse.replace(trade_ledger.TABLE, rows_of("trade_ledger").with_columns(**change))
    gate = next(gate for gate in gates if gate.node_def.name == "trade_ledger_gate")
    tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    return dg.materialize(
        [ledger, what_uses_the_ledger, gate],
        resources={"warehouse": warehouse},
        tags=tags,
        instance=dg.DagsterInstance.ephemeral(),
        raise_on_error=False,
    )


def test_a_closed_gate_keeps_what_is_downstream_from_being_built(tmp_path: Path):
    run = run_with(tmp_path, {"origin": pl.lit("guessed")}, DAYS[0].isoformat(), DAYS[-1].isoformat())
    assert [check.check_name for check in run.get_asset_check_evaluations() if not check.passed] == ["every_origin_is_known"]
    assert run.asset_materializations_for_node("what_uses_the_ledger") == []


def test_a_gate_judges_the_days_of_the_run(tmp_path: Path):
    only_the_last_day = pl.when(pl.col("day") == DAYS[-1]).then(pl.lit("guessed")).otherwise(pl.col("origin"))
    run = run_with(tmp_path, {"origin": only_the_last_day}, DAYS[0].isoformat(), DAYS[1].isoformat())
    assert run.success
    assert all(check.metadata["rows"].value == 5 for check in run.get_asset_check_evaluations())
