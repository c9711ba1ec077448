"""What pools and tokens say of themselves, and what is refused when they say too little."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from eth_utils.crypto import keccak

from domain.problems import BadInput
from executor.chain.known_factories import VENUE_OF_FACTORY
from executor.chain.rpc import Rpc
from executor.chain.snapshot import SELECTORS, Snapshot, take_snapshot
from executor.venue import every_venue
from tests.executor.chain.memory_node import PAIR, POOL, TOKEN0, TOKEN1, MemoryNode, word


@pytest.fixture
def node() -> MemoryNode:
    return MemoryNode(5)


@pytest.fixture
def rpc(node: MemoryNode) -> Iterator[Rpc]:
    with node.serve() as url, Rpc(url, batch_size=200, sleep=lambda _: None) as rpc:
        yield rpc


def snapshot(rpc: Rpc, pool: str = POOL, venues: dict[str, str] | None = None) -> Snapshot:
    return take_snapshot(rpc, [pool], 3, 4, venues or {}, {}, chain_id=1)


def test_every_selector_is_the_hash_of_its_signature():
    assert {signature: "0x" + keccak(text=signature)[:4].hex() for signature in SELECTORS} == SELECTORS


def test_every_known_factory_is_of_a_venue_that_exists():
    assert set(VENUE_OF_FACTORY.values()) <= set(every_venue())


def test_a_pool_of_an_unknown_factory_needs_its_venue_named(rpc, node):
    node.say(POOL, "factory()", word(0x77))
    with pytest.raises(BadInput, match=f"say --venue {POOL}=NAME"):
        snapshot(rpc)
    assert snapshot(rpc, venues={POOL: "pancakeswap_v3"}).pools["venue"].to_list() == ["pancakeswap_v3"]


def test_a_pool_that_tells_no_factory_needs_its_venue_named(rpc, node):
    node.say(POOL, "factory()", None)
    with pytest.raises(BadInput, match="the factory None"):
        snapshot(rpc)


def test_a_concentrated_pool_that_tells_no_fee_is_refused(rpc, node):
    node.say(POOL, "fee()", None)
    with pytest.raises(BadInput, match="does not tell its fee"):
        snapshot(rpc)


def test_a_pool_that_was_never_initialised_has_no_state(rpc, node):
    node.say(POOL, "slot0()", word(0) * 7)
    assert snapshot(rpc).pools["has_state"].to_list() == [False]
    assert snapshot(rpc).ticks.height == 0


def test_a_pair_without_reserves_has_no_state(rpc, node):
    node.say(PAIR, "getReserves()", word(0) * 3)
    assert snapshot(rpc, PAIR).pools["has_state"].to_list() == [False]


def test_a_pool_that_tells_half_its_state_is_refused(rpc, node):
    node.say(POOL, "liquidity()", None)
    with pytest.raises(BadInput, match=r"not liquidity\(\)"):
        snapshot(rpc)


def test_a_tick_that_is_marked_and_not_told_is_refused(rpc, node):
    del node.calls[(POOL, SELECTORS["ticks(int24)"] + word(400))]
    with pytest.raises(BadInput, match="marks tick 400 as initialised"):
        snapshot(rpc)


@pytest.mark.parametrize("decimals", [None, word(256)])
def test_a_token_without_sensible_decimals_is_refused(rpc, node, decimals):
    node.say(TOKEN0, "decimals()", decimals)
    with pytest.raises(BadInput, match="does not answer decimals"):
        snapshot(rpc)


@pytest.mark.parametrize(
    ("answer", "symbol"),
    [
        (None, TOKEN0[:10]),
        (word(32) + word(3) + b"A\x1b[".hex().ljust(64, "0"), "A["),
        (word(32) + word(500) + b"x".hex() * 500, "x" * 64),
        (word(99) + word(3) + b"ABC".hex().ljust(64, "0"), TOKEN0[:10]),
        (b"\xff\xfe".hex().ljust(64, "0"), "��"),
    ],
    ids=["none", "control characters", "very long", "nonsense offset", "not utf-8"],
)
def test_a_strangers_symbol_is_made_printable_and_short(rpc, node, answer, symbol):
    node.say(TOKEN0, "symbol()", answer)
    assert snapshot(rpc).tokens["symbol"].to_list() == [symbol, "MKR"]


def test_a_reference_symbol_can_be_given(rpc):
    found = take_snapshot(rpc, [POOL], 3, 4, {}, {TOKEN1: "MKR"}, chain_id=1)
    assert found.tokens["reference_symbol"].to_list() == [None, "MKR"]
