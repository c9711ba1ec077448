"""What a venue says without a chain: its pools' addresses, its calls, and where it refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from domain.problems import BadInput, Broken, Unavailable, UnknownPool
from executor.chain.abi import address_word, answer_bytes, block_ref, pinned, word
from executor.chain.log_ranges import log_of, logs_between
from executor.chain.node import NodeRefused
from executor.orders import PlannedLeg
from executor.shapes import concentrated as of_ranges
from executor.shapes import constant_product as of_pairs
from executor.venue import ETHEREUM, Exchange, by_name, concentrated, constant_product, every_venue

USDC, WETH = "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48", "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2"
DAI, ME, POOL = "0x6b175474e89094c44da98b954eedeac495271d0f", "0x" + "11" * 20, "0x" + "77" * 20
DEADLINE = 1_800_000_000


def path(*fees: int) -> list[PlannedLeg]:
    tokens = [WETH, USDC, DAI]
    return [PlannedLeg(at, POOL, "", True, fee, tokens[at], tokens[at + 1], 1 << 64, 0, 0) for at, fee in enumerate(fees)]


def test_every_venue_is_an_exchange():
    venues: list[Exchange] = list(every_venue().values())
    assert {"uniswap_v3", "sushiswap", "pancakeswap_v3", "uniswap_v2"} <= {venue.name for venue in venues}


@pytest.mark.parametrize(
    ("venue", "fee", "address"),
    [
        ("uniswap_v3", 500, "0x88e6a0c2ddd26feeb64f039a2c41296fcb3f5640"),
        ("pancakeswap_v3", 500, "0x1ac1a8feaaea1900c4166deeed0c11cc10669d36"),
        ("sushiswap", 3000, "0x397ff1542f962076d0bfe58ea045ffa2d347aca0"),
        ("uniswap_v2", 3000, "0xb4e16d0168e52d35cacd2c6185b44281ec28c9dc"),
    ],
)
def test_the_pools_of_ethereum_stand_where_the_venue_says(venue, fee, address):
    """USDC/WETH on each venue."""
    known = every_venue()[venue]
    assert known.pool_address(known.deployments[ETHEREUM], WETH, USDC, fee) == address


def test_where_the_rule_is_not_known_no_address_is_told():
    venue = every_venue()["uniswap_v3"]
    assert venue.pool_address(replace(venue.deployments[ETHEREUM], init_code_hash=None), WETH, USDC, 500) is None


def selector(signature: str) -> bytes:
    return keccak(text=signature)[:4]


def test_a_swap_on_ranges_is_encoded_as_the_router_reads_it():
    venue = every_venue()["uniswap_v3"]
    call = venue.swap(path(500, 100), router=POOL, amount_in=7, min_amount_out=3, recipient=ME, deadline=DEADLINE)
    packed = (
        bytes.fromhex(WETH[2:]) + (500).to_bytes(3, "big") + bytes.fromhex(USDC[2:]) + (100).to_bytes(3, "big") + bytes.fromhex(DAI[2:])
    )
    struct = "(bytes,address,uint256,uint256,uint256)"
    expected = selector(f"exactInput({struct})") + encode([struct], [(packed, ME, DEADLINE, 7, 3)])
    assert (call.to, call.data, call.value) == (POOL, "0x" + expected.hex(), 0)


def test_a_swap_on_pairs_is_encoded_as_the_router_reads_it():
    call = every_venue()["sushiswap"].swap(path(3000, 3000), router=POOL, amount_in=7, min_amount_out=3, recipient=ME, deadline=DEADLINE)
    types = ["uint256", "uint256", "address[]", "address", "uint256"]
    expected = selector(f"swapExactTokensForTokens({','.join(types)})") + encode(types, [7, 3, [WETH, USDC, DAI], ME, DEADLINE])
    assert call.data == "0x" + expected.hex()


def test_the_selectors_and_topics_are_those_of_the_signatures():
    assert selector("slot0()") == of_ranges.SLOT0
    assert selector("ticks(address,int16,int16,int24)") == of_ranges.READ_TICKS
    assert selector("protocolFees()") == of_ranges.PROTOCOL_FEES
    assert selector("getReserves()") == of_pairs.GET_RESERVES
    assert "0x" + keccak(text="PoolCreated(address,address,uint24,int24,address)").hex() == of_ranges.POOL_CREATED
    assert "0x" + keccak(text="PairCreated(address,address,address,uint256)").hex() == of_pairs.PAIR_CREATED


def test_a_venue_of_pairs_without_a_fee_cannot_tell_a_state():
    venue = replace(constant_product("nofee", "No Fee", 3000), fee_pips=None)
    with pytest.raises(BadInput, match="fee_pips"):
        asyncio.run(venue.get_pool_state(Scripted(), POOL))


def test_two_venues_of_one_name_are_refused():
    with pytest.raises(Broken, match="Two venues"):
        by_name([concentrated("same", "One"), concentrated("same", "Two")])


def test_what_is_no_word_is_refused():
    with pytest.raises(BadInput, match="256 bits"):
        word(1 << 256)
    for wrong in ("0x1234", "hello", "0x" + "zz" * 20, "11" * 20):
        with pytest.raises(BadInput, match="no address"):
            address_word(wrong)


class Scripted:
    """A node that answers from a script, and remembers what it was asked."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.asked = list(answers), list[Any]()

    async def call(self, method: str, *params: Any) -> Any:
        self.asked.append((method, params))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def batch(self, calls: Sequence[Any]) -> list[Any]:
        self.asked += calls
        return [self.answers.pop(0) for _ in calls]


