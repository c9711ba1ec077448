"""The door to a running executor: asked once in effect however often the wire fails, and never taken for done before it is.

The executor here is a stand-in that speaks the real one's HTTP (stand_in_executor.py).
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.learning.executor_door import TOKEN as TOKEN_SETTING
from assets.learning.executor_door import URL, ExecutorClient, ExecutorDoor
from domain.problems import BadInput, BundleRejected, NotAllowed, Refused, Unavailable
from tests.assets.learning.stand_in_executor import TOKEN, StandInExecutor, serving

NEW = "a" * 64


def client(executor: StandInExecutor, **settings: Any) -> ExecutorClient:
    return ExecutorClient(executor.url, settings.pop("token", TOKEN), sleep=lambda seconds: None, **settings)


def activate(door: ExecutorClient, key: str = "decision-1", **wish: Any) -> Any:
    return door.activate("how_to_execute", 2, NEW, key=key, **wish)


@pytest.fixture
def executor() -> Iterator[StandInExecutor]:
    with serving(StandInExecutor()) as running:
        yield running


def test_it_waits_until_every_decision_is_made_with_the_new_model(executor: StandInExecutor) -> None:
    done = activate(client(executor), share_percent=5)
    assert (done.operation_id, done.state, executor.champion["bundle_sha256"]) == ("activation-1", "DONE", NEW)
    assert done.metadata() == {
        "executor": "connected",
        "operation_id": "activation-1",
        "operation_state": "DONE",
        "seconds_until_all_decisions": 1.0,  # verifying, warming, shifting and draining, by the executor's clock
        "requests_to_the_executor": 6,
    }
    assert executor.operations[0]["share_percent"] == 5 and executor.operations[0]["version"] == "2"


def test_without_the_executor_s_own_times_ours_is_told(executor: StandInExecutor) -> None:
    executor.seconds_told = False
    assert 0 < activate(client(executor)).seconds < 30


def test_the_same_decision_again_is_the_same_operation(executor: StandInExecutor) -> None:
    door = client(executor)
    assert activate(door).operation_id == activate(door).operation_id
    assert len(executor.operations) == 1


@settings(max_examples=12, deadline=None)
@given(lost=st.integers(0, 3), busy=st.integers(0, 2))
def test_for_any_answers_lost_within_the_attempts_there_is_one_operation(lost: int, busy: int) -> None:
    with serving(StandInExecutor(lose=lost, busy=busy)) as executor:
        assert activate(client(executor, attempts=6)).state == "DONE"
        assert len(executor.operations) == 1


def test_an_executor_that_is_down_is_unavailable_after_the_attempts() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        pauses: list[float] = []
        door = ExecutorClient(f"http://127.0.0.1:{taken.getsockname()[1]}", TOKEN, sleep=pauses.append)
        with pytest.raises(Unavailable, match="does not answer"):
            activate(door)
    assert door.asked == 4 and pauses == [0.25, 0.5, 1.0]


def test_an_executor_that_stays_busy_is_unavailable(executor: StandInExecutor) -> None:
    executor.busy = 99
    with pytest.raises(Unavailable, match="Another activation is draining"):
        activate(client(executor))


def test_an_operation_that_does_not_end_is_not_taken_for_done(executor: StandInExecutor) -> None:
    executor.stays = "WARMING"
    with pytest.raises(Unavailable, match="still ACCEPTED after 0 s"):
        activate(client(executor, patience_seconds=0))


def test_a_model_that_does_not_verify_is_rejected_with_the_executor_s_reason(executor: StandInExecutor) -> None:
    executor.fail_with = [("golden_rows", "row 3 answers 1.0, 2.0 was promised")]
    with pytest.raises(BundleRejected, match="row 3 answers"):
        activate(client(executor))
    assert len(executor.operations) == 1


def test_what_failed_through_no_fault_of_the_model_is_asked_for_again(executor: StandInExecutor) -> None:
    executor.fail_with = [("restart", "The executor stopped."), ("superseded", "Another came between.")]
    assert activate(client(executor)).operation_id == "activation-3"
    assert list(executor.keys) == ["decision-1", "decision-1:2", "decision-1:3"]
    # The next run walks the same road, and finds what was done.
    assert activate(client(executor)).operation_id == "activation-3"
    assert len(executor.operations) == 3


def test_what_fails_again_and_again_is_unavailable(executor: StandInExecutor) -> None:
    executor.fail_with = [("restart", "The executor stopped.")] * 4
    with pytest.raises(Unavailable, match="4 times"):
        activate(client(executor))


def test_a_model_that_was_taken_back_since_says_so_with_the_reason(executor: StandInExecutor) -> None:
    door = client(executor)
    activate(door)
    executor.answer("POST", "/models/rollback", {"Authorization": f"Bearer {TOKEN}"}, {"reason": "it reverts too often"})
    again = activate(door)
    assert (again.state, again.reason) == ("ROLLED_BACK", "it reverts too often")


def test_a_rollback_takes_out_the_model_it_is_about_and_no_other(executor: StandInExecutor) -> None:
    door = client(executor)
    assert door.rollback("it is worse", NEW).operation_id == "none"
    activate(door)
    assert door.rollback("it is worse", NEW).operation_id == "rollback-9"
    assert executor.champion["name"] == "handed"
    assert door.rollback("it is worse", NEW).state == "ROLLED_BACK"
    assert executor.asked.count(("POST", "/models/rollback")) == 1


def test_a_rollback_whose_answer_was_lost_does_not_go_back_twice(executor: StandInExecutor) -> None:
    door = client(executor)
    activate(door)
    executor.lose = 1
    assert door.rollback("it is worse", NEW).state == "ROLLED_BACK"
    assert executor.asked.count(("POST", "/models/rollback")) == 1


def test_a_rollback_that_is_an_operation_is_waited_for(executor: StandInExecutor) -> None:
    door = client(executor)
    activate(door)
    models = b'{"champion": {"bundle_sha256": "%s"}}' % NEW.encode()
    executor.replies = [(200, models), (202, b'{"operation_id": "activation-1", "state": "DRAINING"}')]
    assert door.rollback("it is worse", NEW).state == "DONE"


def test_a_rollback_that_is_never_answered_is_unavailable(executor: StandInExecutor) -> None:
    models = b'{"champion": {"bundle_sha256": "%s"}}' % NEW.encode()
    executor.replies = [(200, models), (503, b"")] * 4
    with pytest.raises(Unavailable, match="did not answer the rollback"):
        client(executor).rollback("it is worse", NEW)


def test_a_wrong_token_is_not_allowed_and_not_told(executor: StandInExecutor) -> None:
    with pytest.raises(NotAllowed, match="GREKKO_TOKEN_ADMIN") as told:
        activate(client(executor, token="a-wrong-one"))
    assert "a-wrong-one" not in str(told.value)


@pytest.mark.parametrize(
    ("status", "content", "kind", "why"),
    [
        (200, b"<html>", Refused, "no executor"),
        (200, b"[]", Refused, "no executor"),
        (202, b'{"operation_id": "1", "state": "DANCING"}', Refused, "'DANCING'"),
        (422, b'{"error": "BadInput", "message": "share_percent is 0."}', BadInput, "share_percent is 0"),
        (409, b'{"error": "ActivationConflict", "message": "wait"}', Refused, "wait"),
        (404, b"nothing here", Refused, "Not Found"),
        (404, b"[]", Refused, "Not Found"),
    ],
)
def test_an_answer_that_says_no_becomes_a_named_problem(
    executor: StandInExecutor, status: int, content: bytes, kind: type[Exception], why: str
) -> None:
    executor.replies = [(status, content)]
    with pytest.raises(kind, match=why):
        activate(client(executor))


@pytest.mark.parametrize("url", ["127.0.0.1:8642", "ftp://x", "http://", "http://me:secret@host", "http://host/?x=1"])
def test_an_address_that_is_none_is_refused_without_telling_a_password(url: str) -> None:
    with pytest.raises(BadInput, match=URL) as told:
        ExecutorClient(url, TOKEN)
    assert "secret" not in str(told.value)


def test_the_environment_says_whether_an_executor_is_connected(monkeypatch: pytest.MonkeyPatch, executor: StandInExecutor) -> None:
    for name in (URL, TOKEN_SETTING):
        monkeypatch.delenv(name, raising=False)
    assert ExecutorDoor().open() is None
    monkeypatch.setenv(URL, executor.url)
    with pytest.raises(BadInput, match=TOKEN_SETTING):
        ExecutorDoor().open()
    monkeypatch.setenv(TOKEN_SETTING, TOKEN)
    door = ExecutorDoor().open()
    assert door is not None and door.models()["champion"]["name"] == "handed"
