"""Which legal references count as read: those that somebody read, and no other."""

import re

from domain.regulation.rulebook import DocRef, Rulebook

# Read in full or in the segment named. Adding one here means having read it.
READ = {
    ("2023/1114", r"Art 68\(9\)|Art 76\(15\)|recital 22"),
    ("2025/1140", r"recital 2|Art 2|Art 12|Art 15|Art 16, field (7|16|34|42|44)"),
    ("2025/416", r"Table 2, (field (1|2|3|4|5|7|19|20|21|22|31|46)|Section [IJ])"),
    ("2017/590", r"Art 6"),
    ("17 CFR 45.2", r""),
    ("CFTC Technical Specification", r"element (31|32|33|34|35|40|41|42)"),
    ("CARF XML Schema 1.5", r""),
}


def every_reference(rulebook: Rulebook) -> list[DocRef]:
    """Of reports, retention, limits and the checks of clients."""
    told = [one for report in rulebook.reports.values() for one in report.references()]
    for place in rulebook.jurisdictions.values():
        told += [rule.doc_ref for rule in place.retention] + [limit.doc_ref for limit in place.limits]
        told += [place.kyc.doc_ref] if place.kyc and place.kyc.doc_ref else []
    return told


def test_a_reference_is_verified_only_where_somebody_has_read_it(rulebook: Rulebook):
    for one in every_reference(rulebook):
        read = any(one.corpus == corpus and re.fullmatch(segment, one.segment) for corpus, segment in READ)
        assert not one.verified or read, one


def test_most_references_say_that_nobody_has_read_them(rulebook: Rulebook):
    told = every_reference(rulebook)
    assert 0 < sum(one.verified for one in told) < len(told)


def test_a_limit_that_no_law_sets_says_so(rulebook: Rulebook):
    for place in rulebook.jurisdictions.values():
        for limit in place.limits:
            assert limit.basis == "internal_policy", "no law that sets a limit was found; one that does is cited here"
            assert limit.doc_ref.corpus == "internal policy"
            assert "law" in limit.text or "MiCA" in limit.text or "firm" in limit.text


def test_records_are_kept_as_long_as_the_law_that_was_read_says(rulebook: Rulebook):
    kept = {(code, name): rule for code, place in rulebook.jurisdictions.items() for rule in place.retention for name in rule.records}
    assert (kept["EU", "order"].years, kept["EU", "order"].extend_on_request_to) == (5, 7)
    swap = kept["US", "derivative"]
    assert (swap.years, swap.start) == (5, "swap_final_termination")
    assert [(tier.until_years, tier.tier, tier.within_business_days) for tier in swap.access] == [(2, "hot", None), (None, "cold", 3)]
    assert kept["US", "tax"].years == 7
    assert not kept["US", "tax"].doc_ref.verified
