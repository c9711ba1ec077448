"""Takes models from the shelf. The executor only reads there."""

from __future__ import annotations

from pathlib import Path

from domain.problems import BadInput, UnknownModel
from domain.shelf import BUNDLES, MODELS, SUFFIX, read_pointer
from executor.activation.deployment import Model, ModelName
from executor.bundle import load_bundle


def find(folder: Path, name: str, version: str) -> ModelName:
    """What stands on the shelf under this name and version.

    Raises UnknownModel naming what is there, and BadInput when the pointer is none.
    """
    file = folder / MODELS / name / f"{version}{SUFFIX}"
    try:
        content = file.read_bytes()
    except FileNotFoundError as error:
        raise UnknownModel(
            f"There is no {name} {version} on the shelf; there is {', '.join(on_shelf(folder, name)) or 'nothing'}.",
            name=name,
            version=version,
        ) from error
    except OSError as error:
        raise BadInput(f"{file.name} of {name} cannot be read ({error.strerror}); place it again.", field="version") from error
    pointer = read_pointer(content, name, version)
    return ModelName(pointer.name, pointer.version, pointer.bundle)


def on_shelf(folder: Path, name: str | None = None) -> list[str]:
    """What can be activated: versions of this model if there are any, else of all, at most 20 of them."""
    shelf = folder / MODELS
    every = sorted(
        (file for file in shelf.glob(f"*/*{SUFFIX}") if not file.name.startswith(".")), key=lambda file: file.stat().st_mtime, reverse=True
    )
    named = [file for file in every if file.parent.name == name] or every
    return [f"{file.parent.name} {file.stem}" for file in named[:20]]


def load(folder: Path, called: ModelName) -> Model:
    """The model, its bundle verified by hashes, schema and golden rows. Raises BundleRejected naming the check."""
    return Model(called, load_bundle(folder / BUNDLES / called.bundle, called.bundle))
