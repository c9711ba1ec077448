"""`grekko audit`: from a key to a proof that a stranger checks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from executor.compliance.audit import AuditLog
from pipelines.cli import main
from tests.executor.compliance.audit.logs import KEY, OTHER_KEY, entries_of, signed_log, tampering


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("GREKKO_AUDIT_HEADS", "GREKKO_AUDIT_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GREKKO_AUDIT_LOG", str(tmp_path / "log"))
    monkeypatch.setenv("GREKKO_AUDIT_KEY", "11" * 32)
    return signed_log(tmp_path / "log", 40, 300, rest=7)


def test_a_good_log_verifies_and_says_up_to_where_it_is_signed(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "verify"]) == 0
    told = capsys.readouterr().out
    assert "DOES NOT" not in told
    assert "307 entries, 2 signed heads, 2 in the folder" in told
    assert "A cut before entry 300 is seen." in told and f"Signed by {KEY.public}" in told


def test_a_changed_log_is_named_by_its_entry_with_exit_code_1(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with tampering(log) as connection:
        connection.execute("update entries set body = replace(body, 'R7', 'R8') where seq = 7")
    assert main(["audit", "verify", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["first_broken_seq"] == 7
    assert main(["audit", "verify", "--public-key", KEY.public]) == 1
    assert "The first broken entry is 7." in capsys.readouterr().out


def test_another_key_does_not_pass_for_the_auditors(log: Path) -> None:
    assert main(["audit", "verify", "--public-key", KEY.public]) == 0
    assert main(["audit", "verify", "--public-key", OTHER_KEY.public]) == 1
    assert main(["audit", "verify", "--public-key", "key"]) == 2


def test_a_head_is_signed_and_then_covers_every_entry(log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "prove", "305", "--out", str(tmp_path / "early.json")]) == 2
    assert main(["audit", "head", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["size"] == 307
    assert main(["audit", "prove", "305", "--out", str(tmp_path / "proof.json")]) == 0
    assert main(["audit", "check-proof", str(tmp_path / "proof.json"), "--public-key", KEY.public]) == 0
    assert "Entry 305 is in the log of 307 entries" in capsys.readouterr().out


def test_growth_is_proved_since_a_head(log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "prove", "--since", "40", "--out", str(tmp_path / "growth.json")]) == 0
    assert main(["audit", "check-proof", str(tmp_path / "growth.json"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["holds"] is True
    assert main(["audit", "prove", "--since", "40", "--out", str(tmp_path / "growth.json")]) == 2  # never written over


def test_a_proof_that_does_not_hold_has_exit_code_1(log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "prove", "12", "--out", str(tmp_path / "proof.json")]) == 0
    text = (tmp_path / "proof.json").read_text()
    (tmp_path / "proof.json").write_text(text.replace("R12", "R13"))
    assert main(["audit", "check-proof", str(tmp_path / "proof.json")]) == 1
    assert "DOES NOT  Entry 12, as it stands here, is not in the log" in capsys.readouterr().out
    assert main(["audit", "check-proof", str(tmp_path / "none.json")]) == 2


def test_a_key_is_made_and_used(log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "key", "--out", str(tmp_path / "key"), "--json"]) == 0
    public = json.loads(capsys.readouterr().out)["public_key"]
    monkeypatch.delenv("GREKKO_AUDIT_KEY")
    monkeypatch.setenv("GREKKO_AUDIT_KEY_FILE", str(tmp_path / "key"))
    assert main(["audit", "head", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["key"] == public


@pytest.mark.parametrize(
    "arguments",
    [
        ["verify", "--log", "none"],
        ["head", "--log", "none"],
        ["prove", "--out", "x"],
        ["prove", "1", "--since", "40", "--out", "x"],
    ],
)
def test_what_cannot_be_done_is_told_with_exit_code_2(log: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", *arguments]) == 2
    assert capsys.readouterr().err.startswith("BadInput: ")


def test_a_log_that_was_never_signed_says_so(tmp_path: Path, log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with AuditLog(tmp_path / "new") as new:
        new.append(entries_of(0, 2))
    (tmp_path / "heads").mkdir()
    assert main(["audit", "verify", "--log", str(tmp_path / "new"), "--heads", str(tmp_path / "heads")]) == 0
    assert "Nothing was signed, so a cut is not seen." in capsys.readouterr().out


def test_without_a_setting_the_log_is_that_of_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("GREKKO_AUDIT_LOG", "GREKKO_AUDIT_HEADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GREKKO_HOME", str(tmp_path))
    assert main(["audit", "verify"]) == 2
    assert str(tmp_path / "compliance" / "audit" / "audit.sqlite") in capsys.readouterr().err
    signed_log(tmp_path / "compliance" / "audit" / "audit.sqlite", 3)
    assert main(["audit", "verify"]) == 0
    assert "3 entries, 1 signed heads, 1 in the folder" in capsys.readouterr().out
