"""Letters of other scripts in Latin ones, and a name as the words it is compared by.

Own tables carry Cyrillic, Greek, Arabic (with the letters Persian and Urdu add) and Hebrew, and the Latin letters that no accent
explains. A script they do not carry (Han, Hangul …) keeps its letters: it is found where the list has the same letters.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple


def _table(letters: str, latin: str) -> dict[str, str]:
    """Letters with what each becomes; `_` is nothing."""
    return dict(zip(letters, ("" if one == "_" else one for one in latin.split()), strict=True))


_CYRILLIC = _table(
    "абвгдезийклмнопрстуфхцчшщъыьэюяёіїєґўјљњћђџѓќѕжә",
    "a b v g d e z i y k l m n o p r s t u f kh ts ch sh shch _ y _ e yu ya e i yi ye g u j lj nj c dj dz g k dz zh a",
)
_GREEK = _table("αβγδεζηθικλμνξοπρσςτυφχψω", "a v g d e z i th i k l m n x o p r s s t y f ch ps o")
_ARABIC = _table(
    "اأإآٱبتثجحخدذرزسشصضطظعغفقكلمنهويىةپچژگکیئؤءڤټډړښګڼې",
    "a a a a a b t th j h kh d dh r z s sh s d t z _ gh f q k l m n h w y a a p ch zh g k y y w _ v t d r sh g n e",
)
_HEBREW = _table("אבגדהוזחטיכךלמםנןסעפףצץקרשת", "a b g d h v z h t y k k l m m n n s _ p f ts ts k r sh t")
_LATIN = {"ß": "ss", "ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "ħ": "h", "ŋ": "n"}
_TABLE = {ord(letter): latin for table in (_CYRILLIC, _GREEK, _ARABIC, _HEBREW, _LATIN) for letter, latin in table.items()}
# Written without their short vowels, so a word of theirs is compared by its consonants only.
_VOWELLESS = frozenset(map(ord, (*_ARABIC, *_HEBREW)))
# Apostrophes, hamza and ayn signs stand inside words; a point after a letter does in initials.
_INSIDE = re.compile(r"['’‘`´ʻʼʿʾ\u0640\u064b-\u065f\u0670]")
_WORD = re.compile(r"[^\W_]+")
_DOTTED = re.compile(r"\b(?:[^\W\d_]\.){2,}")
LONGEST = 500


class Word(NamedTuple):
    """One word of a name in small Latin letters; `bare` says that it was written without vowels."""

    text: str
    bare: bool = False


@lru_cache(maxsize=65_536)
def words_of(name: str) -> tuple[Word, ...]:
    """The words of a name. What is longer than any name is cut there."""
    told = unicodedata.normalize("NFKC", name[:LONGEST]).lower()
    # What no letter with an accent stands for keeps its accent apart, and so does the dot of a small İ: either would end the word.
    told = "".join(one for one in told if not unicodedata.combining(one))
    told = _DOTTED.sub(lambda found: f"{found.group().replace('.', '')} " if len(found.group()) > 4 else found.group(), told)
    return tuple(word for one in _WORD.findall(_INSIDE.sub("", told)) if (word := _word(one)).text)


def _word(word: str) -> Word:
    bare = any(ord(letter) in _VOWELLESS for letter in word)
    if word.startswith("ال") and len(word) > 4:  # the article, which is written apart, or left out, in Latin letters
        word = word[2:]
    # й is a letter, not an и with an accent: the table goes first, accents are taken off after it, then what they hid is looked up.
    plain = unicodedata.normalize("NFKD", word.translate(_TABLE))
    return Word("".join(one for one in plain if not unicodedata.combining(one)).translate(_TABLE), bare)