def words(*numbers: int) -> str:
    return "0x" + b"".join(word(number) for number in numbers).hex()


def read(node: Scripted, venue: str = "uniswap_v3", block: int | str = 5):
    return asyncio.run(every_venue()[venue].get_pool_state(node, POOL, block))


def test_a_block_is_named_as_the_node_wants_it():
    assert block_ref(255) == "0xff"
    assert block_ref("latest") == "latest"
    assert block_ref("0x" + "ab" * 32) == {"blockHash": "0x" + "ab" * 32}


def test_a_tag_is_resolved_once_so_that_all_answers_are_of_one_block():
    node = Scripted({"hash": "0x" + "ab" * 32}, words(10, 20, 0))
    read(node, "sushiswap", "latest")
    assert node.asked[1][1][1] == {"blockHash": "0x" + "ab" * 32}


def test_a_node_without_that_block_is_asked_again():
    with pytest.raises(Unavailable, match="no finalized block"):
        asyncio.run(pinned(Scripted(None), "finalized"))


def test_a_node_that_pruned_the_block_is_unavailable_and_a_revert_is_no_pool():
    with pytest.raises(Unavailable, match="another node"):
        read(Scripted(NodeRefused("eth_call: missing trie node", code=-32000)), "sushiswap")
    with pytest.raises(UnknownPool, match="venue"):
        read(Scripted(NodeRefused("eth_call: execution reverted", code=3)), "sushiswap")
    for wrong in (None, "0xzz"):
        with pytest.raises(Unavailable, match="no 0x text"):
            answer_bytes(wrong, POOL)


ONE_TO_ONE = 1 << 96
FACTS = [words(ONE_TO_ONE, 0, 0, 0, 0, 0, 1), words(0), words(3000), words(60), words(1), words(2), words(3, 4)]


def one_word_pool(*more: Any) -> Scripted:
    """A pool of the widest words: spacing 60 has 116 of them, all empty but what `more` says."""
    return Scripted(*FACTS, *more)


