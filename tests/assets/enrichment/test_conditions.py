"""Conditions: a pool's hour, from numbers that can be checked in the head."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from math import log, sqrt
from typing import Any

import polars as pl
import pytest

from assets.chain import gas_prices, pool_states, swaps
from assets.enrichment.conditions import conditions
from assets.enrichment.depth import depths_of
from tests.assets.enrichment.market import DAY, MIDNIGHT, POOL, POOLS, frame_of, prices, proof, proofs

HOUR = timedelta(hours=1)
PAIR = {"chain_id": 1, "pool": POOL, "venue": "sushiswap", "protocol": "constant_product", "fee_pips": 3000}
# A thousand WETH and three million USDC: the price is 3,000.
STATE = {**PAIR, "hour": MIDNIGHT, "reserve0": Decimal(10**21), "reserve1": Decimal(3 * 10**12), "price": 3000.0}
ALL_DAY = prices({seconds: 3000.0 for seconds in range(0, 25 * 3600, 300)})


def swap(seconds: int, weth: float, usdc: float, log: int = 0) -> dict[str, Any]:
    amounts = {"amount0": Decimal(round(weth * 1e18)), "amount1": Decimal(round(usdc * 1e6))}
    return {
        "chain_id": 1,
        "pool": POOL,
        "block_number": seconds,
        "log_index": log,
        "block_time": MIDNIGHT + timedelta(seconds=seconds),
        "day": DAY,
        **amounts,
    }


def hours_of(
    states: list[dict] = [STATE],  # noqa: B006  (never changed)
    trades: list[dict] = [],  # noqa: B006
    events: list[dict] = [],  # noqa: B006
    fees: list[dict] = [],  # noqa: B006
    market: pl.DataFrame = ALL_DAY,
    pools: pl.DataFrame = POOLS,
) -> list[dict]:
    known = frame_of(pool_states.TABLE, *states)
    gas = frame_of(gas_prices.TABLE, *fees)
    found = conditions([DAY], known, depths_of(known), pools, frame_of(swaps.TABLE, *trades), proofs(*events), gas, market)
    return list(found.iter_rows(named=True))


def test_every_hour_of_the_day_has_a_row_and_a_quiet_one_keeps_the_state_before_it():
    later = {**STATE, "hour": MIDNIGHT + 5 * HOUR, "price": 3100.0}

    found = hours_of([STATE, later])

    assert [row["hour"] for row in found] == [MIDNIGHT + n * HOUR for n in range(24)]
    assert [row["close_price"] for row in found] == [3000.0] * 5 + [3100.0] * 19
    assert all(row["swaps"] == 0 and row["volume_usd"] is None for row in found)


def test_a_pool_has_no_hours_before_its_first_known_state():
    found = hours_of([{**STATE, "hour": MIDNIGHT + 20 * HOUR}])

    assert [row["hour"] for row in found] == [MIDNIGHT + n * HOUR for n in range(20, 24)]


def test_the_state_of_the_day_before_is_carried_over_midnight():
    found = hours_of([{**STATE, "hour": MIDNIGHT - HOUR}])

    assert len(found) == 24
    assert found[0]["close_price"] == 3000.0


def test_volume_counts_each_swap_once_in_dollars():
    first, *_ = hours_of(trades=[swap(60, 1, -3000), swap(120, -2, 6000)])

    assert first["swaps"] == 2
    assert first["volume_usd"] == 9000.0


def test_a_swap_whose_first_token_has_no_price_is_worth_its_second():
    only_usdc = ALL_DAY.filter(pl.col("token") == "0xusdc")

    first, *_ = hours_of(trades=[swap(60, 1, -2990)], market=only_usdc)

    assert first["volume_usd"] == 2990.0
    assert first["depth_sell_50bps_usd"] is not None
    assert first["reference_price"] is None


def test_without_any_price_dollars_are_unknown_and_prices_are_not():
    first, *_ = hours_of(trades=[swap(60, 1, -2990)], market=prices({}))

    assert first["volume_usd"] is None and first["depth_sell_50bps_usd"] is None
    assert first["swaps"] == 1 and first["close_price"] == 3000.0


def test_volatility_is_the_root_of_the_summed_squared_returns():
    first, second, *_ = hours_of(
        events=[proof(1, 3000.0, 3030.0), proof(2, 3030.0, 3000.0), proof(3, 3000.0, 3000.0, kind="mint", how=None)]
    )

    assert first["realised_volatility"] == pytest.approx(sqrt(2) * log(1.01), rel=1e-6)
    assert second["realised_volatility"] is None


def test_depth_is_told_in_dollars_of_the_first_token():
    first, *_ = hours_of()

    # Half a per cent of price is a quarter per cent of a thousand WETH at 3,000 dollars.
    assert first["depth_buy_50bps_usd"] == pytest.approx(7_460, rel=1e-3)
    assert first["depth_sell_50bps_usd"] == pytest.approx(7_539, rel=1e-3)
    assert first["depth_buy_10bps_usd"] < first["depth_buy_50bps_usd"] < first["depth_buy_100bps_usd"]


def test_the_spread_is_positive_when_the_pool_is_dearer_than_the_market():
    cheaper = prices({seconds: 2970.0 for seconds in range(0, 25 * 3600, 300)})

    first, *_ = hours_of(market=cheaper)

    assert first["reference_price"] == 2970.0
    assert first["spread_to_reference_bps"] == pytest.approx(10_000 * 30 / 2970)


def test_the_base_fee_is_the_mean_of_the_hours_blocks():
    fees = [
        {"chain_id": 1, "block_number": n, "block_time": MIDNIGHT + timedelta(minutes=n), "base_fee_per_gas": fee, "day": DAY}
        for n, fee in ((1, Decimal(10**10)), (2, Decimal(3 * 10**10)), (3, None))
    ]

    first, second, *_ = hours_of(fees=fees)

    assert first["base_fee_gwei"] == 20.0
    assert second["base_fee_gwei"] is None
