"""What is set aside: rows of every step, whole, on a day that exists."""

from __future__ import annotations

import json
from datetime import date, timedelta

import polars as pl
import pytest

from assets.chain import quarantine, raw_logs
from assets.chain.set_aside import everything_set_aside, logs_left_out, rejected_rows, untradable
from assets.chain.tokens import TABLE as TOKENS
from assets.chain.tokens import tokens_of
from assets.partitions import Span
from executor.chain.layout import REJECTED
from executor.chain.recording import Recording, RecordingWriter
from tests.assets.chain.frames import FIRST, LAST, WHOLE, decoded, events, pools_table
from tests.assets.chain.small_chain import CHAIN_ID, DAI, DAYS, PAIR, SmallChain


def set_aside(recording: Recording, chain: SmallChain, span: Span = WHOLE) -> pl.DataFrame:
    tokens = tokens_of(recording.tokens(), CHAIN_ID).filter(pl.col("reason").is_null()).select(TOKENS.names)
    return everything_set_aside(recording, tokens, pools_table(chain), decoded(chain), span)


def test_nothing_of_a_whole_chain_is_set_aside(recording: Recording, chain: SmallChain):
    found = set_aside(recording, chain)
    assert found.is_empty()
    assert quarantine.TABLE.conform(found).is_empty()


def test_a_token_and_a_pool_that_cannot_be_lie_with_the_first_day(chain: SmallChain, tmp_path):
    told = chain.tables()
    tokens = told["tokens"].with_columns(decimals=pl.when(pl.col("address") == DAI).then(200).otherwise("decimals"))
    pools = told["pools"].with_columns(venue=pl.when(pl.col("pool") == PAIR).then(pl.lit("curve")).otherwise("venue"))
    found = set_aside(chain.write(tmp_path / "r", tokens=tokens, pools=pools), chain)
    assert found.select("source", "reason", "day").sort("source").rows() == [
        ("pools", "unknown_venue", FIRST),
        ("tokens", "impossible_decimals", FIRST),
    ]
    assert "add executor/venues/curve.py" in found.sort("source")["detail"][0]


def test_a_pool_of_a_known_venue_but_another_shape_is_unknown(chain: SmallChain, tmp_path):
    pools = chain.tables()["pools"].with_columns(protocol=pl.lit("constant_product"))
    found = set_aside(chain.write(tmp_path / "r", pools=pools), chain)
    assert found.height == 2 and set(found["reason"]) == {"unknown_venue"}


def test_logs_on_no_day_of_the_recording_are_not_lost(chain: SmallChain):
    late = chain.tables()["logs"].with_columns(block_timestamp=pl.col("block_timestamp") + timedelta(days=2))
    found = logs_left_out(late, CHAIN_ID, FIRST, LAST)
    inside = late.filter(pl.col("block_timestamp").dt.date() <= LAST).height
    assert found.height == late.height - inside > 0
    assert set(found["day"]) == {LAST} and set(found["reason"]) == {"outside_days"}
    assert json.loads(found["row_json"][0])["data"].startswith("0x")


@pytest.mark.parametrize(("column", "value"), [("address", "0x12"), ("transaction_hash", "hash"), ("log_index", -2), ("block_number", -1)])
def test_a_row_that_is_no_log_never_reaches_the_raw_logs(chain: SmallChain, column: str, value: object):
    logs = chain.tables()["logs"]
    place = pl.int_range(pl.len()) == 0
    spoiled = logs.with_columns(pl.when(place).then(pl.lit(value, logs.schema[column])).otherwise(column).alias(column))
    found = logs_left_out(spoiled, CHAIN_ID, FIRST, LAST)
    assert found.select("source", "reason").rows() == [("recording.logs", "malformed_log")]
    assert "must be" in found["detail"][0] and "fetch the log again" in found["detail"][0]
    assert raw_logs.raw_logs_of(spoiled, CHAIN_ID, WHOLE).height == logs.height - 1


def test_what_the_recording_rejected_is_carried_over_with_its_day(chain: SmallChain, tmp_path):
    rows = [
        ("logs", "wrong chain: 1", "logs.parquet", '{"block_timestamp":"2026-01-06 01:00:00+00:00","data":"0x"}'),
        ("logs", "block_number is missing", None, '{"data":"0x"}'),
        ("transactions", "gas_used is past 64 bits", "tx.parquet", '{"timestamp":"2031-01-06"}'),
    ]
    rejected = pl.DataFrame(rows, schema=REJECTED.schema, orient="row")
    found = rejected_rows(rejected, FIRST, LAST)
    assert found["source"].to_list() == ["recording.logs", "recording.logs", "recording.transactions"]
    assert found["reason"].to_list() == ["wrong_chain", "block_number_is_missing", "gas_used_is_past_64_bits"]
    assert found["day"].to_list() == [date(2026, 1, 6), FIRST, LAST]
    assert found["detail"][1] == "block_number is missing (found in the source)."
    recording = _with_rejected(chain, tmp_path, rejected)
    assert set_aside(recording, chain).height == 3
    assert set_aside(recording, chain, Span(FIRST, FIRST)).height == 1


def test_swaps_of_an_unknown_token_are_named_though_they_are_proven(chain: SmallChain):
    rows, _ = events(chain)
    pools = pools_table(chain).with_columns(decimals1=pl.when(pl.col("pool") == PAIR).then(None).otherwise("decimals1"))
    found = untradable(rows, pools)
    assert found.height == rows.filter(pl.col("pool") == PAIR).height > 0
    assert set(found["source"]) == {"fills"} and set(found["reason"]) == {"unknown_token"}


def _with_rejected(chain: SmallChain, tmp_path, rejected: pl.DataFrame) -> Recording:
    writer = RecordingWriter(tmp_path / "rejected")
    for name, frame in {**chain.tables(), "rejected": rejected}.items():
        writer.write(name, frame)
    return writer.finish(
        name="small", chain_id=CHAIN_ID, first_block=100, last_block=200, first_day=DAYS[0], last_day=DAYS[-1],
        simulated_traders=True, description="", pools=[],
    )  # fmt: skip


def test_a_day_alone_holds_only_its_own_rows(chain: SmallChain, tmp_path):
    blocks = chain.tables()["blocks"].with_columns(gas_used=pl.lit(10**9))
    recording = chain.write(tmp_path / "r", blocks=blocks)
    per_day = [set_aside(recording, chain, Span(day, day)) for day in WHOLE.dates()]
    assert pl.concat(per_day).sort("source", "row_key").equals(set_aside(recording, chain).sort("source", "row_key"))
    assert all(rows.height for rows in per_day)
