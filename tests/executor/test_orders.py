"""An order is the fold of its entries, and a journal that tells an impossible life is not acted on."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.problems import BadInput, Broken
from executor.orders import (
    CANCEL_ASKED,
    TERMINAL,
    UNSEEN,
    Attempt,
    Entry,
    Fees,
    Mode,
    Order,
    OrderRequest,
    Outcome,
    PlannedLeg,
    Rehearsed,
    Routed,
    Seen,
    State,
    entry_of,
    fold,
    intent_entry,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
REQUEST = OrderRequest("one", "0xa", "0xb", 10)
LEG = PlannedLeg(1, "0xp", "uniswap_v3", True, 3000, "0xa", "0xb", 2**64, 10, 20)
ROUTED = Routed((LEG,), 10, 20, 19, 0.1, 5, "0x5", "0xr", "0xr", "0x", 9)
REHEARSED = Rehearsed(10, 20, 90, 120, Fees(2, 1, 1, 0.9, 3), 240, 5, "0x5")


def attempt(nonce: int = 7, tx_hash: str = "0x1", purpose: str = "swap") -> Attempt:
    return Attempt(purpose, nonce, tx_hash, "0x02", 120, 2, 1, NOW)  # type: ignore[arg-type]


FACTS = {
    State.ROUTED: ROUTED,
    State.SIMULATED: REHEARSED,
    State.SIGNED: attempt(),
    State.BROADCAST: {"tx_hash": "0x1"},
    State.SEEN: Seen("0x1", 6, "0x6", 1),
    UNSEEN: Seen("0x1", 6, "0x6", 1),
    State.FINAL: Outcome("0x1", 6, "0x6", 1, 10, 20, 90, 2),
    State.REPLACED: Outcome("0x2", 6, "0x6", None),
    State.ABANDONED: Outcome(None, None, None, None, reason="too late"),
    State.REFUSED: {"rule": "kill_switch", "message": "no"},
    CANCEL_ASKED: {"by": "request"},
}


def order(*kinds: str, mode: Mode = "live") -> Order:
    """The order after these entries."""
    told = Order.begun(intent_entry(REQUEST, mode, "0xacc", NOW))
    for kind in kinds:
        told = told.after(entry_of(kind, "one", NOW, FACTS[kind]))  # type: ignore[index]
    return told


def test_a_whole_life_folds_to_what_happened():
    told = order("routed", "simulated", "signed", "broadcast", "seen", "final")
    assert told.state is State.FINAL and told.is_terminal
    assert (told.routed, told.rehearsed, told.nonce) == (ROUTED, REHEARSED, 7)
    assert told.attempts == (replace(attempt(), was_broadcast=True),)
    assert told.seen == FACTS[State.SEEN] and told.outcome == FACTS[State.FINAL]
    assert told.deadline == NOW + timedelta(seconds=120)


def test_a_reorg_leads_back_to_broadcast():
    told = order("routed", "simulated", "signed", "broadcast", "seen", UNSEEN)
    assert (told.state, told.seen) == (State.BROADCAST, None)


def test_a_plan_made_again_takes_the_place_of_the_first():
    told = order("routed", "simulated", "routed")
    assert (told.state, told.rehearsed) == (State.ROUTED, None)


def test_higher_fees_and_a_cancellation_have_the_same_nonce():
    told = order("routed", "simulated", "signed", "seen")
    told = told.after(entry_of(State.SIGNED, "one", NOW, attempt(7, "0x2", "cancel")))
    assert told.state is State.SEEN and len(told.attempts) == 2
    with pytest.raises(Broken, match="owns nonce 7 and was signed for 8"):
        told.after(entry_of(State.SIGNED, "one", NOW, attempt(8)))


def test_without_a_signature_a_life_ends_rehearsed():
    assert not order("routed", "simulated").is_terminal
    for mode in ("simulate", "paper"):
        told = order("routed", "simulated", mode=mode)
        assert told.is_terminal
        with pytest.raises(Broken):
            told.after(entry_of(State.SIGNED, "one", NOW, attempt()))


def test_a_refusal_and_a_wish_to_cancel_are_kept():
    assert order("routed", "refused").refusal == FACTS[State.REFUSED]
    told = order(CANCEL_ASKED, "abandoned")
    assert told.cancel_asked and told.outcome is not None and told.outcome.reason == "too late"
    assert told.nonce is None


@given(st.lists(st.sampled_from(sorted(map(str, FACTS)))))
def test_for_any_entries_nothing_follows_an_end_and_every_life_can_be_folded_again(kinds: list[str]):
    told, entries = order(), [intent_entry(REQUEST, "live", "0xacc", NOW)]
    for kind in kinds:
        entry = entry_of(kind, "one", NOW, FACTS[kind])  # type: ignore[index]
        if told.is_terminal:
            with pytest.raises(Broken):
                told.after(entry)
            continue
        try:
            told = told.after(entry)
        except Broken:
            continue
        entries.append(entry)
    orders: dict[str, Order] = {}
    for entry in entries:
        orders = fold(orders, entry)
    assert orders == {"one": told}
    assert told.is_terminal == (told.state in TERMINAL)


def test_entries_about_no_order_change_none():
    assert fold(None, Entry("foreign_nonce", None, NOW)) == {}


@pytest.mark.parametrize("kind", ["nonsense", "intent"])
def test_what_cannot_follow_is_broken(kind: str):
    with pytest.raises(Broken, match="verify the journal"):
        order().after(Entry(kind, "one", NOW))
    if kind != "intent":
        with pytest.raises(Broken, match="begins with"):
            Order.begun(Entry(kind, "one", NOW))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"buy": "0xa"}, "buy"),
        ({"amount_in": 0}, "amount_in"),
        ({"slippage_bps": 10_000}, "slippage_bps"),
        ({"slippage_bps": -1}, "slippage_bps"),
        ({"valid_for_seconds": 0}, "valid_for_seconds"),
    ],
)
def test_a_request_that_makes_no_sense_names_its_field(changes: dict, field: str):
    with pytest.raises(BadInput) as caught:
        intent_entry(replace(REQUEST, **changes), "live", None, NOW)
    assert caught.value.facts["field"] == field


def test_an_entry_carries_the_facts_and_not_its_own_time():
    entry = entry_of(State.SIGNED, "one", NOW, attempt())
    assert "signed_at" not in entry.facts and "was_broadcast" not in entry.facts
    assert entry_of(CANCEL_ASKED, "one", NOW).facts == {}
    assert entry_of(State.ROUTED, "one", NOW, ROUTED).facts["legs"] == (asdict(LEG),)
