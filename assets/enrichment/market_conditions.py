"""Market conditions: volatility, depth and spread of each pool, hour by hour."""

import dagster as dg
import polars as pl

from assets import pictures
from assets.chain import event_proofs, gas_prices, pool_states, pools, reference_prices, swaps
from assets.chain.recorded_chain import RecordedChain, inside_days
from assets.enrichment.conditions import conditions
from assets.enrichment.day_numbers import tell_day_numbers
from assets.enrichment.depth import depths_of
from assets.enrichment.market_prices import market_prices
from assets.partitions import Span, the_day_and_the_one_before
from assets.tables import daily
from assets.warehouse import Warehouse
from domain.schemas import CHAIN, COUNT, DATE, POOL, RATIO, TIME, Column, Table, columns

TABLE = Table(
    "market_conditions",
    row="One pool in one hour.",
    columns=columns(
        CHAIN,
        POOL,
        Column("hour", TIME, "Start of the hour, UTC."),
        Column("swaps", COUNT, "Swaps in the hour."),
        Column("volume_usd", RATIO, "Value traded, dollars.", nullable=True),
        Column("close_price", RATIO, "Mid price at the hour's end, whole second token per whole first token."),
        Column(
            "realised_volatility",
            RATIO,
            "Square root of the sum of squared log returns over the hour's swaps, as a fraction per hour.",
            nullable=True,
        ),
        Column(
            "depth_buy_10bps_usd",
            RATIO,
            "Dollars that can be bought (first token) before the price moves 10 bps, from the pool's own ticks.",
            nullable=True,
        ),
        Column(
            "depth_sell_10bps_usd",
            RATIO,
            "Dollars that can be sold (first token) before the price moves 10 bps, from the pool's own ticks.",
            nullable=True,
        ),
        Column(
            "depth_buy_50bps_usd",
            RATIO,
            "Dollars that can be bought (first token) before the price moves 50 bps, from the pool's own ticks.",
            nullable=True,
        ),
        Column(
            "depth_sell_50bps_usd",
            RATIO,
            "Dollars that can be sold (first token) before the price moves 50 bps, from the pool's own ticks.",
            nullable=True,
        ),
        Column(
            "depth_buy_100bps_usd",
            RATIO,
            "Dollars that can be bought (first token) before the price moves 100 bps, from the pool's own ticks.",
            nullable=True,
        ),
        Column(
            "depth_sell_100bps_usd",
            RATIO,
            "Dollars that can be sold (first token) before the price moves 100 bps, from the pool's own ticks.",
            nullable=True,
        ),
        Column("reference_price", RATIO, "Price of the first token in the second on the external market.", nullable=True),
        Column("spread_to_reference_bps", RATIO, "Pool's price above the reference, bps.", nullable=True),
        Column("base_fee_gwei", RATIO, "Mean base fee of the hour, gwei.", nullable=True),
        DATE,
    ),
    key=(
        "pool",
        "hour",
    ),
)


@daily(
    TABLE,
    deps=[
        dg.AssetDep(pool_states.TABLE.name, partition_mapping=the_day_and_the_one_before),
        pools.TABLE.name,
        swaps.TABLE.name,
        event_proofs.TABLE.name,
        gas_prices.TABLE.name,
        reference_prices.TABLE.name,
    ],
)
def market_conditions(context: dg.AssetExecutionContext, warehouse: Warehouse, recorded_chain: RecordedChain) -> dg.MaterializeResult:
    """Each pool, hour by hour: volatility, depth, spread.

    Depth is exact: the pool's own mathematics, asked how much it trades before its price has moved by 10, 50 and 100 bps. An hour in
    which nothing happened has the depth and price of the hour before.
    """
    span = inside_days(recorded_chain.recording(), Span.of(context))
    states = warehouse.read(pool_states.TABLE, span.widened(before=1))
    rows = conditions(
        span.dates(),
        states,
        depths_of(states),
        warehouse.read(pools.TABLE),
        warehouse.read(swaps.TABLE, span),
        warehouse.read(event_proofs.TABLE, span),
        warehouse.read(gas_prices.TABLE, span),
        market_prices(warehouse, recorded_chain, span),
    ).select(TABLE.names)
    hourly = rows.group_by("hour").agg(pl.col("realised_volatility").median(), pl.col("depth_sell_50bps_usd").sum()).sort("hour")
    tell_day_numbers(context, rows.sort("pool", "hour").group_by("day").agg(pl.col("volume_usd").sum()))
    return warehouse.write(
        TABLE,
        rows,
        context,
        volatility=pictures.sparkline(hourly["realised_volatility"].drop_nulls().to_list(), "median volatility by hour"),
        depth=pictures.sparkline(hourly["depth_sell_50bps_usd"].to_list(), "dollars that all pools take within 50 bps, by hour"),
    )


@dg.asset_check(asset=market_conditions, blocking=True)
def deeper_moves_take_more_dollars(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
    """No pool trades less within 100 bps than within 50, nor within 50 than within 10."""
    shrinking = " or ".join(
        f"depth_{side}_{near}bps_usd > depth_{side}_{far}bps_usd" for side in ("buy", "sell") for near, far in ((10, 50), (50, 100))
    )
    found = warehouse.count(TABLE, shrinking, Span.of(context))
    return dg.AssetCheckResult(
        passed=found == 0, metadata={"hours_of_a_pool": warehouse.count(TABLE, "true", Span.of(context)), "shrinking": found}
    )


@dg.asset_check(asset=market_conditions)
def pools_stay_near_the_market(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
    """Nine of ten hours close within two per cent of the external market, wherever it has a price."""
    priced = warehouse.count(TABLE, "spread_to_reference_bps is not null", Span.of(context))
    far = warehouse.count(TABLE, "abs(spread_to_reference_bps) > 200", Span.of(context))
    return dg.AssetCheckResult(
        passed=far <= priced * 0.1, severity=dg.AssetCheckSeverity.WARN, metadata={"hours_with_a_price": priced, "far_away": far}
    )
