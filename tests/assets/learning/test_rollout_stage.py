"""The rollout's table: the course that the evidence carries, told step by step, and no stage left out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from assets.learning import rollout_stage
from assets.learning.rollout_stage import TABLE, course_of, looks_at, no_stage_is_left_out
from assets.warehouse import Warehouse
from models.experiments.rollout import read_rollout
from models.experiments.stages import Experiment, begin

POLICY = read_rollout()
BEGINS = datetime(2026, 1, 10, 1, tzinfo=UTC)


def looks(*verdicts: str, orders: int = 200) -> list[dict]:
    """One look a day with these verdicts."""
    return [{"verdict": verdict, "orders": orders * day, "at": BEGINS + timedelta(days=day)} for day, verdict in enumerate(verdicts, 1)]


def course(*verdicts: str, orders: int = 200) -> list[dict]:
    return course_of(begin("b against a", "salt", POLICY, BEGINS), looks(*verdicts, orders=orders), POLICY).to_dicts()


def test_it_begins_in_shadow() -> None:
    [row] = course()
    assert (row["step"], row["stage"], row["status"], row["share_percent"], row["since"]) == (0, "shadow", "running", 0.0, BEGINS)
    assert row["verdict"] is None and row["waits_for"] == row["reason"] == rollout_stage.BEGINNING
    assert Experiment.from_json(row["state"]) == begin("b against a", "salt", POLICY, BEGINS)


def test_evidence_lets_it_into_the_first_canary_which_waits_for_live_orders() -> None:
    rows = course(*["HOLD"] * 6, *["PROMOTE"] * 4)
    assert [(row["stage"], row["share_percent"]) for row in rows] == [("shadow", 0.0), ("canary_1", 1.0)]
    assert rows[1]["since"] == BEGINS + timedelta(days=7) and rows[1]["verdict"] == "PROMOTE"
    assert "more orders" in rows[1]["waits_for"] and rows[0]["waits_for"] is None
    assert Experiment.from_json(rows[1]["state"]).share_bp == 100


def test_too_few_answers_keep_it_in_shadow() -> None:
    [row] = course(*["PROMOTE"] * 9, orders=10)
    assert "more orders" in row["waits_for"]


@pytest.mark.parametrize(("verdict", "status"), [("ROLLBACK", "rolled_back"), ("FUTILE", "futile"), ("INVALID", "frozen")])
def test_a_step_down_is_told_with_its_reason(verdict: str, status: str) -> None:
    rows = course("HOLD", verdict, "PROMOTE")
    assert (rows[-1]["status"], rows[-1]["share_percent"], rows[-1]["verdict"]) == (status, 0.0, verdict)
    assert verdict in rows[-1]["reason"] and rows[-1]["waits_for"]


def test_a_step_taken_at_the_last_look_waits_for_what_comes() -> None:
    rows = course(*["HOLD"] * 6, "PROMOTE")
    assert rows[-1]["stage"] == "canary_1" and rows[-1]["waits_for"] == "Live orders of this stage."


def test_a_look_is_at_the_end_of_its_block_with_all_orders_until_then() -> None:
    blocks = pl.DataFrame(
        {
            "block": [1, 2],
            "first_order_at": [BEGINS, BEGINS + timedelta(days=1)],
            "orders": [5, 7],
            "verdict": ["HOLD", "PROMOTE"],
        },
        schema_overrides={"first_order_at": pl.Datetime("us", "UTC")},
    )
    ends = BEGINS + timedelta(days=2)
    assert looks_at(blocks, ends) == [
        {"verdict": "HOLD", "orders": 5, "at": BEGINS + timedelta(days=1)},
        {"verdict": "PROMOTE", "orders": 12, "at": ends},
    ]


def test_a_course_that_leaves_a_stage_out_or_grows_without_evidence_breaks_the_promise(tmp_path: Path) -> None:
    warehouse = Warehouse(lake=str(tmp_path))
    good = course_of(begin("b against a", "salt", POLICY, BEGINS), looks(*["HOLD"] * 6, "PROMOTE"), POLICY)
    warehouse.replace(TABLE, good)
    assert no_stage_is_left_out(warehouse).passed
    newest = pl.col("step") == 1
    for wrong in (
        good.with_columns(share_percent=pl.when(newest).then(5.0).otherwise("share_percent")),
        good.with_columns(verdict=pl.when(newest).then(pl.lit("HOLD")).otherwise("verdict")),
    ):
        warehouse.replace(TABLE, wrong)
        assert not no_stage_is_left_out(warehouse).passed
