"""The recorder: what it fetches, what it survives, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.problems import BadInput, Unavailable
from executor.chain.recorder import record
from executor.chain.rpc import Rpc
from tests.executor.chain import memory_node
from tests.executor.chain.memory_node import PAIR, POOL, SWAP, WALLET, MemoryNode, digest, status

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def node() -> MemoryNode:
    return MemoryNode(61)


@pytest.fixture
def rpc(node: MemoryNode) -> Iterator[Rpc]:
    with node.serve() as url, Rpc(url, sleep=lambda _: None) as rpc:
        yield rpc


def test_a_recording_holds_headers_logs_transactions_and_the_state_before_the_first_block(rpc, tmp_path):
    recording = record(rpc, [POOL, PAIR], 10, 30, tmp_path / "r", name="a stretch")
    assert recording is not None
    assert recording.blocks()["number"].to_list() == list(range(10, 31))
    assert recording.blocks()["is_canonical"].all()
    assert recording.logs()["block_number"].to_list() == [12, 15, 18, 21, 24, 27, 30]
    assert set(recording.logs()["topic0"]) == {SWAP}
    assert recording.transactions().select("gas_used", "effective_gas_price", "status").row(0) == (70_000, 2 * 10**9, 1)
    assert recording.transactions()["value"][0] == 10**20
    concentrated = recording.pools().row(by_predicate=pl.col("pool") == POOL, named=True)
    assert concentrated | {"venue": "uniswap_v3", "protocol": "concentrated", "fee_pips": 500, "tick_spacing": 200} == concentrated
    assert concentrated | {"block_number": 10, "log_index": -1, "tick": -5, "sqrt_price_x96": str(2**96), "has_state": True} == concentrated
    assert concentrated["fee_growth_global0_x128"] == str(2**200)
    pair = recording.pools().row(by_predicate=pl.col("pool") == PAIR, named=True)
    assert pair | {"venue": "uniswap_v2", "fee_pips": 3000, "reserve0": "1000", "reserve1": "2000", "tick_spacing": None} == pair
    assert recording.ticks().select("tick", "liquidity_gross", "liquidity_net").rows() == [(-200, "7000", "7000"), (400, "7000", "-7000")]
    assert recording.tokens().select("symbol", "name", "decimals").rows() == [("USDX", "USDX", 6), ("MKR", "Maker", 18)]
    assert recording.manifest["name"] == "a stretch"
    assert (recording.manifest["first_day"], recording.manifest["last_day"]) == ("2026-01-05", "2026-01-05")
    assert recording.verify().holds
    assert not (tmp_path / "r" / ".parts").exists()


def test_every_transaction_of_a_watched_wallet_is_kept_also_a_failed_one(rpc, tmp_path):
    recording = record(rpc, [POOL], 1, 8, tmp_path / "r", senders=[WALLET.upper().replace("0X", "0x")])
    assert recording is not None
    failed = recording.transactions().filter(pl.col("from_address") == WALLET)
    assert failed.select("block_number", "status").rows() == [(4, 0), (8, 0)]
    assert recording.manifest["senders"] == [WALLET]


def test_recording_twice_gives_the_same_bytes_and_the_second_time_into_one_folder_does_nothing(rpc, node, tmp_path):
    first = record(rpc, [POOL, PAIR], 1, 30, tmp_path / "a", name="x")
    second = record(rpc, [PAIR, POOL], 1, 30, tmp_path / "b", name="x", blocks_at_once=7)
    assert first is not None and second is not None
    assert first.digest == second.digest
    node.requests.clear()
    again = record(rpc, [POOL, PAIR], 1, 30, tmp_path / "a", name="x")
    assert again is not None and again.digest == first.digest
    assert node.requests == []


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=st.lists(st.sampled_from(["429", "503", "hang up", "cut off", "half", "rate limit", "fine", "fine"]), max_size=30))
def test_for_any_misbehaviour_of_the_node_the_recording_is_the_same_bytes(tmp_path_factory, plan):
    folder = tmp_path_factory.mktemp("faults")
    node = MemoryNode(19)
    faults = {
        "429": status(429, retry_after="1"),
        "503": status(503),
        "hang up": memory_node.hang_up,
        "cut off": memory_node.cut_off,
        "half": memory_node.only_every_second(node),
        "rate limit": memory_node.rate_limit_each,
        "fine": lambda questions: None,
    }
    with node.serve() as url, Rpc(url, attempts=40, batch_size=20, sleep=lambda _: None) as rpc:
        calm = record(rpc, [POOL, PAIR], 1, 18, folder / "calm", name="x", blocks_at_once=9)
        node.faults.extend(faults[fault] for fault in plan)
        stormy = record(rpc, [POOL, PAIR], 1, 18, folder / "stormy", name="x", blocks_at_once=9)
    assert calm is not None and stormy is not None
    assert stormy.digest == calm.digest


def test_logs_are_asked_for_in_pieces_as_small_as_the_node_wants(rpc, node, tmp_path):
    node.largest_log_range = 5
    recording = record(rpc, [POOL], 1, 60, tmp_path / "r")
    assert recording is not None and recording.logs().height == 20


def test_a_block_with_more_logs_than_the_node_gives_is_reported(rpc, node, tmp_path):
    node.largest_log_range = 0
    with pytest.raises(Unavailable, match="cannot give the logs of block 1"):
        record(rpc, [POOL], 1, 2, tmp_path / "r")


def test_a_finished_recording_of_other_blocks_is_never_overwritten(rpc, tmp_path):
    record(rpc, [POOL], 1, 10, tmp_path / "r")
    with pytest.raises(BadInput, match="already holds a recording of blocks 1 to 10"):
        record(rpc, [POOL], 1, 11, tmp_path / "r")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"expected_chain_id": 10}, "is of chain 1, not 10"),
        ({"last_block": 61}, "ends at block 60; give --to-block 60"),
        ({"first_block": 11}, "are no range"),
        ({"pools": ["0x123"]}, "'0x123' is not an address"),
        ({"pools": []}, "at least one address"),
        ({"pools": [memory_node.TOKEN0]}, "is not a pool"),
        ({"venues": {POOL: "uniswap_v9"}}, "no venue 'uniswap_v9'"),
        ({"venues": {POOL: "sushiswap"}}, "not a pool of sushiswap: sushiswap is constant product"),
    ],
)
def test_a_request_that_cannot_be_served_names_the_fix(rpc, tmp_path, change, complaint):
    arguments = {"pools": [POOL], "first_block": 1, "last_block": 10, **change}
    with pytest.raises(BadInput, match=complaint):
        record(rpc, out=tmp_path / "r", **arguments)
    assert not (tmp_path / "r").exists()


def test_a_recording_can_start_at_genesis_where_no_pool_has_a_state(rpc, tmp_path):
    recording = record(rpc, [POOL, PAIR], 0, 5, tmp_path / "r")
    assert recording is not None
    assert recording.pools()["has_state"].to_list() == [False, False]
    assert recording.ticks().height == 0
    assert recording.verify().holds


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda node: node.overrides.update(eth_getLogs=lambda _: []), id="logs left out"),
        pytest.param(lambda node: node.overrides.update(eth_getTransactionReceipt=lambda _: None), id="receipts left out"),
        pytest.param(lambda node: node.blocks[5].update(parentHash="0x" + "77" * 32), id="a broken link"),
        pytest.param(
            lambda node: node.receipts[digest("transaction", 3, 0, "")].update(blockHash="0x" + "77" * 32), id="a moved transaction"
        ),
        pytest.param(lambda node: node.receipts[digest("transaction", 3, 0, "")]["logs"][0].update(removed=True), id="a removed log"),
    ],
)
def test_answers_that_contradict_each_other_are_never_recorded(rpc, node, tmp_path, spoil):
    spoil(node)
    senders = ["0x" + "cc" * 20]
    with pytest.raises(Unavailable, match="contradicting each other 5 times"):
        record(rpc, [POOL], 1, 10, tmp_path / "r", senders=senders)


def test_a_chain_that_shrinks_while_we_read_is_told(rpc, node, tmp_path):
    def shrink(question):
        if question["method"] == "eth_getLogs":
            del node.blocks[55:]

    node.before_answer = shrink
    node.overrides["eth_getLogs"] = lambda _: [{"blockNumber": "0x38", "logIndex": "0x0", "blockHash": "0x" + "77" * 32}]
    with pytest.raises(Unavailable, match="is not there"):
        record(rpc, [POOL], 50, 60, tmp_path / "r")


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda node: node.blocks[5].update(gasUsed=hex(2**64 - 1)), "gasUsed = 18446744073709551615, which no chain can mean"),
        (lambda node: node.blocks[5].update(timestamp=hex(10**13)), "counts in seconds"),
        (lambda node: node.blocks[5].update(hash="0x77"), "hash with 1 bytes"),
        (lambda node: node.receipts[digest("transaction", 3, 0, "")]["logs"][0].update(topics=["0x" + "00" * 32] * 5), "topics"),
        (lambda node: node.receipts[digest("transaction", 3, 0, "")]["logs"][0].update(data="0xabc"), "data"),
        (lambda node: node.transactions[digest("transaction", 3, 0, "")].update(value=hex(10**38)), "value"),
        (lambda node: node.overrides.update(eth_getLogs=lambda _: "many"), "not a list of logs"),
    ],
)
def test_an_answer_that_no_chain_can_give_is_refused_by_its_field(rpc, node, tmp_path, spoil, complaint):
    spoil(node)
    with pytest.raises(BadInput, match=complaint):
        record(rpc, [POOL], 1, 10, tmp_path / "r")


def test_a_node_without_logs_is_refused(rpc, node, tmp_path):
    node.overrides["eth_getLogs"] = lambda _: {"code": -32601, "message": "no such method"}
    with pytest.raises(BadInput, match="does not offer eth_getLogs"):
        record(rpc, [POOL], 1, 10, tmp_path / "r")


def test_old_blocks_without_base_fee_and_receipts_without_status_are_kept_empty(rpc, node, tmp_path):
    for block in node.blocks:
        del block["baseFeePerGas"]
    hash = digest("transaction", 3, 0, "")
    del node.receipts[hash]["status"], node.receipts[hash]["effectiveGasPrice"]
    node.transactions[hash]["to"] = None
    recording = record(rpc, [POOL], 1, 10, tmp_path / "r")
    assert recording is not None
    assert recording.blocks()["base_fee_per_gas"].null_count() == 10
    assert recording.transactions().select("to_address", "effective_gas_price", "status").row(0) == (None, None, None)


def test_progress_ends_with_every_block_done(rpc, tmp_path):
    heard = []
    record(rpc, [POOL], 1, 60, tmp_path / "r", blocks_at_once=20, on_progress=heard.append)
    assert [progress.blocks_done for progress in heard if progress.step == "fetching"] == [0, 20, 40]
    assert (heard[-1].step, heard[-1].blocks_done, heard[-1].blocks_total) == ("writing", 60, 60)


def test_reference_prices_travel_with_the_recording(rpc, tmp_path):
    prices = pl.DataFrame({"token": [memory_node.TOKEN0], "timestamp": ["2026-01-05 00:00:00"], "price_usd": [1.0], "source": ["made up"]})
    prices = prices.with_columns(pl.col("timestamp").str.to_datetime(time_zone="UTC"))
    recording = record(rpc, [POOL], 1, 10, tmp_path / "r", prices=prices, simulated_traders=True, description="for a test")
    assert recording is not None
    assert recording.prices()["source"].to_list() == ["made up"]
    assert recording.manifest["simulated_traders"] is True
