"""Importing the real day and the two real blocks: nothing is lost, nothing is made up."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from executor.chain.importer import import_logs
from executor.chain.recording import Recording

POOLS = {
    "0x82c427adfdf2d245ec51d8046b41c4ee87f0d29c": "82c4",
    "0x88e6a0c2ddd26feeb64f039a2c41296fcb3f5640": "88e6",
    "0x8ad599c3a0ff1de082011efddc58f1908eb6e6d8": "8ad5",
}
WETH, USDC = "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2", "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"


@pytest.fixture(scope="module")
def day(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    keys = [
        (real_data / f"eth_{one}_2024-01-05.key.json", real_data / f"eth_{one}_2024-01-05.start_ticks.parquet") for one in POOLS.values()
    ]
    return import_logs(
        [real_data / "eth_univ3_raw_logs_2024-01-05.parquet"],
        tmp_path_factory.mktemp("real") / "day",
        keys=keys,
        prices={"WETH": real_data / "cex_binance_ethusdt_5m_2024-01-01_2024-02-29.parquet"},
        transactions=[real_data / "eth_lp_transactions_from_to_2024-01-05.parquet"],
    )


def test_every_log_of_the_day_is_in_the_recording_unchanged(day, real_data):
    published = pl.read_parquet(real_data / "eth_univ3_raw_logs_2024-01-05.parquet").sort("block_number", "log_index")
    logs = day.logs()
    assert logs.height == published.height == 6_582
    assert ("0x" + logs["data"].bin.encode("hex")).equals(published["data"], check_names=False)
    assert logs["topic0"].equals(published["topics"].list.get(0), check_names=False)
    assert logs["topic3"].equals(published["topics"].list.get(3, null_on_oob=True), check_names=False)
    assert day.rejected().height == 0
    assert day.manifest["rows_in"] == {"logs": 6_582, "transactions": 120, "blocks": 0}


def test_the_three_pools_start_right_after_the_log_their_key_names(day):
    assert day.manifest["pools"] == list(POOLS)
    rows = day.pools().select("pool", "fee_pips", "tick_spacing", "block_number", "log_index", "has_state").rows()
    assert rows == [
        ("0x82c427adfdf2d245ec51d8046b41c4ee87f0d29c", 3000, 60, 18_937_921, 136, True),
        ("0x88e6a0c2ddd26feeb64f039a2c41296fcb3f5640", 500, 10, 18_937_382, 169, True),
        ("0x8ad599c3a0ff1de082011efddc58f1908eb6e6d8", 3000, 60, 18_937_547, 204, True),
    ]
    assert day.ticks().group_by("pool").len().sort("pool")["len"].to_list() == [10, 65, 26]
    assert day.ticks()["is_inferred"].all()


def test_the_days_prices_reach_an_hour_back_and_two_hours_on(day):
    weth = day.prices().filter(pl.col("token") == WETH)
    assert (str(weth["timestamp"].min()), str(weth["timestamp"].max())) == ("2024-01-04 23:00:00+00:00", "2024-01-06 02:00:00+00:00")
    assert weth.height == 27 * 12 + 1
    assert day.prices().filter(pl.col("token") == USDC)["source"].unique().to_list() == ["assumed"]


def test_the_day_verifies_and_says_that_its_parent_chain_cannot_be_checked(day):
    result = day.verify()
    assert result.holds
    assert "there are no headers, the parent chain cannot be checked" in [
        finding.detail for finding in result.findings if finding.holds is None
    ]


def test_two_whole_blocks_keep_every_log_and_transaction_with_exact_values(real_data, tmp_path):
    stem = "eth_two_full_blocks_17173049_17173050"
    sent = real_data / f"{stem}_transactions.parquet"
    recording = import_logs([real_data / f"{stem}_logs.parquet"], tmp_path / "r", transactions=[sent], chain_id=1)
    assert (recording.logs().height, recording.transactions().height, recording.blocks().height) == (681, 298, 2)
    published = pl.read_parquet(sent).sort("block_number", "transaction_index")
    assert [str(value) for value in recording.transactions()["value"]] == published["value"].to_list()
    assert recording.transactions()["gas_used"].to_list() == published["receipt_gas_used"].to_list()
    assert recording.logs()["block_hash"].null_count() == 0
    pairs = recording.pools().filter(pl.col("venue") == "uniswap_v2")
    syncs = recording.logs().filter(pl.col("topic0") == "0x1c411e9a96e071241c2f21f7726b17ae89e3cab4c78be50e062b03a9fffbbad1")
    assert set(pairs["pool"]) == set(syncs["address"])
    assert not pairs["has_state"].any() and pairs["token0"].null_count() == pairs.height
    assert len(recording.manifest["pools_without_snapshot"]) == 9
    assert recording.verify().holds
