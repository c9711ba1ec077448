"""A filing's life as a value: what may follow what, and that nothing is lost on the way."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.problems import Broken, IllegalTransition
from domain.regulation.filing import Event, Filing, FilingKey, State
from domain.regulation.filing.lifecycle import DONE, FINDINGS, HANDED_OVER, SET_ASIDE, WAITING

KEY = FilingKey("EU.MiCA.transactions", date(2026, 3, 1), date(2026, 3, 1), "xml")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def event(kind: str, version: int = 1) -> Event:
    facts = {
        "version": version,
        "reference": f"ref-{version}",
        "name": "a.xml",
        "sha256": "a" * 64,
        "records_sha256": "b" * 64,
        "record_count": 1,
        "errors": 1,
        "signature": {"algorithm": "Ed25519"},
        "answer_sha256": "c" * 64,
        "refused": [],
        "refusals": [],
        "damaged": False,
    }
    return Event(str(kind), KEY.filing_id(0), NOON, "a test", "because", facts)


def after(*kinds: str) -> Filing:
    """The filing after these events; each document is the next version."""
    filing = None
    for kind in kinds:
        told = event(kind, len(filing.versions) + 1 if filing else 1)
        filing = filing.after(told) if filing else Filing.begun(told)
    assert filing is not None
    return filing


SENT = (State.DRAFT, State.VALIDATED, State.SIGNED, State.SUBMITTED)
AGAIN = (State.FIXED, State.VALIDATED, State.SIGNED, State.RESUBMITTED)


def test_the_straight_way_is_draft_validated_signed_submitted_acked():
    filing = after(*SENT, HANDED_OVER, State.ACKED)
    assert (filing.state, filing.was_submitted, filing.version.verdict) == (State.ACKED, True, State.ACKED)
    assert filing.first_submitted_at == NOON


def test_a_refused_filing_is_fixed_and_resubmitted_and_keeps_its_first_version():
    filing = after(*SENT, State.NACKED, *AGAIN, HANDED_OVER, State.ACKED, State.CORRECTED, State.CANCELLED)
    assert [one.verdict for one in filing.versions] == [State.NACKED, State.ACKED]
    assert [one.reference for one in filing.versions] == ["ref-1", "ref-2"]
    assert filing.state in DONE


def test_an_answer_after_the_time_is_over_still_counts():
    assert after(*SENT, State.TIMED_OUT, HANDED_OVER, State.TIMED_OUT, State.PARTLY).timeouts == 2
    assert after(*SENT, State.PENDING, HANDED_OVER).state is State.PENDING


@pytest.mark.parametrize(
    ("life", "step"),
    [
        ((State.DRAFT,), State.SIGNED),
        ((State.DRAFT,), State.SUBMITTED),
        ((State.DRAFT, FINDINGS), State.SIGNED),
        (SENT, State.DRAFT),
        (SENT, State.CANCELLED),
        (SENT, State.FIXED),
        ((*SENT, State.ACKED), State.FIXED),
        ((*SENT, State.NACKED), State.SUBMITTED),
        ((*SENT, State.NACKED, *AGAIN[:3]), State.SUBMITTED),
        ((*SENT, State.NACKED, *AGAIN[:3]), State.DRAFT),
        (SENT[:3], State.RESUBMITTED),
        (SENT[:3], State.ACKED),
        ((State.NOT_NEEDED,), State.DRAFT),
    ],
)
def test_a_step_that_is_not_allowed_is_refused_with_those_that_are(life, step):
    filing = after(*life)
    with pytest.raises(IllegalTransition) as refused:
        filing.after(event(step, len(filing.versions) + 1))
    assert refused.value.facts["allowed"] == list(filing.allowed)
    assert str(step) not in filing.allowed


def test_a_life_begins_with_a_draft_or_with_why_none_is_needed():
    with pytest.raises(IllegalTransition, match="first step"):
        Filing.begun(event(State.SIGNED))
    with pytest.raises(IllegalTransition, match="no document"):
        _ = after(State.NOT_NEEDED).version


def test_a_version_out_of_turn_says_that_events_are_missing():
    with pytest.raises(Broken, match="version 3 stands where 2 should"):
        after(State.DRAFT).after(event(State.DRAFT, 3))


@settings(max_examples=60)
@given(st.data())
def test_for_any_life_no_version_is_lost_or_changed_in_what_was_made(data):
    filing = after(State.DRAFT)
    for _ in range(data.draw(st.integers(0, 20))):
        if not filing.allowed:
            break
        step = data.draw(st.sampled_from([*filing.allowed, SET_ASIDE]))
        before = [(one.number, one.reference, one.sha256, one.made_at) for one in filing.versions]
        filing = filing.after(event(step, len(filing.versions) + 1))
        assert [(one.number, one.reference, one.sha256, one.made_at) for one in filing.versions][: len(before)] == before
        if filing.state in WAITING:
            assert filing.version.signature is not None and filing.version.submitted_at is not None
