"""The reference market has the days it was planned to have."""

from __future__ import annotations

from itertools import pairwise
from math import log
from statistics import mean, median, pstdev

from recordings import plan
from recordings.market import TAIL_HOURS, simulate
from tests.recordings.stages import market


def day(values: list, number: int) -> list:
    return values[number * plan.SLOTS_PER_DAY : (number + 1) * plan.SLOTS_PER_DAY]


def volatility(prices: list[float]) -> float:
    return pstdev(log(after / before) for before, after in pairwise(prices[::5]))


def test_the_same_seed_gives_the_same_market_and_another_seed_another():
    assert simulate(7) == market()
    assert simulate(8).prices["WETH"] != market().prices["WETH"]


def test_the_volatile_day_is_the_most_volatile():
    by_day = [volatility(day(market().prices["WETH"], number)) for number in range(plan.DAYS)]
    others = by_day[: plan.VOLATILE_DAY] + by_day[plan.VOLATILE_DAY + 1 :]
    assert by_day[plan.VOLATILE_DAY] > 1.5 * max(others)


def test_gas_is_at_least_five_times_as_dear_during_the_spike():
    fees = market().base_fees
    first, last = (int(hour * 300) + plan.GAS_SPIKE_DAY * plan.SLOTS_PER_DAY for hour in plan.GAS_SPIKE_HOURS)
    assert median(fees[first + 90 : last - 90]) > 5 * median(fees)
    assert 15e9 < mean(fees) < 45e9


def test_dollars_stay_near_a_dollar():
    for symbol in ("USDC", "DAI"):
        assert all(0.99 < price < 1.01 for price in market().prices[symbol])


def test_there_is_one_price_a_minute_and_token_and_they_go_on_after_the_last_day():
    bars = market().minute_bars({token.symbol: f"0x{token.symbol}" for token in plan.TOKENS}, days=2)
    assert bars.height == len(plan.TOKENS) * (2 * 1440 + TAIL_HOURS * 60)
    weth = bars.filter(bars["token"] == "0xWETH")
    assert weth["price_usd"].to_list()[:2] == market().prices["WETH"][:10:5]
    assert (weth["timestamp"].diff().drop_nulls().dt.total_seconds() == 60).all()
