"""Places a model on the executor's shelf: the bundle first, the pointer last, so whoever looks meanwhile sees all of it or nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path

from domain.bundles import MANIFEST, sha256


def place(folder: Path, name: str, version: int | str, bundle: Path) -> None:
    """Puts the bundle of that folder on the shelf under this name and version; `folder` is the executor's.

    The same again changes nothing.
    """
    content = (bundle / MANIFEST).read_bytes()
    digest, policy = sha256(content), str(json.loads(content)["policy"])
    for part in sorted(bundle.iterdir()):
        _keep(folder / "bundle" / digest / part.name, part.read_bytes())
    told = {"format": "grekko-shelf/1", "name": name, "version": str(version), "bundle": digest, "policy": policy}
    _keep(folder / "models" / name / f"{version}.json", json.dumps(told, indent=1, sort_keys=True).encode() + b"\n")


def _keep(file: Path, content: bytes) -> None:
    if file.is_file() and file.read_bytes() == content:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.writing")
    with temporary.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(file)
