"""A thousand seeded defects: how many are found, and what each finding says."""

import pytest

from domain.regulation.report import judge
from domain.regulation.rulebook import Rulebook
from tests.domain.regulation.broken_documents import CHECKED, found_in_documents
from tests.domain.regulation.conftest import ROOT, SchemasBeside
from tests.domain.regulation.sample_matrix import SAMPLES, rows_of
from tests.domain.regulation.seeded_defects import KINDS, Found, found_in, slipped

EACH = 150  # of each report, and 21 in each of seven documents: 1,047 in all
COPIES = 21


@pytest.fixture(scope="module")
def found(rulebook: Rulebook) -> list[Found]:
    """What is found of the defects in rows."""
    return [one for report_id in SAMPLES for one in found_in(rulebook.reports[report_id], rulebook, EACH)]


def test_of_a_thousand_defects_at_least_95_in_100_are_found(found: list[Found], rulebook: Rulebook, schemas: SchemasBeside):
    every = [*found, *found_in_documents(rulebook, schemas, COPIES)]
    assert len(every) >= 1_000
    share = sum(bool(one.errors) for one in every) / len(every)
    kinds = [*KINDS, *dict.fromkeys(f"{name} document" for _, name in CHECKED)]
    print(f"\n{share:.1%} of {len(every)} seeded defects are found")
    for kind, told in slipped(every, kinds).items():
        print(f"  {kind}: {told}")
    assert share >= 0.95, slipped(every, kinds)
    page = " ".join((ROOT / "docs" / "reports.md").read_text().split())
    assert f"seeds {len(every):,} defects" in page
    assert f"It finds {share * 100:.1f} % of them" in page


def test_what_slips_through_leaves_a_row_that_nothing_in_it_contradicts(found: list[Found]):
    # Which side of a contract the firm took, and that no dollar price was known, is told once: nothing else in the row says otherwise.
    undetectable = {"side turned round", "without price_usd"}
    assert {one.defect.told for one in found if not one.errors} <= undetectable


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_defect_is_tried_on_every_report(kind: str, found: list[Found]):
    tried = {one.defect.report_id for one in found if one.defect.kind == kind}
    assert tried >= set(SAMPLES) - ({"EU.MiCA.orders"} if kind == "bad precision" else set())


def test_each_finding_names_rule_field_row_and_article(found: list[Found]):
    for one in found:
        for rule, field, article in one.errors:
            assert rule
            assert field, one.defect
            assert article
        assert one.defect.row_key


def test_the_rows_are_right_before_they_are_broken(rulebook: Rulebook):
    for report_id, sample in SAMPLES.items():
        judged = judge(rulebook.reports[report_id], rows_of(report_id, count=20), rulebook, sample.heading)
        assert judged.count("blocked") == 0
        assert judged.findings.filter(severity="error").is_empty()
