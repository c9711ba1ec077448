"""The CONCAT code of a natural person: day of birth, five letters, five letters."""

from __future__ import annotations

import re
import string
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.problems import BadInput
from domain.regulation.identifiers.national_id import concat_code, national_id

BORN = date(1981, 3, 9)


@pytest.mark.parametrize(
    ("first", "surname", "letters"),
    [
        ("Anna", "Schmidt", "ANNA#SCHMI"),
        ("Jürgen", "Groß", "JURGEGROS#"),
        ("Seán", "O'Brian", "SEAN#OBRIA"),
        ("Jean-Pierre", "de la Tour", "JEANPTOUR#"),
        ("Ludwig", "von der Rohe", "LUDWIROHE#"),
        ("Ludwig", "van der Rohe", "LUDWIROHE#"),
        ("Mary Ann", "MacCormack", "MARY#MACCO"),
        ("Dr. Prof. Ida", "Ek", "IDA##EK###"),
        ("Łukasz", "Żak", "LUKASZAK##"),
        ("Bjørn", "Ærø", "BJORNARO##"),
        ("Þór", "Ðal", "TOR##DAL##"),
        ("Mei", "Van", "MEI##VAN##"),
        ("Maria", "Garcia Lopez", "MARIAGARCI"),
        ("Ana", "D'Arco-Li", "ANA##DARCO"),
    ],
)
def test_names_are_told_in_five_capital_letters(first, surname, letters):
    assert concat_code(BORN, first, surname) == "19810309" + letters


def test_the_country_of_nationality_comes_first():
    assert national_id("DE", BORN, "Anna", "Schmidt") == "DE19810309ANNA#SCHMI"
    with pytest.raises(BadInput, match="no country"):
        national_id("XX", BORN, "Anna", "Schmidt")


@pytest.mark.parametrize(("first", "surname", "field"), [("", "Ek", "first_name"), ("Ida", "...", "surname"), ("Ида", "Ek", "first_name")])
def test_a_name_without_latin_letters_is_refused_with_the_field(first, surname, field):
    with pytest.raises(BadInput, match=field) as refused:
        concat_code(BORN, first, surname)
    assert refused.value.facts["field"] == field


@given(st.dates(), st.text(string.ascii_letters + "éüøß'- ", min_size=1), st.text(string.ascii_letters + "éüøß'- ", min_size=1))
def test_for_any_name_with_a_letter_the_code_has_its_shape(born, first, surname):
    for name, field in ((first, "first_name"), (surname, "surname")):
        if not any(character.isalpha() for character in name):
            with pytest.raises(BadInput, match=field):
                concat_code(born, first, surname)
            return
    assert re.fullmatch(r"[0-9]{8}[A-Z]{1,5}#{0,4}[A-Z]{1,5}#{0,4}", concat_code(born, first, surname))
