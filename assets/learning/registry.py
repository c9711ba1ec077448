"""The door to the model registry, as the assets ask for it."""

from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from models.registry import LocalRegistry


class ModelRegistry(dg.ConfigurableResource):
    """The registry of a folder of the data home; MLflow in that folder, or on the server at `address` (or at GREKKO_MLFLOW_URI)."""

    folder: str
    address: str = ""

    def open(self, model: str = "how_to_execute") -> "LocalRegistry":
        """The registry of one model's versions. MLflow is loaded when it is first asked something."""
        from models.registry import LocalRegistry

        return LocalRegistry(self.folder, model, self.address or None)
