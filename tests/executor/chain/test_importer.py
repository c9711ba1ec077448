"""Importing logs: every shape becomes the same recording, every row is either in it or rejected with its reason."""

from __future__ import annotations

import json
from datetime import timedelta

import polars as pl
import pytest

from domain.problems import BadInput
from executor.chain.importer import import_logs
from executor.chain.recording import Recording
from tests.executor.chain.log_files import (
    MINT,
    NOON,
    PAIR,
    POOL,
    SWAP,
    USDC,
    WETH,
    hash_of,
    log,
    save,
    save_key,
    save_ticks,
)


def test_a_day_of_raw_logs_with_a_key_becomes_a_recording_with_a_state(tmp_path):
    logs = save(tmp_path, "day", [log(1, 1), log(2, 0), log(2, 5, topic=MINT)])
    recording = import_logs([logs], tmp_path / "r", keys=[(save_key(tmp_path), save_ticks(tmp_path))])
    assert (recording.chain_id, recording.manifest["first_block"], recording.manifest["last_block"]) == (1, 1, 2)
    assert recording.logs()["data"].to_list() == [b"\0" * 160] * 3
    assert recording.logs()["block_hash"].null_count() == 3
    state = recording.pools().row(0, named=True)
    assert state | {"pool": POOL, "venue": "uniswap_v3", "token0": USDC, "token1": WETH, "fee_pips": 500, "has_state": True} == state
    assert state | {"block_number": 1, "log_index": 1, "tick": -3, "liquidity": "700", "sqrt_price_x96": str(2**96)} == state
    assert recording.ticks().rows() == [(POOL, -10, None, "700", True), (POOL, 10, None, "-700", True)]
    assert recording.tokens().select("symbol", "decimals", "reference_symbol").rows() == [("USDC", 6, "USDC"), ("WETH", 18, "ETH")]
    assert recording.verify().holds


def test_cryos_binary_and_hexadecimal_files_give_the_same_logs(tmp_path):
    plain = [log(1, 1), log(2, 0, topic=MINT)]
    columns = {
        "block_number": pl.Series([1, 2], dtype=pl.UInt32),
        "transaction_index": pl.Series([1, 0], dtype=pl.UInt32),
        "log_index": pl.Series([1, 0], dtype=pl.UInt32),
        "transaction_hash": [row["transaction_hash"] for row in plain],
        "address": [row["address"] for row in plain],
        **{f"topic{place}": [row["topics"][place] if place < 2 else None for row in plain] for place in range(4)},
        "data": [row["data"] for row in plain],
        "n_data_bytes": pl.Series([160, 160], dtype=pl.UInt32),
        "chain_id": pl.Series([1, 1], dtype=pl.UInt64),
    }
    hexed = pl.DataFrame(columns, schema_overrides={"topic2": pl.String, "topic3": pl.String})
    texts = [column for column, dtype in hexed.schema.items() if dtype == pl.String]
    binary = hexed.with_columns(pl.col(texts).str.slice(2).str.decode("hex"))
    blocks = save(tmp_path, "blocks", [
        {"block_number": number, "timestamp": int((NOON + timedelta(seconds=12 * number)).timestamp()), "block_hash": hash_of(number),
         "gas_used": 5, "base_fee_per_gas": 10**9, "chain_id": 1} for number in (1, 2)
    ])  # fmt: skip
    (tmp_path / "cryo").mkdir()
    save(tmp_path / "cryo", "ethereum__logs__1_to_1", binary.head(1))
    save(tmp_path / "cryo", "ethereum__logs__2_to_2", binary.tail(1))
    from_plain = import_logs([save(tmp_path, "plain", plain)], tmp_path / "plain_r")
    from_binary = import_logs([tmp_path / "cryo"], tmp_path / "binary_r", blocks=[blocks])
    from_text = import_logs([save(tmp_path, "hexed", hexed)], tmp_path / "text_r", blocks=[blocks])
    assert from_binary.logs().equals(from_plain.logs())
    assert from_text.logs().equals(from_plain.logs())
    assert from_binary.blocks().select("hash", "gas_used", "base_fee_per_gas").row(0) == (hash_of(1), 5, 10**9)
    renamed = save(tmp_path, "old", hexed.rename({"address": "contract_address"}))
    assert import_logs([renamed], tmp_path / "old_r", blocks=[blocks]).logs().equals(from_plain.logs())


