"""The DTI: right for every code of the registry, and what its check character finds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.regulation.identifiers.dti import ALPHABET, BITCOIN, check_character, check_dti

ROOT = Path(__file__).resolve().parents[4]
SHARED = ROOT.parent / "shared"

codes = st.builds(lambda first, rest: first + rest, st.sampled_from(ALPHABET[1:]), st.text(ALPHABET, min_size=7, max_size=7)).map(
    lambda eight: eight + check_character(eight)
)


@pytest.fixture(scope="module")
def registry() -> list[str]:
    if not SHARED.is_dir():
        pytest.skip(f"the registry is not here: {SHARED} does not exist")
    return list(json.loads((SHARED / "schemas" / "reference" / "dti_registry.json").read_text()))


def test_every_code_of_the_registry_is_right_and_only_bitcoins_breaks_the_scheme(registry):
    assert len(registry) == 5_785
    assert [code for code in registry if check_dti(code)] == []
    assert [code for code in registry if check_character(code[:8]) != code[8]] == [BITCOIN]


@pytest.mark.parametrize("code", ["", "X9J9K872", "X9J9K872SS", "x9j9k872s", "09J9K872S", "A9J9K872S", "X9J9K87YS", "X9J9K872S\n"])
def test_another_shape_is_no_dti(code):
    assert "nine digits or consonants without Y" in check_dti(code)


def test_a_wrong_check_character_is_told_with_the_right_one():
    assert check_dti("X9J9K872T").endswith("the check character is S, not T (MOD 31,30)")


def test_the_exception_is_one_code_and_not_its_neighbours():
    assert check_dti("4H95J0R2X") is None
    assert check_dti("4H95J0R2W") is not None
    assert check_dti("4H95J02RX") is not None


@given(codes)
def test_for_any_code_its_own_check_character_is_right(code):
    assert check_dti(code) is None


@given(codes, st.integers(0, 8), st.sampled_from(ALPHABET))
def test_for_any_code_a_changed_character_is_found(code, place, other):
    changed = code[:place] + other + code[place + 1 :]
    assume(changed not in (code, BITCOIN))
    assert check_dti(changed) is not None


@given(codes, st.integers(0, 7))
def test_for_any_code_a_swap_of_neighbours_is_found_unless_they_follow_each_other_in_the_alphabet(code, place):
    one, two = (ALPHABET.index(character) for character in code[place : place + 2])
    assume(abs(one - two) not in (0, 1, len(ALPHABET) - 1))
    assert check_dti(code[:place] + code[place + 1] + code[place] + code[place + 2 :]) is not None


def test_of_all_swaps_the_scheme_misses_one_in_435():
    """Each of the 30 states a code can be in before the swap misses one of the 435 pairs of characters."""

    def after(product: int, pair: str) -> int:
        for character in pair:
            product = ((product + ALPHABET.index(character)) % 30 or 30) * 2 % 31
        return product

    pairs = [(one, two) for one in ALPHABET for two in ALPHABET if one < two]
    missed = [(state, pair) for state in range(1, 31) for pair in pairs if after(state, "".join(pair)) == after(state, "".join(pair[::-1]))]
    assert (len(pairs), len(missed), len({state for state, _ in missed})) == (435, 30, 30)