def test_a_node_that_takes_no_code_is_asked_for_each_word_and_tick():
    bitmaps = [words(0)] * 116
    bitmaps[58] = words(0b110)  # ticks 60 and 120
    told = [words(10, 10, 5, 6), words(10, -10, 7, 8)]
    node = one_word_pool(NodeRefused("eth_call: too many arguments", code=-32602), *bitmaps, *told)
    pool = read(node)
    assert {tick: (entry.liquidity_gross, entry.liquidity_net) for tick, entry in pool.ticks.items()} == {60: (10, 10), 120: (10, -10)}
    assert (pool.protocol_fees0, pool.protocol_fees1, pool.fee_growth_global1_x128) == (3, 4, 2)


def test_a_reader_that_runs_out_of_gas_is_asked_for_the_rest():
    """The first call stopped at word 0; the second reads from there."""
    first = words(64, 0, 1, -60, 10, 10, 0, 0)
    second = words(64, 58, 1, 60, 10, -10, 0, 0)
    pool = read(Scripted(FACTS[0], words(10), *FACTS[2:], first, second))
    assert sorted(pool.ticks) == [-60, 60]


def test_a_reader_that_makes_no_progress_is_given_up():
    stuck = words(64, -58, 0)
    node = one_word_pool(stuck, *[words(0)] * 116)
    assert read(node).ticks == {}


def test_without_the_contracts_the_ticks_are_read_one_by_one(monkeypatch):
    monkeypatch.setattr(of_ranges, "reader_code", lambda: None)
    assert read(one_word_pool(*[words(0)] * 116)).ticks == {}


def test_answers_of_two_moments_are_not_taken():
    """A tick that begins liquidity and none that ends it."""
    with pytest.raises(Unavailable, match="not of one moment"):
        read(Scripted(*FACTS, words(64, 58, 1, 60, 10, 10, 0, 0)))


def test_the_reader_is_absent_where_the_contracts_are(monkeypatch, tmp_path):
    of_ranges.reader_code.cache_clear()
    monkeypatch.setattr(of_ranges, "ARTIFACTS", tmp_path / "artifacts.json")
    assert of_ranges.reader_code() is None
    of_ranges.reader_code.cache_clear()


def test_facts_that_never_change_can_be_read_alone():
    assert asyncio.run(of_ranges.read_facts(Scripted(words(500), words(10)), POOL, 7)) == (500, 10)


def raw_log(number: int, **changes: Any) -> dict[str, Any]:
    told = {"address": POOL.upper().replace("X", "x"), "topics": ["0x" + "AB" * 32], "data": "0x01", "blockNumber": hex(number)}
    return told | {"blockHash": "0x01", "transactionHash": "0x02", "transactionIndex": "0x0", "logIndex": "0x1"} | changes


def test_a_range_that_the_node_refuses_is_halved_until_it_answers():
    too_many = NodeRefused("eth_getLogs: query returned more than 10000 results", code=-32005)
    node = Scripted(hex(7), too_many, [raw_log(1)], [raw_log(6)])
    found = asyncio.run(logs_between(node, {"topics": []}, 0))
    assert [log.block_number for log in found] == [1, 6]
    assert [(one[1][0]["fromBlock"], one[1][0]["toBlock"]) for one in node.asked[1:]] == [("0x0", "0x7"), ("0x0", "0x3"), ("0x4", "0x7")]
    assert found[0].address == POOL
    assert found[0].topics == ("0x" + "ab" * 32,)


def test_a_single_block_that_the_node_refuses_is_unavailable():
    too_many = NodeRefused("eth_getLogs: no", code=-32005)
    with pytest.raises(Unavailable, match="logs of block 3"):
        asyncio.run(logs_between(Scripted(too_many, too_many), {}, 3, 4))


def test_a_log_that_is_not_whole_is_unavailable():
    told = raw_log(1)
    del told["data"]
    with pytest.raises(Unavailable, match="not whole"):
        log_of(told)


@pytest.mark.parametrize(("shape", "topics"), [(of_ranges, 3), (of_pairs, 4)])
def test_a_creation_that_is_not_whole_is_refused(shape, topics):
    with pytest.raises(BadInput, match="fetch the log again"):
        shape.created(["0x" + "00" * 32] * topics, bytes(64))
