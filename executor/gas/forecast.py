"""Which tip gets a transaction in, with which probability: read off what got in lately, and claimed no higher than that can bear.

For each block of the history one number is kept, the tip below which a tenth of its gas paid: a little above the least that got in,
because the least is often the builder's own (in sixteen real blocks of 2021 and 2022 up to 22 % of the gas paid no tip at all).
A forecast is that level of the last blocks times a factor, and the factor is an order statistic of what the same rule would have
needed on each stretch of the history. If the next stretch is as likely as any other to rank where it ranks, the claim is exact: the
r-th of n factors covers with probability r / (n + 1), whatever the distribution.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median
from typing import Any, NamedTuple

from domain.problems import Unavailable
from executor.chain.node import number

# The percentile of a block's gas whose tip stands for what got in.
LEVEL_PERCENTILE = 10
# How many of the last blocks tell the level of the moment.
RECENT = 5
# Wei per gas added before two tips are compared, so that a level of nothing can be compared too.
SMALL_TIP = 10_000_000


@dataclass(frozen=True, slots=True)
class FeeHistory:
    """Some blocks in a row: the level of tips in each (None where nothing was in it), and the base fee of the block that comes next."""

    newest: int
    levels: Sequence[int | None]
    next_base_fee: int


class Tip(NamedTuple):
    """A tip in wei per gas, and the probability with which it is enough; 0 when nothing is known."""

    wei: int
    probability: float


def read_history(told: Any) -> FeeHistory:
    """The answer of eth_feeHistory, asked with the one percentile above. Raises Unavailable when it is none."""
    if not isinstance(told, Mapping):
        raise Unavailable(f"The node answered {told!r:.60} for its fee history; ask again.", method="eth_feeHistory")
    fees, rewards, ratios = told.get("baseFeePerGas") or [], told.get("reward") or [], told.get("gasUsedRatio") or []
    if len(fees) != len(ratios) + 1 or not ratios:
        raise Unavailable("The node's fee history is not whole; ask again.", method="eth_feeHistory")
    levels = [number(reward[0], "reward") if ratio > 0 and reward else None for reward, ratio in zip(rewards, ratios, strict=False)]
    newest = number(told.get("oldestBlock"), "oldestBlock") + len(ratios) - 1
    return FeeHistory(newest, levels, number(fees[-1], "baseFeePerGas"))


def forecast(levels: Sequence[int | None], blocks: int, probability: float) -> Tip | None:
    """The least tip that is enough in at least one of the next `blocks` blocks with that probability, and what can be claimed of it.

    With too few blocks to claim so much, the largest tip that the history knows how to ask for, with the probability that this many
    blocks can bear. None when there are no blocks to learn from.
    """
    known = [level for level in levels if level is not None]
    factors = sorted((min(known[at : at + blocks]) + SMALL_TIP) / _level(known[:at]) for at in range(RECENT, len(known) - blocks + 1))
    if not factors:
        return None
    count = len(factors)
    rank = min(ceil(probability * (count + 1) - 1e-9), count)
    factor = factors[rank - 1]
    rank += sum(1 for other in factors[rank:] if other <= factor)  # as good as others that needed the same
    return Tip(max(ceil(factor * _level(known)) - SMALL_TIP, 0), rank / (count + 1))


def _level(known: Sequence[int]) -> float:
    return median(known[-RECENT:]) + SMALL_TIP
