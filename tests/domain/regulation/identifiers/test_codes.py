"""ISIN, UTI, MIC, country and currency: what is one, what is none, and why."""

from __future__ import annotations

import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.problems import BadInput
from domain.regulation.identifiers import CHECKS, check
from domain.regulation.identifiers.country import COUNTRIES
from domain.regulation.identifiers.isin import check_digit
from domain.regulation.identifiers.uti import make_uti

LEI = "HWUPKR0MPOU8FGXBT394"
TX = "0x" + "ab" * 32


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("lei", LEI),
        ("dti", "X9J9K872S"),
        ("isin", "US0378331005"),
        ("isin", "DE0005140008"),
        ("isin", "FR0014003521"),
        ("uti", LEI + "A"),
        ("uti", LEI + "Z9" * 16),
        ("mic", "XETR"),
        ("mic", "XXXX"),
        ("country", "SG"),
        ("currency", "EUR"),
    ],
)
def test_a_right_code_has_nothing_said_about_it(kind, value):
    assert check(kind, value) is None


@pytest.mark.parametrize(
    ("kind", "value", "says"),
    [
        ("isin", "US0378331006", "the check digit is 5, not 6"),
        ("isin", "us0378331005", "two capital letters"),
        ("uti", "HWUPKR0MPOU8FGXBT395A", "the LEI of who made it"),
        ("uti", LEI, "1 to 32 capital letters or digits"),
        ("uti", LEI + "A" * 33, "1 to 32 capital letters or digits"),
        ("uti", LEI + "a", "1 to 32 capital letters or digits"),
        ("mic", "XET", "four capital letters or digits"),
        ("country", "XX", "no country"),
        ("country", "de", "no country"),
        ("currency", "USDC", "no currency"),
        ("currency", "XTS", "no currency"),
    ],
)
def test_a_wrong_code_is_told_with_the_reason(kind, value, says):
    assert says in check(kind, value)
    assert value in check(kind, value)


def test_a_kind_that_is_not_known_is_refused_with_those_that_are():
    with pytest.raises(BadInput, match="one of lei, dti, isin, uti, mic, country, currency"):
        check("bic", "DEUTDEFF")
    assert list(CHECKS) == ["lei", "dti", "isin", "uti", "mic", "country", "currency"]


def test_there_are_249_countries():
    assert len(COUNTRIES) == 249


@given(st.text(string.ascii_uppercase + string.digits, min_size=9, max_size=9), st.integers(2, 11), st.sampled_from(string.digits))
def test_for_any_isin_a_changed_digit_is_found(middle, place, other):
    code = "US" + middle + check_digit("US" + middle)
    assume(code[place].isdigit() and code[place] != other)
    assert check("isin", code) is None
    assert check("isin", code[:place] + other + code[place + 1 :]) is not None


def test_the_same_log_has_the_same_uti_and_its_neighbour_another():
    assert make_uti(LEI, TX, 7) == make_uti(LEI, TX, 7)
    assert len({make_uti(LEI, TX, 7), make_uti(LEI, TX, 8), make_uti(LEI, "0x" + "ac" * 32, 7)}) == 3


@given(st.binary(min_size=32, max_size=32), st.integers(0, 2**31))
def test_for_any_log_the_uti_is_right_and_as_long_as_it_may_be(tx_hash, log_index):
    uti = make_uti(LEI, "0x" + tx_hash.hex(), log_index)
    assert (check("uti", uti), len(uti)) == (None, 52)


@pytest.mark.parametrize(("lei", "tx_hash", "log_index"), [(LEI[:-1] + "5", TX, 0), (LEI, TX[2:], 0), (LEI, TX.upper(), 0), (LEI, TX, -1)])
def test_no_uti_is_made_of_what_is_no_lei_or_no_log(lei, tx_hash, log_index):
    with pytest.raises(BadInput, match="No UTI can be made"):
        make_uti(lei, tx_hash, log_index)
