"""`grekko regulations`: what is wrong with the rulebook, what is in it, and what is due."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from executor.compliance.rulebook_file import rulebook_sha256
from pipelines.cli import main
from tests.domain.regulation.rulebooks import BASE


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "regulations.yaml").write_text(BASE)
    return tmp_path / "regulations.yaml"


def test_a_right_rulebook_is_shown(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["regulations", "check", str(base)]) == 0
    told = capsys.readouterr().out
    assert "ZZ.ZMR" in told and "1 jurisdictions, 1 regimes, 1 reports, 3 limits" in told
    assert "2 legal references were not read by anybody yet" in told
    assert told.splitlines()[-1] == f"sha256 {rulebook_sha256(base)}"


def test_a_jurisdiction_without_a_report_is_named(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (base.parent / "regulations").mkdir()
    (base.parent / "regulations" / "YY.yaml").write_text("jurisdiction: YY\nname: Yland\nauthority: YA\ncountries: [YY]\n")
    assert main(["regulations", "check", str(base)]) == 0
    assert "without a report: YY" in capsys.readouterr().out


def test_programs_get_json(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["regulations", "check", str(base), "--json"]) == 0
    (report,) = json.loads(capsys.readouterr().out)["reports"]
    assert (report["report"], report["verified"], report["unverified"]) == ("ZZ.ZMR.trades", 6, 2)
    assert report["formats"] == {"xml": "carrier", "csv": "none"}


def test_a_wrong_rulebook_is_refused_with_the_line_and_the_fix(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base.write_text(BASE.replace("period: day", "period: dey").replace("years: 5", "years: five"))
    assert main(["regulations", "check", str(base)]) == 2
    told = capsys.readouterr().err
    assert "did you mean day?" in told and "write a whole number" in told


def test_what_is_due_is_listed(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["regulations", "due", str(base), "--from", "2026-04-07", "--to", "2026-04-07", "--json"]) == 0
    filings = json.loads(capsys.readouterr().out)["filings"]
    assert [one["period"] for one in filings] == [f"2026-04-0{day}" for day in range(2, 7)]  # over Easter
    assert {one["due"] for one in filings} == {"2026-04-07"}


def test_a_day_that_is_none_is_refused(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["regulations", "due", str(base), "--from", "soon", "--to", "2026-04-07"]) == 2
    assert "'soon' is no day" in capsys.readouterr().err
