"""A recording: a stretch of a chain as a folder of Parquet files plus a manifest with the hash of each.

The manifest is written last, so a folder without one is a recording that was interrupted, and is refused.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from domain.problems import BadInput, Broken
from executor.chain.layout import FORMAT, MANIFEST, PARTS, TABLES, conform, table_named

if TYPE_CHECKING:
    from executor.chain.verification import Verification

FIELDS: Mapping[str, type] = {
    "format": str,
    "name": str,
    "chain_id": int,
    "first_block": int,
    "last_block": int,
    "first_day": str,
    "last_day": str,
    "simulated_traders": bool,
    "description": str,
    "pools": list,
    "files": dict,
}


def read_manifest(path: Path) -> dict[str, Any]:
    """The manifest of the recording at `path`; raises BadInput when this is not a whole recording of a format we read."""
    if not path.is_dir():
        raise BadInput(f"{path} is not a folder; give the folder of a recording.", field="recording", path=str(path))
    file = path / MANIFEST
    if not file.is_file():
        if (path / PARTS).is_dir():
            fix = "run the same `grekko record` command again to resume it"
        else:
            fix = "make it again, or give a folder that holds one"
        raise BadInput(f"{path} has no {MANIFEST}: it is a half-written recording or none at all; {fix}.", field=MANIFEST, path=str(path))
    try:
        manifest = json.loads(file.read_bytes())
    except ValueError as error:
        raise BadInput(f"{file} is not JSON ({error}); make the recording again.", field=MANIFEST, path=str(path)) from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        found = manifest.get("format") if isinstance(manifest, dict) else type(manifest).__name__
        raise BadInput(f"{file} says format {found!r}; this version reads {FORMAT!r}. Make the recording again.", field="format")
    for field, kind in FIELDS.items():
        value = manifest.get(field)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise BadInput(f"{file}: {field} must be {kind.__name__}, it is {value!r}; make the recording again.", field=field)
    for field in ("first_day", "last_day"):
        try:
            date.fromisoformat(manifest[field])
        except ValueError as error:
            raise BadInput(f"{file}: {field} must be a day like 2026-01-05, it is {manifest[field]!r}.", field=field) from error
    return manifest


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording on disk. Tables are read when asked for, with their types enforced."""

    path: Path
    manifest: Mapping[str, Any]

    @classmethod
    def open(cls, path: Path | str) -> Recording:
        """The recording in that folder; raises BadInput when it is not one, half-written or lacks a file."""
        path = Path(path)
        manifest = read_manifest(path)
        for table in TABLES:
            file = f"{table}.parquet"
            if file not in manifest["files"] or not (path / file).is_file():
                raise BadInput(f"{path} lacks {file}; copy the whole folder again or make the recording again.", field=file)
        return cls(path, manifest)

    @property
    def name(self) -> str:
        """What the recording is called."""
        return self.manifest["name"]

    @property
    def chain_id(self) -> int:
        """The chain it was taken from."""
        return self.manifest["chain_id"]

    @property
    def days(self) -> list[date]:
        """Every day from the first to the last, as the tables are partitioned."""
        first, last = (date.fromisoformat(self.manifest[field]) for field in ("first_day", "last_day"))
        return [first + timedelta(days=offset) for offset in range((last - first).days + 1)]

    @property
    def digest(self) -> str:
        """One hash over everything: two recordings with the same digest hold the same bytes."""
        return hashlib.sha256(manifest_bytes(self.manifest)).hexdigest()

    def blocks(self) -> pl.DataFrame:
        """Headers, orphaned ones included (`is_canonical` is false there)."""
        return self.table("blocks")

    def logs(self) -> pl.DataFrame:
        """Raw logs of the pools, exactly as the chain gave them."""
        return self.table("logs")

    def transactions(self) -> pl.DataFrame:
        """The transactions those logs came from, with gas."""
        return self.table("transactions")

    def tokens(self) -> pl.DataFrame:
        """What the tokens of the pools say about themselves."""
        return self.table("tokens")

    def pools(self) -> pl.DataFrame:
        """The pools and their state where the recording starts."""
        return self.table("pools")

    def ticks(self) -> pl.DataFrame:
        """Liquidity per initialised tick at the same moment."""
        return self.table("ticks")

    def prices(self) -> pl.DataFrame:
        """Prices of an external market."""
        return self.table("prices")

    def rejected(self) -> pl.DataFrame:
        """Rows of the source that no table can hold, each with its reason."""
        return self.table("rejected") if "rejected.parquet" in self.manifest["files"] else table_named("rejected").empty()

    def table(self, name: str) -> pl.DataFrame:
        """One table, its types checked; raises BadInput when the file is not what it must be."""
        file = self.path / f"{name}.parquet"
        expected = table_named(name).schema
        try:
            frame = pl.read_parquet(file)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise BadInput(f"{file} cannot be read ({error}); copy it again or make the recording again.", field=file.name) from error
        for column, dtype in expected.items():
            if frame.schema.get(column) != dtype:
                raise BadInput(
                    f"{file}: column {column} must be {dtype}, it is {frame.schema.get(column, 'missing')}; make the recording again.",
                    field=f"{name}.{column}",
                )
        return frame.select(expected.names())

    def verify(self) -> Verification:
        """Everything that can be checked without the chain; see `verification`."""
        from executor.chain.verification import verify

        return verify(self.path)


