"""The locking store in a folder: one read-only file for each version, and a sidecar that says its lock and hash.

A version is there when its sidecar is: the data is put in place first, each file is written beside, synced and moved, so a kill at any
step leaves the version whole or not there. Who may write to the folder can still remove files with other tools: `verify` finds that,
and an object store prevents it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import Any

from domain.foreign_json import read_foreign
from domain.problems import BadInput, Broken, StillKept
from executor.compliance.retention.store import Stored, checked_key, newest
from executor.ports import Clock

DATA, SIDECAR, BESIDE = ".data", ".lock.json", ".beside"
Step = Callable[[str], None]


class FolderStore:
    """Objects below a folder. `at` hears the name of each step of a write, for tests that pull the plug there."""

    def __init__(self, root: Path, clock: Clock, at: Step = lambda step: None) -> None:
        self._root = root
        self._clock = clock
        self._at = at

    def put(self, key: str, content: bytes, *, retain_until: date | None, held: bool = False) -> Stored:
        checked_key(key)
        sha256 = hashlib.sha256(content).hexdigest()
        before = newest(self, key)
        if before is not None and before.sha256 == sha256:
            return self._at_least(before, retain_until, held)
        number = int(before.version) + 1 if before else 1
        stored = Stored(key, f"{number:06d}", sha256, len(content), retain_until, held)
        folder = self._root / key
        folder.mkdir(parents=True, exist_ok=True)
        self._write(folder / f"{stored.version}{DATA}", content, "data")
        self._write_sidecar(stored)
        return stored

    def get(self, key: str, version: str) -> bytes:
        stored = self._stored(key, version)
        try:
            content = self._file(key, version, DATA).read_bytes()
        except OSError as error:
            raise Broken(f"{key} ({version}) is in the store's books and cannot be read ({error.strerror}).", key=key) from error
        if hashlib.sha256(content).hexdigest() != stored.sha256:
            raise Broken(f"{key} ({version}) is not what was written: its SHA-256 differs.", key=key, version=version)
        return content

    def versions(self, prefix: str = "") -> Iterator[Stored]:
        # Only the folders that can match are looked into: a put asks for one key, and a store may hold years of days.
        above, _, begins = prefix.rpartition("/")
        parent = self._root / above
        folders = [one for one in parent.iterdir() if one.name.startswith(begins)] if parent.is_dir() else []
        found = [sidecar for folder in folders for sidecar in folder.rglob(f"*{SIDECAR}")]
        for sidecar in sorted(found):
            yield self._stored(sidecar.parent.relative_to(self._root).as_posix(), sidecar.name.removesuffix(SIDECAR))

    def extend(self, key: str, version: str, until: date) -> Stored:
        stored = self._stored(key, version)
        if stored.retain_until is not None and until < stored.retain_until:
            raise BadInput(f"{key} is locked until {stored.retain_until}; a lock is never shortened to {until}.", field="until")
        return self._write_sidecar(replace(stored, retain_until=until))

    def hold(self, key: str, version: str) -> Stored:
        return self._write_sidecar(replace(self._stored(key, version), held=True))

    def release(self, key: str, version: str) -> Stored:
        return self._write_sidecar(replace(self._stored(key, version), held=False))

    def delete(self, key: str, version: str) -> None:
        stored = self._stored(key, version)
        if stored.is_locked(self._clock.now().date()):
            reason = "is under a legal hold" if stored.held else f"is locked until {stored.retain_until}"
            raise StillKept(f"{key} ({version}) {reason}; it was not deleted.", key=key, until=None if stored.held else stored.retain_until)
        # The sidecar goes last: what was begun is seen, and done again.
        self._file(key, version, DATA).unlink(missing_ok=True)
        self._at("data deleted")
        self._file(key, version, SIDECAR).unlink(missing_ok=True)
        _sync(self._root / key)

    def _at_least(self, stored: Stored, retain_until: date | None, held: bool) -> Stored:
        later = [day for day in (stored.retain_until, retain_until) if day is not None]
        wanted = replace(stored, retain_until=max(later, default=None), held=stored.held or held)
        return stored if wanted == stored else self._write_sidecar(wanted)

    def _file(self, key: str, version: str, kind: str) -> Path:
        return self._root / checked_key(key) / f"{checked_key(version)}{kind}"

    def _stored(self, key: str, version: str) -> Stored:
        try:
            told = read_foreign(self._file(key, version, SIDECAR).read_bytes())
        except FileNotFoundError as error:
            raise BadInput(f"The store has no {key} ({version}).", field="key", key=key) from error
        except ValueError as error:
            raise Broken(f"The lock of {key} ({version}) cannot be read; restore it from a copy.", key=key) from error
        if not isinstance(told, dict) or told.pop("lock_sha256", None) != _hash_of(told):
            raise Broken(f"The lock of {key} ({version}) was changed by another hand: its hash differs.", key=key)
        until = told.pop("retain_until")
        return Stored(**told, retain_until=date.fromisoformat(until) if until else None)

    def _write_sidecar(self, stored: Stored) -> Stored:
        told = asdict(stored) | {"retain_until": stored.retain_until.isoformat() if stored.retain_until else None}
        document = told | {"lock_sha256": _hash_of(told)}
        self._write(self._file(stored.key, stored.version, SIDECAR), json.dumps(document, sort_keys=True).encode(), "lock")
        return stored

    def _write(self, file: Path, content: bytes, what: str) -> None:
        beside = file.with_name(file.name + BESIDE)
        beside.unlink(missing_ok=True)  # left by a kill
        with beside.open("xb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        beside.chmod(0o444)
        self._at(f"{what} written")
        beside.replace(file)
        _sync(file.parent)
        self._at(f"{what} in place")


def _hash_of(told: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
