"""Messages keep their bytes, and what is not true to the protocol is named."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.negotiation import WHOLE, ActionUtility, Call, Proposal
from domain.problems import MessageRejected
from executor.agents import negotiation_pb2 as wire
from executor.agents.messages import Accept, Cancel, Failure, Inform, Message, Refuse, Reject, decode, encode

ROOT = Path(__file__).resolve().parents[3]
CALL = Call("t-1", "WETH", "USDC", 5, 9, 10**30, ("HOLD", "BUY"), 2, "ab" * 32)
PROPOSAL = Proposal("news", (ActionUtility("BUY", -7, 8, 9, "feed:1"), ActionUtility("HOLD", 0)), "news/1", "3", "cd" * 32)
BODIES = [CALL, PROPOSAL, Refuse("no"), Accept("BUY"), Reject("BUY", "why"), Inform("BUY", "done"), Failure("broke"), Cancel("never mind")]


def message(body, **more) -> Message:
    return Message(**{"conversation_id": "n-1", "trade_id": "t-1", "seq": 3, "sender": "news", "receiver": "coordinator", "sent_ns": 7,
                      "deadline_ns": 9, "body": body, "trace_id": "f0"} | more)  # fmt: skip


def fault_of(raw: bytes) -> str:
    with pytest.raises(MessageRejected) as refused:
        decode(raw)
    return refused.value.facts["fault"]


def envelope(body=PROPOSAL, **changed) -> wire.Envelope:
    told = wire.Envelope()
    told.ParseFromString(encode(message(body)))
    for name, value in changed.items():
        setattr(told, name, value)
    return told


@pytest.mark.parametrize("body", BODIES, ids=lambda body: type(body).__name__)
def test_every_act_is_read_as_it_was_written(body) -> None:
    raw = encode(message(body))
    assert decode(raw) == message(body)
    assert encode(decode(raw)) == raw


def test_an_act_without_a_word_is_still_an_act() -> None:
    assert decode(encode(message(Cancel("")))).kind == "cancel"


@given(
    st.lists(
        st.builds(
            ActionUtility,
            st.from_regex(r"[A-Z]{1,5}", fullmatch=True),
            st.integers(-WHOLE, WHOLE),
            st.integers(0, WHOLE),
            st.integers(1, 9_999),
            st.text(max_size=50),
        ),
        max_size=5,
    ),
    st.text(min_size=1, max_size=20),
)
def test_for_any_proposal_reading_gives_back_what_was_written(utilities, version) -> None:
    told = message(Proposal("news", tuple(utilities), version))
    assert decode(encode(told)) == told


@given(st.binary(max_size=300))
def test_for_any_bytes_reading_gives_a_message_or_a_named_fault(raw) -> None:
    try:
        decode(raw)
    except MessageRejected as problem:
        assert problem.facts["fault"] and problem.message


@given(st.sampled_from(BODIES), st.data())
def test_for_any_changed_byte_reading_gives_a_message_or_a_named_fault(body, data) -> None:
    raw = bytearray(encode(message(body)))
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        decode(bytes(raw))
    except MessageRejected as problem:
        assert problem.facts["fault"]


def test_another_version_is_named() -> None:
    assert fault_of(envelope(schema_version=2).SerializeToString()) == "unknown_version"
    assert fault_of(b"") == "unknown_version"


@pytest.mark.parametrize("value", [WHOLE + 1, -WHOLE - 1, 2**62])
def test_a_utility_out_of_range_is_named(value) -> None:
    told = envelope()
    told.propose.utilities[0].utility_micro = value
    assert fault_of(told.SerializeToString()) == "out_of_range"


def test_what_is_missing_or_too_long_is_named() -> None:
    assert fault_of(b"\xff\xff\xff") == "unreadable"
    assert fault_of(b"x" * 70_000) == "too_large"
    assert fault_of(envelope(sender="<script>").SerializeToString()) == "unreadable"
    assert fault_of(envelope(conversation_id="").SerializeToString()) == "unreadable"
    assert fault_of(envelope(trace_id="x" * 200).SerializeToString()) == "too_large"
    assert fault_of(encode(message(Refuse("x" * 1_001)))) == "too_large"
    assert fault_of(encode(message(Proposal("news", (), "")))) == "unreadable"
    bodiless = envelope()
    bodiless.ClearField("propose")
    assert fault_of(bodiless.SerializeToString()) == "unreadable"
    for name, value in (("amount_in", "1e5"), ("amount_in", "9" * 79), ("quorum", 0)):
        told = envelope(CALL)
        setattr(told.cfp, name, value)
        assert fault_of(told.SerializeToString()) == "unreadable"


def test_the_compiled_messages_are_those_of_the_protocol_file(tmp_path: Path) -> None:
    folder = ROOT / "executor" / "agents"
    command = ["-m", "grpc_tools.protoc", "-I.", f"--python_out={tmp_path}", f"--pyi_out={tmp_path}", "executor/agents/negotiation.proto"]
    subprocess.run([sys.executable, *command], cwd=ROOT, check=True, timeout=60)
    for name in ("negotiation_pb2.py", "negotiation_pb2.pyi"):
        assert (tmp_path / "executor" / "agents" / name).read_text() == (folder / name).read_text(), "compile it again, see docs/agents.md"
