"""Where Grekko keeps what it makes: one folder per recording, so that two chains never share a table.

<home>/lake       Delta tables           <home>/executor      what the executor is handed
<home>/dagster    runs and events        <home>/analyst.duckdb  the analysts' snapshot
<home>/mlflow     models and aliases     <home>/demo.json     what the last demo was built from
<home>/compliance reports, filings, audit log
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from assets.chosen_recording import SHIPPED_RECORDING
from domain.problems import BadInput

PROJECT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Home:
    """A data folder and the recording it is built from."""

    root: Path
    recording: Path

    @property
    def lake(self) -> Path:
        return self.root / "lake"

    @property
    def dagster(self) -> Path:
        return self.root / "dagster"

    @property
    def mlflow(self) -> Path:
        return self.root / "mlflow"

    @property
    def executor(self) -> Path:
        return self.root / "executor"

    @property
    def compliance(self) -> Path:
        return self.root / "compliance"

    @property
    def analyst(self) -> Path:
        return self.root / "analyst.duckdb"

    @property
    def stamp(self) -> Path:
        return self.root / "demo.json"

    @staticmethod
    def here(recording: Path | None = None, root: Path | None = None) -> Home:
        """The home of a recording: GREKKO_HOME when set, else `.grekko/<recording's name>` below the current folder.

        Raises BadInput when the recording has no manifest, or when the home was built from another recording.
        """
        chosen = Path(recording or os.environ.get("GREKKO_RECORDING") or SHIPPED_RECORDING).resolve()
        if not (chosen / "manifest.json").is_file():
            raise BadInput(
                f"{chosen} is not a recording: it has no manifest.json. Make one with `grekko record` or `grekko import-logs`.",
                field="recording",
                path=str(chosen),
            )
        given = root or os.environ.get("GREKKO_HOME")
        home = Home(Path(given).resolve() if given else Path.cwd() / ".grekko" / chosen.name, chosen)
        home._refuse_another_recording()
        return home

    def _refuse_another_recording(self) -> None:
        if not self.stamp.is_file():
            return
        owner = json.loads(self.stamp.read_text())["recording"]
        if owner != str(self.recording):
            raise BadInput(
                f"{self.root} holds the tables of {owner}; give this recording a home of its own with --home.",
                field="home",
                path=str(self.root),
                recording=str(self.recording),
            )

    def settle(self) -> None:
        """Makes the folders, gives Dagster its settings, and tells child processes where everything is."""
        self.dagster.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(PROJECT / "dagster.yaml", self.dagster / "dagster.yaml")
        os.environ.update(self.environment())

    def environment(self) -> dict[str, str]:
        """The settings that make a process work on this home."""
        return {"GREKKO_HOME": str(self.root), "GREKKO_RECORDING": str(self.recording), "DAGSTER_HOME": str(self.dagster)}
