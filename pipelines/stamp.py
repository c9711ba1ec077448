"""The stamp of a demo: what it was built from and which table versions it left, so that a second run can see there is nothing to do."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from deltalake import DeltaTable

from pipelines.home import PROJECT, Home

SOURCES = ("domain", "executor", "models", "assets", "pipelines", "dbt")
SETTINGS = ("profit_centers.yaml", "parties.yaml", "regulations.yaml", "requirements/run.txt", "dagster.yaml")


def fingerprint(home: Home) -> str:
    """SHA-256 over the recording's manifest (which holds the hashes of its files), our sources and our settings."""
    digest = hashlib.sha256((home.recording / "manifest.json").read_bytes())
    for path in _sources():
        digest.update(str(path.relative_to(PROJECT)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def table_versions(home: Home) -> dict[str, int]:
    """Version of every table in the lake."""
    folders = sorted(home.lake.iterdir()) if home.lake.is_dir() else []
    return {folder.name: DeltaTable(str(folder)).version() for folder in folders if DeltaTable.is_deltatable(str(folder))}


def is_up_to_date(home: Home) -> bool:
    """True when the last demo finished, was built from just this, and nobody has touched a table since."""
    if not home.stamp.is_file() or not home.analyst.is_file():
        return False
    told = json.loads(home.stamp.read_text())
    return told.get("fingerprint") == fingerprint(home) and told.get("tables") == table_versions(home)


def write(home: Home, run_id: str) -> None:
    """Stamps the home; written aside and moved into place, so a killed run leaves no stamp."""
    told = {"recording": str(home.recording), "fingerprint": fingerprint(home), "tables": table_versions(home), "run_id": run_id}
    aside = home.stamp.with_suffix(".part")
    aside.write_text(json.dumps(told, indent=1, sort_keys=True))
    aside.replace(home.stamp)


def _sources() -> list[Path]:
    skipped = {"__pycache__", "target", "logs"}
    files = [PROJECT / name for name in SETTINGS]
    for folder in SOURCES:
        files.extend(path for path in (PROJECT / folder).rglob("*") if path.is_file() and not skipped & set(path.parts))
    return sorted(path for path in files if path.is_file())
