-- How busy, how deep and how close to the market was each pool each day?
with hours as (

    select * from {{ ref('stg_market_hours') }}

),

by_day as (

    select
        day,
        pool,
        cast(sum(swaps) as bigint) as swaps,
        cast(coalesce(sum(volume_usd), 0) as decimal(38, 6)) as volume_usd,
        arg_max(close_price, hour) as close_price,
        sqrt(cast(sum(realised_variance) as double)) as realised_volatility,
        cast(avg(depth_buy_50bps_usd) as double) as mean_depth_buy_50bps_usd,
        cast(avg(depth_sell_50bps_usd) as double) as mean_depth_sell_50bps_usd,
        cast(avg(abs(spread_to_reference_bps)) as double) as mean_distance_to_reference_bps
    from hours
    group by day, pool

),

traders as (

    select day, pool, count(distinct trader) as traders
    from {{ ref('stg_swaps') }}
    group by day, pool

),

final as (

    select
        by_day.day,
        by_day.pool,
        pools.pool_label,
        pools.venue,
        by_day.swaps,
        coalesce(traders.traders, 0) as traders,
        by_day.volume_usd,
        cast(by_day.volume_usd * cast(pools.fee_bps / 10000 as decimal(9, 6)) as decimal(38, 6)) as fees_usd,
        by_day.close_price,
        by_day.realised_volatility,
        by_day.mean_depth_buy_50bps_usd,
        by_day.mean_depth_sell_50bps_usd,
        by_day.mean_distance_to_reference_bps
    from by_day
    inner join {{ ref('stg_pools') }} as pools on pools.pool = by_day.pool
    left join traders on traders.day = by_day.day and traders.pool = by_day.pool
    order by by_day.day, pools.pool_label, by_day.pool

)

select * from final
