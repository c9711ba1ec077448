"""An entry has one text, and a row says when anything about it was changed."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.problems import BadInput, Broken
from executor.journal.sealing import BEFORE_THE_FIRST, Sealed, canonical, decoded, document_of, faults, first_row, name_of, sealed
from executor.orders import Entry
from tests.executor.journal.lives import NOON, signed, whole

facts = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**256), 2**256) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
entries = st.builds(
    Entry, st.sampled_from(["intent", "kill_switch"]), st.none() | st.text(), st.just(NOON), st.dictionaries(st.text(), facts, max_size=4)
)


@given(entries)
def test_any_entry_is_read_back_as_it_was_written_and_has_one_text(entry):
    text = canonical(entry)
    assert decoded(text) == entry
    assert canonical(decoded(text)) == text
    assert text.isascii()


@given(entries)
def test_a_row_knows_what_it_is_about_without_reading_its_facts(entry):
    assert sealed(canonical(entry), None).about == (entry.kind, entry.order_id)


def test_a_stranger_can_check_a_hash_by_hand():
    row = sealed('{"at":"2026-03-01T12:00:00.000000+00:00","facts":{},"kind":"x","order_id":null}', first_row("eip155:1", NOON))
    assert row.hash == hashlib.sha256(f"1\n{row.previous}\n{row.text}".encode()).hexdigest()
    assert first_row("eip155:1", NOON).previous == BEFORE_THE_FIRST


def test_the_same_moment_has_one_text_in_every_zone():
    paris = timezone(timedelta(hours=1))
    assert canonical(Entry("x", None, NOON.astimezone(paris))) == canonical(Entry("x", None, NOON))


@pytest.mark.parametrize(
    "entry",
    [
        Entry("x", "a", datetime(2026, 3, 1)),
        Entry("x", "a", NOON, {"rate": float("nan")}),
        Entry("x", "a", NOON, {"what": object()}),
        Entry("x", "a", NOON, {"raw": b"\x02"}),
    ],
)
def test_what_has_no_one_text_is_refused(entry):
    with pytest.raises(BadInput):
        canonical(entry)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"at":"soon","facts":{},"kind":"x","order_id":null}', "7"])
def test_a_text_that_tells_no_entry_is_broken(text):
    with pytest.raises(Broken, match="verify the journal"):
        decoded(text)


def test_a_text_with_facts_of_another_type_is_broken():
    with pytest.raises(Broken, match="another type"):
        decoded('{"at":"2026-03-01T12:00:00+00:00","facts":[],"kind":"x","order_id":null}')


def chain() -> list[Sealed]:
    rows = [first_row("eip155:31337", NOON)]
    for entry in whole():
        rows.append(sealed(canonical(entry), rows[-1]))
    return rows


CHAIN = chain()


def test_an_untouched_chain_has_no_fault():
    assert list(faults(CHAIN)) == []
    assert list(faults(CHAIN[3:], CHAIN[2])) == []


@given(st.data())
def test_any_changed_character_of_any_row_is_found_at_that_row(data):
    place = data.draw(st.integers(0, len(CHAIN) - 1))
    row = CHAIN[place]
    field = data.draw(st.sampled_from(["previous", "hash", "text"]))
    told = getattr(row, field)
    at = data.draw(st.integers(0, len(told) - 1))
    put = data.draw(st.characters(codec="utf-8").filter(lambda letter: letter != told[at]))
    rows = [*CHAIN[:place], row._replace(**{field: told[:at] + put + told[at + 1 :]}), *CHAIN[place + 1 :]]
    assert min(seq for seq, _ in faults(rows)) == row.seq


@given(st.integers(0, len(CHAIN) - 2))
def test_any_row_taken_out_before_the_end_is_found(place):
    assert next(faults([*CHAIN[:place], *CHAIN[place + 1 :]]))[0] == place + 1


@given(st.integers(0, len(CHAIN) - 2))
def test_any_two_rows_that_changed_places_are_found(place):
    rows = [*CHAIN[:place], CHAIN[place + 1], CHAIN[place], *CHAIN[place + 2 :]]
    assert next(faults(rows))[0] == place + 1


def test_a_row_from_another_journal_is_found_even_when_its_own_hash_is_right():
    other = sealed(CHAIN[2].text, sealed(CHAIN[1].text, first_row("eip155:1", NOON)))
    assert other.is_intact
    assert [seq for seq, _ in faults([*CHAIN[:2], other, *CHAIN[3:]])] == [2, 3]


def test_only_a_first_row_names_a_journal():
    assert name_of(CHAIN[0]) == "eip155:31337"
    with pytest.raises(Broken, match="does not begin a journal"):
        name_of(CHAIN[1])


def test_signed_bytes_are_left_out_of_a_document_unless_asked_for():
    row = sealed(canonical(signed(raw="0x02beef")), None)
    assert "0x02beef" not in str(document_of(row, with_raw=False))
    assert document_of(row, with_raw=True)["facts"]["raw"] == "0x02beef"
