"""The LEI: known codes are right, and what its check digits find and cannot find."""

from __future__ import annotations

import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.regulation.identifiers.lei import check_digits, check_lei

ALPHABET = string.digits + string.ascii_uppercase
# Codes that were issued and are in the public register.
KNOWN = ("HWUPKR0MPOU8FGXBT394", "506700GE1G29325QX363", "7ZW8QJWVPR4P1J1KQY45")
# Letter and digit of these pairs make the same number in both orders: B is 11 and 1, B1 is 111 and 1B is 111.
ALIKE = ({"1", "B"}, {"2", "M"}, {"3", "X"})

codes = st.text(ALPHABET, min_size=18, max_size=18).map(lambda first: first + check_digits(first))


@pytest.mark.parametrize("code", KNOWN)
def test_codes_that_were_issued_are_right(code):
    assert check_lei(code) is None


@pytest.mark.parametrize(
    "code", ["HWUPKR0MPOU8FGXBT39", "hwupkr0mpou8fgxbt394", "HWUPKR0MPOU8FGXBT3945", "HWUPKR0MPOU8FGXBT3A4", "HWUPKR0MPOU8FGXBT394\n"]
)
def test_another_shape_is_no_lei(code):
    assert "18 capital letters or digits and then two digits" in check_lei(code)


def test_a_wrong_check_digit_is_told_with_the_right_one():
    assert check_lei("HWUPKR0MPOU8FGXBT395").endswith("the check digits are 94, not 95 (MOD 97-10)")


@given(codes)
def test_for_any_code_its_own_check_digits_are_right(code):
    assert check_lei(code) is None


@given(codes, st.integers(0, 19), st.sampled_from(ALPHABET))
def test_for_any_code_a_changed_character_is_found(code, place, other):
    assume(other != code[place] and other.isdigit() == code[place].isdigit())
    assert check_lei(code[:place] + other + code[place + 1 :]) is not None


@given(codes, st.integers(0, 18))
def test_for_any_code_a_swap_of_neighbours_is_found_but_for_the_three_pairs_that_read_alike(code, place):
    pair = {code[place], code[place + 1]}
    assume(len(pair) == 2)
    swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    assert (check_lei(swapped) is None) == (pair in ALIKE and place < 17)
