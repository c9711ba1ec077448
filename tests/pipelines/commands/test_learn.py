"""`grekko learn`: from minute bars to a verdict, honest on bars that hold something and on bars that hold nothing."""

from __future__ import annotations

import json
import xml.etree.ElementTree as xml
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from executor.bundle import load_bundle
from models.experiments.decision import decide
from models.experiments.policy import PromotionPolicy
from models.minute_orders import PaperFlow
from pipelines import evidence_picture, minute_learning
from pipelines.cli import main
from pipelines.minute_learning import Course
from tests.models.minutes import changed, minute_bars, minute_rows

DAYS, MINUTES = 11, 1440
FEW = ["--training-days", "3", "--every", "12"]
COURSE = {"training_days": 3, "flow": PaperFlow(every_minutes=40)}


@pytest.fixture(scope="module", autouse=True)
def a_rule_for_eight_days() -> Iterator[None]:
    """Eight days of few orders cannot rule out the accidents of the shipped policy; made-up bars have none, so they are assumed small."""
    rule = replace(PromotionPolicy.read(), accident_bps=1.0, accident_hour=0.1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PromotionPolicy, "read", lambda *_: rule)
        yield


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eleven days of a pool whose price repeats itself for a minute."""
    path = tmp_path_factory.mktemp("bars") / "bars.parquet"
    minute_rows(DAYS * MINUTES, repeat=1.0).write_parquet(path)
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    code = main(["learn", *arguments, "--json"])
    told = json.loads(capsys.readouterr().out)
    assert code == (2 if "error" in told else 0), told
    return told


@pytest.fixture(scope="module")
def learned(file: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, Path]:
    """What the command told of those days, and the folder it left."""
    out = tmp_path_factory.mktemp("out")
    with pytest.MonkeyPatch.context() as patch:
        said: list[str] = []
        patch.setattr("typer.echo", said.append)
        assert main(["learn", "--bars", str(file), *FEW, "--out", str(out), "--json"]) == 0
    return json.loads(said[0]), out


def test_what_can_be_foreseen_is_learned_and_promoted_with_its_evidence(learned):
    told, _ = learned
    assert told["verdict"] == "PROMOTE" and told["e_value"] >= told["bar"] == 100
    assert told["lift"] > 0.2 and told["walk_forward_lift"] > 0.1
    assert told["blocks"] == len(told["by_block"]) == 8
    assert told["by_block"][-1]["e_value"] == told["e_value"]
    assert told["crossed_at"] <= told["decided_at"]
    # Seven blocks are needed, so nobody promotes after the sixth.
    assert [row["verdict"] for row in told["by_block"][:6]] == ["HOLD"] * 6
    assert sum(row["orders"] for row in told["by_block"]) == told["orders"]
    assert sum(told["actions"].values()) == told["orders"]
    assert abs(told["yardsticks"]["always_wait_bps"]) < 0.5 < told["saving_bps"] < told["yardsticks"]["oracle_bps"]


def test_no_order_is_judged_on_what_taught(learned):
    told, out = learned
    experiment = pl.read_parquet(out / "experiment.parquet")
    first: datetime = experiment["ts"].min()  # type: ignore[assignment]
    # Three days, and the policy's hour after them.
    assert first.isoformat() == "2026-03-05T01:00:00+00:00"
    manifest = json.loads((out / "bundles" / told["bundle_sha256"] / "manifest.json").read_text())
    assert manifest["training"]["last_order"] < "2026-03-05T00:00:00+00:00"
    assert manifest["training"]["orders"] == told["lessons"]


def test_the_paired_experiment_gives_the_same_verdict_to_whoever_reads_it(learned):
    told, out = learned
    experiment = pl.read_parquet(out / "experiment.parquet")
    assert experiment.columns == ["ts", "order_id", "champion", "challenger"]
    assert experiment["order_id"].n_unique() == experiment.height == told["orders"]
    trials = experiment.rename({"ts": "arrived_at", "champion": "champion_cost_bps", "challenger": "challenger_cost_bps"})
    decision = decide(trials, PromotionPolicy.read())[0]
    assert (decision.verdict, decision.e_value, decision.lift) == (told["verdict"], told["e_value"], told["lift"])


def test_the_bundles_left_behind_are_ones_the_executor_takes_and_say_what_split_means(learned):
    told, out = learned
    for digest, policy in ((told["champion_sha256"], "execute_now"), (told["bundle_sha256"], "quote_offset")):
        bundle = load_bundle(out / "bundles" / digest, digest)
        assert bundle.policy == policy
        assert bundle.manifest["actions"][1] == {"name": "split", "meaning": "execute half at once and half when the wait has passed"}
        assert bundle.manifest["policy_sha256"] == told["policy_sha256"]


def test_the_picture_shows_path_bar_and_every_block(learned):
    told, out = learned
    assert told["files"] == [str(out / name) for name in ("experiment.parquet", "evidence.svg", "bundles")]
    drawing = xml.parse(out / "evidence.svg").getroot()
    svg = "{http://www.w3.org/2000/svg}"
    points = drawing.find(f"{svg}polyline").attrib["points"].split()  # type: ignore[union-attr]
    assert len(points) == told["blocks"]
    assert len(drawing.findall(f"{svg}rect")) == told["blocks"] + 1
    assert "PROMOTE" in drawing.find(f"{svg}text").text  # type: ignore[operator, union-attr]


def test_the_same_file_and_seed_give_the_same_document_and_bundle(learned, file, capsys):
    told, _ = learned
    again = run(capsys, "--bars", str(file), *FEW)
    assert {**again, "files": told["files"]} == told


def test_people_see_a_table_a_picture_and_the_reason(file, capsys):
    assert main(["learn", "--bars", str(file), *FEW, "--null", "--refill", "50", "--every", "40"]) == 0
    page = capsys.readouterr().out
    assert "direction removed, arms swapped" in page
    assert "03-05" in page and "·" in page
    assert "2 blocks of 72 h, 7 are needed" in " ".join(page.split()) and "PROMOTE" not in page


def test_features_a_minute_late_are_worth_nothing_in_training_and_replay_alike(learned, file, capsys):
    told, _ = learned
    late = run(capsys, "--bars", str(file), *FEW, "--stale", "1")
    assert late["verdict"] != "PROMOTE"
    assert late["walk_forward_lift"] < told["walk_forward_lift"] / 5
    assert late["lift"] < told["lift"] / 5


def test_where_direction_was_taken_out_nothing_is_promoted_whatever_the_seed(tmp_path):
    bars = minute_bars(DAYS * MINUTES, repeat=1.0)
    policy = PromotionPolicy.read()
    crossed = []
    for seed in range(6):
        outcome = minute_learning.run(bars, Course(seed=seed, null=True, **COURSE), policy, tmp_path)
        crossed.append(outcome.crossed_at)
        assert outcome.trained is not None and len(outcome.by_block) == 8
    assert crossed == [None] * 6


def test_a_split_that_saves_by_assumption_promotes_unless_the_null_takes_it_away(tmp_path):
    bars = minute_bars(DAYS * MINUTES, step=1.0)
    flow = PaperFlow(every_minutes=40, refill_percent=100, gas_usd=0.0, smallest_usd=30_000)
    plain = Course(training_days=3, flow=flow)
    policy = PromotionPolicy.read()
    assert minute_learning.run(bars, plain, policy, tmp_path).decision.verdict == "PROMOTE"
    for seed in range(2):
        null = Course(training_days=3, flow=flow, null=True, seed=seed)
        assert null.arms_are_swapped and not plain.arms_are_swapped
        assert minute_learning.run(bars, null, policy, tmp_path).crossed_at is None


def test_rows_set_aside_are_counted_and_too_many_make_the_trial_invalid(tmp_path, capsys):
    rows = minute_rows(5 * MINUTES)
    few = changed(changed(rows, 100, currentLiquidity="0"), 2_000, openTick=1)
    few.write_parquet(tmp_path / "few.parquet")
    told = run(capsys, "--bars", str(tmp_path / "few.parquet"), "--training-days", "3", "--every", "60")
    assert told["quarantined"] == {"no_liquidity": 1, "open_outside_range": 1} and told["quarantined_rows"] == 2
    assert told["gaps"] == ["1 after 2026-03-02 01:39", "1 after 2026-03-03 09:19"]
    # A quarter of the bars, in whole hours: bars are missing, and orders with them.
    holed = rows.with_columns(
        currentLiquidity=pl.when(pl.col("timestamp").dt.hour() % 4 == 3).then(pl.lit("0")).otherwise(pl.col("currentLiquidity"))
    )
    holed.write_parquet(tmp_path / "holed.parquet")
    told = run(capsys, "--bars", str(tmp_path / "holed.parquet"), "--training-days", "3", "--every", "20")
    assert told["verdict"] == "INVALID"
    assert "bars had to be set aside" in told["reason"] and "orders found no bar" in told["reason"]


def test_too_few_orders_to_learn_from_are_an_answer_not_a_crash(file, capsys):
    told = run(capsys, "--bars", str(file), "--training-days", "1", "--every", "240")
    assert told["verdict"] == "HOLD" and "There is no challenger" in told["reason"]
    assert (told["bundle_sha256"], told["orders"], told["by_block"], told["yardsticks"]) == (None, 0, [], {})
    assert main(["learn", "--bars", str(file), "--training-days", "1", "--every", "240"]) == 0
    assert "no orders" in capsys.readouterr().out


def test_no_order_after_the_embargo_is_an_answer_too(file, tmp_path, capsys):
    bars = pl.read_parquet(file)[: 3 * MINUTES + 30]
    bars.write_parquet(tmp_path / "short.parquet")
    told = run(capsys, "--bars", str(tmp_path / "short.parquet"), "--training-days", "3", "--every", "20")
    assert (told["verdict"], told["orders"]) == ("HOLD", 0) and told["bundle_sha256"]


@pytest.mark.parametrize(
    ("field", "arguments"), [("training_days", ["--training-days", "11"]), ("fee_pips", ["--fee-pips", "-1", "--training-days", "3"])]
)
def test_what_makes_no_sense_is_refused_by_field(file, capsys, field, arguments):
    assert run(capsys, "--bars", str(file), *arguments)["field"] == field


def test_a_file_that_is_absent_or_lacks_a_column_is_refused(tmp_path, capsys):
    assert "does not exist" in run(capsys, "--bars", str(tmp_path / "none.parquet"))["message"]
    minute_rows(10).drop("openTick").write_parquet(tmp_path / "cut.parquet")
    assert run(capsys, "--bars", str(tmp_path / "cut.parquet"))["missing"] == ["openTick"]


def test_a_picture_of_nothing_is_still_a_picture():
    assert evidence_picture.lines([], 50.0) == []
    assert "none yet" in evidence_picture.svg([], 50.0, "HOLD & <wait>")
    xml.fromstring(evidence_picture.svg([], 50.0, "HOLD & <wait>"))
