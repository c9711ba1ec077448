"""Sharing whole numbers so that the parts always add up: money, weights and credits are never a unit more or less than their total."""

from __future__ import annotations

from collections.abc import Sequence


def share(total: int, part: int, whole: int) -> int:
    """`part` of `whole` of the total, to the nearest unit; the rest of the total belongs to the rest of the whole."""
    size = (2 * abs(total) * part + whole) // (2 * whole)
    return -size if total < 0 else size


def split(total: int, weights: Sequence[int]) -> list[int]:
    """The total in parts proportional to the weights, by largest remainder: the parts always add up to the total.

    Equal remainders are served first come, first served, so that the same input always gives the same parts. Weights that are all
    zero count as equal. Raises ValueError for a negative weight, or when there is a total and nobody to take it.
    """
    if any(weight < 0 for weight in weights):
        raise ValueError(f"Weights are zero or positive, got {list(weights)}.")
    if not weights:
        if total:
            raise ValueError(f"Nothing to split {total} over.")
        return []
    whole = sum(weights)
    if not whole:
        weights, whole = [1] * len(weights), len(weights)
    sign, size = (-1, -total) if total < 0 else (1, total)
    parts = [size * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(size * weights[i] % whole), i))
    for i in by_remainder[: size - sum(parts)]:
        parts[i] += 1
    return [sign * part for part in parts]


def rounded(numerators: Sequence[int], denominator: int) -> list[int]:
    """Fractions of a positive denominator as whole units, by largest remainder: they add up to the fractions' sum, rounded down.

    Fractions may be negative, each is off by less than one unit, a whole one is never touched, equal remainders are served first come,
    first served. Raises ValueError for a denominator that is not positive.
    """
    if denominator < 1:
        raise ValueError(f"A denominator is at least 1, not {denominator}.")
    parts = [numerator // denominator for numerator in numerators]
    over = sum(numerators) // denominator - sum(parts)
    if over:
        # Fewer units are over than there are remainders, so whoever has none is never served. Sorting keeps the order of equals.
        lacking = [-(numerator % denominator) for numerator in numerators]
        for i in sorted(range(len(parts)), key=lacking.__getitem__)[:over]:
            parts[i] += 1
    return parts


def apportion(total: int, weights: Sequence[int]) -> list[int]:
    """The total in parts proportional to weights that may be negative, as long as their sum is not zero; the parts add up to it.

    Raises ValueError when the weights add up to nothing.
    """
    whole = sum(weights)
    if not whole:
        raise ValueError(f"Nothing can be divided by weights that add up to nothing: {list(weights)}.")
    sign = 1 if whole > 0 else -1
    return rounded([sign * total * weight for weight in weights], sign * whole)
