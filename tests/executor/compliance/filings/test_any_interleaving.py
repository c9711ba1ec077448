"""Whatever happens in whatever order: nothing is overwritten, missed or told twice, and the authority ends up with our records."""

from __future__ import annotations

import shutil
import tempfile
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from executor.compliance.filings.answers.writing import Said, status_advice
from executor.compliance.filings.events import text_of
from executor.compliance.filings.simulated_regulator import Manner, Rule
from tests.executor.compliance.filings.world import Trades, Users, World

KEYS = st.sampled_from(["T1", "T2", "T3", "T4"])
VALUES = st.integers(1, 6)
MANNERS = st.builds(
    Manner,
    after=st.sampled_from([timedelta(0), timedelta(hours=1), timedelta(days=1), timedelta(days=4)]),
    times=st.integers(1, 3),
    received=st.sampled_from([None, "before", "after"]),
    malformed=st.sampled_from([None, None, "cut", "bomb", "foreign_namespace", "wrong_reference", "no_xml"]),
    lost=st.sampled_from([None, None, "before", "after"]),
    silent=st.sampled_from([False, False, True]),
    damaged=st.sampled_from([False, False, False, True]),
)


class AnyInterleaving(RuleBasedStateMachine):
    """Two reports of a firm and one authority."""

    schemas = None

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.world = World(self.schemas, self.folder / "filings")
        self.reports = (Trades(), Users())
        self.documents: dict[str, str] = {}
        self.seen_events: list[str] = []

    @initialize(rows=st.dictionaries(KEYS, VALUES, min_size=2, max_size=4))
    def a_day_that_was(self, rows):
        for report in self.reports:
            report.rows.update(rows)

    @rule(which=st.integers(0, 1), key=KEYS, value=VALUES)
    def a_row_comes_or_changes(self, which, key, value):
        self.reports[which].rows[key] = value

    @rule(which=st.integers(0, 1), key=KEYS)
    def a_row_goes(self, which, key):
        self.reports[which].rows.pop(key, None)

    @rule(key=KEYS)
    def a_row_is_broken_at_its_source(self, key):
        self.reports[0].rows[key] = -1

    @rule(manner=MANNERS)
    def the_authority_will_answer_in_a_manner(self, manner):
        self.world.regulator.manners.append(manner)

    @rule(refused=KEYS, whole=st.booleans())
    def the_authority_minds_a_record(self, refused, whole):
        self.world.regulator.rules[:] = [Rule("R7", "not plausible", lambda one: one.name in (refused,) or one.name.endswith("-2"), whole)]

    @rule()
    def the_authority_minds_nothing(self):
        self.world.regulator.rules.clear()

    @rule(closed=st.booleans())
    def the_authority_closes_or_opens(self, closed):
        self.world.regulator.is_closed = closed

    @rule(content=st.sampled_from([b"", b"<a/>", status_advice(Said("nobody-1")), b"<!DOCTYPE a><a/>"]))
    def a_stranger_writes(self, content):
        self.world.regulator.send(content)

    @rule(data=st.data())
    def an_answer_comes_again(self, data):
        if known := sorted(self.world.regulator.answered):
            self.world.regulator.answer_again(data.draw(st.sampled_from(known)))

    @rule(hours=st.sampled_from([1, 12, 24, 96]))
    def time_passes(self, hours):
        self.world.clock.move(hours=hours)

    @rule(times=st.integers(1, 3))
    def rounds_are_made(self, times):
        for _ in range(times):
            self.world.rounds.run(self.reports)

    @rule()
    def a_restart(self):
        self.world.restart()

    @invariant()
    def nothing_is_overwritten(self):
        store = self.world.store
        told = [text_of(one) for one in store.filings.events]
        assert told[: len(self.seen_events)] == self.seen_events
        self.seen_events = told
        for filing in store.filings.filings.values():
            for version in filing.versions:
                assert self.documents.setdefault(version.reference, version.sha256) == version.sha256
                store.document(version.sha256)  # raises when its bytes are not those of its hash

    def teardown(self):
        regulator = self.world.regulator
        regulator.is_closed = False
        regulator.rules.clear()
        regulator.manners.clear()
        for report in self.reports:
            for key, value in list(report.rows.items()):
                report.rows[key] = abs(value)
        self.world.settle(*self.reports, days=8)
        for ticket in self.world.store.filings.open_tickets():
            self.world.desk.close_ticket(ticket.ticket_id, "a person saw to it")
        self.world.settle(*self.reports, days=16)
        try:
            trades, users = self.reports
            held = {place: digest for place, digest in regulator.register.items() if place[0] == trades.key.report_id}
            assert held == trades.expected()
            assert sorted(digest for place, digest in regulator.register.items() if place[0] == users.key.report_id) == users.contents()
            for report in self.reports:
                assert {key: one.digest for key, one in self.world.desk.held(report.key).items()} == report.records()
                assert self.world.states(report), "every period has a filing, or says why it has none"
            assert len(regulator.accepted) == len(set(regulator.accepted))
        finally:
            self.world.store.close()
            shutil.rmtree(self.folder)


def test_for_any_interleaving_the_authority_ends_with_our_records(schemas):
    AnyInterleaving.schemas = schemas
    run_state_machine_as_test(
        AnyInterleaving,
        settings=settings(
            max_examples=20, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
        ),
    )
