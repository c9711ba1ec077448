"""The registry: each bundle once, aliases that move, nothing written outside its folder."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from domain.problems import BadInput, Broken, Unavailable
from models.registry import ADDRESS, CHALLENGER, CHAMPION, LocalRegistry, Version
from tests.executor.trading_floor import always, champion


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> LocalRegistry:
    return LocalRegistry(tmp_path_factory.mktemp("mlflow"))


def test_a_bundle_has_one_version_however_often_it_is_registered(registry: LocalRegistry) -> None:
    rule = champion(registry.bundles)
    first = registry.register(rule, {"lift": 0.0}, {"dagster_run_id": "run-1"})
    assert registry.register(rule, {"lift": 0.5}, {"dagster_run_id": "run-2"}) == first
    assert (first.version, first.policy, first.tags["dagster_run_id"]) == (1, "execute_now", "run-1")
    assert first.tags["code_sha256"] == rule.manifest["code_sha256"]
    assert registry.bundle(first).sha256 == rule.sha256


def test_aliases_move_from_version_to_version(registry: LocalRegistry) -> None:
    rule = registry.register(champion(registry.bundles), {}, {})
    model = registry.register(always("split", registry.bundles), {"lift": 0.1}, {})
    assert registry.at(CHALLENGER) is None
    assert registry.point(CHAMPION, rule) and not registry.point(CHAMPION, rule)
    assert registry.point(CHAMPION, model)
    found = registry.at(CHAMPION)
    assert found is not None and found.version == model.version
    assert [version.version for version in registry.versions()] == [1, 2]


def test_another_process_finds_what_was_registered(registry: LocalRegistry) -> None:
    rule = registry.register(champion(registry.bundles), {}, {})
    assert LocalRegistry(registry.folder).versions()[0] == rule


def test_everything_lies_in_the_registry_s_folder(registry: LocalRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    registry = LocalRegistry(registry.folder)
    registry.register(always("wait", registry.bundles), {}, {})
    assert list(tmp_path.iterdir()) == []
    assert {entry.name for entry in registry.folder.iterdir()} == {"artifacts", "bundles", "registry.db"}


def test_a_bundle_that_was_removed_is_asked_for_again(registry: LocalRegistry) -> None:
    gone = registry.register(always("wait", registry.bundles, saving_bps=7.0), {}, {})
    shutil.rmtree(registry.bundles / gone.bundle_sha256)
    with pytest.raises(BadInput, match="train it again"):
        registry.bundle(gone)


def test_a_server_that_is_down_is_told_as_down_with_its_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv(ADDRESS, address)
    down = LocalRegistry(tmp_path)
    for verb in (down.versions, lambda: down.at(CHAMPION), lambda: down.register(champion(down.bundles), {}, {})):
        with pytest.raises(Unavailable, match="does not answer") as problem:
            verb()
        assert problem.value.facts["address"] == address


def test_what_mlflow_refuses_is_no_absence(registry: LocalRegistry) -> None:
    with pytest.raises(Exception, match="not found") as problem:
        registry.point(CHAMPION, Version(999, "", "", {}))
    assert not isinstance(problem.value, Unavailable)


# MLflow's own server, as its command starts it, without the half minute that its workers take.
SERVER = """
import os, sys
place = sys.argv[1]
os.environ.update({
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "_MLFLOW_SERVER_FILE_STORE": f"sqlite:///{place}/server.db",
    "_MLFLOW_SERVER_REGISTRY_STORE": f"sqlite:///{place}/server.db",
    "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
    "_MLFLOW_SERVER_ARTIFACT_DESTINATION": f"{place}/artifacts",
    "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
})
from mlflow.server import app
from werkzeug.serving import make_server
server = make_server("127.0.0.1", 0, app, threaded=True)
print(server.server_port, flush=True)
server.serve_forever()
"""


def test_a_bundle_registered_on_a_server_is_found_by_another_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Its first answer sets up its database, which takes as long as the machine is busy.
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "180")
    place = tmp_path / "server"
    place.mkdir()
    command = [sys.executable, "-c", SERVER, str(place)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=place) as server:
        try:
            assert server.stdout is not None
            address = f"http://127.0.0.1:{int(server.stdout.readline())}"
            here, there = LocalRegistry(tmp_path / "here", address=address), LocalRegistry(tmp_path / "there", address=address)
            made = here.register(champion(here.bundles), {"lift": 0.1}, {"dagster_run_id": "run-1"})
            assert here.point(CHAMPION, made)
            found = there.at(CHAMPION)
            assert found == made and found.tags["dagster_run_id"] == "run-1"
            assert there.bundle(found).sha256 == made.bundle_sha256
            assert {entry.name for entry in there.bundle(found).folder.iterdir()} == {"manifest.json", "model.onnx"}
            forged = Version(made.version, "0" * 64, made.policy, made.tags)
            with pytest.raises(Broken, match="somebody changed it"):
                there.bundle(forged)
        finally:
            server.kill()
