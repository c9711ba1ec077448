"""Places a model on the executor's shelf: the bundle first, the pointer last, so whoever looks meanwhile sees all of it or nothing."""

from __future__ import annotations

import json
from pathlib import Path

from assets.learning.handover import write_durably
from domain.bundles import MANIFEST, sha256
from domain.problems import BadInput
from domain.shelf import BUNDLES, MODELS, SUFFIX, Pointer, checked_name, checked_version


def place(folder: Path, name: str, version: int | str, bundle: Path) -> Pointer:
    """Puts the bundle of that folder on the shelf under this name and version; `folder` is the executor's. Durable when it returns.

    The same again changes nothing. Raises BadInput for a name or version that is none, for a bundle without a readable manifest, and
    when the version stands for another bundle already: what was activated once must stay what it was.
    """
    named, numbered = checked_name(name), checked_version(version)
    try:
        content = (bundle / MANIFEST).read_bytes()
        policy = str(json.loads(content)["policy"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{bundle} holds no bundle ({error}); give the folder with its {MANIFEST}.", field="bundle") from error
    pointer = Pointer(named, numbered, sha256(content), policy)
    file = folder / MODELS / named / f"{numbered}{SUFFIX}"
    if file.exists() and file.read_bytes() != pointer.to_bytes():
        raise BadInput(f"{named} {numbered} is on the shelf already, as another bundle; give the new one a new version.", field="version")
    for part in sorted(bundle.iterdir()):
        _keep(folder / BUNDLES / pointer.bundle / part.name, part.read_bytes())
    _keep(file, pointer.to_bytes())
    return pointer


def _keep(file: Path, content: bytes) -> None:
    """One that is right already is left alone: somebody may be reading it."""
    if not file.is_file() or file.read_bytes() != content:
        write_durably(file, content)