def test_logs_without_a_time_need_a_blocks_file_and_say_so(tmp_path):
    logs = save(tmp_path, "logs", pl.DataFrame([log(1, 1), log(2, 1)]).drop("block_timestamp"))
    with pytest.raises(BadInput, match="lacks the column block_timestamp"):
        import_logs([logs], tmp_path / "r")
    blocks = save(tmp_path, "blocks", [{"number": 1, "timestamp": int(NOON.timestamp())}])
    recording = import_logs([logs], tmp_path / "r", blocks=[blocks])
    assert recording.rejected()["reason"].to_list() == ["block_timestamp is not in the blocks file"]


def test_transactions_bring_gas_and_the_hashes_of_their_blocks(tmp_path):
    logs = save(tmp_path, "logs", [log(1, 1), log(2, 0)])
    sent = [
        {"hash": hash_of(1001), "nonce": 3, "transaction_index": 1, "from_address": POOL, "to_address": None, "value": "5", "gas": 90,
         "block_number": 1,
         "block_hash": hash_of(77), "block_timestamp": int((NOON + timedelta(seconds=12)).timestamp()), "receipt_gas_used": 80,
         "receipt_status": 1,
         "receipt_effective_gas_price": "1000"}
    ]  # fmt: skip
    recording = import_logs([logs], tmp_path / "r", transactions=[save(tmp_path, "sent", sent)])
    row = recording.transactions().row(0, named=True)
    assert (
        row | {"gas_used": 80, "gas_limit": 90, "effective_gas_price": 1000, "status": 1, "nonce": 3, "to_address": None, "value": 5} == row
    )
    assert recording.logs()["block_hash"].to_list() == [hash_of(77), None]
    assert recording.blocks().select("number", "hash").rows() == [(1, hash_of(77)), (2, None)]


def test_block_hashes_in_the_logs_are_kept(tmp_path):
    logs = save(tmp_path, "logs", [log(1, 1, block_hash=hash_of(7)), log(2, 1, block_hash=None)])
    recording = import_logs([logs], tmp_path / "r")
    assert recording.logs()["block_hash"].to_list() == [hash_of(7), None]
    assert recording.blocks()["hash"].to_list() == [hash_of(7), None]


def test_a_transaction_of_a_block_without_logs_is_of_a_block_we_hold(tmp_path):
    sent = [
        {
            "hash": hash_of(5),
            "transaction_index": 0,
            "tx_from": POOL,
            "tx_to": PAIR,
            "value": "0",
            "block_number": 9,
            "timestamp": 1_704_456_000,
        }
    ]
    recording = import_logs([save(tmp_path, "logs", [log(1, 1)])], tmp_path / "r", transactions=[save(tmp_path, "sent", sent)])
    assert recording.blocks()["number"].to_list() == [1, 9]
    assert recording.verify().holds


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"block_number": None}, "block_number is missing"),
        ({"block_number": -1}, "block_number = -1 is negative"),
        ({"log_index": None}, "log_index is missing"),
        ({"address": None}, "address is missing"),
        ({"address": "0x1234"}, "address is not 20 bytes of hexadecimal"),
        ({"transaction_hash": "0x" + "zz" * 32}, "transaction_hash is not 32 bytes of hexadecimal"),
        ({"topics": [SWAP] * 5}, "topics has more than 4 entries"),
        ({"topics": ["0x01"]}, "topic0 is not 32 bytes of hexadecimal"),
        ({"data": "0xabc"}, "data is not hexadecimal bytes"),
        ({"data": None}, "data is missing"),
        ({"block_timestamp": None}, "block_timestamp is missing"),
        ({"chain": "polygon"}, "chain is polygon, the recording is of chain 1"),
        ({"chain": "nowhere"}, "chain is nowhere, the recording is of chain 1"),
    ],
)
def test_a_row_that_cannot_be_written_down_is_rejected_with_its_reason_and_counted(tmp_path, change, reason):
    recording = import_logs([save(tmp_path, "logs", [log(1, 1), log(2, 2, **change), log(3, 3)])], tmp_path / "r")
    manifest = recording.manifest
    assert recording.rejected().select("table", "reason", "source").rows() == [("logs", reason, "logs.parquet")]
    assert json.loads(recording.rejected()["row"][0])["transaction_index"] == 2
    assert manifest["rows_in"]["logs"] == manifest["files"]["logs.parquet"]["rows"] + manifest["rows_rejected"]["logs"] == 3
    assert recording.verify().holds


