"""What the desk does by itself, from the first draft to the authority's register."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.problems import BadInput
from domain.regulation.filing import State
from executor.compliance.filings.rounds import business_days_after, weekdays
from executor.compliance.filings.signing import is_signed
from executor.compliance.filings.simulated_regulator import Manner, Rule
from tests.executor.compliance.filings.world import MONDAY, Trades, Users, World


def kinds(world: World, preparation, number: int = 0) -> list[str]:
    """What happened to a filing, by the names of the events."""
    return [event.kind for event in world.store.filings.history(preparation.key.filing_id(number))]


def test_a_day_of_trades_is_filed_and_acknowledged_in_two_rounds(world: World):
    trades = Trades(rows={"T1": 10, "T2": 20})
    world.rounds.run([trades])
    assert world.states(trades) == ["submitted"]
    world.rounds.run([trades])
    assert kinds(world, trades) == ["draft", "validated", "signed", "submitted", "handed_over", "acked"]
    assert world.regulator.register == trades.expected()


def test_a_round_without_a_change_changes_nothing(world: World):
    trades = Trades(rows={"T1": 10})
    world.settle(trades, days=2)
    head = world.store.head
    world.settle(trades, days=2)
    assert world.store.head == head


def test_what_is_sent_carries_the_firms_signature(world: World):
    trades = Trades(rows={"T1": 10})
    world.rounds.run([trades])
    version = world.store.filings.of_key(trades.key)[0].version
    content = world.store.document(version.sha256)
    assert version.signature and is_signed(content, version.signature)
    assert not is_signed(content + b" ", version.signature)


def test_a_late_row_becomes_new_in_a_filing_that_corrects_the_period(world: World):
    trades = Trades(rows={"T1": 10})
    world.settle(trades, days=1)
    trades.rows["T2"] = 20
    world.settle(trades, days=1)
    second = world.store.filings.of_key(trades.key)[1]
    assert [(one.action, one.key) for one in world.store.records(second.version)] == [("NEW", "T2")]
    assert world.regulator.register == trades.expected()


def test_a_changed_transaction_is_cancelled_and_told_anew(world: World):
    trades = Trades(rows={"T1": 10, "T2": 20})
    world.settle(trades, days=1)
    trades.rows["T1"] = 11
    world.settle(trades, days=1)
    first, second = world.store.filings.of_key(trades.key)
    told = world.store.records(second.version)
    assert [(one.action, one.key, one.corrects) for one in told] == [("CANCEL", "T1", "T1"), ("NEW", "T1", None)]
    assert (first.state, first.corrected_by) == (State.CORRECTED, (second.filing_id,))
    assert world.regulator.register == trades.expected()


def test_a_filing_whose_every_record_is_cancelled_is_cancelled(world: World):
    trades = Trades(rows={"T1": 10})
    world.settle(trades, days=1)
    trades.rows.clear()
    world.settle(trades, days=1)
    assert world.states(trades) == ["cancelled", "acked"]
    assert world.regulator.register == {}


def test_a_corrected_user_names_the_record_it_corrects_and_goes_apart_from_new_ones(world: World):
    users = Users(rows={"C1": 1})
    world.settle(users, days=1)
    users.rows.update({"C1": 2, "C2": 1})
    world.settle(users, days=3)
    first, new, correction = world.store.filings.of_key(users.key)
    assert [(one.action, one.key) for one in world.store.records(new.version)] == [("NEW", "C2")]
    (told,) = world.store.records(correction.version)
    assert (told.action, told.key, told.corrects) == ("CORRECT", "C1", world.store.records(first.version)[0].reference)
    assert sorted(world.regulator.register.values()) == users.contents()


def test_a_year_without_users_is_told_as_nil_and_later_users_as_new(world: World):
    users = Users()
    world.settle(users, days=1)
    (nil,) = world.store.filings.of_key(users.key)
    assert (nil.state, nil.version.record_count) == (State.ACKED, 0)
    assert b"CARF703" in world.store.document(nil.version.sha256)
    users.rows["C1"] = 1
    world.settle(users, days=1)
    assert sorted(world.regulator.register.values()) == users.contents()


def test_a_period_without_a_record_says_why_nothing_is_filed(world: World):
    trades = Trades()
    world.settle(trades, days=1)
    assert world.states(trades) == ["not_needed"]
    trades.rows["T1"] = 10
    world.settle(trades, days=1)
    assert world.states(trades) == ["not_needed", "acked"]


@pytest.mark.parametrize("report", [Trades(rows={"T1": 10, "T2": 20}), Users(rows={"T1": 10, "T2": 20})])
def test_a_refused_record_leaves_the_others_held_and_waits_for_a_person(world: World, report):
    report = type(report)(rows=dict(report.rows))
    world.regulator.rules.append(Rule("R7", "not plausible", lambda one: one.name in ("T1", "missing") or one.name.endswith("-0-1-1")))
    world.settle(report, days=2)
    assert world.states(report) == ["partly"]
    (ticket,) = world.store.filings.open_tickets()
    assert (ticket.severity, "R7" in ticket.what, ticket.filing_id) == ("act", True, report.key.filing_id(0))
    assert set(world.desk.held(report.key)) == {"T2"}
    report.rows["T1"] = 12
    world.regulator.rules.clear()
    world.settle(report, days=1)
    assert world.states(report) == ["acked"]
    assert "fixed" in kinds(world, report) and "resubmitted" in kinds(world, report)
    assert world.store.filings.open_tickets() == []
    assert set(world.desk.held(report.key)) == {"T1", "T2"}


@pytest.mark.parametrize("report", [Trades, Users])
def test_a_refused_file_is_mended_by_rule_and_sent_under_another_reference(world: World, report):
    made = report(rows={"T1": 10}, mendable=frozenset({"R8"}))
    world.regulator.rules.append(Rule("R8", "old form", lambda one: True, whole=True))
    world.rounds.run([made])
    world.rounds.run([made])
    world.regulator.rules.clear()
    world.settle(made, days=1)
    (filing,) = world.store.filings.of_key(made.key)
    assert [version.verdict for version in filing.versions] == [State.NACKED, State.NACKED, State.ACKED]
    assert len({version.reference for version in filing.versions}) == 3
    assert world.store.filings.tickets == {}


def test_mending_by_rule_ends_with_a_ticket_when_the_authority_stays_with_its_no(world: World):
    trades = Trades(rows={"T1": 10}, mendable=frozenset({"R8"}))
    world.regulator.rules.append(Rule("R8", "no", lambda one: True, whole=True))
    world.settle(trades, days=8)
    (filing,) = world.store.filings.of_key(trades.key)
    assert (filing.state, len(filing.versions)) == (State.NACKED, 4)
    assert [ticket.severity for ticket in world.store.filings.open_tickets()] == ["act"]


def test_closing_the_ticket_lets_the_desk_try_again(world: World):
    trades = Trades(rows={"T1": 10})
    world.regulator.rules.append(Rule("R9", "rulebook was wrong", lambda one: True, whole=True))
    world.settle(trades, days=2)
    world.regulator.rules.clear()
    (ticket,) = world.store.filings.open_tickets()
    world.desk.close_ticket(ticket.ticket_id, "the rulebook is mended")
    world.settle(trades, days=1)
    (filing,) = world.store.filings.of_key(trades.key)
    assert (filing.state, filing.version.why) == (State.ACKED, "its ticket was closed: the rulebook is mended")
    with pytest.raises(BadInput, match="no ticket"):
        world.desk.close_ticket("nothing", "")


def test_a_message_damaged_on_its_way_is_told_again_without_a_person(world: World):
    trades = Trades(rows={"T1": 10})
    world.regulator.manners.append(Manner(damaged=True))
    world.settle(trades, days=2)
    (filing,) = world.store.filings.of_key(trades.key)
    assert [version.verdict for version in filing.versions] == [State.NACKED, State.ACKED]
    assert filing.versions[0].damaged and filing.version.why.startswith("mended by itself")


def test_a_document_with_an_error_is_not_sent_until_its_records_change(world: World):
    trades = Trades(rows={"T1": -1})
    world.settle(trades, days=3)
    assert world.states(trades) == ["draft"] and world.regulator.answered == frozenset()
    (ticket,) = world.store.filings.open_tickets()
    assert "T1 has a price below zero" in ticket.what
    trades.rows["T1"] = 10
    world.settle(trades, days=1)
    assert world.states(trades) == ["acked"] and world.store.filings.open_tickets() == []


def test_a_broken_draft_whose_records_are_gone_is_given_up(world: World):
    trades = Trades(rows={"T1": -1})
    world.rounds.run([trades])
    trades.rows.clear()
    world.rounds.run([trades])
    assert world.states(trades) == ["cancelled"]


def test_refused_records_that_are_gone_from_ours_end_the_filing(world: World):
    trades = Trades(rows={"T1": 10, "T2": 20})
    world.regulator.rules.append(Rule("R7", "unknown", lambda one: one.name == "T1"))
    world.settle(trades, days=1)
    del trades.rows["T1"]
    world.settle(trades, days=1)
    assert world.states(trades) == ["corrected"]
    assert world.regulator.register == trades.expected()


@pytest.mark.parametrize("lost", ["before", "after"])
def test_a_submission_whose_fate_is_unknown_is_never_doubled(world: World, lost):
    trades = Trades(rows={"T1": 10})
    world.regulator.manners.append(Manner(lost=lost))
    world.rounds.run([trades])
    world.restart()
    world.settle(trades, days=1)
    assert world.states(trades) == ["acked"]
    assert len(world.regulator.answered) == 1
    assert kinds(world, trades).count("submitted") == 1


def test_a_silent_authority_is_asked_after_two_business_days(world: World):
    trades = Trades(rows={"T1": 10})
    world.clock.move(days=3)  # Thursday: the two business days end on Monday
    world.regulator.manners.append(Manner(silent=True))
    for _ in range(5):
        world.rounds.run([trades])
        world.clock.move(days=1)
    assert world.states(trades) == ["submitted"]
    world.rounds.run([trades])
    assert "timed_out" in kinds(world, trades)
    world.rounds.run([trades])
    assert world.states(trades) == ["acked"]


def test_an_authority_that_stays_away_becomes_an_urgent_ticket(world: World):
    trades = Trades(rows={"T1": 10})
    world.regulator.manners.append(Manner(after=timedelta(days=60)))
    world.rounds.run([trades])
    world.regulator.is_closed = True
    for _ in range(12):
        world.rounds.run([trades])
        world.clock.move(days=1)
    assert [ticket.severity for ticket in world.store.filings.open_tickets()] == ["urgent"]
    assert world.states(trades) == ["timed_out"]
    world.regulator.is_closed = False
    world.settle(trades, days=1)
    assert world.states(trades) == ["acked"] and world.store.filings.open_tickets() == []


@pytest.mark.parametrize("malformed", ["cut", "bomb", "foreign_namespace", "wrong_reference", "no_xml"])
@pytest.mark.parametrize("report", [Trades, Users])
def test_what_is_no_answer_is_set_aside_and_the_filing_waits_on(world: World, malformed, report):
    made = report(rows={"T1": 10})
    world.regulator.manners.append(Manner(malformed=malformed))
    world.rounds.run([made])
    world.rounds.run([made])
    assert world.states(made) == ["submitted"]
    assert len(world.store.filings.set_aside) == 1
    assert [ticket.severity for ticket in world.store.filings.open_tickets()] == ["notice"]
    world.settle(made, days=5)
    assert world.states(made) == ["acked"]


def test_an_answer_that_comes_twice_counts_once(world: World):
    trades = Trades(rows={"T1": 10})
    world.regulator.manners.append(Manner(times=3, received="after"))
    world.settle(trades, days=1)
    assert kinds(world, trades).count("acked") == 1
    assert {event.facts["fault"] for event in world.store.filings.set_aside} == {"duplicate"}


def test_a_message_that_is_received_is_pending_until_it_is_decided(world: World):
    trades = Trades(rows={"T1": 10})
    world.regulator.manners.append(Manner(received="before", after=timedelta(days=1)))
    world.rounds.run([trades])
    world.rounds.run([trades])
    assert world.states(trades) == ["pending"]
    world.clock.move(days=1)
    world.rounds.run([trades])
    assert world.states(trades) == ["acked"]


def test_nothing_is_corrected_while_the_answer_is_not_known(world: World):
    trades = Trades(rows={"T1": 10})
    world.regulator.manners.append(Manner(after=timedelta(days=1)))
    world.rounds.run([trades])
    trades.rows["T1"] = 11
    world.rounds.run([trades])
    assert world.states(trades) == ["submitted"]
    with pytest.raises(BadInput, match="waits for its answer"):
        world.desk.draft(trades.key, "x", b"", (), why="", correction=True)
    world.settle(trades, days=3)
    assert world.regulator.register == trades.expected()


def test_business_days_skip_the_weekend():
    friday = MONDAY.date() + timedelta(days=4)
    assert business_days_after(friday, 2, weekdays) == friday + timedelta(days=4)
