"""The few bytes that run several calls give each call's answer, whatever the calls do."""

from __future__ import annotations

from executor.chain.local.anvil import Anvil
from executor.safety.call_bundle import CODE, decoded, encoded

ACCOUNT = "0x00000000000000000000000000000000000a11ce"
COUNTER = "0x00000000000000000000000000000000000c0de1"
# sstore(0, sload(0) + 1), then return sload(0) as a word
COUNTS = "0x60005460010180600055600052" + "60206000f3"
REVERTS = "0x63deadbeef6000526004601cfd"  # reverts with four bytes
CALLER = "0x3360005260206000f3"  # returns who calls


def test_each_call_sees_what_the_ones_before_did_and_comes_from_the_account(anvil: Anvil):
    calls = [(COUNTER, b""), (COUNTER, b"\x01" * 33), ("0x" + "02" * 19 + "f1", b"x"), ("0x" + "02" * 19 + "f2", b""), (COUNTER, b"")]
    overrides = {
        ACCOUNT: {"code": CODE},
        COUNTER: {"code": COUNTS},
        calls[2][0]: {"code": REVERTS},
        calls[3][0]: {"code": CALLER},
    }
    request = {"from": ACCOUNT, "to": ACCOUNT, "data": "0x" + encoded(calls).hex()}
    answer = bytes.fromhex(anvil.rpc("eth_call", request, "latest", overrides)[2:])
    answers = decoded(answer, len(calls))
    assert answers is not None
    assert [one.succeeded for one in answers] == [True, True, False, True, True]
    assert [int.from_bytes(answers[at].returned, "big") for at in (0, 1, 4)] == [1, 2, 3]
    assert answers[2].returned.hex() == "deadbeef"
    assert answers[3].returned[12:].hex() == ACCOUNT[2:]
    assert 20_000 < answers[0].gas_used < 30_000
    assert decoded(answer + b"\0", len(calls)) is None
    assert decoded(answer, len(calls) + 1) is None


def test_no_calls_give_no_answers(anvil: Anvil):
    request = {"from": ACCOUNT, "to": ACCOUNT, "data": "0x"}
    assert decoded(bytes.fromhex(anvil.rpc("eth_call", request, "latest", {ACCOUNT: {"code": CODE}})[2:]), 0) == []