def test_impossible_gas_is_rejected_with_its_number(tmp_path):
    sent = pl.DataFrame(
        {"hash": [hash_of(1), hash_of(2)], "block_number": [1, 1], "transaction_index": [0, 1], "from": [POOL] * 2,
         "value": ["1", str(2**255)],
         "gas_used": pl.Series([2**64 - 1, 5], dtype=pl.UInt64)}
    )  # fmt: skip
    recording = import_logs([save(tmp_path, "logs", [log(1, 1)])], tmp_path / "r", transactions=[save(tmp_path, "sent", sent)])
    assert recording.transactions().height == 0
    assert recording.rejected()["reason"].to_list() == [
        "gas_used = 18446744073709551615 does not fit 64 bits",
        f"value = {2**255} is not a whole number below 10^38",
    ]
    assert recording.manifest["rows_rejected"]["transactions"] == 2


def test_rows_that_only_look_wrong_stay_as_they_came(tmp_path):
    rows = [log(2, 1), log(1, 1, data="0x" + "00" * 31), log(1, 2, data="0x" + "ff" * 500), log(3, 1, topics=[hash_of(99)]), log(2, 1)]
    recording = import_logs([save(tmp_path, "logs", rows)], tmp_path / "r")
    assert [len(one) for one in recording.logs()["data"]] == [31, 500, 160, 160, 160]
    assert recording.logs()["block_number"].to_list() == [1, 1, 2, 2, 3]
    assert recording.manifest["rows_out_of_order"] == 2
    assert recording.rejected().height == 0
    assert [finding.sentence for finding in recording.verify().failures] == ["No row of logs is there twice."]


def test_files_without_a_single_log_are_refused(tmp_path):
    with pytest.raises(BadInput, match=r"None of the 2 rows of logs.parquet is a log; most often: address is missing"):
        import_logs(
            [save(tmp_path, "logs", pl.DataFrame([log(1, 1), log(1, 2)]).with_columns(address=pl.lit(None, pl.String)))], tmp_path / "r"
        )
    with pytest.raises(BadInput, match="the files are empty"):
        import_logs([save(tmp_path, "none", pl.DataFrame([log(1, 1)]).clear())], tmp_path / "r", chain_id=1)
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    "column", ["address", "block_number", "block_timestamp", "transaction_hash", "transaction_index", "log_index", "topics", "data"]
)
def test_a_file_without_a_needed_column_is_refused_by_its_name(tmp_path, column):
    logs = save(tmp_path, "logs", pl.DataFrame([log(1, 1)]).drop(column))
    with pytest.raises(BadInput, match=f"logs.parquet lacks the column {column}"):
        import_logs([logs], tmp_path / "r")


def test_a_folder_without_files_and_a_file_that_is_no_parquet_are_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="holds no Parquet file"):
        import_logs([tmp_path / "empty"], tmp_path / "r")
    (tmp_path / "x.parquet").write_text("hello")
    with pytest.raises(BadInput, match="cannot be read as Parquet"):
        import_logs([tmp_path / "x.parquet"], tmp_path / "r")


def test_the_chain_is_asked_for_only_when_no_file_says_it(tmp_path):
    silent = save(tmp_path, "logs", pl.DataFrame([log(1, 1)]).drop("chain"))
    with pytest.raises(BadInput, match="say --chain-id N"):
        import_logs([silent], tmp_path / "r")
    assert import_logs([silent], tmp_path / "r", chain_id=137).chain_id == 137
    with pytest.raises(BadInput, match="is of chain ethereum, not 137"):
        import_logs([save(tmp_path, "loud", [log(1, 1)])], tmp_path / "s", chain_id=137)


def test_importing_twice_gives_the_same_bytes(tmp_path):
    logs = save(tmp_path, "logs", [log(1, 1), log(2, 2, address=None)])
    first = import_logs([logs], tmp_path / "a", name="x")
    second = import_logs([logs], tmp_path / "b", name="x")
    assert first.digest == second.digest
    assert import_logs([logs], tmp_path / "a", name="x").digest == first.digest


def test_a_failed_import_leaves_the_recording_that_was_there(tmp_path):
    before = import_logs([save(tmp_path, "logs", [log(1, 1)])], tmp_path / "r").digest
    with pytest.raises(BadInput):
        import_logs([save(tmp_path, "bad", pl.DataFrame([log(1, 1)]).drop("data"))], tmp_path / "r")
    assert Recording.open(tmp_path / "r").digest == before
