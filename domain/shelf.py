"""The shelf of models as both sides know it: whoever trains places a model there, the executor takes it from there, by name and version.

    models/<name>/<version>.json    which bundle that is, by the hash of its manifest
    bundle/<sha256>/                the bundle itself

A pointer is written last, so what stands on the shelf is whole.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from domain.problems import BadInput

FORMAT = "grekko-shelf/1"
MODELS, BUNDLES, SUFFIX = "models", "bundle", ".json"

# A name is a folder and a version is a file: nothing may lead out of the shelf or be hidden on it.
NAME = r"^[A-Za-z0-9][A-Za-z0-9_\-]{0,63}$"
VERSION = r"^[A-Za-z0-9][A-Za-z0-9_\-]{0,31}$"
SHA256 = r"^[0-9a-f]{64}$"


@dataclass(frozen=True, slots=True)
class Pointer:
    """What a name and version stand for."""

    name: str
    version: str
    bundle: str
    policy: str

    def to_bytes(self) -> bytes:
        """The pointer as it is written."""
        told = {"format": FORMAT, "name": self.name, "version": self.version, "bundle": self.bundle, "policy": self.policy}
        return json.dumps(told, indent=1, sort_keys=True).encode() + b"\n"


def checked_name(name: object) -> str:
    """The name, if it is one. Raises BadInput."""
    if not isinstance(name, str) or not re.fullmatch(NAME[1:-1], name):
        raise BadInput(f"name is {name!r}; give 1 to 64 letters, digits, _ or -, a letter or digit first.", field="name")
    return name


def checked_version(version: object) -> str:
    """The version as text, if it is one; a whole number is. Raises BadInput."""
    told = str(version) if isinstance(version, int) and not isinstance(version, bool) else version
    if not isinstance(told, str) or not re.fullmatch(VERSION[1:-1], told):
        raise BadInput(f"version is {version!r}; give a number such as 3, or text of 1 to 32 letters, digits, _ or -.", field="version")
    return told


def checked_sha256(digest: object) -> str:
    """The hash of a bundle, if it is one. Raises BadInput."""
    if not isinstance(digest, str) or not re.fullmatch(SHA256[1:-1], digest):
        raise BadInput(f"bundle is {digest!r}; it is the SHA-256 of the manifest, 64 hexadecimal digits in lower case.", field="bundle")
    return digest


def read_pointer(content: bytes, name: str, version: str) -> Pointer:
    """The pointer that the file of this name and version holds. Raises BadInput when it holds none, or another model's."""
    where = f"{MODELS}/{name}/{version}{SUFFIX}"
    try:
        told: Any = json.loads(content)
    except ValueError as error:
        raise BadInput(f"{where} is not JSON ({error}); place the model on the shelf again.", field=where) from error
    wanted = {"format": FORMAT, "name": name, "version": version}
    for field, value in wanted.items():
        found = told.get(field) if isinstance(told, dict) else None
        if found != value:
            raise BadInput(f"{where}: {field} is {found!r} and must be {value!r}; place the model on the shelf again.", field=field)
    return Pointer(name, version, checked_sha256(told.get("bundle")), str(told.get("policy", "")))
