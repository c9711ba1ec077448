"""The model registry: versions of bundles with their metrics and lineage, and the aliases champion and challenger.

MLflow over one SQLite file in the data home; nothing leaves the machine. One setting, the address of a server, puts it there instead.
The door is small on purpose: a fake in a test needs these five verbs only.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from domain.bundles import MANIFEST, sha256
from domain.bundles import MODEL as MODEL_FILE
from domain.problems import BadInput, Broken, Unavailable
from models.bundle import Bundle, read_bundle

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION, CHALLENGER = "champion", "challenger"
MODEL = "how_to_execute"
ADDRESS = "GREKKO_MLFLOW_URI"
# Dagster retries on its own schedule: a server that is down should be told as down within seconds.
PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}

Answer = TypeVar("Answer")


def _asking(verb: Callable[..., Answer]) -> Callable[..., Answer]:
    """Turns whatever MLflow raises while it cannot be reached into Unavailable; what it refuses stays what it is."""

    @wraps(verb)
    def asked(self: LocalRegistry, *args: Any, **kwargs: Any) -> Answer:
        _quiet()
        from mlflow.exceptions import MlflowException
        from requests.exceptions import RequestException
        from sqlalchemy.exc import OperationalError

        try:
            return verb(self, *args, **kwargs)
        except (MlflowException, RequestException, OperationalError, OSError) as error:
            if not _is_absence(error):
                raise
            why = f"{type(error).__name__}: {str(error).splitlines()[0][:200]}"
            raise Unavailable(
                f"The model registry at {self.address} does not answer ({why}); it is asked again, or start it.", address=self.address
            ) from error

    return asked


def _quiet() -> None:
    """Before MLflow is imported: it decides about telemetry while it loads, and announces its schema migrations line by line."""
    for name, value in {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_DISABLE_AUTO_LOGGING": "true", **PATIENCE}.items():
        os.environ.setdefault(name, value)
    for chatty in ("alembic", "mlflow.store.db.utils"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _is_absence(error: Exception) -> bool:
    """Whether nobody answered, or the server said that it cannot now; not when it answered that the request is wrong."""
    from mlflow.exceptions import MlflowException

    if isinstance(error, MlflowException):
        return error.get_http_status_code() >= 500
    return not isinstance(error, FileNotFoundError)


@dataclass(frozen=True, slots=True)
class Version:
    """One registered bundle."""

    version: int
    bundle_sha256: str
    policy: str
    tags: Mapping[str, str]


class LocalRegistry:
    """The registry of a folder: `bundles` by hash, and MLflow beside them, as `registry.db` and `artifacts` or on a server.

    `address` is the server's; by default what GREKKO_MLFLOW_URI says, and the SQLite file when that says nothing. Every verb raises
    Unavailable, with the address, while MLflow does not answer.
    """

    def __init__(self, folder: Path | str, model: str = MODEL, address: str | None = None) -> None:
        self.folder = Path(folder).resolve()
        self.model = model
        self.address = address or os.environ.get(ADDRESS) or f"sqlite:///{self.folder / 'registry.db'}"

    @property
    def bundles(self) -> Path:
        """Where bundles are written before they are registered."""
        return self.folder / "bundles"

    @_asking
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
            "kind": manifest["kind"],
            "data_sha256": manifest["training"]["data_sha256"],
            "first_order": str(manifest["training"]["first_order"]),
            "last_order": str(manifest["training"]["last_order"]),
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

    @_asking
    def versions(self) -> list[Version]:
        """Every version, oldest first."""
        return sorted((_version(one) for one in self._client.search_model_versions(f"name='{self.model}'")), key=lambda one: one.version)

    @_asking
    def at(self, alias: str) -> Version | None:
        """The version an alias points to, None when it points nowhere."""
        version = self._client.get_registered_model(self.model).aliases.get(alias)
        return None if version is None else _version(self._client.get_model_version(self.model, str(version)))

    @_asking
    def point(self, alias: str, version: Version) -> bool:
        """Lets the alias point to a version; False when it did already."""
        there = self.at(alias)
        if there is not None and there.version == version.version:
            return False
        self._client.set_registered_model_alias(self.model, alias, str(version.version))
        return True

    @_asking
    def bundle(self, version: Version) -> Bundle:
        """The version's bundle on disk, fetched from the server when another machine registered it.

        Raises BadInput when somebody removed it and MLflow has it no more, and Broken when MLflow gives something else.
        """
        folder = self.bundles / version.bundle_sha256
        if not folder.is_dir():
            self._fetch(version, folder)
        return read_bundle(folder)

    def _fetch(self, version: Version, folder: Path) -> None:
        gone = f"The bundle of version {version.version} is not at {folder}, nor in MLflow; train it again."
        if self.address.startswith("sqlite:"):
            raise BadInput(gone, field="bundle", path=str(folder))
        told = self._client.get_model_version(self.model, str(version.version))
        with tempfile.TemporaryDirectory() as place:
            try:
                found = Path(self._client.download_artifacts(told.run_id or "", "bundle", place))
                manifest, model = (found / MANIFEST).read_bytes(), (found / MODEL_FILE).read_bytes()
            except FileNotFoundError as error:
                raise BadInput(gone, field="bundle", path=str(folder)) from error
            if sha256(manifest) != version.bundle_sha256:
                raise Broken(f"MLflow's bundle of version {version.version} hashes to {sha256(manifest)}; somebody changed it.")
            self.bundles.mkdir(parents=True, exist_ok=True)
            temporary = Path(tempfile.mkdtemp(prefix=".bundle-", dir=self.bundles))
            (temporary / MANIFEST).write_bytes(manifest)
            (temporary / MODEL_FILE).write_bytes(model)
            temporary.chmod(0o755)
            shutil.move(temporary, folder)

    @cached_property
    def _client(self) -> MlflowClient:
        from mlflow import MlflowClient

        self.folder.mkdir(parents=True, exist_ok=True)
        client = MlflowClient(tracking_uri=self.address, registry_uri=self.address)
        if not client.search_registered_models(f"name='{self.model}'"):
            client.create_registered_model(self.model, description="How an order is executed: now, split or after a wait.")
        return client

    @cached_property
    def _experiment(self) -> str:
        known = self._client.get_experiment_by_name(self.model)
        if known is not None:
            return known.experiment_id
        # Without a location MLflow writes ./mlruns into whatever folder the process was started in; a server has its own.
        location = (self.folder / "artifacts").as_uri() if self.address.startswith("sqlite:") else None
        return self._client.create_experiment(self.model, artifact_location=location)


def _version(told: Any) -> Version:
    return Version(int(told.version), told.tags.get("bundle_sha256", ""), told.tags.get("policy", ""), dict(told.tags))
