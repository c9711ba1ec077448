"""How long records are kept: the longest term wins, holds beat terms, and nothing is ever shortened."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.problems import BadInput
from domain.regulation.retention import (
    Extension,
    Hold,
    Requests,
    access,
    allowed_extension,
    kept,
    rules_for,
    years_after,
)
from domain.regulation.rulebook import AccessTier, DocRef, Jurisdiction, RetentionRule, Rulebook

ARTICLE = DocRef("2023/1114", "Art 68(9)", "EU", verified=True)
PART_45 = DocRef("17 CFR 45.2", verified=True)
EU = Jurisdiction(
    "EU", "European Union", "ESMA", (), retention=(RetentionRule(("order", "transaction"), 5, ARTICLE, extend_on_request_to=7),)
)
US = Jurisdiction(
    "US",
    "United States",
    "CFTC",
    (),
    retention=(
        RetentionRule(("swap",), 5, PART_45, "swap_final_termination", access=(AccessTier(2, "hot"), AccessTier(None, "cold", 3))),
        RetentionRule(("transaction",), 6, DocRef("made up for this test"), access=(AccessTier(3, "hot"),)),
    ),
)
BOOK = Rulebook(1, {"EU": EU, "US": US})
TRADED = date(2026, 3, 10)
TRANSACTION = rules_for(BOOK, ["transaction"])
ORDER = rules_for(BOOK, ["order"])
SWAP = rules_for(BOOK, ["swap"])


def request(years: int = 7, on: date = date(2030, 1, 1), record_class: str = "order", place: str = "EU") -> Extension:
    return Extension(place, record_class, years, on, "letter 12")


def test_the_longest_rule_of_all_regimes_wins():
    found = kept(["transaction"], {"record_date": TRADED}, TRANSACTION)
    assert [str(term.until) for term in found.terms] == ["2031-03-10", "2032-03-10"]
    assert found.until == date(2032, 3, 10)
    assert found.rule_ids == ("EU-RET-1", "US-RET-2")


def test_a_record_goes_the_day_after_its_last_day_and_not_before():
    found = kept(["order"], {"record_date": TRADED}, ORDER)
    assert not found.may_go(date(2031, 3, 10)) and found.may_go(date(2031, 3, 11))
    assert found.why(date(2031, 3, 10)) == "EU-RET-1 (EU 2023/1114 Art 68(9)): until 2031-03-10"
    assert found.why(date(2031, 3, 11)).startswith("past every term")


def test_a_swap_that_has_not_ended_is_kept_without_an_end():
    found = kept(["swap"], {"record_date": TRADED}, SWAP)
    assert found.until is None and not found.may_go(date(9999, 1, 1))
    assert "swap_final_termination has not happened" in found.why(TRADED)
    ended = kept(["swap"], {"record_date": TRADED, "swap_final_termination": date(2030, 6, 1)}, SWAP)
    assert ended.until == date(2035, 6, 1)


def test_a_class_that_no_rule_names_is_kept():
    found = kept(["photograph"], {"record_date": TRADED}, rules_for(BOOK, ["photograph"]))
    assert found.until is None and not found.may_go(date(9999, 1, 1))
    assert "no retention rule" in found.why(TRADED)


def test_an_authority_may_ask_for_seven_years_instead_of_five():
    found = kept(["order"], {"record_date": TRADED}, ORDER, Requests((request(),)))
    assert found.until == date(2033, 3, 10)
    assert "extended by letter 12" in found.why(TRADED)


@pytest.mark.parametrize(
    "beyond",
    [
        request(years=8),
        request(years=4),
        request(on=date(2031, 3, 11)),
        request(record_class="transaction"),
        request(place="US"),
    ],
)
def test_a_request_beyond_the_law_changes_nothing(beyond: Extension):
    assert kept(["order"], {"record_date": TRADED}, ORDER, Requests((beyond,))).until == date(2031, 3, 10)


@pytest.mark.parametrize(
    ("beyond", "reason"),
    [
        (request(years=8), "longest it may ask for is 7"),
        (request(years=5), "nothing is ever shortened"),
        (request(place="US"), "no retention rule there can be extended"),
        (request(on=date(2031, 3, 11)), "after the rule's own years were over"),
    ],
)
def test_a_request_beyond_the_law_is_refused_with_the_reason(beyond: Extension, reason: str):
    with pytest.raises(BadInput, match=reason):
        allowed_extension(beyond, ORDER, {"record_date": TRADED})


def test_a_request_within_the_law_is_allowed_also_before_the_event_happened():
    allowed_extension(request(), ORDER, {"record_date": TRADED})
    allowed_extension(request(), ORDER)
    allowed_extension(request(), ORDER, {"record_date": date(2029, 1, 1)})


def test_an_extension_of_a_rule_whose_event_has_not_happened_waits_with_it():
    ending = RetentionRule(("client",), 5, ARTICLE, "relationship_end", extend_on_request_to=10)
    rules = rules_for(Rulebook(1, {"EU": Jurisdiction("EU", "", "", (), retention=(ending,))}), ["client"])
    asked = Requests((request(10, record_class="client"),))
    assert kept(["client"], {"record_date": TRADED}, rules, asked).until is None
    ended = {"record_date": TRADED, "relationship_end": date(2028, 1, 1)}
    assert kept(["client"], ended, rules, asked).until == date(2038, 1, 1)


def test_a_legal_hold_beats_expiry_and_has_no_end():
    hold = Hold("H1", "order", "a court asked", TRADED, TRADED)
    found = kept(["order"], {"record_date": TRADED}, ORDER, Requests((), (hold,)))
    assert not found.may_go(date(9999, 1, 1)) and found.why(date(9999, 1, 1)) == "legal hold H1: a court asked"
    assert found.until == date(2031, 3, 10)


@pytest.mark.parametrize(
    ("hold", "covered"),
    [
        (Hold("H", "order", ""), True),
        (Hold("H", "swap", ""), False),
        (Hold("H", "order", "", first=date(2026, 3, 11)), False),
        (Hold("H", "order", "", last=date(2026, 3, 9)), True),
        (Hold("H", "order", "", last=date(2026, 3, 7)), False),
    ],
)
def test_a_hold_covers_a_batch_when_any_of_its_days_is_under_it(hold: Hold, covered: bool):
    found = kept(["order"], {"record_date": TRADED}, ORDER, Requests((), (hold,)), first=date(2026, 3, 8))
    assert bool(found.holds) is covered


def test_a_swap_is_hot_for_its_life_and_two_years_and_then_within_three_business_days():
    alive = access({"record_date": TRADED}, SWAP)
    assert alive.hot_until is None and alive.is_hot(date(2090, 1, 1))
    ended = access({"record_date": TRADED, "swap_final_termination": date(2030, 6, 1)}, SWAP)
    assert ended.hot_until == date(2032, 6, 1) and ended.within_business_days == 3
    assert ended.is_hot(date(2032, 6, 1)) and not ended.is_hot(date(2032, 6, 2))


def test_the_house_keeps_records_hot_for_two_years_where_no_rule_asks_for_more():
    assert access({"record_date": TRADED}, ORDER).hot_until == date(2028, 3, 10)
    assert access({"record_date": TRADED}, TRANSACTION).hot_until == date(2029, 3, 10)
    assert access({"record_date": TRADED}, ORDER).within_business_days is None


def test_a_record_of_29_february_is_kept_until_1_march_where_there_is_no_29th():
    assert years_after(date(2028, 2, 29), 5) == date(2033, 3, 1)
    assert years_after(date(2028, 2, 29), 4) == date(2032, 2, 29)


days = st.dates(date(2020, 1, 1), date(2040, 12, 31))


@settings(max_examples=60, deadline=None)
@given(day=days, ended=st.none() | days, years=st.integers(0, 10), asked=days, today=days)
def test_for_any_record_more_requests_never_let_it_go_earlier(day: date, ended: date | None, years: int, asked: date, today: date):
    events = {"record_date": day} | ({"swap_final_termination": ended} if ended else {})
    classes = ["order", "swap", "transaction"]
    rules = rules_for(BOOK, classes)
    bare = kept(classes, events, rules)
    more = kept(classes, events, rules, Requests((request(years, asked), request(years, asked, "transaction"))))
    assert (bare.until is None) == (more.until is None)
    if bare.until is not None and more.until is not None:
        assert more.until >= bare.until >= day + timedelta(days=5 * 365)
    held = kept(classes, events, rules, Requests((), (Hold("H", "order", "why"),)))
    assert not held.may_go(today)
    assert bare.may_go(today) or not more.may_go(today)
