"""`grekko report`: the list, a report of a day in each format with where its values come from, and clear words for what cannot be."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]

from executor.compliance.rulebook_file import SHIPPED, load_rulebook
from pipelines.cli import main
from pipelines.home import Home

RULEBOOK = load_rulebook(SHIPPED)
ID, DAY = "EU.MiCA.transactions", "2026-01-07"


@pytest.fixture
def ask(reporting_home: Home, reporting_settings: None, capsysbinary: pytest.CaptureFixture[bytes]):
    """Asks for a report of the home: exit code, what stands on standard output, and on standard error."""

    def run(*arguments: str) -> tuple[int, bytes, str]:
        code = main(["report", *arguments, "--home", str(reporting_home.root), "--recording", str(reporting_home.recording)])
        told = capsysbinary.readouterr()
        return code, told.out, told.err.decode()

    return run


@pytest.mark.parametrize("form", ["xml", "csv", "json"])
def test_a_report_of_a_day_is_written_in_each_format_with_where_its_values_come_from(ask, tmp_path: Path, form: str):
    file, whence = tmp_path / f"out.{form}", tmp_path / "lineage.csv"
    code, out, told = ask(ID, "--date", DAY, "--format", form, "--out", str(file), "--lineage", str(whence))
    assert (code, out) == (0, b"")
    assert "5 reported, 0 not reportable, 1 blocked" in told and "1 left out: base_dti: it is missing" in told
    assert RULEBOOK.reports[ID].formats[form].claim in told and "References nobody has verified: 66." in told  # type: ignore[index]
    assert [one.name for one in tmp_path.glob(".*")] == []
    content = file.read_bytes()
    if form == "xml":
        assert len(etree.fromstring(content).findall(".//{*}New")) == 5
    elif form == "json":
        assert json.loads(content)["header"]["reported"] == 5
    else:
        assert len([one for one in content.decode().splitlines() if not one.startswith("# ")]) == 6
    rows = pl.read_csv(whence)
    assert {"place", "field_id", "value", "table", "column", "row_key", "doc_ref", "verified"} <= set(rows.columns)
    assert rows["row_key"].drop_nulls().n_unique() >= 5 and "reportable_trades" in rows["table"].to_list()


def test_without_a_file_the_document_goes_to_standard_output_in_the_reports_first_format(ask, tmp_path: Path):
    whence = tmp_path / "lineage.parquet"
    code, out, _ = ask(ID.lower(), "--date", DAY, "--lineage", str(whence))
    assert code == 0 and out.startswith(b"<?xml") and etree.fromstring(out).tag.endswith("Document")
    assert pl.read_parquet(whence).height > 5


def test_programs_get_what_became_of_it_as_json_on_standard_error(ask):
    code, out, told = ask("SG.PSN02.transfers", "--date", DAY, "--json")
    said = json.loads(told)
    assert code == 0 and json.loads(out)["header"]["report"] == "SG.PSN02.transfers"
    assert (said["valid"], said["reported"], said["not_reportable"], said["blocked"], said["faults"]) == (True, 1, 4, 0, [])
    assert (said["period"], said["format"], said["schema_status"]) == (DAY, "json", "official")
    assert said["reasons"] == {"the originator is not served in Singapore": 4}


def test_a_period_is_found_by_any_of_its_days(ask):
    for day in ("2026-01-07", "2026-12-31"):
        code, _, told = ask("OECD.CARF.annual", "--date", day)
        assert code == 0 and "OECD.CARF.annual for 2026:" in told and "19 reported" in told


def test_a_day_without_data_is_told_as_nothing_to_report(ask):
    code, out, told = ask(ID, "--date", "2026-01-15", "--format", "json")
    assert code == 0 and json.loads(out)["header"]["reported"] == 0
    assert "0 reported, 0 not reportable, 0 blocked" in told


def test_every_report_is_listed_with_when_it_is_due_and_what_may_be_claimed(ask, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    code, out, _ = ask("--list", "--json")
    listed = {one["id"]: one for one in json.loads(out)["reports"]}
    assert code == 0 and listed.keys() == RULEBOOK.reports.keys()
    assert listed["SG.SFRDC.derivatives"]["due"] and listed[ID]["due"] is None
    assert listed[ID]["claims"] == {name: form.claim for name, form in RULEBOOK.reports[ID].formats.items()}
    code, out, _ = ask("--list")
    assert code == 0 and all(name in out.decode() for name in RULEBOOK.reports) and b"on request" in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("EU.MiCA.trades", "--date", DAY), "no report EU.MiCA.trades; it is one of EU.MiCA.transactions"),
        (("PSN02", "--date", DAY), "no report PSN02; it is one of SG.PSN02.transfers."),
        ((), "no report (none given)"),
        ((ID,), "--date is None; write a day of the period as YYYY-MM-DD"),
        ((ID, "--date", "7 January"), "--date is '7 January'"),
        ((ID, "--date", DAY, "--format", "pdf"), "has no format pdf; it has xml, json, csv"),
        (("SG.PSN02.transfers", "--date", DAY, "--format", "xml"), "has no format xml; it has json, csv"),
        ((ID, "--date", DAY, "--out", "/nowhere/at/all.xml"), "/nowhere/at/all.xml cannot be written (No such file or directory)"),
        ((ID, "--date", DAY, "--lineage", "/nowhere/at/all.csv"), "/nowhere/at/all.csv cannot be written (No such file or directory)"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence(ask, arguments: tuple[str, ...], says: str):
    code, out, told = ask(*arguments)
    assert code == 2 and out == b""
    assert says in told


def test_a_missing_schema_is_told_with_how_to_install_it(ask, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("GREKKO_SCHEMAS", str(tmp_path))
    code, out, told = ask(ID, "--date", DAY, "--out", str(tmp_path / "x.xml"))
    assert code == 2 and out == b"" and "grekko schemas install" in told
    assert not (tmp_path / "x.xml").exists()


def test_a_document_that_is_not_valid_is_not_written_and_its_faults_are_named(ask, tmp_path: Path, monkeypatch):
    """A rulebook that tells what the schema does not know."""
    report = RULEBOOK.reports[ID]
    form = replace(report.formats["xml"], attributes={"unheard_of": "1"})
    wrong = replace(report, formats={**report.formats, "xml": form})
    regime = replace(RULEBOOK.jurisdictions["EU"].regimes["MiCA"], reports={"transactions": wrong})
    place = replace(RULEBOOK.jurisdictions["EU"], regimes={"MiCA": regime})
    monkeypatch.setattr(
        "executor.compliance.rulebook_file.load_rulebook", lambda: replace(RULEBOOK, jurisdictions={**RULEBOOK.jurisdictions, "EU": place})
    )
    code, out, told = ask(ID, "--date", DAY, "--out", str(tmp_path / "x.xml"))
    assert (code, out) == (1, b"") and list(tmp_path.iterdir()) == []
    assert "NOT VALID" in told and "nothing is written" in told and "rule_id=" in told
