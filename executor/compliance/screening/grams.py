"""Which listed names could be meant at all: those that share rare groups of three letters with the name asked about."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Sequence

import numpy as np


def grams_of(words: Sequence[str]) -> set[str]:
    """Groups of three letters of the words; an edge of a word counts as a letter. Short words are groups by themselves."""
    found: set[str] = set()
    for word in words:
        told = f" {word} "
        found.update(told[place : place + 3] for place in range(len(told) - 2))
    return found


class GramIndex:
    """Names by their groups of letters. Each is a list of words, in the order of their numbers."""

    def __init__(self, names: Sequence[Sequence[str]]) -> None:
        places: defaultdict[str, array[int]] = defaultdict(lambda: array("i"))
        for number, words in enumerate(names):
            for gram in grams_of(words):
                places[gram].append(number)
        self._size = len(names)
        self._places = {gram: np.frombuffer(numbers, dtype=np.int32) for gram, numbers in places.items()}
        self._rarity = {gram: float(np.log(1 + self._size / len(numbers))) for gram, numbers in self._places.items()}
        norms = np.zeros(self._size)
        for gram, numbers in self._places.items():
            norms[numbers] += self._rarity[gram] ** 2
        self._norms = np.sqrt(np.maximum(norms, 1e-9))

    def nearest(self, words: Sequence[str], most: int) -> list[int]:
        """The numbers of the names that share the most, at most so many, in no order."""
        shared = [gram for gram in grams_of(words) if gram in self._places]
        if not shared:
            return []
        numbers = np.concatenate([self._places[gram] for gram in shared])
        weights = np.concatenate([np.full(len(self._places[gram]), self._rarity[gram] ** 2) for gram in shared])
        likeness = np.bincount(numbers, weights, self._size) / self._norms
        chosen = np.argpartition(-likeness, most)[:most] if most < self._size else np.arange(self._size)
        return [int(number) for number in chosen if likeness[number] > 0]
