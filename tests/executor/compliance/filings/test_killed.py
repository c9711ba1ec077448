"""kill -9 at each step that reaches the disk: the store opens, goes on, and the authority gets each filing once."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from executor.compliance.filings.folder_door import MANIFEST
from executor.compliance.filings.store import FilingReader

ROOT = Path(__file__).resolve().parents[4]


def outgoing(root: Path) -> dict[str, str]:
    """What lies in the drop folder: reference → hash of the document."""
    return {
        folder.name: json.loads((folder / MANIFEST).read_text())["sha256"]
        for folder in (root / "door" / "outgoing").iterdir()
        if not folder.name.endswith(".new")
    }


def test_a_desk_killed_at_any_step_files_everything_once(schemas):
    memory = Path("/dev/shm")
    base = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
    try:
        command = [sys.executable, "-m", "tests.executor.compliance.filings.killing", str(schemas.root), str(base)]
        told = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300)
        assert told.returncode == 0, told.stderr[-2000:]
        runs = [tuple(map(int, line.split())) for line in told.stdout.splitlines()]
        assert len(runs) > 60 and {died for _, died, _ in runs} == {-9} and {again for *_, again in runs} == {0}
        whole = outgoing(base / "whole")
        assert len(whole) == 2
        for at, *_ in runs:
            root = base / f"{at:04d}"
            assert outgoing(root) == whole, f"killed at step {at}"
            states = [str(one.state) for one in FilingReader(root / "filings").filings.filings.values()]
            assert states == ["corrected", "acked"], f"killed at step {at}"
    finally:
        shutil.rmtree(base)
