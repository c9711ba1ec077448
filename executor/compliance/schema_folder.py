"""Where schemas lie: official ones in a folder that `grekko schemas install` fills, our own in the package.

No official schema is part of Grekko. `official_schemas.json` pins the SHA-256 of each one, with its source and what may be claimed of a
document that is valid against it; a file that is missing or another one is an error, never a silent pass.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import domain.regulation
from domain.problems import BadInput

SETTING = "GREKKO_SCHEMAS"
DEFAULT_FOLDER = Path(".grekko") / "schemas"
OWN = "own/"
MANIFEST = Path(__file__).with_name("official_schemas.json")

State = Literal["installed", "missing", "wrong hash"]


@dataclass(frozen=True, slots=True)
class OfficialSchema:
    """A schema that others publish. `needs` are the files that it imports; `claim` may be said of a document valid against it."""

    name: str
    sha256: str
    bytes: int
    version: str
    source: str
    claim: str
    needs: tuple[str, ...] = ()

    def state_in(self, folder: Path) -> State:
        """How it lies in that folder: there as pinned, not there, or there and another file."""
        try:
            with (folder / self.name).open("rb") as file:
                content = file.read(self.bytes + 1)
        except OSError:
            return "missing"
        return "installed" if self.is_content(content) else "wrong hash"

    def is_content(self, content: bytes) -> bool:
        """Whether these bytes are the pinned ones."""
        return len(content) == self.bytes and hashlib.sha256(content).hexdigest() == self.sha256


@cache
def official_schemas() -> Mapping[str, OfficialSchema]:
    """Every schema of others that is pinned, by name."""
    told = json.loads(MANIFEST.read_text())
    return {one["name"]: OfficialSchema(**{**one, "needs": tuple(one.get("needs", ()))}) for one in told["files"]}


def folder_of_official(folder: Path | None = None) -> Path:
    """The folder given, else the one that GREKKO_SCHEMAS names, else `.grekko/schemas`."""
    return folder or Path(os.environ.get(SETTING) or DEFAULT_FOLDER)


class SchemaFolder:
    """Finds a schema's file by its name in the rulebook; what it returns was compared with its pinned hash on the way."""

    def __init__(self, official: Path | None = None) -> None:
        self.official = folder_of_official(official)
        self.own = Path(domain.regulation.__file__).parent / "schemas"

    def path(self, name: str) -> Path:
        """The file of a schema, such as `iso20022/auth.016.001.03.xsd`, or `own/…` for one of ours.

        Raises BadInput when no such schema is known, or when it or a file that it imports is missing or has another hash.
        """
        if name.startswith(OWN):
            return self._own(name)
        schema = official_schemas().get(name)
        if schema is None:
            raise BadInput(f"No schema goes by {name}; `grekko schemas list` shows the names.", field="schema", schema=name)
        for wanted in (schema, *(official_schemas()[needed] for needed in schema.needs)):
            state = wanted.state_in(self.official)
            if state != "installed":
                found = "is missing" if state == "missing" else "is not the file that is pinned (its SHA-256 differs)"
                raise BadInput(
                    f"The schema {wanted.name} {found} in {self.official}; run `grekko schemas install --from FOLDER-or-URL`.",
                    field="schema",
                    schema=wanted.name,
                    folder=str(self.official),
                )
        return self.official / name

    def _own(self, name: str) -> Path:
        file = (self.own / name).resolve()
        if not file.is_relative_to((self.own / OWN).resolve()) or not file.is_file():
            raise BadInput(f"Grekko ships no schema {name}; those it ships lie in {self.own / OWN}.", field="schema", schema=name)
        return file
