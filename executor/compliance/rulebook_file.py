"""The rulebook as files: `regulations.yaml`, and every `regulations/*.yaml` beside it in the order of their names.

GREKKO_REGULATIONS names another base file; the folder `regulations` beside that one is read then.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from domain.problems import BadInput
from domain.regulation.reading import read_rulebook
from domain.regulation.rulebook import Rulebook
from domain.regulation.yaml_tree import MAX_BYTES

SETTING = "GREKKO_REGULATIONS"
SHIPPED = Path(__file__).parents[2] / "regulations.yaml"


def load_rulebook(path: Path | None = None, environment: Mapping[str, str] | None = None) -> Rulebook:
    """The rulebook at this path, of the setting, or the shipped one. Raises BadInput with every fault's file, line and fix."""
    return read_rulebook(rulebook_texts(rulebook_path(path, environment)))


def rulebook_path(path: Path | None = None, environment: Mapping[str, str] | None = None) -> Path:
    """Where the base file is."""
    told = (os.environ if environment is None else environment).get(SETTING)
    return path or (Path(told) if told else SHIPPED)


def rulebook_texts(base: Path) -> dict[str, str]:
    """The texts of the base file and of the overlays beside it, by the name that faults show. Raises BadInput for an unreadable file."""
    overlays = sorted((base.parent / "regulations").glob("*.yaml"))
    return {base.name: _text(base), **{f"regulations/{one.name}": _text(one) for one in overlays}}


def sha256_of(texts: Mapping[str, str]) -> str:
    """One hash over the files of a rulebook, by name: that of the lines `sha256  name`, as sha256sum writes them, without the last end."""
    lines = [f"{hashlib.sha256(text.encode()).hexdigest()}  {name}" for name, text in sorted(texts.items())]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def rulebook_sha256(path: Path | None = None, environment: Mapping[str, str] | None = None) -> str:
    """The hash of the rulebook that `load_rulebook` would read."""
    return sha256_of(rulebook_texts(rulebook_path(path, environment)))


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1).decode("utf-8")
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror}); name the rulebook in {SETTING}.", field="file") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8 text; save it as UTF-8.", field="file") from error
