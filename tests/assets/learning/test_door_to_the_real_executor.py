"""The door against the executor's own API, over a real socket: what the stand-in of the other tests promises, the executor keeps."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from assets.learning.executor_door import ExecutorClient
from assets.learning.shelf import place
from domain.problems import BundleRejected, NotAllowed, Refused
from executor.api import Role, Tokens, create_app
from executor.assembly import simulation
from models.bundle import Bundle
from tests.executor.trading_floor import always, champion, hand_over

pytest.importorskip("executor.api.models", reason="this executor has no models API yet")
ADMIN = "an-admin-of-the-test"
NAME = "how_to_execute"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    hand_over(tmp_path / "executor", champion(tmp_path / "bundles"))
    return tmp_path / "executor"


@pytest.fixture
def door(folder: Path) -> Iterator[ExecutorClient]:
    app = create_app(simulation(folder), Tokens({Role.ADMIN: ADMIN}))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield ExecutorClient(f"http://127.0.0.1:{port}", ADMIN)
    server.should_exit = True
    thread.join()


@pytest.fixture
def waiting(tmp_path: Path, folder: Path) -> Bundle:
    """A model on the shelf as version 2."""
    made = always("wait", tmp_path / "bundles")
    place(folder, NAME, 2, made.folder)
    return made


def test_a_promoted_model_decides_and_can_be_taken_back(door: ExecutorClient, waiting: Bundle) -> None:
    done = door.activate(NAME, 2, waiting.sha256, key="a" * 64)
    assert done.state == "DONE" and 0 < done.seconds < 2
    assert door.models()["champion"]["bundle_sha256"] == waiting.sha256
    assert door.activate(NAME, 2, waiting.sha256, key="a" * 64).operation_id == done.operation_id
    assert door.rollback("it is worse", waiting.sha256).state == "DONE"
    assert door.models()["champion"]["bundle_sha256"] != waiting.sha256
    assert door.rollback("it is worse", waiting.sha256).operation_id == "none"
    again = door.activate(NAME, 2, waiting.sha256, key="a" * 64)
    assert (again.state, again.reason) == ("ROLLED_BACK", "it is worse")


def test_a_canary_gets_its_share_and_a_shadow_none(door: ExecutorClient, waiting: Bundle) -> None:
    door.activate(NAME, 2, waiting.sha256, key="shadow", shadow=True)
    assert door.models()["shadow"] is True
    door.activate(NAME, 2, waiting.sha256, key="canary", share_percent=5)
    assert door.models()["share_percent"] == 5
    assert door.rollback("it is worse", waiting.sha256).state == "DONE"
    assert door.models()["challenger"] is None


def test_a_tampered_model_is_rejected_with_the_check(door: ExecutorClient, waiting: Bundle, folder: Path) -> None:
    model = folder / "bundle" / waiting.sha256 / "model.onnx"
    model.write_bytes(model.read_bytes()[:-1])
    with pytest.raises(BundleRejected, match="not loaded"):
        door.activate(NAME, 2, waiting.sha256, key="b" * 64)
    assert door.models()["champion"]["version"] == "v1"


def test_what_is_not_on_the_shelf_or_of_another_hash_is_refused(door: ExecutorClient, waiting: Bundle) -> None:
    with pytest.raises(Refused, match="no how_to_execute 3"):
        door.activate(NAME, 3, waiting.sha256, key="c" * 64)
    with pytest.raises(Refused, match="pinned"):
        door.activate(NAME, 2, "0" * 64, key="d" * 64)


def test_another_token_may_not(door: ExecutorClient, waiting: Bundle) -> None:
    with pytest.raises(NotAllowed):
        ExecutorClient(door._url, "somebody-else-s-token").activate(NAME, 2, waiting.sha256, key="e" * 64)


def test_a_new_handover_of_the_same_model_leaves_the_promoted_one_in_force(
    door: ExecutorClient, waiting: Bundle, tmp_path: Path, folder: Path
) -> None:
    door.activate(NAME, 2, waiting.sha256, key="f" * 64)
    generation = hand_over(folder, champion(tmp_path / "bundles"), usdc_per_weth=3100.0)
    until = time.monotonic() + 10
    while door.models()["handover_generation"] != generation and time.monotonic() < until:
        time.sleep(0.05)
    told = door.models()
    assert told["handover_generation"] == generation and told["champion"]["bundle_sha256"] == waiting.sha256
