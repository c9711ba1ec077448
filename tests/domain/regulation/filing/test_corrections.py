"""What must be told, and under which references."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.problems import BadInput
from domain.regulation.filing import FilingKey, HeldRecord, decide, digest_of, held_after, message_reference, record_reference, told_as
from domain.regulation.filing.references import LONGEST_MESSAGE

ROWS = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(["1", "2", "3"]))
BECOMES = st.sampled_from([{}, {"CORRECT": ("CANCEL", "NEW"), "AMEND": ("CANCEL", "NEW")}])
KEY = FilingKey("OECD.CARF.annual", date(2026, 1, 1), date(2026, 12, 31), "xml")


def test_each_record_is_new_corrected_cancelled_or_left_alone():
    held = {key: HeldRecord(key, f"doc-{key}", "message-1", "1") for key in "abc"}
    told = decide(held, {"a": "1", "b": "2", "d": "1"})
    assert [(one.action, one.key, one.corrects, one.corrects_message) for one in told] == [
        ("CORRECT", "b", "doc-b", "message-1"),
        ("CANCEL", "c", "doc-c", "message-1"),
        ("NEW", "d", None, None),
    ]


def test_a_report_without_corrections_cancels_and_tells_anew():
    held = {"a": HeldRecord("a", "doc-a", "message-1", "1")}
    told = told_as(decide(held, {"a": "2"}), {"CORRECT": ("CANCEL", "NEW")}, "message-2")
    assert [(one.action, one.reference, one.corrects) for one in told] == [
        ("CANCEL", "message-2-1", "doc-a"),
        ("NEW", "message-2-2", None),
    ]


@settings(max_examples=50)
@given(ROWS, ROWS, BECOMES)
def test_for_any_records_what_is_told_leads_to_the_records_of_now(before, now, becomes):
    held = held_after({}, told_as(decide({}, before), becomes, "message-1"), "message-1")
    told = told_as(decide(held, now), becomes, "message-2")
    after = held_after(held, told, "message-2")
    assert {key: one.digest for key, one in after.items()} == now
    assert decide(after, now) == ()
    assert len({one.reference for one in told}) == len(told)


@settings(max_examples=50)
@given(ROWS, ROWS, st.sets(st.integers(1, 6)))
def test_for_any_refusals_telling_the_rest_leads_to_the_records_of_now(before, now, refused):
    held = held_after({}, told_as(decide({}, before), {}, "message-1"), "message-1")
    told = told_as(decide(held, now), {}, "message-2")
    held = held_after(held, told, "message-2", {record_reference("message-2", place) for place in refused})
    held = held_after(held, told_as(decide(held, now), {}, "message-3"), "message-3")
    assert {key: one.digest for key, one in held.items()} == now


def test_the_digest_of_a_record_is_of_its_values_and_not_of_their_order():
    assert digest_of({"a": 1, "b": Decimal("1.10")}) == digest_of({"b": Decimal("1.10"), "a": 1})
    assert digest_of({"a": 1}) != digest_of({"a": 2})


NAMES = st.text(min_size=1, max_size=60)


@settings(max_examples=60)
@given(NAMES, NAMES, st.integers(0, 3), st.integers(1, 3), NAMES, NAMES, st.integers(0, 3), st.integers(1, 3))
def test_for_any_two_messages_their_references_differ_and_fit(firm, report, number, version, firm2, report2, number2, version2):
    one = message_reference(firm, FilingKey(report, KEY.period_start, KEY.period_end, "xml"), number, version)
    other = message_reference(firm2, FilingKey(report2, KEY.period_start, KEY.period_end, "xml"), number2, version2)
    assert re.fullmatch(r"[A-Za-z0-9.-]+", one) and len(one) <= LONGEST_MESSAGE and len(record_reference(one, 99_999)) <= 140
    if "-" not in firm + firm2:  # a firm's name is its LEI
        assert (one == other) == ((firm, report, number, version) == (firm2, report2, number2, version2))


def test_a_filing_id_is_read_as_it_is_written():
    assert FilingKey.of(KEY.filing_id(3)) == (KEY, 3)
    with pytest.raises(BadInput, match="no filing's id"):
        FilingKey.of("OECD.CARF.annual")
