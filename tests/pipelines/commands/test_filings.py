"""`grekko filings` as a person types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from domain.regulation.filing import decide, told_as
from executor.compliance.filings.answers.writing import Said, status_advice
from executor.compliance.filings.simulated_regulator import Rule
from pipelines.cli import main
from tests.executor.compliance.filings.conftest import SHARED
from tests.executor.compliance.filings.world import SharedSchemas, Trades, World

ID = "EU.MiCA.transactions/2026-03-01/2026-03-01/xml/0"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A store in a home, with the official schemas installed."""
    if not SHARED.is_dir():
        pytest.skip(f"the official schemas are not here: {SHARED} does not exist")
    monkeypatch.setenv("GREKKO_HOME", str(tmp_path))
    monkeypatch.setenv("GREKKO_SCHEMAS", str(SHARED / "schemas"))
    monkeypatch.setenv("GREKKO_FILING_KEY", "11" * 32)
    made = World(SharedSchemas(SHARED / "schemas"), tmp_path / "compliance" / "filings")
    yield made
    made.store.close()


def told(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0):
    assert main(["filings", *arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def drafted(world: World) -> None:
    """A filing that is checked and waits to be signed."""
    trades = Trades(rows={"T1": 10, "T2": 20})
    reference = world.desk.next_reference(trades.key)
    records = told_as(decide({}, trades.records()), {}, reference, trades.record_reference)
    name, content = trades.document(reference, records)
    world.desk.draft(trades.key, name, content, records, why="2 NEW")
    world.desk.validate(ID, [])
    world.store.close()


def test_a_checked_filing_is_signed_sent_and_answered_from_the_command_line(world, tmp_path, capsys):
    drafted(world)
    door = f"folder:{tmp_path / 'door'}"
    sent = told(capsys, "submit", ID, "--door", door)
    assert (sent["state"], sent["records"]) == ("submitted", 2)
    assert told(capsys, "submit", ID, "--door", door)["reference"] == sent["reference"]  # again, under the same reference
    incoming = tmp_path / "door" / "incoming"
    (incoming / "a.xml").write_bytes(status_advice(Said(sent["reference"], refused={"T2": ("R7", "not plausible")})))
    (incoming / "b.xml").write_bytes(b"no answer")
    taken = told(capsys, "answers", "--door", door)["answers"]
    assert [(one["name"], one["outcome"]) for one in taken] == [("a.xml", "partly"), ("b.xml", "not_xml")]
    (listed,) = told(capsys, "list", "--state", "partly")["filings"]
    assert listed["filing_id"] == ID
    shown = told(capsys, "show", ID, "--out", str(tmp_path / "out.xml"))
    assert shown["history_of_versions"][0]["refused"] == ["T2"] and "fixed" in shown["allowed"]
    assert b"<TxId>T1</TxId>" in (tmp_path / "out.xml").read_bytes()
    happened = told(capsys, "history", ID)["history"]
    assert [one["kind"] for one in happened] == ["draft", "validated", "signed", "submitted", "handed_over", "handed_over", "partly"]
    assert happened[2]["by"].startswith("grekko filings (")


def test_tickets_are_read_and_closed_with_the_reason(world, capsys):
    trades = Trades(rows={"T1": 10})
    world.regulator.rules.append(Rule("R9", "no", lambda one: True, whole=True))
    world.settle(trades, days=2)
    world.store.close()
    (ticket,) = told(capsys, "tickets")["tickets"]
    assert (ticket["severity"], ticket["filing_id"]) == ("act", ID)
    told(capsys, "close", ticket["ticket_id"], "--why", "the rulebook is mended")
    assert told(capsys, "tickets")["tickets"] == []


def test_a_person_reads_a_filing_and_its_correction(world, capsys):
    trades = Trades(rows={"T1": 10, "T2": 1})
    world.regulator.rules.append(Rule("R9", "no", lambda one: one.name == "T2"))
    world.settle(trades, days=1)
    trades.rows = {"T1": 11}
    world.settle(trades, days=2)
    assert main(["filings", "show", ID]) == 0
    shown = capsys.readouterr().out
    assert "T2: R9 no" in shown and "the authority: partly" in shown
    assert main(["filings", "list", "--report", "EU.MiCA.transactions"]) == 0
    assert main(["filings", "history", ID]) == 0


def test_what_cannot_be_is_told_with_the_fix(world, tmp_path, capsys):
    drafted(world)
    assert "write folder:PATH" in told(capsys, "answers", "--door", "mail:x", code=2)["message"]
    assert told(capsys, "show", "X/2026-01-01/2026-01-01/xml/0", code=2)["error"] == "BadInput"
    assert "has no version 7" in told(capsys, "show", ID, "--version", "7", "--out", str(tmp_path / "x"), code=2)["message"]
    assert "no filings" in told(capsys, "list", "--store", str(tmp_path / "nowhere"), code=2)["message"]
    assert not (tmp_path / "nowhere").exists()
