"""Wherever a token keeps its balances, they are found, or it is said that they cannot be."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from domain.problems import CannotRehearse, Unavailable
from executor.chain.abi import address_word
from executor.chain.local.anvil import Anvil
from executor.chain.node import HttpNode, NodeRefused
from executor.safety.token_slots import BALANCE_OF, Place, TokenSlots, _part
from tests.executor.safety.places import Meddler, compiled, not_offered

OWNER, SPENDER, OTHER = ("0x" + byte * 20 for byte in ("ab", "cd", "ef"))
AMOUNT = 123_456_789_012_345_678_901
# What each layout can be given: (balance, allowance).
LAYOUTS = {
    "FirstSlots": (True, True),
    "LaterSlots": (True, True),
    "VyperOrder": (True, True),
    "Namespaced": (True, True),
    "PackedLow": (True, True),
    "PackedMiddle": (True, True),
    "FlagAbove": (True, True),
    "DeepInAStruct": (True, True),
    "StateElsewhere": (True, True),
    "Proxy": (True, True),
    "SeededHash": (True, True),
    "TwoWords": (True, True),
    "TrustsEverybody": (True, False),
    "Rebasing": (False, True),
}
# Without the node's help only plain mappings in the first slots are found.
GUESSABLE = {"FirstSlots", "LaterSlots", "VyperOrder", "PackedLow", "PackedMiddle", "FlagAbove", "Proxy", "TwoWords", "TrustsEverybody"}


@pytest.fixture(scope="module")
def chain(node_modules: Path):
    with Anvil(start_timestamp=1_767_564_000, accounts=2) as anvil:
        contracts, tokens = compiled("Layouts.sol", node_modules), {}
        for name in LAYOUTS:
            sent = anvil.send(anvil.accounts[0], None, contracts[name].creation(), gas_limit=8_000_000)
            anvil.rpc("evm_mine")
            tokens[name] = anvil.receipt(sent)["contractAddress"].lower()
        yield anvil.url, tokens


@pytest.fixture
def ask(chain) -> Callable[[Callable[[HttpNode], Awaitable]], object]:
    def asked(question):
        async def run():
            async with HttpNode(chain[0]) as node:
                return await question(node)

        return asyncio.run(run())

    return asked


async def balance(node, token: str, overrides, owner: str = OWNER) -> int:
    data = "0x" + (BALANCE_OF + address_word(owner)).hex()
    return int(await node.call("eth_call", {"to": token, "data": data}, "latest", overrides), 16)


NOT_OFFERED = {method: not_offered(method) for method in ("eth_createAccessList", "debug_traceCall")}


@pytest.mark.parametrize("missing", [(), ("eth_createAccessList",), ("eth_createAccessList", "debug_traceCall")])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_planted_balance_is_the_owners_and_nobody_elses(chain, ask, layout, missing):
    token, (has_balance, has_allowance) = chain[1][layout], LAYOUTS[layout]

    async def question(node):
        slots, helped = TokenSlots(Meddler(node, **{method: NOT_OFFERED[method] for method in missing}), 1), len(missing) < 2
        if not has_balance or not (helped or layout in GUESSABLE):
            with pytest.raises(CannotRehearse, match="no balance that could be set") as said:
                await slots.planted(token, OWNER, SPENDER, AMOUNT)
            return said.value.facts["token"], 0, True
        planted = await slots.planted(token, OWNER, SPENDER, AMOUNT)
        values = [await balance(node, token, planted.overrides, owner) for owner in (OWNER, OTHER)]
        return *values, planted.includes_allowance

    mine, others, includes_allowance = ask(question)
    assert mine in (AMOUNT, token)
    assert others == 0
    assert includes_allowance == has_allowance


def test_what_lies_beside_a_packed_balance_stays(chain, ask):
    async def question(node):
        place = await TokenSlots(node, 1).balance(chain[1]["PackedMiddle"], OWNER)
        return place, place.holding(5)

    place, override = ask(question)
    assert (place.shift, place.bits) == (64, 96)
    crowded = Place(place.holder, place.key, 64, 96, "0x" + "ff" * 32)
    word = crowded.holding(5)[place.holder]["stateDiff"][place.key]
    assert word == "0x" + "ff" * 12 + f"{5:024x}" + "ff" * 8
    assert override[place.holder]["stateDiff"][place.key] == f"0x{5 << 64:064x}"


def test_more_than_a_token_can_count_is_refused(chain, ask):
    async def question(node):
        with pytest.raises(CannotRehearse, match="can count"):
            await TokenSlots(node, 1).planted(chain[1]["PackedMiddle"], OWNER, SPENDER, 1 << 96)

    ask(question)


def test_places_are_asked_once_and_kept_from_one_start_to_the_next(chain, ask, tmp_path):
    file, token = tmp_path / "state" / "places.json", chain[1]["LaterSlots"]

    async def question(node):
        first, second, third = (Meddler(node) for _ in range(3))
        slots = TokenSlots(first, 1, file)
        found = await slots.planted(token, OWNER, SPENDER, AMOUNT)
        asked = len(first.asked)
        assert await slots.planted(token, OWNER, SPENDER, AMOUNT) == found
        assert len(first.asked) == asked
        assert await TokenSlots(second, 1, file).planted(token, OWNER, SPENDER, AMOUNT) == found
        assert second.asked == [["eth_getCode"]], "only whether the token is still the same"
        await TokenSlots(third, 2, file).balance(token, OWNER)
        assert len(third.asked) > 1, "another chain is another token"
        slots.forget(token)
        return json.loads(file.read_text())

    assert ask(question) == {}


def test_that_a_token_cannot_be_planted_is_kept_too(chain, ask, tmp_path):
    file = tmp_path / "places.json"

    async def question(node):
        for asked in range(2):
            told = Meddler(node)
            with pytest.raises(CannotRehearse):
                await TokenSlots(told, 1, file).balance(chain[1]["Rebasing"], OWNER)
            assert (len(told.asked) == 1) == bool(asked)

    ask(question)


@pytest.mark.parametrize("text", ["", "[1, 2]", '{"a": {"holder": "0x"}}', "{"])
def test_a_file_that_is_not_whole_is_found_again(tmp_path, text):
    file = tmp_path / "places.json"
    file.write_text(text)
    assert TokenSlots(Meddler(None), 1, file)._places == {}


def test_an_address_without_code_is_no_token(ask):
    async def question(node):
        with pytest.raises(CannotRehearse, match="no contract"):
            await TokenSlots(node, 1).balance(OTHER, OWNER)

    ask(question)


def test_a_node_that_takes_no_overrides_says_so(chain, ask):
    async def question(node):
        refusing = Meddler(node, eth_call=NodeRefused("eth_call: too many arguments", method="eth_call", code=-32602, data=None))
        with pytest.raises(Unavailable, match="no state overrides"):
            await TokenSlots(refusing, 1).balance(chain[1]["FirstSlots"], OWNER)

    ask(question)


@pytest.mark.parametrize("answer", [None, 0, 12_345, 0x8182, 1 << 255])
def test_an_answer_that_is_not_of_the_pattern_is_no_place(answer):
    assert _part(answer, 0, 256) is None
