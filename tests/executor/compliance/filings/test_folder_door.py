"""A drop folder as the way to an authority."""

from __future__ import annotations

import json
import stat
from datetime import date
from pathlib import Path

import pytest

from domain.problems import BadInput, Unavailable
from executor.compliance.filings.answers import MOST_BYTES
from executor.compliance.filings.answers.writing import Said, status_advice
from executor.compliance.filings.door import Submission
from executor.compliance.filings.folder_door import FolderDoor
from executor.compliance.filings.rounds import Rounds
from tests.executor.compliance.filings.world import Trades, World

SIGNED = Submission("ref-1", "EU.MiCA.transactions", date(2026, 3, 1), date(2026, 3, 1), "a.xml", b"<a/>", {"algorithm": "Ed25519"})


def test_a_filing_goes_out_and_its_answer_comes_in_through_folders(world: World, tmp_path: Path):
    trades, door = Trades(rows={"T1": 10}), FolderDoor(tmp_path / "door")
    rounds = Rounds(world.desk, door)
    rounds.run([trades])
    (reference,) = [path.name for path in (tmp_path / "door" / "outgoing").iterdir()]
    (tmp_path / "door" / "incoming" / "answer.xml").write_bytes(status_advice(Said(reference)))
    rounds.run([trades])
    assert world.states(trades) == ["acked"]
    assert [path.name for path in (tmp_path / "door" / "incoming" / "taken").iterdir()] == ["answer.xml"]


def test_a_document_lies_whole_with_its_hash_and_signature_and_once(tmp_path: Path):
    door = FolderDoor(tmp_path)
    assert door.ask("ref-1") is None
    door.submit(SIGNED)
    door.submit(SIGNED)
    folder = tmp_path / "outgoing" / "ref-1"
    assert sorted(path.name for path in folder.iterdir()) == ["a.xml", "submission.json"]
    told = json.loads((folder / "submission.json").read_text())
    assert (told["reference"], told["document"], told["signature"]) == ("ref-1", "a.xml", {"algorithm": "Ed25519"})
    assert stat.S_IMODE((folder / "a.xml").stat().st_mode) == 0o600
    assert door.ask("ref-1") is True


def test_another_document_under_the_same_reference_is_refused(tmp_path: Path):
    door = FolderDoor(tmp_path)
    door.submit(SIGNED)
    with pytest.raises(BadInput, match="another document"):
        door.submit(
            Submission(*[getattr(SIGNED, name) for name in ("reference", "report_id", "period_start", "period_end", "name")], b"b", {})
        )


@pytest.mark.parametrize("name", ["../a", "", ".hidden", "a/b", "x" * 300])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name):
    with pytest.raises(BadInput, match="file's name"):
        FolderDoor(tmp_path).ask(name)


def test_links_folders_and_half_written_files_are_not_read_and_large_ones_not_wholly(tmp_path: Path):
    door = FolderDoor(tmp_path)
    incoming = tmp_path / "incoming"
    (incoming / "link.xml").symlink_to("/etc/hostname")
    (incoming / "half.xml.new").write_bytes(b"<a")
    (incoming / ".hidden").write_bytes(b"<a")
    (incoming / "large.xml").write_bytes(b" " * (MOST_BYTES + 100))
    (incoming / "whole.xml").write_bytes(b"<a/>")
    assert [(one.name, len(one.content)) for one in door.deliveries()] == [("large.xml", MOST_BYTES + 1), ("whole.xml", 4)]


def test_answers_of_one_name_are_all_kept(tmp_path: Path):
    door = FolderDoor(tmp_path)
    for content in (b"1", b"2", b"3"):
        (tmp_path / "incoming" / "answer.xml").write_bytes(content)
        door.done("answer.xml")
    door.done("answer.xml")
    taken = tmp_path / "incoming" / "taken"
    assert {path.name: path.read_bytes() for path in taken.iterdir()} == {"answer.xml": b"1", "answer.xml.1": b"2", "answer.xml.2": b"3"}


def test_a_folder_that_cannot_be_is_told(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="drop folder"):
        FolderDoor(tmp_path / "file")
    door = FolderDoor(tmp_path / "door")
    (tmp_path / "door" / "outgoing" / "ref-1.new").write_text("in the way")
    with pytest.raises(Unavailable, match="look at the disk"):
        door.submit(SIGNED)
