"""The code that stands for a natural person without a national number: CONCAT, as Art 6 of Delegated Reg. (EU) 2017/590 (RTS 22) asks.

The day of birth, then the first five letters of the first name, then those of the surname, capital and filled up with '#'; titles and
prefixes that stand apart are left out. The tables of letters and prefixes follow ESMA's guidelines on transaction reporting
(ESMA/2016/1452, 5.5); they were written down from memory and not compared with the text.
"""

from __future__ import annotations

import unicodedata
from datetime import date

from domain.problems import BadInput
from domain.regulation.identifiers.country import check_country

LETTERS = 5
FILLER = "#"
# Letters that are not a base letter with a mark.
TRANSLITERATED = str.maketrans(
    {"ß": "S", "ẞ": "S", "Æ": "A", "Œ": "O", "Ø": "O", "Đ": "D", "Ð": "D", "Þ": "T", "Ł": "L", "Ħ": "H", "ı": "I", "Ŧ": "T", "Ŋ": "N"}
)
_TITLES = "atty coach dame dr fr gov honorable madame mademoiselle maitre master miss monsieur mr mrs ms mx ofc phd pres prof rev sir"
_PREFIXES = """
am auf auf_dem aus_der d da de de_l del de_la de_le di do dos du im la le mac mc mhac mhic mhic_giolla mic ni nic o ua ui
van van_de van_den van_der vom von von_dem von_den von_der
"""
TITLES = frozenset(_TITLES.split())
PREFIXES = frozenset(_PREFIXES.split())


def national_id(country: str, birth_date: date, first_name: str, surname: str) -> str:
    """The person's code with the country of nationality in front; raises BadInput when the country is none, or as `concat_code` does."""
    wrong = check_country(country)
    if wrong:
        raise BadInput(f"No code can be made for the person: {wrong}.", field="nationality")
    return country + concat_code(birth_date, first_name, surname)


def concat_code(birth_date: date, first_name: str, surname: str) -> str:
    """The CONCAT code, 18 characters. Raises BadInput when a name has no Latin letters: give it as the travel document spells it."""
    return f"{birth_date.isoformat().replace('-', '')}{_five_letters(first_name, 'first_name')}{_five_letters(surname, 'surname')}"


def _five_letters(name: str, field: str) -> str:
    words = _words(name)
    while len(words) > 1 and _plain(words[0]) in TITLES:
        words = words[1:]
    for taken in (3, 2, 1):
        if len(words) > taken and "_".join(_plain(word) for word in words[:taken]) in PREFIXES:
            words = words[taken:]
            break
    # A person's first name is the first of them; a surname is all its words in one.
    letters = "".join(_latin(word, name, field) for word in (words[:1] if field == "first_name" else words))
    if not letters:
        raise BadInput(f"The {field} {name!r} has no letters; write it as the travel document does.", field=field)
    return letters[:LETTERS].ljust(LETTERS, FILLER)


def _words(name: str) -> list[str]:
    return [word for word in name.split() if any(character.isalpha() for character in word)]


def _plain(word: str) -> str:
    marked = unicodedata.normalize("NFKD", word.lower())
    return "".join(character for character in marked if character.isalpha())


def _latin(word: str, name: str, field: str) -> str:
    upper = unicodedata.normalize("NFKD", word.translate(TRANSLITERATED).upper().translate(TRANSLITERATED))
    letters = "".join(character for character in upper if character.isalpha())
    if not all("A" <= letter <= "Z" for letter in letters):
        raise BadInput(f"The {field} {name!r} has letters that are not Latin; write it as the travel document's two lines do.", field=field)
    return letters
