"""Do the orders arrive in the arms as they were assigned? If not, something loses orders of one arm, and comparing the arms is worthless.

The sequential multinomial test of Lindon and Malek (arXiv 2011.03567), for two arms: the likelihood of the counts under a Dirichlet mixture
of shares over their likelihood under the share that was set. It may be read after every order. When the share changes, the next stage
starts a new stratum and the e-values multiply.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.special import betaln

from domain.assignment import BUCKETS, bucket_of, is_challengers
from domain.problems import BadInput
from domain.sequential import CHALLENGER, CHAMPION
from models.experiments.rollout import RolloutPolicy


@dataclass(slots=True)
class SampleRatio:
    """The check as orders stream in. `concentration` is how near to the set share the alternatives lie: the orders a prior belief is worth.

    Raises BadInput for a share outside of 0 to 10,000, a concentration or alpha that makes no sense.
    """

    share_bp: int
    concentration: float
    alpha: float
    log_e: float = 0.0
    peak: float = 0.0
    champion: int = 0
    challenger: int = 0

    def __post_init__(self) -> None:
        _sensible(self.share_bp, self.concentration)
        if not 0 < self.alpha < 1:
            raise BadInput(f"A sample ratio check needs 0 < alpha < 1, not {self.alpha}.", field="alpha")

    def add(self, arm: str) -> None:
        """One order seen in that arm. Raises BadInput for an unknown arm."""
        if arm not in (CHAMPION, CHALLENGER):
            raise BadInput(f"There is no arm {arm!r}; it is {CHAMPION} or {CHALLENGER}.", field="arm")
        share = self.share_bp / BUCKETS if arm == CHALLENGER else 1 - self.share_bp / BUCKETS
        seen = self.challenger if arm == CHALLENGER else self.champion
        if share == 0:
            # An arm that was given nothing has an order: no chance explains that.
            self.log_e = math.inf
        else:
            count = self.champion + self.challenger
            self.log_e += math.log((self.concentration * share + seen) / ((self.concentration + count) * share))
        self.peak = max(self.peak, self.log_e)
        if arm == CHALLENGER:
            self.challenger += 1
        else:
            self.champion += 1

    def next_stage(self, share_bp: int) -> None:
        """The share was changed: a new stratum, on top of the evidence so far."""
        _sensible(share_bp, self.concentration)
        self.share_bp, self.champion, self.challenger = share_bp, 0, 0

    @property
    def mismatch(self) -> bool:
        """Whether the arms are out of their shares; stays so once it was."""
        return self.peak >= -math.log(self.alpha)


def log_e_path(is_challenger: np.ndarray, share_bp: int, concentration: float) -> np.ndarray:
    """The log of the e-value after each order of one stratum, all at once: what `SampleRatio` gives one by one."""
    _sensible(share_bp, concentration)
    challenger = np.cumsum(is_challenger, dtype=np.float64)
    count = np.arange(1, len(challenger) + 1)
    share = share_bp / BUCKETS
    if share in (0, 1):
        wrong = challenger if share == 0 else count - challenger
        return np.where(wrong > 0, np.inf, 0.0)
    a, b = concentration * share, concentration * (1 - share)
    mixture = betaln(a + challenger, b + count - challenger) - betaln(a, b)
    return mixture - challenger * math.log(share) - (count - challenger) * math.log1p(-share)


@dataclass(frozen=True, slots=True)
class RatioReading:
    """What the check says: `e_value` at its highest, the orders seen, and in which stage it passed the bar (None: it did not)."""

    e_value: float
    bar: float
    mismatch: bool
    orders: int
    challenger_orders: int
    expected_challenger_orders: float
    stage: str | None

    @property
    def reason(self) -> str:
        """The sentence a person reads."""
        told = (
            f"{self.challenger_orders:,} of {self.orders:,} orders went to the challenger, {self.expected_challenger_orders:,.0f} were due"
        )
        if self.mismatch:
            return (
                f"{told}: no chance explains that (e-value {self.e_value:.3g} ≥ {self.bar:.3g}, in {self.stage}). Find what loses orders."
            )
        return f"{told}."


def sample_ratio(orders: pl.DataFrame, policy: RolloutPolicy) -> RatioReading:
    """The check over all stages of a canary (a frame of `canary_orders`), oldest order first."""
    carried = peak = due = 0.0
    crossed = None
    bar = -math.log(policy.sample_ratio_alpha)
    for (stage, share_bp), stratum in orders.group_by("stage", "share_bp", maintain_order=True):
        path = log_e_path((stratum["arm"] == CHALLENGER).to_numpy(), share_bp, policy.sample_ratio_concentration) + carried
        carried, peak = float(path[-1]), max(peak, float(path.max()))
        due += stratum.height * share_bp / BUCKETS
        if crossed is None and peak >= bar:
            crossed = stage
    return RatioReading(
        e_value=math.exp(min(peak, 700.0)),
        bar=1 / policy.sample_ratio_alpha,
        mismatch=crossed is not None,
        orders=orders.height,
        challenger_orders=orders.filter(pl.col("arm") == CHALLENGER).height,
        expected_challenger_orders=due,
        stage=crossed,
    )


def misassigned(orders: pl.DataFrame, salt: str) -> list[str]:
    """The ids of orders whose arm is not the one their id and the experiment's salt say."""
    rows = orders.select("order_id", "share_bp", "arm").iter_rows()
    return [order for order, share_bp, arm in rows if is_challengers(bucket_of(order, salt), share_bp) != (arm == CHALLENGER)]


def _sensible(share_bp: int, concentration: float) -> None:
    if not 0 <= share_bp <= BUCKETS:
        raise BadInput(f"A share must be from 0 to {BUCKETS} of {BUCKETS} orders, not {share_bp}.", field="share_bp")
    if not 0 < concentration < math.inf:
        raise BadInput(f"The concentration must be above 0, not {concentration}.", field="concentration")
