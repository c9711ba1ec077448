"""Whatever a contract leaves when it reverts, a person reads what happened and what to do."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from executor.chain.local.contracts import own
from executor.safety.reverts import KNOWN_ERRORS, KNOWN_STRINGS, PANICS, explain

ACTIONS = ("plan", "fund", "approve", "sell", "restrict", "submit", "wait", "give", "report", "check", "done", "trade", "more")


def said(text: str) -> bytes:
    return bytes.fromhex("08c379a0") + encode(["string"], [text])


@pytest.mark.parametrize("text", KNOWN_STRINGS)
def test_every_known_word_of_a_venue_is_told_as_a_sentence_that_ends_in_what_to_do(text):
    told = explain(said(text))
    assert told.name == text
    assert told.sentence == KNOWN_STRINGS[text]
    assert told.sentence.endswith(".") and any(action in told.sentence.lower() for action in ACTIONS), told.sentence


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("UniswapV2: K", "keeps a part"),
        ("Pancake: K", "keeps a part"),
        ("UniswapV2Router: INSUFFICIENT_OUTPUT_AMOUNT", "price moved"),
        ("UniswapV2Library: INSUFFICIENT_LIQUIDITY", "sell less"),
        ("PancakeLibrary: INSUFFICIENT_INPUT_AMOUNT", "Nothing arrived"),
        ("TransferHelper: TRANSFER_FROM_FAILED", "approve"),
        ("ERC20: transfer amount exceeds balance", "fund"),
        ("SomeFork: EXPIRED", "deadline"),
    ],
)
def test_who_speaks_does_not_matter(text, words):
    assert words in explain(said(text)).sentence


def test_a_word_nobody_knows_is_shown_as_it_came():
    told = explain("0x" + said("Dragons").hex())
    assert told.name == "Dragons"
    assert "'Dragons'" in told.sentence


@pytest.mark.parametrize("code", [*PANICS, 0x77])
def test_the_compilers_own_codes_are_named(code):
    told = explain(bytes.fromhex("4e487b71") + code.to_bytes(32, "big"))
    assert told.values == {"code": code}
    assert PANICS.get(code, "no name for") in told.sentence


@pytest.mark.parametrize("contract", ["AtomicRouter", "SplitRouter", "MintableERC20"])
def test_every_error_of_our_contracts_has_words(contract):
    errors = [item for item in own(contract).abi if item["type"] == "error"]
    assert errors
    for error in errors:
        types = [one["type"] for one in error["inputs"]]
        values = ["0x" + "ab" * 20 if kind == "address" else 7 for kind in types]
        data = keccak(text=f"{error['name']}({','.join(types)})")[:4] + encode(types, values)
        told = explain(data)
        assert told.name == error["name"], f"{contract}.{error['name']} has no words"
        assert list(told.values.values()) == values


@pytest.mark.parametrize("signature", KNOWN_ERRORS)
def test_every_known_error_names_each_of_its_values(signature):
    names, sentence = KNOWN_ERRORS[signature]
    inside = signature.partition("(")[2].removesuffix(")")
    assert len(names) == (len(inside.split(",")) if inside else 0)
    assert sentence.endswith(".")


@pytest.mark.parametrize(
    ("data", "told_by_node", "name"),
    [
        ("0x", "", "0x"),
        (None, "execution reverted", "0x"),
        ("0x", "insufficient funds for gas * price + value", "insufficient funds"),
        (b"", "out of gas", "out of gas"),
        ("0x", "EVM error OutOfGas", "out of gas"),
        ("not hex", "", "0x"),
        ("0x12345678", "", "0x12345678"),
        (
            "0x" + keccak(text="TooLittleReceived(uint256,uint256)")[:4].hex() + "00",
            "",
            "0x" + keccak(text="TooLittleReceived(uint256,uint256)")[:4].hex(),
        ),
    ],
)
def test_silence_and_the_unknown_have_words_too(data, told_by_node, name):
    told = explain(data, told_by_node)
    assert told.name == name
    assert told.sentence.endswith(".")


@given(st.binary(max_size=300), st.sampled_from([b"", bytes.fromhex("08c379a0"), bytes.fromhex("4e487b71")]))
def test_any_bytes_are_explained(tail, head):
    told = explain(head + tail)
    assert told.name is not None and told.sentence
