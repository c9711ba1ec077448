"""Verification: each thing that can be wrong with a recording is found and told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from domain.problems import BadInput
from executor.chain.layout import TABLES
from executor.chain.recorder import record
from executor.chain.recording import Recording, sha256_of
from executor.chain.rpc import Rpc
from executor.chain.verification import verify
from tests.executor.chain.memory_node import PAIR, POOL, MemoryNode


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording with a reorg in it."""
    folder = tmp_path_factory.mktemp("original") / "r"
    node = MemoryNode(31)
    with node.serve() as url, Rpc(url) as rpc:
        record(rpc, [POOL, PAIR], 1, 30, folder, finish=False)
        node.reorganise(depth=2, grow=3, fork="b")
        record(rpc, [POOL, PAIR], 1, 31, folder)
    return folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    """A copy that may be spoiled."""
    copy = tmp_path / "r"
    copy.mkdir()
    for file in original.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    return copy


def spoil(folder: Path, table: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    """Rewrite one table and make the manifest agree, as a careful forger would."""
    file = folder / f"{table}.parquet"
    change(pl.read_parquet(file)).write_parquet(file)
    edit(folder, lambda manifest: manifest["files"][file.name].update(sha256=sha256_of(file), rows=pl.read_parquet(file).height))


def edit(folder: Path, change: Callable[[dict], object]) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def wrong(folder: Path) -> list[str]:
    return [finding.sentence for finding in verify(folder).failures]


def test_of_a_good_recording_everything_holds_and_nothing_is_left_open(original):
    result = Recording.open(original).verify()
    assert result.holds
    assert [finding for finding in result.findings if finding.holds is not True] == []
    assert result.to_json()["holds"] is True
    assert any("2 orphaned headers" in finding.detail for finding in result.findings)


def test_a_flipped_byte_is_found(folder):
    file = folder / "ticks.parquet"
    content = bytearray(file.read_bytes())
    content[40] ^= 1
    file.write_bytes(content)
    assert wrong(folder) == ["ticks.parquet is as the manifest says."]


def test_a_missing_file_is_found(folder):
    (folder / "logs.parquet").unlink()
    assert wrong(folder) == ["logs.parquet is as the manifest says."]


def test_a_file_the_manifest_forgot_is_found(folder):
    edit(folder, lambda manifest: manifest["files"].pop("prices.parquet"))
    assert wrong(folder) == ["prices.parquet is in the manifest."]


def test_a_wrong_number_of_rows_is_found(folder):
    edit(folder, lambda manifest: manifest["files"]["logs.parquet"].update(rows=1))
    assert wrong(folder) == ["logs.parquet is as the manifest says."]


def test_a_column_of_another_type_is_found(folder):
    spoil(folder, "logs", lambda frame: frame.with_columns(pl.col("log_index").cast(pl.Int32)))
    assert wrong(folder) == ["logs.parquet is as the manifest says."]


def test_an_empty_value_where_none_may_be_is_found(folder):
    spoil(folder, "logs", lambda frame: frame.with_columns(address=pl.lit(None, pl.String)))
    assert wrong(folder) == ["logs.parquet is as the manifest says."]


FAR = "0x" + "77" * 32


@pytest.mark.parametrize(
    ("table", "change", "sentence"),
    [
        ("blocks", pl.when(pl.col("number") == 9).then(pl.lit(FAR)).otherwise("parent_hash").alias("parent_hash"),
         "Each canonical header names the one before it as its parent."),
        ("blocks", pl.when(~pl.col("is_canonical")).then(pl.lit(FAR)).otherwise("parent_hash").alias("parent_hash"),
         "Each orphaned header hangs on a header we hold."),
        ("logs", pl.lit(FAR).alias("block_hash"), "Each log names the hash of its block."),
        ("logs", pl.lit(99).cast(pl.Int64).alias("block_number"), "Each log is of a block we hold."),
        ("logs", pl.col("block_timestamp") + pl.duration(seconds=1), "Each log has the time of its block."),
        ("logs", pl.lit("0xABC").alias("topic1"), "Addresses and hashes in logs are lowercase 0x… text."),
        ("transactions", pl.lit(FAR).alias("block_hash"), "Each transaction names the hash of its block."),
        ("blocks", pl.col("timestamp") + pl.duration(days=2), "The days are those of the manifest."),
        ("pools", pl.lit("0x" + "55" * 20).alias("pool"), "Each pool is named in the manifest."),
        ("pools", pl.lit("0x" + "55" * 20).alias("token1"), "Each token of a pool is in the tokens table."),
        ("pools", pl.lit(False).alias("has_state"), "Each tick is of a pool with a state."),
        ("pools", pl.lit(None, pl.String).alias("liquidity"), "Each state is complete."),
    ],
)  # fmt: skip
def test_a_value_that_contradicts_the_others_is_found(folder, table, change, sentence):
    spoil(folder, table, lambda frame: frame.with_columns(change))
    assert sentence in wrong(folder)


@pytest.mark.parametrize("table", [name for name in TABLES if name != "prices"])
def test_a_row_that_is_there_twice_is_found(folder, table):
    spoil(folder, table, lambda frame: pl.concat([frame.head(1), frame]))
    assert f"No row of {table} is there twice." in wrong(folder)


def test_rows_out_of_order_are_found(folder):
    spoil(folder, "logs", lambda frame: frame.reverse())
    assert wrong(folder) == ["The rows of logs are in order."]


def test_a_missing_block_is_found_where_there_are_headers(folder):
    spoil(folder, "blocks", lambda frame: frame.filter(pl.col("number") != 10))
    assert wrong(folder) == ["No block is missing."]


def test_a_range_other_than_the_manifests_is_found(folder):
    edit(folder, lambda manifest: manifest.update(last_block=32))
    assert wrong(folder) == ["The blocks are those of the manifest."]


def test_a_chain_id_that_is_none_is_found(folder):
    edit(folder, lambda manifest: manifest.update(chain_id=0))
    assert wrong(folder) == ["The chain id is a chain's."]


def test_what_a_recording_cannot_tell_is_said_and_does_not_fail(folder):
    spoil(
        folder,
        "blocks",
        lambda frame: frame.filter("is_canonical", pl.col("number") != 10).with_columns(
            hash=pl.lit(None, pl.String), parent_hash=pl.lit(None, pl.String)
        ),
    )
    spoil(folder, "logs", lambda frame: frame.unique("block_number").sort("block_number").with_columns(block_hash=pl.lit(None, pl.String)))
    spoil(
        folder,
        "transactions",
        lambda frame: frame.unique("block_number").sort("block_number").with_columns(block_hash=pl.lit(None, pl.String)),
    )
    result = verify(folder)
    assert result.failures == []
    assert {finding.detail for finding in result.findings if finding.holds is None} == {
        "there are no headers, the parent chain cannot be checked",
        "1 block numbers have no row: only blocks that the files speak of are here",
        "the source knew no block hashes",
    }


def test_hashes_known_for_some_rows_only_are_left_open(folder):
    one_block = pl.when(pl.col("block_number") < 10).then("block_hash").alias("block_hash")
    spoil(folder, "logs", lambda frame: frame.with_columns(one_block))
    details = [finding.detail for finding in verify(folder).findings if finding.holds is None]
    assert len(details) == 1 and details[0].endswith("rows have no block hash")


def test_what_is_no_recording_is_refused(tmp_path):
    with pytest.raises(BadInput, match="half-written recording or none at all"):
        verify(tmp_path)
