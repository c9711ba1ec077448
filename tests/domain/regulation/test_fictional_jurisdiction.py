"""A jurisdiction that nobody's code knows, from some fifty lines of YAML: read, judged, told, and held to its limits and retention."""

import json
from datetime import date
from pathlib import Path

import pytest

from domain.problems import BadInput
from domain.regulation.calendar import due, period_of
from domain.regulation.reading import read_rulebook
from domain.regulation.report import judge, render, validate
from domain.regulation.rulebook import Rulebook
from tests.domain.regulation.conftest import OWN, SchemasBeside, rulebook_texts
from tests.domain.regulation.report_rows import frame, heading, trade

FILE = Path(__file__).with_name("fictional_jurisdiction.yaml")
ID = "XF.TRA.trades"


@pytest.fixture(scope="module")
def with_freedonia() -> Rulebook:
    """The shipped rulebook with one file more."""
    return read_rulebook({**rulebook_texts(), "XF.yaml": FILE.read_text()})


def test_a_jurisdiction_is_sixty_lines_of_yaml_at_most():
    assert len(FILE.read_text().splitlines()) <= 60


def test_its_report_is_read_judged_and_told_without_code(with_freedonia: Rulebook):
    report = with_freedonia.reports[ID]
    rows = frame([trade(0, "C0001"), trade(1, "C0002"), trade(2, "C0001", base_dti="X9J9K872T"), trade(3, None)])
    judged = judge(report, rows, with_freedonia, heading(ID))
    assert judged.outcomes["outcome"].to_list() == ["reported", "not_reportable", "blocked", "not_reportable"]
    assert judged.outcomes["rule_id"].to_list()[1:] == ["XF-E2", "F5:dti", "XF-E1"]
    schemas = SchemasBeside(OWN)
    told = render(report, judged, "json", heading(ID), schemas)
    [only] = json.loads(told.content)["trades"]
    assert only["client"]["lei"] == "FICT00NORDLICHT00184"
    assert (only["side"], only["quantity"]) == ("B", "1.234567890123456789")
    assert validate(report, told, schemas).is_empty()
    lines = render(report, judged, "csv", heading(ID), schemas).content.decode().split("\r\n")
    assert "# blocked: 1" in lines
    assert lines[-3].startswith("reference,client,moment,side,token,quantity,price")


def test_its_empty_day_is_told_too(with_freedonia: Rulebook):
    report = with_freedonia.reports[ID]
    judged = judge(report, frame([trade(3, None)]), with_freedonia, heading(ID))
    told = json.loads(render(report, judged, "json", heading(ID), SchemasBeside(OWN)).content)
    assert told["header"]["reported"] == 0
    assert told["header"]["reasons"] == [{"reason": "nobody of ours traded", "count": 1}]


def test_its_limit_retention_and_checks_are_those_of_the_file(with_freedonia: Rulebook):
    [place] = with_freedonia.of_country("XF")
    [limit], [kept] = place.limits, place.retention
    assert (limit.basis, limit.metric, limit.most) == ("law", "order_usd", "5000")
    assert (kept.years, kept.extend_on_request_to) == (9, 12)
    assert place.kyc is not None
    assert place.kyc.providers == ("sanctions:un", "country:fatf", "wallet:ofac")
    assert place.kyc.travel_rule_minimum == "500"


def test_its_report_is_due_by_its_own_holidays(with_freedonia: Rulebook):
    report, place = with_freedonia.reports[ID], with_freedonia.jurisdictions["XF"]
    assert due(report, place, period_of("day", date(2026, 3, 4))) == date(2026, 3, 5)
    assert due(report, place, period_of("day", date(2026, 4, 30))) == date(2026, 5, 4)  # a holiday and a weekend lie between


def test_a_mistake_in_it_is_told_with_its_line_and_what_to_write(with_freedonia: Rulebook):
    wrong = FILE.read_text().replace("validate: dti}", "validate: dtu}")
    line = wrong[: wrong.index("validate: dtu")].count("\n") + 1
    with pytest.raises(BadInput, match=rf"XF.yaml, line {line}.*did you mean dti"):
        read_rulebook({**rulebook_texts(), "XF.yaml": wrong})
