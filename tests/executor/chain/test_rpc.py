"""The JSON-RPC client against a server that really misbehaves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from domain.problems import BadInput, Unavailable
from executor.chain import rpc as client
from executor.chain.rpc import NodeError, Rpc, hex_bytes, hex_text, quantity
from tests.executor.chain import memory_node
from tests.executor.chain.memory_node import POOL, MemoryNode, status


class Waits(list[float]):
    """Stands in for the clock: notes how long it was asked to sleep."""

    def sleep(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[MemoryNode, str]]:
    node = MemoryNode(40)
    with node.serve() as url:
        yield node, url


@pytest.fixture
def node(served: tuple[MemoryNode, str]) -> MemoryNode:
    served[0].faults.clear()
    served[0].requests.clear()
    served[0].overrides.clear()
    return served[0]


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
def rpc(served: tuple[MemoryNode, str], node: MemoryNode, waits: Waits) -> Iterator[Rpc]:
    with Rpc(served[1], batch_size=8, sleep=waits.sleep) as rpc:
        yield rpc


def test_a_batch_is_answered_in_the_order_it_was_asked(rpc, node):
    node.faults.append(lambda questions: (200, {}, json.dumps([node.answer(one) for one in reversed(questions)]).encode()))
    assert [int(header["number"], 16) for header in rpc.headers([5, 3, 4])] == [5, 3, 4]


def test_too_many_requests_waits_as_long_as_the_node_says_and_asks_again(rpc, node, waits):
    node.faults.append(status(429, retry_after="7"))
    assert rpc.head() == 39
    assert waits == [7.0]


def test_a_date_to_wait_for_is_understood(rpc, node, waits):
    node.faults.append(status(503, retry_after=format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)))
    rpc.head()
    assert 15 < waits[0] <= 20


def test_a_wait_beyond_patience_is_reported_at_once(rpc, node, waits):
    node.faults.append(status(429, retry_after="3600"))
    with pytest.raises(Unavailable, match="asks us to wait 3600 s"):
        rpc.head()
    assert waits == []


@pytest.mark.parametrize(
    "fault",
    [status(500), status(502), status(429), memory_node.hang_up, memory_node.cut_off, memory_node.rate_limit_each],
    ids=["500", "502", "429", "hang up", "cut off", "rate limit"],
)
def test_one_bad_moment_costs_a_wait_and_no_answer(rpc, node, waits, fault):
    node.faults.append(fault)
    headers = rpc.headers(range(10))
    assert [int(header["number"], 16) for header in headers] == list(range(10))
    assert len(waits) == 1


def test_answers_missing_from_a_batch_are_asked_for_again_and_only_those(rpc, node):
    node.faults.append(memory_node.only_every_second(node))
    assert [int(header["number"], 16) for header in rpc.headers([1, 2, 3, 4])] == [1, 2, 3, 4]
    asked_again = [int(question["params"][0], 16) for request in node.requests[1:] for question in request]
    assert asked_again == [2, 4]


def test_batches_shrink_while_the_node_struggles_and_grow_back(rpc, node):
    node.faults.extend([status(429), status(429)])
    rpc.headers(range(16))
    sizes = [len(request) for request in node.requests]
    assert sizes[:3] == [8, 4, 2]
    for _ in range(30):
        rpc.headers(range(16))
    assert len(node.requests[-1]) == 8


def test_a_node_that_takes_no_batches_is_asked_one_by_one(rpc, node, waits):
    node.faults.append(memory_node.error_for_all(-32600, "batch requests are not supported"))
    assert len(rpc.headers([1, 2, 3])) == 3
    assert [len(request) for request in node.requests] == [3, 1, 1, 1]
    assert waits == [0.0]


def test_a_rate_limit_for_the_whole_batch_is_waited_out(rpc, node, waits):
    node.faults.append(memory_node.error_for_all(-32005, "too many requests"))
    assert len(rpc.headers([1, 2, 3])) == 3
    assert [len(request) for request in node.requests] == [3, 3]
    assert waits == [0.25]


def test_a_body_too_large_for_the_node_is_halved(rpc, node):
    node.faults.append(status(413))
    rpc.headers(range(8))
    assert [len(request) for request in node.requests] == [8, 4, 4]


def test_silence_ends_in_unavailable_naming_the_host_and_never_the_key(served, node, waits):
    node.faults.extend([memory_node.hang_up] * 3)
    with Rpc(served[1] + "/v3/secret-key", attempts=3, sleep=waits.sleep) as rpc, pytest.raises(Unavailable) as refused:
        rpc.head()
    assert "127.0.0.1" in refused.value.message
    assert "secret-key" not in refused.value.message
    assert waits == [0.25, 0.5]


def test_nobody_listening_is_unavailable():
    with Rpc("http://127.0.0.1:9", attempts=1) as rpc, pytest.raises(Unavailable, match="did not answer eth_chainId"):
        rpc.chain_id()


@pytest.mark.parametrize("code", [401, 403, 404, 301])
def test_a_refused_key_or_address_is_our_mistake_and_not_retried(rpc, node, waits, code):
    node.faults.append(status(code))
    with pytest.raises(BadInput, match="check the address and the key"):
        rpc.head()
    assert waits == []


@pytest.mark.parametrize("url", ["ftp://node", "ws://node:8545", "node:8545", "http://", "", "file:///etc/passwd", "https://"])
def test_only_http_and_https_addresses_are_taken(url):
    with pytest.raises(BadInput, match="http:// or https://"):
        Rpc(url)


def test_a_method_the_node_lacks_is_our_mistake(rpc):
    with pytest.raises(BadInput, match="does not offer eth_nonsense"):
        rpc.call("eth_nonsense")


def test_an_error_answer_is_unavailable(rpc, node):
    node.overrides["eth_blockNumber"] = lambda _: {"code": -32000, "message": "database is down"}
    with pytest.raises(Unavailable, match="database is down"):
        rpc.head()


def test_an_error_without_an_id_is_the_answer_to_a_single_question(rpc, node):
    node.faults.append(memory_node.error_for_all(-32700, "cannot parse that"))
    with pytest.raises(Unavailable, match="cannot parse that"):
        rpc.head()


def test_an_error_that_is_no_object_is_still_told(rpc, node):
    node.faults.append(lambda questions: (200, {}, json.dumps({"jsonrpc": "2.0", "id": questions[0]["id"], "error": "broken"}).encode()))
    with pytest.raises(Unavailable, match="broken"):
        rpc.head()


def test_an_answer_without_result_or_error_is_asked_for_again(rpc, node, waits):
    node.faults.append(lambda questions: (200, {}, json.dumps({"jsonrpc": "2.0", "id": questions[0]["id"]}).encode()))
    assert rpc.head() == 39
    assert len(waits) == 1


@pytest.mark.parametrize("wrong", [42, "2a", "0xzz", None, "0x" + "f" * 65])
def test_a_quantity_that_is_none_is_refused_with_its_field(rpc, node, wrong):
    node.overrides["eth_blockNumber"] = lambda _: wrong
    with pytest.raises(BadInput, match="eth_blockNumber"):
        rpc.head()


def test_a_header_of_another_block_is_refused(rpc, node):
    node.overrides["eth_getBlockByNumber"] = lambda _: node.blocks[3]
    with pytest.raises(BadInput, match="answered block 0x3 for block 4"):
        rpc.headers([4])


def test_a_header_that_is_no_object_is_refused(rpc, node):
    node.overrides["eth_getBlockByNumber"] = lambda _: ["no"]
    with pytest.raises(BadInput, match="eth_getBlockByNumber with list"):
        rpc.headers([4])


def test_an_error_for_a_header_is_unavailable(rpc, node):
    node.overrides["eth_getBlockByNumber"] = lambda _: {"code": -32000, "message": "not synced"}
    with pytest.raises(Unavailable, match="not synced"):
        rpc.headers([4])


def test_a_reverting_call_is_an_answer(rpc):
    assert rpc.eth_calls([(POOL, "0x12345678")], 3) == [None]


def test_a_call_on_forgotten_state_asks_for_an_archive_node(rpc, node):
    node.overrides["eth_call"] = lambda _: {"code": -32000, "message": "missing trie node 0xabc"}
    with pytest.raises(BadInput, match="archive node"):
        rpc.eth_calls([(POOL, "0x12345678")], 3)


def test_any_other_error_of_a_call_is_unavailable(rpc, node):
    node.overrides["eth_call"] = lambda _: {"code": -32603, "message": "internal"}
    with pytest.raises(Unavailable, match="internal"):
        rpc.eth_calls([(POOL, "0x12345678")], 3)


def test_waits_are_told_to_whoever_listens(served, node):
    heard = []
    node.faults.append(status(429, retry_after="2"))
    with Rpc(served[1], on_wait=lambda seconds, reason: heard.append((seconds, reason)), sleep=lambda _: None) as rpc:
        rpc.head()
    assert heard == [(2.0, "HTTP 429")]


@pytest.mark.parametrize(
    ("message", "code", "asks_for_less", "is_rate_limit"),
    [
        ("query returned more than 10000 results", -32005, True, False),
        ("Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range", -32602, True, False),
        ("eth_getLogs is limited to a 10,000 range", -32614, True, False),
        ("block range is too wide", -32000, True, False),
        ("daily request count exceeded, request rate limited", -32005, False, True),
        ("Your app has exceeded its compute units per second capacity", 429, False, True),
        ("limit exceeded", -32005, False, True),
        ("execution reverted", 3, False, False),
    ],
)
def test_what_nodes_say_is_told_apart(message, code, asks_for_less, is_rate_limit):
    error = NodeError(code, message)
    assert (error.asks_for_less, error.is_rate_limit) == (asks_for_less, is_rate_limit)


def test_data_and_hashes_are_read_strictly():
    assert (quantity("0x2A", "n"), hex_bytes("0x00FF", "data"), hex_text("0x" + "AB" * 20, 20, "address")) == (
        42,
        b"\0\xff",
        "0x" + "ab" * 20,
    )
    with pytest.raises(BadInput, match="data"):
        hex_bytes("0x0", "data")
    with pytest.raises(BadInput, match="19 bytes instead of 20"):
        hex_text("0x" + "ab" * 19, 20, "address")


def test_a_nonsense_retry_after_is_ignored(rpc, node, waits):
    node.faults.append(status(429, retry_after="soon"))
    rpc.head()
    assert waits == [0.25]
    assert client.LONGEST_WAIT_SECONDS == 120


def test_strangers_in_an_answer_are_passed_over(rpc, node, waits):
    node.faults.append(lambda questions: (200, {}, json.dumps(["?", {"id": 0}, *(node.answer(one) for one in questions)]).encode()))
    assert len(rpc.headers([1, 2])) == 2
    assert waits == []
