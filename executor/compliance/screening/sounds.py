"""What spellings of one name have in common: letters that transliterations exchange become one, and vowels fall into three groups.

Mohammed and Muhammad, Sergei and Sergey, Qaddafi and Kaddafi are one word each when folded.
"""

from __future__ import annotations

import re
from functools import lru_cache

# Longer groups first. Each is a choice that transliterations of Arabic, Russian, Persian, Spanish, French and German differ in.
_GROUPS = {
    "shch": "s",
    "tsch": "c",
    "sch": "s",
    "tch": "c",
    "dzh": "j",
    "dsch": "j",
    "dj": "j",
    "zh": "j",
    "sh": "s",
    "ch": "c",
    "kh": "h",
    "gh": "g",
    "ph": "f",
    "th": "t",
    "dh": "d",
    "ts": "z",
    "tz": "z",
    "ck": "k",
    "qu": "k",
    "ks": "x",
    "ou": "u",
    "oo": "u",
    "ee": "i",
    "iy": "i",
    "ij": "i",
    "q": "k",
    "w": "v",
}
_GROUP = re.compile("|".join(sorted(_GROUPS, key=len, reverse=True)))
_OFF = re.compile(r"(?<=[aeo])ff$")
_SOFT_C = re.compile(r"c(?=[eiy])")
_LETTERS = str.maketrans({"e": "a", "o": "u", "y": "i"})
_TWICE = re.compile(r"(.)\1+")
_VOWELS = re.compile(r"[aiu]")


@lru_cache(maxsize=65_536)
def folded(word: str) -> str:
    """The word with what transliterations exchange made one."""
    told = _GROUP.sub(lambda found: _GROUPS[found.group()], _SOFT_C.sub("s", _OFF.sub("v", word))).translate(_LETTERS)
    return _TWICE.sub(r"\1", told) or word


@lru_cache(maxsize=65_536)
def consonants(word: str) -> str:
    """The folded word without its vowels; a half vowel (v, from w or u) counts as one, since vowelless scripts write it for u."""
    return _VOWELS.sub("", folded(word)).replace("v", "") or folded(word)
