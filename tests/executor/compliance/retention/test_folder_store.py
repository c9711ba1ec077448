"""What the folder adds to the contract: read-only files, locks that cannot be edited unseen, and kills that lose nothing."""

from __future__ import annotations

import stat
from datetime import date
from pathlib import Path

import pytest

from domain.problems import Broken
from executor.compliance.retention.folder_store import FolderStore
from tests.executor.compliance.retention.days import Calendar

KEY = "order/2026-03-10.parquet"
UNTIL = date(2031, 3, 10)
STEPS = ["data written", "data in place", "lock written", "lock in place"]


class Pulled(BaseException):
    """The plug."""


@pytest.fixture
def folder(tmp_path: Path, calendar: Calendar) -> FolderStore:
    return FolderStore(tmp_path / "store", calendar)


def test_what_lies_there_is_read_only(folder: FolderStore, tmp_path: Path):
    folder.put(KEY, b"rows", retain_until=UNTIL)
    files = [file for file in (tmp_path / "store").rglob("*") if file.is_file()]
    assert len(files) == 2
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o444 for file in files)


def test_changed_content_is_found(folder: FolderStore, tmp_path: Path):
    put = folder.put(KEY, b"rows", retain_until=UNTIL)
    file = tmp_path / "store" / KEY / f"{put.version}.data"
    file.chmod(0o644)
    file.write_bytes(b"rovs")
    with pytest.raises(Broken, match="not what was written"):
        folder.get(KEY, put.version)
    file.unlink()
    with pytest.raises(Broken, match="cannot be read"):
        folder.get(KEY, put.version)


def test_a_lock_that_was_edited_is_found(folder: FolderStore, tmp_path: Path):
    put = folder.put(KEY, b"rows", retain_until=UNTIL)
    file = tmp_path / "store" / KEY / f"{put.version}.lock.json"
    told = file.read_text()
    file.chmod(0o644)
    file.write_text(told.replace("2031", "2026"))
    with pytest.raises(Broken, match="changed by another hand"):
        folder.delete(KEY, put.version)
    file.write_text("{")
    with pytest.raises(Broken, match="cannot be read"):
        folder.delete(KEY, put.version)


@pytest.mark.parametrize("step", STEPS)
def test_a_write_that_is_cut_off_leaves_the_old_version_and_is_done_again(tmp_path: Path, calendar: Calendar, step: str):
    whole = FolderStore(tmp_path / "store", calendar)
    whole.put(KEY, b"old", retain_until=UNTIL)

    def pull(at: str) -> None:
        if at == step:
            raise Pulled

    with pytest.raises(Pulled):
        FolderStore(tmp_path / "store", calendar, pull).put(KEY, b"new", retain_until=UNTIL)
    seen = [whole.get(one.key, one.version) for one in whole.versions()]
    assert seen == ([b"old", b"new"] if step == "lock in place" else [b"old"])
    again = whole.put(KEY, b"new", retain_until=UNTIL)
    assert again.version == "000002" and whole.get(KEY, "000002") == b"new"
    assert len(list(whole.versions())) == 2


def test_a_deletion_that_is_cut_off_is_done_again(tmp_path: Path, calendar: Calendar):
    def pull(at: str) -> None:
        if at == "data deleted":
            raise Pulled

    cut = FolderStore(tmp_path / "store", calendar, pull)
    put = cut.put(KEY, b"rows", retain_until=UNTIL)
    calendar.day = date(2032, 1, 1)
    with pytest.raises(Pulled):
        cut.delete(KEY, put.version)
    whole = FolderStore(tmp_path / "store", calendar)
    assert [one.version for one in whole.versions()] == [put.version]
    whole.delete(KEY, put.version)
    assert list(whole.versions()) == []


def test_an_empty_store_has_no_versions(folder: FolderStore):
    assert list(folder.versions()) == list(folder.versions("order/")) == []
