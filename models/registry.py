"""The model registry: versions of bundles with their metrics and lineage, and the aliases champion and challenger.

MLflow over one SQLite file in the data home; nothing leaves the machine. The door is small on purpose: a server's registry, or a fake
in a test, needs these five verbs only.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from domain.problems import BadInput
from models.bundle import Bundle, read_bundle

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION, CHALLENGER = "champion", "challenger"
MODEL = "how_to_execute"


@dataclass(frozen=True, slots=True)
class Version:
    """One registered bundle."""

    version: int
    bundle_sha256: str
    policy: str
    tags: Mapping[str, str]


class LocalRegistry:
    """The registry in a folder: `registry.db`, MLflow's `artifacts`, and `bundles` by hash."""

    def __init__(self, folder: Path | str, model: str = MODEL) -> None:
        self.folder = Path(folder).resolve()
        self.model = model

    @property
    def bundles(self) -> Path:
        """Where bundles are written before they are registered."""
        return self.folder / "bundles"

    def register(self, bundle: Bundle, metrics: Mapping[str, float], lineage: Mapping[str, str]) -> Version:
        """A version for this bundle: the one it already has, or a new one with its metrics and where it came from."""
        known = next((version for version in self.versions() if version.bundle_sha256 == bundle.sha256), None)
        if known is not None:
            return known
        manifest = bundle.manifest
        tags = {
            **lineage,
            "bundle_sha256": bundle.sha256,
            "policy": manifest["policy"],
            "data_sha256": manifest["training"]["data_sha256"],
            "code_sha256": manifest["code_sha256"],
            "promotion_policy_sha256": manifest["policy_sha256"],
        }
        run = self._client.create_run(self._experiment, tags=tags, run_name=manifest["policy"])
        run_id = run.info.run_id
        self._client.log_param(run_id, "seed", manifest["training"]["seed"])
        self._client.log_param(run_id, "orders", manifest["training"]["orders"])
        for name, value in sorted(metrics.items()):
            self._client.log_metric(run_id, name, value)
        self._client.log_artifacts(run_id, str(bundle.folder), "bundle")
        self._client.set_terminated(run_id)
        made = self._client.create_model_version(self.model, f"{run.info.artifact_uri}/bundle", run_id, tags=tags)
        return _version(made)

    def versions(self) -> list[Version]:
        """Every version, oldest first."""
        return sorted((_version(one) for one in self._client.search_model_versions(f"name='{self.model}'")), key=lambda one: one.version)

    def at(self, alias: str) -> Version | None:
        """The version an alias points to, None when it points nowhere."""
        version = self._client.get_registered_model(self.model).aliases.get(alias)
        return None if version is None else _version(self._client.get_model_version(self.model, str(version)))

    def point(self, alias: str, version: Version) -> bool:
        """Lets the alias point to a version; False when it did already."""
        there = self.at(alias)
        if there is not None and there.version == version.version:
            return False
        self._client.set_registered_model_alias(self.model, alias, str(version.version))
        return True

    def bundle(self, version: Version) -> Bundle:
        """The version's bundle on disk; raises BadInput when somebody removed it."""
        folder = self.bundles / version.bundle_sha256
        if not folder.is_dir():
            raise BadInput(f"The bundle of version {version.version} is not at {folder}; train it again.", field="bundle", path=str(folder))
        return read_bundle(folder)

    @cached_property
    def _client(self) -> MlflowClient:
        # Before the import: MLflow decides about telemetry while it loads.
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_DISABLE_AUTO_LOGGING", "true")
        import logging

        # Its schema migrations announce themselves line by line.
        for chatty in ("alembic", "mlflow.store.db.utils"):
            logging.getLogger(chatty).setLevel(logging.WARNING)
        from mlflow import MlflowClient

        self.folder.mkdir(parents=True, exist_ok=True)
        address = f"sqlite:///{self.folder / 'registry.db'}"
        client = MlflowClient(tracking_uri=address, registry_uri=address)
        if not client.search_registered_models(f"name='{self.model}'"):
            client.create_registered_model(self.model, description="How an order is executed: now, split or after a wait.")
        return client

    @cached_property
    def _experiment(self) -> str:
        known = self._client.get_experiment_by_name(self.model)
        if known is not None:
            return known.experiment_id
        # Without a location MLflow writes ./mlruns into whatever folder the process was started in.
        return self._client.create_experiment(self.model, artifact_location=(self.folder / "artifacts").as_uri())


def _version(told: Any) -> Version:
    return Version(int(told.version), told.tags.get("bundle_sha256", ""), told.tags.get("policy", ""), dict(told.tags))
