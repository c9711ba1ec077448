"""The demo's reports: made when the schemas are here, and green with a word on how to install them when they are not."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from assets.compliance.report_periods import partitions_of
from executor.compliance.rulebook_file import SHIPPED, load_rulebook
from pipelines.demo_reports import make_reports, missing_schemas, newest_span, tell_reports
from pipelines.home import Home

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
