"""Years of moving, holding, extending and expiring in any order, against a model that remembers every record."""

from __future__ import annotations

import tempfile
from datetime import date, timedelta
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain.problems import BadInput, StillKept
from domain.regulation.retention import Extension, Hold, rules_for, years_after
from executor.compliance.retention import requests
from executor.compliance.retention.archive import Archive, Terms
from executor.compliance.retention.canonical import fingerprint
from executor.compliance.retention.expiry import expire
from executor.compliance.retention.folder_store import FolderStore
from executor.compliance.retention.move import STEPS, due, move, settle
from executor.compliance.retention.verify import verify
from tests.executor.compliance.retention.days import Calendar
from tests.executor.compliance.retention.lives import BOOK, HotFolder, batch, rows_of

KEY = ("trade_id",)
RULES = rules_for(BOOK, ["transaction"])


class Pulled(BaseException):
    """The plug."""


class Life(RuleBasedStateMachine):
    """One class of records; its days are few, its years many."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        root = Path(self.folder.name)
        self.calendar = Calendar(date(2026, 1, 1))
        self.hot = HotFolder(root / "hot")
        self.archive = Archive(FolderStore(root / "cold", self.calendar))
        self.recorded: dict[date, date] = {}  # day of the records → the last day they must be kept
        self.holds: dict[str, date | None] = {}  # id → the day it covers, None for all
        self.extended = False

    def teardown(self) -> None:
        self.folder.cleanup()

    @property
    def terms(self) -> Terms:
        return Terms(BOOK, requests.requests_in(self.archive.store))

    def is_held(self, day: date) -> bool:
        return any(covered in (None, day) for covered in self.holds.values())

    @initialize()
    def there_are_records(self):
        self.record()

    @rule()
    def record(self):
        for _ in range(2):
            day = self.calendar.day
            if day not in self.recorded:
                self.hot.put(day, rows_of(day))
                self.recorded[day] = years_after(day, 7 if self.extended else 5)
            self.calendar.day += timedelta(days=1)

    @rule(days=st.sampled_from([1, 740, 1100]), pulled_at=st.sampled_from([None, None, *STEPS]))
    def time_passes_and_the_schedule_ticks(self, days: int, pulled_at: str | None):
        self.calendar.day += timedelta(days=days)

        def at(step: str) -> None:
            if step == pulled_at:
                raise Pulled

        terms = self.terms
        settle(self.archive, terms)
        try:
            for one in due(self.hot, terms, self.calendar.day):
                move(one, self.hot, self.archive, terms, self.calendar, at=at)
        except Pulled:
            pass
        assert all(one.holds for one in verify(self.archive, terms))

    @rule()
    def expire(self):
        settle(self.archive, self.terms)
        for gone in expire(self.archive, self.terms, self.calendar, dry_run=False):
            day = gone.manifest.batch.first
            assert self.calendar.day > self.recorded[day], f"{day} was deleted early"
            assert not self.is_held(day), f"{day} was deleted on hold"
            if not (self.hot.read(batch(day)).height):
                del self.recorded[day]

    @rule(everything=st.booleans())
    def a_court_asks(self, everything: bool):
        id = f"H{len(list(self.archive.store.versions('requests/holds/')))}"
        covered = None if everything or not self.recorded else min(self.recorded)
        requests.hold(self.archive.store, Hold(id, "transaction", "a court asked", covered, covered))
        self.holds[id] = covered

    @precondition(lambda self: self.holds)
    @rule()
    def a_court_is_done(self):
        id = next(iter(self.holds))
        requests.release(self.archive.store, id, "settled", self.calendar.day)
        del self.holds[id]

    @precondition(lambda self: not self.extended)
    @rule()
    def an_authority_asks_for_seven_years(self):
        today = self.calendar.day
        requests.extend(self.archive.store, Extension("EU", "transaction", 7, today, "letter"), RULES)
        self.extended = True
        for day in self.recorded:
            if today <= years_after(day, 5):
                self.recorded[day] = years_after(day, 7)

    @rule(data=st.data())
    def somebody_deletes_and_shortens_by_hand(self, data: st.DataObject):
        there = [one for one in self.archive.store.versions("cold/") if one.key.endswith(".parquet")]
        if there:
            one = data.draw(st.sampled_from(there))
            day = date.fromisoformat(Path(one.key).stem)
            settle(self.archive, self.terms)
            if self.calendar.day <= self.recorded.get(day, date.min) or self.is_held(day):
                try:
                    self.archive.store.delete(one.key, one.version)
                except StillKept:
                    pass
                else:
                    raise AssertionError(f"{one.key} went before its day")
        for one in self.archive.store.versions("cold/"):
            if one.retain_until:
                try:
                    self.archive.store.extend(one.key, one.version, one.retain_until - timedelta(days=1))
                except BadInput:
                    continue
                raise AssertionError(f"{one.key} was shortened")

    @invariant()
    def every_record_is_readable(self):
        cold = {one.batch.first: one for one in self.archive.cold()}
        for day in self.recorded:
            wanted = fingerprint(rows_of(day), KEY)
            tiers = [fingerprint(self.hot.read(batch(day)), KEY)] if self.hot.read(batch(day)).height else []
            tiers += [fingerprint(self.archive.read(cold[day]), KEY)] if day in cold else []
            assert tiers and set(tiers) == {wanted}, f"{day} is in no tier"


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=8, stateful_step_count=15, deadline=None)
