"""Null data of the same shape: the same minutes, as violent, as liquid and as full of gaps, in which no direction can be foreseen.

Each minute, with the step to the next one's open, goes up or down by a coin of its own. What is known when an order is decided says
nothing about the coins still to fall, so no policy can save by choosing its moment: on such bars whoever promotes, promotes noise.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from models.minute_bars import TICKS, Bars


def without_direction(bars: Bars, seed: int) -> Bars:
    """The bars mirrored minute by minute where the coin says so, opens chained again.

    A mirrored minute has its high for its low, and the flow that would have made it: what left the pool came in.
    """
    frame = bars.frame
    opens = frame["openTick"].to_numpy().astype(np.int64)
    coin = np.random.default_rng(seed).integers(0, 2, frame.height) * 2 - 1
    chained = np.concatenate([opens[:1], opens[0] + np.cumsum(coin[:-1] * np.diff(opens))])
    side = pl.Series("side", coin)
    kept = side == 1
    inside = {name: frame[name].cast(pl.Int64) - pl.Series(opens) for name in (*TICKS, "settled_tick")}
    inside["lowestTick"], inside["highestTick"] = (
        inside["lowestTick"].zip_with(kept, inside["highestTick"]),
        inside["highestTick"].zip_with(kept, inside["lowestTick"]),
    )
    ticks = [(values * side + pl.Series(chained)).cast(pl.Int32).alias(name) for name, values in inside.items()]
    flow = []
    for token in "01":
        net, came_in = frame[f"netAmount{token}"], frame[f"inAmount{token}"]
        flow += [net.zip_with(kept, -net).alias(net.name), came_in.zip_with(kept, came_in - net).alias(came_in.name)]
    return replace(bars, frame=frame.with_columns(*ticks, *flow).select(frame.columns))


def arms_by_coin(trials: pl.DataFrame, seed: int, block_hours: int = 24) -> pl.DataFrame:
    """Paired trials in which a coin per block decides which arm bears whose costs.

    A true null whatever the actions save by their mechanics: a block's saving is as likely to have one sign as the other.
    """
    if trials.is_empty():
        return trials
    start = trials["arrived_at"].dt.truncate("1d").min()
    block = ((trials["arrived_at"] - start).dt.total_hours() // block_hours).to_numpy()
    coin = np.random.default_rng(seed).integers(0, 2, int(block.max()) + 1).astype(bool)
    stay = pl.Series(coin[block])
    champion, challenger = trials["champion_cost_bps"], trials["challenger_cost_bps"]
    return trials.with_columns(
        champion_cost_bps=champion.zip_with(stay, challenger), challenger_cost_bps=challenger.zip_with(stay, champion)
    )
