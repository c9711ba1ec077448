"""`grekko evidence` as a person types it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import typer
from typer.testing import CliRunner, Result

from domain.problems import BadInput
from models.experiments.policy import SHIPPED, PromotionPolicy
from pipelines.commands import evidence as command

app = typer.Typer()
app.command()(command.evidence)
FIRST_KEYS = ["file", "verdict", "e_value", "lift", "blocks", "decided_at"]


def experiment(days: int = 12, saving: float = 4.0, per_hour: int = 20, seed: int = 1) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    count = days * 24 * per_hour
    start = datetime(2026, 3, 1, tzinfo=UTC)
    champion = 20 + rng.normal(0, 5, count)
    return pl.DataFrame(
        {
            "ts": [start + timedelta(minutes=60 / per_hour * n) for n in range(count)],
            "order_id": [f"o{n}" for n in range(count)],
            "champion": champion,
            "challenger": champion - saving + rng.normal(0, 3, count),
        },
        schema_overrides={"ts": pl.Datetime("us", "UTC")},
    )


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.parquet"
    experiment().sample(fraction=1.0, shuffle=True, seed=3).write_parquet(path)
    return path


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments])


def records(result: Result) -> list[dict]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_file_gets_one_line_with_the_promised_keys_first(good: Path):
    result = run(good, "--json")
    assert result.exit_code == 0
    (told,) = records(result)
    assert list(told)[:6] == FIRST_KEYS
    assert (told["file"], told["verdict"], told["blocks"]) == (str(good), "PROMOTE", 12)
    assert told["e_value"] >= 100 and told["lift"] == pytest.approx(0.2, abs=0.02)
    assert told["policy_sha256"] == PromotionPolicy.read().sha256


def test_peeking_stops_at_the_first_decision_and_tells_what_was_known_then(good: Path):
    (told,) = records(run(good, "--peek", "1h", "--json"))
    assert told["verdict"] == "PROMOTE"
    assert 7 <= told["blocks"] < 12
    assert told["decided_at"] == (datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=told["blocks"])).isoformat()
    # The same orders without what came later are decided alike.
    cut = good.with_name("cut.parquet")
    pl.read_parquet(good).filter(pl.col("ts") < datetime.fromisoformat(told["decided_at"])).write_parquet(cut)
    (again,) = records(run(cut, "--peek", "1h", "--json"))
    assert {**again, "file": told["file"]} == told


def test_a_trial_without_a_decision_is_held_at_the_last_look(tmp_path: Path):
    path = tmp_path / "short.parquet"
    experiment(days=5).write_parquet(path)
    (told,) = records(run(path, "--peek", "30m", "--json"))
    assert (told["verdict"], told["blocks"], told["decided_at"]) == ("HOLD", 5, "2026-03-06T00:00:00+00:00")


@pytest.mark.parametrize(
    "ts",
    [
        pl.col("ts").dt.replace_time_zone(None),
        pl.col("ts").cast(pl.Datetime("ns", "UTC")),
        pl.col("ts").dt.convert_time_zone("Asia/Tokyo"),
        pl.col("ts").dt.epoch("s"),
        pl.col("ts").dt.epoch("ms"),
        pl.col("ts").dt.epoch("us"),
        pl.col("ts").dt.epoch("ns"),
        pl.col("ts").dt.epoch("s").cast(pl.Float64),
        pl.col("ts").dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
    ],
    ids=["zone-less", "ns", "Tokyo", "epoch s", "epoch ms", "epoch us", "epoch ns", "epoch as float", "text"],
)
def test_any_kind_of_moment_is_read(good: Path, ts: pl.Expr):
    other = good.with_name("other.parquet")
    pl.read_parquet(good).with_columns(ts.alias("ts")).write_parquet(other)
    first, second = records(run(good, other, "--peek", "1h", "--json"))
    assert {**second, "file": first["file"]} == first


def test_a_bad_file_gets_its_own_line_and_stops_no_other(good: Path, tmp_path: Path):
    frame = experiment(days=2)
    (tmp_path / "text.parquet").write_text("not Parquet")
    frame.drop("challenger").write_parquet(tmp_path / "column.parquet")
    frame.clear().write_parquet(tmp_path / "empty.parquet")
    frame.with_columns(pl.col("champion").cast(pl.String)).write_parquet(tmp_path / "kind.parquet")
    frame.with_columns(pl.lit("yesterday").alias("ts")).write_parquet(tmp_path / "when.parquet")
    frame.with_columns(pl.lit(True).alias("ts")).write_parquet(tmp_path / "bool.parquet")
    bad = ["text", "column", "empty", "kind", "when", "bool", "gone"]
    result = run(*(tmp_path / f"{name}.parquet" for name in bad), good, "--json")
    assert result.exit_code == 1
    told = {Path(one["file"]).stem: one for one in records(result)}
    assert [told[name]["verdict"] for name in bad] == ["INVALID"] * 7
    assert told["good"]["verdict"] == "PROMOTE"
    says = {
        "text": "cannot be read as Parquet",
        "column": "no column challenger",
        "empty": "holds no rows",
        "kind": "the column champion is String",
        "when": "the column ts holds text that is no ISO 8601 time",
        "bool": "the column ts is Boolean",
        "gone": "is not there",
    }
    for name, sentence in says.items():
        assert f"{name}.parquet" in told[name]["reason"] and sentence in told[name]["reason"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"challenger": pl.when(pl.int_range(pl.len()) == 7000).then(float("nan")).otherwise(pl.col("challenger"))},
            "column challenger is no",
        ),
        (
            {"champion": pl.when(pl.int_range(pl.len()) == 3).then(float("inf")).otherwise(1.0)},
            "column champion is no finite",
        ),
        ({"champion": pl.when(pl.int_range(pl.len()) == 3).then(None).otherwise(pl.col("champion"))}, "column champion is no finite"),
        ({"order_id": pl.when(pl.int_range(pl.len()) == 90).then(pl.lit("o5")).otherwise(pl.col("order_id"))}, "holds 'o5' twice"),
        ({"order_id": pl.when(pl.int_range(pl.len()) == 90).then(None).otherwise(pl.col("order_id"))}, "order_id is empty in 1 rows"),
        ({"ts": pl.when(pl.int_range(pl.len()) == 90).then(None).otherwise(pl.col("ts"))}, "ts is empty in 1 rows"),
    ],
    ids=["NaN", "infinite", "no cost", "twice", "no id", "no time"],
)
@pytest.mark.parametrize("peek", [(), ("--peek", "1h")], ids=["end", "peek"])
def test_rows_that_cannot_be_right_make_the_file_invalid(tmp_path: Path, change: dict, sentence: str, peek: tuple[str, ...]):
    path = tmp_path / "bad.parquet"
    experiment(days=16).with_columns(**change).write_parquet(path)
    result = run(path, *peek, "--json")
    assert result.exit_code == 0
    (told,) = records(result)
    assert told["verdict"] == "INVALID" and sentence in told["reason"]


def test_folders_and_patterns_name_files_and_each_is_judged_once(good: Path):
    experiment(days=2).write_parquet(good.with_name("other.parquet"))
    told = records(run(good.parent, good.parent / "*.parquet", good, "--json"))
    assert [Path(one["file"]).name for one in told] == ["good.parquet", "other.parquet"]
    with pytest.raises(BadInput, match="No Parquet file at"):
        CliRunner().invoke(app, [str(good.parent / "no*.parquet")], catch_exceptions=False)


def test_a_person_reads_a_table(good: Path):
    result = run(good)
    assert result.exit_code == 0
    assert "PROMOTE" in result.stdout and "a challenger no better" in " ".join(result.stdout.split())


@pytest.mark.parametrize("step", ["", "1", "0h", "1w", "-1h", "1000d"])
def test_a_step_that_is_none_is_refused(good: Path, step: str):
    with pytest.raises(BadInput, match="--peek"):
        CliRunner().invoke(app, [str(good), f"--peek={step}"], catch_exceptions=False)


def test_a_stricter_policy_judges_and_a_looser_one_is_refused(good: Path):
    mine = good.with_name("mine.yaml")
    mine.write_text(SHIPPED.read_text().replace("min_lift: 0.05", "min_lift: 0.5"))
    (told,) = records(run(good, "--policy", mine, "--json"))
    assert told["verdict"] == "FUTILE" and told["policy_sha256"] == PromotionPolicy.read(mine).sha256
    mine.write_text(SHIPPED.read_text().replace("alpha: 0.01", "alpha: 0.05"))
    with pytest.raises(BadInput, match=r"alpha 0\.05 would loosen .* at most 0\.01"):
        CliRunner().invoke(app, [str(good), "--policy", str(mine)], catch_exceptions=False)


def test_many_files_are_shared_among_processes_and_come_in_order(good: Path, monkeypatch: pytest.MonkeyPatch):
    alone = records(run(good, "--json"))
    monkeypatch.setattr(command, "MANY", 2)
    other = good.with_name("other.parquet")
    experiment(days=2).write_parquet(other)
    told = records(run(good, other, "--json"))
    assert told[0] == alone[0] and told[1]["file"] == str(other)
