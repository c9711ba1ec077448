"""The recording on disk: whole or not at all, typed, and the same bytes for the same rows."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pytest

from domain.problems import BadInput, Broken
from executor.chain.layout import FORMAT, TABLES, conform, table_named
from executor.chain.recording import Recording, RecordingWriter

ADDRESS = "0x" + "11" * 20
HASH = "0x" + "ab" * 32
MANIFEST = {
    "name": "tiny",
    "description": "three blocks",
    "chain_id": 1,
    "first_block": 1,
    "last_block": 3,
    "first_day": "2026-01-05",
    "last_day": "2026-01-06",
    "simulated_traders": False,
    "pools": [ADDRESS],
}


def some_logs() -> pl.DataFrame:
    """Two logs, the later one first."""
    when = datetime(2026, 1, 5, tzinfo=UTC)
    rows = [
        {"block_number": number, "block_timestamp": when, "transaction_hash": HASH, "transaction_index": 0, "log_index": 1,
         "address": ADDRESS,
         "data": b"\0\xff"}
        for number in (3, 2)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=TABLES["logs"].schema)


def write(path: Path) -> Recording:
    writer = RecordingWriter(path)
    writer.write("logs", some_logs())
    return writer.finish(**MANIFEST)


def test_what_is_written_is_read_back_in_order_with_its_types(tmp_path):
    recording = write(tmp_path / "r")
    assert recording.logs()["block_number"].to_list() == [2, 3]
    assert recording.logs()["data"].to_list() == [b"\0\xff"] * 2
    for name, table in TABLES.items():
        assert recording.table(name).schema == table.schema
    assert recording.blocks().height == recording.transactions().height == recording.tokens().height == recording.pools().height == 0
    assert recording.ticks().height == recording.prices().height == recording.rejected().height == 0


def test_the_manifest_says_what_a_stranger_needs(tmp_path):
    recording = write(tmp_path / "r")
    assert recording.manifest["format"] == FORMAT
    assert recording.manifest["files"]["logs.parquet"]["rows"] == 2
    assert (recording.name, recording.chain_id) == ("tiny", 1)
    assert recording.days == [date(2026, 1, 5), date(2026, 1, 6)]


def test_the_same_rows_give_the_same_bytes(tmp_path):
    first, second = write(tmp_path / "a"), write(tmp_path / "b")
    assert first.digest == second.digest
    assert (tmp_path / "a" / "manifest.json").read_bytes() == (tmp_path / "b" / "manifest.json").read_bytes()
    assert (tmp_path / "a" / "logs.parquet").read_bytes() == (tmp_path / "b" / "logs.parquet").read_bytes()


def test_duckdb_reads_the_same_rows(tmp_path):
    writer = RecordingWriter(tmp_path / "r")
    biggest = 10**38 - 1
    row = {"hash": HASH, "block_number": 1, "transaction_index": 0, "from_address": ADDRESS, "value": Decimal(biggest)}
    writer.write("transactions", pl.DataFrame([row], schema=TABLES["transactions"].schema))
    writer.finish(**MANIFEST)
    file = tmp_path / "r" / "transactions.parquet"
    assert duckdb.sql(f"select value from read_parquet('{file}')").fetchall() == [(Decimal(biggest),)]


def test_a_folder_without_a_manifest_is_half_written_and_the_fix_is_named(tmp_path):
    writer = RecordingWriter(tmp_path / "r")
    writer.write("logs", some_logs())
    with pytest.raises(BadInput, match=r"half-written.*make it again"):
        Recording.open(tmp_path / "r")
    (tmp_path / "r" / ".parts").mkdir()
    with pytest.raises(BadInput, match="run the same `grekko record` command again"):
        Recording.open(tmp_path / "r")


def test_an_interrupted_rewrite_leaves_the_old_recording_as_it_was(tmp_path):
    before = write(tmp_path / "r").digest
    writer = RecordingWriter(tmp_path / "r")
    writer.write("logs", some_logs().head(1))
    assert Recording.open(tmp_path / "r").digest == before
    assert Recording.open(tmp_path / "r").logs().height == 2


def test_a_rewrite_replaces_every_file_and_forgets_old_rejections(tmp_path):
    writer = RecordingWriter(tmp_path / "r")
    writer.write("rejected", pl.DataFrame({"table": ["logs"], "reason": ["no"], "source": ["f"], "row": ["{}"]}))
    assert writer.finish(**MANIFEST).rejected()["reason"].to_list() == ["no"]
    write(tmp_path / "r")
    assert not (tmp_path / "r" / "rejected.parquet").exists()
    assert not list((tmp_path / "r").glob(".*.writing"))


def test_somebody_elses_folder_is_never_written_to(tmp_path):
    (tmp_path / "thesis.docx").write_text("mine")
    with pytest.raises(BadInput, match=r"holds other things \(thesis.docx\)"):
        RecordingWriter(tmp_path)
    with pytest.raises(BadInput, match="is a file"):
        RecordingWriter(tmp_path / "thesis.docx")


def test_a_place_that_is_no_folder_is_refused(tmp_path):
    with pytest.raises(BadInput, match="is not a folder"):
        Recording.open(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"format": "grekko-recording/9"}, "this version reads"),
        ({"chain_id": "one"}, "chain_id must be int"),
        ({"first_block": True}, "first_block must be int"),
        ({"pools": None}, "pools must be list"),
        ({"first_day": "yesterday"}, "first_day must be a day"),
    ],
)
def test_a_manifest_with_a_wrong_field_is_refused_by_name(tmp_path, change, complaint):
    write(tmp_path / "r")
    file = tmp_path / "r" / "manifest.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    with pytest.raises(BadInput, match=complaint):
        Recording.open(tmp_path / "r")


@pytest.mark.parametrize("text", ["{", "[]", '"hello"'])
def test_a_manifest_that_is_no_document_is_refused(tmp_path, text):
    write(tmp_path / "r")
    (tmp_path / "r" / "manifest.json").write_text(text)
    with pytest.raises(BadInput, match=r"make the recording again|Make the recording again"):
        Recording.open(tmp_path / "r")


def test_a_missing_file_is_refused_by_name(tmp_path):
    write(tmp_path / "r")
    (tmp_path / "r" / "ticks.parquet").unlink()
    with pytest.raises(BadInput, match=r"lacks ticks.parquet"):
        Recording.open(tmp_path / "r")


def test_a_file_that_is_cut_off_is_refused(tmp_path):
    recording = write(tmp_path / "r")
    file = tmp_path / "r" / "logs.parquet"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(BadInput, match="cannot be read"):
        recording.logs()


def test_a_file_with_a_column_of_another_type_is_refused(tmp_path):
    recording = write(tmp_path / "r")
    recording.ticks().with_columns(pl.col("tick").cast(pl.String)).write_parquet(tmp_path / "r" / "ticks.parquet")
    with pytest.raises(BadInput, match="tick must be Int64, it is String"):
        recording.ticks()
    recording.prices().drop("source").write_parquet(tmp_path / "r" / "prices.parquet")
    with pytest.raises(BadInput, match="source must be String, it is missing"):
        recording.prices()


def test_the_writer_refuses_rows_that_do_not_fit_the_table():
    logs = some_logs()
    with pytest.raises(BadInput, match="lacks data"):
        conform("logs", logs.drop("data"), "here")
    with pytest.raises(BadInput, match="has unknown colour"):
        conform("logs", logs.with_columns(colour=1), "here")
    with pytest.raises(BadInput, match=r"logs.address is empty in 2 rows"):
        conform("logs", logs.with_columns(address=pl.lit(None, pl.String)), "here")
    with pytest.raises(BadInput, match=r"logs.log_index is String and cannot become Int64"):
        conform("logs", logs.with_columns(log_index=pl.lit("first")), "here")
    with pytest.raises(BadInput, match="no table 'trades'"):
        table_named("trades")


def test_a_manifest_without_a_needed_field_is_our_own_mistake(tmp_path):
    with pytest.raises(Broken, match="chain_id must be int"):
        RecordingWriter(tmp_path / "r").finish(**{**MANIFEST, "chain_id": None})
    with pytest.raises(BadInput, match="half-written"):
        Recording.open(tmp_path / "r")
