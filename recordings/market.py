"""The reference market: what the tokens are worth outside, and what gas costs, in every 12-second slot of the two weeks.

Nobody in the recording moves these prices; they are what arbitrage pulls the pools back to. Every number is rounded before anyone
reads it, so that the last bit of a logarithm, which differs between processors, decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from recordings import plan

SLOTS_PER_MINUTE = 60 // plan.SLOT_SECONDS
SLOTS_PER_YEAR = 365 * plan.SLOTS_PER_DAY
TAIL_HOURS = 2  # prices go on after the last day, for markouts
YEARLY_VOLATILITY = {"BTC": 0.27, "ETH": 0.18, "UNI": 0.36}  # of each asset's own part; the rest comes from BTC
BETA_TO_BTC = {"BTC": 1.0, "ETH": 1.15, "UNI": 1.25}
NORMAL_BASE_FEE_GWEI, SPIKE_BASE_FEE_GWEI = 22.0, 260.0


@dataclass(frozen=True, slots=True)
class Market:
    """Prices in US dollars by symbol and the base fee in wei, one value a slot from the start of the first day."""

    prices: Mapping[str, list[float]]
    base_fees: list[int]
    activity: list[float]  # how busy traders are, 1 on average

    def price(self, symbol: str, slot: int) -> float:
        """What one whole token is worth in a slot."""
        return self.prices[symbol][slot]

    def minute_bars(self, address_of: Mapping[str, str], days: int) -> pl.DataFrame:
        """One price a minute and token, in the shape a recording holds them."""
        minutes = days * 1440 + TAIL_HOURS * 60
        times = [datetime.fromtimestamp(plan.START, UTC) + timedelta(minutes=minute) for minute in range(minutes)]
        frames = []
        for token in plan.TOKENS:
            series = self.prices[token.symbol][: minutes * SLOTS_PER_MINUTE : SLOTS_PER_MINUTE]
            frames.append(pl.DataFrame({"token": [address_of[token.symbol]] * minutes, "timestamp": times, "price_usd": series}))
        return pl.concat(frames).with_columns(
            pl.col("timestamp").cast(pl.Datetime("us", "UTC")), pl.lit("simulated reference market").alias("source")
        )


def simulate(seed: int) -> Market:
    """The market of this seed. The path does not depend on how many days of it are used."""
    slots = plan.DAYS * plan.SLOTS_PER_DAY + (TAIL_HOURS * 3600) // plan.SLOT_SECONDS + 1
    draw = np.random.default_rng([seed, 1])
    hour = (np.arange(slots) % plan.SLOTS_PER_DAY) * plan.SLOT_SECONDS / 3600
    day = np.arange(slots) // plan.SLOTS_PER_DAY
    season = 1 + 0.45 * np.cos((hour - 15.5) / 24 * 2 * np.pi) + 0.10 * np.cos((hour - 9) / 12 * 2 * np.pi)
    turmoil = np.where(day == plan.VOLATILE_DAY, 3.0, 1.0)
    slow_volatility = np.exp(_wander(draw, slots, half_life_hours=7, deviation=0.30))
    volatility = season**0.5 * turmoil * slow_volatility

    steps = {name: draw.standard_normal(slots) * sigma / np.sqrt(SLOTS_PER_YEAR) for name, sigma in YEARLY_VOLATILITY.items()}
    # News arrives as jumps; the volatile day has more of them. Moods that last for hours are what a trend follower lives on.
    news = draw.random(slots) < np.where(day == plan.VOLATILE_DAY, 6.0, 0.5) / plan.SLOTS_PER_DAY
    jumps = np.where(news, draw.normal(0, 0.006, slots), 0.0)
    mood = _wander(draw, slots, half_life_hours=6, deviation=0.0011) / (3600 / plan.SLOT_SECONDS)
    shared = steps["BTC"] * volatility + jumps + mood
    paths = {"WBTC": shared}
    paths["WETH"] = BETA_TO_BTC["ETH"] * shared + steps["ETH"] * volatility
    paths["UNI"] = BETA_TO_BTC["UNI"] * shared + steps["UNI"] * volatility
    logs = {symbol: np.cumsum(path) - path[0] for symbol, path in paths.items()}
    logs["USDC"] = _wander(draw, slots, half_life_hours=10, deviation=0.00012)
    logs["DAI"] = _wander(draw, slots, half_life_hours=5, deviation=0.00035)
    prices = {
        token.symbol: np.round(token.opening_price_usd * np.exp(logs[token.symbol]), token.price_digits).tolist() for token in plan.TOKENS
    }
    base_fees = _base_fees(draw, slots, hour, day, volatility)
    activity = np.round(season * np.where(day == plan.VOLATILE_DAY, 1.5, 1.0) * slow_volatility**0.4, 4)
    return Market(prices, base_fees, activity.tolist())


def _wander(draw: np.random.Generator, slots: int, *, half_life_hours: float, deviation: float) -> np.ndarray:
    """A path that always drifts back to zero (Ornstein-Uhlenbeck), in slots."""
    keep = 0.5 ** (plan.SLOT_SECONDS / 3600 / half_life_hours)
    shocks = draw.standard_normal(slots) * deviation * np.sqrt(1 - keep**2)
    path = np.empty(slots)
    level = 0.0
    for slot in range(slots):
        level = keep * level + shocks[slot]
        path[slot] = level
    return path


def _base_fees(draw: np.random.Generator, slots: int, hour: np.ndarray, day: np.ndarray, volatility: np.ndarray) -> list[int]:
    """Wei per gas: wandering around its usual level, dearer in busy hours, with one spike of two hours."""
    usual = NORMAL_BASE_FEE_GWEI * np.exp(_wander(draw, slots, half_life_hours=3, deviation=0.20) + draw.normal(0, 0.03, slots))
    usual = usual * np.clip(volatility, 0.6, 3.0) ** 0.4
    first, last = plan.GAS_SPIKE_HOURS
    rise = np.clip((hour - first) / 0.2, 0, 1) * np.clip((last - hour) / 0.3, 0, 1) * (day == plan.GAS_SPIKE_DAY)
    gwei = np.round(usual * (1 - rise) + SPIKE_BASE_FEE_GWEI * np.exp(draw.normal(0, 0.08, slots)) * rise, 3)
    return [round(value * 1000) * 10**6 for value in gwei.tolist()]
