"""Kill -9 at each step: no record is lost, none is doubled, and moving again finishes what was begun."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from executor.compliance.retention.archive import Archive, Terms
from executor.compliance.retention.canonical import fingerprint
from executor.compliance.retention.expiry import expire
from executor.compliance.retention.folder_store import FolderStore
from executor.compliance.retention.move import move
from executor.compliance.retention.verify import verify
from tests.executor.compliance.retention.days import Calendar
from tests.executor.compliance.retention.lives import BOOK, COLD_DAY, DAY, PAST, HotFolder, batch, rows_of

ROOT = Path(__file__).resolve().parents[4]
TERMS = Terms(BOOK)
KEY = ("trade_id",)
OF_A_WRITE = ["data written", "data in place", "lock written", "lock in place"]
OF_A_MOVE = ["read", *OF_A_WRITE, "copied", "read back", *OF_A_WRITE, "manifest written", "dropped"]
OF_AN_EXPIRY = [*OF_A_WRITE, "written down", "data deleted", "deleted"]


def pull_the_plug(verb: str, folders: list[Path]) -> list[str]:
    command = [sys.executable, "-m", "tests.executor.compliance.retention.pulled_plug", verb, *map(str, folders)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=120)
    return [(folder / "died_at").read_text() for folder in folders]


def archive_in(folder: Path, calendar: Calendar) -> Archive:
    return Archive(FolderStore(folder / "cold", calendar))


def test_a_move_killed_at_any_step_loses_nothing_and_doubles_nothing(tmp_path: Path):
    folders = [tmp_path / f"{n:02}" for n in range(len(OF_A_MOVE))]
    for folder in folders:
        HotFolder(folder / "hot").put(DAY, rows_of())
    assert pull_the_plug("move", folders) == OF_A_MOVE
    calendar = Calendar(COLD_DAY)
    wanted = fingerprint(rows_of(), KEY)
    for folder in folders:
        hot, archive = HotFolder(folder / "hot"), archive_in(folder, calendar)
        readable = [fingerprint(hot.read(one), KEY) for one in hot.batches()] + [
            fingerprint(archive.read(one), KEY) for one in archive.cold()
        ]
        assert set(readable) == {wanted}
        assert all(one.holds for one in verify(archive, TERMS))
        move(batch(), hot, archive, TERMS, calendar)
        (manifest,) = archive.cold()
        assert hot.batches() == [] and fingerprint(archive.read(manifest), KEY) == wanted
        assert len([one for one in archive.store.versions("cold/")]) == 2


def test_a_deletion_killed_at_any_step_is_written_down_before_anything_goes(tmp_path: Path):
    folders = [tmp_path / f"{n:02}" for n in range(len(OF_AN_EXPIRY))]
    calendar = Calendar(COLD_DAY)
    for folder in folders:
        HotFolder(folder / "hot").put(DAY, rows_of())
        move(batch(), HotFolder(folder / "hot"), archive_in(folder, calendar), TERMS, calendar)
    assert pull_the_plug("expire", folders) == OF_AN_EXPIRY
    calendar.day = PAST
    for folder in folders:
        archive = archive_in(folder, calendar)
        assert all(one.holds for one in verify(archive, TERMS))
        expire(archive, TERMS, calendar, dry_run=False)
        assert archive.cold() == [] and len(list(archive.store.versions("deleted/"))) == 1
