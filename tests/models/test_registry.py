"""The registry: each bundle once, aliases that move, nothing written outside its folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from domain.problems import BadInput
from models.registry import CHALLENGER, CHAMPION, LocalRegistry
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
