"""Null data: as violent, liquid and holed as the real minutes, and nothing in it can be foreseen."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from models.experiments.decision import decide
from models.experiments.policy import PromotionPolicy
from models.minute_bars import COLUMNS, sift
from models.minute_null import arms_by_coin, without_direction
from tests.models.minutes import START, minute_bars, minute_rows


def as_rows(bars):
    """The bars as a file would tell them."""
    text = [pl.col(name).cast(pl.String) for name in ("netAmount0", "netAmount1", "inAmount0", "inAmount1", "currentLiquidity")]
    return bars.frame.with_columns(text).select(*COLUMNS)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.floats(0, 1))
def test_for_any_seed_the_null_bars_are_bars_of_the_same_shape(seed, repeat):
    bars = minute_bars(300, repeat=repeat, seed=seed)
    null = without_direction(bars, seed)
    again = sift(as_rows(null))
    assert (again.set_aside.height, again.gaps) == (0, bars.gaps)
    told, made = bars.frame, null.frame
    assert made["timestamp"].equals(told["timestamp"]) and made["currentLiquidity"].equals(told["currentLiquidity"])
    steps, moved = (frame["openTick"].cast(pl.Int64).diff().drop_nulls() for frame in (told, made))
    assert moved.abs().to_list() == steps.abs().to_list()
    widths = [(frame["highestTick"] - frame["lowestTick"]).to_list() for frame in (told, made)]
    assert widths[0] == widths[1]
    for token in "01":
        # What came in and what left may change places; neither becomes another amount.
        pairs = [
            [sorted(pair) for pair in zip(came_in, (came_in - frame[f"netAmount{token}"]), strict=True)]
            for frame in (told, made)
            for came_in in [frame[f"inAmount{token}"]]
        ]
        assert pairs[0] == pairs[1]


def test_gaps_stay_and_steps_over_them_too():
    rows = minute_rows(200)
    bars = sift(rows.filter(pl.col("timestamp") != START + timedelta(minutes=50)))
    null = without_direction(bars, 1)
    assert null.gaps == bars.gaps and len(null.gaps) == 1


def test_steps_that_repeat_no_longer_do():
    bars = minute_bars(5_000, repeat=1.0)

    def alike(frame):
        steps = np.diff(frame["openTick"].to_numpy().astype(float))
        return float(np.corrcoef(steps[1:], steps[:-1])[0, 1])

    assert alike(bars.frame) > 0.45
    assert max(abs(alike(without_direction(bars, seed).frame)) for seed in range(20)) < 0.06


def test_the_same_seed_throws_the_same_coins():
    bars = minute_bars(100)
    assert without_direction(bars, 3).frame.equals(without_direction(bars, 3).frame)
    assert not without_direction(bars, 3).frame.equals(without_direction(bars, 4).frame)


def paired(days: int = 25, saving: float = 2.0, seed: int = 1) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    count = days * 48
    champion = 10 + rng.normal(0, 3, count)
    return pl.DataFrame(
        {
            "arrived_at": [START + timedelta(minutes=30 * n) for n in range(count)],
            "champion_cost_bps": champion,
            "challenger_cost_bps": champion - saving + rng.normal(0, 3, count),
        },
        schema_overrides={"arrived_at": pl.Datetime("us", "UTC")},
    )


def test_swapped_by_a_coin_a_real_saving_is_nobody_s():
    policy = PromotionPolicy.read()
    trials = paired()
    assert decide(trials, policy)[0].verdict == "PROMOTE"
    verdicts = [decide(arms_by_coin(trials, seed), policy)[0].verdict for seed in range(100)]
    assert verdicts.count("PROMOTE") <= 1


def test_whole_blocks_change_arms_and_no_cost_changes():
    trials = paired(days=4)
    swapped = arms_by_coin(trials, 2)
    days = pl.col("arrived_at").dt.date()
    same = swapped.select(days.alias("day"), same=pl.col("champion_cost_bps") == trials["champion_cost_bps"])
    assert all(flags.n_unique() == 1 for (_,), day in same.group_by("day") for flags in [day["same"]])
    assert set(same["same"]) == {True, False}
    for frame in (trials, swapped):
        assert (frame["champion_cost_bps"] + frame["challenger_cost_bps"]).sum() == (
            trials["champion_cost_bps"] + trials["challenger_cost_bps"]
        ).sum()


def test_no_trials_have_no_arms_to_swap():
    assert arms_by_coin(paired().clear(), 1).is_empty()
