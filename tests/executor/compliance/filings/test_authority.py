"""The authority that is not there, and what the desk makes of answers that should not be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.problems import BadInput, Refused, Unavailable
from domain.regulation.filing import State
from executor.compliance.filings.answers.foreign_xml import parsed
from executor.compliance.filings.answers.writing import Said, status_advice
from executor.compliance.filings.door import Submission
from executor.compliance.filings.rounds import Rounds
from executor.compliance.filings.simulated_regulator import Manner, Rule
from executor.compliance.filings.submitted_records import records_of_json, records_of_xml
from tests.executor.compliance.filings.world import MONDAY, TRADES, Trades, Users, World


def submission(world: World, reference: str, content: bytes, name: str = "a") -> Submission:
    key = TRADES
    return Submission(reference, key.report_id, key.period_start, key.period_end, name, content, world.signer.sign(content))


def said(world: World) -> list[str]:
    """The rules of all answers that lie ready, or the verdict where none is named."""
    answers = [world.reader.read(one.content)[0] for one in world.regulator.deliveries()]
    return [one.refusals[0].rule if one.refusals else str(one.verdict) for one in answers]


def test_the_same_message_twice_counts_once_and_another_under_its_reference_is_refused(world: World):
    _, content = Trades(rows={"T1": 10}).document("ref-1", Trades(rows={"T1": 10}).sent())
    world.regulator.submit(submission(world, "ref-1", content))
    world.regulator.submit(submission(world, "ref-1", content))
    world.regulator.submit(submission(world, "ref-1", content + b" "))
    assert said(world) == ["accepted", "accepted", "DUPL"]
    assert len(world.regulator.register) == 1


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"<Document xmlns='urn:iso:std:iso:20022:tech:xsd:auth.016.001.03'/>", "SCHM"),
        (b"<not closed", "SCHM"),
        (b'{"records": [', "SCHM"),
        (Users().document("another", ())[1], "REFR"),
        (b"transaction,price\nT1,10\n", "accepted"),
        (b'{"transfers": [{"transfer_id": "V1", "amount": 1}]}', "accepted"),
        (b"<own xmlns='urn:example'/>", "accepted"),
    ],
)
def test_documents_are_checked_for_what_they_are(world: World, content, rule):
    world.regulator.submit(submission(world, "ref-1", content))
    assert said(world) == [rule]
    assert len(world.regulator.register) == (rule == "accepted")


def test_a_document_whose_signature_is_of_another_is_refused(world: World):
    world.regulator.submit(replace(submission(world, "ref-1", b"{}"), content=b"[]"))
    assert said(world) == ["SIGN"]


def test_what_is_held_is_not_told_as_new_and_what_is_not_is_not_cancelled(world: World):
    for reference, content in (
        ("ref-1", b'[{"id": "a"}]'),
        ("ref-2", b'{"r": [{"id": "V1"}, {"id": "V2"}]}'),
        ("ref-3", b'{"r": [{"id": "V1"}, {"id": "V3", "action": "CANCEL"}, {"id": "V2", "action": "CORRECT", "n": 2}]}'),
    ):
        world.regulator.submit(submission(world, reference, content))
    last = world.reader.read(world.regulator.deliveries()[-1].content)[0]
    assert {one.record: one.rule for one in last.refusals} == {"V1": "HELD", "V3": "NHLD"}
    assert {name for _, name in world.regulator.register} == {"1", "V1", "V2"}


def test_the_trades_of_auth_030_are_named_by_their_uti():
    namespace = "urn:iso:std:iso:20022:tech:xsd:auth.030.001.04"

    def told(kind: str, price: int):
        trade = f"<{kind}><TxData><TxId><UnqTxIdr>UTI1</UnqTxIdr></TxId><P>{price}</P></TxData></{kind}>"
        document = f'<Document xmlns="{namespace}"><DerivsTradRpt><TradData><Rpt>{trade}</Rpt></TradData></DerivsTradRpt></Document>'
        return records_of_xml(parsed(document.encode(), 10_000))[0]

    assert [told(kind, 1).action for kind in ("New", "Mod", "Crrctn", "Err", "ValtnUpd")] == [
        "NEW",
        "CORRECT",
        "CORRECT",
        "CANCEL",
        "CORRECT",
    ]
    assert told("New", 1).digest == told("Mod", 1).digest != told("Mod", 2).digest
    assert (told("New", 1).name, told("New", 1).corrects, told("Mod", 1).corrects) == ("UTI1", None, "UTI1")


def test_json_without_a_list_is_one_record():
    assert [one.name for one in records_of_json({"a": 1})] == ["1"]
    assert [one.name for one in records_of_json({"r": ["text"]})] == ["1"]


def test_an_authority_that_is_closed_cannot_be_reached(world: World):
    world.regulator.is_closed = True
    for call in (lambda: world.regulator.ask("x"), world.regulator.deliveries, lambda: world.regulator.submit(submission(world, "r", b""))):
        with pytest.raises(Unavailable):
            call()


def answered(world: World, *manners: Manner) -> tuple[Trades, str]:
    """A filing of two trades that is acknowledged, and its reference."""
    trades = Trades(rows={"T1": 10, "T2": 20})
    world.regulator.manners.extend(manners)
    world.settle(trades, days=1)
    return trades, world.store.filings.of_key(trades.key)[0].version.reference


def test_an_answer_that_contradicts_the_one_before_is_set_aside_with_an_urgent_ticket(world: World):
    trades, reference = answered(world)
    assert world.desk.take(status_advice(Said(reference, refused_whole=(("R1", "no"),)))) == ["contradiction"]
    assert world.desk.take(status_advice(Said(reference, received=True))) == ["duplicate"]
    assert world.states(trades) == ["acked"]
    (ticket,) = world.store.filings.open_tickets()
    assert ticket.severity == "urgent" and "another answer says rejected" in ticket.what


def test_a_refused_record_that_was_never_sent_is_foreign_and_the_filing_waits(world: World):
    trades = Trades(rows={"T1": 10})
    world.regulator.manners.append(Manner(silent=True))
    world.rounds.run([trades])
    reference = world.store.filings.of_key(trades.key)[0].version.reference
    assert world.desk.take(status_advice(Said(reference, refused={"T9": ("R1", "no")}))) == ["foreign_record"]
    assert world.states(trades) == ["submitted"]
    assert world.desk.take(status_advice(Said(reference, refused={"T1": ("R1", "no")}))) == ["nacked"]


def test_a_reminder_opens_a_ticket_and_changes_no_state(world: World):
    trades, reference = answered(world)
    reminder = status_advice(Said(reference)).replace(b"ACPT", b"RMDR")
    assert world.desk.take(reminder) == ["reminded"]
    assert world.states(trades) == ["acked"]
    assert [ticket.severity for ticket in world.store.filings.open_tickets()] == ["act"]


def test_an_answer_to_a_message_that_was_not_sent_yet_is_foreign(world: World):
    trades = Trades(rows={"T1": 10})
    reference = world.desk.next_reference(trades.key)
    records = trades.sent()
    world.desk.draft(trades.key, *trades.document(reference, records), records, why="1 NEW")
    assert world.desk.take(status_advice(Said(reference))) == ["foreign"]
    with pytest.raises(BadInput, match="nothing to send"):
        world.desk.hand_over(trades.key.filing_id(0), world.regulator)


def test_what_the_door_refuses_for_good_becomes_an_urgent_ticket(world: World):
    class Shut:
        def submit(self, submission: Submission) -> None:
            raise BadInput("Files over 1 MiB are not taken.")

        def ask(self, reference: str) -> bool | None:
            return None

        def deliveries(self):
            return []

        def done(self, name: str) -> None:
            raise AssertionError

    trades = Trades(rows={"T1": 10})
    Rounds(world.desk, Shut()).run([trades])
    (ticket,) = world.store.filings.open_tickets()
    assert (ticket.severity, "Files over 1 MiB" in ticket.what) == ("urgent", True)
    assert world.states(trades) == ["submitted"]
    assert issubclass(BadInput, Refused)


def test_a_refused_period_whose_records_are_all_gone_is_told_as_nil(world: World):
    users = Users(rows={"C1": 1})
    world.regulator.rules.append(Rule("R1", "no", lambda one: True, whole=True))
    world.settle(users, days=1)
    users.rows.clear()
    world.settle(users, days=1)
    (filing,) = world.store.filings.of_key(users.key)
    assert (filing.state, filing.version.record_count, len(filing.versions)) == (State.ACKED, 0, 2)


def test_a_warning_of_our_own_check_is_kept_and_does_not_stop_the_filing(world: World):
    class Warned(Trades):
        def findings(self, content):
            return [{"severity": "warn", "rule_id": "R2", "message": "odd"}]

    trades = Warned(rows={"T1": 10})
    world.settle(trades, days=1)
    kept = [one.facts["findings"] for one in world.store.filings.history(trades.key.filing_id(0)) if one.kind == "validated"]
    assert world.states(trades) == ["acked"] and kept == [[{"severity": "warn", "rule_id": "R2", "message": "odd"}]]


def test_what_was_made_before_a_restart_is_not_made_again(world: World):
    trades = Trades(rows={"T1": 10})
    records = trades.sent()
    world.desk.draft(trades.key, *trades.document(world.desk.next_reference(trades.key), records), records, why="1 NEW")
    world.restart()
    world.settle(trades, days=1)
    (filing,) = world.store.filings.of_key(trades.key)
    assert (filing.state, len(filing.versions), filing.version.made_at) == (State.ACKED, 1, MONDAY)
