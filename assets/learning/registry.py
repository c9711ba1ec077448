"""The door to the model registry, as the assets ask for it."""

from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from models.registry import LocalRegistry


class ModelRegistry(dg.ConfigurableResource):
    """The registry in a folder of the data home."""

    folder: str

    def open(self) -> "LocalRegistry":
        """The registry itself. MLflow is loaded when it is first asked something."""
        from models.registry import LocalRegistry

        return LocalRegistry(self.folder)
