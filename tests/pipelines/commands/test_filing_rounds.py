"""From the lake to the authority's answer as a person types it: draft, look, submit through a folder, take the answer."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from domain.regulation.calendar import Span
from executor.compliance.audit.reading import reading
from executor.compliance.audit.record import FILINGS
from executor.compliance.filings.answers.writing import Said, status_advice
from executor.compliance.filings.store import FilingStore
from executor.compliance.rulebook_file import load_rulebook
from pipelines.cli import main
from pipelines.filing_rounds import periods_to_file
from pipelines.home import Home
from tests.assets.chain.small_chain import DAYS
from tests.assets.compliance.conftest import chain, lake, own_home, recording, reporting_home, reporting_settings

__all__ = ["chain", "lake", "own_home", "recording", "reporting_home", "reporting_settings"]

REPORT, DAY = "EU.MiCA.transactions", DAYS[-1]
ID = f"{REPORT}/{DAY}/{DAY}/xml/0"
BOOK = load_rulebook()


@pytest.fixture
def home(own_home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    for name in ("GREKKO_FILING_KEY", "GREKKO_AUDIT_LOG", "GREKKO_REGULATIONS"):
        monkeypatch.delenv(name, raising=False)
    return own_home


def told(home: Home, capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0):
    capsys.readouterr()
    assert main(["filings", *arguments, "--home", str(home.root), "--json"]) == code, capsys.readouterr()
    return json.loads(capsys.readouterr().out)


def head_in_the_log(home: Home) -> dict:
    with reading(home.compliance / "audit" / "audit.sqlite") as log:
        return next(log.of_kind(FILINGS))


def test_a_filing_goes_from_the_lake_to_the_authority_and_its_answer_back(home: Home, tmp_path: Path, capsys, monkeypatch):
    drafted = told(home, capsys, "draft", REPORT.lower(), "--date", DAY)
    assert (drafted["filing_id"], drafted["state"], drafted["errors"]) == (ID, "validated", 0) and drafted["records"] > 0
    again = told(home, capsys, "draft", REPORT, "--date", DAY)
    assert (again["reference"], again["versions"]) == (drafted["reference"], 1)
    door = f"folder:{tmp_path / 'door'}"
    assert "GREKKO_FILING_KEY" in told(home, capsys, "submit", ID, "--door", door, code=2)["message"]
    monkeypatch.setenv("GREKKO_FILING_KEY", "11" * 32)
    assert told(home, capsys, "submit", ID, "--door", door)["state"] == "submitted"
    assert told(home, capsys, "draft", REPORT, "--date", DAY)["state"] == "submitted"  # it waits and is left as it is
    (tmp_path / "door" / "incoming" / "a.xml").write_bytes(status_advice(Said(drafted["reference"])))
    assert told(home, capsys, "answers", "--door", door)["answers"] == [{"name": "a.xml", "outcome": "acked"}]
    assert told(home, capsys, "draft", REPORT, "--date", DAY)["filing_id"] is None  # all is told
    with FilingStore(home.compliance / "filings") as store:
        assert store.head == (head_in_the_log(home)["seq"], head_in_the_log(home)["hash"])


def test_a_draft_whose_check_was_cut_off_is_made_again(home: Home, capsys, monkeypatch):
    from executor.compliance.filings.desk import FilingDesk

    with monkeypatch.context() as killed:
        killed.setattr(FilingDesk, "validate", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert main(["filings", "draft", REPORT, "--date", DAY, "--home", str(home.root)]) != 0
    again = told(home, capsys, "draft", REPORT, "--date", DAY)
    assert (again["state"], again["versions"]) == ("validated", 2)


def test_what_is_wrong_with_a_draft_is_told_and_is_the_exit_code(home: Home, capsys, monkeypatch):
    from assets.compliance.preparing import LakePreparation

    finding = {"severity": "error", "row_key": "T1", "rule_id": "R01", "message": "the price is below zero"}
    monkeypatch.setattr(LakePreparation, "findings", lambda *_: [finding])
    drafted = told(home, capsys, "draft", REPORT, "--date", DAY, code=1)
    assert (drafted["state"], drafted["errors"], drafted["findings"]) == ("draft", 1, [finding])
    (ticket,) = told(home, capsys, "tickets")["tickets"]
    assert ticket["severity"] == "act" and ticket["what"].endswith("the first: the price is below zero")
    assert main(["filings", "draft", REPORT, "--date", DAY, "--home", str(home.root)]) == 1
    assert "error: T1 R01 the price is below zero" in capsys.readouterr().out


def test_a_round_without_a_door_checks_and_sends_nothing_and_one_with_it_needs_the_key(home: Home, tmp_path: Path, capsys, monkeypatch):
    monkeypatch.setattr("executor.compliance.rulebook_file.load_rulebook", lambda: only("US.CFTC.part45"))
    day, door = ("--date", "2026-01-07"), f"folder:{tmp_path / 'door'}"
    (made,) = told(home, capsys, "round", *day)["filings"]
    assert (made["report"], made["period_end"], made["state"]) == ("US.CFTC.part45", "2026-01-06", "validated")
    assert "Set GREKKO_FILING_KEY" in told(home, capsys, "round", *day, "--door", door, code=2)["message"]
    assert not list((tmp_path / "door").rglob("*.*"))
    monkeypatch.setenv("GREKKO_FILING_KEY", "11" * 32)
    (sent,) = told(home, capsys, "round", *day, "--door", door)["filings"]
    assert sent["state"] == "submitted" and sent["reference"] == made["reference"]
    (tmp_path / "door" / "incoming" / "a.xml").write_bytes(status_advice(Said(sent["reference"])))
    done = told(home, capsys, "round", *day, "--door", door)
    assert ([one["state"] for one in done["filings"]], done["missed"], done["tickets"]) == (["acked"], [], [])


def test_a_report_that_is_given_on_request_is_checked_in_a_round_and_not_sent(home: Home, tmp_path: Path, capsys, monkeypatch):
    monkeypatch.setattr("executor.compliance.rulebook_file.load_rulebook", lambda: only(REPORT))
    monkeypatch.setenv("GREKKO_FILING_KEY", "11" * 32)
    for _ in range(2):
        (made,) = told(home, capsys, "round", "--date", "2026-01-08", "--door", f"folder:{tmp_path / 'door'}")["filings"]
    assert (made["filing_id"], made["state"]) == (ID, "validated")
    (tmp_path / "door" / "incoming").mkdir(parents=True, exist_ok=True)
    assert told(home, capsys, "submit", ID, "--door", f"folder:{tmp_path / 'door'}")["state"] == "submitted"
    (tmp_path / "door" / "incoming" / "a.xml").write_bytes(status_advice(Said(made["reference"])))
    (made,) = told(home, capsys, "round", "--date", "2026-01-08", "--door", f"folder:{tmp_path / 'door'}")["filings"]
    assert made["state"] == "acked"


def only(report_id: str):
    """The shipped rulebook with this report alone."""
    from dataclasses import replace

    place, regime, _ = report_id.split(".")
    jurisdiction = BOOK.jurisdictions[place]
    reports = {name: one for name, one in jurisdiction.regimes[regime].reports.items() if one.id == report_id}
    kept = replace(jurisdiction, regimes={regime: replace(jurisdiction.regimes[regime], reports=reports)})
    return replace(BOOK, jurisdictions={place: kept})


def test_a_deadline_that_passed_is_told_of_a_report_that_was_begun(home: Home, capsys, monkeypatch):
    monkeypatch.setattr("executor.compliance.rulebook_file.load_rulebook", lambda: only("US.CFTC.part45"))
    told(home, capsys, "draft", "US.CFTC.part45", "--date", "2026-01-06")
    late = told(home, capsys, "round", "--date", "2026-01-09")
    assert late["missed"] == [
        "US.CFTC.part45 about 2026-01-06 to 2026-01-06 was due on 2026-01-07 and not sent: its filing is validated.",
        "US.CFTC.part45 about 2026-01-07 to 2026-01-07 was due on 2026-01-08 and not sent: no filing was begun.",
    ]
    assert [one["severity"] for one in late["tickets"]] == ["urgent", "urgent"]


def test_what_is_not_over_and_what_is_unknown_is_refused(home: Home, capsys):
    assert "is not over" in told(home, capsys, "draft", REPORT, "--date", "2999-01-01", code=2)["message"]
    assert "There is no report" in told(home, capsys, "draft", "XX.Y.z", "--date", DAY, code=2)["message"]


@pytest.mark.parametrize("report", BOOK.reports.values(), ids=lambda one: one.id)
def test_the_newest_period_that_is_over_is_always_filed_and_none_that_is_not(report):
    for day in (date(2026, 1, 1), date(2026, 1, 20), date(2026, 3, 31), date(2026, 5, 31)):
        spans: list[Span] = periods_to_file(report, BOOK, day)
        assert spans and all(one.last < day for one in spans)
        assert (day - spans[-1].last).days <= 366
