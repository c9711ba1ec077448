"""`grekko negotiate` and `grekko negotiation`: one negotiation to look at, and its record checked."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from pipelines.cli import main

HERE = "tests.executor.agents.slow_agents"


@pytest.fixture
def record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    path = tmp_path / "negotiations.sqlite"
    assert main(["negotiate", "--record", str(path), "--deadline", "30"]) == 0
    capsys.readouterr()
    return path


def told(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert main(list(arguments)) == code
    output = capsys.readouterr()
    return output.out or output.err


def test_the_example_shows_agents_that_disagree_and_a_replay_that_is_equal(capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, "negotiate", "--deadline", "30")
    for line in ("→ coordinator  propose", "news/1+vader-1.0.0", "decided BUY: 0.", "replay: equal"):
        assert line in text
    document = json.loads(told(capsys, "negotiate", "--json", "--deadline", "30", "--agents", "technical"))
    assert document["decision"]["action"] == "SELL"
    assert document["decision"]["weights_ppm"] == {"technical": 1_000_000}


def test_agents_of_ones_own_run_in_processes_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--processes", "--agents", f"{HERE}:BUYER,{HERE}:PONDERER", "--trade-id", "quick-1", "--quorum", "2", "--deadline", "60"]
    document = json.loads(told(capsys, "negotiate", "--json", *arguments))
    assert (document["decision"]["action"], document["replay"]["equal"]) == ("SELL", True)


def test_a_record_that_holds_is_told_and_shown(record: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, "negotiation", "verify", str(record))
    assert "1 decisions, 1 follow again to the byte" in text
    head = text.split("head ")[1].strip()
    assert "holds" in told(capsys, "negotiation", "verify", str(record), "--head", head, "--json")
    assert "trade-1  BUY: 0." in told(capsys, "negotiation", "show", str(record))
    assert "replay: equal" in told(capsys, "negotiation", "show", str(record), "trade-1")
    assert json.loads(told(capsys, "negotiation", "show", str(record), "trade-1", "--json"))["trade_id"] == "trade-1"
    assert len(json.loads(told(capsys, "negotiation", "show", str(record), "--json"))["negotiations"]) == 1


def test_a_record_that_does_not_hold_is_an_exit_code_of_one(record: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "should end" in told(capsys, "negotiation", "verify", str(record), "--head", f"99:{'0' * 64}", code=1)
    with sqlite3.connect(record) as connection:
        connection.execute("drop trigger never_changed")
        connection.execute("update negotiations set payload = cast(replace(payload, 'BUY', 'HEY') as blob) where kind = 'decided'")
    connection.close()
    text = told(capsys, "negotiation", "verify", str(record), code=1)
    assert "DOES NOT HOLD" in text and "NOT EQUAL" in text
    assert json.loads(told(capsys, "negotiation", "verify", str(record), "--json", code=1))["holds"] is False


def test_what_makes_no_sense_is_named(record: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no record" in told(capsys, "negotiation", "verify", str(tmp_path / "none"), code=2)
    assert "SEQ:HASH" in told(capsys, "negotiation", "verify", str(record), "--head", "x", code=2)
    assert "UnknownNegotiation" in told(capsys, "negotiation", "show", str(record), "other", code=2)
    assert "There is no agent nobody" in told(capsys, "negotiate", "--agents", "nobody", code=2)
    assert "cannot be read as JSON" in told(capsys, "negotiate", str(tmp_path / "none.json"), code=2)
    assert "actions" in told(capsys, "negotiate", "--actions", "HOLD", code=2)
