"""Moving hot to cold loses nothing, doubles nothing, and is taken up where it was cut off."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from domain.problems import BadInput, Broken, Unavailable
from domain.regulation.retention import Extension, Hold, Requests, rules_for
from executor.compliance.retention import requests
from executor.compliance.retention.archive import Archive, Manifest, Terms
from executor.compliance.retention.canonical import fingerprint
from executor.compliance.retention.expiry import expire
from executor.compliance.retention.folder_store import FolderStore
from executor.compliance.retention.move import STEPS, due, move, settle
from executor.compliance.retention.store import LockedStore, newest
from executor.compliance.retention.verify import verify
from tests.executor.compliance.retention.days import Calendar
from tests.executor.compliance.retention.lives import BOOK, COLD_DAY, DAY, PAST, HotFolder, batch, rows_of

TERMS = Terms(BOOK)
KEY = ("trade_id",)


class Pulled(BaseException):
    """The plug."""


@pytest.fixture
def hot(tmp_path: Path) -> HotFolder:
    tier = HotFolder(tmp_path / "hot")
    tier.put(DAY, rows_of())
    return tier


@pytest.fixture
def archive(store: LockedStore) -> Archive:
    return Archive(store)


@pytest.fixture
def folder_archive(tmp_path: Path, calendar: Calendar) -> Archive:
    return Archive(FolderStore(tmp_path / "cold", calendar))


def test_a_moved_batch_is_cold_as_it_was_hot_and_no_longer_hot(hot: HotFolder, archive: Archive, calendar: Calendar):
    calendar.day = COLD_DAY
    heard: list[str] = []
    done = move(batch(), hot, archive, TERMS, calendar, tree_head={"size": 7, "root": "ab"}, at=heard.append)
    assert done is not None and not done.resumed and heard == list(STEPS)
    assert hot.batches() == []
    (manifest,) = archive.manifests_of(batch())
    assert manifest == done.manifest and archive.cold() == [manifest]
    assert archive.read(manifest).equals(rows_of())
    assert (manifest.rows.rows, manifest.retain_until, manifest.rule_ids) == (3, date(2031, 3, 10), ("EU-RET-1", "XX-RET-1"))
    assert manifest.tree_head == {"size": 7, "root": "ab"} and manifest.columns["amount"] == "Decimal(precision=38, scale=0)"
    stored = archive.object_of(manifest)
    assert stored is not None and stored.retain_until == date(2031, 3, 10) and not stored.held
    assert [(one.holds, one.key) for one in verify(archive, TERMS)] == [(True, "cold/trades/2026-03-10.parquet")]


def test_only_what_no_longer_must_be_hot_is_due(hot: HotFolder):
    hot.put(COLD_DAY, rows_of(COLD_DAY))
    assert due(hot, TERMS, date(2028, 3, 10)) == []
    assert due(hot, TERMS, COLD_DAY) == [batch()]


def test_moving_what_is_not_there_does_nothing(hot: HotFolder, folder_archive: Archive, calendar: Calendar):
    assert move(batch(COLD_DAY), hot, folder_archive, TERMS, calendar) is None
    assert folder_archive.manifests() == []


def test_rows_that_come_back_the_same_are_dropped_again_without_another_copy(hot: HotFolder, archive: Archive, calendar: Calendar):
    first = move(batch(), hot, archive, TERMS, calendar)
    hot.put(DAY, rows_of().reverse())
    again = move(batch(), hot, archive, TERMS, calendar)
    assert first is not None and again is not None and again.resumed and again.manifest == first.manifest
    assert len(list(archive.store.versions("cold/"))) == 2 and hot.batches() == []


def test_rows_that_come_back_corrected_are_a_version_beside_the_old_one(hot: HotFolder, archive: Archive, calendar: Calendar):
    move(batch(), hot, archive, TERMS, calendar)
    hot.put(DAY, rows_of(amount=5))
    move(batch(), hot, archive, TERMS, calendar)
    old, new = archive.manifests_of(batch())
    assert archive.read(old).equals(rows_of()) and archive.read(new).equals(rows_of(amount=5))
    assert all(one.holds for one in verify(archive, TERMS))


@pytest.mark.parametrize("step", STEPS)
def test_a_move_that_is_cut_off_is_finished_by_moving_again(hot: HotFolder, folder_archive: Archive, calendar: Calendar, step: str):
    def pull(at: str) -> None:
        if at == step:
            raise Pulled

    with pytest.raises(Pulled):
        move(batch(), hot, folder_archive, TERMS, calendar, at=pull)
    in_hot, in_cold = bool(hot.batches()), bool(folder_archive.manifests())
    assert in_hot or in_cold
    assert all(one.holds for one in verify(folder_archive, TERMS))
    move(batch(), hot, folder_archive, TERMS, calendar)
    (manifest,) = folder_archive.manifests()
    assert hot.batches() == [] and fingerprint(folder_archive.read(manifest), KEY) == fingerprint(rows_of(), KEY)
    assert len(list(folder_archive.store.versions("cold/"))) == 2


def test_rows_that_change_during_the_move_stay_hot(hot: HotFolder, folder_archive: Archive, calendar: Calendar):
    def change(at: str) -> None:
        if at == "copied":
            hot.put(DAY, rows_of(count=2))

    with pytest.raises(Unavailable, match="changed while they were copied"):
        move(batch(), hot, folder_archive, TERMS, calendar, at=change)
    assert hot.read(batch()).height == 2


def test_a_copy_that_does_not_read_back_leaves_the_rows_hot(
    hot: HotFolder, folder_archive: Archive, calendar: Calendar, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(folder_archive.store, "get", lambda key, version: b"rust")
    with pytest.raises(Broken, match="does not read back"):
        move(batch(), hot, folder_archive, TERMS, calendar)
    assert hot.batches() == [batch()]
    monkeypatch.undo()
    assert [one.sentence for one in verify(folder_archive, TERMS)] == [
        "a copy without a manifest, left by a move that was cut off; it counts for nothing"
    ]


def test_nothing_goes_before_its_last_day_and_what_goes_is_written_down(hot: HotFolder, archive: Archive, calendar: Calendar):
    done = move(batch(), hot, archive, TERMS, calendar)
    assert done is not None
    calendar.day = date(2031, 3, 10)
    assert expire(archive, TERMS, calendar, dry_run=False) == []
    calendar.day = PAST
    (dry,) = expire(archive, TERMS, calendar)
    assert not dry.deleted and archive.cold() == [done.manifest]
    (gone,) = expire(archive, TERMS, calendar, dry_run=False)
    assert gone.deleted and gone.why.startswith("past every term: EU-RET-1 (EU 2023/1114 Art 68(9)): until 2031-03-10")
    assert archive.cold() == [] and archive.manifests() == [done.manifest]
    record = newest(archive.store, done.manifest.deletion_key)
    assert record is not None and record.held
    told = archive.store.get(record.key, record.version).decode()
    assert '"EU-RET-1"' in told and done.manifest.rows.sha256 in told
    assert [one.sentence for one in verify(archive, TERMS)] == ["deleted at its end, as the record of its deletion says"]
    assert expire(archive, TERMS, calendar, dry_run=False) == []


@pytest.mark.parametrize("step", ["written down", "data deleted", "deleted"])
def test_a_deletion_that_is_cut_off_is_finished_by_the_next(hot: HotFolder, tmp_path: Path, calendar: Calendar, step: str):
    def pull(at: str) -> None:
        if at == step:
            raise Pulled

    archive = Archive(FolderStore(tmp_path / "cold", calendar, pull))
    move(batch(), hot, archive, TERMS, calendar)
    calendar.day = PAST
    with pytest.raises(Pulled):
        expire(archive, TERMS, calendar, dry_run=False, at=pull)
    whole = Archive(FolderStore(tmp_path / "cold", calendar))
    assert all(one.holds for one in verify(whole, TERMS))
    expire(whole, TERMS, calendar, dry_run=False)
    assert whole.cold() == [] and len(list(whole.store.versions("deleted/"))) == 1


def test_an_extension_keeps_five_years_seven(hot: HotFolder, archive: Archive, calendar: Calendar):
    move(batch(), hot, archive, TERMS, calendar)
    asked = Extension("EU", "transaction", 7, date(2030, 1, 1), "letter-12")
    requests.extend(archive.store, asked, rules_for(BOOK, ["transaction"]))
    requests.extend(archive.store, asked, rules_for(BOOK, ["transaction"]))
    terms = Terms(BOOK, requests.requests_in(archive.store))
    assert any("locked until 2031-03-10; move again" in one.sentence for one in verify(archive, terms))
    assert settle(archive, terms) == 2 and settle(archive, terms) == 0
    calendar.day = PAST
    assert expire(archive, terms, calendar, dry_run=False) == []
    calendar.day = date(2033, 3, 11)
    assert len(expire(archive, terms, calendar, dry_run=False)) == 1


def test_a_lock_that_was_once_longer_stays_though_the_terms_are_shorter_now(hot: HotFolder, archive: Archive, calendar: Calendar):
    extended = Terms(BOOK, Requests((Extension("EU", "transaction", 7, date(2026, 4, 1), "letter-12"),)))
    move(batch(), hot, archive, extended, calendar)
    calendar.day = PAST
    assert expire(archive, TERMS, calendar, dry_run=False) == [] and settle(archive, TERMS) == 0


def test_a_hold_keeps_a_batch_until_it_is_released(hot: HotFolder, archive: Archive, calendar: Calendar):
    move(batch(), hot, archive, TERMS, calendar)
    requests.hold(archive.store, Hold("H1", "transaction", "a court asked", date(2026, 1, 1), None))
    held = Terms(BOOK, requests.requests_in(archive.store))
    assert [one.holds for one in verify(archive, held)] == [False]
    assert settle(archive, held) == 2
    calendar.day = date(2090, 1, 1)
    assert expire(archive, held, calendar, dry_run=False) == []
    assert "legal hold H1" in held.kept(batch()).why(calendar.day) and verify(archive, held)[0].sentence.endswith("held")
    requests.release(archive.store, "H1", "settled", date(2090, 1, 1))
    free = Terms(BOOK, requests.requests_in(archive.store))
    assert free.requests.holds == () and settle(archive, free) == 2
    assert len(expire(archive, free, calendar, dry_run=False)) == 1


def test_a_batch_without_an_end_is_held_in_the_store(tmp_path: Path, folder_archive: Archive, calendar: Calendar):
    hot = HotFolder(tmp_path / "clients", "client")
    hot.put(DAY, rows_of())
    done = move(batch(record_class="client"), hot, folder_archive, TERMS, calendar)
    assert done is not None and done.manifest.retain_until is None
    stored = folder_archive.object_of(done.manifest)
    assert stored is not None and stored.held and stored.retain_until is None
    assert all(one.holds for one in verify(folder_archive, TERMS))


def test_records_of_clients_get_an_end_when_the_last_relationship_ends(folder_archive: Archive, tmp_path: Path, calendar: Calendar):
    store = folder_archive.store
    both = replace(batch(record_class="client"), clients=("C1", "C2"))
    requests.end_relationship(store, "C1", date(2030, 1, 1))
    assert requests.terms_in(store, BOOK).kept(both).until is None
    requests.end_relationship(store, "C2", date(2026, 1, 1))
    assert requests.terms_in(store, BOOK).kept(both).until == date(2035, 1, 1)
    assert requests.terms_in(store, BOOK).access(both).hot_until == date(2028, 3, 10)
    nobody = replace(both, clients=())
    assert requests.terms_in(store, BOOK).kept(nobody).until == date(2031, 3, 10)
    early = replace(both, clients=("C2",))
    assert requests.terms_in(store, BOOK).kept(early).until == date(2031, 3, 10)
    with pytest.raises(BadInput, match="was used before"):
        requests.end_relationship(store, "C1", date(2029, 1, 1))
    hot = HotFolder(tmp_path / "of-clients")
    hot.put(DAY, rows_of())
    done = move(both, hot, folder_archive, TERMS, calendar)
    assert done is not None and folder_archive.manifests() == [done.manifest]


def test_requests_that_make_no_sense_are_refused(folder_archive: Archive):
    store = folder_archive.store
    with pytest.raises(BadInput, match="longest it may ask"):
        requests.extend(store, Extension("EU", "transaction", 9, DAY, "letter"), rules_for(BOOK, ["transaction"]))
    with pytest.raises(BadInput, match="lies after its last"):
        requests.hold(store, Hold("H1", "order", "why", PAST, DAY))
    with pytest.raises(BadInput, match="No legal hold H9 stands"):
        requests.release(store, "H9", "why", DAY)
    requests.hold(store, Hold("H1", "order", "why"))
    with pytest.raises(BadInput, match="was used before"):
        requests.hold(store, Hold("H1", "order", "another reason"))
    requests.release(store, "H1", "done", DAY)
    with pytest.raises(BadInput, match="No legal hold H1 stands"):
        requests.release(store, "H1", "done", DAY)


def test_a_cold_batch_that_was_tampered_with_or_taken_away_is_found(
    hot: HotFolder, folder_archive: Archive, tmp_path: Path, calendar: Calendar
):
    done = move(batch(), hot, folder_archive, TERMS, calendar)
    assert done is not None
    folder = tmp_path / "cold" / done.manifest.object_key
    data = folder / "000001.data"
    data.chmod(0o644)
    content = bytearray(data.read_bytes())
    content[len(content) // 2] ^= 1
    data.write_bytes(content)
    (found,) = verify(folder_archive, TERMS)
    assert not found.holds and "SHA-256 differs" in found.sentence
    for file in folder.iterdir():
        file.unlink()
    (found,) = verify(folder_archive, TERMS)
    assert not found.holds and found.sentence == "GONE without a record of its deletion"


def test_a_manifest_that_tells_of_other_rows_is_found(hot: HotFolder, folder_archive: Archive, calendar: Calendar):
    done = move(batch(), hot, folder_archive, TERMS, calendar)
    assert done is not None
    store = folder_archive.store
    forged = done.manifest.to_json().replace(done.manifest.rows.sha256.encode(), b"0" * 64)
    store.put("cold/trades/2026-03-10.manifest.json", forged, retain_until=None)
    assert [one.holds for one in verify(folder_archive, TERMS)] == [True, False]
    with pytest.raises(Broken, match="manifest"):
        Manifest.from_json(b"[]")
