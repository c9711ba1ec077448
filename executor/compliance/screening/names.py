"""Names against lists: which entry is meant by a name, how sure that is, and why."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from rapidfuzz.distance import OSA

from executor.compliance.screening.alignment import ARTICLE, Alignment, Asked, Term, align
from executor.compliance.screening.entries import Entry, Kind, ListedName, ListVersion, Quality, ReadList
from executor.compliance.screening.grams import GramIndex
from executor.compliance.screening.letters import Word, words_of
from executor.compliance.screening.sounds import consonants, folded

ALGORITHM = "grekko-names-1"
CANDIDATES = 80
THRESHOLD, REVIEW_FROM = 0.85, 0.75
# A nickname of one word is no name: alone it never makes a hit, only work for a person.
WEAK_AT_MOST = 0.8
KINDS: tuple[Kind, ...] = ("individual", "entity")

_IN_BRACKETS = re.compile(r"\s*\([^)]*\)")
# Words that say what a bearer is or whose child, and not who: they hardly count.
_SMALL_WORDS = (
    "al el ul as ad ar an bin ben ibn bint abu abd ou de del della di da do dos das la las le los van von der den ter y e i "
    "mr mrs ms dr prof sir sheikh shaykh haji hajji mullah maulavi mawlawi sayyid qari general colonel"
)
_LEGAL_WORDS = (
    "ltd limited llc inc incorporated corp corporation co company cia gmbh ag sa sas sarl srl spa bv nv plc oao ooo zao pao ojsc cjsc pjsc "
    "jsc fze fzco fzc est lp llp kg cv de rl group holding holdings the and of for a"
)
_SMALL, _LEGAL = frozenset(_SMALL_WORDS.split()), frozenset(_LEGAL_WORDS.split())
_LEGAL_WEIGHT = 0.1
_KNOWN_FROM = 3


@dataclass(frozen=True, slots=True)
class Match:
    """One entry that a name may mean. `name` is the listed name that fits best."""

    score: float
    entry: Entry
    name: ListedName
    alignment: Alignment

    def to_json(self) -> dict[str, Any]:
        """The match with its explanation: which words agree and how, and which only one side has."""
        return {
            "score": self.score,
            "list": self.entry.list_name,
            "entry": self.entry.uid,
            "kind": self.entry.kind,
            "name": self.name.text,
            "name_quality": self.name.quality,
            "primary_name": self.entry.names[0].text,
            "programs": list(self.entry.programs),
            "countries": list(self.entry.countries),
            "words": [pair._asdict() for pair in self.alignment.pairs],
            "only_asked": list(self.alignment.only_asked),
            "only_listed": list(self.alignment.only_listed),
        }


@dataclass(frozen=True, slots=True)
class _Indexed:
    entry: Entry
    name: ListedName
    terms: tuple[Term, ...]


class NameIndex:
    """The names of the lists, made ready to be asked about. `versions` are those of the lists it was made from."""

    def __init__(self, lists: Sequence[ReadList], kinds: Iterable[Kind] = KINDS) -> None:
        self.versions: tuple[ListVersion, ...] = tuple(one.version for one in lists)
        wanted = frozenset(kinds)
        told = [(entry, name, words) for one in lists for entry in one.entries if entry.kind in wanted for name, words in _spellings(entry)]
        bearers: Counter[str] = Counter()
        for _, _, words in told:
            bearers.update({word.text for word in words})
        self._bearers = bearers
        self._names = len(told)
        self._term = lru_cache(maxsize=131_072)(self._made_term)
        self._indexed = [_Indexed(entry, name, tuple(self._term(word) for word in words)) for entry, name, words in told]
        self._by_sound = GramIndex([[term.folded for term in one.terms] for one in self._indexed])
        self._by_consonants = GramIndex([[consonants(term.text) for term in one.terms] for one in self._indexed])

    def __len__(self) -> int:
        return self._names

    def search(self, name: str, least: float = REVIEW_FROM, most: int = 5) -> list[Match]:
        """The entries whose best name scores at least so much, the best first, each entry once."""
        words = tuple(self._term(word) for word in words_of(name))
        if not words:
            return []
        asked = Asked(words, _alike)
        best: dict[tuple[str, str], Match] = {}
        for number in self._candidates(words):
            one = self._indexed[number]
            alignment = align(asked, one.terms, least)
            if alignment is None:
                continue
            score = round(min(alignment.score, WEAK_AT_MOST) if one.name.quality == "weak" else alignment.score, 4)
            key = (one.entry.list_name, one.entry.uid)
            if score >= least and (key not in best or score > best[key].score):
                best[key] = Match(score, one.entry, one.name, alignment)
        return sorted(best.values(), key=lambda match: (-match.score, match.entry.list_name, match.entry.uid))[:most]

    def _candidates(self, words: Sequence[Term]) -> list[int]:
        near = self._by_sound.nearest([term.folded for term in words], CANDIDATES)
        if any(term.bare for term in words):
            near += self._by_consonants.nearest([consonants(term.text) for term in words], CANDIDATES)
        return list(dict.fromkeys(near))

    def _made_term(self, word: Word) -> Term:
        bearers = self._bearers[word.text]
        weight = math.log(1 + self._names / (1 + bearers)) / math.log(1 + self._names)
        if word.text in _SMALL:
            weight = ARTICLE
        elif word.text in _LEGAL:
            weight = _LEGAL_WEIGHT
        return Term(word.text, folded(word.text), weight, bearers >= _KNOWN_FROM, word.bare)


def _spellings(entry: Entry) -> list[tuple[ListedName, tuple[Word, ...]]]:
    """The names of an entry as words in the order they are said, each once; what stands in brackets is left out too."""
    found: dict[tuple[Word, ...], ListedName] = {}
    order: dict[Quality, int] = {"primary": 0, "alias": 1, "weak": 2}
    for name in sorted(entry.names, key=lambda one: order[one.quality]):
        for text in dict.fromkeys((_said(entry.kind, name.text), _said(entry.kind, _IN_BRACKETS.sub("", name.text)))):
            words = words_of(text)
            if words:
                found.setdefault(words, name)
    return [(name, words) for words, name in found.items()]


def _said(kind: Kind, text: str) -> str:
    """A person's name with the family name last: lists write it first, with a comma."""
    family, comma, given = text.partition(",")
    return f"{given} {family}" if comma and kind == "individual" else text


@lru_cache(maxsize=262_144)
def _alike(one: str, other: str) -> float:
    return OSA.normalized_similarity(one, other, score_cutoff=0.4)
