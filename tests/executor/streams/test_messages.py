"""The words of the topic: what goes in comes out, and what is none of ours is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.problems import BadInput
from executor.chain.blocks import Back, Block, Final, Forward, Log
from executor.streams.messages import LOG_HEAD, decode, encode_log, encode_step, partition_of, stamped

words = st.binary(min_size=32, max_size=32).map(lambda raw: "0x" + raw.hex())
addresses = st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
numbers = st.integers(0, 2**62)
logs = st.builds(
    Log,
    address=addresses,
    topics=st.lists(words, max_size=4).map(tuple),
    data=st.binary(max_size=300),
    block_number=numbers,
    block_hash=words,
    tx_hash=words,
    transaction_index=st.integers(0, 2**32 - 1),
    log_index=st.integers(0, 2**32 - 1),
)
blocks = st.builds(Block, number=numbers, hash=words, parent_hash=words, timestamp=numbers, base_fee=st.integers(0, 2**128 - 1))


@given(logs, st.integers(0, 2**32 - 1), numbers)
def test_any_log_survives_the_way(log, session, sequence):
    message = decode(stamped(encode_log(log, 31337, 1_767_571_200), session, sequence))
    assert (message.told, message.session, message.sequence) == (log, session, sequence)
    assert (message.chain_id, message.timestamp, message.step) == (31337, 1_767_571_200, None)


@given(blocks, st.sampled_from((Forward, Back)), numbers)
def test_any_block_survives_the_way_and_tells_how_many_logs_it_has(block, kind, count):
    message = decode(encode_step(kind(block), 1, count))
    assert (message.told, message.step, message.timestamp, message.logs) == (kind(block), count, block.timestamp, 0)


def test_a_final_block_survives_the_way():
    final = Final(7, "0x" + "ab" * 32)
    assert decode(encode_step(final, 1, 3)).told == final


def test_a_block_tells_how_many_logs_are_its_own():
    log = Log("0x" + "11" * 20, (), b"", 7, "0x" + "ab" * 32, "0x" + "cd" * 32, 0, 0)
    block = Block(7, "0x" + "ab" * 32, "0x" + "aa" * 32, 12, 10**9, (log, log))
    assert decode(encode_step(Forward(block), 1, 0)).logs == 2


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\x01\x01",
        b"\x02" + bytes(300),
        b"\x01\x09" + bytes(300),
        b"\x01\x02" + bytes(20),
        b"\x01\x01\x04" + bytes(LOG_HEAD.size),
    ],
)
def test_what_is_none_of_ours_is_refused(message):
    with pytest.raises(BadInput):
        decode(message)


def test_a_contract_always_speaks_in_the_same_partition():
    address = bytes(range(20))
    assert {partition_of(address, 6) for _ in range(3)} == {partition_of(address, 6)}
    assert {partition_of(bytes([n]) * 20, 6) for n in range(99)} == set(range(6))
