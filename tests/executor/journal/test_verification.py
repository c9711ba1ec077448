"""The verifier finds what is wrong with a journal, also where every hash is right."""

from __future__ import annotations

import pytest

from domain.problems import BadInput
from executor.journal.sealing import Sealed, canonical, first_row, sealed
from executor.journal.verification import head_of, verify
from executor.orders import GAP_FILLED, Entry, State
from tests.executor.journal.lives import (
    ACCOUNT,
    NOON,
    broadcast,
    ended,
    hash_of,
    intent,
    routed,
    seen,
    signed,
    simulated,
    until_signed,
    whole,
)


def journal(*entries: Entry) -> list[Sealed]:
    """A journal whose hashes are right, whatever its entries are."""
    rows = [first_row("eip155:31337", NOON)]
    for entry in entries:
        rows.append(sealed(canonical(entry), rows[-1]))
    return rows


def wrong(*entries: Entry) -> dict[str, tuple[int | None, str]]:
    """What does not hold: the sentence's beginning, the seq and the details."""
    return {
        finding.sentence: (finding.first_seq, " ".join(finding.details))
        for finding in verify(journal(*entries)).findings
        if not finding.holds
    }


def test_a_good_journal_holds_and_tells_its_size():
    result = verify(journal(*whole("a", 1, "x"), Entry("kill_switch", None, NOON), *until_signed("b", 2, "y")))
    assert result.holds and result.first_broken_seq is None
    assert (result.name, result.entries, result.orders, result.head and result.head[0]) == ("eip155:31337", 13, 2, 12)
    assert result.to_json()["holds"] is True


def test_a_life_that_cannot_be_lived_is_named_with_its_entry():
    found = wrong(intent(), routed(), ended(State.FINAL))
    assert found["Every order's life is one that can be lived."] == (3, "entry 3: Order a: final cannot follow routed; verify the journal.")


def test_a_nonce_signed_for_two_orders_is_found():
    found = wrong(*until_signed("a", 7, "x"), *until_signed("b", 7, "y"))
    assert found == {
        "A nonce belongs to one order.": (8, "entry 8: nonce 7 of 0x" + "ac" * 20 + " belongs to a and was signed for b"),
    }


def test_a_nonce_that_was_filled_because_nobody_used_it_is_no_orders_any_more():
    filled = Entry(GAP_FILLED, None, NOON, {"account": ACCOUNT, "nonce": 7})
    found = wrong(filled, *until_signed("a", 7, "x"))
    assert found["A nonce belongs to one order."] == (
        5,
        f"entry 5: nonce 7 of {ACCOUNT} belongs to nobody: it was filled and was signed for a",
    )
    assert not wrong(filled, *until_signed("a", 8, "x"))


def test_the_same_nonce_of_another_account_is_fine():
    assert not wrong(*until_signed("a", 7, "x"), intent("b", account="0xother"), routed("b"), simulated("b"), signed("b", 7, "y"))


def test_a_fresh_nonce_on_a_retry_is_found():
    found = wrong(*until_signed("a", 7, "x"), signed("a", 8, "y"))
    assert found["Every order's life is one that can be lived."][0] == 5


def test_two_transactions_under_one_hash_are_found():
    found = wrong(*until_signed(), signed(raw="0x02ff"))
    assert found == {
        "A transaction hash stands for one transaction.": (5, f"entry 5: {hash_of('tx')} stands for another transaction already")
    }


@pytest.mark.parametrize("entry", [broadcast(tx="foreign"), seen(tx="foreign"), ended(State.FINAL, tx="foreign")])
def test_what_was_never_signed_cannot_be_on_its_way(entry):
    found = wrong(*until_signed(), entry)
    assert found["Only what was signed is broadcast, seen or final."][0] == 5


def test_a_life_ends_only_with_a_transaction_that_can_end_it():
    proof = "A life ends on the chain only with a transaction, and what it ends with was known."
    assert wrong(*until_signed(), ended(State.FINAL, block_number=None))[proof][0] == 5
    assert wrong(*until_signed(), ended(State.ABANDONED))[proof][0] == 5
    assert wrong(*until_signed(), ended(State.ABANDONED, tx=None, block_number=None))[proof][0] == 5
    assert wrong(*until_signed(), ended(State.REPLACED))[proof][0] == 5
    assert not wrong(*until_signed(), ended(State.REPLACED, tx="foreign"))
    assert not wrong(*until_signed(), signed(tx="cancel", purpose="cancel"), ended(State.ABANDONED, tx="cancel"))
    assert not wrong(intent(), ended(State.ABANDONED, tx=None, block_number=None))


def test_an_entry_about_an_order_that_never_began_is_found():
    assert wrong(broadcast("ghost")) == {
        "Every order's life is one that can be lived.": (
            1,
            "entry 1: Order ghost begins with broadcast instead of an intent; verify the journal.",
        )
    }


def test_many_faults_are_counted_and_the_first_told():
    finding = next(finding for finding in verify(journal(*[broadcast(f"g{n}") for n in range(9)])).findings if not finding.holds)
    assert finding.first_seq == 1 and len(finding.details) == 6 and finding.details[-1] == "and 4 more"


def test_a_text_that_is_not_canonical_or_no_entry_is_found_even_with_a_right_hash():
    rows = journal(intent())
    spaced = sealed(rows[1].text.replace(",", ", "), rows[0])
    empty = sealed("{}", spaced)
    zoneless = sealed(rows[1].text.replace("+00:00", ""), empty)
    finding = next(finding for finding in verify([rows[0], spaced, empty, zoneless]).findings if not finding.holds)
    assert finding.sentence == "Every entry is one, in its canonical text." and len(finding.details) == 3


def test_an_empty_or_headless_journal_does_not_hold():
    assert verify([]).first_broken_seq == 0
    assert verify([]).to_json()["head"] is None
    headless = verify(journal(intent())[1:])
    assert headless.name is None and headless.first_broken_seq == 1


def test_a_cut_off_end_is_found_with_a_head_that_was_kept():
    rows = journal(*whole())
    head = head_of(verify(rows).to_json()["head"])
    assert verify(rows, expect=head).holds
    assert verify([*rows, sealed(rows[-1].text, rows[-1])], expect=head).findings[-1].holds
    cut = verify(rows[:-2], expect=head)
    assert cut.findings[-1].details == ("entry 7 is not there: the end was cut off",)
    assert verify(rows[:-2]).holds
    assert not verify(journal(*whole("b", 8, "y")), expect=head).findings[-1].holds


@pytest.mark.parametrize("told", ["", "7", "7:abc", "x:" + "0" * 64])
def test_a_head_of_another_shape_is_refused(told):
    with pytest.raises(BadInput, match="SEQ:HASH"):
        head_of(told)
