"""What the page about reports shows is what the reports are."""

from domain.regulation.report import judge, render
from executor.compliance.rulebook_file import load_rulebook
from tests.docs.pages import ROOT, Page
from tests.domain.regulation.conftest import OWN, SchemasBeside
from tests.domain.regulation.report_rows import frame, heading, trade

PAGE = Page(ROOT / "docs" / "reports.md")


def test_the_header_on_the_page_is_the_one_a_file_begins_with():
    report = load_rulebook().reports["EU.MiCA.transactions"]
    rows = frame([trade(0, "C0001"), trade(1, "C0003"), trade(2, None), trade(3, None), trade(4, "C0001", base_dti=None)])
    judged = judge(report, rows, load_rulebook(), heading())
    told = render(report, judged, "csv", heading(), SchemasBeside(OWN)).content.decode()
    assert [line for line in told.split("\r\n") if line.startswith("# ")] == PAGE.blocks("text")[0].rstrip().split("\n")


def test_every_report_and_each_of_its_forms_is_on_the_page():
    for report in load_rulebook().reports.values():
        assert f"| `{report.id}` |" in PAGE.text
        for form in report.formats.values():
            if form.schema_status != "none":
                assert any(
                    f"`{report.id}` {form.name.upper()} |" in line and f"| {form.schema_status} |" in line
                    for line in PAGE.text.splitlines()
                )


def test_the_page_on_jurisdictions_names_every_setting_of_a_report():
    page = Page(ROOT / "docs" / "add-a-jurisdiction.md").text
    for name in (
        "source",
        "timing",
        "eligibility",
        "formats",
        "tree",
        "rules",
        "lifecycle",
        "nil_tree",
        "acknowledgement",
        "retention",
        "limits",
        "kyc",
    ):
        assert f"`{name}`" in page
