"""The prompts as the executor reads them: `prompts.json` in its folder, replaced whole when an alias was pointed elsewhere.

{"format": "grekko-prompts/1", "prompts": {name: {"version", "alias", "template", "sha256"}}}
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.problems import Problem
from models.prompts import PRODUCTION, InUse, PromptRegistry

FILE = "prompts.json"
FORMAT = "grekko-prompts/1"


@dataclass(frozen=True, slots=True)
class Publication:
    """What is published now, and which prompts were not taken because their newest template may not be used."""

    prompts: dict[str, dict[str, Any]]
    refused: dict[str, Problem]
    changed: bool


def publish(registry: PromptRegistry, folder: Path, alias: str = PRODUCTION) -> Publication:
    """Brings the file up to what the alias points to. Raises Unavailable when MLflow does not answer; the file then stays as it is.

    A prompt that may not be used keeps the version that was published before. Whoever publishes at the same time waits for us and reads
    the registry after us, so what was read earlier never overwrites what was read later.
    """
    if not (folder / FILE).is_file():
        first = registry.in_use(alias)
        if not first.prompts:
            return Publication({}, first.refused, False)  # no prompt was ever in use: there is no file to write
    with _one_at_a_time(folder):
        before = published(folder)
        found = registry.in_use(alias)
        prompts = contents(found, before, alias)
        changed = prompts != before
        if changed:
            _replace(folder / FILE, json.dumps({"format": FORMAT, "prompts": prompts}, indent=1, sort_keys=True).encode() + b"\n")
    return Publication(prompts, found.refused, changed)


def contents(found: InUse, before: dict[str, dict[str, Any]], alias: str = PRODUCTION) -> dict[str, dict[str, Any]]:
    """What belongs in the file, by name."""
    kept = {name: before[name] for name in found.refused if name in before}
    told = {
        prompt.name: {"version": prompt.version, "alias": alias, "template": prompt.template, "sha256": prompt.sha256}
        for prompt in found.prompts
    }
    return dict(sorted({**kept, **told}.items()))


def published(folder: Path) -> dict[str, dict[str, Any]]:
    """The prompts in the file, by name; none when there is no file, or when it is not ours to read."""
    try:
        told = json.loads((folder / FILE).read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    if not isinstance(told, dict) or told.get("format") != FORMAT or not isinstance(told.get("prompts"), dict):
        return {}
    return told["prompts"]


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f".{FILE}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _replace(file: Path, content: bytes) -> None:
    temporary = file.with_name(f".{file.name}.writing")
    with temporary.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(file)
