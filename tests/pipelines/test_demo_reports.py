"""The demo's reports: made when the schemas are here, and green with a word on how to install them when they are not."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from assets.compliance.cabinet import Cabinet
from assets.compliance.report_periods import partitions_of
from executor.compliance.filings.store import FilingReader
from executor.compliance.rulebook_file import SHIPPED, load_rulebook
from pipelines.demo_reports import SIMULATED, file_with_simulated_authority, make_reports, missing_schemas, newest_span, tell_reports
from pipelines.home import Home
from tests.conftest import SCHEMAS

RULEBOOK = load_rulebook(SHIPPED)


@pytest.fixture
def out() -> Console:
    return Console(file=io.StringIO(), width=200, highlight=False)


def printed(out: Console) -> str:
    return out.file.getvalue()  # type: ignore[attr-defined]


def test_without_the_official_schemas_nothing_is_made_and_a_person_is_told_how_to_install_them(tmp_path, monkeypatch, out):
    monkeypatch.setenv("GREKKO_SCHEMAS", str(tmp_path / "none"))
    home = Home(tmp_path / "home", tmp_path)
    assert make_reports(home, RULEBOOK, out) == []
    told = printed(out)
    assert f"{len(missing_schemas(RULEBOOK))} official schemas are not installed (iso20022/auth.016.001.03.xsd" in told
    assert "grekko schemas install --from FOLDER" in told and "grekko demo --again" in told
    assert not home.root.exists()
    tell_reports(home, RULEBOOK, out)
    assert printed(out) == told  # no report, no table


def test_the_newest_period_is_the_last_of_the_recording():
    daily, yearly = RULEBOOK.reports["EU.MiCA.transactions"], RULEBOOK.reports["OECD.CARF.annual"]
    assert newest_span(daily).first.isoformat() == partitions_of(daily).get_partition_keys()[-1]
    assert newest_span(yearly).name == newest_span(daily).name[:4]


def test_the_demo_makes_all_six_files_them_with_the_simulated_authority_and_tells_them(demo_home: Home):
    """For the newest day or its year: nothing of it went to anybody."""
    if not SCHEMAS.is_dir():
        pytest.skip(f"the official schemas are not here: {SCHEMAS} does not exist")
    told = (demo_home.root / "printed.txt").read_text()
    cabinet = Cabinet(folder=str(demo_home.compliance))
    for report in RULEBOOK.reports.values():
        card = cabinet.every_form(report, newest_span(report))["csv"].card
        assert report.id in told and card["findings"]["faults"] == 0
    states = {one.key.report_id: str(one.state) for one in FilingReader(demo_home.compliance / SIMULATED).filings.filings.values()}
    assert states.keys() == RULEBOOK.reports.keys() and set(states.values()) <= {"acked", "not_needed"}
    assert states["EU.MiCA.transactions"] == states["OECD.CARF.annual"] == "acked"


def test_a_second_round_files_nothing_twice(demo_home: Home, monkeypatch):
    if not SCHEMAS.is_dir():
        pytest.skip(f"the official schemas are not here: {SCHEMAS} does not exist")
    monkeypatch.setenv("GREKKO_SCHEMAS", str(SCHEMAS))
    file_with_simulated_authority(demo_home, RULEBOOK)
    assert len(FilingReader(demo_home.compliance / SIMULATED).filings.filings) == len(RULEBOOK.reports)
