"""How well two names agree, word by word, and why.

Words are paired whatever their order, each word once. A pair counts by how alike the two words are and by how rare they are: that two
people are both called Mohammed says little. Words that only one side has count against the match, less so where the listed name has
more of them (a middle name left out) than where the person asked about has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from executor.compliance.screening.sounds import consonants, folded

How = Literal["same", "sounds the same", "nearly the same", "initial", "written together", "same consonants"]


class Pair(NamedTuple):
    """Two words that were matched. `credit` is from 0 to 1."""

    asked: str
    listed: str
    how: How
    credit: float


@dataclass(frozen=True, slots=True)
class Alignment:
    """The score of a name against a listed one, and what it is made of."""

    score: float
    pairs: tuple[Pair, ...]
    only_asked: tuple[str, ...]
    only_listed: tuple[str, ...]


class Term(NamedTuple):
    """A word as it is compared. `weight` says how rare it is, `known` that several entries of the lists have it."""

    text: str
    folded: str
    weight: float
    known: bool
    bare: bool


class Found(NamedTuple):
    """A possible pair: places on both sides, how many words are taken on each, and what it is worth."""

    asked: int
    listed: int
    asked_run: int
    listed_run: int
    how: How
    credit: float


Alike = Callable[[str, str], float]

SOUNDS, CONSONANTS, INITIAL, TOGETHER = 0.97, 0.95, 0.8, 0.97
LEAST_ALIKE = 0.7
# Zheng and Jang sound the same to the folding, and share too few letters to be one name for sure.
LEAST_LETTERS, SOUNDS_ONLY = 0.5, 0.85
# Two words that both are names in use are two names and no slip of the pen: Mario is not Maria.
BOTH_KNOWN = 0.88
MISSING_IN_ASKED, MISSING_IN_LISTED = 0.38, 0.75
INITIAL_WEIGHT = 0.5
ARTICLE = 0.15


def credit_of(asked: Term, listed: Term, alike: Alike) -> tuple[How, float] | None:
    """How two words agree, or None where they do not."""
    if asked.text == listed.text:
        return "same", 1.0
    if asked.bare != listed.bare:
        return ("same consonants", CONSONANTS) if consonants(asked.text) == consonants(listed.text) else None
    short, long = sorted((asked.text, listed.text), key=len)
    if len(short) == 1:
        return ("initial", INITIAL) if long.startswith(short) else None
    if asked.folded == listed.folded:
        if len(asked.folded) < 3:
            return "sounds the same", LEAST_ALIKE
        return "sounds the same", SOUNDS if alike(asked.text, listed.text) >= LEAST_LETTERS else SOUNDS_ONLY
    if len(short) < 4 or (letters := alike(asked.text, listed.text)) < LEAST_LETTERS:
        return None
    near = max(letters, SOUNDS * alike(asked.folded, listed.folded))
    if asked.known and listed.known:
        near *= BOTH_KNOWN
    return ("nearly the same", near) if near >= LEAST_ALIKE else None


class Asked:
    """The name asked about, with what its words have to do with each listed word, worked out once."""

    def __init__(self, words: Sequence[Term], alike: Alike) -> None:
        self.words = words
        self.weight = sum(one.weight for one in words)
        self._alike = alike
        self._agreed: dict[Term, list[tuple[int, How, float]]] = {}

    def agreed(self, listed: Term) -> list[tuple[int, How, float]]:
        """The places of the words that agree with this one, how, and by how much."""
        found = self._agreed.get(listed)
        if found is None:
            told = ((place, credit_of(word, listed, self._alike)) for place, word in enumerate(self.words))
            found = self._agreed[listed] = [(place, *agreed) for place, agreed in told if agreed is not None]
        return found


def align(asked: Asked, listed: Sequence[Term], least: float = 0.0) -> Alignment | None:
    """The best pairing that taking the most valuable pair first finds, with its score from 0 to 1; None below `least`."""
    words = asked.words
    found = [Found(i, j, 1, 1, how, credit) for j, other in enumerate(listed) for i, how, credit in asked.agreed(other)]
    found.sort(key=lambda pair: -pair.credit * (words[pair.asked].weight + listed[pair.listed].weight))
    left, right = set(range(len(words))), set(range(len(listed)))
    # First what is surely the same, then words written together, then what only looks alike. An article may be part of a longer word.
    sure = [pair for pair in found if pair.credit >= SOUNDS and words[pair.asked].weight > ARTICLE]
    taken = _take(sure, left, right)
    if left and right and len(words) != len(listed):
        for i, run in _runs(words, left, listed, right):
            taken.append(Found(i, run[0], 1, len(run), "written together", TOGETHER))
        for j, run in _runs(listed, right, words, left):
            taken.append(Found(run[0], j, len(run), 1, "written together", TOGETHER))
    taken += _take(found, left, right)
    score = _score(asked, listed, taken)
    if score < least:
        return None
    pairs = (
        Pair(
            " ".join(one.text for one in words[pair.asked : pair.asked + pair.asked_run]),
            " ".join(one.text for one in listed[pair.listed : pair.listed + pair.listed_run]),
            pair.how,
            round(pair.credit, 3),
        )
        for pair in sorted(taken)
    )
    return Alignment(score, tuple(pairs), tuple(words[i].text for i in sorted(left)), tuple(listed[j].text for j in sorted(right)))


def _take(found: Iterable[Found], left: set[int], right: set[int]) -> list[Found]:
    """The pairs of words that are still free, in this order."""
    taken: list[Found] = []
    for pair in found:
        if pair.asked in left and pair.listed in right:
            taken.append(pair)
            left.discard(pair.asked)
            right.discard(pair.listed)
    return taken


def _runs(words: Sequence[Term], free: set[int], others: Sequence[Term], others_free: set[int]) -> list[tuple[int, list[int]]]:
    """The free words that are free neighbours of the other side written together, with those; all of them are taken."""
    found = []
    for place in sorted(free):
        run = _run_that_is(words[place], others, others_free)
        if run:
            found.append((place, run))
            free.discard(place)
            others_free.difference_update(run)
    return found


def _run_that_is(word: Term, words: Sequence[Term], free: set[int]) -> list[int] | None:
    """The two or three neighbours that together are the word."""
    for start in sorted(free):
        if words[start].folded[0] != word.folded[0] or len(words[start].text) >= len(word.text):
            continue
        for length in (2, 3):
            run = list(range(start, start + length))
            if not free.issuperset(run):
                break
            joined = "".join(words[place].text for place in run)
            if folded(joined) == word.folded or (len(sounded := consonants(word.text)) > 2 and consonants(joined) == sounded):
                return run
    return None


def _score(asked: Asked, listed: Sequence[Term], taken: Sequence[Found]) -> float:
    """What is agreed on, less what is missing on each side, both by weight."""
    agreed_asked = agreed_listed = lost = total = 0.0
    for pair in taken:
        mine = sum(one.weight for one in asked.words[pair.asked : pair.asked + pair.asked_run])
        theirs = sum(one.weight for one in listed[pair.listed : pair.listed + pair.listed_run])
        agreed_asked += mine
        agreed_listed += theirs
        weight = max(mine, theirs) if pair.how != "initial" else INITIAL_WEIGHT * max(mine, theirs)
        lost += weight * (1 - pair.credit)
        total += weight
    if not total:
        return 0.0
    missing_listed = 1 - agreed_asked / asked.weight
    missing_asked = 1 - agreed_listed / sum(one.weight for one in listed)
    return max(0.0, (1 - lost / total) * (1 - MISSING_IN_LISTED * missing_listed) * (1 - MISSING_IN_ASKED * missing_asked))
