"""The recorder when things go wrong in the middle: reorgs, kills, two at once, another plan."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from domain.problems import BadInput, Unavailable
from executor.chain.recorder import record
from executor.chain.recording import Recording
from executor.chain.rpc import Rpc
from tests.executor.chain.memory_node import PAIR, POOL, WALLET, MemoryNode, digest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def node() -> MemoryNode:
    return MemoryNode(61)


@pytest.fixture
def rpc(node: MemoryNode) -> Iterator[Rpc]:
    with node.serve() as url, Rpc(url, sleep=lambda _: None) as rpc:
        yield rpc


def test_two_steps_around_a_reorg_keep_both_the_orphaned_and_the_canonical_blocks(rpc, node, tmp_path):
    assert record(rpc, [POOL], 1, 60, tmp_path / "r", finish=False, blocks_at_once=25) is None
    with pytest.raises(BadInput, match="run the same `grekko record`"):
        Recording.open(tmp_path / "r")
    node.reorganise(depth=4, grow=8, fork="b")
    recording = record(rpc, [POOL], 1, 64, tmp_path / "r", blocks_at_once=25)
    assert recording is not None
    orphaned = recording.blocks().filter(~pl.col("is_canonical"))
    assert orphaned["number"].to_list() == [57, 58, 59, 60]
    assert orphaned["hash"].to_list() == [digest("block", number, "") for number in range(57, 61)]
    twice = recording.logs().filter(pl.col("block_number") == 57)
    assert set(twice["block_hash"]) == {digest("block", 57, ""), digest("block", 57, "b")}
    assert recording.manifest["reorgs"] == 1
    assert recording.verify().holds


def test_a_reorg_between_two_stretches_is_noticed_at_once(rpc, node, tmp_path):
    def reorganise_before_the_second_stretch(question):
        if question["method"] == "eth_getBlockByNumber" and question["params"][0] == hex(26):
            node.before_answer = lambda _: None
            node.reorganise(depth=61 - 22, grow=45, fork="c")

    node.before_answer = reorganise_before_the_second_stretch
    recording = record(rpc, [POOL], 1, 50, tmp_path / "r", blocks_at_once=25)
    assert recording is not None
    assert recording.blocks().filter(~pl.col("is_canonical"))["number"].to_list() == [22, 23, 24, 25]
    assert recording.verify().holds


def test_a_chain_that_returns_to_the_first_fork_makes_those_headers_canonical_again(rpc, node, tmp_path):
    record(rpc, [POOL], 1, 60, tmp_path / "r", finish=False)
    node.reorganise(depth=3, grow=4, fork="b")
    record(rpc, [POOL], 1, 61, tmp_path / "r", finish=False)
    node.reorganise(depth=4, grow=3, fork="")
    node.grow(1)
    recording = record(rpc, [POOL], 1, 61, tmp_path / "r")
    assert recording is not None
    assert set(recording.blocks().filter(~pl.col("is_canonical"))["hash"]) == {digest("block", number, "b") for number in range(58, 62)}
    assert recording.manifest["reorgs"] == 2
    assert recording.verify().holds


def test_a_reorg_of_everything_recorded_starts_over_from_the_first_block(rpc, node, tmp_path):
    record(rpc, [POOL], 50, 60, tmp_path / "r", finish=False)
    node.reorganise(depth=11, grow=11, fork="b")
    recording = record(rpc, [POOL], 50, 60, tmp_path / "r")
    assert recording is not None
    assert recording.blocks()["is_canonical"].sum() == 11
    assert recording.blocks().height == 22


def test_a_reorg_below_the_first_block_is_refused_because_the_pools_state_is_no_longer_true(rpc, node, tmp_path):
    record(rpc, [POOL], 50, 60, tmp_path / "r", finish=False)
    node.reorganise(depth=12, grow=13, fork="b")
    with pytest.raises(BadInput, match=r"reorganised below block 50.*record again"):
        record(rpc, [POOL], 50, 60, tmp_path / "r")


def test_a_reorg_while_the_pools_are_read_is_told(rpc, node, tmp_path):
    def reorganise_during_the_snapshot(question):
        if question["method"] == "eth_call":
            node.before_answer = lambda _: None
            node.reorganise(depth=12, grow=12, fork="b")

    node.before_answer = reorganise_during_the_snapshot
    with pytest.raises(Unavailable, match="reorganised below block 50"):
        record(rpc, [POOL], 50, 60, tmp_path / "r")


def test_a_killed_recording_goes_on_where_it_stopped_and_ends_in_the_same_bytes(node, tmp_path):
    reached = threading.Event()
    hold = threading.Event()

    def hold_in_the_third_stretch(question):
        if question["method"] == "eth_getLogs" and int(question["params"][0]["fromBlock"], 16) > 20:
            reached.set()
            hold.wait(20)

    script = (
        "import sys\nfrom executor.chain.recorder import record\nfrom executor.chain.rpc import Rpc\n"
        f"record(Rpc(sys.argv[1]), [{POOL!r}, {PAIR!r}], 1, 60, sys.argv[2], name='x', blocks_at_once=10)\n"
    )
    with node.serve() as url, Rpc(url) as rpc:
        whole = record(rpc, [POOL, PAIR], 1, 60, tmp_path / "whole", name="x", blocks_at_once=10)
        node.before_answer = hold_in_the_third_stretch
        process = subprocess.Popen([sys.executable, "-c", script, url, str(tmp_path / "killed")], cwd=ROOT)
        try:
            assert reached.wait(20)
        finally:
            process.kill()
            process.wait(10)
            hold.set()
        node.before_answer = lambda question: None
        node.requests.clear()
        with pytest.raises(BadInput, match="half-written"):
            Recording.open(tmp_path / "killed")
        resumed = record(rpc, [POOL, PAIR], 1, 60, tmp_path / "killed", name="x", blocks_at_once=10)
    assert whole is not None and resumed is not None
    assert resumed.digest == whole.digest
    asked = {question["params"][0]["fromBlock"] for request in node.requests for question in request if question["method"] == "eth_getLogs"}
    assert asked == {hex(21), hex(31), hex(41), hex(51)}


def test_two_recordings_into_one_folder_at_once_are_refused(rpc, node, tmp_path):
    refusals = []

    def start_another(question):
        if question["method"] == "eth_getLogs":
            node.before_answer = lambda _: None
            with pytest.raises(BadInput, match="Another `grekko record` is writing") as refused, node.serve() as url, Rpc(url) as second:
                record(second, [POOL], 1, 10, tmp_path / "r")
            refusals.append(refused.value)

    node.before_answer = start_another
    assert record(rpc, [POOL], 1, 10, tmp_path / "r") is not None
    assert len(refusals) == 1


def test_leftovers_of_a_beginning_that_was_cut_off_are_cleared(rpc, tmp_path):
    (tmp_path / "r" / ".parts").mkdir(parents=True)
    (tmp_path / "r" / ".parts" / "snapshot-pools.parquet").write_text("half")
    recording = record(rpc, [POOL], 1, 10, tmp_path / "r")
    assert recording is not None and recording.verify().holds


def test_a_lost_cursor_is_refused_by_name(rpc, tmp_path):
    record(rpc, [POOL], 1, 10, tmp_path / "r", finish=False)
    (tmp_path / "r" / ".parts" / "cursor.json").unlink()
    with pytest.raises(BadInput, match=r"lost its cursor.json"):
        record(rpc, [POOL], 1, 10, tmp_path / "r")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"pools": [POOL, PAIR]}, "pools ="),
        ({"first_block": 2}, "first_block = 1, now it is 2"),
        ({"senders": [WALLET]}, "senders"),
    ],
)
def test_an_unfinished_recording_goes_on_only_with_the_same_plan(rpc, tmp_path, change, complaint):
    record(rpc, [POOL], 1, 10, tmp_path / "r", finish=False)
    arguments = {"pools": [POOL], "first_block": 1, "last_block": 10, "senders": [], **change}
    with pytest.raises(BadInput, match=complaint):
        record(rpc, out=tmp_path / "r", **arguments)


def test_an_unfinished_recording_of_another_chain_is_refused(rpc, node, tmp_path):
    record(rpc, [POOL], 1, 10, tmp_path / "r", finish=False)
    node.chain_id = 137
    with pytest.raises(BadInput, match="chain_id = 1, now it is 137"):
        record(rpc, [POOL], 1, 10, tmp_path / "r")