class RecordingWriter:
    """Writes a recording so that it is there whole or not at all: temporary names, then the files, then the manifest.

    The same frames give the same bytes: rows are sorted, nothing in a file depends on the time or the machine.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.files: dict[str, dict[str, Any]] = {}
        refuse_foreign_folder(self.path)

    def write(self, name: str, frame: pl.DataFrame) -> None:
        """Put one table down under a temporary name."""
        typed = conform(name, frame, where=str(self.path))
        self.path.mkdir(parents=True, exist_ok=True)
        temporary = self._temporary(f"{name}.parquet")
        typed.write_parquet(temporary, compression="zstd", compression_level=12, statistics=True)
        self.files[f"{name}.parquet"] = {"rows": typed.height, "sha256": sha256_of(temporary)}

    def finish(self, **fields: Any) -> Recording:
        """Give the files their names and write the manifest: from here on it is a recording.

        Tables that were not written become empty ones. Raises Broken when a manifest field is missing or of the wrong type.
        """
        for name, table in TABLES.items():
            if f"{name}.parquet" not in self.files:
                self.write(name, table.empty())
        manifest = {**fields, "format": FORMAT, "files": self.files}
        for field, kind in FIELDS.items():
            if not isinstance(manifest.get(field), kind):
                raise Broken(f"The manifest's {field} must be {kind.__name__}, it is {manifest.get(field)!r}.", field=field)
        for file in self.files:
            sync(self._temporary(file))
        # From here to the last line the folder has no manifest: whoever looks sees a half-written recording, never a mixed one.
        (self.path / MANIFEST).unlink(missing_ok=True)
        for file in self.files:
            self._temporary(file).replace(self.path / file)
        if "rejected.parquet" not in self.files:
            (self.path / "rejected.parquet").unlink(missing_ok=True)
        write_durably(self.path / MANIFEST, manifest_bytes(manifest))
        return Recording.open(self.path)

    def _temporary(self, file: str) -> Path:
        return self.path / f".{file}.writing"


def refuse_foreign_folder(path: Path) -> None:
    """Raise BadInput when `path` holds anything that a recording does not: we would be writing into somebody's folder."""
    if path.exists() and not path.is_dir():
        raise BadInput(f"{path} is a file; give a folder for the recording.", field="out", path=str(path))
    ours = {MANIFEST, PARTS, *(f"{name}.parquet" for name in (*TABLES, "rejected"))}
    foreign = (
        [entry.name for entry in path.iterdir() if entry.name not in ours and not entry.name.endswith(".writing")] if path.is_dir() else []
    )
    if foreign:
        raise BadInput(f"{path} holds other things ({min(foreign)}); give an empty or a new folder for the recording.", field="out")


def manifest_bytes(manifest: Mapping[str, Any]) -> bytes:
    """The manifest as it is written: keys sorted, one line per field."""
    return (json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def sha256_of(file: Path) -> str:
    """The hash of a file's bytes."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_durably(file: Path, content: bytes) -> None:
    """Write a whole file or nothing; when this returns it is on the disk, and so is every file that got its name here before."""
    temporary = file.with_name(f".{file.name}.writing")
    temporary.write_bytes(content)
    sync(temporary)
    temporary.replace(file)
    sync(file.parent)


def sync(path: Path) -> None:
    """Have the bytes of a file, or the names in a folder, on the disk when this returns."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
